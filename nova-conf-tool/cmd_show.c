/* nova-conf-tool show: effective values, and where they come from. */
#include <jansson.h>
#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/cli.h"
#include "nova-conf-tool/mask.h"

typedef struct {
    const NctConfig *config;
    guint release;
    json_t *json; /* NULL = text */
} Show;

/* "libvirt", "libvirt.cpu_mode", "my_ip" (of DEFAULT) */
static gboolean
is_meant(const char *pattern, const NctOption *option)
{
    const char *dot = strrchr(pattern, '.');
    gsize n = dot ? (gsize)(dot - pattern) : strlen(pattern);

    if (!dot)
        return g_str_equal(pattern, option->group) ||
               (g_str_equal(option->group, "DEFAULT") && g_str_equal(pattern, option->name));
    return strlen(option->group) == n && strncmp(option->group, pattern, n) == 0 &&
           g_str_equal(dot + 1, option->name);
}

static gboolean
is_wanted(char **patterns, const NctOption *option)
{
    for (char **pattern = patterns; pattern && *pattern; pattern++)
        if (is_meant(*pattern, option))
            return TRUE;
    return !patterns;
}

/* the first of them that no option of the release is meant by, or NULL */
static const char *
meaningless(char **patterns, guint release)
{
    for (; patterns && *patterns; patterns++) {
        gboolean found = FALSE;

        for (guint i = 0; i < n_nct_options && !found; i++) {
            const NctOption *option = nct_catalogue_row_option(&nct_options[i], release);

            found = option && is_meant(*patterns, option);
        }
        if (!found)
            return *patterns;
    }
    return NULL;
}

static char *
value_text(const Show *show, const NctOption *option)
{
    g_auto(NctResult) result = nct_config_read(show->config, option);
    g_autofree char *text = NULL;

    if (result.kind != NCT_RESULT_OK) {
        g_autofree char *why = nct_result_describe(&result, option);

        return g_strdup_printf("(%s)", why);
    }
    if (result.value->kind == NCT_VALUE_NONE)
        return g_strdup(option->flags & NCT_OPTION_DEFAULT_COMPUTED ? "(computed on the host)"
                                                                    : "(unset)");
    text = nct_value_to_text(result.value);
    return nct_mask_value((NctSpan){ text, strlen(text) },
                          nct_is_secret(show->release, option->group, option->name));
}

static char *
origin_text(const NctOrigin *origin, const NctOption *option)
{
    if (origin->kind == NCT_ORIGIN_FILE)
        return g_strdup_printf("%s:%u", nct_document_path(origin->entry->document),
                               origin->entry->line);
    if (origin->kind == NCT_ORIGIN_ENVIRONMENT)
        return g_strdup("environment");
    return g_strdup("default");
}

/* places that set it, too, and are overridden */
static GPtrArray *
overridden(const Show *show, const NctOption *option, const NctEntry *counts)
{
    GPtrArray *places = g_ptr_array_new_with_free_func(g_free);

    if (option->flags & NCT_OPTION_MULTI)
        return places;
    for (guint i = 0; i <= option->n_old_names; i++) {
        const char *group = i ? option->old_names[i - 1].group : option->group;
        const char *name = i ? option->old_names[i - 1].name : option->name;

        for (const NctEntry *entry = nct_config_first(show->config, group, name); entry;
             entry = entry->next)
            if (entry != counts)
                g_ptr_array_add(places, g_strdup_printf("%s:%u", nct_document_path(entry->document),
                                                        entry->line));
    }
    return places;
}

static void
show_option(Show *show, const NctOption *option)
{
    NctOrigin origin = nct_config_origin(show->config, option);
    g_autofree char *value = value_text(show, option);
    g_autofree char *text = origin_text(&origin, option);
    g_autofree char *place = g_utf8_make_valid(text, -1);
    g_autoptr(GPtrArray) others = overridden(show, option, origin.entry);
    g_autoptr(GString) line = NULL;
    g_autofree char *printable = NULL;

    if (show->json) {
        json_t *list = json_array();

        for (guint i = 0; i < others->len; i++) {
            g_autofree char *valid = g_utf8_make_valid(g_ptr_array_index(others, i), -1);

            json_array_append_new(list, json_string(valid));
        }
        json_array_append_new(show->json, json_pack("{s:s, s:s, s:s, s:s, s:o}", "group",
                                                    option->group, "option", option->name, "value",
                                                    value, "origin", place, "overrides", list));
        return;
    }
    line = g_string_new(NULL);
    g_string_printf(line, "%s.%s = %s  (%s", option->group, option->name, value, place);
    for (guint i = 0; i < others->len; i++)
        g_string_append_printf(line, "%s%s", i ? ", " : "; overrides ",
                               (const char *)g_ptr_array_index(others, i));
    printable = nct_printable(line->str, line->len, G_MAXSIZE);
    printf("%s)\n", printable);
}

static void
show_all(Show *show, char **patterns, gboolean all)
{
    for (guint i = 0; i < n_nct_options; i++) {
        const NctOption *option = nct_catalogue_row_option(&nct_options[i], show->release);
        NctOriginKind kind;

        if (!option || !is_wanted(patterns, option))
            continue;
        kind = nct_config_origin(show->config, option).kind;
        /* an option that is asked for by name is shown even at its default */
        if (!all && !patterns && kind != NCT_ORIGIN_FILE && kind != NCT_ORIGIN_ENVIRONMENT)
            continue;
        show_option(show, option);
    }
}

static int
run(int argc, char **argv)
{
    g_autofree char *format = NULL;
    gboolean all = FALSE;
    const GOptionEntry entries[] = {
        { "format", 'f', 0, G_OPTION_ARG_FILENAME, &format, "text, json", "FORMAT" },
        { "all", 'a', 0, G_OPTION_ARG_NONE, &all, "options at their defaults, too", NULL },
        { NULL },
    };
    g_auto(NctCli) cli = { 0 };
    g_autoptr(NctConfig) config = NULL;
    g_auto(GStrv) patterns = NULL;
    const char *wrong;
    Show show = { 0 };
    int status;

    nct_cli_init(&cli);
    if (!nct_cli_parse(&cli, &nct_command_show, entries, argc, argv, &status))
        return status;
    if (format && !g_str_equal(format, "json") && !g_str_equal(format, "text"))
        return nct_cli_complain(&nct_command_show, "no format %s; there are text, json", format);
    /* the arguments of this command are options, not files */
    patterns = g_steal_pointer(&cli.files);
    if (!nct_cli_check_input(&cli, &nct_command_show))
        return NCT_EXIT_USAGE;
    wrong = meaningless(patterns, cli.choice.release);
    if (wrong)
        return nct_cli_complain(&nct_command_show, "Nova %u has no option or group %s",
                                cli.choice.release, wrong);
    if (nct_cli_n_configurations(&cli) > 1)
        return nct_cli_complain(&nct_command_show, "takes one --root; diff compares two");
    config = nct_cli_load(&cli, 0, cli.choice.release);
    for (guint i = 0; i < nct_config_load_errors(config)->len; i++)
        nct_cli_complain(
            &nct_command_show, "%s",
            ((const GError *)g_ptr_array_index(nct_config_load_errors(config), i))->message);
    if (nct_config_n_documents(config) == 0) {
        if (nct_config_load_errors(config)->len == 0)
            nct_cli_complain(&nct_command_show, "no configuration file found");
        return NCT_EXIT_USAGE;
    }
    show = (Show){ config, cli.choice.release,
                   format && g_str_equal(format, "json") ? json_array() : NULL };
    show_all(&show, patterns, all);
    if (show.json) {
        json_dumpf(show.json, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
        putchar('\n');
        json_decref(show.json);
    }
    return (int)nct_cli_load_status(config);
}

const NctCommand nct_command_show = {
    .name = "show",
    .arguments = "[GROUP | GROUP.OPTION | OPTION]…",
    .summary = "effective values, and where they come from",
    .run = run,
};
