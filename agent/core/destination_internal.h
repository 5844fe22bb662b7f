/*
 * What the files of the destination share: destination.c (events and time), destination_phases.c
 * (the reservation, from phase to phase), destination_nova.c (what the conductor says). Nobody
 * else includes this.
 */
#pragma once

#include "agent/core/admission.h"
#include "agent/core/destination.h"

/* until the conductor is asked again */
#define NMA_DESTINATION_ASK_US            (30 * NMA_US_PER_S)
#define NMA_DESTINATION_ASK_ARRIVING_US   (60 * NMA_US_PER_S)
#define NMA_DESTINATION_ASK_AFTER_POST_US (1 * NMA_US_PER_S)
#define NMA_DESTINATION_ASK_COMMIT_US     (5 * NMA_US_PER_S)

#define NMA_DESTINATION_PATIENCE_US        (24 * 3600 * NMA_US_PER_S)
#define NMA_DESTINATION_PATIENCE_COMMIT_US (600 * NMA_US_PER_S)

/* of ours in the ledger, or NULL */
NmaReservation *nma_destination_live_reservation(const NmaDestination *destination,
                                                 NmaLedger *ledger);
/* Makes the reservation, or takes the one there is to the state. Never back. */
void nma_destination_reserve(NmaDestination *destination, NmaReservationState state,
                             NmaLedger *ledger, NmaNow now);
/* committed, or released: nothing is promised any more */
void nma_destination_end_reservation(NmaDestination *destination, NmaReservationState state,
                                     NmaLedger *ledger, NmaNow now);

/* A sign of life. Once post_live_migration_at_destination is seen the wait is a short one. */
void nma_destination_be_patient(NmaDestination *destination, NmaNow now);
/* marks the report when the evidence is inferred */
void nma_destination_mark(NmaDestination *destination, NmaReport *report, NmaEvidence evidence,
                          NmaNow at);

/* Each goes from the phase there is to its own, reporting what lies between; a phase that is
 * reached already is left as it is. */

/* The verdict: end of pre_migration, and the reservation or its refusal. facts and capacity are
 * NULL when they did not come in time. */
void nma_destination_judge(NmaDestination *destination, const NmaFacts *facts,
                           const NmaCapacity *capacity, NmaLedger *ledger, NmaNow now,
                           GPtrArray *effects);
void nma_destination_hold(NmaDestination *destination, NmaLedger *ledger, NmaNow at, NmaNow now,
                          GPtrArray *effects);
void nma_destination_arrive(NmaDestination *destination, NmaEvidence evidence, NmaLedger *ledger,
                            NmaNow at, NmaNow now, GPtrArray *effects);
void nma_destination_run(NmaDestination *destination, NmaGuestState state, NmaEvidence evidence,
                         NmaLedger *ledger, NmaNow at, NmaNow now, GPtrArray *effects);
/* It will not come to run here: error, and the end of this migration. */
void nma_destination_lose(NmaDestination *destination, NmaReason reason, const char *text,
                          NmaEvidence evidence, NmaLedger *ledger, NmaNow at, NmaNow now,
                          GPtrArray *effects);
/* the same, for a guest that Nova gave up before it came */
void nma_destination_lose_given_up(NmaDestination *destination, NmaLedger *ledger, NmaNow now,
                                   GPtrArray *effects);
/* status NULL: not learnt */
void nma_destination_commitment_end(NmaDestination *destination, const char *status, NmaNow now,
                                    GPtrArray *effects);

void nma_destination_take_conductor(NmaDestination *destination, const NmaEvent *event,
                                    NmaLedger *ledger, NmaNow now, GPtrArray *effects);
