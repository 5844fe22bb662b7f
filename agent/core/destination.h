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
    gint64 give_up_boot_us; /* end of patience of the present state, or when to look once more */

    /* of the moment: need not be saved */
    gboolean given_up;    /* Nova lists it as failed; libvirt is looked at once more */
    gboolean queued_seen; /* the conductor said that the source has taken it */
    gboolean hold_seen;   /* pre_live_migration came before the facts */
} NmaDestination;

NmaDestination *nma_destination_new(const NmaIdentity *identity, const char *attempt_id,
                                    NmaNow now);
void nma_destination_free(NmaDestination *destination);

/* reservations are made and changed in the ledger; what changed is found there by the caller */
void nma_destination_open(NmaDestination *destination, NmaNow now, GPtrArray *effects);
/* The check was not seen; something later was, which is stepped next. */
void nma_destination_open_late(NmaDestination *destination, NmaNow now, GPtrArray *effects);
void nma_destination_step(NmaDestination *destination, const NmaEvent *event, NmaLedger *ledger,
                          NmaNow now, GPtrArray *effects);
/* what its guest takes, as far as Nova has said it */
void nma_destination_wants(const NmaDestination *destination, NmaResources *resources);
void nma_destination_set_blind(NmaDestination *destination, NmaNow now);
/* Nova checks for another migration of the instance: ends this one, unless its guest is arriving.
 * TRUE when it is ended. */
gboolean nma_destination_supersede(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                                   GPtrArray *effects);
/* the host was booted again */
void nma_destination_rebooted(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                              GPtrArray *effects);
/* boot_us or NMA_NEVER; the lease in the ledger and ask_due_boot_us are not in it */
gint64 nma_destination_next_deadline(const NmaDestination *destination);
