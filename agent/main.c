/* nova-migration-agent: picks the sub-command. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "run", nma_cmd_run, "run the agent in the foreground" },
    { "check-config", nma_cmd_check_config, "read the configuration and say what it means" },
    { "status", nma_cmd_status, "ask the running agent what it sees" },
    { "health", nma_cmd_health, "ask whether all is well (exit 0 ok, 1 degraded, 3 not running)" },
    { "history", nma_cmd_history, "tell what past migrations came to, and how forecasts compared" },

    { "audit", nma_cmd_audit, "show what the running agent found in nova.conf" },
    { "log-level", nma_cmd_log_level, "show or change the level of the running agent's log" },
    { "ping", nma_cmd_ping, "ask another host's agent, or its nova-compute, for a sign of life" },
    { "help", cmd_help, "show this help" },
    { "version", cmd_version, "show the version" },
};

static void
print_help(FILE *to)
{
    fputs("usage: nova-migration-agent COMMAND [OPTION…]\n\n", to);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(to, "  %-13s %s\n", commands[i].name, commands[i].summary);
    fputs("\nEach command explains itself with --help; see also nova-migration-agent(8).\n", to);
}

static int
cmd_help(int argc, char **argv)
{
    print_help(stdout);
    return NMA_EXIT_OK;
}

static int
cmd_version(int argc, char **argv)
{
    puts(PACKAGE_STRING);
    return NMA_EXIT_OK;
}

static int
run_command(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (argc > 1)
        fprintf(stderr, "nova-migration-agent: no command \"%s\"\n", name);
    print_help(stderr);
    return NMA_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    int status;

    setlocale(LC_CTYPE, "");
    status = run_command(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("nova-migration-agent: cannot write the output");
        return status != NMA_EXIT_OK ? status : NMA_EXIT_FAILED;
    }
    return status;
}
