/* SARIF 2.1.0: every rule is declared, found or not, so that a fixed one is seen as fixed. */
#include <jansson.h>
#include <string.h>

#include "nova-conf-tool/output/output.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *
text_of(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return json_pack("{s:s}", "text", valid);
}

static const char *
level_of(NctSeverity severity)
{
    static const char *const levels[NCT_N_SEVERITIES] = { "note", "warning", "error" };

    return levels[severity];
}

static json_t *
declare(const NctRule *rule)
{
    json_t *json = json_object();

    json_object_set_new(json, "id", json_string(rule->code));
    json_object_set_new(json, "name", json_string(rule->name));
    json_object_set_new(json, "shortDescription", text_of(rule->summary));
    json_object_set_new(json, "fullDescription", text_of(rule->explain));
    json_object_set_new(json, "defaultConfiguration",
                        json_pack("{s:s}", "level", level_of(rule->severity)));
    return json;
}

static void
begin(NctOutput *output)
{
    json_t *rules = json_array();
    json_t *driver;
    const NctRule *rule;

    for (guint i = 0; (rule = nct_rule_at(i)); i++)
        json_array_append_new(rules, declare(rule));
    driver = json_pack("{s:s, s:o}", "name", "nova-conf-tool", "rules", rules);
    fputs("{\"$schema\":\"" SCHEMA "\",\"version\":\"2.1.0\",\"runs\":[{\"columnKind\":"
          "\"unicodeCodePoints\",\"tool\":{\"driver\":",
          output->out);
    json_dumpf(driver, output->out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(driver);
    fputs("},\n\"results\":[", output->out);
}

static json_t *
uri_of(const char *path)
{
    g_autofree char *uri = g_uri_escape_string(path, "/", FALSE);

    return json_pack("{s:s}", "uri", uri);
}

static json_t *
region_of(const NctFinding *finding)
{
    json_t *region = json_pack("{s:i}", "startLine", (int)finding->line);

    if (finding->column > 0)
        json_object_set_new(region, "startColumn", json_integer(finding->column));
    if (finding->column > 0 && finding->end_column > finding->column)
        json_object_set_new(region, "endColumn", json_integer(finding->end_column));
    return region;
}

/* one replacement for each edit, over whole lines */
static json_t *
replacement_of(const NctFinding *finding, const NctEdit *edit)
{
    guint n_lines = nct_document_n_lines(finding->document);
    guint first = edit->first;
    guint last = edit->last;
    g_autoptr(GString) text = g_string_new(NULL);
    json_t *region;

    switch (edit->kind) {
    case NCT_EDIT_REPLACE:
        g_string_append_printf(text, "%s\n", edit->text);
        break;
    case NCT_EDIT_DELETE:
        break;
    case NCT_EDIT_INSERT_AFTER:
        first = last = edit->last + 1;
        g_string_append_printf(text, "%s\n", edit->text);
        break;
    case NCT_EDIT_APPEND:
        first = last = n_lines + 1;
        g_string_append_printf(text, "[%s]\n%s\n", edit->group, edit->text);
        break;
    case NCT_EDIT_COMMENT_OUT:
        for (guint line = first; line <= last; line++) {
            NctSpan raw = nct_document_line(finding->document, line);

            g_string_append(text, "# ");
            g_string_append_len(text, raw.s, (gssize)raw.n);
            g_string_append_c(text, '\n');
        }
        break;
    }
    region = json_pack("{s:i, s:i, s:i, s:i}", "startLine", (int)first, "startColumn", 1, "endLine",
                       (int)(edit->kind == NCT_EDIT_INSERT_AFTER || edit->kind == NCT_EDIT_APPEND
                                 ? first
                                 : last + 1),
                       "endColumn", 1);
    return json_pack("{s:o, s:o}", "deletedRegion", region, "insertedContent", text_of(text->str));
}

static json_t *
fix_of(const NctFinding *finding)
{
    json_t *replacements = json_array();

    for (guint i = 0; i < finding->fix->len; i++)
        json_array_append_new(replacements,
                              replacement_of(finding, &g_array_index(finding->fix, NctEdit, i)));
    return json_pack("[{s:[{s:o, s:o}]}]", "artifactChanges", "artifactLocation",
                     uri_of(finding->path), "replacements", replacements);
}

static void
write_finding(NctOutput *output, const NctFinding *finding)
{
    g_autofree char *fingerprint = nct_finding_fingerprint(finding);
    g_autofree char *message =
        g_strdup_printf("%s%s%s", finding->message, finding->advice ? "; " : "",
                        finding->advice ? finding->advice : "");
    json_t *location = json_pack("{s:o}", "artifactLocation", uri_of(finding->path));
    json_t *result;

    if (finding->line > 0)
        json_object_set_new(location, "region", region_of(finding));
    result = json_pack("{s:s, s:s, s:o, s:[{s:o}], s:{s:s}}", "ruleId", finding->rule->code,
                       "level", level_of(finding->severity), "message", text_of(message),
                       "locations", "physicalLocation", location, "partialFingerprints",
                       "novaConfTool/v1", fingerprint);
    /* a fix may hold the whole line: not where that is secret */
    if (finding->fix && finding->document && !finding->fix_is_secret)
        json_object_set_new(result, "fixes", fix_of(finding));
    fputs(output->started ? ",\n" : "\n", output->out);
    output->started = TRUE;
    json_dumpf(result, output->out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(result);
}

static void
end(NctOutput *output)
{
    fputs("]}]}\n", output->out);
}

const NctFormat nct_format_sarif = { "sarif", begin, write_finding, end };
