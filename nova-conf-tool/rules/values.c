/* NC2xx: values, and what oslo.config makes of them. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/classify.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/suggest.h"

#define MAX_SHOWN 60

/* what a message shows of a value: short, masked */
static char *
shown(const NctAudit *audit, const NctEntry *entry)
{
    gboolean secret = nct_is_secret(audit->release, entry->group, entry->key);
    g_autofree char *text = nct_mask_value((NctSpan){ entry->value, entry->value_length }, secret);
    g_autofree char *start = NULL;

    g_strdelimit(text, "\n\r\t", ' ');
    if (g_utf8_strlen(text, -1) <= MAX_SHOWN)
        return g_steal_pointer(&text);
    start = g_utf8_substring(text, 0, MAX_SHOWN - 3);
    return g_strconcat(start, "...", NULL);
}

/* " # text" or " ; text" at the end of the first line; NULL if there is none */
static const char *
inline_comment(const NctEntry *entry)
{
    gsize n = strcspn(entry->value, "\n");

    for (gsize i = 1; i < n; i++)
        if ((entry->value[i] == '#' || entry->value[i] == ';') &&
            g_ascii_isspace(entry->value[i - 1]) &&
            (i + 1 == n || g_ascii_isspace(entry->value[i + 1]) ||
             g_ascii_isalpha(entry->value[i + 1])))
            return entry->value + i;
    return NULL;
}

static char *
advice_for(const NctEntry *entry, const NctOption *option)
{
    const NctType *type = option->type;
    const char *best = NULL;
    guint distance = 3;
    g_autofree char *what = NULL;

    if (inline_comment(entry))
        return g_strdup("a comment must stand on a line of its own");
    for (guint i = 0; type->kind == NCT_TYPE_STRING && type->choices && type->choices[i]; i++) {
        guint d = nct_edit_distance(entry->value, type->choices[i], distance);

        if (d < distance) {
            distance = d;
            best = type->choices[i];
        }
    }
    if (best)
        return g_strdup_printf("did you mean %s?", best);
    what = nct_type_describe(type);
    return g_strdup_printf("legal: %s", what);
}

/* the one of several assignments whose value cannot be read */
static const NctEntry *
bad_entry(const NctAudit *audit, const NctOption *option, const NctOrigin *origin)
{
    g_autoptr(GPtrArray) entries = NULL;

    if (!(option->flags & NCT_OPTION_MULTI))
        return origin->entry;
    entries = nct_config_multi_entries(audit->config, option);
    for (guint i = 0; i < entries->len; i++) {
        const NctEntry *entry = g_ptr_array_index(entries, i);
        g_auto(NctResult) result = nct_config_evaluate(
            audit->config, option, (NctSpan){ entry->value, entry->value_length });

        if (result.kind != NCT_RESULT_OK && result.kind != NCT_RESULT_COMPUTED)
            return entry;
    }
    return origin->entry;
}

static void
report_illegal(NctAudit *audit, const NctRule *rule, const NctOption *option, const NctEntry *entry,
               const NctResult *result)
{
    g_autofree char *what = nct_result_describe(result, option);
    g_autofree char *value = shown(audit, entry);
    g_autofree char *advice = NULL;
    NctFinding *finding;

    /* a value that is wrong because another one is: that one has its own finding */
    if (result->kind == NCT_RESULT_ILLEGAL && result->culprit != option &&
        g_strcmp0(result->culprit->name, option->name) != 0)
        return;
    advice = advice_for(entry, option);
    finding = nct_audit_report(
        audit, rule, entry, advice, "[%s] %s: '%s'%s %s; the service stops", option->group,
        option->name, value,
        memchr(entry->value, '$', entry->value_length) ? ", with its names replaced," : "", what);
    if (finding) {
        finding->column = entry->value_column;
        finding->end_column = 0;
    }
}

static void
report_substitution(NctAudit *audit, const NctRule *rule, const NctOption *option,
                    const NctEntry *entry, const NctResult *result)
{
    g_autofree char *what = nct_result_describe(result, option);
    g_autofree char *advice = NULL;
    NctFinding *finding;

    if (option->flags & NCT_OPTION_SECRET)
        advice = g_strdup("a literal dollar is written '$$'");
    else if (g_str_has_prefix(result->reason, "DEFAULT."))
        advice = g_strdup_printf("write $%s: [DEFAULT] is looked up without its name",
                                 result->reason + strlen("DEFAULT."));
    else
        advice =
            g_strdup("a literal dollar is written '$$', another group's option ${group.option}");
    finding = nct_audit_report(audit, rule, entry, advice, "[%s] %s %s; the service stops",
                               option->group, option->name, what);
    if (finding) {
        finding->column = entry->value_column;
        finding->end_column = 0;
    }
}

/* every assignment whose value cannot be read, with why */
static void
check_results(NctAudit *audit, const NctRule *rule, gboolean substitution)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);
        const NctEntry *entry = line->entry;
        g_auto(NctResult) result = { 0 };

        if (line->readable)
            continue;
        result = nct_line_result(audit, line);
        if (line->what.kind != NCT_CLASS_PATTERN) {
            NctOrigin origin = nct_config_origin(audit->config, line->what.option);

            entry = bad_entry(audit, line->what.option, &origin);
        }
        if (result.kind == NCT_RESULT_ILLEGAL && !substitution)
            report_illegal(audit, rule, line->what.option, entry, &result);
        else if (result.kind != NCT_RESULT_ILLEGAL && substitution)
            report_substitution(audit, rule, line->what.option, entry, &result);
    }
}

static void
check_illegal(NctAudit *audit, const NctRule *rule)
{
    check_results(audit, rule, FALSE);
}

static void
check_substitution(NctAudit *audit, const NctRule *rule)
{
    check_results(audit, rule, TRUE);
}

/* ---- values that are legal, but hardly meant ---- */

typedef void (*ValueCheck)(NctAudit *audit, const NctRule *rule, const NctEntry *entry,
                           const NctOption *option);

static void
for_each_value(NctAudit *audit, const NctRule *rule, ValueCheck check)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);

        if (line->what.kind == NCT_CLASS_OPTION || line->what.kind == NCT_CLASS_OLD_NAME)
            check(audit, rule, line->entry, line->what.option);
    }
}

static void
report_value(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const char *advice,
             const char *message)
{
    NctFinding *finding = nct_audit_report(audit, rule, entry, advice, "[%s] %s: %s", entry->group,
                                           entry->key, message);

    if (finding) {
        finding->column = entry->value_column;
        finding->end_column = 0;
    }
}

static void
comment_in_value(NctAudit *audit, const NctRule *rule, const NctEntry *entry,
                 const NctOption *option)
{
    const char *comment = inline_comment(entry);
    NctFinding *finding;
    g_auto(NctResult) result = { 0 };

    if (!comment)
        return;
    /* when the value is refused, that is the finding */
    result = nct_config_read(audit->config, option);
    if (result.kind != NCT_RESULT_OK && result.kind != NCT_RESULT_COMPUTED)
        return;
    finding = nct_audit_report(audit, rule, entry, "put the comment on a line of its own",
                               "[%s] %s: what looks like a comment is part of the value",
                               entry->group, entry->key);
    if (finding) {
        finding->column =
            entry->value_column +
            (guint)nct_span_chars((NctSpan){ entry->value, (gsize)(comment - entry->value) });
        finding->end_column = 0;
    }
}

static void
check_inline_comment(NctAudit *audit, const NctRule *rule)
{
    for_each_value(audit, rule, comment_in_value);
}

static const char *
swallowed_kind(NctAudit *audit, const NctEntry *entry, NctSpan text)
{
    gsize n = 0;
    g_autofree char *word = NULL;

    if (text.s[0] == '#' || text.s[0] == ';')
        return "a comment";
    if (text.s[0] == '[' && text.s[text.n - 1] == ']' && !memchr(text.s, ',', text.n) &&
        !memchr(text.s, '"', text.n))
        return "a section header";
    while (n < text.n && (g_ascii_isalnum(text.s[n]) || text.s[n] == '_'))
        n++;
    word = g_strndup(text.s, n);
    while (n < text.n && g_ascii_isspace(text.s[n]))
        n++;
    if (n == text.n || text.s[n] != '=' || !*word)
        return NULL;
    if (nct_audit_option(audit, entry->group, word) ||
        (audit->searches_left > 0 && audit->searches_left-- &&
         nct_suggest_other_group(audit->release, entry->group, word)))
        return "an option";
    return NULL;
}

static void
check_swallowed(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctEntry *entry = g_array_index(audit->lines, NctLineClass, i).entry;

        for (guint k = entry->line + 1; k <= entry->last_line; k++) {
            NctSpan raw = nct_document_line(entry->document, k);
            NctSpan text = nct_strip(raw);
            const char *kind = text.n > 0 ? swallowed_kind(audit, entry, text) : NULL;
            NctFinding *finding;

            if (!kind)
                continue;
            finding = nct_audit_report_line(audit, rule, entry->document, k,
                                            "this line looks like %s, but it is indented, so it "
                                            "continues the value of %s in line %u",
                                            kind, entry->key, entry->line);
            if (!finding)
                return;
            finding->group = g_strdup(entry->group);
            finding->option = nct_show_key(entry->key);
            finding->advice = g_strdup("take out the white space at the start of the line");
        }
    }
}

static gboolean
is_quote(char c)
{
    return c == '"' || c == '\'';
}

static void
quoted_items(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctOption *option)
{
    const NctType *type = option->type;
    g_auto(GStrv) items = NULL;

    if (type->kind != NCT_TYPE_LIST || (type->item && (type->item->flags & NCT_QUOTES)))
        return;
    items = g_strsplit(entry->value, ",", 1000);
    for (char **item = items; *item; item++) {
        gsize n = strlen(g_strstrip(*item));

        if (n > 0 && (is_quote((*item)[0]) || is_quote((*item)[n - 1]))) {
            report_value(audit, rule, entry, "write the items without quotes",
                         "quotes in a list belong to its items");
            return;
        }
    }
}

static void
check_quoted_items(NctAudit *audit, const NctRule *rule)
{
    for_each_value(audit, rule, quoted_items);
}

static void
lone_quote(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctOption *option)
{
    NctSpan line;
    gsize n = entry->value_length;
    gboolean opens = n > 1 && is_quote(entry->value[0]) && entry->value[0] != entry->value[n - 1];
    gboolean closes = n > 1 && is_quote(entry->value[n - 1]) &&
                      entry->value[0] != entry->value[n - 1] &&
                      !memchr(entry->value, entry->value[n - 1], n - 1);

    if (option->type->kind != NCT_TYPE_STRING || (!opens && !closes) ||
        entry->last_line != entry->line ||
        (opens && memchr(entry->value + 1, entry->value[0], n - 1)))
        return;
    /* quotes that were dropped as a pair stand in the line, but not in the value */
    line = nct_rstrip(nct_document_line(entry->document, entry->line));
    if (line.n == 0 || line.s[line.n - 1] != entry->value[n - 1])
        return;
    report_value(audit, rule, entry, "close the quote, or take it out",
                 "a quote without its partner belongs to the value");
}

static void
check_lone_quote(NctAudit *audit, const NctRule *rule)
{
    for_each_value(audit, rule, lone_quote);
}

static void
blank_number(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctOption *option)
{
    NctTypeKind kind = option->type->kind;

    if ((kind == NCT_TYPE_INTEGER || kind == NCT_TYPE_FLOAT || kind == NCT_TYPE_PORT) &&
        option->defaults && nct_strip((NctSpan){ entry->value, entry->value_length }).n == 0)
        report_value(audit, rule, entry, "take the line out, or give a number",
                     "left blank, this is None and not the default; Nova fails where it computes "
                     "with it");
}

static void
check_blank_number(NctAudit *audit, const NctRule *rule)
{
    for_each_value(audit, rule, blank_number);
}

static void
unsplit_list(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctOption *option)
{
    static const char *const words_only[] = { "cpu_models", "cpu_model_extra_flags", "enabled_apis",
                                              "enabled_filters", NULL };
    g_auto(GStrv) items = NULL;
    gboolean words = g_strv_contains(words_only, option->name);

    if (option->type->kind != NCT_TYPE_LIST)
        return;
    items = g_strsplit(entry->value, ",", 1000);
    for (char **item = items; *item; item++) {
        g_strstrip(*item);
        if (strchr(*item, '\n') || (words && strpbrk(*item, " \t;"))) {
            report_value(
                audit, rule, entry, "put commas between the items",
                "only commas separate the items of a list; blanks, semicolons and new lines "
                "belong to an item");
            return;
        }
    }
}

static void
check_unsplit_list(NctAudit *audit, const NctRule *rule)
{
    for_each_value(audit, rule, unsplit_list);
}

static void
word_for_unset(NctAudit *audit, const NctRule *rule, const NctEntry *entry, const NctOption *option)
{
    static const char *const words[] = {
        "None", "<None>", "null", "<SERVICE DEFAULT>", "nil", NULL
    };

    if (option->type->kind == NCT_TYPE_STRING && !option->type->choices && !option->defaults &&
        g_strv_contains(words, entry->value))
        report_value(audit, rule, entry, "take the line out to leave the option unset",
                     "this is the word itself, not an unset option");
}

static void
check_word_for_unset(NctAudit *audit, const NctRule *rule)
{
    for_each_value(audit, rule, word_for_unset);
}

static const NctRule rules[] = {
    {
        .code = "NC201",
        .name = "illegal-value",
        .severity = NCT_SEVERITY_ERROR,
        .summary = "a value that oslo.config refuses",
        .check = check_illegal,
        .explain = "An illegal value of any registered option stops the service when it starts: "
                   "oslo.service "
                   "reads every option to write it into the debug log, and reading raises "
                   "ConfigFileValueError. "
                   "Options of the command line (debug, log_file and others) are judged even "
                   "earlier, while the "
                   "file is read.\n\nBooleans are true, 1, yes, on, false, 0, no, off. Integers "
                   "have no suffix "
                   "and no exponent. Choices respect letter case. Of an option that stands several "
                   "times only the "
                   "last value is judged.\n\nSource: oslo_config/types.py.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_downtime = 50\n",
        .good = "[libvirt]\nlive_migration_downtime = 100\n",
    },
    {
        .code = "NC202",
        .name = "unknown-substitution",
        .severity = NCT_SEVERITY_ERROR,
        .summary = "a $name that does not exist",
        .check = check_substitution,
        .explain =
            "'$name' and '${name}' are replaced by the value of that option: of the same group, "
            "else of "
            "[DEFAULT]; '${group.name}' is another group's. $my_ip is right, $DEFAULT.my_ip is "
            "not. A name "
            "that does not exist raises an error when the option is read, which is at start, and "
            "oslo.config reports it under the name of the option that holds it. So a password such "
            "as "
            "s3cr$et stops the service: write the dollar twice.\n\nSource: oslo_config/cfg.py, "
            "_substitute and StrSubWrapper.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_inbound_addr = $DEFAULT.my_ip\n",
        .good = "[libvirt]\nlive_migration_inbound_addr = $my_ip\n",
    },
    {
        .code = "NC203",
        .name = "comment-in-value",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "a comment behind a value is part of the value",
        .check = check_inline_comment,
        .explain = "oslo.config has no inline comments: 'x = 1 # one' is the value '1 # one'.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_scheme = tls # encrypted\n",
        .good = "[libvirt]\n# encrypted\nlive_migration_scheme = tls\n",
    },
    {
        .code = "NC204",
        .name = "swallowed-line",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "an indented line that looks like an option, a header or a comment",
        .check = check_swallowed,
        .explain =
            "A line that begins with a blank or a tab continues the value above it, whatever it "
            "says. What it was meant to set is not set, and the value above it is wrong.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_scheme = tls\n  cpu_mode = none\n",
        .good = "[libvirt]\nlive_migration_scheme = tls\ncpu_mode = none\n",
    },
    {
        .code = "NC205",
        .name = "quotes-in-list",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "quotes around the items of a list",
        .check = check_quoted_items,
        .explain = "Only one pair of quotes around the whole first line of a value is dropped; "
                   "nothing else is "
                   "unquoted. \"a\",\"b\" becomes the items a\" and \"b.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = \"Nehalem\",\"Haswell\"\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Nehalem,Haswell\n",
    },
    {
        .code = "NC206",
        .name = "lone-quote",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "a quote without its partner",
        .check = check_lone_quote,
        .explain =
            "Quotes are dropped only as a pair around the whole value. A single one stays in it.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_scheme = \"tls\n",
        .good = "[libvirt]\nlive_migration_scheme = \"tls\"\n",
    },
    {
        .code = "NC207",
        .name = "blank-number",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "a number left blank",
        .check = check_blank_number,
        .explain =
            "'name =' does not bring the default back: a number becomes None, a string the empty "
            "string, a list the empty list; a boolean and an option with choices are refused.",
        .example_release = 33,
        .bad = "[DEFAULT]\nreserved_host_memory_mb =\n",
        .good = "[DEFAULT]\nreserved_host_memory_mb = 512\n",
    },
    {
        .code = "NC208",
        .name = "list-without-commas",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "a list whose items are not separated by commas",
        .check = check_unsplit_list,
        .explain = "Lists are split at commas and nowhere else. A value over several lines needs a "
                   "comma at "
                   "the end of each.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_mode = custom\ncpu_models = Nehalem Haswell\n",
        .good = "[libvirt]\ncpu_mode = custom\ncpu_models = Nehalem, Haswell\n",
    },
    {
        .code = "NC209",
        .name = "word-for-unset",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "the word None where an option was to be unset",
        .check = check_word_for_unset,
        .explain =
            "A file cannot set an option to None. The word, also as <None> in sample files, is a "
            "string like any other.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_scheme = <None>\n",
        .good = "[libvirt]\n#live_migration_scheme = <None>\n",
    },
};

const NctRuleTable nct_rules_values = { rules, G_N_ELEMENTS(rules) };
