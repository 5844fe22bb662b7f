#include "tests/sim/steered.h"

#include <math.h>

#define READ_EVERY_S    1.0
#define READS_IN_A_PASS 6
#define LATE_S          0.004 /* from a sync's event to the reading that it causes */
#define FIXED_COST_MS   50
#define QEMU_LIMIT_S    0.3
#define GIB             (1024 * QP_MIB)

static gint64
boot_us(double at_s)
{
    return (gint64)((1000 + at_s) * NMA_US_PER_S);
}

/* ---- nova-compute ---- */

typedef struct {
    double data_gib, next_s;
    gint64 set_ms;
    gboolean acted;
} Nova;

static void
nova_look(Nova *nova, Steered *steered)
{
    const Rules *rules = steered->rules;
    QpMigration *migration = &steered->migration;
    gint64 elapsed_ms = (gint64)(migration->now_s * 1e3) + 1;
    NmaNovaPlan plan;

    nma_nova_plan(&rules->nova, nova->data_gib, elapsed_ms, &plan);
    if (plan.downtime_ms != nova->set_ms) {
        nova->set_ms = plan.downtime_ms;
        migration->limit_s = (double)plan.downtime_ms / 1e3;
        steered->outcome->limit_s = MAX(steered->outcome->limit_s, migration->limit_s);
    }
    nova->next_s =
        plan.next_downtime_at_ms >= 0 ? (double)plan.next_downtime_at_ms / 1e3 + 0.25 : G_MAXDOUBLE;
    if (plan.end_at_ms < 0)
        return;
    if (elapsed_ms <= plan.end_at_ms) {
        nova->next_s = MIN(nova->next_s, (double)plan.end_at_ms / 1e3 + 0.25);
    } else if (!nova->acted) {
        nova->acted = TRUE;
        if (plan.end == NMA_NOVA_ENDS_ABORT)
            qp_abort(migration);
        else if (plan.end == NMA_NOVA_ENDS_POST_COPY)
            qp_start_post_copy(migration);
        else
            qp_suspend(migration);
    }
}

/* ---- ours ---- */

static void
move(Steered *steered, const NmaRemedyOrder *order)
{
    QpMigration *migration = &steered->migration;
    Outcome *outcome = steered->outcome;
    double limit_s = (double)order->value / 1e3;

    nma_steering_ordered(&steered->steering, order, migration->iteration,
                         boot_us(migration->now_s));
    nma_steering_done(&steered->steering, order->remedy, TRUE);
    if (outcome->helped_s < 0)
        outcome->helped_s = (gint64)migration->now_s;
    switch (order->remedy) {
    case NMA_REMEDY_SPEED:
        migration->speed_bytes_s = (double)order->value;
        break;
    case NMA_REMEDY_DOWNTIME:
        if (fabs(migration->limit_s - limit_s) < 1e-6)
            return; /* it is there: nothing is moved */
        migration->limit_s = limit_s;
        outcome->limit_s = MAX(outcome->limit_s, limit_s);
        break;
    case NMA_REMEDY_POST_COPY:
        qp_start_post_copy(migration);
        break;
    case NMA_REMEDY_PAUSE:
        qp_suspend(migration);
        break;
    case NMA_REMEDY_ABORT:
        qp_abort(migration);
        return; /* no knob */
    default:
        g_assert_not_reached();
    }
    outcome->crowded += migration->iteration == steered->moved_iteration;
    steered->moved_iteration = migration->iteration;
    outcome->moves++;
}

static void
ours_look(Steered *steered, const Nova *nova, double sync_s)
{
    const Rules *rules = steered->rules;
    QpMigration *migration = &steered->migration;
    NmaForecastVerdict before = steered->model.forecast.verdict;
    gint64 elapsed_ms = (gint64)(migration->now_s * 1e3);
    NmaRemedyOrder order;
    NmaJobStats stats;
    gboolean synced;

    qp_read(migration, &stats);
    steered->model.limits.first_downtime_ms = nova->set_ms;
    synced = nma_convergence_take(&steered->model, &stats, boot_us(migration->now_s),
                                  sync_s < 0 ? NMA_NEVER : boot_us(sync_s), FALSE);
    steered->outcome->inside += !synced && before != steered->model.forecast.verdict;
    if (synced && !migration->suspended) {
        const NmaSituation situation = {
            .forecast = &steered->model.forecast,
            .iteration = migration->iteration,
            .now_boot_us = boot_us(migration->now_s),
            .elapsed_ms = elapsed_ms,
            .limit_ms = nova->set_ms,
            .nova_downtime_ms = rules->nova.downtime_ms,
            .fixed_cost_ms = FIXED_COST_MS,
            .speed_bytes_s = rules->nova.bandwidth_mib_s * (gint64)QP_MIB,
            .fair_speed_bytes_s = (gint64)rules->fair_speed_bytes_s,
            .post_copy_ready = rules->post_copy,
            .nova_forces = rules->nova.forces,
        };

        nma_steering_observe(&steered->steering, &situation);
        if (nma_steering_choose(&steered->steering, &situation, &order))
            move(steered, &order);
    }
    if (migration->state == QP_COPYING &&
        nma_steering_choose_by_time(&steered->steering, elapsed_ms, boot_us(migration->now_s),
                                    &order))
        move(steered, &order);
}

static double
ours_next_s(const Steered *steered)
{
    const QpMigration *migration = &steered->migration;
    double next_s =
        migration->now_s + MAX(READ_EVERY_S, qp_pass_left_s(migration) / READS_IN_A_PASS);
    gint64 due_us = nma_steering_next_deadline(&steered->steering, (gint64)(migration->now_s * 1e3),
                                               boot_us(migration->now_s));

    if (due_us != NMA_NEVER)
        next_s = MIN(next_s, MAX((double)(due_us - boot_us(0)) / 1e6, migration->now_s + 0.001));
    return next_s;
}

/* ---- one migration ---- */

/* Goes on until a sync, or for at most so long. -1: no sync came. */
static double
go_on(Steered *steered, double until_s)
{
    QpMigration *migration = &steered->migration;
    double sync_s = -1;

    if (!qp_go_on(migration, until_s))
        return -1;
    sync_s = migration->now_s;
    if (steered->rules->hand != HAND_OURS)
        return sync_s;
    while (migration->state == QP_COPYING && migration->now_s < sync_s + LATE_S &&
           qp_go_on(migration, sync_s + LATE_S))
        sync_s = migration->now_s;
    return sync_s;
}

static void
begin(Steered *steered, const QpScenario *scenario, const Rules *rules)
{
    const NmaConvergenceLimits limits = { rules->nova.downtime_ms, rules->nova.downtime_ms / 10,
                                          FIXED_COST_MS };
    NmaJobStats stats;

    if (rules->nova.bandwidth_mib_s > 0)
        steered->migration.speed_bytes_s = (double)rules->nova.bandwidth_mib_s * QP_MIB;
    if (rules->hand == HAND_VIRSH)
        steered->migration.limit_s = steered->outcome->limit_s = QEMU_LIMIT_S;
    if (rules->hand != HAND_OURS)
        return;
    nma_convergence_init(&steered->model, &limits);
    nma_steering_init(&steered->steering, rules->policy);
    qp_read(&steered->migration, &stats);
    stats.memory_iteration = 0;
    nma_convergence_take(&steered->model, &stats, boot_us(0) - 1000, NMA_NEVER, FALSE);
}

static void
finish(const Steered *steered, Outcome *outcome)
{
    const QpMigration *migration = &steered->migration;

    outcome->finished = migration->state == QP_SWITCHED;
    outcome->total_s = migration->now_s;
    outcome->sent_bytes = migration->sent_bytes;
    outcome->post_copy_s = migration->post_copy_s;
    if (migration->suspended)
        outcome->paused_s = migration->now_s - migration->suspended_s;
    else
        outcome->downtime_s = migration->downtime_s;
}

void
steered_run(const QpScenario *scenario, guint32 seed, const Rules *rules, Outcome *outcome)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    gboolean nova_is_there = rules->hand == HAND_NOVA || rules->hand == HAND_OURS;
    Steered steered = { .rules = rules, .outcome = outcome, .moved_iteration = -1 };
    Nova nova = { .data_gib = MAX(scenario->memory_bytes / GIB, 2), .next_s = G_MAXDOUBLE };

    *outcome = (Outcome){ .helped_s = -1 };
    qp_begin(&steered.migration, scenario, rand);
    begin(&steered, scenario, rules);
    if (nova_is_there)
        nova_look(&nova, &steered);
    if (rules->hand == HAND_OURS)
        ours_look(&steered, &nova, 0);
    while (steered.migration.state == QP_COPYING && steered.migration.now_s < rules->give_up_s) {
        double until_s = MIN(rules->give_up_s, nova.next_s), sync_s;

        if (rules->hand == HAND_OURS)
            until_s = MIN(until_s, ours_next_s(&steered));
        else if (rules->hand == HAND_KUBEVIRT)
            until_s = MIN(until_s,
                          steered.next_s > steered.migration.now_s ? steered.next_s : G_MAXDOUBLE);
        sync_s = go_on(&steered, until_s);
        if (steered.migration.state != QP_COPYING)
            break;
        if (nova_is_there && steered.migration.now_s >= nova.next_s)
            nova_look(&nova, &steered);
        if (rules->hand == HAND_OURS)
            ours_look(&steered, &nova, sync_s);
        else if (rules->hand == HAND_KUBEVIRT)
            kubevirt_look(&steered, sync_s >= 0);
    }
    finish(&steered, outcome);
    g_free(steered.records);
}
