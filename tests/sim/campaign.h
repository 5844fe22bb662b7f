/* How many seeded runs a simulation makes: a reduced count in `make check`, the whole campaign in
 * `make check-long` (NMA_LONG=1). NMA_SIM_RUNS and NMA_SIM_SEED say it exactly. */
#pragma once

#include <glib.h>

typedef struct {
    guint64 first, runs; /* seeds first … first + runs - 1 */
} Campaign;

static inline guint64
campaign_number(const char *name, guint64 otherwise)
{
    const char *text = g_getenv(name);

    return text != NULL ? g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static inline Campaign
campaign_of(guint64 reduced, guint64 whole)
{
    gboolean in_full = campaign_number("NMA_LONG", 0) != 0;
    Campaign campaign = {
        .first = campaign_number("NMA_SIM_SEED", 1),
        .runs = campaign_number("NMA_SIM_RUNS", in_full ? whole : reduced),
    };

    g_test_message("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " runs", campaign.runs, whole);
    return campaign;
}
