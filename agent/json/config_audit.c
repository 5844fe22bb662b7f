#include "agent/json/config_audit.h"

#include <stdlib.h>
#include <string.h>

#include "agent/json/value.h"

#define KIND "config_audit"

/* ---- writing ---- */

static json_t *
words(const char *text)
{
    g_autofree char *clean = nma_clean_text(text, NMA_TEXT_MAX_BYTES);

    return nma_json_text(clean);
}

/* 0: none */
static json_t *
place(guint number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *
finding_to_value(const NmaFinding *finding)
{
    json_t *value = json_object();

    json_object_set_new(value, "rule", words(finding->rule));
    json_object_set_new(value, "name", words(finding->name));
    json_object_set_new(value, "severity", json_string(nma_severity_to_string(finding->severity)));
    json_object_set_new(value, "file", words(finding->file));
    json_object_set_new(value, "line", place(finding->line));
    json_object_set_new(value, "column", place(finding->column));
    json_object_set_new(value, "group", words(finding->group));
    json_object_set_new(value, "option", words(finding->option));
    json_object_set_new(value, "message", words(finding->message));
    json_object_set_new(value, "advice", words(finding->advice));
    json_object_set_new(value, "source_value", words(finding->source_value));
    json_object_set_new(value, "destination_value", words(finding->destination_value));
    return value;
}

static json_t *
findings_to_value(const GPtrArray *findings)
{
    json_t *list = json_array();

    for (guint i = 0; i < findings->len; i++)
        json_array_append_new(list, finding_to_value(findings->pdata[i]));
    return list;
}

static json_t *
counts_to_value(const guint *counts)
{
    json_t *value = json_object();

    for (guint i = 0; i < NMA_N_SEVERITIES; i++)
        json_object_set_new(value, nma_severity_to_string((NmaSeverity)i), json_integer(counts[i]));
    return value;
}

static json_t *
release_to_value(const NmaAudit *audit)
{
    json_t *value = json_object();

    json_object_set_new(value, "number", json_integer(audit->release));
    json_object_set_new(value, "name", words(audit->release_name));
    json_object_set_new(value, "chosen_by", words(audit->release_reason));
    return value;
}

static json_t *
files_to_value(const NmaAudit *audit)
{
    json_t *list = json_array();

    for (guint i = 0; i < audit->files->len; i++)
        json_array_append_new(list, words(audit->files->pdata[i]));
    return list;
}

static json_t *
worst(const guint *counts)
{
    for (guint i = NMA_N_SEVERITIES; i > 0; i--)
        if (counts[i - 1] > 0)
            return json_string(nma_severity_to_string((NmaSeverity)(i - 1)));
    return json_string(nma_severity_to_string(NMA_SEVERITY_INFO));
}

static void
count(const GPtrArray *findings, guint *counts)
{
    for (guint i = 0; i < findings->len; i++)
        counts[((const NmaFinding *)findings->pdata[i])->severity]++;
}

char *
nma_audit_report_to_json(const NmaAuditReport *report, const char *host)
{
    const NmaAudit *audit = report->audit;
    const NmaIdentity *migration = report->migration;
    const GPtrArray *findings = report->differences != NULL ? report->differences : audit->findings;
    guint counts[NMA_N_SEVERITIES] = { 0 };
    json_t *value = json_object();

    if (report->differences != NULL)
        count(report->differences, counts);
    else
        memcpy(counts, audit->counts, sizeof counts);
    json_object_set_new(value, "schema_version", json_string(NMA_AUDIT_SCHEMA_VERSION));
    json_object_set_new(value, "kind", json_string(KIND));
    json_object_set_new(value, "host", words(host));
    json_object_set_new(value, "occurred_at", nma_json_time(report->occurred_wall_us));
    json_object_set_new(value, "severity", worst(counts));
    json_object_set_new(value, "release", release_to_value(audit));
    json_object_set_new(value, "files", files_to_value(audit));
    json_object_set_new(value, "counts", counts_to_value(counts));
    json_object_set_new(value, "findings", findings_to_value(findings));
    json_object_set_new(value, "left_out",
                        json_integer(report->differences != NULL ? 0 : audit->left_out));
    json_object_set_new(value, "peer",
                        migration != NULL ? words(migration->destination) : json_null());
    json_object_set_new(value, "instance_uuid",
                        migration != NULL ? nma_json_text(migration->instance_uuid) : json_null());
    json_object_set_new(value, "migration_uuid",
                        migration != NULL ? nma_json_text(migration->migration_uuid) : json_null());
    json_object_set_new(value, "attempt_id", nma_json_text(report->attempt_id));
    return nma_json_to_text(value);
}

static json_t *
values_to_value(const NmaAudit *audit)
{
    json_t *list = json_array();

    for (guint i = 0; i < audit->values->len; i++) {
        const NmaConfigValue *each = audit->values->pdata[i];
        json_t *value = json_object();

        json_object_set_new(value, "group", words(each->group));
        json_object_set_new(value, "option", words(each->option));
        json_object_set_new(value, "value", words(each->value));
        json_object_set_new(value, "origin", words(each->origin));
        json_array_append_new(list, value);
    }
    return list;
}

json_t *
nma_result_audit(const NmaAudit *audit, const char *host, gboolean with_findings)
{
    json_t *value = json_object();

    json_object_set_new(value, "host", words(host));
    json_object_set_new(value, "audited_at", nma_json_time(audit->audited_wall_us));
    json_object_set_new(value, "release", release_to_value(audit));
    json_object_set_new(value, "files", files_to_value(audit));
    json_object_set_new(value, "counts", counts_to_value(audit->counts));
    json_object_set_new(value, "findings",
                        with_findings ? findings_to_value(audit->findings) : json_null());
    json_object_set_new(value, "left_out", json_integer(audit->left_out));
    json_object_set_new(value, "values", values_to_value(audit));
    return value;
}

/* ---- reading ---- */

gboolean
nma_audit_report_is(const json_t *payload)
{
    return g_strcmp0(json_string_value(json_object_get(payload, "kind")), KIND) == 0;
}

static gboolean
is_compared(const char *group, const char *option)
{
    const NmaComparedOption *known;

    for (guint i = 0; (known = nma_compared_option(i)) != NULL; i++)
        if (g_strcmp0(known->group, group) == 0 && g_strcmp0(known->option, option) == 0)
            return TRUE;
    return FALSE;
}

static void
free_value(gpointer value)
{
    nma_config_value_free(value);
}

GPtrArray *
nma_audit_values_decode(const json_t *result)
{
    const json_t *list = json_object_get(result, "values");
    g_autoptr(GPtrArray) values = NULL;

    if (!json_is_array(list))
        return NULL;
    values = g_ptr_array_new_with_free_func(free_value);
    for (gsize i = 0; i < json_array_size(list) && i < NMA_AUDIT_MAX_VALUES; i++) {
        const json_t *each = json_array_get(list, i);
        const char *group = json_string_value(json_object_get(each, "group"));
        const char *option = json_string_value(json_object_get(each, "option"));
        g_autofree char *value = nma_json_dup_text(each, "value", NMA_AUDIT_MAX_TEXT_BYTES);
        g_autofree char *origin = nma_json_dup_text(each, "origin", NMA_AUDIT_MAX_TEXT_BYTES);

        if (is_compared(group, option))
            g_ptr_array_add(values, nma_config_value_new(group, option, value, origin));
    }
    return g_steal_pointer(&values);
}
