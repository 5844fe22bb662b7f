/* run: the agent itself, in the foreground. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/ops/log.h"

/* Blocked before any thread is made, so that only the signalfd sees them. */
static int
open_signal_fd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
nma_cmd_run(int argc, char **argv)
{
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(GError) error = NULL;
    const struct rlimit no_core = { 0, 0 };
    int status;

    if (!nma_command_line_parse(&line, argc, argv, NULL, 0, NULL,
                                "Runs the agent in the foreground.", &status))
        return status;
    NmaSettings *settings = nma_settings_load(line.config_file, &error);
    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_USAGE;
    }
    /* transport_url's password is in our memory */
    setrlimit(RLIMIT_CORE, &no_core);
    nma_log_init();
    nma_log_set_level(settings->log_level);

    int signal_fd = open_signal_fd();
    if (signal_fd < 0) {
        g_critical("signalfd: %s", g_strerror(errno));
        nma_settings_free(settings);
        return NMA_EXIT_FAILED;
    }
    NmaAgent *agent = nma_agent_new(settings, line.config_file, &error);
    if (agent == NULL) {
        g_critical("%s", error->message);
        close(signal_fd);
        return NMA_EXIT_FAILED;
    }
    nma_agent_run(agent, signal_fd);
    nma_agent_free(agent);
    close(signal_fd);
    return NMA_EXIT_OK;
}
