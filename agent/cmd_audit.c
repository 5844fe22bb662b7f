/* audit: what the running agent has found in this host's nova.conf. */
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"

/* owned; "" when there is none */
static char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? nma_printable(text) : g_strdup("");
}

static int
number_of(const json_t *object, const char *name)
{
    return (int)json_integer_value(json_object_get(object, name));
}

/* FILE:LINE:COLUMN: severity: message [RULE], as compilers do */
static void
print_finding(const json_t *finding)
{
    g_autofree char *file = text_of(finding, "file"), *severity = text_of(finding, "severity");
    g_autofree char *message = text_of(finding, "message"), *rule = text_of(finding, "rule");
    g_autofree char *advice = text_of(finding, "advice");
    int line = number_of(finding, "line"), column = number_of(finding, "column");

    fputs(*file != '\0' ? file : "nova.conf", stdout);
    if (line > 0)
        printf(":%d", line);
    if (line > 0 && column > 0)
        printf(":%d", column);
    printf(": %s: %s [%s]\n", severity, message, rule);
    if (*advice != '\0')
        printf("    %s\n", advice);
}

static void
print_all(const json_t *result)
{
    const json_t *counts = json_object_get(result, "counts");
    const json_t *release = json_object_get(result, "release");
    g_autofree char *name = text_of(release, "name"), *chosen = text_of(release, "chosen_by");
    json_t *finding;
    gsize i;

    json_array_foreach(json_object_get(result, "findings"), i, finding)
    {
        print_finding(finding);
    }
    if (number_of(result, "left_out") > 0)
        printf("and %d more: nova-conf-tool lint shows all\n", number_of(result, "left_out"));
    printf("%d errors, %d warnings, %d notes; for %s, %s\n", number_of(counts, "error"),
           number_of(counts, "warning"), number_of(counts, "info"), name, chosen);
}

int
nma_cmd_audit(int argc, char **argv)
{
    gboolean as_json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the answer as JSON", NULL },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    const json_t *counts;
    json_t *result;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, entries, 0, NULL,
                                "Asks the running agent what it found in nova.conf.\n"
                                "Exit status: 0 no errors or warnings, 1 some, 3 not running.",
                                &status))
        return status;
    result = nma_command_ask(&line, "audit", NULL, &status);
    if (result == NULL)
        return status;
    counts = json_object_get(result, "counts");
    status = number_of(counts, "error") + number_of(counts, "warning") > 0 ? NMA_EXIT_FAILED
                                                                           : NMA_EXIT_OK;
    if (as_json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_all(result);
    }
    json_decref(result);
    return status;
}
