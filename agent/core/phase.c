#include "agent/core/phase.h"

static const char *const phases[NMA_N_PHASES] = {
    [NMA_PHASE_PRE_MIGRATION] = "pre_migration", [NMA_PHASE_RESERVATION] = "reservation",
    [NMA_PHASE_PRE_COPY] = "pre_copy",           [NMA_PHASE_STOP_AND_COPY] = "stop_and_copy",
    [NMA_PHASE_POST_COPY] = "post_copy",         [NMA_PHASE_COMMITMENT] = "commitment",
};

static const char *const steps[NMA_N_STEPS] = {
    [NMA_STEP_NONE] = "",     [NMA_STEP_WAITING] = "waiting", [NMA_STEP_PREPARING] = "preparing",
    [NMA_STEP_SOFT] = "soft", [NMA_STEP_HELD] = "held",       [NMA_STEP_IN_USE] = "in_use",
    [NMA_STEP_DISK] = "disk", [NMA_STEP_MEMORY] = "memory",
};

const char *
nma_role_to_string(NmaRole role)
{
    return role == NMA_ROLE_SOURCE ? "source" : "destination";
}

const char *
nma_phase_to_string(NmaPhase phase)
{
    g_return_val_if_fail((guint)phase < NMA_N_PHASES, "");
    return phases[phase];
}

const char *
nma_step_to_string(NmaStep step)
{
    g_return_val_if_fail((guint)step < NMA_N_STEPS, "");
    return steps[step];
}

const char *
nma_evidence_to_string(NmaEvidence evidence)
{
    return evidence == NMA_EVIDENCE_OBSERVED ? "observed" : "inferred";
}

gboolean
nma_phase_from_string(const char *text, NmaPhase *phase)
{
    for (guint i = 0; i < NMA_N_PHASES; i++) {
        if (g_strcmp0(text, phases[i]) == 0) {
            *phase = (NmaPhase)i;
            return TRUE;
        }
    }
    return FALSE;
}
