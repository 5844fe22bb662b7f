/* The program's own JSON (schemas/nova-conf-tool-findings.schema.json) and GitLab's code quality.
 */
#include <jansson.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/finding_json.h"
#include "nova-conf-tool/output/output.h"

static void
set_text(json_t *object, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (valid)
        json_object_set_new(object, key, json_string(valid));
}

static void
write_item(NctOutput *output, json_t *item)
{
    fputs(output->started ? ",\n" : "\n", output->out);
    output->started = TRUE;
    json_dumpf(item, output->out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(item);
}

/* ---- json ---- */

static void
json_begin(NctOutput *output)
{
    const NctReleaseRow *row = nct_release_row(output->release);
    json_t *release = json_object();

    json_object_set_new(release, "number", json_integer(output->release));
    set_text(release, "name", row ? row->name : "");
    set_text(release, "chosen_by", output->release_reason);
    fputs("{\"schema_version\":1,\"tool\":\"nova-conf-tool\",\"release\":", output->out);
    json_dumpf(release, output->out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(release);
    fputs(",\"findings\":[", output->out);
}

static void
json_finding(NctOutput *output, const NctFinding *finding)
{
    write_item(output, nct_finding_to_json(finding, output->release));
}

static void
json_end(NctOutput *output)
{
    json_t *summary = json_object();

    for (guint i = 0; i < NCT_N_SEVERITIES; i++)
        json_object_set_new(summary, nct_severity_to_string((NctSeverity)i),
                            json_integer(output->counts[i]));
    json_object_set_new(summary, "files", json_integer(output->n_files));
    json_object_set_new(summary, "configurations", json_integer(output->n_configurations));
    json_object_set_new(summary, "baseline", json_integer(output->n_baseline));
    fputs("],\n\"summary\":", output->out);
    json_dumpf(summary, output->out, JSON_COMPACT);
    fputs("}\n", output->out);
    json_decref(summary);
}

const NctFormat nct_format_json = { "json", json_begin, json_finding, json_end };

/* ---- GitLab ---- */

static void
gitlab_begin(NctOutput *output)
{
    fputs("[", output->out);
}

static void
gitlab_finding(NctOutput *output, const NctFinding *finding)
{
    static const char *const severities[NCT_N_SEVERITIES] = { "info", "minor", "critical" };
    g_autofree char *fingerprint = nct_finding_fingerprint(finding);
    json_t *item = json_object();
    json_t *location = json_object();

    set_text(item, "description", finding->message);
    set_text(item, "check_name", finding->rule->code);
    set_text(item, "fingerprint", fingerprint);
    set_text(item, "severity", severities[finding->severity]);
    set_text(location, "path", finding->path);
    json_object_set_new(location, "lines", json_pack("{s:i}", "begin", (int)MAX(finding->line, 1)));
    json_object_set_new(item, "location", location);
    write_item(output, item);
}

static void
gitlab_end(NctOutput *output)
{
    fputs("]\n", output->out);
}

const NctFormat nct_format_gitlab = { "gitlab", gitlab_begin, gitlab_finding, gitlab_end };
