#include "tests/sim/forecasting.h"

#define READ_EVERY_S    1.0
#define READS_IN_A_PASS 6
#define MAX_TURNS       200

static gint64
boot_us(double at_s)
{
    return (gint64)((1000 + at_s) * NMA_US_PER_S);
}

static gboolean
take(Forecasting *forecasting, double sync_s)
{
    NmaForecast before = forecasting->model.forecast;
    NmaJobStats stats;
    gboolean synced;

    qp_read(&forecasting->migration, &stats);
    synced =
        nma_convergence_take(&forecasting->model, &stats, boot_us(forecasting->migration.now_s),
                             sync_s < 0 ? NMA_NEVER : boot_us(sync_s), FALSE);
    if (!synced && (before.verdict != forecasting->model.forecast.verdict ||
                    before.cause != forecasting->model.forecast.cause))
        forecasting->inside++;
    return synced;
}

void
forecasting_begin(Forecasting *forecasting, const QpScenario *scenario, GRand *rand,
                  const NmaConvergenceLimits *limits)
{
    NmaJobStats stats;

    *forecasting = (Forecasting){ .inside = 0 };
    qp_begin(&forecasting->migration, scenario, rand);
    nma_convergence_init(&forecasting->model, limits);
    /* as libvirt answers before the first sync */
    qp_read(&forecasting->migration, &stats);
    stats.memory_iteration = 0;
    nma_convergence_take(&forecasting->model, &stats, boot_us(0) - 1000, NMA_NEVER, FALSE);
    take(forecasting, 0);
}

gboolean
forecasting_next(Forecasting *forecasting)
{
    QpMigration *migration = &forecasting->migration;

    for (guint i = 0; i < MAX_TURNS && migration->state == QP_COPYING; i++) {
        double wait_s = MAX(READ_EVERY_S, qp_pass_left_s(migration) / READS_IN_A_PASS);
        double sync_s = -1;

        if (qp_go_on(migration, migration->now_s + wait_s)) {
            sync_s = migration->now_s;
            while (migration->state == QP_COPYING &&
                   migration->now_s < sync_s + FORECASTING_LATE_S &&
                   qp_go_on(migration, sync_s + FORECASTING_LATE_S))
                sync_s = migration->now_s;
        }
        if (migration->state == QP_COPYING && take(forecasting, sync_s))
            return TRUE;
    }
    return FALSE;
}
