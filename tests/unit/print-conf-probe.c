/*
 * Reads the files named on standard input, one a line, and prints for each a line of JSON: how it
 * loads, what the parser saw, and every probe option's value.
 * tests/integration/conf/test_differential.py compares it with the real oslo.config.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/conf-probe-json.h"
#include "tests/unit/conf-probe.h"

/* the oslo.config of Debian 12, which is compared with, is that of Nova 26 */
#define RELEASE 26

static json_t *
load_of(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NctDocument) document = nct_document_read(path, &error);
    const NctSyntaxIssue *issues;
    guint n;

    if (!document)
        return json_string(g_error_matches(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_DECODE)
                               ? "decode"
                               : error->message);
    issues = nct_document_issues(document, &n);
    if (n == 0)
        return json_string("ok");
    return json_pack("[s, i]", nct_syntax_error_word(issues[0].kind), (int)issues[0].oslo_line);
}

static json_t *
options_of(const NctConfig *config)
{
    json_t *json = json_object();
    guint n;
    const NctOption *options = conf_probe_options(&n);

    for (guint i = 0; i < n; i++) {
        const NctOption *option =
            conf_probe_schema.find(&conf_probe_schema, options[i].group, options[i].name);
        g_autofree char *name = g_strdup_printf("%s/%s", options[i].group, options[i].name);
        g_auto(NctResult) result = { 0 };

        if (!option)
            continue;
        result = nct_config_read(config, option);
        json_object_set_new(json, name,
                            result.kind == NCT_RESULT_OK
                                ? json_pack("{s:o}", "value", conf_json_of_value(result.value))
                                : json_pack("{s:s}", "error", conf_word_of_result(result.kind)));
    }
    return json;
}

static void
print_file(const char *path)
{
    const char *files[] = { path, NULL };
    NctArg arg = { .kind = NCT_ARG_CONFIG_FILE, .value = files[0] };
    NctLoad load = { .schema = &conf_probe_schema,
                     .release = RELEASE,
                     .sources = { .args = &arg, .n_args = 1, .only_args = TRUE } };
    g_autoptr(NctConfig) config = nct_config_load(&load, NULL);
    json_t *json =
        json_pack("{s:o, s:o}", "load", load_of(path), "sections", conf_json_of_sections(path));

    if (config)
        json_object_set_new(json, "options", options_of(config));
    json_dumpf(json, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(json);
}

int
main(void)
{
    char path[4096];

    while (fgets(path, sizeof(path), stdin)) {
        path[strcspn(path, "\n")] = '\0';
        print_file(path);
    }
    return 0;
}
