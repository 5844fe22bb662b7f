/* NC111 to NC114: options that are set more than once. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/classify.h"

static gboolean
same_value(const NctEntry *a, const NctEntry *b)
{
    return a->value_length == b->value_length && memcmp(a->value, b->value, a->value_length) == 0;
}

static const NctEntry *
next_of_single(const NctEntry *entry, const NctClass *what)
{
    if (what->kind != NCT_CLASS_OPTION || (what->option->flags & NCT_OPTION_MULTI))
        return NULL;
    return entry->next;
}

static void
repeated(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    const NctEntry *next = next_of_single(entry, what);
    NctFinding *finding;

    if (!next || next->document != entry->document || same_value(entry, next))
        return;
    finding =
        nct_audit_report(audit, rule, entry, NULL,
                         "[%s] %s stands again, with another value, in line %u, and the last one "
                         "counts: this one is ignored",
                         entry->group, entry->key, next->line);
    if (finding)
        nct_finding_add_edit(finding, NCT_EDIT_COMMENT_OUT, entry->line, entry->last_line, NULL,
                             NULL);
}

static void
check_repeated(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, repeated);
}

static void
repeated_same(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    const NctEntry *next = next_of_single(entry, what);
    NctFinding *finding;

    if (!next || next->document != entry->document || !same_value(entry, next))
        return;
    finding = nct_audit_report(audit, rule, entry, NULL,
                               "[%s] %s stands again, with the same value, in line %u",
                               entry->group, entry->key, next->line);
    if (finding)
        nct_finding_add_edit(finding, NCT_EDIT_COMMENT_OUT, entry->line, entry->last_line, NULL,
                             NULL);
}

static void
check_repeated_same(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, repeated_same);
}

static void
overridden(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    const NctEntry *next = next_of_single(entry, what);

    if (!next || next->document == entry->document || same_value(entry, next))
        return;
    nct_audit_report(audit, rule, entry, NULL, "[%s] %s is overridden by %s:%u", entry->group,
                     entry->key, nct_document_path(next->document), next->line);
}

static void
check_overridden(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, overridden);
}

static void
environment(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    if (what->kind == NCT_CLASS_OPTION && !entry->next &&
        nct_config_origin(audit->config, what->option).kind == NCT_ORIGIN_ENVIRONMENT)
        nct_audit_report(audit, rule, entry, NULL, "an environment variable overrides [%s] %s",
                         entry->group, entry->key);
}

static void
check_environment(NctAudit *audit, const NctRule *rule)
{
    if (nct_config_has_environment(audit->config))
        nct_for_each_line(audit, rule, environment);
}

static const NctRule rules[] = {
    {
        .code = "NC111",
        .name = "set-twice",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an option twice in one file, with different values",
        .check = check_repeated,
        .explain =
            "The last one counts; the earlier ones are not even checked. The fix comments the "
            "ignored ones out. Sections that stand in a file several times count as one.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = none\nvirt_type = kvm\ncpu_mode = host-model\n",
        .good = "[libvirt]\nvirt_type = kvm\ncpu_mode = host-model\n",
    },
    {
        .code = "NC112",
        .name = "set-twice-alike",
        .severity = NCT_SEVERITY_INFO,
        .summary = "an option twice in one file, with the same value",
        .check = check_repeated_same,
        .explain =
            "Harmless until somebody changes only one of them. The fix comments the earlier ones "
            "out.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = none\ncpu_mode = none\n",
        .good = "[libvirt]\ncpu_mode = none\n",
    },
    {
        .code = "NC113",
        .name = "overridden",
        .severity = NCT_SEVERITY_INFO,
        .summary = "a value that a later file replaces",
        .check = check_overridden,
        .explain =
            "Files in nova.conf.d and later --config-file arguments are there to override. This "
            "tells which lines they make idle.",
    },
    {
        .code = "NC114",
        .name = "overridden-by-environment",
        .severity = NCT_SEVERITY_INFO,
        .first = 19,
        .summary = "a value that an environment variable replaces",
        .check = check_environment,
        .explain =
            "From Stein on, a variable OS_GROUP__OPTION (two underscores, capitals) beats every "
            "file. "
            "Only the option's current name counts, and an option that may repeat is replaced by "
            "the characters of the one value.",
    },
};

const NctRuleTable nct_rules_repeats = { rules, G_N_ELEMENTS(rules) };
