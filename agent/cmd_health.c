/* health: one word and an exit status, for probes of containers and for monitoring. */
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"

static void
print_reasons(const json_t *degraded)
{
    gsize i;
    json_t *text;

    json_array_foreach(degraded, i, text)
    {
        g_autofree char *shown =
            nma_printable(json_is_string(text) ? json_string_value(text) : "?");

        printf("%s %s", i == 0 ? ":" : ";", shown);
    }
}

int
nma_cmd_health(int argc, char **argv)
{
    g_auto(NmaCommandLine) line = { 0 };
    const char *health;
    json_t *result;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, NULL, 0, NULL,
                                "Asks the running agent whether all is well.\n"
                                "Exit status: 0 ok, 1 degraded, 3 not running.",
                                &status))
        return status;
    result = nma_command_ask(&line, "status", NULL, &status);
    if (result == NULL)
        return status;
    health = json_string_value(json_object_get(result, "health"));
    status = health != NULL && strcmp(health, "ok") == 0 ? NMA_EXIT_OK : NMA_EXIT_FAILED;
    fputs(status == NMA_EXIT_OK ? "ok" : "degraded", stdout);
    print_reasons(json_object_get(result, "degraded"));
    putchar('\n');
    json_decref(result);
    return status;
}
