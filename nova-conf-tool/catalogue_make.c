/*
 * Options as the reader wants them, made of the catalogue's rows when they are first asked for and
 * then kept: a file speaks of a few dozen of some thousands.
 */
#include <string.h>

#include "nova-conf-tool/catalogue.h"

/* a NULL-terminated list of words into room, which has one place for each and one more */
static void
fill_words(const char **room, guint first)
{
    while (nct_words[first])
        *room++ = nct_text(nct_words[first++]);
    *room = NULL;
}

static guint
count_words(guint first)
{
    guint n = 0;

    while (nct_words[first + n])
        n++;
    return n;
}

static const char *const *
make_words(guint first)
{
    const char **words;

    if (!first)
        return NULL;
    words = g_new(const char *, count_words(first) + 1);
    fill_words(words, first);
    return words;
}

static void
free_type(NctType *type)
{
    g_free((gpointer)type->choices);
    g_free((gpointer)type->schemes);
    g_free(type);
}

static const NctType *
type_of(guint number)
{
    const NctType *made = g_atomic_pointer_get(&nct_made_types[number]);
    const NctTypeRow *row = &nct_types[number];
    NctType *type;

    if (made)
        return made;
    type = g_new(NctType, 1);
    *type = (NctType){
        .kind = (NctTypeKind)row->kind,
        .flags = (NctTypeFlags)row->flags,
        .min = row->min,
        .max = row->max,
        .choices = make_words(row->choices),
        .regex = row->regex ? nct_text(row->regex) : NULL,
        .max_length = row->max_length,
        .schemes = make_words(row->schemes),
        .item = row->item ? type_of(row->item) : NULL,
    };
    /* another thread may have been faster: then its is everybody's */
    if (!g_atomic_pointer_compare_and_exchange(&nct_made_types[number], NULL, type)) {
        free_type(type);
        return g_atomic_pointer_get(&nct_made_types[number]);
    }
    return type;
}

/* an option and the lists that belong to it, in one piece of memory */
typedef struct {
    NctOption option;
    gpointer room[];
} Made;

static Made *
make_option(const NctCatalogueRow *row, const NctFactRow *fact)
{
    guint n_defaults = fact->has_defaults ? count_words(fact->defaults) + 1 : 0;
    gsize names_size = fact->n_old_names * sizeof(NctName);
    Made *made = g_malloc(sizeof(Made) + n_defaults * sizeof(char *) + names_size);
    const char **defaults = (const char **)made->room;
    NctName *old_names = (NctName *)(defaults + n_defaults);

    if (fact->has_defaults)
        fill_words(defaults, fact->defaults);
    for (guint i = 0; i < fact->n_old_names; i++) {
        const NctTextPair *pair = &nct_names[fact->old_names + i];

        old_names[i] = (NctName){ nct_text(pair->group), nct_text(pair->name) };
    }
    made->option = (NctOption){
        .group = nct_text(row->group),
        .name = nct_text(row->name),
        .type = type_of(fact->type),
        .flags = (NctOptionFlags)fact->flags,
        .defaults = fact->has_defaults ? defaults : NULL,
        .old_names = fact->n_old_names ? old_names : NULL,
        .n_old_names = fact->n_old_names,
        .deprecated_since = fact->deprecated_since ? nct_text(fact->deprecated_since) : NULL,
    };
    return made;
}

static const NctOption *
option_of(const NctCatalogueRow *row, guint number)
{
    const NctOption *option = g_atomic_pointer_get(&nct_made_options[number]);
    Made *made;

    if (option)
        return option;
    made = make_option(row, &nct_facts[number]);
    if (!g_atomic_pointer_compare_and_exchange(&nct_made_options[number], NULL, &made->option)) {
        g_free(made);
        return g_atomic_pointer_get(&nct_made_options[number]);
    }
    return &made->option;
}

const NctOption *
nct_catalogue_row_option(const NctCatalogueRow *row, guint release)
{
    for (guint i = 0; row && i < row->n_facts; i++)
        if (nct_release_in(nct_facts[row->first_fact + i].releases, release))
            return option_of(row, row->first_fact + i);
    return NULL;
}
