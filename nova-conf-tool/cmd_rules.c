/* nova-conf-tool rules: the list; nova-conf-tool explain CODE: the page of one. */
#include <jansson.h>
#include <string.h>

#include "nova-conf-tool/cli.h"

#define WIDTH 78

/* ---- rules ---- */

static json_t *
rule_as_json(const NctRule *rule)
{
    g_autofree char *releases = nct_rule_releases(rule);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "code", rule->code, "name", rule->name,
                  "severity", nct_severity_to_string(rule->severity), "releases", releases,
                  "summary", rule->summary, "explain", rule->explain);

    if (rule->advice)
        json_object_set_new(json, "advice", json_string(rule->advice));
    if (rule->bad)
        json_object_set_new(json, "example",
                            json_pack("{s:i, s:s, s:s}", "release", (int)rule->example_release,
                                      "bad", rule->bad, "good", rule->good));
    return json;
}

static void
list_as_json(void)
{
    json_t *list = json_array();
    const NctRule *rule;

    for (guint i = 0; (rule = nct_rule_at(i)); i++)
        json_array_append_new(list, rule_as_json(rule));
    json_dumpf(list, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(list);
}

static int
run_rules(int argc, char **argv)
{
    g_autofree char *format = NULL;
    const GOptionEntry entries[] = {
        { "format", 'f', 0, G_OPTION_ARG_FILENAME, &format, "text, json", "FORMAT" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- every rule");
    g_autoptr(GError) error = NULL;
    const NctRule *rule;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return nct_cli_complain(&nct_command_rules, "%s", error->message);
    if (argc > 1)
        return nct_cli_complain(&nct_command_rules, "takes no arguments");
    if (format && g_str_equal(format, "json")) {
        list_as_json();
        return NCT_EXIT_OK;
    }
    if (format && !g_str_equal(format, "text"))
        return nct_cli_complain(&nct_command_rules, "no format %s; there are text, json", format);
    for (guint i = 0; (rule = nct_rule_at(i)); i++) {
        g_autofree char *releases = nct_rule_releases(rule);

        printf("%s  %-7s  %-12s  %s\n", rule->code, nct_severity_to_string(rule->severity),
               releases, rule->summary);
    }
    return NCT_EXIT_OK;
}

const NctCommand nct_command_rules = {
    .name = "rules",
    .arguments = "",
    .summary = "list every rule",
    .run = run_rules,
};

/* ---- explain ---- */

static void
print_wrapped(const char *text)
{
    g_auto(GStrv) paragraphs = g_strsplit(text, "\n\n", -1);

    for (char **paragraph = paragraphs; *paragraph; paragraph++) {
        g_auto(GStrv) words = g_strsplit(*paragraph, " ", -1);
        glong column = 0;

        putchar('\n');
        for (char **word = words; *word; word++) {
            glong width = g_utf8_strlen(*word, -1);

            if (column > 0 && column + 1 + width > WIDTH) {
                putchar('\n');
                column = 0;
            }
            printf("%s%s", column ? " " : "", *word);
            column += width + (column ? 1 : 0);
        }
        putchar('\n');
    }
}

static void
print_example(const char *title, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    printf("\n%s\n\n", title);
    for (char **line = lines; *line; line++)
        if (**line)
            printf("    %s\n", *line);
}

static void
explain(const NctRule *rule)
{
    g_autofree char *releases = nct_rule_releases(rule);

    printf("%s %s\n%s; Nova releases: %s%s\n", rule->code, rule->name,
           nct_severity_to_string(rule->severity), releases,
           rule->flags & NCT_RULE_COMPUTE ? "; nova-compute only" : "");
    print_wrapped(rule->summary);
    print_wrapped(rule->explain);
    if (rule->advice) {
        g_autofree char *advice = g_strdup_printf("What to do: %s.", rule->advice);

        print_wrapped(advice);
    }
    if (rule->bad) {
        g_autofree char *title = g_strdup_printf("Found in (Nova %u):", rule->example_release);

        print_example(title, rule->bad);
        print_example("Not found in:", rule->good);
    }
    printf("\nTo silence one line, put this above it:\n\n    # nova-conf-tool: ignore=%s reason\n",
           rule->code);
}

static int
run_explain(int argc, char **argv)
{
    g_autoptr(GOptionContext) context =
        g_option_context_new("CODE… - why a rule finds what it finds");
    g_autoptr(GError) error = NULL;

    if (!g_option_context_parse(context, &argc, &argv, &error))
        return nct_cli_complain(&nct_command_explain, "%s", error->message);
    if (argc < 2)
        return nct_cli_complain(&nct_command_explain,
                                "which rule? nova-conf-tool rules lists them");
    for (int i = 1; i < argc; i++) {
        const NctRule *rule = nct_rule_find(argv[i]);

        if (!rule)
            return nct_cli_complain(&nct_command_explain,
                                    "no rule %s; nova-conf-tool rules lists them", argv[i]);
        if (i > 1)
            printf("\n%s\n\n", "----");
        explain(rule);
    }
    return NCT_EXIT_OK;
}

const NctCommand nct_command_explain = {
    .name = "explain",
    .arguments = "CODE…",
    .summary = "why a rule finds what it finds, and what to do",
    .run = run_explain,
};
