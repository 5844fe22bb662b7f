/* Conditions of rules: what they ask of a configuration. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/catalogue.h"

static gboolean
number_holds(const NctAudit *audit, const NctCondition *condition)
{
    double number;

    if (!nct_audit_number(audit, condition->group, condition->name, &number))
        return FALSE;
    switch (condition->test) {
    case NCT_WHEN_BELOW:
        return number < condition->number;
    case NCT_WHEN_ABOVE:
        return number > condition->number;
    case NCT_WHEN_EQUALS:
        return number <= condition->number && number >= condition->number;
    default:
        return number < condition->number || number > condition->number;
    }
}

static gboolean
is_one_of(const char *text, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, "|", -1);

    for (char **word = list; *word; word++)
        if (g_ascii_strcasecmp(*word, text) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
text_holds(const NctAudit *audit, const NctCondition *condition)
{
    g_autofree char *text = nct_audit_text(audit, condition->group, condition->name);
    gboolean empty = !text || !*text || g_str_equal(text, "[]");

    /* an illegal value is nothing that could be compared; it has its own finding */
    if (!text && nct_audit_is_set(audit, condition->group, condition->name))
        return FALSE;
    switch (condition->test) {
    case NCT_WHEN_IS:
        return text && g_ascii_strcasecmp(text, condition->text) == 0;
    case NCT_WHEN_IS_NOT:
        return !text || g_ascii_strcasecmp(text, condition->text) != 0;
    case NCT_WHEN_ONE_OF:
        return text && is_one_of(text, condition->text);
    case NCT_WHEN_CONTAINS:
        return text && strstr(text, condition->text);
    case NCT_WHEN_LACKS:
        return !empty && !strstr(text, condition->text);
    case NCT_WHEN_EMPTY:
        return empty;
    default:
        return !empty;
    }
}

gboolean
nct_audit_holds(const NctAudit *audit, const NctCondition *condition)
{
    switch (condition->test) {
    case NCT_WHEN_SET:
        return nct_audit_is_set(audit, condition->group, condition->name);
    case NCT_WHEN_UNSET:
        return !nct_audit_is_set(audit, condition->group, condition->name);
    case NCT_WHEN_TRUE:
        return nct_audit_true(audit, condition->group, condition->name);
    case NCT_WHEN_FALSE:
        return nct_audit_option(audit, condition->group, condition->name) &&
               !nct_audit_true(audit, condition->group, condition->name);
    case NCT_WHEN_BELOW:
    case NCT_WHEN_ABOVE:
    case NCT_WHEN_EQUALS:
    case NCT_WHEN_NOT_EQUALS:
        return number_holds(audit, condition);
    default:
        return text_holds(audit, condition);
    }
}

/* ---- all of a rule ---- */

#define MAX_RULES    256
#define MAX_RELEASES 32

/*
 * Most options are set by nobody, and then a condition comes to the same in every file. So for each
 * release the answer at the default is kept: a number that is ROW_SHIFT times the catalogue's row
 * of the option, plus one of these. 0 = not known yet.
 */
enum { ALWAYS_ASK = 1, NO_AT_DEFAULT = 2, YES_AT_DEFAULT = 3, ROW_SHIFT = 4 };

typedef gint Answers[MAX_RULES][NCT_MAX_CONDITIONS];

static Answers *
answers_of(guint release)
{
    static Answers *kept[MAX_RELEASES];
    gpointer *place = (gpointer *)&kept[release - nct_release_oldest()];
    Answers *answers = g_atomic_pointer_get(place);

    if (answers)
        return answers;
    answers = (Answers *)g_new0(Answers, 1);
    if (g_atomic_pointer_compare_and_exchange(place, NULL, answers))
        return answers;
    g_free(answers);
    return g_atomic_pointer_get(place);
}

/* whether nothing but a line with the option's own name can give it another value */
static gboolean
is_simple(const NctOption *option)
{
    if (option->n_old_names > 0 || (option->flags & NCT_OPTION_DEFAULT_COMPUTED))
        return FALSE;
    for (const char *const *text = option->defaults; text && *text; text++)
        if (strchr(*text, '$'))
            return FALSE;
    return TRUE;
}

static gboolean
is_mentioned(const NctAudit *audit, guint row)
{
    return audit->mentioned[row / 8] >> (row % 8) & 1;
}

static gboolean
holds(const NctAudit *audit, const NctCondition *condition, gint *kept)
{
    gint known = g_atomic_int_get(kept);
    const NctCatalogueRow *row;
    const NctOption *option;
    guint number;
    gboolean answer;

    if (known == ALWAYS_ASK || nct_config_has_overrides(audit->config))
        return nct_audit_holds(audit, condition);
    if (known && !is_mentioned(audit, (guint)known / ROW_SHIFT))
        return known % ROW_SHIFT == YES_AT_DEFAULT;
    answer = nct_audit_holds(audit, condition);
    if (known)
        return answer;
    row = nct_catalogue_row(condition->group, condition->name);
    option = nct_catalogue_row_option(row, audit->release);
    number = row ? (guint)(row - nct_options) : 0;
    if (!option || !is_simple(option))
        g_atomic_int_set(kept, ALWAYS_ASK);
    else if (!is_mentioned(audit, number))
        g_atomic_int_set(kept,
                         (gint)number * ROW_SHIFT + (answer ? YES_AT_DEFAULT : NO_AT_DEFAULT));
    return answer;
}

gboolean
nct_audit_all_hold(const NctAudit *audit, const NctRule *rule, guint number)
{
    Answers *answers;

    g_return_val_if_fail(number < MAX_RULES && nct_release_row(audit->release), FALSE);
    answers = answers_of(audit->release);
    for (guint i = 0; i < NCT_MAX_CONDITIONS && rule->when[i].test != NCT_WHEN_END; i++)
        if (!holds(audit, &rule->when[i], &(*answers)[number][i]))
            return FALSE;
    return TRUE;
}
