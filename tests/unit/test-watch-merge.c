/* The merged picture: outcomes, pairing, gaps, memory, and that order does not matter. */
#include "agent/watch/merge.h"

#include <string.h>

#include "agent/watch/view.h"
#include "tests/unit/tap.h"
#include "tests/unit/watch_story.h"

#define MINUTE_US (60 * NMA_US_PER_S)

static const NmaWatchStyle plain = { .columns = NMA_WATCH_PLAIN_COLUMNS };

static void
test_success(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    static const struct {
        guint rows;
        NmaPhase phase;
        gboolean open;
        NmaWatchOutcome outcome;
        NmaGuestPlace place;
    } stations[] = {
        { 1, NMA_PHASE_PRE_MIGRATION, TRUE, NMA_WATCH_RUNNING, NMA_GUEST_ON_SOURCE },
        { 2, NMA_PHASE_PRE_MIGRATION, FALSE, NMA_WATCH_RUNNING, NMA_GUEST_ON_SOURCE },
        { 4, NMA_PHASE_RESERVATION, TRUE, NMA_WATCH_RUNNING, NMA_GUEST_ON_SOURCE },
        { 8, NMA_PHASE_PRE_COPY, TRUE, NMA_WATCH_RUNNING, NMA_GUEST_ON_SOURCE },
        { 13, NMA_PHASE_STOP_AND_COPY, TRUE, NMA_WATCH_RUNNING, NMA_GUEST_ON_SOURCE },
        { 14, NMA_PHASE_COMMITMENT, TRUE, NMA_WATCH_RUNNING, NMA_GUEST_ON_DESTINATION },
        { 17, NMA_PHASE_COMMITMENT, TRUE, NMA_WATCH_COMPLETED, NMA_GUEST_ON_DESTINATION },
        { 18, NMA_PHASE_COMMITMENT, FALSE, NMA_WATCH_COMPLETED, NMA_GUEST_ON_DESTINATION },
    };
    guint told = 0;

    for (guint i = 0; i < G_N_ELEMENTS(stations); i++) {
        g_autofree NmaWatchPicture *picture = NULL;

        story_tell(model, story_success, told, stations[i].rows, 0);
        told = stations[i].rows;
        picture = story_picture(model, 0);
        g_assert_cmpint(picture->phase, ==, stations[i].phase);
        g_assert_cmpint(picture->phase_open, ==, stations[i].open);
        g_assert_cmpint(picture->outcome, ==, stations[i].outcome);
        g_assert_cmpint(picture->guest_place, ==, stations[i].place);
        g_assert_cmpuint(picture->missing, ==, 0);
        g_assert_cmpint(picture->settled, ==, told == story_success_rows);
    }
}

static void
test_identity_of_both(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;

    story_tell(model, story_success, 0, story_success_rows, 0);
    picture = story_picture(model, 0);
    g_assert_cmpstr(picture->identity.flavor, ==, "m1.large"); /* only B tells it */
    g_assert_cmpint(picture->identity.migration_id, ==, 42);
    g_assert_true(nma_watch_picture_is(picture, STORY_INSTANCE));
    g_assert_true(nma_watch_picture_is(picture, "0B0F3D52-0000-4000-8000-00000000000A"));
    g_assert_true(nma_watch_picture_is(picture, "42"));
    g_assert_false(nma_watch_picture_is(picture, "4"));
    g_assert_true(nma_watch_picture_has_host(picture, "cmp-b"));
    g_assert_false(nma_watch_picture_has_host(picture, "cmp"));
}

static void
test_times(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;

    /* rows up to the second progress of pre_copy, heard at 5 s of our clock; now it is 8 s */
    story_tell(model, story_success, 0, 11, 5 * NMA_US_PER_S);
    picture = story_picture(model, 8 * NMA_US_PER_S);
    /* 61 s by the agent's clock, and 3 s since, though B's clock is an hour ahead */
    g_assert_cmpint(picture->phase_us, ==, 64 * NMA_US_PER_S);
    g_assert_cmpint(picture->step_us, ==, 64 * NMA_US_PER_S);
    g_assert_cmpint(picture->silent_us, ==, 3 * NMA_US_PER_S);
}

static void
test_joined_late(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;

    story_tell(model, story_success, 10, 12, 0); /* a progress, then the end of pre_copy */
    picture = story_picture(model, 0);
    g_assert_cmpuint(nma_watch_attempt_unheard(picture->source), ==, 3);
    g_assert_cmpuint(picture->missing, ==, 0);
    g_assert_null(picture->destination);
}

static void
test_gap(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;
    g_autofree NmaWatchPicture *filled = NULL;
    g_autofree char *text = NULL;

    story_tell(model, story_success, 0, 6, 0);
    story_tell(model, story_success, 10, 11, 0); /* its progress names 3: 2 and 3 are missing */
    picture = story_picture(model, 0);
    g_assert_cmpuint(picture->missing, ==, 2);
    text = nma_watch_attempt_missing_text(picture->source);
    g_assert_cmpstr(text, ==, "2-3");
    g_assert_cmpint(picture->phase_us, ==, NMA_UNKNOWN); /* its start was not heard */

    story_tell(model, story_success, 6, 8, 0);
    filled = story_picture(model, 0);
    g_assert_cmpuint(filled->missing, ==, 0);
    g_assert_cmpint(filled->phase_us, ==, 61 * NMA_US_PER_S);
}

/* ---- how it can end ---- */

#define A     'A'
#define B     'B'
#define PRE   NMA_PHASE_PRE_MIGRATION
#define RES   NMA_PHASE_RESERVATION
#define COPY  NMA_PHASE_PRE_COPY
#define POST  NMA_PHASE_POST_COPY
#define DONE  NMA_PHASE_COMMITMENT
#define BEGIN NMA_REPORT_START
#define END   NMA_REPORT_END
#define ERR   NMA_REPORT_ERROR
#define SRC   NMA_GUEST_ON_SOURCE
#define DST   NMA_GUEST_ON_DESTINATION
#define RUN   NMA_GUEST_RUNNING

static const struct {
    const char *name;
    NmaWatchOutcome outcome;
    int exit_code;
    NmaWatchOutcome later; /* after the patience with a silent side */
    StoryRow rows[4];
} endings[] = {
    { "job failed",
      NMA_WATCH_FAILED,
      1,
      NMA_WATCH_FAILED,
      { { A, COPY, ERR, 4, 0, 9, 0, SRC, RUN, NMA_REASON_JOB_FAILED }, { B, RES, BEGIN, 3 } } },
    { "aborted",
      NMA_WATCH_CANCELLED,
      3,
      NMA_WATCH_CANCELLED,
      { { A, COPY, ERR, 4, 0, 9, 0, SRC, RUN, NMA_REASON_ABORTED } } },
    { "aborted, but paused",
      NMA_WATCH_PAUSED,
      4,
      NMA_WATCH_PAUSED,
      { { A, COPY, ERR, 4, 0, 9, 0, SRC, NMA_GUEST_PAUSED, NMA_REASON_ABORTED } } },
    { "post-copy broke",
      NMA_WATCH_PAUSED,
      4,
      NMA_WATCH_PAUSED,
      { { B, POST, ERR, 6, 0, 9, 0, DST, NMA_GUEST_PAUSED, NMA_REASON_POST_COPY_FAILED },
        { A, POST, BEGIN, 5 } } },
    { "guest gone",
      NMA_WATCH_LOST,
      4,
      NMA_WATCH_LOST,
      { { A, COPY, ERR, 4, 0, 9, 0, NMA_GUEST_GONE, 0, NMA_REASON_GUEST_GONE } } },
    { "gone here, runs there",
      NMA_WATCH_RUNNING,
      124,
      NMA_WATCH_UNRECORDED,
      { { A, COPY, ERR, 4, 0, 9, 0, NMA_GUEST_GONE, 0, NMA_REASON_GUEST_GONE },
        { B, DONE, BEGIN, 5, 0, 9, 0, DST, RUN } } },
    { "expired, nobody knows",
      NMA_WATCH_UNKNOWN,
      4,
      NMA_WATCH_UNKNOWN,
      { { A, COPY, ERR, 4, 0, 9, 0, 0, 0, NMA_REASON_EXPIRED } } },
    { "our check refused, Nova has not decided",
      NMA_WATCH_RUNNING,
      124,
      NMA_WATCH_RUNNING,
      { { B, RES, ERR, 4, 0, 9, 0, SRC, 0, NMA_REASON_MEMORY_INSUFFICIENT } } },
    { "our check refused, Nova went on",
      NMA_WATCH_COMPLETED,
      0,
      NMA_WATCH_COMPLETED,
      { { B, RES, ERR, 4, 0, 9, 0, SRC, 0, NMA_REASON_MEMORY_INSUFFICIENT },
        { A, DONE, END, 8, 0, 9, 0, DST, RUN, .nova_status = "completed" } } },
    { "refused by Nova",
      NMA_WATCH_FAILED,
      1,
      NMA_WATCH_FAILED,
      { { B, PRE, ERR, 2, 0, 9, 0, 0, 0, NMA_REASON_REFUSED_BY_NOVA } } },
    { "the destination alone saw it fail",
      NMA_WATCH_RUNNING,
      124,
      NMA_WATCH_UNKNOWN,
      { { B, DONE, ERR, 5, 0, 9, 0, 0, 0, NMA_REASON_INCOMING_FAILED }, { A, COPY, BEGIN, 3 } } },
    { "the destination alone has an agent",
      NMA_WATCH_UNKNOWN,
      4,
      NMA_WATCH_UNKNOWN,
      { { B, DONE, ERR, 5, 0, 9, 0, 0, 0, NMA_REASON_INCOMING_FAILED } } },
    { "this destination was left, the guest's host still waits",
      NMA_WATCH_RUNNING,
      124,
      NMA_WATCH_RUNNING,
      { { B, PRE, ERR, 2, 0, 9, 0, 0, 0, NMA_REASON_REFUSED_BY_NOVA },
        { A, PRE, BEGIN, 1, 0, 9, NMA_STEP_WAITING, SRC, RUN } } },
    { "both saw it fail",
      NMA_WATCH_FAILED,
      1,
      NMA_WATCH_FAILED,
      { { B, RES, ERR, 5, 0, 9, 0, 0, 0, NMA_REASON_INCOMING_FAILED },
        { A, COPY, ERR, 4, 0, 9, 0, SRC, RUN, NMA_REASON_JOB_FAILED } } },
    { "Nova recorded a failure",
      NMA_WATCH_UNRECORDED,
      4,
      NMA_WATCH_UNRECORDED,
      { { B, DONE, ERR, 6, 0, 9, 0, DST, RUN, NMA_REASON_NOVA_FAILED },
        { A, DONE, END, 8, 0, 9, 0, DST, RUN, .nova_status = "unknown" } } },
    { "Nova's word was not learnt",
      NMA_WATCH_COMPLETED,
      0,
      NMA_WATCH_COMPLETED,
      { { A, DONE, END, 8, 0, 9, 0, DST, RUN, .nova_status = "unknown" } } },
    { "Nova calls it an error",
      NMA_WATCH_UNRECORDED,
      4,
      NMA_WATCH_UNRECORDED,
      { { A, DONE, END, 8, 0, 9, 0, DST, RUN, .nova_status = "error" } } },
};

static void
test_endings(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
        g_autofree NmaWatchPicture *picture = NULL;
        g_autofree NmaWatchPicture *later = NULL;
        guint n = 0;

        while (n < G_N_ELEMENTS(endings[i].rows) && endings[i].rows[n].side)
            n++;
        story_tell(model, endings[i].rows, 0, n, 0);
        picture = story_picture(model, 0);
        later = story_picture(model, 2 * MINUTE_US);
        if (picture->outcome != endings[i].outcome || later->outcome != endings[i].later)
            g_error("%s: %s, later %s", endings[i].name,
                    nma_watch_outcome_to_string(picture->outcome),
                    nma_watch_outcome_to_string(later->outcome));
        g_assert_cmpint(nma_watch_outcome_exit_code(picture->outcome), ==, endings[i].exit_code);
    }
}

/* ---- which attempts belong together ---- */

static void
add_attempt(NmaWatchModel *model, char side, const char *host, const char *attempt_id,
            gint64 migration_id, gint64 at_ms)
{
    StoryRow row = { side, PRE, BEGIN, 1, 0, at_ms, .unnamed = TRUE };
    g_autoptr(NmaReport) report = story_report(&row);

    g_strlcpy(report->attempt_id, attempt_id, sizeof(report->attempt_id));
    report->identity.migration_id = migration_id;
    nma_watch_model_add(model, "", host, report, 0);
}

static void
test_pairs(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);

    /* neither knows Nova's name for it: one source and one destination are one migration */
    add_attempt(model, 'A', "cmp-a", STORY_A_ATTEMPT, NMA_UNKNOWN, 0);
    add_attempt(model, 'B', "cmp-b", STORY_B_ATTEMPT, NMA_UNKNOWN, 0);
    g_assert_cmpuint(nma_watch_model_size(model), ==, 1);
    /* back again, from b to a: b's agent as source cannot be the same story */
    add_attempt(model, 'A', "cmp-b", "cccccccc-0000-4000-8000-000000000001", NMA_UNKNOWN, 0);
    g_assert_cmpuint(nma_watch_model_size(model), ==, 2);
    /* two that could be its partner: none is guessed */
    add_attempt(model, 'B', "cmp-d", "dddddddd-0000-4000-8000-000000000001", 7, 0);
    add_attempt(model, 'B', "cmp-e", "eeeeeeee-0000-4000-8000-000000000001", 8, 0);
    g_assert_cmpuint(nma_watch_model_size(model), ==, 4);
}

static void
test_other_migration(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);

    add_attempt(model, 'A', "cmp-a", STORY_A_ATTEMPT, 1, 0);
    add_attempt(model, 'B', "cmp-b", STORY_B_ATTEMPT, 2, 0);
    g_assert_cmpuint(nma_watch_model_size(model), ==, 2);
}

/* A refused destination, and another one tried for the same Nova migration. */
static void
test_second_destination(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;
    StoryRow refused = { 'B', PRE, ERR, 2, .reason = NMA_REASON_SUPERSEDED };
    g_autoptr(NmaReport) report = story_report(&refused);

    g_strlcpy(report->attempt_id, "cccccccc-0000-4000-8000-000000000001",
              sizeof(report->attempt_id));
    g_free(report->identity.destination);
    report->identity.destination = g_strdup("cmp-c");
    nma_watch_model_add(model, "", "cmp-c", report, 0);
    story_tell(model, story_success, 0, story_success_rows, 0);
    picture = story_picture(model, 0);
    g_assert_cmpstr(picture->destination->host, ==, "cmp-b");
    g_assert_cmpint(picture->outcome, ==, NMA_WATCH_COMPLETED);
    g_assert_cmpuint(picture->attempts, ==, 3);
}

static void
add_left_destination(NmaWatchModel *model, gint64 at_ms)
{
    StoryRow left = { 'B', PRE, ERR, 2, 0, at_ms, .reason = NMA_REASON_REFUSED_BY_NOVA };
    g_autoptr(NmaReport) report = story_report(&left);

    g_strlcpy(report->attempt_id, "cccccccc-0000-4000-8000-000000000001",
              sizeof(report->attempt_id));
    g_free(report->identity.destination);
    report->identity.destination = g_strdup("cmp-c");
    nma_watch_model_add(model, "", "cmp-c", report, 0);
}

/* Nova left cmp-c for cmp-b, whose agent's clock is behind and who has not ended. */
static void
test_destination_that_goes_on_counts(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;

    add_left_destination(model, 99999999);
    story_tell(model, story_success, 0, 3, 0);
    picture = story_picture(model, 0);
    g_assert_cmpstr(picture->destination->host, ==, "cmp-b");
    g_assert_cmpint(picture->outcome, ==, NMA_WATCH_RUNNING);
}

/* The source goes on to cmp-b, which has no agent: what cmp-c said is of no account. */
static void
test_destination_that_was_left_does_not_count(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;

    add_left_destination(model, 0);
    story_tell(model, story_success, 7, 8, 0);
    picture = story_picture(model, 10 * MINUTE_US);
    g_assert_null(picture->destination);
    g_assert_cmpint(picture->outcome, ==, NMA_WATCH_RUNNING);
    g_assert_cmpuint(picture->attempts, ==, 2);
}

/* ---- order, repetition, memory ---- */

static char *
whole_picture(const NmaWatchModel *model)
{
    g_autofree NmaWatchPicture *picture = story_picture(model, 0);
    g_autofree char *line = nma_watch_line(picture, &plain);
    g_autofree char *screen = nma_watch_screen(picture, &plain);

    return g_strconcat(line, "\n", screen, NULL);
}

/* Every subset of the story, in any order and with repeats, gives the picture that the same subset
 * gives in order. */
static void
test_any_order(void)
{
    for (guint round = 0; round < 2000; round++) {
        g_autoptr(NmaWatchModel) in_order = nma_watch_model_new(10);
        g_autoptr(NmaWatchModel) shuffled = nma_watch_model_new(10);
        g_autofree char *expected = NULL;
        g_autofree char *actual = NULL;
        StoryRow told[64];
        guint n = 0, kept = 0;

        for (guint i = 0; i < story_success_rows; i++)
            if (g_test_rand_int_range(0, 4) > 0)
                told[n++] = story_success[i];
        if (n == 0)
            continue;
        /* what each side is called may be learnt at any point */
        for (guint i = 0; i < n; i++)
            told[i].unnamed = g_test_rand_bit();
        story_tell(in_order, told, 0, n, 0);
        kept = n;
        for (guint i = 0; i < kept && n < G_N_ELEMENTS(told); i++)
            if (g_test_rand_bit())
                told[n++] = told[i];
        for (guint i = n - 1; i > 0; i--) {
            guint j = (guint)g_test_rand_int_range(0, (gint32)i + 1);
            StoryRow swap = told[i];

            told[i] = told[j];
            told[j] = swap;
        }
        story_tell(shuffled, told, 0, n, 0);
        expected = whole_picture(in_order);
        actual = whole_picture(shuffled);
        g_assert_cmpstr(actual, ==, expected);
    }
}

static void
test_repeats_are_no_news(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);

    for (guint round = 0; round < 2; round++) {
        for (guint i = 0; i < story_success_rows; i++) {
            g_autoptr(NmaReport) report = story_report(&story_success[i]);

            g_assert_cmpint(
                nma_watch_model_add(model, "", story_host(&story_success[i]), report, 0), ==,
                round == 0);
        }
    }
}

static void
test_bounded(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(3);
    g_autoptr(GPtrArray) pictures = NULL;

    for (guint i = 0; i < 20; i++) {
        /* the second and third of them stay open, all others fail */
        StoryRow row = { 'A',
                         COPY,
                         i == 1 || i == 2 ? BEGIN : ERR,
                         3,
                         0,
                         i,
                         0,
                         SRC,
                         RUN,
                         i == 1 || i == 2 ? NMA_REASON_NONE : NMA_REASON_JOB_FAILED };
        g_autoptr(NmaReport) report = story_report(&row);

        report->identity.instance_uuid[35] = (char)('a' + i);
        report->attempt_id[35] = (char)('a' + i);
        nma_watch_model_add(model, "", "cmp-a", report, 0);
        g_assert_cmpuint(nma_watch_model_size(model), <=, 3);
    }
    g_assert_cmpuint(nma_watch_model_dropped(model), ==, 17);
    pictures = nma_watch_model_pictures(model, 0);
    g_assert_cmpuint(pictures->len, ==, 3);
    for (guint i = 0; i < 3; i++) {
        const NmaWatchPicture *picture = pictures->pdata[i];

        g_assert_cmpint(picture->identity.instance_uuid[35], ==, "bct"[i]);
    }
}

static void
test_just_heard_is_kept(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(1);
    StoryRow failed = { 'A', COPY, ERR, 3, 0, 0, 0, SRC, RUN, NMA_REASON_JOB_FAILED };
    g_autoptr(NmaReport) report = story_report(&failed);
    g_autofree NmaWatchPicture *picture = NULL;

    story_tell(model, story_success, 0, 1, 0);
    report->identity.instance_uuid[35] = 'f';
    nma_watch_model_add(model, "", "cmp-a", report, 0);
    picture = story_picture(model, 0);
    g_assert_cmpint(picture->outcome, ==, NMA_WATCH_FAILED);
}

static void
test_bounded_attempts(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(100000);

    for (guint i = 0; i < 500; i++) {
        StoryRow row = { 'A', PRE, BEGIN, G_MAXUINT64 - i };
        g_autoptr(NmaReport) report = story_report(&row);

        g_snprintf(report->attempt_id, sizeof(report->attempt_id),
                   "%08x-0000-4000-8000-000000000000", i);
        report->identity.migration_uuid[0] = '\0';
        report->identity.migration_id = i;
        nma_watch_model_add(model, "", "cmp-a", report, 0);
    }
    g_assert_cmpuint(nma_watch_model_size(model), <=, 32);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/watch/merge/success", test_success);
    g_test_add_func("/watch/merge/identity", test_identity_of_both);
    g_test_add_func("/watch/merge/times", test_times);
    g_test_add_func("/watch/merge/joined-late", test_joined_late);
    g_test_add_func("/watch/merge/gap", test_gap);
    g_test_add_func("/watch/merge/endings", test_endings);
    g_test_add_func("/watch/merge/pairs", test_pairs);
    g_test_add_func("/watch/merge/other-migration", test_other_migration);
    g_test_add_func("/watch/merge/second-destination", test_second_destination);
    g_test_add_func("/watch/merge/going-destination", test_destination_that_goes_on_counts);
    g_test_add_func("/watch/merge/left-destination", test_destination_that_was_left_does_not_count);
    g_test_add_func("/watch/merge/just-heard", test_just_heard_is_kept);
    g_test_add_func("/watch/merge/any-order", test_any_order);
    g_test_add_func("/watch/merge/repeats", test_repeats_are_no_news);
    g_test_add_func("/watch/merge/bounded", test_bounded);
    g_test_add_func("/watch/merge/bounded-attempts", test_bounded_attempts);
    return g_test_run();
}
