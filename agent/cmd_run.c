/* nova-migration-agent run: the agent in the foreground. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/ops/log.h"
#include "agent/settings.h"

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
    g_autofree char *config_file = NULL;
    const GOptionEntry entries[] = {
        { "config-file", 'c', 0, G_OPTION_ARG_FILENAME, &config_file,
          "read FILE (default " NMA_DEFAULT_CONFIG_FILE ")", "FILE" },
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- watch live migrations");
    g_autoptr(GError) error = NULL;
    const struct rlimit no_core = { 0, 0 };

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
        g_printerr("nova-migration-agent run: %s\n",
                   error != NULL ? error->message : "unexpected argument");
        return NMA_EXIT_USAGE;
    }
    /* transport_url's password is in our memory */
    setrlimit(RLIMIT_CORE, &no_core);
    nma_log_init();

    int signal_fd = open_signal_fd();
    if (signal_fd < 0) {
        g_critical("signalfd: %s", g_strerror(errno));
        return NMA_EXIT_FAILURE;
    }
    if (config_file == NULL)
        config_file = g_strdup(NMA_DEFAULT_CONFIG_FILE);
    NmaSettings *settings = nma_settings_load(config_file, &error);
    if (settings == NULL) {
        g_critical("%s", error->message);
        return NMA_EXIT_USAGE;
    }
    nma_log_set_level(settings->log_level);
    NmaAgent *agent = nma_agent_new(settings, config_file, &error);
    if (agent == NULL) {
        g_critical("%s", error->message);
        return NMA_EXIT_FAILURE;
    }
    nma_agent_run(agent, signal_fd);
    nma_agent_free(agent);
    close(signal_fd);
    return NMA_EXIT_OK;
}
