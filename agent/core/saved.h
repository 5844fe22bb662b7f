/*
 * What of the host's state stands on disk, as fingerprints: so that only what changed is written.
 * Statistics and the time of the last look are not in them: they change with every reading, and
 * progress needs no transaction.
 */
#pragma once

#include "agent/core/destination.h"
#include "agent/core/source.h"

typedef struct NmaSaved NmaSaved;

NmaSaved *nma_saved_new(void);
void nma_saved_free(NmaSaved *saved);

gboolean nma_saved_differs_source(const NmaSaved *saved, const NmaSource *source);
gboolean nma_saved_differs_destination(const NmaSaved *saved, const NmaDestination *destination);
/* adds those that differ, and those that have ended */
void nma_saved_add_reservations(const NmaSaved *saved, NmaLedger *ledger, GPtrArray *changed);

/* forgets all; then everything that is on disk now has to be kept */
void nma_saved_begin(NmaSaved *saved);
void nma_saved_keep_source(NmaSaved *saved, const NmaSource *source);
void nma_saved_keep_destination(NmaSaved *saved, const NmaDestination *destination);
void nma_saved_keep_reservations(NmaSaved *saved, NmaLedger *ledger);
