/* log-level [LEVEL]: shows or changes the level of the running agent's log. */
#include <stdio.h>

#include "agent/commands.h"

int
nma_cmd_log_level(int argc, char **argv)
{
    g_auto(NmaCommandLine) line = { 0 };
    const char *level;
    json_t *args = NULL, *result;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, NULL, 1, "[debug|info|warning|error]",
                                "Shows the level of the running agent's log, or changes it until "
                                "the agent is restarted or reloaded.",
                                &status))
        return status;
    if (line.rest != NULL)
        args = json_pack("{s:s}", "level", line.rest[0]);
    if (line.rest != NULL && args == NULL) { /* not UTF-8 */
        fprintf(stderr, "%s: no such level\n", g_get_prgname());
        return NMA_EXIT_USAGE;
    }
    result = nma_command_ask(&line, "log-level", args, &status);
    if (result == NULL)
        return status;
    level = json_string_value(json_object_get(result, "level"));
    puts(level != NULL ? level : "unknown");
    json_decref(result);
    return NMA_EXIT_OK;
}
