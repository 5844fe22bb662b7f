/* NC1xx: names of options and groups. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/classify.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/suggest.h"

static char *
successors_text(const NctCatalogueRow *row)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < row->n_successors; i++) {
        const NctTextPair *successor = &nct_names[row->successors + i];

        g_string_append_printf(text, "%s[%s] %s",
                               i == 0                       ? ""
                               : i + 1 == row->n_successors ? " or "
                                                            : ", ",
                               nct_text(successor->group), nct_text(successor->name));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* ---- NC101 unknown option ---- */

static void
unknown(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    const NctOption *similar = NULL;
    g_autofree char *key = NULL;
    g_autofree char *advice = NULL;

    if (what->kind != NCT_CLASS_UNKNOWN)
        return;
    key = nct_show_key(entry->key);
    if (audit->suggestions_left > 0) {
        audit->suggestions_left--;
        similar = nct_suggest_in_group(audit->release, entry->group, entry->key);
    }
    if (similar) {
        advice = g_strdup_printf("did you mean %s?", similar->name);
    } else if (what->option) {
        advice = g_strdup_printf("[%s] has an option %s", what->option->group, what->option->name);
    }
    nct_audit_report(audit, rule, entry, advice,
                     "[%s] has no option %s in Nova %u; the line is ignored", entry->group, key,
                     audit->release);
}

static void
check_unknown(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, unknown);
}

/* ---- NC102 removed ---- */

/* options of this release that read an old name as long as any did; NULL if there are none */
static char *
last_readers(const NctAudit *audit, const NctEntry *entry, const NctClass *what)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const NctOption *reader;

    for (guint i = 0;
         (reader = nct_catalogue_reader_of(what->release - 1, entry->group, entry->key, i)); i++)
        if (nct_audit_option(audit, reader->group, reader->name))
            g_string_append_printf(text, "%s[%s] %s", text->len ? " and " : "write ", reader->group,
                                   reader->name);
    return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static void
removed(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    g_autofree char *successors = NULL;
    g_autofree char *advice = NULL;
    NctFinding *finding;
    const NctCatalogueRow *row = what->row;

    if (what->kind != NCT_CLASS_REMOVED)
        return;
    /* the old migration flags have a rule that says more */
    if (audit->compute && g_str_equal(entry->group, "libvirt") &&
        (g_str_equal(entry->key, "live_migration_flag") ||
         g_str_equal(entry->key, "block_migration_flag")))
        return;
    if (row && row->n_successors > 0) {
        successors = successors_text(row);
        advice = g_strdup_printf("see %s", successors);
    } else {
        advice = last_readers(audit, entry, what);
    }
    finding = nct_audit_report(audit, rule, entry, advice,
                               "[%s] %s was removed in Nova %u; the line is ignored", entry->group,
                               entry->key, what->release);
    if (finding)
        nct_finding_add_edit(finding, NCT_EDIT_COMMENT_OUT, entry->line, entry->last_line, NULL,
                             NULL);
}

static void
check_removed(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, removed);
}

/* ---- NC103 not yet ---- */

/* what it is called until then; NULL if nothing is known */
static char *
earlier_name(const NctAudit *audit, const NctEntry *entry, const NctClass *what)
{
    const NctOption *later =
        what->point ? NULL : nct_catalogue_option(what->release, entry->group, entry->key);

    for (guint i = 0; later && i < later->n_old_names; i++) {
        const NctName *old = &later->old_names[i];
        const char *group = old->group ? old->group : later->group;

        if (nct_audit_option(audit, group, old->name))
            return g_strdup_printf("write [%s] %s", group, old->name);
    }
    return NULL;
}

static void
not_yet(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    g_autofree char *since = NULL;
    g_autofree char *advice = NULL;

    if (what->kind != NCT_CLASS_NOT_YET)
        return;
    advice = earlier_name(audit, entry, what);
    since = what->point ? g_strdup_printf("%u.%u.%u", what->point->major, what->point->minor,
                                          what->point->patch)
                        : g_strdup_printf("%u", what->release);
    nct_audit_report(audit, rule, entry, advice,
                     "[%s] %s exists only from Nova %s on; here the line is ignored", entry->group,
                     entry->key, since);
}

static void
check_not_yet(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, not_yet);
}

/* ---- NC104 renamed ---- */

static char *
renamed_line(const NctEntry *entry, const NctOption *option)
{
    NctSpan raw = nct_document_line(entry->document, entry->line);
    const char *key = g_strstr_len(raw.s, (gssize)raw.n, entry->key);
    g_autofree char *before = g_strndup(raw.s, (gsize)(key - raw.s));
    gsize rest = (gsize)(key - raw.s) + strlen(entry->key);
    g_autofree char *after = g_strndup(raw.s + rest, raw.n - rest);

    return g_strconcat(before, option->name, after, NULL);
}

/* the old line counts only if the new name is not set: then the rename changes nothing */
static gboolean
is_safe_to_rename(const NctAudit *audit, const NctEntry *entry, const NctOption *option)
{
    if (nct_catalogue_reader_of(audit->release, entry->group, entry->key, 1))
        return FALSE;
    for (guint i = 0; i < option->n_old_names; i++) {
        const NctName *old = &option->old_names[i];
        const NctEntry *first = nct_config_first(audit->config, old->group, old->name);

        if (first && first != entry)
            return FALSE;
    }
    return !nct_config_first(audit->config, option->group, option->name) &&
           entry->line == entry->last_line &&
           !memchr(nct_document_line(entry->document, entry->line).s, '\0',
                   nct_document_line(entry->document, entry->line).n) &&
           nct_config_first(audit->config, entry->group, entry->key)->next == NULL;
}

static void
add_rename(NctFinding *finding, const NctEntry *entry, const NctOption *option)
{
    char *line = renamed_line(entry, option);

    if (g_str_equal(entry->group, option->group)) {
        nct_finding_add_edit(finding, NCT_EDIT_REPLACE, entry->line, entry->line, line, NULL);
    } else {
        /* moved, not kept as a comment: it may hold a password */
        nct_finding_add_edit(finding, NCT_EDIT_DELETE, entry->line, entry->line, NULL, NULL);
        nct_finding_add_edit(finding, NCT_EDIT_APPEND, 0, 0, line, g_strdup(option->group));
    }
}

static void
renamed(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    g_autoptr(GString) advice = NULL;
    const NctOption *reader;
    NctFinding *finding;

    if (what->kind != NCT_CLASS_OLD_NAME)
        return;
    advice = g_string_new("write");
    for (guint i = 0;
         (reader = nct_catalogue_reader_of(audit->release, entry->group, entry->key, i)); i++)
        g_string_append_printf(advice, "%s [%s] %s", i ? " and" : "", reader->group, reader->name);
    finding =
        nct_audit_report(audit, rule, entry, advice->str, "[%s] %s is now called [%s] %s%s",
                         entry->group, entry->key, what->option->group, what->option->name,
                         nct_config_first(audit->config, what->option->group, what->option->name)
                             ? ", which is set too"
                             : "; the old name is still read");
    if (finding && is_safe_to_rename(audit, entry, what->option))
        add_rename(finding, entry, what->option);
}

static void
check_renamed(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, renamed);
}

/* ---- NC105 deprecated ---- */

static void
deprecated(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    const NctCatalogueRow *row;
    g_autofree char *successors = NULL;
    g_autofree char *advice = NULL;

    if ((what->kind != NCT_CLASS_OPTION && what->kind != NCT_CLASS_OLD_NAME) ||
        !(what->option->flags & NCT_OPTION_REMOVAL_PLANNED))
        return;
    row = nct_catalogue_row(what->option->group, what->option->name);
    if (row && row->n_successors > 0) {
        successors = successors_text(row);
        advice = g_strdup_printf("see %s", successors);
    }
    nct_audit_report(audit, rule, entry, advice, "[%s] %s is deprecated%s%s and will be removed",
                     what->option->group, what->option->name,
                     what->option->deprecated_since ? " since " : "",
                     what->option->deprecated_since ? what->option->deprecated_since : "");
}

static void
check_deprecated(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, deprecated);
}

/* ---- NC106 unknown group ---- */

/* sample files have headers of groups long gone, and nothing but comments below them */
static gboolean
has_options(const NctDocument *document, const NctSection *section, const NctSection *next)
{
    guint n;
    const NctEntry *entries = nct_document_entries(document, &n);
    guint low = 0;
    guint high = n;

    while (low < high) {
        guint middle = (low + high) / 2;

        if (entries[middle].line < section->line)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && (!next || entries[low].line < next->line);
}

static void
check_unknown_group(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < nct_config_n_documents(audit->config); i++) {
        const NctDocument *document = nct_config_document(audit->config, i);
        guint n;
        const NctSection *sections = nct_document_sections(document, &n);

        for (guint k = 0; k < n; k++) {
            const char *similar = NULL;
            g_autofree char *shown = NULL;
            NctFinding *finding;

            if (nct_classify_group(audit, sections[k].group) != NCT_GROUP_UNKNOWN ||
                !has_options(document, &sections[k], k + 1 < n ? &sections[k + 1] : NULL))
                continue;
            shown = nct_show_key(sections[k].section);
            if (audit->suggestions_left > 0) {
                audit->suggestions_left--;
                similar = nct_suggest_group(audit->release, sections[k].group);
            }
            finding =
                nct_audit_report_line(audit, rule, document, sections[k].line,
                                      "Nova %u has no group [%s]; all that stands in it is ignored",
                                      audit->release, shown);
            if (!finding)
                return;
            finding->group = g_strdup(sections[k].group);
            if (similar)
                finding->advice = g_strdup_printf("did you mean [%s]?", similar);
        }
    }
}

/* ---- NC107 append ---- */

static void
append_operator(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    g_autofree char *base = NULL;
    g_autofree char *advice = NULL;
    const NctOption *option;

    if (what->kind != NCT_CLASS_OPERATOR)
        return;
    base = nct_operator_base(entry->key);
    option = nct_audit_option(audit, entry->group, base);
    if (option && (option->flags & NCT_OPTION_MULTI))
        advice =
            g_strdup_printf("write '%s = …' once more: it may repeat, and all values count", base);
    else if (option)
        advice = g_strdup_printf("write '%s = …' with the whole value", base);
    nct_audit_report(
        audit, rule, entry, advice,
        "oslo.config has no '%c=': it reads an option called \"%s\", which nobody asks "
        "for, and %s stays as it was",
        entry->key[strlen(entry->key) - 1], entry->key, base);
}

static void
check_append(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, append_operator);
}

/* ---- NC108 dash, NC109 default ---- */

static void
dash(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    g_autofree char *advice = NULL;

    if (what->kind != NCT_CLASS_DASH)
        return;
    advice = g_strdup_printf("write %s", what->option->name);
    nct_audit_report(audit, rule, entry, advice,
                     "in a file this option is called %s; spelt with a dash, the line is ignored",
                     what->option->name);
}

static void
check_dash(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, dash);
}

static void
check_default_case(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < nct_config_n_documents(audit->config); i++) {
        const NctDocument *document = nct_config_document(audit->config, i);
        guint n;
        const NctSection *sections = nct_document_sections(document, &n);

        for (guint k = 0; k < n; k++) {
            NctFinding *finding;

            if (nct_classify_group(audit, sections[k].group) != NCT_GROUP_DEFAULT_MISSPELT ||
                !has_options(document, &sections[k], k + 1 < n ? &sections[k + 1] : NULL))
                continue;
            finding = nct_audit_report_line(
                audit, rule, document, sections[k].line,
                "only [DEFAULT] in capitals is the default group; all that stands in this one is "
                "ignored");
            if (finding)
                finding->advice = g_strdup("write [DEFAULT]");
        }
    }
}

/* ---- NC110 wrong group ---- */

static void
wrong_group(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctClass *what)
{
    g_autofree char *advice = NULL;

    if (what->kind != NCT_CLASS_WRONG_GROUP)
        return;
    advice = g_strdup_printf("under [%s] it would be read, as %s", what->option->group,
                             what->option->name);
    nct_audit_report(audit, rule, entry, advice,
                     "[%s] has no option %s; it belongs into [%s]. Here it is ignored",
                     entry->group, entry->key, what->option->group);
}

static void
check_wrong_group(NctAudit *audit, const NctRule *rule)
{
    nct_for_each_line(audit, rule, wrong_group);
}

#define IGNORED                                                                                    \
    "oslo.config ignores what it does not know, without a word: the service starts, and the "      \
    "option "                                                                                      \
    "keeps its default. "

static const NctRule rules[] = {
    {
        .code = "NC101",
        .name = "unknown-option",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an option that Nova does not have",
        .check = check_unknown,
        .explain = IGNORED
        "The catalogue holds every option that Nova and its libraries register in each "
        "release, so an unknown one is misspelt, belongs to another service, or to a driver "
        "from outside Nova.\n\nFor those of a driver of your own, use --exclude-group, "
        "--exclude-options or --opt-data.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_downtme = 500\n",
        .good = "[libvirt]\nlive_migration_downtime = 500\n",
    },
    {
        .code = "NC102",
        .name = "removed-option",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an option that Nova no longer has",
        .check = check_removed,
        .explain = IGNORED
        "Up to the release before the one named, the line did something. Where a "
        "successor is known it is named; it does not read the old line.\n\nThe fix comments "
        "the line out, which changes nothing for the service.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_progress_timeout = 150\n",
        .good = "[libvirt]\nlive_migration_completion_timeout = 800\n",
    },
    {
        .code = "NC103",
        .name = "option-of-later-release",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an option that this release does not have yet",
        .check = check_not_yet,
        .explain = IGNORED "The line begins to work with the release named.",
        .example_release = 26,
        .bad = "[libvirt]\nlive_migration_parallel_connections = 4\n",
        .good = "[libvirt]\nlive_migration_bandwidth = 0\n",
    },
    {
        .code = "NC104",
        .name = "old-name",
        .severity = NCT_SEVERITY_INFO,
        .summary = "an option under a name that is only still read",
        .check = check_renamed,
        .explain =
            "oslo.config reads the old name and logs a deprecation. When the old name is dropped "
            "in a later release, the line is ignored without a word.\n\nIn one file the new name "
            "wins over the old one, whatever their order; over several files, the last file wins, "
            "even with the old name. The fix renames the line where that changes nothing.",
        .example_release = 26,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_model = Nehalem\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Nehalem\n",
    },
    {
        .code = "NC105",
        .name = "deprecated-option",
        .severity = NCT_SEVERITY_INFO,
        .summary = "an option that will be removed",
        .check = check_deprecated,
        .explain = "The option still works in this release. Once it is removed the line is ignored "
                   "without "
                   "a word.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_uri = qemu+tls://%s/system\n",
        .good = "[libvirt]\nlive_migration_scheme = tls\n",
    },
    {
        .code = "NC106",
        .name = "unknown-group",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "a group that Nova does not have",
        .check = check_unknown_group,
        .explain = IGNORED
        "Group names ignore letter case, except DEFAULT, but blanks inside the brackets "
        "belong to the name. Nothing is inherited from [DEFAULT].\n\nFor a group of a driver "
        "of your own, use --exclude-group.",
        .example_release = 33,
        .bad = "[libvrt]\ncpu_mode = none\n",
        .good = "[libvirt]\ncpu_mode = none\n",
    },
    {
        .code = "NC107",
        .name = "no-append-operator",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "'+=' is no operator in oslo.config",
        .check = check_append,
        .explain =
            "oslo.config splits a line at its first '=' or ':'. 'live_migration_flag += X' "
            "therefore "
            "sets an option called \"live_migration_flag +\", which nobody asks for; "
            "live_migration_flag keeps its value, and nothing is logged. Likewise '-=' and "
            "'?='.\n\n"
            "A well-known guide of the Mitaka days gives this very line. Write the whole value "
            "with "
            "'='. Options that may repeat (such as [pci] device_spec) are written once for each "
            "value.\n\nSource: oslo_config/iniparser.py, _split_key_value.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_model_extra_flags += pcid\n",
        .good = "[libvirt]\ncpu_model_extra_flags = pcid\n",
    },
    {
        .code = "NC108",
        .name = "dash-in-name",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an option spelt with a dash",
        .check = check_dash,
        .explain = IGNORED
        "Some options are declared with a dash, and on a command line they have one; in "
        "a file only the spelling with an underscore is read.",
        .example_release = 33,
        .bad = "[DEFAULT]\nlog-dir = /var/log/nova\n",
        .good = "[DEFAULT]\nlog_dir = /var/log/nova\n",
    },
    {
        .code = "NC109",
        .name = "default-not-in-capitals",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "[default] is not [DEFAULT]",
        .check = check_default_case,
        .explain =
            "Letter case does not matter in group names, except in this one. [default] is a group "
            "of its own, and Nova reads nothing from it.",
        .example_release = 33,
        .bad = "[default]\nmy_ip = 192.0.2.1\n",
        .good = "[DEFAULT]\nmy_ip = 192.0.2.1\n",
    },
    {
        .code = "NC110",
        .name = "wrong-group",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an option in a group that does not have it",
        .check = check_wrong_group,
        .explain =
            IGNORED "An option is read from its own group only, and [DEFAULT] lends nothing to "
                    "others.",
        .example_release = 33,
        .bad = "[DEFAULT]\ncpu_mode = host-passthrough\n",
        .good = "[libvirt]\ncpu_mode = host-passthrough\n",
    },
};

const NctRuleTable nct_rules_names = { rules, G_N_ELEMENTS(rules) };
