#include "agent/core/nova_plan.h"

#define LEAST_GIB 2.0
/* Nova rounds up to these */
#define LEAST_DOWNTIME_MS 100
#define LEAST_STEPS       3
#define LEAST_DELAY_S     3
#define GIB               (1024.0 * 1024.0 * 1024.0)
#define FOREVER_MS        1e15

double
nma_nova_data_gib(gint64 memory_mib, gint64 disk_bytes)
{
    double gib = MAX((double)memory_mib / 1024, LEAST_GIB);

    return disk_bytes > 0 ? gib + MAX((double)disk_bytes / GIB, LEAST_GIB) : gib;
}

void
nma_nova_plan(const NmaNovaOptions *options, double data_gib, gint64 elapsed_ms, NmaNovaPlan *plan)
{
    double downtime = (double)MAX(options->downtime_ms, LEAST_DOWNTIME_MS);
    gint64 steps = MAX(options->downtime_steps, LEAST_STEPS);
    double base = downtime / (double)steps;
    double offset = (downtime - base) / (double)steps;
    /* whole seconds, as Nova's int() makes them */
    gint64 delay_s = (gint64)((double)MAX(options->downtime_delay_s, LEAST_DELAY_S) * data_gib);
    /* a step is taken when its second is over */
    gint64 step = elapsed_ms > 0 && delay_s > 0 ? (elapsed_ms - 1) / 1000 / delay_s : 0;
    double end_ms = (double)options->completion_timeout_s * data_gib * 1e3;

    *plan = (NmaNovaPlan){ .next_downtime_ms = NMA_UNKNOWN,
                           .next_downtime_at_ms = NMA_UNKNOWN,
                           .end_at_ms = NMA_UNKNOWN,
                           .end = NMA_NOVA_ENDS_NEVER };
    step = MIN(step, steps);
    plan->downtime_ms = (gint64)(base + offset * (double)step);
    if (step < steps) {
        plan->next_downtime_ms = (gint64)(base + offset * (double)(step + 1));
        plan->next_downtime_at_ms =
            (gint64)MIN((double)delay_s * (double)(step + 1) * 1e3, FOREVER_MS);
    }
    if (end_ms <= 0)
        return;
    plan->end_at_ms = (gint64)MIN(end_ms, FOREVER_MS);
    plan->end = !options->forces     ? NMA_NOVA_ENDS_ABORT
                : options->post_copy ? NMA_NOVA_ENDS_POST_COPY
                                     : NMA_NOVA_ENDS_PAUSE;
}

const char *
nma_nova_end_to_string(NmaNovaEnd end)
{
    static const char *const names[NMA_N_NOVA_ENDS] = {
        [NMA_NOVA_ENDS_NEVER] = "",
        [NMA_NOVA_ENDS_ABORT] = "abort",
        [NMA_NOVA_ENDS_POST_COPY] = "post-copy",
        [NMA_NOVA_ENDS_PAUSE] = "pause",
    };

    g_return_val_if_fail((guint)end < NMA_N_NOVA_ENDS, "");
    return names[end];
}
