/*
 * Destination checks: facts are gathered elsewhere (agent/probe, agent/hypervisor), here they are
 * judged. One row of the table in check.c is one check.
 */
#pragma once

#include <glib.h>

#include "schemas/reason_codes.h"

typedef enum {
    NMA_VERDICT_OK,
    NMA_VERDICT_WARNING,
    NMA_VERDICT_REFUSED,
    NMA_VERDICT_UNKNOWN, /* could not be made: text says what it needs; never counted as ok */
} NmaVerdict;

/* What the guest needs, from Nova's message. NMA_UNKNOWN where it is not said. */
typedef struct {
    gint64 memory_bytes;
    gint64 vcpus;
} NmaDemand;

/* What the host has, gathered at one moment. NMA_UNKNOWN where it could not be learnt. */
typedef struct {
    gint64 memory_available_bytes;     /* MemAvailable of /proc/meminfo */
    gint64 memory_total_bytes;         /* MemTotal */
    gint64 memory_reserved_host_bytes; /* nova.conf [DEFAULT] reserved_host_memory_mb */
    /* promised by live reservations, and the growth still to come of guests already arriving:
     * filled in by the ledger, not by the gatherer */
    gint64 memory_promised_bytes;
} NmaFacts;

typedef struct {
    const char *check; /* static: "memory" */
    NmaVerdict verdict;
    NmaReason reason;         /* NMA_REASON_NONE when ok */
    gint64 needed, available; /* the numbers compared, in the unit below; NMA_UNKNOWN if none */
    const char *unit;         /* static: "bytes" */
    char *text;               /* one sentence with the numbers, and a remedy; owned */
} NmaCheckResult;

void nma_facts_clear(NmaFacts *facts);

/* All checks of the table. Returns a GPtrArray of NmaCheckResult with free function; owned. */
GPtrArray *nma_check_all(const NmaDemand *demand, const NmaFacts *facts);

/* The worst verdict (refused > unknown > warning > ok) and the result that gave it (borrowed). */
NmaVerdict nma_check_verdict(const GPtrArray *results, const NmaCheckResult **worst);

NmaCheckResult *nma_check_result_copy(const NmaCheckResult *result);
void nma_check_result_free(NmaCheckResult *result);
const char *nma_verdict_to_string(NmaVerdict verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaCheckResult, nma_check_result_free)
