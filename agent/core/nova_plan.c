#include "agent/core/nova_plan.h"

#include <string.h>

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
                           .end = NMA_NOVA_ENDS_NEVER,
                           .auto_converge = options->auto_converge };
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

void
nma_nova_plan_clear(NmaNovaPlan *plan)
{
    *plan = (NmaNovaPlan){ .downtime_ms = NMA_UNKNOWN,
                           .next_downtime_ms = NMA_UNKNOWN,
                           .next_downtime_at_ms = NMA_UNKNOWN,
                           .end_at_ms = NMA_UNKNOWN,
                           .end = NMA_NOVA_ENDS_NEVER };
}

/* "3:40", "1:46:40" */
static void
append_clock(GString *out, gint64 at_ms)
{
    gint64 at_s = at_ms / 1000, hours = at_s / 3600;

    if (hours > 0)
        g_string_append_printf(out, "%" G_GINT64_FORMAT ":%02d:%02d", hours, (int)(at_s / 60 % 60),
                               (int)(at_s % 60));
    else
        g_string_append_printf(out, "%d:%02d", (int)(at_s / 60), (int)(at_s % 60));
}

char *
nma_nova_plan_sentence(const NmaNovaPlan *plan)
{
    static const char *const ends[NMA_N_NOVA_ENDS] = {
        [NMA_NOVA_ENDS_NEVER] = NULL,
        [NMA_NOVA_ENDS_ABORT] = "aborts at %s (timeout_action=abort)",
        [NMA_NOVA_ENDS_POST_COPY] = "switches to post-copy at %s (timeout_action=force_complete)",
        [NMA_NOVA_ENDS_PAUSE] = "pauses the guest at %s (timeout_action=force_complete)",
    };
    GString *out;

    if (plan->downtime_ms < 0 || (guint)plan->end >= NMA_N_NOVA_ENDS)
        return NULL;
    out = g_string_new(NULL);
    g_string_append_printf(out, "allows %" G_GINT64_FORMAT " ms of downtime", plan->downtime_ms);
    if (plan->next_downtime_ms >= 0 && plan->next_downtime_at_ms >= 0) {
        g_string_append_printf(out, ", %" G_GINT64_FORMAT " ms at ", plan->next_downtime_ms);
        append_clock(out, plan->next_downtime_at_ms);
    }
    if (plan->end != NMA_NOVA_ENDS_NEVER && plan->end_at_ms >= 0) {
        const char *words = ends[plan->end], *at = strstr(words, "%s");

        g_string_append(out, ", ");
        g_string_append_len(out, words, at - words);
        append_clock(out, plan->end_at_ms);
        g_string_append(out, at + 2);
    }
    return g_string_free(out, FALSE);
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
