#include "tests/sim/qemu_precopy.h"

#include <math.h>

#define AUTO_CONVERGE_SHARE 0.5  /* throttle-trigger-threshold */
#define THROTTLE_MAX        99.0 /* max-cpu-throttle */
#define SWITCHOVER_SYNCS    1
#define MEASURE_PASSES      400

/* ---- the guest ---- */

static double
factor_at(const QpScenario *scenario, double at_s, double *until_s)
{
    double in_period_s, edge_s;

    if (scenario->burst_period_s <= 0)
        return 1;
    in_period_s = fmod(at_s, scenario->burst_period_s);
    edge_s = scenario->burst_period_s * scenario->burst_share;
    /* a step over the edge keeps rounding from standing still there */
    if (in_period_s < edge_s) {
        *until_s = MIN(*until_s, at_s + edge_s - in_period_s + 1e-6);
        return scenario->burst_factor;
    }
    *until_s = MIN(*until_s, at_s + scenario->burst_period_s - in_period_s + 1e-6);
    return 1;
}

static void
write_for(QpMigration *migration, double time_s, double factor)
{
    const QpScenario *scenario = migration->scenario;

    if (migration->suspended)
        return;
    factor *= 1 - migration->throttle / 100;
    for (guint i = 0; i < scenario->n_writers; i++)
        migration->written[i] += scenario->writers[i].rate_bytes_s * factor * time_s;
}

/* Bytes of the writer's set in the dirty log. */
static double
logged(const QpWriter *writer, double written)
{
    if (writer->set_bytes <= 0)
        return 0;
    if (writer->sweeps)
        return MIN(writer->set_bytes, written);
    return writer->set_bytes * -expm1(-written / writer->set_bytes);
}

/* Newly dirty in one writer's set. What is still pending is dirty already. Of what was to be sent
 * in this pass, only writes after it was sent count when the log is cleared at that moment: on
 * average those of half the pass. */
static double
newly_dirty(const QpMigration *migration, guint i)
{
    const QpWriter *writer = &migration->scenario->writers[i];
    double full = logged(writer, migration->written[i]);

    if (writer->set_bytes <= 0)
        return 0;
    if (migration->scenario->clears_late) {
        double share = CLAMP(migration->began[i] / writer->set_bytes, 0, 1);

        full = (1 - share) * full + share * logged(writer, migration->written[i] / 2);
    }
    if (migration->rand != NULL && migration->scenario->noise > 0)
        full *= 1 + migration->scenario->noise * g_rand_double_range(migration->rand, -1.7, 1.7);
    return MIN(full, writer->set_bytes) *
           (1 - CLAMP(migration->pending[i] / writer->set_bytes, 0, 1));
}

/* ---- QEMU ---- */

static double
bandwidth(const QpMigration *migration)
{
    double link = migration->bandwidth_bytes_s, limit = migration->speed_bytes_s;

    return MAX(limit > 0 ? MIN(link, limit) : link, 1);
}

static double
switch_bytes(const QpMigration *migration)
{
    return bandwidth(migration) * migration->limit_s;
}

static void
look_at_throttle(QpMigration *migration)
{
    const QpScenario *scenario = migration->scenario;
    double sent = migration->sent_bytes - migration->seen_sent_bytes;

    if (migration->now_s - migration->throttle_s < 1)
        return;
    if (scenario->auto_converge && migration->seen_dirtied_bytes > AUTO_CONVERGE_SHARE * sent &&
        ++migration->high_count >= 2) {
        migration->high_count = 0;
        migration->throttle =
            migration->throttle == 0
                ? scenario->throttle_initial
                : MIN(migration->throttle + scenario->throttle_increment, THROTTLE_MAX);
    }
    migration->throttle_s = migration->now_s;
    migration->seen_sent_bytes = migration->sent_bytes;
    migration->seen_dirtied_bytes = 0;
}

static void
count_dirty_rate(QpMigration *migration)
{
    double time_s = migration->now_s - migration->rate_s;

    if (time_s < 1)
        return;
    migration->dirty_pages_s = (gint64)(migration->rate_dirtied_bytes / time_s / QP_PAGE_BYTES);
    migration->rate_s = migration->now_s;
    migration->rate_dirtied_bytes = 0;
}

static void
sync_bitmap(QpMigration *migration)
{
    double dirtied = 0;

    for (guint i = 0; i < migration->scenario->n_writers; i++) {
        double found = newly_dirty(migration, i);

        dirtied += found;
        migration->pending[i] += found;
        migration->began[i] = migration->pending[i];
    }
    migration->iteration++;
    migration->pending_bytes += dirtied;
    migration->pass_started_s = migration->now_s;
    migration->zeros_bytes += migration->zeros_left_bytes;
    migration->zeros_left_bytes = 0;
    migration->seen_dirtied_bytes += dirtied;
    migration->rate_dirtied_bytes += dirtied;
    for (guint i = 0; i < QP_MAX_WRITERS; i++)
        migration->written[i] = 0;
    look_at_throttle(migration);
    count_dirty_rate(migration);
}

static void
send_for(QpMigration *migration, double time_s, double factor)
{
    double bytes = MIN(bandwidth(migration) * time_s, migration->pending_bytes);

    write_for(migration, time_s, factor);
    /* as if pages were sent in no order */
    for (guint i = 0; i < QP_MAX_WRITERS && migration->pending_bytes > 0; i++)
        migration->pending[i] *= 1 - bytes / migration->pending_bytes;
    migration->pending_bytes -= bytes;
    migration->sent_bytes += bytes;
    migration->now_s += time_s;
}

static void
stop_guest(QpMigration *migration)
{
    migration->iteration += SWITCHOVER_SYNCS;
    migration->downtime_s =
        migration->pending_bytes / bandwidth(migration) + migration->scenario->fixed_cost_s;
    migration->now_s += migration->downtime_s;
    if (migration->suspended)
        migration->downtime_s = migration->now_s - migration->suspended_s;
    migration->sent_bytes += migration->pending_bytes;
    migration->pending_bytes = 0;
    migration->state = QP_SWITCHED;
}

void
qp_suspend(QpMigration *migration)
{
    if (migration->suspended || migration->state != QP_COPYING)
        return;
    migration->suspended = TRUE;
    migration->suspended_s = migration->now_s;
}

void
qp_start_post_copy(QpMigration *migration)
{
    if (migration->state != QP_COPYING)
        return;
    sync_bitmap(migration);
    migration->downtime_s = migration->scenario->fixed_cost_s;
    migration->post_copy_s = migration->pending_bytes / bandwidth(migration);
    migration->now_s += migration->downtime_s + migration->post_copy_s;
    migration->sent_bytes += migration->pending_bytes;
    migration->pending_bytes = 0;
    migration->state = QP_SWITCHED;
}

void
qp_abort(QpMigration *migration)
{
    if (migration->state == QP_COPYING)
        migration->state = QP_ABORTED;
}

static void
take_changes(QpMigration *migration)
{
    const QpScenario *scenario = migration->scenario;

    while (migration->next_change < scenario->n_changes &&
           scenario->changes[migration->next_change].at_s <= migration->now_s) {
        const QpChange *change = &scenario->changes[migration->next_change++];

        if (change->bandwidth_bytes_s > 0)
            migration->bandwidth_bytes_s = change->bandwidth_bytes_s;
        if (change->limit_s > 0)
            migration->limit_s = change->limit_s;
        if (change->suspend)
            qp_suspend(migration);
    }
}

void
qp_begin(QpMigration *migration, const QpScenario *scenario, GRand *rand)
{
    *migration = (QpMigration){
        .scenario = scenario,
        .rand = rand,
        .bandwidth_bytes_s = scenario->bandwidth_bytes_s,
        .limit_s = scenario->limit_s,
        .iteration = 1,
        .pending_bytes = scenario->nonzero_bytes,
        .zeros_left_bytes = scenario->memory_bytes - scenario->nonzero_bytes,
    };
    for (guint i = 0; i < scenario->n_writers; i++)
        migration->pending[i] = migration->began[i] = scenario->writers[i].set_bytes;
}

double
qp_pass_left_s(const QpMigration *migration)
{
    double rate = bandwidth(migration);
    double slice_s = MAX(migration->scenario->slice_s, 1e-3);
    double over_s = MAX(migration->pending_bytes - switch_bytes(migration), 0) / rate;
    double gone_s = migration->now_s - migration->pass_started_s;
    double end_s = MAX(ceil((gone_s + over_s) / slice_s - 1e-9), 1) * slice_s;

    /* looked at only between slices, or when nothing is left */
    return MIN(end_s - gone_s, migration->pending_bytes / rate);
}

gboolean
qp_go_on(QpMigration *migration, double until_s)
{
    while (migration->state == QP_COPYING && migration->now_s < until_s) {
        double edge_s = until_s, left_s, factor;

        take_changes(migration);
        factor = factor_at(migration->scenario, migration->now_s, &edge_s);
        if (migration->next_change < migration->scenario->n_changes)
            edge_s = MIN(edge_s, migration->scenario->changes[migration->next_change].at_s);
        left_s = qp_pass_left_s(migration);
        if (migration->now_s + left_s > edge_s) {
            send_for(migration, edge_s - migration->now_s, factor);
            migration->now_s = edge_s;
            continue;
        }
        send_for(migration, left_s, factor);
        sync_bitmap(migration);
        if (migration->pending_bytes <= switch_bytes(migration) + QP_PAGE_BYTES)
            stop_guest(migration);
        return TRUE;
    }
    return migration->state != QP_COPYING;
}

void
qp_read(const QpMigration *migration, NmaJobStats *stats)
{
    double remaining = migration->pending_bytes + migration->zeros_left_bytes;

    nma_job_stats_clear(stats);
    stats->kind = NMA_JOB_MIGRATION_OUT;
    stats->elapsed_ms = (gint64)(migration->now_s * 1e3);
    stats->memory_total_bytes = stats->data_total_bytes = (gint64)migration->scenario->memory_bytes;
    stats->memory_remaining_bytes = MIN((gint64)remaining, stats->memory_total_bytes);
    stats->memory_normal_bytes = (gint64)migration->sent_bytes;
    stats->memory_normal_pages = stats->memory_normal_bytes / QP_PAGE_BYTES;
    stats->memory_zero_pages = (gint64)(migration->zeros_bytes / QP_PAGE_BYTES);
    stats->memory_processed_bytes = (gint64)(migration->sent_bytes * 1.002);
    stats->memory_bps = (gint64)bandwidth(migration);
    stats->memory_iteration = migration->iteration;
    stats->memory_page_size_bytes = QP_PAGE_BYTES;
    stats->memory_dirty_rate_pages_s = migration->dirty_pages_s;
    stats->throttle_percent = (gint64)migration->throttle;
    stats->downtime_ms = (gint64)(migration->limit_s * 1e3);
}

/* ---- the truth, for tests ---- */

static gboolean
ends_at(const QpScenario *scenario, double limit_s)
{
    QpScenario calm = *scenario;
    QpMigration migration;

    calm.limit_s = limit_s;
    calm.noise = 0;
    calm.auto_converge = FALSE;
    calm.n_changes = 0;
    qp_begin(&migration, &calm, NULL);
    for (guint i = 0; i < MEASURE_PASSES && migration.state == QP_COPYING; i++)
        qp_go_on(&migration, INFINITY);
    return migration.state == QP_SWITCHED;
}

double
qp_least_downtime_s(const QpScenario *scenario)
{
    double low = 1e-4, high = scenario->memory_bytes / scenario->bandwidth_bytes_s;

    if (ends_at(scenario, low))
        return 0;
    for (guint i = 0; i < 16; i++) {
        double middle = sqrt(low * high);

        if (ends_at(scenario, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}
