/* What is recorded of a migration and replayed says the same as was said live. */
#include <glib/gstdio.h>
#include <string.h>

#include "agent/replaying.h"
#include "agent/tracing.h"
#include "tests/sim/telling.h"
#include "tests/unit/tap.h"

static const NmaConvergenceLimits nova_limits = { 500, 50, 50, 150000 };
static const NmaNovaOptions nova = { 500, 10, 75, 800, FALSE, FALSE, 0 };

static QpScenario
guest(double set_mib, double rate_mib_s)
{
    return (QpScenario){
        .memory_bytes = 256 * QP_MIB,
        .nonzero_bytes = 132 * QP_MIB,
        .writers = { { set_mib * QP_MIB, rate_mib_s * QP_MIB, FALSE } },
        .n_writers = 1,
        .bandwidth_bytes_s = 16 * QP_MIB,
        .limit_s = 0.05,
        .slice_s = 0.1,
        .fixed_cost_s = 0.2,
    };
}

typedef struct {
    NmaTracing *tracing;
    Telling *telling;
} Recorder;

static void
record(const NmaEvent *event, gpointer user_data)
{
    Recorder *recorder = user_data;
    NmaNow now = { event->seen_boot_us, event->seen_wall_us };

    nma_tracing_take(recorder->tracing, recorder->telling->host, event, now);
}

typedef struct {
    GPtrArray *verdicts; /* of char */
    NmaOutcome outcome;
} Replayed;

static void
take_forecast(gint64 at_ms, const NmaForecastReport *report, gpointer user_data)
{
    g_ptr_array_add(((Replayed *)user_data)->verdicts, nma_forecast_diagnosis(&report->forecast));
}

static void
take_outcome(const NmaOutcome *outcome, gpointer user_data)
{
    g_assert_nonnull(outcome);
    nma_outcome_copy(&((Replayed *)user_data)->outcome, outcome);
}

static GPtrArray *
files_in(const char *dir)
{
    g_autoptr(GDir) listing = g_dir_open(dir, 0, NULL);
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (listing != NULL && (name = g_dir_read_name(listing)) != NULL)
        g_ptr_array_add(paths, g_build_filename(dir, name, NULL));
    return paths;
}

static void
same_as_live(double set_mib, double rate_mib_s, double give_up_s, gboolean ends)
{
    g_autofree char *state_dir = g_strdup(nma_test_dir());
    g_autofree char *dir = g_build_filename(state_dir, "traces", NULL);
    NmaTracing *tracing = nma_tracing_new(state_dir, "here");
    QpScenario scenario = guest(set_mib, rate_mib_s);
    Telling telling;
    Recorder recorder = { tracing, &telling };
    g_autoptr(GPtrArray) live = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) paths = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaReplay) replay = NULL;
    const NmaReplayTold told = { take_forecast, NULL, take_outcome };
    Replayed replayed = { g_ptr_array_new_with_free_func(g_free) };

    nma_tracing_set(tracing, 3, &nova_limits, &nova);
    telling_begin(&telling, &nova_limits);
    telling.each = record;
    telling.user_data = &recorder;
    g_assert_cmpint(telling_migrate(&telling, &scenario, NULL, give_up_s), ==, ends);
    nma_tracing_free(tracing);
    for (guint i = 0; i < telling.effects->len; i++) {
        const NmaEffect *effect = telling.effects->pdata[i];

        if (effect->type == NMA_EFFECT_FORECAST)
            g_ptr_array_add(live, nma_forecast_diagnosis(&effect->forecast->forecast));
    }
    paths = files_in(dir);
    g_assert_cmpuint(paths->len, ==, 1);
    replay = nma_replay_load(paths->pdata[0], &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nma_replay_skipped(replay), ==, 0);
    nma_outcome_init(&replayed.outcome);
    nma_replay_run(replay, NULL, 0, &told, &replayed);
    g_assert_cmpuint(live->len, >=, 1);
    g_assert_cmpuint(replayed.verdicts->len, ==, live->len);
    for (guint i = 0; i < live->len; i++)
        g_assert_cmpstr(replayed.verdicts->pdata[i], ==, live->pdata[i]);
    g_assert_cmpint(replayed.outcome.lasted_ms, ==, telling_outcome(&telling)->lasted_ms);
    g_assert_cmpint(replayed.outcome.end, ==, telling_outcome(&telling)->end);
    g_assert_cmpint(replayed.outcome.predictions[NMA_PREDICTED_FIRST].score, ==, NMA_SCORE_RIGHT);
    nma_outcome_clear(&replayed.outcome);
    g_ptr_array_unref(replayed.verdicts);
    telling_end(&telling);
}

static void
test_converging(void)
{
    same_as_live(32, 6, 600, TRUE);
}

static void
test_hopeless(void)
{
    same_as_live(64, 60, 90, FALSE);
}

/* The newest are kept; switched off, nothing is written and nothing removed. */
static void
test_rotated(void)
{
    g_autofree char *state_dir = g_strdup(nma_test_dir());
    g_autofree char *dir = g_build_filename(state_dir, "traces", NULL);
    NmaTracing *tracing = nma_tracing_new(state_dir, "here");
    QpScenario scenario = guest(8, 1);
    Telling telling;
    Recorder recorder = { tracing, &telling };
    g_autoptr(GPtrArray) kept = NULL;
    g_autoptr(GPtrArray) still = NULL;

    telling_begin(&telling, &nova_limits);
    telling.each = record;
    telling.user_data = &recorder;
    for (guint i = 0; i < 7; i++) {
        nma_tracing_set(tracing, i == 0 || i == 6 ? 0 : 3, &nova_limits, &nova);
        telling_migrate(&telling, &scenario, NULL, 600);
        nma_host_saved(telling.host);
        if (i == 0)
            g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
        if (i == 5)
            kept = files_in(dir);
    }
    g_assert_cmpuint(kept->len, ==, 3);
    still = files_in(dir);
    g_assert_cmpuint(still->len, ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_true(g_file_test(kept->pdata[i], G_FILE_TEST_EXISTS));
    nma_tracing_free(tracing);
    telling_end(&telling);
}

static void
refused(const char *text, const char *said)
{
    g_autofree char *path = g_build_filename(nma_test_dir(), "bad", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_null(nma_replay_load(path, &error));
    g_assert_nonnull(error);
    if (strstr(error->message, said) == NULL)
        g_error("\"%s\" says \"%s\"", text, error->message);
}

#define HEAD                                                                                       \
    "{\"kind\":\"trace\",\"schema_version\":\"1.7\",\"host\":\"a\",\"instance_uuid\":"             \
    "\"" TELLING_GUEST "\",\"begun_at\":\"2026-11-21T22:00:00Z\",\"max_downtime_ms\":500,"         \
    "\"first_downtime_ms\":50,\"fixed_cost_ms\":50,\"step_ms\":0}\n"

static void
test_hostile(void)
{
    g_autofree char *endless = g_strnfill(NMA_TRACE_MAX_LINE + 100, 'x');
    g_autofree char *deep = g_strnfill(10000, '[');
    g_autofree char *deep_line = g_strdup_printf(HEAD "%s\n", deep);
    g_autofree char *path = NULL;
    g_autoptr(NmaReplay) newer = NULL;

    refused("", "no trace");
    refused("{}\n", "line 1");
    refused(endless, "line 1");
    refused("[1]\n", "line 1");
    refused(deep_line, "line 2");
    refused(HEAD "{\"kind\":\"reading\",\"at_us\":1,\"state\":\"flying\"}\n", "line 2");
    refused(HEAD "{\"kind\":\"iteration\",\"at_us\":-1,\"iteration\":3}\n", "line 2");
    refused(HEAD "{\"kind\":\"iteration\",\"at_us\":9223372036854775807,\"iteration\":3}\n",
            "line 2");
    refused(HEAD "{\"at_us\":1}\n", "no kind");
    /* what a newer version writes is passed over; a cut line is the end */
    path = g_build_filename(nma_test_dir(), "newer", NULL);
    g_assert_true(
        g_file_set_contents(path, HEAD "{\"kind\":\"weather\"}\n{\"kind\":\"itera", -1, NULL));
    newer = nma_replay_load(path, NULL);
    g_assert_nonnull(newer);
    g_assert_cmpuint(nma_replay_skipped(newer), ==, 1);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/trace/converging", test_converging);
    g_test_add_func("/trace/hopeless", test_hopeless);
    g_test_add_func("/trace/rotated", test_rotated);
    g_test_add_func("/trace/hostile", test_hostile);
    return g_test_run();
}
