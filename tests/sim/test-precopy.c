/*
 * The simulator and the model, held against migrations of real QEMUs: a recording of a real Nova
 * (tests/data/real-nova/block-slow), and figures measured on a lab of two hosts. Where they
 * disagree, simulator or model is wrong.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tests/sim/forecasting.h"
#include "tests/unit/tap.h"

#define MAX_RECORDED 400

/* ---- the recording ---- */

typedef struct {
    double at_s;
    gint64 iteration; /* of an event; NMA_UNKNOWN: a reading */
    NmaJobStats stats;
} Recorded;

static gint64
number(const json_t *stats, const char *name)
{
    const json_t *value = json_object_get(stats, name);

    return json_is_integer(value) ? json_integer_value(value) : NMA_UNKNOWN;
}

static gboolean
is_event(const json_t *line, Recorded *recorded)
{
    if (g_strcmp0(json_string_value(json_object_get(line, "event")), "migration_iteration") != 0)
        return FALSE;
    recorded->iteration = json_integer_value(json_array_get(json_object_get(line, "args"), 0));
    return TRUE;
}

static gboolean
is_reading(const json_t *line, Recorded *recorded)
{
    const json_t *stats = json_object_get(line, "stats");
    NmaJobStats *to = &recorded->stats;

    if (number(stats, "type") <= 0 || number(stats, "memory_total") <= 0)
        return FALSE;
    nma_job_stats_clear(to);
    to->kind = NMA_JOB_MIGRATION_OUT;
    to->memory_total_bytes = number(stats, "memory_total");
    to->memory_remaining_bytes = number(stats, "memory_remaining");
    to->memory_processed_bytes = number(stats, "memory_processed");
    to->memory_normal_bytes = number(stats, "memory_normal_bytes");
    to->memory_zero_pages = number(stats, "memory_constant");
    to->memory_iteration = number(stats, "memory_iteration");
    to->memory_bps = number(stats, "memory_bps");
    to->memory_page_size_bytes = number(stats, "memory_page_size");
    recorded->iteration = NMA_UNKNOWN;
    return TRUE;
}

static void
load(const char *name, gboolean (*is)(const json_t *, Recorded *), GArray *all)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_DIST, "data", "real-nova", "block-slow", name, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        json_t *line = json_loads(lines[i], 0, NULL);
        Recorded recorded = { .at_s = json_number_value(json_object_get(line, "t")) };

        if (line != NULL && is(line, &recorded))
            g_array_append_val(all, recorded);
        json_decref(line);
    }
}

static int
by_time(gconstpointer a, gconstpointer b)
{
    double difference = ((const Recorded *)a)->at_s - ((const Recorded *)b)->at_s;

    return difference < 0 ? -1 : difference > 0;
}

typedef struct {
    NmaPass passes[20]; /* by iteration */
    gint64 n_syncs;
    double first_sync_s, last_sync_s;
    gint64 converges_after; /* pass after which the model said so for good */
    double forecast_low_s, forecast_high_s, forecast_at_s;
} Seen;

static void
keep(Seen *seen, const NmaConvergence *model, double at_s)
{
    const NmaPass *pass = model->n_passes > 0 ? &model->passes[model->n_passes - 1] : &model->bulk;

    if (pass->iteration > 0 && pass->iteration < 20)
        seen->passes[pass->iteration] = *pass;
    if (model->forecast.verdict != NMA_FORECAST_CONVERGES) {
        seen->converges_after = 0;
    } else if (seen->converges_after == 0) {
        seen->converges_after = pass->iteration;
        seen->forecast_low_s = (double)model->forecast.finishes_in_ms.low / 1e3;
        seen->forecast_high_s = (double)model->forecast.finishes_in_ms.high / 1e3;
        seen->forecast_at_s = at_s;
    }
}

static const NmaConvergenceLimits nova_limits = { 500, 50, 30 };

static void
see_recording(Seen *seen)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Recorded));
    NmaConvergence model;
    gint64 sync_us = NMA_NEVER;
    double began_s;

    *seen = (Seen){ .n_syncs = 0 };
    load("events-A.jsonl", is_event, all);
    load("jobs-A.jsonl", is_reading, all);
    g_array_sort(all, by_time);
    g_assert_cmpuint(all->len, >, 100);
    began_s = g_array_index(all, Recorded, 0).at_s - 100;
    nma_convergence_init(&model, &nova_limits);
    for (guint i = 0; i < all->len; i++) {
        const Recorded *recorded = &g_array_index(all, Recorded, i);
        gint64 at_us = (gint64)((recorded->at_s - began_s) * 1e6);

        if (recorded->iteration != NMA_UNKNOWN) {
            sync_us = at_us;
            if (recorded->iteration == 1)
                seen->first_sync_s = recorded->at_s - began_s;
            seen->n_syncs = recorded->iteration;
            seen->last_sync_s = recorded->at_s - began_s;
        } else if (nma_convergence_take(&model, &recorded->stats, at_us, sync_us, FALSE)) {
            keep(seen, &model, recorded->at_s - began_s);
        }
    }
}

static void
see_simulation(const QpScenario *scenario, Seen *seen)
{
    Forecasting forecasting;

    *seen = (Seen){ .n_syncs = 0 };
    forecasting_begin(&forecasting, scenario, NULL, &nova_limits);
    while (forecasting_next(&forecasting))
        keep(seen, &forecasting.model, forecasting.migration.now_s);
    seen->n_syncs = forecasting.migration.iteration;
    seen->last_sync_s = forecasting.migration.now_s;
}

/* The recorded guest sweeps over more than 41 MiB at 6.25 MiB/s; Nova allows 50 ms at first. */
static const QpScenario block_slow = {
    .memory_bytes = 268967936,
    .nonzero_bytes = 64.4 * QP_MIB,
    .writers = { { 48 * QP_MIB, 1600 * 4096.0, TRUE } },
    .n_writers = 1,
    .bandwidth_bytes_s = 10.02 * QP_MIB,
    .limit_s = 0.05,
    .slice_s = 0.1,
    .fixed_cost_s = 0.01,
};

static void
assert_near(double value, double expected, double share, double slack)
{
    g_assert_cmpfloat(fabs(value - expected), <=, share * expected + slack);
}

static void
test_model_on_recording(void)
{
    Seen seen;

    see_recording(&seen);
    g_assert_cmpint(seen.n_syncs, ==, 14);
    /* read off the recording by hand: duration, what was found dirty, in s and MiB */
    static const double by_hand[][3] = { { 1, 6.428, 40.15 }, { 2, 4.102, 25.6 },
                                         { 3, 2.511, 15.7 },  { 4, 1.601, 10.0 },
                                         { 5, 1.005, 6.3 },   { 6, 0.603, 3.75 } };
    for (guint i = 0; i < G_N_ELEMENTS(by_hand); i++) {
        const NmaPass *pass = &seen.passes[(guint)by_hand[i][0]];

        g_test_message("pass %.0f: %.3f s, dirtied %.2f, rest %.2f, left %.2f MiB, %.2f MiB/s",
                       by_hand[i][0], pass->duration_s, pass->dirtied_bytes / QP_MIB,
                       pass->rest_bytes / QP_MIB, pass->left_bytes / QP_MIB,
                       pass->bandwidth_bytes_s / QP_MIB);
        assert_near(pass->duration_s, by_hand[i][1], 0, 0.002);
        assert_near(pass->dirtied_bytes / QP_MIB, by_hand[i][2], 0.03, 0);
        assert_near(pass->bandwidth_bytes_s / QP_MIB, 10.02, 0.03, 0);
    }
    g_test_message("converges said after pass %" G_GINT64_FORMAT
                   ": in %.1f to %.1f s; it took %.1f s",
                   seen.converges_after, seen.forecast_low_s, seen.forecast_high_s,
                   seen.last_sync_s - seen.forecast_at_s);
    g_assert_cmpint(seen.converges_after, >=, 2);
    g_assert_cmpint(seen.converges_after, <=, 4);
    /* the time that it took lies within, and the middle is off by less than a factor of two */
    g_assert_cmpfloat(seen.forecast_low_s, <=, seen.last_sync_s - seen.forecast_at_s);
    g_assert_cmpfloat(seen.forecast_high_s * 1.25, >=, seen.last_sync_s - seen.forecast_at_s);
    g_assert_cmpfloat(sqrt(seen.forecast_low_s * seen.forecast_high_s), <=,
                      2 * (seen.last_sync_s - seen.forecast_at_s));
}

static void
test_simulator_on_recording(void)
{
    Seen real, simulated;

    see_recording(&real);
    see_simulation(&block_slow, &simulated);
    g_test_message("real %" G_GINT64_FORMAT " syncs in %.1f s, simulated %" G_GINT64_FORMAT
                   " in %.1f s",
                   real.n_syncs, real.last_sync_s - real.first_sync_s, simulated.n_syncs,
                   simulated.last_sync_s);
    assert_near(simulated.last_sync_s, real.last_sync_s - real.first_sync_s, 0.05, 0);
    assert_near((double)simulated.n_syncs, (double)real.n_syncs, 0, 3);
    for (guint i = 1; i <= 6; i++) {
        assert_near(simulated.passes[i].duration_s, real.passes[i].duration_s, 0.05, 0.11);
        assert_near(simulated.passes[i].dirtied_bytes, real.passes[i].dirtied_bytes, 0.05,
                    0.7 * QP_MIB);
    }
}

/* ---- two hosts, 256 MiB guest, 35 to 37 MiB/s: measured on QEMU 7.2 ---- */

#define SETUP_S                                                                                    \
    0.8 /* of the measured totals: libvirt, before the first byte and after the last               \
         */

typedef struct {
    const char *name;
    double set_mib, rate_mib_s;
    double bandwidth_mib_s;
    QpChange change;
    double initial, increment;                     /* auto-converge */
    double total_s, passes, sent_mib, downtime_ms; /* measured; 0: never ended */
} Measured;

static const Measured measured[] = {
    { "easy", 32, 8, 35.5, { 0 }, 0, 0, 5.9, 5, 166, 362 },
    { "hard", 128, 60, 35.5, { 0 }, 0, 0, 0, 0, 0, 0 },
    { "hard, bandwidth 30, then 400",
      128,
      60,
      30,
      { 10, 400 * QP_MIB, 0, FALSE },
      0,
      0,
      10.6,
      5,
      431,
      133 },
    { "hard, downtime 5 s", 128, 60, 35.5, { 8, 0, 5, FALSE }, 0, 0, 12.0, 4, 406, 3607 },
    { "hard, suspended", 128, 60, 35.5, { 8, 0, 0, TRUE }, 0, 0, 12.1, 5, 415, 3800 },
    { "hard, auto-converge 20 + 10", 128, 60, 35.5, { 0 }, 20, 10, 46.3, 20, 1661, 363 },
    { "hard, auto-converge 60 + 20", 128, 60, 35.5, { 0 }, 60, 20, 19.2, 12, 673, 320 },
};

static void
test_simulator_on_two_hosts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(measured); i++) {
        const Measured *real = &measured[i];
        QpScenario scenario = {
            .memory_bytes = 256 * QP_MIB,
            .nonzero_bytes = 132 * QP_MIB,
            .writers = { { real->set_mib * QP_MIB, real->rate_mib_s * QP_MIB, TRUE } },
            .n_writers = 1,
            .bandwidth_bytes_s = real->bandwidth_mib_s * QP_MIB,
            .limit_s = 0.3, /* QEMU's own */
            .slice_s = 0.1,
            .changes = { real->change },
            .n_changes = real->change.at_s > 0 ? 1 : 0,
            .auto_converge = real->initial > 0,
            .throttle_initial = real->initial,
            .throttle_increment = real->increment,
            .fixed_cost_s = 0.06,
        };
        QpMigration migration;

        qp_begin(&migration, &scenario, NULL);
        for (guint pass = 0; pass < 60 && migration.state == QP_COPYING; pass++)
            qp_go_on(&migration, INFINITY);
        g_test_message("%-30s total %5.1f s (%.1f)  passes %2" G_GINT64_FORMAT
                       " (%.0f)  sent %4.0f MiB (%.0f)  downtime %4.0f ms (%.0f)  throttle %.0f %%",
                       real->name, migration.now_s, real->total_s, migration.iteration,
                       real->passes, migration.sent_bytes / QP_MIB, real->sent_mib,
                       migration.downtime_s * 1e3, real->downtime_ms, migration.throttle);
        g_assert_cmpint(migration.state == QP_SWITCHED, ==, real->total_s > 0);
        if (real->total_s <= 0)
            continue;
        assert_near(migration.now_s, real->total_s - SETUP_S, 0.25, 0);
        assert_near(migration.sent_bytes / QP_MIB, real->sent_mib, 0.25, 0);
        assert_near((double)migration.iteration, real->passes, 0.25, 1);
        assert_near(migration.downtime_s * 1e3, real->downtime_ms, 0.25, 150);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/precopy/model-on-recording", test_model_on_recording);
    g_test_add_func("/precopy/simulator-on-recording", test_simulator_on_recording);
    g_test_add_func("/precopy/simulator-on-two-hosts", test_simulator_on_two_hosts);
    return g_test_run();
}
