#include "nova-conf-tool/upgrade.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"

#define CODE_DEFAULT_CHANGED "NC801"

static const NctRule rules[] = {
    {
        .code = CODE_DEFAULT_CHANGED,
        .name = "default-changed",
        .severity = NCT_SEVERITY_INFO,
        .flags = NCT_RULE_UPGRADE,
        .summary =
            "an option that nobody sets, and whose default is another one in the new release",
        .explain = "The service will behave differently without any line being changed. To keep "
                   "the old behaviour, "
                   "set the option.",
    },
};

const NctRuleTable nct_rules_upgrade = { rules, G_N_ELEMENTS(rules) };

static char *
key_of(const NctFinding *finding)
{
    return g_strdup_printf("%s %s:%u %s", finding->rule->code, finding->path, finding->line,
                           finding->option ? finding->option : "");
}

static char *
default_text(const NctOption *option)
{
    if (!option->defaults)
        return g_strdup("unset");
    return g_strjoinv(", ", (char **)option->defaults);
}

static gboolean
is_left_out(const char *const *codes)
{
    for (; codes && *codes; codes++)
        if (g_ascii_strncasecmp(CODE_DEFAULT_CHANGED, *codes, strlen(*codes)) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
is_asked_for(const NctAuditOptions *options)
{
    return !is_left_out(options->ignore) && (!options->select || is_left_out(options->select));
}

static gboolean
is_set(const NctConfig *config, const NctOption *option)
{
    NctOriginKind kind = nct_config_origin(config, option).kind;

    return kind == NCT_ORIGIN_FILE || kind == NCT_ORIGIN_ENVIRONMENT;
}

/* Nova's own options: the libraries' defaults move for reasons of their own, and nobody acts on
 * them */
static void
add_changed_defaults(GPtrArray *findings, guint from, const NctConfig *after, guint to)
{
    for (guint i = 0; i < n_nct_options; i++) {
        const NctCatalogueRow *row = &nct_options[i];
        const NctOption *old = nct_catalogue_row_option(row, from);
        const NctOption *now = nct_catalogue_row_option(row, to);
        g_autofree char *was = NULL;
        g_autofree char *is = NULL;
        NctFinding *finding;

        if (!old || !now || row->auth || !g_str_equal(nct_text(row->source), "nova") ||
            ((old->flags | now->flags) & NCT_OPTION_DEFAULT_COMPUTED) || is_set(after, now))
            continue;
        was = default_text(old);
        is = default_text(now);
        if (g_str_equal(was, is))
            continue;
        finding = g_new0(NctFinding, 1);
        finding->rule = &rules[0];
        finding->severity = rules[0].severity;
        finding->path = g_strdup(nct_config_n_documents(after) > 0
                                     ? nct_document_path(nct_config_document(after, 0))
                                     : "(no file)");
        finding->group = g_strdup(now->group);
        finding->option = g_strdup(now->name);
        finding->message =
            g_strdup_printf("[%s] %s is not set, and its default changes from %s to %s", now->group,
                            now->name, was, is);
        g_ptr_array_add(findings, finding);
    }
}

GPtrArray *
nct_upgrade_findings(const NctConfig *before, guint from, const NctConfig *after, guint to,
                     const NctAuditOptions *options)
{
    NctAuditOptions old_options = *options;
    NctAuditOptions new_options = *options;
    g_autoptr(GPtrArray) old = NULL;
    GPtrArray *findings;
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    old_options.release = from;
    new_options.release = to;
    old_options.version = new_options.version = NULL;
    old = nct_audit_run(before, &old_options);
    findings = nct_audit_run(after, &new_options);
    for (guint i = 0; i < old->len; i++)
        g_hash_table_add(known, key_of(g_ptr_array_index(old, i)));
    for (guint i = findings->len; i-- > 0;) {
        g_autofree char *key = key_of(g_ptr_array_index(findings, i));

        if (g_hash_table_contains(known, key))
            g_ptr_array_remove_index(findings, i);
    }
    if (is_asked_for(options))
        add_changed_defaults(findings, from, after, to);
    g_ptr_array_sort(findings, nct_finding_compare);
    return findings;
}
