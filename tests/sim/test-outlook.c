/*
 * Forecasts before the start, held against simulated migrations of the same guests: what libvirt
 * would measure in two windows is all that is known of them.
 */
#include <math.h>

#include "agent/core/outlook.h"
#include "tests/sim/qemu_precopy.h"
#include "tests/unit/tap.h"

#define GIB            (1024 * QP_MIB)
#define RUNS           400
#define QEMU_OWN_BYTES (64 * QP_MIB)

typedef struct {
    double set_bytes, rate_bytes_s, memory_bytes, nonzero_bytes, bandwidth_bytes_s;
} Guest;

/* pages that were written to, of a guest that writes anywhere in its set */
static double
dirtied(const Guest *guest, double time_s)
{
    return guest->set_bytes * -expm1(-guest->rate_bytes_s * time_s / guest->set_bytes);
}

/* As QEMU's page sampling tells it: a few pages are looked at, whole MiB/s are said. rand NULL:
 * exactly. */
static NmaMeasurement
measure(const Guest *guest, GRand *rand)
{
    static const double periods[NMA_OUTLOOK_WINDOWS] = { 1, 5 };
    NmaMeasurement measurement;

    nma_measurement_init(&measurement, "11111111-1111-4111-8111-111111111111");
    measurement.ram_bytes = (gint64)guest->memory_bytes;
    measurement.resident_bytes = (gint64)(guest->nonzero_bytes + QEMU_OWN_BYTES);
    for (guint i = 0; i < NMA_OUTLOOK_WINDOWS; i++) {
        double share = dirtied(guest, periods[i]) / guest->memory_bytes;
        guint samples = (guint)(guest->memory_bytes / GIB * 512), hit = 0;

        for (guint k = 0; rand != NULL && k < samples; k++)
            hit += g_rand_double(rand) < share;
        if (rand != NULL)
            share = (double)hit / samples;
        measurement.windows[i] =
            (NmaDirtyWindow){ periods[i],
                              floor(share * guest->memory_bytes / periods[i] / QP_MIB) * QP_MIB };
    }
    return measurement;
}

static const NmaExperience nothing_learnt = { .bandwidth_bytes_s = { -1, -1 },
                                              .median_bandwidth_bytes_s = -1,
                                              .fixed_cost_ms = -1 };

static NmaExperience
learnt_of(const Guest *guest)
{
    gint64 bandwidth = (gint64)guest->bandwidth_bytes_s;

    return (NmaExperience){ .n = 3,
                            .bandwidth_bytes_s = { bandwidth, bandwidth },
                            .median_bandwidth_bytes_s = bandwidth,
                            .fixed_cost_ms = 60 };
}

static NmaOutlookTerms
terms_of(const NmaExperience *learnt)
{
    return (NmaOutlookTerms){ .limits = { 500, 50, 50 },
                              .downtime_steps = 10,
                              .downtime_delay_s = 75,
                              .link_bytes_s = NMA_UNKNOWN,
                              .learnt = learnt };
}

/* The same guest migrated: with the first step of Nova's ladder, which the guests of these tests
 * do not outlast, or at the limit. */
static QpMigration
migrate(const Guest *guest, double limit_s)
{
    QpScenario scenario = {
        .memory_bytes = guest->memory_bytes,
        .nonzero_bytes = guest->nonzero_bytes,
        .writers = { { guest->set_bytes, guest->rate_bytes_s, FALSE } },
        .n_writers = 1,
        .bandwidth_bytes_s = guest->bandwidth_bytes_s,
        .limit_s = limit_s,
        .slice_s = 0.1,
        .fixed_cost_s = 0.06,
    };
    QpMigration migration;

    qp_begin(&migration, &scenario, NULL);
    for (guint pass = 0; pass < 100 && migration.state == QP_COPYING; pass++)
        qp_go_on(&migration, INFINITY);
    return migration;
}

static void
test_steady_guest(void)
{
    const Guest guest = { 400 * QP_MIB, 60 * QP_MIB, 4 * GIB, 3 * GIB, 110 * QP_MIB };
    NmaMeasurement measurement = measure(&guest, NULL);
    NmaExperience learnt = learnt_of(&guest);
    NmaOutlookTerms terms = terms_of(&learnt);
    QpMigration real = migrate(&guest, 0.05);
    g_autofree char *said = NULL;
    NmaOutlook outlook;

    nma_outlook_judge(&measurement, &terms, &outlook);
    said = nma_outlook_diagnosis(&outlook);
    g_test_message("%s; it took %.1f s", said, real.now_s);
    g_assert_cmpint(outlook.bandwidth_source, ==, NMA_BANDWIDTH_HISTORY);
    g_assert_cmpfloat(fabs((double)outlook.working_set_bytes.expected / guest.set_bytes - 1), <,
                      0.2);
    g_assert_cmpfloat(fabs((double)outlook.dirty_rate_bytes_s.expected / guest.rate_bytes_s - 1), <,
                      0.1);
    g_assert_cmpfloat(fabs((double)outlook.duration_ms.expected / 1e3 / real.now_s - 1), <, 0.2);
    g_assert_cmpfloat((double)outlook.duration_ms.range.low / 1e3, <=, real.now_s);
    g_assert_cmpfloat((double)outlook.duration_ms.range.high / 1e3, >=, real.now_s);
    g_assert_cmpfloat(fabs((double)outlook.sent_bytes.expected / real.sent_bytes - 1), <, 0.2);
}

static void
test_hopeless(void)
{
    const Guest guest = { 2 * GIB, 600 * QP_MIB, 8 * GIB, 6 * GIB, 110 * QP_MIB };
    NmaMeasurement measurement = measure(&guest, NULL);
    NmaExperience learnt = learnt_of(&guest);
    NmaOutlookTerms terms = terms_of(&learnt);
    NmaOutlook outlook;

    nma_outlook_judge(&measurement, &terms, &outlook);
    g_assert_cmpint(outlook.verdict, ==, NMA_FORECAST_HOPELESS);
    /* W/B - tau */
    g_assert_cmpfloat(fabs((double)outlook.least_downtime_ms.expected / 1e3 - 15.2), <, 3);
    g_assert_cmpint(outlook.duration_ms.expected, ==, NMA_UNKNOWN);
    g_assert_cmpint(nma_outlook_prediction(&outlook).verdict, ==, NMA_FORECAST_HOPELESS);
}

static void
test_where_the_bandwidth_comes_from(void)
{
    const Guest guest = { 64 * QP_MIB, 6 * QP_MIB, 2 * GIB, 1 * GIB, 0 };
    NmaMeasurement measurement = measure(&guest, NULL);
    NmaOutlookTerms terms = terms_of(&nothing_learnt);
    NmaOutlook outlook;

    nma_outlook_judge(&measurement, &terms, &outlook);
    g_assert_cmpint(outlook.verdict, ==, NMA_FORECAST_UNKNOWN);
    g_assert_cmpint(outlook.why, ==, NMA_DOUBT_NO_BANDWIDTH);
    g_assert_cmpint(outlook.duration_ms.expected, ==, NMA_UNKNOWN);
    g_assert_cmpint(outlook.working_set_bytes.expected, >, 0);
    terms.link_bytes_s = 125000000;
    nma_outlook_judge(&measurement, &terms, &outlook);
    g_assert_cmpint(outlook.bandwidth_source, ==, NMA_BANDWIDTH_LINK);
    g_assert_cmpint(outlook.bandwidth_bytes_s.range.high, ==, 125000000);
    g_assert_cmpint(outlook.bandwidth_bytes_s.range.low, <=, 125000000 / 4); /* a wide band */
    terms.configured_bytes_s = 50000000;
    nma_outlook_judge(&measurement, &terms, &outlook);
    g_assert_cmpint(outlook.bandwidth_source, ==, NMA_BANDWIDTH_NOVA_CONF);
    g_assert_cmpint(outlook.bandwidth_bytes_s.range.high, ==, 50000000);
    terms.configured_bytes_s = G_GINT64_CONSTANT(50000000000); /* more than the card can */
    nma_outlook_judge(&measurement, &terms, &outlook);
    g_assert_cmpint(outlook.bandwidth_source, ==, NMA_BANDWIDTH_LINK);
}

/* It needs more than Nova allows at first: then it waits for Nova. */
static void
test_waits_for_the_ladder(void)
{
    const Guest guest = { 38 * QP_MIB, 400 * QP_MIB, 2 * GIB, 1 * GIB, 110 * QP_MIB };
    NmaMeasurement measurement = measure(&guest, NULL);
    NmaExperience learnt = learnt_of(&guest);
    NmaOutlookTerms terms = terms_of(&learnt);
    NmaOutlook outlook;

    nma_outlook_judge(&measurement, &terms, &outlook);
    g_test_message("least %" G_GINT64_FORMAT " ms, expected %" G_GINT64_FORMAT " ms",
                   outlook.least_downtime_ms.expected, outlook.duration_ms.expected);
    g_assert_cmpint(outlook.least_downtime_ms.expected, >, 150);
    g_assert_cmpint(outlook.least_downtime_ms.expected, <, 450);
    /* 150 s for each step */
    g_assert_cmpint(outlook.duration_ms.expected, >, 300000);
    g_assert_cmpint(outlook.duration_ms.expected, <, 1500000);
}

static void
test_absurd(void)
{
    static const double rates[] = { 0, 1, 1e6, 1e15, 1e300 };
    static const gint64 sizes[] = { 1, 4096, 1 << 20, G_GINT64_CONSTANT(1) << 50, G_MAXINT64 };
    NmaExperience learnt = nothing_learnt;
    NmaOutlookTerms terms = terms_of(&learnt);

    for (guint i = 0; i < G_N_ELEMENTS(rates) * G_N_ELEMENTS(rates) * G_N_ELEMENTS(sizes); i++) {
        NmaMeasurement measurement;
        NmaOutlook outlook;
        g_autofree char *said = NULL;

        nma_measurement_init(&measurement, "11111111-1111-4111-8111-111111111111");
        measurement.windows[0] = (NmaDirtyWindow){ 1, rates[i % 5] };
        measurement.windows[1] = (NmaDirtyWindow){ 5, rates[i / 5 % 5] };
        measurement.ram_bytes = sizes[i / 25];
        measurement.resident_bytes = i % 3 == 0 ? NMA_UNKNOWN : sizes[i % 5];
        terms.link_bytes_s = i % 2 == 0 ? 1 : G_GINT64_CONSTANT(1) << 40;
        nma_outlook_judge(&measurement, &terms, &outlook);
        said = nma_outlook_diagnosis(&outlook);
        g_assert_cmpint(outlook.least_downtime_ms.range.low, <=,
                        outlook.least_downtime_ms.range.high);
        g_assert_cmpint(outlook.duration_ms.expected, <=, G_GINT64_CONSTANT(9000000000000000));
    }
}

/* Random guests, measured as coarsely as QEMU does it. */
static void
test_campaign(void)
{
    GRand *rand = g_rand_new_with_seed(7);
    guint wrong = 0, judged = 0, off = 0, outside = 0, told = 0;

    for (guint i = 0; i < RUNS; i++) {
        Guest guest = { .memory_bytes = GIB * pow(2, g_rand_double_range(rand, 0, 6)) };
        NmaExperience learnt;
        NmaOutlookTerms terms;
        NmaMeasurement measurement;
        NmaOutlook outlook;
        QpMigration first, last;

        guest.nonzero_bytes = guest.memory_bytes * g_rand_double_range(rand, 0.3, 1);
        guest.set_bytes = guest.nonzero_bytes * pow(10, g_rand_double_range(rand, -2.5, -0.3));
        guest.bandwidth_bytes_s = QP_MIB * pow(10, g_rand_double_range(rand, 2, 3));
        guest.rate_bytes_s = guest.bandwidth_bytes_s * pow(10, g_rand_double_range(rand, -2, 0.5));
        measurement = measure(&guest, rand);
        learnt = learnt_of(&guest);
        terms = terms_of(&learnt);
        nma_outlook_judge(&measurement, &terms, &outlook);
        first = migrate(&guest, 0.05);
        last = migrate(&guest, 0.5);
        if (outlook.verdict != NMA_FORECAST_UNKNOWN) {
            judged++;
            wrong += (outlook.verdict == NMA_FORECAST_CONVERGES) != (last.state == QP_SWITCHED);
        }
        if (first.state == QP_SWITCHED && outlook.duration_ms.expected > 0) {
            double ratio = (double)outlook.duration_ms.expected / 1e3 / first.now_s;

            told++;
            off += ratio > 2 || ratio < 0.5;
            outside += first.now_s < (double)outlook.duration_ms.range.low / 1e3 ||
                       (outlook.duration_ms.range.high >= 0 &&
                        first.now_s > (double)outlook.duration_ms.range.high / 1e3);
        }
    }
    g_test_message(
        "%u of %d judged, %u wrong; %u durations told, %u off by more than 2, %u outside", judged,
        RUNS, wrong, told, off, outside);
    g_rand_free(rand);
    g_assert_cmpuint(judged, >=, RUNS / 3);
    g_assert_cmpuint(wrong * 100, <=, judged); /* 1 % */
    /* those that only just fit, or only just not, into what Nova permits at first */
    g_assert_cmpuint(off * 100, <=, told * 10);    /* 10 % */
    g_assert_cmpuint(outside * 100, <=, told * 5); /* 5 % */
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/outlook/steady-guest", test_steady_guest);
    g_test_add_func("/outlook/hopeless", test_hopeless);
    g_test_add_func("/outlook/where-the-bandwidth-comes-from", test_where_the_bandwidth_comes_from);
    g_test_add_func("/outlook/waits-for-the-ladder", test_waits_for_the_ladder);
    g_test_add_func("/outlook/absurd", test_absurd);
    g_test_add_func("/outlook/campaign", test_campaign);
    return g_test_run();
}
