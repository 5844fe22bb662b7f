#include "nova-conf-tool/suggest.h"

#include <string.h>

#define MAX_NAME 64

/* which letters stand in a name */
static guint32
letters_of(const char *name)
{
    guint32 letters = 0;

    for (; *name; name++)
        letters |= 1u << ((guchar)*name & 31);
    return letters;
}

/* one mistake takes at most one letter away and brings one in */
static gboolean
letters_differ_too_much(const char *a, const char *b, guint limit)
{
    guint32 in_a = letters_of(a);
    guint32 in_b = letters_of(b);

    return (guint)__builtin_popcount(in_a & ~in_b) > limit ||
           (guint)__builtin_popcount(in_b & ~in_a) > limit;
}

/* optimal string alignment: two neighbouring letters swapped count as one mistake */
guint
nct_edit_distance(const char *a, const char *b, guint limit)
{
    guint rows[3][MAX_NAME + 1];
    gsize n = strlen(a);
    gsize m = strlen(b);

    if (n > MAX_NAME || m > MAX_NAME || (n > m ? n - m : m - n) > limit)
        return limit + 1;
    if (letters_differ_too_much(a, b, limit))
        return limit + 1;
    for (gsize j = 0; j <= m; j++)
        rows[0][j] = (guint)j;
    for (gsize i = 1; i <= n; i++) {
        guint *row = rows[i % 3];
        const guint *above = rows[(i - 1) % 3];
        guint best;

        row[0] = best = (guint)i;
        for (gsize j = 1; j <= m; j++) {
            guint cost = a[i - 1] != b[j - 1];

            row[j] = MIN(MIN(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], rows[(i - 2) % 3][j - 2] + 1);
            best = MIN(best, row[j]);
        }
        if (best > limit)
            return limit + 1;
    }
    return MIN(rows[n % 3][m], limit + 1);
}

static guint
limit_for(const char *name)
{
    gsize n = strlen(name);

    return n <= 4 ? 1 : n <= 12 ? 2 : 3;
}

/* lower case, dashes as underscores: how people vary a name that they mean */
static char *
plain_name(const char *name)
{
    char *plain = g_ascii_strdown(name, -1);

    return g_strdelimit(plain, "-", '_');
}

const NctOption *
nct_suggest_in_group(guint release, const char *group, const char *name)
{
    g_autofree char *plain = plain_name(name);
    guint best = limit_for(name) + 1;
    const NctOption *found = NULL;

    for (const NctCatalogueRow *row = nct_catalogue_group(group); nct_catalogue_is_of(row, group);
         row++) {
        const NctOption *option;
        guint distance;

        distance = nct_edit_distance(plain, nct_text(row->name), best - 1);
        if (distance >= best)
            continue;
        option = nct_catalogue_row_option(row, release);
        if (option) {
            best = distance;
            found = option;
        }
    }
    return found;
}

/* an option that had this name in its own group, and still reads it there */
static const NctOption *
renamed_in_other_group(guint release, const char *group, const char *plain)
{
    for (guint i = 0; i < n_nct_aliases; i++) {
        const NctAliasRow *row = &nct_aliases[i];

        if (nct_release_in(row->releases, release) && row->group == row->to_group &&
            g_str_equal(nct_text(row->name), plain) && !g_str_equal(nct_text(row->group), group))
            return nct_catalogue_option(release, nct_text(row->to_group), nct_text(row->to_name));
    }
    return NULL;
}

const NctOption *
nct_suggest_other_group(guint release, const char *group, const char *name)
{
    g_autofree char *plain = plain_name(name);
    const NctOption *found = NULL;

    for (guint i = 0; i < n_nct_options; i++) {
        const NctCatalogueRow *row = &nct_options[i];
        const NctOption *option;

        if (row->auth || *nct_text(row->name) != *plain ||
            !g_str_equal(nct_text(row->name), plain) || g_str_equal(nct_text(row->group), group))
            continue;
        option = nct_catalogue_row_option(row, release);
        /* [libvirt] before others: this is a compute host's file */
        if (option && (!found || g_str_equal(option->group, "libvirt")))
            found = option;
    }
    return found ? found : renamed_in_other_group(release, group, plain);
}

const char *
nct_suggest_group(guint release, const char *group)
{
    guint best = limit_for(group) + 1;
    const char *found = NULL;

    for (guint i = 0; i < n_nct_options; i++) {
        const char *known = nct_text(nct_options[i].group);
        guint distance;

        /* every text is written once */
        if (i > 0 && nct_options[i].group == nct_options[i - 1].group)
            continue;
        distance = nct_edit_distance(group, known, best - 1);
        if (distance < best && nct_catalogue_has_group(release, known)) {
            best = distance;
            found = known;
        }
    }
    return found;
}
