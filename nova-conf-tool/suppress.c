#include "nova-conf-tool/suppress.h"

#include <string.h>

#define MAX_SUPPRESSIONS 10000u

typedef struct {
    const NctDocument *document;
    guint line; /* of the comment */
    guint first, last;
    char *code;
    gboolean used;
} NctSuppression;

static void
clear_suppression(gpointer data)
{
    g_free(((NctSuppression *)data)->code);
}

/* the lines of the assignment or the header that follows the comment */
static void
find_target(const NctDocument *document, NctSuppression *suppression)
{
    guint n;
    const NctEntry *entries = nct_document_entries(document, &n);
    guint low = 0;
    guint high = n;
    guint n_sections;
    const NctSection *sections = nct_document_sections(document, &n_sections);

    while (low < high) {
        guint middle = (low + high) / 2;

        if (entries[middle].line <= suppression->line)
            low = middle + 1;
        else
            high = middle;
    }
    suppression->first = suppression->last = low < n ? entries[low].line : G_MAXUINT;
    if (low < n)
        suppression->last = entries[low].last_line;
    for (guint i = 0; i < n_sections; i++) {
        if (sections[i].line > suppression->line) {
            if (sections[i].line < suppression->first)
                suppression->first = suppression->last = sections[i].line;
            break;
        }
    }
}

static void
add_suppressions(GArray *all, const NctDocument *document, const NctRemark *remark)
{
    static const char *const words[] = { "ignore=", "ignore-file=" };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *list = NULL;
        g_auto(GStrv) codes = NULL;

        if (!g_str_has_prefix(remark->text, words[i]))
            continue;
        list = g_strdup(remark->text + strlen(words[i]));
        list[strcspn(list, " \t")] = '\0';
        codes = g_strsplit(list, ",", 50);
        for (char **code = codes; *code && all->len < MAX_SUPPRESSIONS; code++) {
            NctSuppression one = { document, remark->line, 0, G_MAXUINT, g_strdup(*code), FALSE };

            if (i == 0)
                find_target(document, &one);
            g_array_append_val(all, one);
        }
    }
}

static gboolean
is_suppressed(GArray *all, const NctFinding *finding)
{
    gboolean found = FALSE;

    for (guint i = 0; i < all->len; i++) {
        NctSuppression *one = &g_array_index(all, NctSuppression, i);

        if (one->document == finding->document && finding->line >= one->first &&
            finding->line <= one->last && g_ascii_strcasecmp(one->code, finding->rule->code) == 0)
            one->used = found = TRUE;
    }
    return found;
}

/* whether the rule was looked for at all, so that silence means something */
static gboolean
was_asked(const NctAudit *audit, const NctRule *rule)
{
    const NctAuditOptions *options = audit->options;
    const char *const *select = options->select;
    const char *const *ignore = options->ignore;
    gboolean asked = !select;

    for (; select && *select; select++)
        asked |= g_ascii_strncasecmp(rule->code, *select, strlen(*select)) == 0;
    for (; ignore && *ignore; ignore++)
        asked &= g_ascii_strncasecmp(rule->code, *ignore, strlen(*ignore)) != 0;
    if ((rule->first && audit->release < rule->first) ||
        (rule->last && audit->release > rule->last))
        return FALSE;
    /* these are found elsewhere */
    if (rule->flags & (NCT_RULE_UPGRADE | NCT_RULE_FLEET))
        return FALSE;
    return asked;
}

static void
report_idle(NctAudit *audit, GArray *all)
{
    const NctRule *unused = nct_rule_find(NCT_CODE_UNUSED_SUPPRESSION);
    const NctRule *unknown = nct_rule_find(NCT_CODE_UNKNOWN_SUPPRESSION);

    for (guint i = 0; i < all->len; i++) {
        const NctSuppression *one = &g_array_index(all, NctSuppression, i);
        const NctRule *rule = nct_rule_find(one->code);

        if (one->used)
            continue;
        if (!rule && was_asked(audit, unknown))
            nct_audit_report_line(audit, unknown, one->document, one->line,
                                  "this comment names a rule that does not exist; it must read "
                                  "ignore=CODE[,CODE] reason");
        else if (rule && was_asked(audit, rule) && was_asked(audit, unused))
            nct_audit_report_line(audit, unused, one->document, one->line,
                                  "this comment silences %s, which finds nothing here", rule->code);
    }
}

static void
add_all_suppressions(GArray *all, const NctDocument *document)
{
    guint n;
    const NctRemark *remarks = nct_document_remarks(document, &n);

    for (guint k = 0; k < n; k++)
        add_suppressions(all, document, &remarks[k]);
}

char *
nct_silenced_codes(const NctDocument *document, guint line)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(NctSuppression));
    GString *codes = NULL;

    g_array_set_clear_func(all, clear_suppression);
    add_all_suppressions(all, document);
    for (guint i = 0; i < all->len; i++) {
        const NctSuppression *one = &g_array_index(all, NctSuppression, i);

        if (line < one->first || line > one->last)
            continue;
        if (!codes)
            codes = g_string_new(NULL);
        g_string_append_printf(codes, "%s%s", codes->len ? " " : "", one->code);
    }
    if (!codes)
        return NULL;
    g_string_ascii_up(codes);
    return g_string_free(codes, FALSE);
}

void
nct_suppress(NctAudit *audit)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(NctSuppression));

    g_array_set_clear_func(all, clear_suppression);
    for (guint i = 0; i < nct_config_n_documents(audit->config); i++)
        add_all_suppressions(all, nct_config_document(audit->config, i));
    if (all->len == 0)
        return;
    for (guint i = audit->findings->len; i-- > 0;)
        if (is_suppressed(all, g_ptr_array_index(audit->findings, i)))
            g_ptr_array_remove_index(audit->findings, i);
    report_idle(audit, all);
}
