/*
 * forecasts N: how far forecasts are off, over N simulated migrations of random guests: steady ones
 * that write anywhere in their set, with some noise. One line of JSON.
 *
 * One host migrates them all to one destination, so that it learns what a switchover costs; each is
 * given up after a while if it does not end.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/telling.h"

#define GIB       (1024 * QP_MIB)
#define MAX_RUNS  100000
#define GIVE_UP_S 400

typedef struct {
    double *values;
    guint n;
} Ratios;

typedef struct {
    guint judged, hopeless, false_hopeless, converges, false_converges;
    Ratios duration, downtime;
} Tally;

static QpScenario
random_guest(GRand *rand)
{
    double bandwidth = QP_MIB * pow(10, g_rand_double_range(rand, 1.5, 3));
    double nonzero = bandwidth * g_rand_double_range(rand, 4, 60);
    double set = nonzero * pow(10, g_rand_double_range(rand, -2, -0.1));

    return (QpScenario){
        .memory_bytes = nonzero * g_rand_double_range(rand, 1, 2),
        .nonzero_bytes = nonzero,
        .writers = { { set, bandwidth * pow(10, g_rand_double_range(rand, -1.7, 0.4)), FALSE } },
        .n_writers = 1,
        .bandwidth_bytes_s = bandwidth,
        .limit_s = 0.05, /* Nova's first step, which these do not outlast */
        .noise = 0.03,
        .slice_s = 0.1,
        .fixed_cost_s = g_rand_double_range(rand, 0.04, 0.1),
    };
}

static void
add_ratio(Ratios *ratios, double ratio)
{
    if (ratio > 0)
        ratios->values[ratios->n++] = fabs(log(ratio));
}

/* At the most that nova.conf permits, without noise: the truth that a verdict is held against. */
static gboolean
would_end(const QpScenario *scenario)
{
    QpScenario calm = *scenario;
    QpMigration migration;

    calm.limit_s = 0.5;
    calm.noise = 0;
    qp_begin(&migration, &calm, NULL);
    for (guint pass = 0; pass < 200 && migration.state == QP_COPYING; pass++)
        qp_go_on(&migration, INFINITY);
    return migration.state == QP_SWITCHED;
}

static void
count(Tally *tally, const NmaOutcome *outcome, gboolean truth)
{
    const NmaPrediction *first = &outcome->predictions[NMA_PREDICTED_FIRST];

    if (first->verdict == NMA_FORECAST_UNKNOWN)
        return;
    tally->judged++;
    if (first->verdict == NMA_FORECAST_HOPELESS) {
        tally->hopeless++;
        tally->false_hopeless += truth;
    } else {
        tally->converges++;
        tally->false_converges += !truth;
    }
    add_ratio(&tally->duration, nma_outcome_duration_ratio(outcome, NMA_PREDICTED_FIRST));
    add_ratio(&tally->downtime, nma_outcome_downtime_ratio(outcome, NMA_PREDICTED_FIRST));
}

static int
by_value(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;

    return difference < 0 ? -1 : difference > 0;
}

/* by which factor it was off */
static double
quantile(Ratios *ratios, double share)
{
    if (ratios->n == 0)
        return 0;
    qsort(ratios->values, ratios->n, sizeof ratios->values[0], by_value);
    return exp(ratios->values[MIN((guint)(share * ratios->n), ratios->n - 1)]);
}

int
main(int argc, char **argv)
{
    static const NmaConvergenceLimits limits = { 500, 50, 50, 400000 };
    guint64 n = argc > 1 ? g_ascii_strtoull(argv[1], NULL, 10) : 0;
    GRand *rand = g_rand_new_with_seed(1);
    Tally tally = { 0 };
    Telling telling;

    if (n == 0 || n > MAX_RUNS) {
        fprintf(stderr, "usage: forecasts N\n");
        return 2;
    }
    tally.duration.values = g_new(double, n);
    tally.downtime.values = g_new(double, n);
    telling_begin(&telling, &limits);
    for (guint64 i = 0; i < n; i++) {
        QpScenario scenario = random_guest(rand);

        telling_migrate(&telling, &scenario, rand, GIVE_UP_S);
        count(&tally, telling_outcome(&telling), would_end(&scenario));
        nma_host_saved(telling.host);
        g_ptr_array_set_size(telling.effects, 0);
    }
    printf("{\"migrations\": %" G_GUINT64_FORMAT ", \"judged\": %u, \"hopeless\": %u,"
           " \"false_hopeless\": %u, \"converges\": %u, \"false_converges\": %u,"
           " \"durations\": %u, \"duration_median\": %.3f, \"duration_p90\": %.3f,"
           " \"downtimes\": %u, \"downtime_median\": %.3f, \"downtime_p90\": %.3f}\n",
           n, tally.judged, tally.hopeless, tally.false_hopeless, tally.converges,
           tally.false_converges, tally.duration.n, quantile(&tally.duration, 0.5),
           quantile(&tally.duration, 0.9), tally.downtime.n, quantile(&tally.downtime, 0.5),
           quantile(&tally.downtime, 0.9));
    telling_end(&telling);
    g_free(tally.duration.values);
    g_free(tally.downtime.values);
    g_rand_free(rand);
    return 0;
}
