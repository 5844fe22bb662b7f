#include "nova-conf-tool/baseline.h"

#include <jansson.h>

#include "nova-conf-tool/output/output.h"

struct NctBaseline {
    GHashTable *counts; /* fingerprint -> how many */
};

G_DEFINE_QUARK(nct_baseline_error_quark, nct_baseline_error)

NctBaseline *
nct_baseline_new(void)
{
    NctBaseline *baseline = g_new0(NctBaseline, 1);

    baseline->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return baseline;
}

void
nct_baseline_free(NctBaseline *baseline)
{
    if (!baseline)
        return;
    g_hash_table_unref(baseline->counts);
    g_free(baseline);
}

NctBaseline *
nct_baseline_read(const char *path, GError **error)
{
    g_autoptr(NctBaseline) baseline = nct_baseline_new();
    g_autofree char *text = NULL;
    gsize length;
    json_error_t failure;
    json_t *root;
    json_t *findings;
    const char *fingerprint;
    json_t *count;
    gboolean ok;

    if (!g_file_get_contents(path, &text, &length, NULL)) {
        g_set_error(error, NCT_BASELINE_ERROR, NCT_BASELINE_ERROR_READ, "%s cannot be read", path);
        return NULL;
    }
    root = json_loadb(text, length, 0, &failure);
    findings = json_object_get(root, "findings");
    ok = json_is_object(findings);
    json_object_foreach(findings, fingerprint, count)
    {
        json_int_t n = json_integer_value(count);

        g_hash_table_insert(baseline->counts, g_strdup(fingerprint),
                            GUINT_TO_POINTER((guint)CLAMP(n, 0, 1000000)));
    }
    json_decref(root);
    if (!ok) {
        g_set_error(error, NCT_BASELINE_ERROR, NCT_BASELINE_ERROR_FORMAT,
                    "%s is no baseline; write one with --write-baseline", path);
        return NULL;
    }
    return g_steal_pointer(&baseline);
}

gboolean
nct_baseline_takes(NctBaseline *baseline, const NctFinding *finding)
{
    char *fingerprint = nct_finding_fingerprint(finding);
    guint left = GPOINTER_TO_UINT(g_hash_table_lookup(baseline->counts, fingerprint));

    if (left == 0) {
        g_free(fingerprint);
        return FALSE;
    }
    g_hash_table_insert(baseline->counts, fingerprint, GUINT_TO_POINTER(left - 1));
    return TRUE;
}

void
nct_baseline_add(NctBaseline *baseline, const NctFinding *finding)
{
    char *fingerprint = nct_finding_fingerprint(finding);
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(baseline->counts, fingerprint));

    g_hash_table_insert(baseline->counts, fingerprint, GUINT_TO_POINTER(n + 1));
}

gboolean
nct_baseline_write(const NctBaseline *baseline, const char *path, GError **error)
{
    json_t *findings = json_object();
    json_t *root = json_pack("{s:i, s:o}", "schema_version", 1, "findings", findings);
    GHashTableIter iter;
    gpointer fingerprint, count;
    gboolean ok;

    g_hash_table_iter_init(&iter, baseline->counts);
    while (g_hash_table_iter_next(&iter, &fingerprint, &count))
        json_object_set_new(findings, fingerprint, json_integer(GPOINTER_TO_UINT(count)));
    ok = json_dump_file(root, path, JSON_INDENT(1) | JSON_SORT_KEYS) == 0;
    json_decref(root);
    if (!ok)
        g_set_error(error, NCT_BASELINE_ERROR, NCT_BASELINE_ERROR_WRITE, "%s cannot be written",
                    path);
    return ok;
}
