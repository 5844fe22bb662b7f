#include "agent/settings_policy.h"

static gboolean
read_ladder(const char *const *names, NmaPolicy *policy, GError **error)
{
    for (guint i = 0; names[i] != NULL; i++) {
        if (i == NMA_POLICY_MAX_RUNGS || !nma_remedy_from_string(names[i], &policy->ladder[i])) {
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                        "[policy-%s] ladder: \"%s\" is none of speed, downtime, post-copy, pause, "
                        "abort",
                        policy->name, names[i]);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
nma_settings_read_policies(NmaSettings *settings, GError **error)
{
    NmaPolicy careful = { .name = "careful",
                          .max_downtime_ms = NMA_UNKNOWN,
                          .max_total_ms = settings->careful_max_total_s * 1000,
                          .hopeless_ms = settings->careful_hopeless_s * 1000 };
    NmaPolicy must_finish = { .name = "must-finish",
                              .max_downtime_ms = settings->must_finish_max_downtime_ms,
                              .max_pause_ms = settings->must_finish_max_pause_ms,
                              .max_post_copy_ms = settings->must_finish_max_post_copy_s * 1000,
                              .max_total_ms = settings->must_finish_max_total_s * 1000,
                              .hopeless_ms = settings->must_finish_hopeless_s * 1000 };

    if (!read_ladder((const char *const *)settings->careful_ladder, &careful, error) ||
        !read_ladder((const char *const *)settings->must_finish_ladder, &must_finish, error))
        return FALSE;
    settings->policies[NMA_POLICY_CAREFUL] = careful;
    settings->policies[NMA_POLICY_MUST_FINISH] = must_finish;
    return TRUE;
}
