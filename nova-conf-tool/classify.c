#include "nova-conf-tool/classify.h"

#include <string.h>

#include "nova-conf-tool/suggest.h"

char *
nct_operator_base(const char *key)
{
    gsize n = strlen(key);

    if (n < 2 || !strchr("+-?|", key[n - 1]))
        return NULL;
    for (n--; n > 0 && g_ascii_isspace(key[n - 1]);)
        n--;
    if (n == 0 || strcspn(key, " \t") < n)
        return NULL;
    return g_strndup(key, n);
}

/* groups of oslo.config's remote sources have names that the operator chooses */
static gboolean
is_config_source(const NctAudit *audit, const char *group)
{
    g_auto(GStrv) sources = NULL;

    if (!nct_audit_is_set(audit, "DEFAULT", "config_source"))
        return FALSE;
    sources = nct_audit_list(audit, "DEFAULT", "config_source");
    return g_strv_contains((const char *const *)sources, group);
}

NctGroupKind
nct_classify_group(const NctAudit *audit, const char *group)
{
    const char *const *told = audit->options->known_groups;
    const char *const *listed = audit->options->listed_groups;

    if (nct_catalogue_knows_group(audit->release, group) ||
        (listed && g_strv_contains(listed, group)))
        return NCT_GROUP_KNOWN;
    if ((told && g_strv_contains(told, group)) || is_config_source(audit, group))
        return NCT_GROUP_TOLD;
    if (g_str_equal(group, "default"))
        return NCT_GROUP_DEFAULT_MISSPELT;
    return nct_catalogue_ever_had_group(group) ? NCT_GROUP_OF_OTHER_RELEASE : NCT_GROUP_UNKNOWN;
}

static gboolean
is_told(const NctAudit *audit, const NctEntry *entry)
{
    g_autofree char *full = NULL;

    if (!audit->options->known_options)
        return FALSE;
    full = g_strdup_printf("%s/%s", entry->group, entry->key);
    return g_strv_contains(audit->options->known_options, full) ||
           g_strv_contains(audit->options->known_options, entry->key);
}

/* in the catalogue, but not of this release */
static gboolean
classify_by_time(const NctAudit *audit, const NctEntry *entry, NctClass *what)
{
    const NctCatalogueRow *row = nct_catalogue_row(entry->group, entry->key);

    if (!row)
        return FALSE;
    what->row = row;
    /* the nearest change before this release; it may have come back */
    for (guint release = audit->release; release >= nct_release_oldest(); release--) {
        if (nct_catalogue_option(release, entry->group, entry->key)) {
            what->kind = NCT_CLASS_REMOVED;
            what->release = release + 1;
            return TRUE;
        }
    }
    for (guint release = audit->release; release <= nct_release_newest(); release++) {
        if (nct_catalogue_option(release, entry->group, entry->key)) {
            what->kind = NCT_CLASS_NOT_YET;
            what->release = release;
            return TRUE;
        }
    }
    return FALSE;
}

/* an old name that earlier releases read */
static gboolean
classify_old_name_by_time(const NctAudit *audit, const NctEntry *entry, NctClass *what)
{
    for (guint release = audit->release; release >= nct_release_oldest(); release--) {
        const NctOption *option = nct_catalogue_by_old_name(release, entry->group, entry->key);

        if (option) {
            const NctOption *now =
                nct_catalogue_option(audit->release, option->group, option->name);

            *what = (NctClass){ .kind = NCT_CLASS_REMOVED, .release = release + 1, .option = now };
            return TRUE;
        }
    }
    return FALSE;
}

static const NctOption *
without_dashes(const NctAudit *audit, const NctEntry *entry)
{
    g_autofree char *name = NULL;

    if (!strchr(entry->key, '-'))
        return NULL;
    name = g_strdelimit(g_strdup(entry->key), "-", '_');
    return nct_catalogue_option(audit->release, entry->group, name);
}

/*
 * Whether a line under one header was meant for the other. Groups of several services have options
 * alike: [neutron] admin_password was not meant for [ironic], nor its auth_strategy for [DEFAULT].
 */
static gboolean
is_likely_move(const char *from, const char *to)
{
    static const char *const central[] = { "DEFAULT", "libvirt", "compute", NULL };

    return g_str_equal(from, "DEFAULT") ||
           (g_strv_contains(central, to) && !nct_catalogue_row(from, "auth_type"));
}

static NctClass
classify_unread(NctAudit *audit, const NctEntry *entry)
{
    g_autofree char *base = nct_operator_base(entry->key);
    NctClass what = { .kind = NCT_CLASS_OPERATOR };

    if (base)
        return what;
    what.option = without_dashes(audit, entry);
    if (what.option) {
        what.kind = NCT_CLASS_DASH;
        return what;
    }
    if (classify_by_time(audit, entry, &what) || classify_old_name_by_time(audit, entry, &what))
        return what;
    if (audit->searches_left > 0) {
        audit->searches_left--;
        what.option = nct_suggest_other_group(audit->release, entry->group, entry->key);
    }
    what.kind = what.option && is_likely_move(entry->group, what.option->group)
                    ? NCT_CLASS_WRONG_GROUP
                    : NCT_CLASS_UNKNOWN;
    return what;
}

static NctClass
classify(NctAudit *audit, const NctEntry *entry)
{
    const NctCatalogueRow *row = nct_catalogue_row(entry->group, entry->key);
    NctClass what = { .kind = NCT_CLASS_OPTION };

    if (row)
        audit->mentioned[(row - nct_options) / 8] |= (guint8)(1 << (row - nct_options) % 8);
    what.option = nct_catalogue_row_option(row, audit->release);
    what.point = nct_catalogue_not_yet(audit->version, entry->group, entry->key);
    if (what.option && what.point)
        what.kind = NCT_CLASS_NOT_YET;
    if (what.option)
        return what;
    what.option = nct_catalogue_by_old_name(audit->release, entry->group, entry->key);
    what.kind = NCT_CLASS_OLD_NAME;
    if (what.option)
        return what;
    what.option = nct_catalogue_pattern(audit->release, entry->group, entry->key);
    what.kind = NCT_CLASS_PATTERN;
    if (what.option)
        return what;
    what.kind = NCT_CLASS_TOLD;
    if (is_told(audit, entry))
        return what;
    switch (nct_classify_group(audit, entry->group)) {
    case NCT_GROUP_TOLD:
        return what;
    case NCT_GROUP_DEFAULT_MISSPELT:
    case NCT_GROUP_UNKNOWN:
        what.kind = NCT_CLASS_GROUP_UNKNOWN;
        return what;
    default:
        return classify_unread(audit, entry);
    }
}

NctResult
nct_line_result(const NctAudit *audit, const NctLineClass *line)
{
    NctSpan text = { line->entry->value, line->entry->value_length };

    /* an option of a pattern has no place of its own in the configuration */
    if (line->what.kind == NCT_CLASS_PATTERN)
        return nct_config_evaluate(audit->config, line->what.option, text);
    return nct_config_read(audit->config, line->what.option);
}

/* a type that takes any text: most are */
static gboolean
is_plain(const NctType *type)
{
    return type->kind == NCT_TYPE_STRING && !type->choices && !type->regex && !type->max_length &&
           !(type->flags & NCT_QUOTES);
}

static gboolean
is_readable(const NctAudit *audit, const NctLineClass *line)
{
    g_auto(NctResult) result = { 0 };

    if (line->what.kind == NCT_CLASS_OPTION || line->what.kind == NCT_CLASS_OLD_NAME) {
        if (nct_config_origin(audit->config, line->what.option).entry != line->entry)
            return TRUE;
    } else if (line->what.kind != NCT_CLASS_PATTERN) {
        return TRUE;
    }
    if (is_plain(line->what.option->type) && !strchr(line->entry->value, '$'))
        return TRUE;
    result = nct_line_result(audit, line);
    return result.kind == NCT_RESULT_OK || result.kind == NCT_RESULT_COMPUTED;
}

void
nct_classify_all(NctAudit *audit)
{
    for (guint i = 0; i < nct_config_n_documents(audit->config); i++) {
        guint n;
        const NctEntry *entries = nct_document_entries(nct_config_document(audit->config, i), &n);

        for (guint k = 0; k < n; k++) {
            if (entries[k].group) {
                NctLineClass line = { &entries[k], classify(audit, &entries[k]), TRUE };

                line.readable = is_readable(audit, &line);
                g_array_append_val(audit->lines, line);
            }
        }
    }
}

void
nct_for_each_line(NctAudit *audit, const NctRule *rule, NctLineCheck check)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);

        check(audit, rule, line->entry, &line->what);
    }
}
