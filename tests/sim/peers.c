/*
 * KubeVirt's convergence machinery of 1.9 as its source has it (virt-launcher's stall detector, and
 * the downtime tuning of VEP 291), reduced to what concerns a migration of memory.
 */
#include "tests/sim/steered.h"

#define GIB              (1024 * QP_MIB)
#define STALL_WINDOW_S   40.0
#define STALL_MARGIN     0.04
#define PATIENCE_S       40.0
#define SOFT_STOP        1.5
#define HARD_STOP_S      2000.0
#define COMPLETION_S_GIB 150.0
#define TUNE_FIRST_MS    150.0
#define TUNE_STEPS       7
#define TUNE_ITERATION   3
#define TUNE_EVERY_S     10.0

static void
set_limit(Steered *steered, double limit_s)
{
    steered->migration.limit_s = limit_s;
    steered->outcome->limit_s = MAX(steered->outcome->limit_s, limit_s);
    steered->outcome->moves++;
}

static void
remember(Steered *steered)
{
    if (steered->n_records == steered->n_allocated) {
        steered->n_allocated = MAX(64, steered->n_allocated * 2);
        steered->records =
            g_realloc_n(steered->records, steered->n_allocated, sizeof *steered->records);
    }
    steered->records[steered->n_records].elapsed_s = steered->migration.now_s;
    steered->records[steered->n_records++].remaining = steered->migration.pending_bytes;
    steered->least = steered->n_records == 1
                         ? steered->migration.pending_bytes
                         : MIN(steered->least, steered->migration.pending_bytes);
}

/* what remains is not less than what remained before the window, but for a margin */
static gboolean
is_stalled(Steered *steered)
{
    double window_s = steered->migration.now_s - STALL_WINDOW_S;

    while (steered->n_old < steered->n_records &&
           steered->records[steered->n_old].elapsed_s < window_s) {
        double remaining = steered->records[steered->n_old++].remaining;

        steered->least_old = steered->n_old == 1 ? remaining : MIN(steered->least_old, remaining);
    }
    return steered->n_old > 0 &&
           steered->migration.pending_bytes >= (1 - STALL_MARGIN) * steered->least_old;
}

static void
stop_it(Steered *steered)
{
    const Rules *rules = steered->rules;
    double implied_s = steered->migration.pending_bytes / steered->migration.bandwidth_bytes_s;

    if (rules->disrupts && rules->post_copy)
        qp_start_post_copy(&steered->migration);
    else if (rules->disrupts)
        /* a limit without end stops the guest at once: its pause is what the bound is for */
        qp_suspend(&steered->migration);
    else if (implied_s * 1e3 <= SOFT_STOP * (double)rules->max_downtime_ms)
        set_limit(steered, (double)rules->max_downtime_ms / 1e3);
    else
        qp_abort(&steered->migration);
}

static void
tune(Steered *steered)
{
    double most_ms = (double)steered->rules->max_downtime_ms;
    double step_ms = (most_ms - TUNE_FIRST_MS) / TUNE_STEPS;
    double now_ms = steered->migration.limit_s * 1e3;

    if (steered->tuned_s == 0) {
        steered->tuned_s = steered->migration.now_s;
        if (steered->migration.iteration < TUNE_ITERATION)
            set_limit(steered, TUNE_FIRST_MS / 1e3);
        return;
    }
    if (steered->migration.iteration < TUNE_ITERATION || now_ms >= most_ms ||
        steered->migration.now_s - steered->tuned_s < TUNE_EVERY_S)
        return;
    steered->tuned_s = steered->migration.now_s;
    set_limit(steered, MIN(now_ms + step_ms, most_ms) / 1e3);
}

void
kubevirt_look(Steered *steered, gboolean synced)
{
    double gib = steered->migration.scenario->memory_bytes / GIB;
    double now_s = steered->migration.now_s;

    if (now_s >= COMPLETION_S_GIB * gib) {
        if (steered->rules->disrupts)
            stop_it(steered);
        else
            qp_abort(&steered->migration);
        return;
    }
    steered->next_s = COMPLETION_S_GIB * gib;
    tune(steered);
    if (!synced)
        return;
    if (steered->stalled_s == 0 && is_stalled(steered)) {
        steered->stalled_s = now_s;
        steered->patience_s = PATIENCE_S;
        remember(steered);
        steered->best = steered->least;
    } else {
        remember(steered);
    }
    if (steered->stalled_s == 0)
        return;
    /* a rest as small as the best is waited for, then the bound is relaxed */
    if (now_s - steered->stalled_s > steered->patience_s) {
        steered->stalled_s = now_s;
        steered->patience_s *= 0.5;
        steered->best *= 1 + 10 * STALL_MARGIN;
    }
    if (steered->migration.pending_bytes <= steered->best * (1 + STALL_MARGIN))
        stop_it(steered);
}
