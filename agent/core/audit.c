#include "agent/core/audit.h"

#include <string.h>

const char *
nma_severity_to_string(NmaSeverity severity)
{
    static const char *const names[NMA_N_SEVERITIES] = { "info", "warning", "error" };

    g_return_val_if_fail((guint)severity < NMA_N_SEVERITIES, "");
    return names[severity];
}

NmaFinding *
nma_finding_new(NmaSeverity severity, const char *rule, const char *name)
{
    NmaFinding *finding = g_new0(NmaFinding, 1);

    finding->severity = severity;
    finding->rule = g_strdup(rule);
    finding->name = g_strdup(name);
    return finding;
}

void
nma_finding_free(NmaFinding *finding)
{
    if (finding == NULL)
        return;
    g_free(finding->rule);
    g_free(finding->name);
    g_free(finding->file);
    g_free(finding->group);
    g_free(finding->option);
    g_free(finding->message);
    g_free(finding->advice);
    g_free(finding->source_value);
    g_free(finding->destination_value);
    g_free(finding);
}

static void
free_finding(gpointer finding)
{
    nma_finding_free(finding);
}

int
nma_finding_compare(gconstpointer a, gconstpointer b)
{
    const NmaFinding *left = *(const NmaFinding *const *)a, *right = *(const NmaFinding *const *)b;
    int order = (int)right->severity - (int)left->severity;

    if (order == 0)
        order = g_strcmp0(left->file, right->file);
    if (order == 0 && left->line != right->line)
        order = left->line < right->line ? -1 : 1;
    if (order == 0 && left->column != right->column)
        order = left->column < right->column ? -1 : 1;
    return order != 0 ? order : g_strcmp0(left->rule, right->rule);
}

NmaConfigValue *
nma_config_value_new(const char *group, const char *option, const char *value, const char *origin)
{
    NmaConfigValue *made = g_new0(NmaConfigValue, 1);

    made->group = g_strdup(group);
    made->option = g_strdup(option);
    made->value = g_strdup(value);
    made->origin = g_strdup(origin);
    return made;
}

void
nma_config_value_free(NmaConfigValue *value)
{
    if (value == NULL)
        return;
    g_free(value->group);
    g_free(value->option);
    g_free(value->value);
    g_free(value->origin);
    g_free(value);
}

static void
free_value(gpointer value)
{
    nma_config_value_free(value);
}

NmaAudit *
nma_audit_new(void)
{
    NmaAudit *audit = g_new0(NmaAudit, 1);

    audit->findings = g_ptr_array_new_with_free_func(free_finding);
    audit->values = g_ptr_array_new_with_free_func(free_value);
    audit->files = g_ptr_array_new_with_free_func(g_free);
    return audit;
}

void
nma_audit_free(NmaAudit *audit)
{
    if (audit == NULL)
        return;
    g_ptr_array_unref(audit->findings);
    g_ptr_array_unref(audit->values);
    g_ptr_array_unref(audit->files);
    g_free(audit->release_name);
    g_free(audit->release_reason);
    g_free(audit);
}

static gsize
text_bytes(const NmaFinding *finding)
{
    const char *const texts[] = { finding->file, finding->group, finding->option, finding->message,
                                  finding->advice };
    gsize bytes = 0;

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        bytes += texts[i] != NULL ? strlen(texts[i]) : 0;
    return bytes;
}

void
nma_audit_add(NmaAudit *audit, NmaFinding *finding)
{
    gsize bytes = audit->bytes + text_bytes(finding);

    audit->counts[finding->severity]++;
    /* once one is left out, all that follow are: what is told is then the beginning of the list */
    if (audit->left_out > 0 || audit->findings->len >= NMA_AUDIT_MAX_FINDINGS ||
        bytes > NMA_AUDIT_MAX_BYTES) {
        audit->left_out++;
        nma_finding_free(finding);
        return;
    }
    audit->bytes = bytes;
    g_ptr_array_add(audit->findings, finding);
}

static void
hash_text(GChecksum *checksum, const char *text)
{
    /* with its end: "a" "bc" is not "ab" "c"; and NULL is not "" */
    g_checksum_update(checksum, (const guchar *)(text != NULL ? "+" : "-"), 1);
    if (text != NULL)
        g_checksum_update(checksum, (const guchar *)text, (gssize)strlen(text) + 1);
}

static void
hash_number(GChecksum *checksum, guint number)
{
    g_checksum_update(checksum, (const guchar *)&number, sizeof number);
}

char *
nma_audit_digest(const NmaAudit *audit)
{
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    char *digest;

    hash_number(checksum, audit->release);
    hash_number(checksum, audit->left_out);
    for (guint i = 0; i < audit->findings->len; i++) {
        const NmaFinding *finding = audit->findings->pdata[i];

        hash_number(checksum, (guint)finding->severity);
        hash_number(checksum, finding->line);
        hash_number(checksum, finding->column);
        hash_text(checksum, finding->rule);
        hash_text(checksum, finding->file);
        hash_text(checksum, finding->group);
        hash_text(checksum, finding->option);
        hash_text(checksum, finding->message);
        hash_text(checksum, finding->advice);
    }
    digest = g_strdup(g_checksum_get_string(checksum));
    g_checksum_free(checksum);
    return digest;
}
