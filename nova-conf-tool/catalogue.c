#include "nova-conf-tool/catalogue.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RELEASES 32

/* ---- releases ---- */

guint
nct_release_oldest(void)
{
    return nct_releases[0].id;
}

guint
nct_release_newest(void)
{
    return nct_releases[n_nct_releases - 1].id;
}

const NctReleaseRow *
nct_release_row(guint release)
{
    if (release < nct_release_oldest() || release > nct_release_newest())
        return NULL;
    return &nct_releases[release - nct_release_oldest()];
}

guint
nct_release_parse(const char *text)
{
    char *rest;
    guint64 major;

    for (guint i = 0; i < n_nct_releases; i++)
        if (g_ascii_strcasecmp(text, nct_releases[i].name) == 0 ||
            g_ascii_strcasecmp(text, nct_releases[i].codename) == 0)
            return *text ? nct_releases[i].id : 0;
    if (!g_ascii_isdigit(*text))
        return 0;
    major = g_ascii_strtoull(text, &rest, 10);
    if ((*rest != '\0' && *rest != '.') || strspn(rest, ".0123456789") != strlen(rest))
        return 0;
    return major <= nct_release_newest() && nct_release_row((guint)major) ? (guint)major : 0;
}

char *
nct_release_describe(guint release)
{
    const NctReleaseRow *row = nct_release_row(release);

    if (!row)
        return g_strdup_printf("%u", release);
    if (*row->codename)
        return g_strdup_printf("%s (%u, %s)", row->name, row->id, row->codename);
    return g_strdup_printf("%s (%u)", row->name, row->id);
}

gboolean
nct_release_in(NctReleaseMask mask, guint release)
{
    return release >= nct_release_oldest() && release <= nct_release_newest() &&
           (mask >> (release - nct_release_oldest()) & 1);
}

/* ---- options ---- */

guint
nct_name_hash(const char *group, const char *name)
{
    guint32 hash = 2166136261u;

    for (const char *p = group; *p; p++)
        hash = (hash ^ (guchar)*p) * 16777619u;
    hash = (hash ^ '/') * 16777619u;
    for (const char *p = name; *p; p++)
        hash = (hash ^ (guchar)*p) * 16777619u;
    return hash;
}

const NctCatalogueRow *
nct_catalogue_row(const char *group, const char *name)
{
    guint mask = n_nct_option_hash - 1;

    for (guint i = nct_name_hash(group, name) & mask; nct_option_hash[i]; i = (i + 1) & mask) {
        const NctCatalogueRow *row = &nct_options[nct_option_hash[i] - 1];

        if (strcmp(nct_text(row->name), name) == 0 && strcmp(nct_text(row->group), group) == 0)
            return row;
    }
    return NULL;
}

const NctOption *
nct_catalogue_option(guint release, const char *group, const char *name)
{
    return nct_catalogue_row_option(nct_catalogue_row(group, name), release);
}

static int
compare_alias(gconstpointer a, gconstpointer b)
{
    const NctName *wanted = a;
    const NctAliasRow *row = b;
    int order = strcmp(wanted->group, nct_text(row->group));

    return order ? order : strcmp(wanted->name, nct_text(row->name));
}

const NctOption *
nct_catalogue_by_old_name(guint release, const char *group, const char *name)
{
    return nct_catalogue_reader_of(release, group, name, 0);
}

const NctOption *
nct_catalogue_reader_of(guint release, const char *group, const char *name, guint n)
{
    NctName wanted = { group, name };
    const NctAliasRow *row =
        bsearch(&wanted, nct_aliases, n_nct_aliases, sizeof(nct_aliases[0]), compare_alias);

    if (!row)
        return NULL;
    while (row > nct_aliases && compare_alias(&wanted, row - 1) == 0)
        row--;
    for (; row < nct_aliases + n_nct_aliases && compare_alias(&wanted, row) == 0; row++)
        if (nct_release_in(row->releases, release) && n-- == 0)
            return nct_catalogue_option(release, nct_text(row->to_group), nct_text(row->to_name));
    return NULL;
}

static gboolean
is_in_release(const NctCatalogueRow *row, guint release)
{
    for (guint i = 0; i < row->n_facts; i++)
        if (nct_release_in(nct_facts[row->first_fact + i].releases, release))
            return TRUE;
    return FALSE;
}

static gboolean
pattern_matches(const char *pattern, const char *group)
{
    const char *star = strchr(pattern, '*');

    if (!star)
        return g_str_equal(pattern, group);
    return strncmp(pattern, group, (gsize)(star - pattern)) == 0 && group[star - pattern] != '\0';
}

const NctOption *
nct_catalogue_pattern(guint release, const char *group, const char *name)
{
    for (guint i = 0; i < n_nct_patterns; i++) {
        const NctCatalogueRow *row = &nct_patterns[i];

        if (is_in_release(row, release) && g_str_equal(nct_text(row->name), name) &&
            pattern_matches(nct_text(row->group), group))
            return nct_catalogue_row_option(row, release);
    }
    return NULL;
}

const NctCatalogueRow *
nct_catalogue_group(const char *group)
{
    guint low = 0;
    guint high = n_nct_options;

    while (low < high) {
        guint middle = (low + high) / 2;

        if (strcmp(nct_text(nct_options[middle].group), group) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return &nct_options[low];
}

gboolean
nct_catalogue_is_of(const NctCatalogueRow *row, const char *group)
{
    return row < nct_options + n_nct_options && g_str_equal(nct_text(row->group), group);
}

gboolean
nct_catalogue_has_group(guint release, const char *group)
{
    if (g_str_equal(group, "DEFAULT"))
        return FALSE;
    for (const NctCatalogueRow *row = nct_catalogue_group(group); nct_catalogue_is_of(row, group);
         row++)
        if (is_in_release(row, release))
            return TRUE;
    return FALSE;
}

gboolean
nct_catalogue_knows_group(guint release, const char *group)
{
    if (g_str_equal(group, "DEFAULT") || nct_catalogue_has_group(release, group))
        return TRUE;
    for (guint i = 0; i < n_nct_patterns; i++)
        if (is_in_release(&nct_patterns[i], release) &&
            pattern_matches(nct_text(nct_patterns[i].group), group))
            return TRUE;
    for (guint i = 0; i < n_nct_aliases; i++)
        if (nct_release_in(nct_aliases[i].releases, release) &&
            g_str_equal(nct_text(nct_aliases[i].group), group))
            return TRUE;
    return FALSE;
}

gboolean
nct_catalogue_ever_had_group(const char *group)
{
    const NctCatalogueRow *row = nct_catalogue_group(group);

    return nct_catalogue_is_of(row, group);
}

guint
nct_version_number(const char *version)
{
    g_auto(GStrv) parts = version ? g_strsplit(version, ".", 4) : NULL;
    guint number = 0;

    if (!parts || !parts[0] || !parts[1])
        return 0;
    for (guint i = 0; i < 3; i++)
        number =
            number * 1000 + (parts[i] ? (guint)MIN(g_ascii_strtoull(parts[i], NULL, 10), 999) : 0);
    return number;
}

const NctPointRow *
nct_catalogue_not_yet(guint version, const char *group, const char *name)
{
    for (guint i = 0; version > 0 && i < n_nct_points; i++) {
        const NctPointRow *row = &nct_points[i];
        guint since = (row->major * 1000u + row->minor) * 1000u + row->patch;

        if (row->added && row->major == version / 1000000u && version < since &&
            g_str_equal(nct_text(row->group), group) && g_str_equal(nct_text(row->name), name))
            return row;
    }
    return NULL;
}

/* ---- as a schema ---- */

static guint
release_of(const NctSchema *schema)
{
    return ((const NctReleaseRow *)schema->data)->id;
}

static const NctOption *
schema_find(const NctSchema *schema, const char *group, const char *name)
{
    return nct_catalogue_option(release_of(schema), group, name);
}

static const NctOption *
schema_find_by_old_name(const NctSchema *schema, const char *group, const char *name)
{
    return nct_catalogue_by_old_name(release_of(schema), group, name);
}

static gboolean
schema_has_group(const NctSchema *schema, const char *group)
{
    return nct_catalogue_has_group(release_of(schema), group);
}

const NctSchema *
nct_catalogue_schema(guint release)
{
    static NctSchema schemas[MAX_RELEASES];
    static gsize ready;
    const NctReleaseRow *row;

    if (g_once_init_enter(&ready)) {
        for (guint i = 0; i < n_nct_releases; i++)
            schemas[i] = (NctSchema){ schema_find, schema_find_by_old_name, schema_has_group,
                                      &nct_releases[i] };
        g_once_init_leave(&ready, 1);
    }
    row = nct_release_row(release);
    if (!row)
        row = &nct_releases[n_nct_releases - 1];
    return &schemas[row - nct_releases];
}
