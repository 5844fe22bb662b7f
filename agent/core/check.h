/*
 * Destination checks: facts are gathered elsewhere (agent/probe, agent/hypervisor), here they are
 * judged. One row of the table in check.c is one check; the judges stand in check_<subject>.c.
 */
#pragma once

#include <glib.h>

#include "agent/core/facts.h"
#include "agent/core/guest.h"
#include "schemas/reason_codes.h"

typedef enum {
    NMA_VERDICT_OK,
    NMA_VERDICT_WARNING,
    NMA_VERDICT_REFUSED,
    NMA_VERDICT_UNKNOWN, /* could not be made: text says what it needs; never counted as ok */
} NmaVerdict;

/* What the guest needs. NMA_UNKNOWN where it is not said. */
typedef struct {
    gint64 memory_bytes, vcpus; /* from Nova's message: the flavor's */
    /* the running guest, borrowed; NULL where its source could not be asked */
    const NmaGuest *guest;
} NmaDemand;

typedef struct {
    const char *check; /* static: "memory" */
    NmaVerdict verdict;
    NmaReason reason;         /* NMA_REASON_NONE when ok */
    gint64 needed, available; /* the numbers compared, in the unit below; NMA_UNKNOWN if none */
    const char *unit;         /* static: "bytes" */
    char *text;               /* one sentence with the numbers, and a remedy; owned */
} NmaCheckResult;

/* All checks of the table. Returns a GPtrArray of NmaCheckResult with free function; owned. */
GPtrArray *nma_check_all(const NmaDemand *demand, const NmaFacts *facts);

/* The worst verdict (refused > unknown > warning > ok) and the result that gave it (borrowed). */
NmaVerdict nma_check_verdict(const GPtrArray *results, const NmaCheckResult **worst);

NmaCheckResult *nma_check_result_copy(const NmaCheckResult *result);
void nma_check_result_free(NmaCheckResult *result);
const char *nma_verdict_to_string(NmaVerdict verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaCheckResult, nma_check_result_free)
