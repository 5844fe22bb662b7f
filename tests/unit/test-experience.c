/* How forecasts are scored, and what is learnt of a pair of hosts. */
#include <math.h>

#include "agent/core/experience.h"
#include "agent/core/job_stats.h"
#include "tests/unit/tap.h"

static NmaOutcome
completed(gint64 downtime_ms)
{
    NmaOutcome outcome;

    nma_outcome_init(&outcome);
    outcome.end = NMA_OUTCOME_COMPLETED;
    outcome.lasted_ms = 20000;
    outcome.downtime_ms = downtime_ms;
    outcome.max_downtime_ms = 500;
    outcome.bandwidth_bytes_s = 100;
    outcome.fixed_cost_ms = 60;
    return outcome;
}

static void
predict(NmaOutcome *outcome, NmaForecastVerdict verdict, gint64 low_ms, gint64 high_ms)
{
    outcome->predictions[NMA_PREDICTED_FIRST] = (NmaPrediction){
        .verdict = verdict,
        .at_ms = 8000,
        .lasts_ms = { low_ms, high_ms },
        .downtime_ms = { 200, 450 },
    };
}

static NmaScore
score_of(NmaOutcome *outcome)
{
    nma_outcome_score(outcome);
    return outcome->predictions[NMA_PREDICTED_FIRST].score;
}

static void
test_scores(void)
{
    NmaOutcome outcome = completed(400);

    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_NONE); /* nothing was said */
    predict(&outcome, NMA_FORECAST_CONVERGES, 9000, 16000);
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_RIGHT);
    g_assert_cmpfloat(fabs(nma_outcome_duration_ratio(&outcome, NMA_PREDICTED_FIRST) - 1), <, 1e-3);
    g_assert_cmpfloat(fabs(nma_outcome_downtime_ratio(&outcome, NMA_PREDICTED_FIRST) - 0.75), <,
                      1e-3);
    predict(&outcome, NMA_FORECAST_HOPELESS, NMA_UNKNOWN, NMA_UNKNOWN);
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_WRONG);
    g_assert_cmpfloat(nma_outcome_duration_ratio(&outcome, NMA_PREDICTED_FIRST), ==, 0);
    /* more was permitted meanwhile: it did not end within the limit */
    outcome.downtime_ms = 3000;
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_RIGHT);
    predict(&outcome, NMA_FORECAST_CONVERGES, 9000, 16000);
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_WRONG);
}

/* Whoever helped or aborted first kept the verdict from being tested. */
static void
test_helped(void)
{
    NmaOutcome outcome = completed(400);

    outcome.forced = TRUE;
    predict(&outcome, NMA_FORECAST_HOPELESS, NMA_UNKNOWN, NMA_UNKNOWN);
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_RIGHT); /* it went on for 12 s more */
    outcome.lasted_ms = 9000;
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_NONE);
    predict(&outcome, NMA_FORECAST_CONVERGES, 2000, 4000);
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_NONE);
    outcome.lasted_ms = 20000;
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_WRONG);
    outcome.forced = FALSE;
    outcome.end = NMA_OUTCOME_ABORTED;
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_WRONG);
    predict(&outcome, NMA_FORECAST_CONVERGES, 2000, NMA_UNKNOWN);
    g_assert_cmpint(score_of(&outcome), ==, NMA_SCORE_NONE);
}

static void
add(NmaExperiences *experiences, const char *destination, gint64 bandwidth, gint64 cost_ms,
    gint64 lasts_ms)
{
    NmaOutcome outcome = completed(300);

    outcome.destination = g_strdup(destination);
    outcome.bandwidth_bytes_s = bandwidth;
    outcome.fixed_cost_ms = cost_ms;
    predict(&outcome, NMA_FORECAST_CONVERGES, lasts_ms, lasts_ms);
    nma_outcome_score(&outcome);
    nma_experiences_add(experiences, &outcome);
    nma_outcome_clear(&outcome);
}

static void
test_what_is_learnt(void)
{
    g_autoptr(NmaExperiences) experiences = nma_experiences_new();
    NmaExperience learnt;

    nma_experiences_get(experiences, "b", &learnt);
    g_assert_cmpuint(learnt.n, ==, 0);
    g_assert_cmpint(learnt.fixed_cost_ms, ==, NMA_UNKNOWN);
    nma_experiences_get(experiences, NULL, &learnt);
    g_assert_cmpuint(learnt.n, ==, 0);
    add(experiences, "b", 100, 50, 12000);
    add(experiences, "b", 300, NMA_UNKNOWN, 24000);
    nma_experiences_get(experiences, "b", &learnt);
    g_assert_cmpfloat(learnt.duration_factor, ==, 0); /* of two nothing follows */
    add(experiences, "b", 110, 90, 12000);
    add(experiences, "c", 7, 7, 7);
    nma_experiences_get(experiences, "b", &learnt);
    g_assert_cmpuint(learnt.n, ==, 3);
    g_assert_cmpint(learnt.bandwidth_bytes_s.low, ==, 100);
    g_assert_cmpint(learnt.bandwidth_bytes_s.high, ==, 300);
    g_assert_cmpint(learnt.median_bandwidth_bytes_s, ==, 110);
    g_assert_cmpint(learnt.fixed_cost_ms, ==, 90);
    /* 12 s came: one forecast was off by two */
    g_assert_cmpfloat(fabs(learnt.duration_factor - 2), <, 1e-3);
    g_assert_cmpuint(learnt.right, ==, 3);
    g_assert_cmpuint(learnt.wrong, ==, 0);
    /* the newest count */
    for (guint i = 0; i < NMA_EXPERIENCE_OUTCOMES; i++)
        add(experiences, "b", 900, 10, 12000);
    nma_experiences_get(experiences, "b", &learnt);
    g_assert_cmpuint(learnt.n, ==, NMA_EXPERIENCE_OUTCOMES);
    g_assert_cmpint(learnt.bandwidth_bytes_s.low, ==, 900);
    g_assert_cmpfloat(fabs(learnt.duration_factor - 1), <, 1e-3);
}

static void
count(const char *destination, const NmaExperience *experience, gpointer user_data)
{
    ++*(guint *)user_data;
}

static void
test_bounded(void)
{
    g_autoptr(NmaExperiences) experiences = nma_experiences_new();
    NmaExperience learnt;
    guint n = 0;

    for (guint i = 0; i < NMA_EXPERIENCE_DESTINATIONS + 10; i++) {
        g_autofree char *name = g_strdup_printf("host-%u", i);

        add(experiences, name, 100, 50, 12000);
        add(experiences, "always", 100, 50, 12000);
    }
    add(experiences, NULL, 100, 50, 12000);
    add(experiences, "", 100, 50, 12000);
    nma_experiences_foreach(experiences, count, &n);
    g_assert_cmpuint(n, ==, NMA_EXPERIENCE_DESTINATIONS);
    nma_experiences_get(experiences, "host-0", &learnt);
    g_assert_cmpuint(learnt.n, ==, 0);
    nma_experiences_get(experiences, "always", &learnt);
    g_assert_cmpuint(learnt.n, ==, NMA_EXPERIENCE_OUTCOMES);
}

static void
test_widen(void)
{
    NmaRange range = { 800, 1250 };

    nma_range_widen(&range, 1.1); /* wide enough */
    g_assert_cmpint(range.low, ==, 800);
    nma_range_widen(&range, 0);
    g_assert_cmpint(range.high, ==, 1250);
    nma_range_widen(&range, 2);
    g_assert_cmpint(range.low, ==, 500);
    g_assert_cmpint(range.high, ==, 2000);
    range.high = NMA_UNKNOWN;
    nma_range_widen(&range, 3);
    g_assert_cmpint(range.low, ==, 500);
    range = (NmaRange){ 0, G_GINT64_CONSTANT(9000000000000000) };
    nma_range_widen(&range, 1e300);
    g_assert_cmpint(range.high, <=, G_GINT64_CONSTANT(9000000000000000));
    g_assert_cmpint(range.low, >=, 0);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/experience/scores", test_scores);
    g_test_add_func("/experience/helped", test_helped);
    g_test_add_func("/experience/what-is-learnt", test_what_is_learnt);
    g_test_add_func("/experience/bounded", test_bounded);
    g_test_add_func("/experience/widen", test_widen);
    return g_test_run();
}
