/*
 * The phases of a live migration and the words that reports use for them.
 *
 * Which side sees which phase, and by what evidence: agent/README, "The five phases".
 */
#pragma once

#include <glib.h>

typedef enum {
    NMA_ROLE_SOURCE,
    NMA_ROLE_DESTINATION,
} NmaRole;

/* In the order in which they follow one another; post_copy stands in place of stop_and_copy. */
typedef enum {
    NMA_PHASE_PRE_MIGRATION,
    NMA_PHASE_RESERVATION,
    NMA_PHASE_PRE_COPY,
    NMA_PHASE_STOP_AND_COPY,
    NMA_PHASE_POST_COPY,
    NMA_PHASE_COMMITMENT,
    NMA_N_PHASES
} NmaPhase;

typedef enum {
    NMA_STEP_NONE,
    /* pre_migration on the source */
    NMA_STEP_WAITING,   /* cast seen; Nova has not yet called the destination (its queue) */
    NMA_STEP_PREPARING, /* the destination prepares (pre_live_migration) */
    /* reservation on the destination */
    NMA_STEP_SOFT,
    NMA_STEP_HELD,
    NMA_STEP_IN_USE,
    /* pre_copy on the source */
    NMA_STEP_DISK,
    NMA_STEP_MEMORY,
    NMA_N_STEPS
} NmaStep;

/* Whether a report tells what was seen, or what must have happened while nobody looked. */
typedef enum {
    NMA_EVIDENCE_OBSERVED,
    NMA_EVIDENCE_INFERRED,
} NmaEvidence;

/* static strings, as they stand in reports; step none is "" */
const char *nma_role_to_string(NmaRole role);
const char *nma_phase_to_string(NmaPhase phase);
const char *nma_step_to_string(NmaStep step);
const char *nma_evidence_to_string(NmaEvidence evidence);
gboolean nma_phase_from_string(const char *text, NmaPhase *phase);
