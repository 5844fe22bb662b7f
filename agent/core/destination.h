/*
 * The migration as the destination host sees it: check -> reservation -> guest arrives -> runs.
 */
#pragma once

#include "agent/core/migration.h"
#include "agent/core/reservation.h"

typedef struct {
    NmaMigration base;
    gboolean facts_pending;
    gboolean reserved;      /* a live reservation of ours stands in the ledger */
    gboolean arrived;       /* Started/Migrated seen */
    gboolean runs;          /* Resumed/Migrated seen */
    gboolean post_seen;     /* post_live_migration_at_destination seen */
    gint64 ask_due_boot_us; /* when the conductor should be asked; NMA_NEVER */
    gint64 give_up_boot_us;
} NmaDestination;

NmaDestination *nma_destination_new(const NmaIdentity *identity, const char *attempt_id,
                                    NmaNow now);
void nma_destination_free(NmaDestination *destination);

/* reservations are made and changed in the ledger; what changed is found there by the caller */
void nma_destination_open(NmaDestination *destination, NmaNow now, GPtrArray *effects);
void nma_destination_step(NmaDestination *destination, const NmaEvent *event, NmaLedger *ledger,
                          NmaNow now, GPtrArray *effects);
void nma_destination_set_blind(NmaDestination *destination, NmaNow now);
gint64 nma_destination_next_deadline(const NmaDestination *destination);
