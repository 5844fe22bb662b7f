/* run: the agent itself, in the foreground. */
#include <stdio.h>

#include "agent/commands.h"

int
nma_cmd_run(int argc, char **argv)
{
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(NmaSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, NULL, 0, NULL,
                                "Runs the agent in the foreground.", &status))
        return status;
    settings = nma_settings_load(line.config_file, &error);
    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_USAGE;
    }
    fprintf(stderr, "%s: not yet\n", g_get_prgname());
    return NMA_EXIT_FAILED;
}
