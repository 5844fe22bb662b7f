/*
 * Whether this host can promise what a guest takes. Every way to a reservation comes through here:
 * Nova's check seen on the bus, the source's agent, and whoever asks over RPC.
 */
#pragma once

#include "agent/core/check.h"
#include "agent/core/reservation.h"

/* What the host has left for guests that come, beside memory and huge pages, before promises are
 * taken off. */
typedef struct {
    gint64 disk_bytes, ports; /* NMA_UNKNOWN where not learnt */
    gboolean cores_known;
    NmaCores cores; /* that guests may be pinned to, and none is */
} NmaCapacity;

void nma_capacity_clear(NmaCapacity *capacity); /* nothing is known */

typedef struct {
    GPtrArray *results; /* of NmaCheckResult: the table's, and one for each resource asked for */
    NmaVerdict verdict;
    const NmaCheckResult *worst; /* borrowed from results; NULL when there are none */
    /* each size that a reservation promises was known and compared with what is free: only then
     * is a reservation a promise and not a hope */
    gboolean measured;
    NmaResources resources; /* what was asked for, huge pages on the nodes where they fit */
} NmaAdmission;

void nma_admission_clear(NmaAdmission *admission);

/* facts and capacity are taken less what the ledger promises to others than the instance. */
void nma_admission_judge(NmaAdmission *admission, const char *instance_uuid,
                         const NmaResources *wanted, const NmaFacts *facts,
                         const NmaCapacity *capacity, const NmaLedger *ledger);
