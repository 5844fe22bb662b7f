/* The history: what goes in comes out, bounded; and a database from before there was one. */
#include "agent/core/job_stats.h"
#include "agent/store/history.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/tap.h"

#define INSTANCE "11111111-2222-4333-8444-555555555555"

static void
fill(NmaOutcome *outcome, guint n)
{
    gint64 value = 1000;

    nma_outcome_init(outcome);
    g_snprintf(outcome->attempt_id, sizeof outcome->attempt_id, "00000000-0000-4000-8000-%012u", n);
    g_strlcpy(outcome->instance_uuid, INSTANCE, sizeof outcome->instance_uuid);
    outcome->destination = n % 2 == 0 ? g_strdup("it's \"b\"") : NULL;
    outcome->ended_wall_us = 5000 + n;
    outcome->end = NMA_OUTCOME_ABORTED;
    outcome->forced = TRUE;
    outcome->memory_bytes = value++;
    outcome->nonzero_bytes = NMA_UNKNOWN;
    outcome->bandwidth_bytes_s = value++;
    outcome->lasted_ms = value++;
    outcome->downtime_ms = value++;
    outcome->fixed_cost_ms = value++;
    outcome->max_downtime_ms = value++;
    /* every figure another one, so that two that are swapped are seen */
    for (guint i = 0; i < NMA_N_PREDICTIONS; i++)
        outcome->predictions[i] = (NmaPrediction){
            .verdict = (NmaForecastVerdict)i,
            .at_ms = value++,
            .lasts_ms = { value + 1, value + 2 },
            .downtime_ms = { value + 3, value + 4 },
            .expected_ms = value + 5,
            .score = (NmaScore)i,
        };
}

static void
append(NmaStore *store, guint n)
{
    g_autoptr(GError) error = NULL;
    NmaOutcome outcome;

    fill(&outcome, n);
    g_assert_true(nma_history_append(store, &outcome, &error));
    g_assert_no_error(error);
    nma_outcome_clear(&outcome);
}

static GPtrArray *
load(NmaStore *store, guint expected_skipped)
{
    GPtrArray *outcomes = NULL;
    guint skipped = 99;

    g_assert_true(nma_history_load(store, &outcomes, &skipped, NULL));
    g_assert_cmpuint(skipped, ==, expected_skipped);
    return outcomes;
}

static void
test_there_and_back(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    g_autoptr(NmaStore) store = open_store(dir, NULL);
    g_autoptr(GPtrArray) outcomes = NULL;

    append(store, 2);
    append(store, 1);
    append(store, 1); /* again, after a failed commit: one row */
    outcomes = load(store, 0);
    g_assert_cmpuint(outcomes->len, ==, 2);
    for (guint n = 1; n <= 2; n++) {
        NmaOutcome *read = outcomes->pdata[n - 1];
        NmaOutcome expected;

        fill(&expected, n);
        g_assert_cmpstr(read->destination, ==, expected.destination);
        g_clear_pointer(&expected.destination, g_free);
        g_clear_pointer(&read->destination, g_free);
        g_assert_cmpmem(read, sizeof *read, &expected, sizeof expected);
    }
}

static void
test_bounded(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    g_autoptr(NmaStore) store = open_store(dir, NULL);
    g_autoptr(GPtrArray) outcomes = NULL;

    g_assert_true(nma_store_begin(store, NULL));
    for (guint n = 1; n <= NMA_HISTORY_MAX_ROWS + 5; n++)
        append(store, n);
    g_assert_true(nma_store_commit(store, NULL));
    outcomes = load(store, 0);
    g_assert_cmpuint(outcomes->len, ==, NMA_HISTORY_MAX_ROWS);
    g_assert_cmpint(((NmaOutcome *)outcomes->pdata[0])->ended_wall_us, ==, 5006);
}

static void
test_bad_row(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    GPtrArray *outcomes;

    append(store, 1);
    append(store, 2);
    nma_store_close(store);
    sql_in(dir, "UPDATE history SET first_verdict = 'maybe' WHERE ended_wall_us = 5001");
    store = open_store(dir, NULL);
    outcomes = load(store, 1);
    g_assert_cmpuint(outcomes->len, ==, 1);
    g_ptr_array_unref(outcomes);
    nma_store_close(store);
}

/* A database that the agent made before it kept a history: nothing in it is lost. */
static void
test_older_database(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    g_autofree char *boot_id = NULL;

    g_assert_true(nma_store_set_boot_id(store, "old", NULL));
    nma_store_close(store);
    sql_in(dir, "DROP TABLE history; ALTER TABLE reservation DROP COLUMN vcpus;"
                "ALTER TABLE reservation DROP COLUMN disk_bytes;"
                "ALTER TABLE reservation DROP COLUMN ports;"
                "ALTER TABLE reservation DROP COLUMN cores;"
                "ALTER TABLE reservation DROP COLUMN pages;"
                "ALTER TABLE source DROP COLUMN policy_known;"
                "ALTER TABLE source DROP COLUMN policy;"
                "ALTER TABLE source DROP COLUMN held_downtime_ms;"
                "ALTER TABLE source DROP COLUMN held_speed_bytes_s;"
                "ALTER TABLE source DROP COLUMN paused_by_us_boot_us; PRAGMA user_version = 1");
    store = open_store(dir, NULL); /* nothing is moved aside */
    boot_id = nma_store_get_boot_id(store);
    g_assert_cmpstr(boot_id, ==, "old");
    append(store, 1);
    nma_store_close(store);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/store/history/there-and-back", test_there_and_back);
    g_test_add_func("/store/history/bounded", test_bounded);
    g_test_add_func("/store/history/bad-row", test_bad_row);
    g_test_add_func("/store/history/older-database", test_older_database);
    return g_test_run();
}
