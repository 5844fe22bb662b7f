/*
 * Verdicts about thousands of simulated migrations, and about statistics that make no sense.
 *
 * What is true of a steady guest is known by running it at every limit; a verdict that says
 * otherwise is counted as false, and their share has a bound.
 */
#include <math.h>
#include <string.h>

#include "tests/sim/campaign.h"
#include "tests/sim/forecasting.h"
#include "tests/unit/tap.h"

#define MAX_SYNCS    14
#define GIB          (1024 * QP_MIB)
#define GBIT_BYTES_S 117e6

static double
between(GRand *rand, double low, double high)
{
    return g_rand_double_range(rand, low, high);
}

static double
log_between(GRand *rand, double low, double high)
{
    return low * pow(high / low, g_rand_double(rand));
}

static gboolean
chance(GRand *rand, double share)
{
    return g_rand_double(rand) < share;
}

typedef enum { STEADY, BANDWIDTH_CHANGES, BURSTS, THROTTLED, N_KINDS } Kind;

/* of the last two only the order of verdicts is checked: what is true of them changes by the minute
 */
static const char *const kind_names[N_KINDS] = { "steady", "bandwidth changes",
                                                 "bursts (truth not judged)",
                                                 "auto-converge (truth not judged)" };

static Kind
random_scenario(GRand *rand, QpScenario *scenario, NmaConvergenceLimits *limits)
{
    static const double links[] = { 1, 10, 25, 100 };
    static const gint64 caps_ms[] = { 300, 500, 1000, 2000 };
    double share = g_rand_double(rand);
    Kind kind = share < 0.7   ? STEADY
                : share < 0.8 ? BANDWIDTH_CHANGES
                : share < 0.9 ? BURSTS
                              : THROTTLED;
    double rate;

    *scenario = (QpScenario){ .memory_bytes = log_between(rand, GIB, 6144 * GIB) };
    scenario->nonzero_bytes = scenario->memory_bytes * between(rand, 0.05, 1);
    scenario->bandwidth_bytes_s =
        links[g_rand_int_range(rand, 0, 4)] * GBIT_BYTES_S * between(rand, 0.2, 1);
    scenario->n_writers = (guint)g_rand_int_range(rand, 1, QP_MAX_WRITERS + 1);
    rate = scenario->bandwidth_bytes_s *
           (chance(rand, 0.5) ? between(rand, 0.2, 2) : log_between(rand, 0.005, 2));
    for (guint i = 0; i < scenario->n_writers; i++)
        scenario->writers[i] = (QpWriter){
            log_between(rand, 16 * QP_MIB, scenario->nonzero_bytes / QP_MAX_WRITERS),
            rate / scenario->n_writers * between(rand, 0.2, 1.8),
            chance(rand, 0.4),
        };
    scenario->clears_late = chance(rand, 0.5);
    scenario->slice_s = chance(rand, 0.3) ? 0.1 : 0.05;
    scenario->noise = between(rand, 0, 0.03);
    scenario->fixed_cost_s = between(rand, 0.01, 0.06);
    limits->max_downtime_ms = caps_ms[g_rand_int_range(rand, 0, 4)];
    limits->first_downtime_ms =
        chance(rand, 0.5) ? limits->max_downtime_ms / 10 : limits->max_downtime_ms;
    limits->fixed_cost_ms = 30;
    scenario->limit_s = (double)limits->first_downtime_ms / 1e3;
    if (kind == BANDWIDTH_CHANGES) {
        double pass_s = scenario->nonzero_bytes / scenario->bandwidth_bytes_s;

        scenario->n_changes = 2;
        for (guint i = 0; i < 2; i++)
            scenario->changes[i] = (QpChange){ .at_s = pass_s * (i + between(rand, 0.3, 1.2)),
                                               .bandwidth_bytes_s = scenario->bandwidth_bytes_s *
                                                                    log_between(rand, 0.2, 5) };
    } else if (kind == BURSTS) {
        scenario->burst_period_s = log_between(rand, 0.5, 300);
        scenario->burst_share = between(rand, 0.1, 0.9);
        scenario->burst_factor = log_between(rand, 0.1, 10);
    } else if (kind == THROTTLED) {
        scenario->auto_converge = TRUE;
        scenario->throttle_initial = 20;
        scenario->throttle_increment = 10;
    }
    return kind;
}

typedef struct {
    guint64 migrations, passes, verdicts, hopeless, converges, false_hopeless, false_converges;
    guint64 decided; /* migrations with a verdict within three passes after the first */
    guint64 wrong;   /* migrations of which anything false was said */
} Tally;

static void
judge(const Forecasting *forecasting, const NmaConvergenceLimits *limits, double least_s,
      Tally *tally, gboolean *wrong)
{
    const NmaForecast *forecast = &forecasting->model.forecast;
    double limit_s = (double)limits->max_downtime_ms / 1e3;

    tally->passes++;
    if (forecast->verdict == NMA_FORECAST_UNKNOWN)
        return;
    tally->verdicts++;
    if (forecast->verdict == NMA_FORECAST_HOPELESS) {
        tally->hopeless++;
        if (least_s >= 0 && least_s <= limit_s) {
            tally->false_hopeless++;
            *wrong = TRUE;
        }
    } else {
        tally->converges++;
        if (least_s > limit_s) {
            tally->false_converges++;
            *wrong = TRUE;
        }
    }
}

/* -1: what is true depends on the moment */
static double
truth(const Forecasting *forecasting, const QpScenario *scenario, Kind kind, double steady_s)
{
    if (kind == STEADY)
        return steady_s;
    if (kind == BANDWIDTH_CHANGES &&
        forecasting->migration.next_change == forecasting->migration.scenario->n_changes) {
        QpScenario now = *scenario;

        now.bandwidth_bytes_s = forecasting->migration.bandwidth_bytes_s;
        return qp_least_downtime_s(&now);
    }
    return -1;
}

static void
run_one(guint64 seed, Tally tallies[N_KINDS])
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)seed);
    NmaConvergenceLimits limits;
    QpScenario scenario;
    Kind kind = random_scenario(rand, &scenario, &limits);
    Tally *tally = &tallies[kind];
    double steady_s = kind == STEADY ? qp_least_downtime_s(&scenario) : -1;
    gboolean wrong = FALSE, decided = FALSE;
    Forecasting forecasting;

    tally->migrations++;
    forecasting_begin(&forecasting, &scenario, rand, &limits);
    for (guint i = 0; i < MAX_SYNCS && forecasting_next(&forecasting); i++) {
        judge(&forecasting, &limits, truth(&forecasting, &scenario, kind, steady_s), tally, &wrong);
        decided |= i < 4 && forecasting.model.forecast.verdict != NMA_FORECAST_UNKNOWN;
    }
    tally->decided += decided || forecasting.migration.state == QP_SWITCHED;
    tally->wrong += wrong;
    if (wrong && g_getenv("NMA_SIM_TELL") != NULL)
        g_test_message("seed %" G_GUINT64_FORMAT " is wrong: at its end %s, least downtime %.3f s, "
                       "limit %.3f s, %u writers, noise %.3f",
                       seed, nma_forecast_verdict_to_string(forecasting.model.forecast.verdict),
                       steady_s, (double)limits.max_downtime_ms / 1e3, scenario.n_writers,
                       scenario.noise);
    g_assert_cmpuint(forecasting.inside, ==, 0);
}

static double
percent(guint64 part, guint64 whole)
{
    return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void
test_verdicts(void)
{
    Campaign campaign = campaign_of(10000, 1000000);
    Tally tallies[N_KINDS] = { 0 };

    for (guint64 i = 0; i < campaign.runs; i++)
        run_one(campaign.first + i, tallies);
    for (guint kind = 0; kind < N_KINDS; kind++) {
        const Tally *t = &tallies[kind];

        g_test_message("%s: %" G_GUINT64_FORMAT " migrations, %.1f %% ended or judged within three "
                       "passes after the first; %" G_GUINT64_FORMAT
                       " passes, hopeless %" G_GUINT64_FORMAT " (false %" G_GUINT64_FORMAT
                       "), converges %" G_GUINT64_FORMAT " (false %" G_GUINT64_FORMAT
                       "); something false said of %.2f %%",
                       kind_names[kind], t->migrations, percent(t->decided, t->migrations),
                       t->passes, t->hopeless, t->false_hopeless, t->converges, t->false_converges,
                       percent(t->wrong, t->migrations));
    }
    if (campaign.runs < 1000)
        return;
    g_assert_cmpfloat(percent(tallies[STEADY].wrong, tallies[STEADY].migrations), <, 1);
    g_assert_cmpfloat(percent(tallies[STEADY].decided, tallies[STEADY].migrations), >, 80);
}

/* ---- one case that was published, and statistics that make no sense ---- */

/* The rate of a writer whose rest after each sync settles there. */
static double
rate_that_leaves(double set_bytes, double rest_bytes, double bandwidth_bytes_s, gboolean late)
{
    double low = bandwidth_bytes_s / 10, high = bandwidth_bytes_s * 100;

    for (guint i = 0; i < 60; i++) {
        double rate = sqrt(low * high), share = rest_bytes / set_bytes;
        double written = rate * rest_bytes / bandwidth_bytes_s;
        double full = set_bytes * -expm1(-written / set_bytes);
        double half = set_bytes * -expm1(-written / 2 / set_bytes);

        if ((late ? (1 - share) * full + share * half : full) < rest_bytes)
            low = rate;
        else
            high = rate;
    }
    return low;
}

/* 16 GiB at 120.2 MB/s, aborted by Nova after 3.5 hours with 831 MB left, although it stood there
 * since the third minute (platform9.com/kb/openstack/for-large-volume-backed-instances): whatever
 * working set up to 1.2 GB and rate bring the rest to 831 MB. From a larger one the rest falls to
 * that over more passes, and it takes as many to tell. */
static void
test_published_case(void)
{
    static const double sets[] = { 0.84e9, 0.9e9, 1.2e9, 2e9 };
    const NmaConvergenceLimits limits = { 500, 50, 30 };

    for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
        for (guint late = 0; late < 2; late++) {
            QpScenario scenario = {
                .memory_bytes = 16 * GIB,
                .nonzero_bytes = 16 * GIB,
                .writers = { { sets[i], rate_that_leaves(sets[i], 831e6, 120.2e6, late), FALSE } },
                .n_writers = 1,
                .bandwidth_bytes_s = 120.2e6,
                .limit_s = 0.05,
                .slice_s = 0.05,
                .clears_late = late,
            };
            Forecasting forecasting;
            guint passes = 0;

            forecasting_begin(&forecasting, &scenario, NULL, &limits);
            while (forecasting.model.forecast.verdict != NMA_FORECAST_HOPELESS) {
                g_assert_true(forecasting_next(&forecasting));
                g_assert_cmpint(forecasting.model.forecast.verdict, !=, NMA_FORECAST_CONVERGES);
                g_assert_cmpuint(++passes, <=, sets[i] <= 1.2e9 ? 4 : 14);
            }
            g_autofree char *text = nma_forecast_diagnosis(&forecasting.model.forecast);
            g_test_message("set %.0f MB: after pass %u, %.0f s: %s", sets[i] / 1e6, passes,
                           forecasting.migration.now_s, text);
            g_assert_cmpint(forecasting.model.forecast.cause, ==, NMA_HINDRANCE_DIRTYING);
            double least_ms = 1e3 * qp_least_downtime_s(&scenario) + 30;
            g_assert_cmpfloat((double)forecasting.model.forecast.least_downtime_ms.low, <=,
                              least_ms);
            g_assert_cmpfloat((double)forecasting.model.forecast.least_downtime_ms.high, >=,
                              least_ms);
        }
    }
}

static gint64
absurd_figure(GRand *rand, gint64 former)
{
    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        return 0;
    case 1:
        return -1;
    case 2:
        return G_MAXINT64;
    case 3:
        return G_MININT64;
    case 4:
        return former / 2;
    case 5:
        return (gint64)((guint64)g_rand_int(rand) << 32 | g_rand_int(rand));
    default:
        return former;
    }
}

/* Each figure of each reading may be anything, and so may the times. */
static void
test_absurd(void)
{
    Campaign campaign = campaign_of(10000, 1000000);
    const NmaConvergenceLimits limits = { 500, 50, 30 };
    guint64 concluded = 0;

    for (guint64 run = 0; run < campaign.runs; run++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)(campaign.first + run));
        NmaConvergence model;
        gint64 now_us = 1000 * NMA_US_PER_S;
        NmaJobStats stats;

        nma_convergence_init(&model, &limits);
        nma_job_stats_clear(&stats);
        stats.kind = NMA_JOB_MIGRATION_OUT;
        stats.memory_total_bytes = (gint64)GIB;
        for (guint i = 0; i < 30; i++) {
            gint64 *figures[] = { &stats.memory_remaining_bytes, &stats.memory_normal_bytes,
                                  &stats.memory_zero_pages,      &stats.memory_total_bytes,
                                  &stats.memory_page_size_bytes, &stats.memory_bps,
                                  &stats.throttle_percent,       &stats.memory_iteration };
            g_autofree char *text = NULL;
            gint64 at_us;

            stats.memory_iteration = i / 2;
            stats.memory_total_bytes = (gint64)GIB;
            stats.memory_page_size_bytes = 4096;
            stats.memory_remaining_bytes = g_rand_int_range(rand, 0, 1 << 30);
            stats.memory_normal_bytes = (gint64)i * g_rand_int_range(rand, 0, 1 << 24);
            *figures[g_rand_int_range(rand, 0, G_N_ELEMENTS(figures))] =
                absurd_figure(rand, stats.memory_normal_bytes);
            now_us += g_rand_int_range(rand, 0, 2000000);
            at_us = chance(rand, 0.1) ? absurd_figure(rand, now_us) : now_us;
            nma_convergence_take(&model, &stats, at_us,
                                 chance(rand, 0.5) ? at_us : absurd_figure(rand, now_us), FALSE);
            concluded += model.forecast.verdict != NMA_FORECAST_UNKNOWN;
            text = nma_forecast_diagnosis(&model.forecast);
            g_assert_cmpint(model.forecast.least_downtime_ms.low, >=, NMA_UNKNOWN);
            g_assert_cmpint(model.forecast.least_downtime_ms.low, <=,
                            model.forecast.least_downtime_ms.high);
            g_assert_cmpint(model.forecast.finishes_in_ms.low, >=, NMA_UNKNOWN);
            g_assert_cmpint(model.forecast.needed_bandwidth_bytes_s.high, >=, NMA_UNKNOWN);
        }
    }
    g_test_message("of %" G_GUINT64_FORMAT " absurd readings %" G_GUINT64_FORMAT
                   " were concluded from",
                   campaign.runs * 30, concluded);
    g_assert_cmpuint(concluded, <, campaign.runs * 30 / 100);
}

typedef enum { NO_BANDWIDTH, FALLING, WRAPPING, TIME_STANDS, N_ABSURDITIES } Absurdity;

/* One absurdity in an otherwise hopeless migration: nothing is concluded while it lasts. */
static void
test_one_absurdity(void)
{
    const NmaConvergenceLimits limits = { 500, 50, 30 };

    for (guint what = 0; what < N_ABSURDITIES; what++) {
        NmaConvergence model;
        NmaJobStats stats;

        nma_convergence_init(&model, &limits);
        nma_job_stats_clear(&stats);
        stats.kind = NMA_JOB_MIGRATION_OUT;
        stats.memory_total_bytes = (gint64)GIB;
        for (gint64 i = 0; i < 20; i++) {
            gint64 at_us = what == TIME_STANDS ? NMA_US_PER_S : i * 3 * NMA_US_PER_S;

            stats.memory_iteration = i + 1;
            stats.memory_remaining_bytes = 300 << 20;
            stats.memory_normal_bytes = what == NO_BANDWIDTH ? 0
                                        : what == FALLING    ? (100 - i) * (300 << 20)
                                        : what == WRAPPING && i % 2 == 1
                                            ? G_MAXINT64 - i
                                            : i % 2 * (300 << 20) + (what == TIME_STANDS ? i : 0);
            nma_convergence_take(&model, &stats, at_us, at_us, FALSE);
            g_assert_cmpint(model.forecast.verdict, ==, NMA_FORECAST_UNKNOWN);
        }
    }
}

static void
test_nothing_moves(void)
{
    const NmaConvergenceLimits limits = { 500, 50, 30 };

    for (guint in_disk = 0; in_disk < 2; in_disk++) {
        NmaConvergence model;
        NmaJobStats stats;

        nma_convergence_init(&model, &limits);
        nma_job_stats_clear(&stats);
        stats.kind = NMA_JOB_MIGRATION_OUT;
        stats.memory_total_bytes = (gint64)GIB;
        stats.memory_remaining_bytes = (gint64)GIB / 2;
        stats.memory_normal_bytes = 1 << 20;
        stats.memory_iteration = in_disk ? 0 : 1;
        for (gint64 second = 0; second <= 15; second++) {
            nma_convergence_take(&model, &stats, second * NMA_US_PER_S, NMA_NEVER, in_disk);
            g_assert_cmpint(model.forecast.cause, ==,
                            in_disk        ? NMA_HINDRANCE_DISK
                            : second >= 10 ? NMA_HINDRANCE_NOTHING_MOVES
                                           : NMA_HINDRANCE_NONE);
        }
        stats.memory_normal_bytes++;
        nma_convergence_take(&model, &stats, 16 * NMA_US_PER_S, NMA_NEVER, FALSE);
        g_assert_cmpint(model.forecast.cause, !=, NMA_HINDRANCE_NOTHING_MOVES);
        g_assert_cmpint(model.forecast.cause, !=, NMA_HINDRANCE_DISK);
    }
}

/* ---- what takes a verdict back ---- */

static const NmaConvergenceLimits usual_limits = { 500, 50, 30 };

static QpScenario
busy_guest(void)
{
    return (QpScenario){
        .memory_bytes = 4 * GIB,
        .nonzero_bytes = 2 * GIB,
        .writers = { { GIB, 400 * QP_MIB, FALSE } },
        .n_writers = 1,
        .bandwidth_bytes_s = GBIT_BYTES_S,
        .limit_s = 0.05,
        .slice_s = 0.05,
    };
}

static void
go_until_hopeless(Forecasting *forecasting)
{
    while (forecasting->model.forecast.verdict != NMA_FORECAST_HOPELESS)
        g_assert_true(forecasting_next(forecasting));
}

/* The same guest with huge pages: the range is wider on both sides, so that a verdict needs more.
 */
static void
test_huge_pages(void)
{
    QpScenario scenario = busy_guest();
    NmaConvergenceLimits limits = usual_limits;
    gint64 need_ms;

    for (guint i = 0; i < 2; i++) {
        Forecasting small, huge;
        NmaRange narrow, wide;

        limits.huge_pages = FALSE;
        forecasting_begin(&small, &scenario, NULL, &limits);
        limits.huge_pages = TRUE;
        forecasting_begin(&huge, &scenario, NULL, &limits);
        go_until_hopeless(&small);
        while (huge.model.forecast.passes < small.model.forecast.passes)
            g_assert_true(forecasting_next(&huge));
        narrow = small.model.forecast.least_downtime_ms;
        wide = huge.model.forecast.least_downtime_ms;
        g_assert_cmpint(wide.low, <, narrow.low * 3 / 4);
        g_assert_cmpint(wide.high, >, narrow.high * 5 / 4);
        /* far above the limit it is said all the same; a little above it is not */
        g_assert_cmpint(huge.model.forecast.verdict, ==,
                        i == 0 ? NMA_FORECAST_HOPELESS : NMA_FORECAST_UNKNOWN);
        need_ms = narrow.low;
        limits.max_downtime_ms = need_ms * 4 / 5;
    }
}

/* A rival takes half of the link: one pass of other bandwidth is not judged. */
static void
test_bandwidth_changes(void)
{
    QpScenario scenario = busy_guest();
    Forecasting forecasting;
    guint withheld = 0;

    forecasting_begin(&forecasting, &scenario, NULL, &usual_limits);
    go_until_hopeless(&forecasting);
    scenario.n_changes = 1;
    scenario.changes[0] =
        (QpChange){ forecasting.migration.now_s + 0.01, GBIT_BYTES_S / 2, 0, FALSE };
    for (guint i = 0; i < 4; i++) {
        g_assert_true(forecasting_next(&forecasting));
        if (forecasting.model.forecast.why == NMA_DOUBT_BANDWIDTH_CHANGED) {
            g_assert_cmpint(forecasting.model.forecast.cause, ==, NMA_HINDRANCE_BANDWIDTH_CHANGED);
            g_assert_cmpint(forecasting.model.forecast.verdict, ==, NMA_FORECAST_UNKNOWN);
            withheld++;
        }
    }
    g_assert_cmpuint(withheld, ==, 1);
    g_assert_cmpint(forecasting.model.forecast.verdict, ==, NMA_FORECAST_HOPELESS);
    g_assert_cmpint(forecasting.model.forecast.bandwidth_bytes_s, <, (gint64)(GBIT_BYTES_S * 0.55));
}

static void
test_throttle_changes(void)
{
    QpScenario scenario = busy_guest();
    Forecasting forecasting;
    double throttle = 0;

    scenario.auto_converge = TRUE;
    scenario.throttle_initial = 20;
    scenario.throttle_increment = 10;
    forecasting_begin(&forecasting, &scenario, NULL, &usual_limits);
    for (guint i = 0; i < 8; i++) {
        g_assert_true(forecasting_next(&forecasting));
        if (forecasting.migration.throttle == throttle)
            continue;
        throttle = forecasting.migration.throttle;
        g_assert_cmpint(forecasting.model.forecast.why, ==, NMA_DOUBT_THROTTLE_CHANGED);
    }
    g_assert_cmpfloat(throttle, >, 20);
}

static double
least_at_throttle(QpScenario scenario, gint64 percent)
{
    scenario.writers[0].rate_bytes_s *= 1 - (double)percent / 100;
    return qp_least_downtime_s(&scenario);
}

/* What is said of auto-converge is true: slowed by so much it ends within the limit, and by less
 * than the least it does not. It is of the guest as nothing slows it, also while QEMU throttles
 * already. */
static void
test_throttle_that_would_do(void)
{
    static const double taken[] = { 0, 20, 40 };
    const QpScenario scenario = busy_guest();
    double limit_s = (double)usual_limits.max_downtime_ms / 1e3;

    for (guint i = 0; i < G_N_ELEMENTS(taken); i++) {
        Forecasting forecasting;
        NmaRange needed;
        g_autofree char *off = NULL, *on = NULL, *now = NULL;

        forecasting_begin(&forecasting, &scenario, NULL, &usual_limits);
        forecasting.migration.throttle = taken[i];
        go_until_hopeless(&forecasting);
        needed = forecasting.model.forecast.needed_throttle_percent;
        g_test_message("at %.0f %%: %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " %%", taken[i],
                       needed.low, needed.high);
        g_assert_cmpint(forecasting.model.forecast.throttle_percent, ==, (gint64)taken[i]);
        g_assert_cmpint(needed.low, >, (gint64)taken[i]);
        g_assert_cmpint(needed.high, <=, 99);
        g_assert_cmpfloat(least_at_throttle(scenario, needed.high), <=, limit_s);
        g_assert_cmpfloat(least_at_throttle(scenario, needed.low - 1), >, limit_s);
        off = nma_forecast_diagnosis(&forecasting.model.forecast);
        g_assert_nonnull(strstr(off, "live_migration_permit_auto_converge = true"));
        forecasting.model.forecast.nova.auto_converge = TRUE;
        on = nma_forecast_diagnosis(&forecasting.model.forecast);
        now = g_strdup_printf("(%.0f %% now, and it rises by itself)", taken[i]);
        g_assert_nonnull(strstr(on, now));
    }
}

/* A sweep a little slower than the link: a long way, but it ends. */
static void
test_steady_fall(void)
{
    QpScenario scenario = busy_guest();
    Forecasting forecasting;
    guint syncs = 0;

    scenario.writers[0] = (QpWriter){ 1.5 * GIB, 0.93 * GBIT_BYTES_S, TRUE };
    forecasting_begin(&forecasting, &scenario, NULL, &usual_limits);
    while (forecasting_next(&forecasting)) {
        g_assert_cmpint(forecasting.model.forecast.verdict, !=, NMA_FORECAST_HOPELESS);
        g_assert_cmpuint(++syncs, <, 200);
    }
    g_assert_cmpint(forecasting.migration.state, ==, QP_SWITCHED);
    g_assert_cmpuint(syncs, >, 20);
}

/* The job ends and another one begins: nothing of the old one is concluded from. */
static void
test_new_job(void)
{
    QpScenario scenario = busy_guest();
    Forecasting forecasting;
    NmaJobStats stats;

    forecasting_begin(&forecasting, &scenario, NULL, &usual_limits);
    go_until_hopeless(&forecasting);
    qp_begin(&forecasting.migration, &scenario, NULL);
    qp_read(&forecasting.migration, &stats);
    nma_convergence_take(&forecasting.model, &stats, forecasting.model.last_boot_us + 1000000,
                         NMA_NEVER, FALSE);
    g_assert_cmpint(forecasting.model.forecast.verdict, ==, NMA_FORECAST_UNKNOWN);
    g_assert_cmpint(forecasting.model.forecast.why, ==, NMA_DOUBT_TOO_FEW_PASSES);
    g_assert_cmpuint(forecasting.model.n_passes, ==, 0);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/convergence/verdicts", test_verdicts);
    g_test_add_func("/convergence/published-case", test_published_case);
    g_test_add_func("/convergence/absurd", test_absurd);
    g_test_add_func("/convergence/one-absurdity", test_one_absurdity);
    g_test_add_func("/convergence/nothing-moves", test_nothing_moves);
    g_test_add_func("/convergence/huge-pages", test_huge_pages);
    g_test_add_func("/convergence/bandwidth-changes", test_bandwidth_changes);
    g_test_add_func("/convergence/throttle-changes", test_throttle_changes);
    g_test_add_func("/convergence/throttle-that-would-do", test_throttle_that_would_do);
    g_test_add_func("/convergence/steady-fall", test_steady_fall);
    g_test_add_func("/convergence/new-job", test_new_job);
    return g_test_run();
}
