/* The options that a document sets, for the targets of nova-conf-tool. */
#pragma once

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/document.h"

typedef void (*FuzzVisit)(const NctOption *option, gpointer data);

/* every option that reads one of the assignments, some more than once */
static inline void
fuzz_for_each_option(const NctDocument *document, guint release, FuzzVisit visit, gpointer data)
{
    guint n;
    const NctEntry *entries = nct_document_entries(document, &n);

    for (guint i = 0; i < n; i++) {
        const NctOption *option;

        if (!entries[i].group)
            continue;
        option = nct_catalogue_option(release, entries[i].group, entries[i].key);
        if (option)
            visit(option, data);
        for (guint k = 0;
             (option = nct_catalogue_reader_of(release, entries[i].group, entries[i].key, k)); k++)
            visit(option, data);
    }
}

/* makes all that the catalogue makes when it is first asked, so that no run seems to leak it */
static inline void
fuzz_warm_catalogue(void)
{
    for (guint release = nct_release_oldest(); release <= nct_release_newest(); release++)
        for (guint i = 0; i < n_nct_options; i++)
            nct_catalogue_row_option(&nct_options[i], release);
}
