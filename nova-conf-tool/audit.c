#include "nova-conf-tool/audit.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/classify.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/suppress.h"

/* A hostile file could earn a finding for every line; nobody reads more than this. */
#define MAX_FINDINGS    10000u
#define MAX_SUGGESTIONS 200u
#define MAX_SEARCHES    20000u

static const NctRuleTable *const tables[] = {
    &nct_rules_files,     &nct_rules_names,     &nct_rules_repeats, &nct_rules_values,
    &nct_rules_transport, &nct_rules_migration, &nct_rules_cpu,     &nct_rules_host,
    &nct_rules_devices,   &nct_rules_service,   &nct_rules_fleet,   &nct_rules_upgrade,
    &nct_rules_tool,
};

const NctRule *
nct_rule_at(guint i)
{
    for (guint t = 0; t < G_N_ELEMENTS(tables); t++) {
        if (i < tables[t]->n)
            return &tables[t]->rules[i];
        i -= tables[t]->n;
    }
    return NULL;
}

const NctRule *
nct_rule_find(const char *code)
{
    const NctRule *rule;

    for (guint i = 0; (rule = nct_rule_at(i)); i++)
        if (g_ascii_strcasecmp(rule->code, code) == 0 || g_str_equal(rule->name, code))
            return rule;
    return NULL;
}

char *
nct_rule_releases(const NctRule *rule)
{
    if (rule->first && rule->last)
        return rule->first == rule->last ? g_strdup_printf("%u", rule->first)
                                         : g_strdup_printf("%u to %u", rule->first, rule->last);
    if (rule->first)
        return g_strdup_printf("%u and later", rule->first);
    if (rule->last)
        return g_strdup_printf("up to %u", rule->last);
    return g_strdup("all");
}

/* ---- what rules ask ---- */

const NctOption *
nct_audit_option(const NctAudit *audit, const char *group, const char *name)
{
    return nct_catalogue_option(audit->release, group, name);
}

NctOrigin
nct_audit_origin(const NctAudit *audit, const char *group, const char *name)
{
    const NctOption *option = nct_audit_option(audit, group, name);

    if (!option)
        return (NctOrigin){ .kind = NCT_ORIGIN_UNSET };
    return nct_config_origin(audit->config, option);
}

gboolean
nct_audit_is_set(const NctAudit *audit, const char *group, const char *name)
{
    NctOriginKind kind = nct_audit_origin(audit, group, name).kind;

    return kind == NCT_ORIGIN_FILE || kind == NCT_ORIGIN_ENVIRONMENT;
}

static NctValue *
read_value(const NctAudit *audit, const char *group, const char *name)
{
    const NctOption *option = nct_audit_option(audit, group, name);
    g_auto(NctResult) result = { 0 };

    if (!option)
        return NULL;
    result = nct_config_read(audit->config, option);
    if (result.kind != NCT_RESULT_OK || result.value->kind == NCT_VALUE_NONE)
        return NULL;
    return g_steal_pointer(&result.value);
}

gboolean
nct_audit_number(const NctAudit *audit, const char *group, const char *name, double *number)
{
    g_autoptr(NctValue) value = read_value(audit, group, name);

    if (!value || (value->kind != NCT_VALUE_INTEGER && value->kind != NCT_VALUE_FLOAT))
        return FALSE;
    *number = value->kind == NCT_VALUE_INTEGER ? (double)value->integer : value->real;
    return TRUE;
}

gboolean
nct_audit_true(const NctAudit *audit, const char *group, const char *name)
{
    g_autoptr(NctValue) value = read_value(audit, group, name);

    return value && value->kind == NCT_VALUE_BOOLEAN && value->boolean;
}

char *
nct_audit_text(const NctAudit *audit, const char *group, const char *name)
{
    g_autoptr(NctValue) value = read_value(audit, group, name);
    g_autoptr(GString) text = NULL;

    if (!value)
        return NULL;
    text = g_string_new(NULL);
    nct_value_append_str(value, text);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

GStrv
nct_audit_list(const NctAudit *audit, const char *group, const char *name)
{
    g_autoptr(NctValue) value = read_value(audit, group, name);
    g_autoptr(GPtrArray) items = g_ptr_array_new();

    for (guint i = 0; value && value->items && i < value->items->len; i++) {
        g_autoptr(GString) text = g_string_new(NULL);

        nct_value_append_str(g_ptr_array_index(value->items, i), text);
        g_ptr_array_add(items, g_string_free(g_steal_pointer(&text), FALSE));
    }
    if (value && value->kind == NCT_VALUE_STRING)
        g_ptr_array_add(items, g_strdup(value->text));
    g_ptr_array_add(items, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&items), FALSE);
}

/* ---- reporting ---- */

void
nct_finding_add_edit(NctFinding *finding, NctEditKind kind, guint first, guint last, char *text,
                     char *group)
{
    NctEdit edit = { kind, first, last, text, group };

    if (!finding->fix)
        finding->fix = g_array_new(FALSE, FALSE, sizeof(NctEdit));
    g_array_append_val(finding->fix, edit);
}

/* A rule may quote a value that is no secret, but a URL with a password in it. Takes text. */
static char *
presentable(char *text)
{
    g_autofree char *masked = nct_mask_value((NctSpan){ text, strlen(text) }, FALSE);

    g_free(text);
    return nct_printable(masked, strlen(masked), NCT_MAX_MESSAGE);
}

static NctFinding *
add_finding(NctAudit *audit, const NctRule *rule, const NctDocument *document, const char *advice,
            const char *format, va_list args)
{
    NctFinding *finding;

    if (audit->findings->len >= MAX_FINDINGS)
        return NULL;
    finding = g_new0(NctFinding, 1);
    finding->rule = rule;
    finding->severity = rule->severity;
    finding->document = document;
    if (document)
        finding->path = g_strdup(nct_document_path(document));
    else if (nct_config_n_documents(audit->config) > 0)
        finding->path = g_strdup(nct_document_path(nct_config_document(audit->config, 0)));
    else
        finding->path = g_strdup("(no file)");
    finding->message = presentable(g_strdup_vprintf(format, args));
    finding->advice = advice ? presentable(g_strdup(advice)) : NULL;
    g_ptr_array_add(audit->findings, finding);
    return finding;
}

static void
set_place(NctFinding *finding, const NctEntry *entry)
{
    finding->line = entry->line;
    finding->column = entry->column;
    finding->end_column =
        entry->column + (guint)nct_span_chars((NctSpan){ entry->key, strlen(entry->key) });
    finding->group = g_strdup(entry->group);
    finding->option = nct_show_key(entry->key);
}

NctFinding *
nct_audit_report(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const char *advice,
                 const char *format, ...)
{
    NctFinding *finding;
    va_list args;

    va_start(args, format);
    finding = add_finding(audit, rule, entry ? entry->document : NULL, advice, format, args);
    va_end(args);
    if (finding && entry)
        set_place(finding, entry);
    return finding;
}

NctFinding *
nct_audit_report_line(NctAudit *audit, const NctRule *rule, const NctDocument *document, guint line,
                      const char *format, ...)
{
    NctFinding *finding;
    va_list args;

    va_start(args, format);
    finding = add_finding(audit, rule, document, NULL, format, args);
    va_end(args);
    if (finding) {
        finding->line = line;
        finding->column = 1;
    }
    return finding;
}

NctFinding *
nct_audit_report_option(NctAudit *audit, const NctRule *rule, const char *group, const char *name,
                        const char *advice, const char *format, ...)
{
    NctOrigin origin = nct_audit_origin(audit, group, name);
    const NctEntry *entry = origin.kind == NCT_ORIGIN_FILE ? origin.entry : NULL;
    NctFinding *finding;
    va_list args;

    va_start(args, format);
    finding = add_finding(audit, rule, entry ? entry->document : NULL, advice, format, args);
    va_end(args);
    if (!finding)
        return NULL;
    if (entry) {
        set_place(finding, entry);
    } else {
        finding->group = g_strdup(group);
        finding->option = g_strdup(name);
    }
    return finding;
}

/* ---- running ---- */

/* whether showing the fixed line would show what must not be shown */
static void
mark_secret_fixes(const NctAudit *audit)
{
    for (guint i = 0; i < audit->findings->len; i++) {
        NctFinding *finding = g_ptr_array_index(audit->findings, i);

        for (guint k = 0; finding->fix && k < finding->fix->len; k++) {
            const NctEdit *edit = &g_array_index(finding->fix, NctEdit, k);

            for (guint line = edit->first; line > 0 && line <= edit->last; line++) {
                NctSpan raw = nct_document_line(finding->document, line);
                g_autofree char *masked = nct_mask_line(finding->document, line, audit->release);

                finding->fix_is_secret |= !masked || !nct_span_equal(raw, masked);
            }
        }
    }
}

static gboolean
starts_with_any(const char *code, const char *const *prefixes)
{
    for (; prefixes && *prefixes; prefixes++)
        if (g_ascii_strncasecmp(code, *prefixes, strlen(*prefixes)) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
rule_applies(const NctAudit *audit, const NctRule *rule)
{
    const NctAuditOptions *options = audit->options;

    if ((rule->first && audit->release < rule->first) ||
        (rule->last && audit->release > rule->last))
        return FALSE;
    if ((rule->flags & NCT_RULE_COMPUTE) && !audit->compute)
        return FALSE;
    if ((rule->flags & NCT_RULE_ABSENCE) && options->fragment)
        return FALSE;
    if (rule->flags & (NCT_RULE_UPGRADE | NCT_RULE_FLEET))
        return FALSE;
    if (options->select && !starts_with_any(rule->code, options->select))
        return FALSE;
    return !starts_with_any(rule->code, options->ignore);
}

/* at the first condition's option that is set, or at the first */
static void
report_conditions(NctAudit *audit, const NctRule *rule)
{
    const NctCondition *place = &rule->when[0];

    for (guint i = 0; i < NCT_MAX_CONDITIONS && rule->when[i].test != NCT_WHEN_END; i++) {
        if (nct_audit_origin(audit, rule->when[i].group, rule->when[i].name).kind ==
            NCT_ORIGIN_FILE) {
            place = &rule->when[i];
            break;
        }
    }
    nct_audit_report_option(audit, rule, place->group, place->name, rule->advice, "%s",
                            rule->summary);
}

static void
free_finding(gpointer finding)
{
    nct_finding_free(finding);
}

GPtrArray *
nct_audit_run(const NctConfig *config, const NctAuditOptions *options)
{
    NctAudit audit = {
        .config = config,
        .options = options,
        .release = options->release ? options->release : nct_release_newest(),
        .version = nct_version_number(options->version),
        .compute = !options->program || g_str_equal(options->program, "nova-compute"),
        .findings = g_ptr_array_new_with_free_func(free_finding),
        .lines = g_array_new(FALSE, FALSE, sizeof(NctLineClass)),
        .mentioned = g_new0(guint8, n_nct_options / 8 + 1),
        .suggestions_left = MAX_SUGGESTIONS,
        .searches_left = MAX_SEARCHES,
    };
    const NctRule *rule;

    nct_classify_all(&audit);
    for (guint i = 0; (rule = nct_rule_at(i)); i++) {
        if (!rule_applies(&audit, rule) || !nct_audit_all_hold(&audit, rule, i))
            continue;
        if (rule->check)
            rule->check(&audit, rule);
        else if (rule->when[0].test != NCT_WHEN_END)
            report_conditions(&audit, rule);
    }
    nct_suppress(&audit);
    mark_secret_fixes(&audit);
    g_array_unref(audit.lines);
    g_free(audit.mentioned);
    g_ptr_array_sort(audit.findings, nct_finding_compare);
    return audit.findings;
}
