/* nova-conf-tool diff: what two configurations differ in, once everything is resolved. */
#include <jansson.h>
#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/cli.h"
#include "nova-conf-tool/mask.h"

typedef struct {
    const NctConfig *config;
    guint release;
} Side;

/* the effective value as text, NULL when unset */
static char *
effective_text(const Side *side, const NctOption *option)
{
    g_auto(NctResult) result = nct_config_read(side->config, option);
    NctOrigin origin = nct_config_origin(side->config, option);

    /* what cannot be resolved is compared as it stands */
    if (result.kind != NCT_RESULT_OK)
        return g_strndup(origin.text ? origin.text : "", origin.length);
    if (result.value->kind == NCT_VALUE_NONE)
        return NULL;
    return nct_value_to_text(result.value);
}

static char *
shown(const Side *side, const NctOption *option, const char *text)
{
    if (!text)
        return g_strdup("(unset)");
    return nct_mask_value((NctSpan){ text, strlen(text) },
                          nct_is_secret(side->release, option->group, option->name));
}

static char *
place(const Side *side, const NctOption *option)
{
    NctOrigin origin = nct_config_origin(side->config, option);
    g_autofree char *text = NULL;

    if (origin.kind != NCT_ORIGIN_FILE)
        return g_strdup(origin.kind == NCT_ORIGIN_ENVIRONMENT ? "environment" : "default");
    text = g_strdup_printf("%s:%u", nct_document_path(origin.entry->document), origin.entry->line);
    return g_utf8_make_valid(text, -1);
}

static void
print_side(char sign, const char *value, const char *where)
{
    g_autofree char *text = g_strdup_printf("%c %s  (%s)", sign, value, where);
    g_autofree char *printable = nct_printable(text, strlen(text), G_MAXSIZE);

    puts(printable);
}

static gboolean
compare(const Side *a, const Side *b, const NctOption *option, json_t *json)
{
    g_autofree char *left = effective_text(a, option);
    g_autofree char *right = effective_text(b, option);
    g_autofree char *left_shown = shown(a, option, left);
    g_autofree char *right_shown = shown(b, option, right);
    g_autofree char *left_place = place(a, option);
    g_autofree char *right_place = place(b, option);

    if (g_strcmp0(left, right) == 0)
        return FALSE;
    if (json)
        json_array_append_new(json, json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}}", "group",
                                              option->group, "option", option->name, "left",
                                              "value", left_shown, "origin", left_place, "right",
                                              "value", right_shown, "origin", right_place));
    if (json)
        return TRUE;
    printf("%s.%s\n", option->group, option->name);
    print_side('-', left_shown, left_place);
    print_side('+', right_shown, right_place);
    return TRUE;
}

static NctExit
compare_all(const Side *a, const Side *b, json_t *json)
{
    NctExit status = NCT_EXIT_OK;

    for (guint i = 0; i < n_nct_options; i++) {
        const NctOption *option = nct_catalogue_row_option(&nct_options[i], a->release);

        if (option && compare(a, b, option, json))
            status = NCT_EXIT_FINDINGS;
    }
    return status;
}

static int
run(int argc, char **argv)
{
    g_autofree char *format = NULL;
    const GOptionEntry entries[] = {
        { "format", 'f', 0, G_OPTION_ARG_FILENAME, &format, "text, json", "FORMAT" },
        { NULL },
    };
    g_auto(NctCli) cli = { 0 };
    g_autoptr(NctConfig) left = NULL;
    g_autoptr(NctConfig) right = NULL;
    json_t *json = NULL;
    NctExit status;
    int stop;

    nct_cli_init(&cli);
    if (!nct_cli_parse(&cli, &nct_command_diff, entries, argc, argv, &stop))
        return stop;
    if (!nct_cli_check_input(&cli, &nct_command_diff))
        return NCT_EXIT_USAGE;
    if (format && !g_str_equal(format, "json") && !g_str_equal(format, "text"))
        return nct_cli_complain(&nct_command_diff, "no format %s; there are text, json", format);
    if (cli.args->len > 0 || nct_cli_n_configurations(&cli) != 2)
        return nct_cli_complain(&nct_command_diff, "takes two FILEs, or --root twice");
    left = nct_cli_load(&cli, 0, cli.choice.release);
    right = nct_cli_load(&cli, 1, cli.choice.release);
    status = nct_cli_worse(nct_cli_load_status(left), nct_cli_load_status(right));
    if (status != NCT_EXIT_OK) {
        nct_cli_complain(&nct_command_diff,
                         "one of the two cannot be read; nova-conf-tool lint says why");
        return (int)status;
    }
    if (format && g_str_equal(format, "json"))
        json = json_array();
    status = compare_all(&(Side){ left, cli.choice.release }, &(Side){ right, cli.choice.release },
                         json);
    if (json) {
        json_dumpf(json, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(json);
    }
    return (int)status;
}

const NctCommand nct_command_diff = {
    .name = "diff",
    .arguments = "FILE FILE",
    .summary = "what two configurations differ in, once everything is resolved",
    .run = run,
};
