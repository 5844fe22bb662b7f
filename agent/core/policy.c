#include "agent/core/policy.h"

#include <string.h>

#define REMEDIES(...)                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const NmaPolicy policies[] = {
    { .name = "careful",
      .ladder = REMEDIES(NMA_REMEDY_SPEED, NMA_REMEDY_DOWNTIME, NMA_REMEDY_ABORT),
      .max_downtime_ms = NMA_UNKNOWN,
      .hopeless_ms = 900 * 1000 },
    { .name = "must-finish",
      .ladder =
          REMEDIES(NMA_REMEDY_SPEED, NMA_REMEDY_DOWNTIME, NMA_REMEDY_POST_COPY, NMA_REMEDY_PAUSE),
      .max_downtime_ms = 2000,
      .max_pause_ms = 30 * 1000,
      .max_post_copy_ms = 120 * 1000 },
};

const NmaPolicy *
nma_policies(guint *n)
{
    *n = G_N_ELEMENTS(policies);
    return policies;
}

const NmaPolicy *
nma_policy_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(policies); i++)
        if (g_strcmp0(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}

static const char *const remedies[NMA_N_REMEDIES] = {
    [NMA_REMEDY_NONE] = "",
    [NMA_REMEDY_SPEED] = "speed",
    [NMA_REMEDY_DOWNTIME] = "downtime",
    [NMA_REMEDY_POST_COPY] = "post-copy",
    [NMA_REMEDY_PAUSE] = "pause",
    [NMA_REMEDY_ABORT] = "abort",
};

const char *
nma_remedy_to_string(NmaRemedy remedy)
{
    g_return_val_if_fail((guint)remedy < NMA_N_REMEDIES, "");
    return remedies[remedy];
}

gboolean
nma_remedy_from_string(const char *text, NmaRemedy *remedy)
{
    for (guint i = NMA_REMEDY_NONE + 1; i < NMA_N_REMEDIES; i++) {
        if (g_strcmp0(remedies[i], text) == 0) {
            *remedy = (NmaRemedy)i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *
nma_remedy_reason_to_string(NmaRemedyReason reason)
{
    static const char *const names[NMA_N_REMEDY_REASONS] = {
        [NMA_REMEDY_REASON_NONE] = "",
        [NMA_REMEDY_REASON_NEEDS_DOWNTIME] = "needs_downtime",
        [NMA_REMEDY_REASON_SPEED_LIMIT] = "speed_limit",
        [NMA_REMEDY_REASON_HOPELESS] = "hopeless",
        [NMA_REMEDY_REASON_UNDECIDED] = "undecided",
        [NMA_REMEDY_REASON_MOVED_BACK] = "moved_back",
        [NMA_REMEDY_REASON_TOTAL_TIME] = "total_time",
        [NMA_REMEDY_REASON_PAUSE_TIME] = "pause_time",
        [NMA_REMEDY_REASON_REFUSED] = "refused",
    };

    g_return_val_if_fail((guint)reason < NMA_N_REMEDY_REASONS, "");
    return names[reason];
}
