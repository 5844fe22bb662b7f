/* The source's side of a migration, as stories. */
#include "tests/unit/story.h"
#include "tests/unit/tap.h"

#define COPYING 500000

static void
cast(Story *story)
{
    story_call(story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
}

static void
read_running(Story *story, NmaJobKind kind, gint64 remaining)
{
    story_reading(story, NMA_DOMAIN_RUNNING, kind, remaining);
}

/* libvirt is looked at once more before Nova is believed; a read under way does not count */
static void
nova_gives_up(Story *story, const char *status)
{
    story_conductor(story, status, MIG_1, 11, STORY_HOST, STORY_PEER);
    read_running(story, NMA_JOB_NONE, 0);
    read_running(story, NMA_JOB_NONE, 0);
}

static void
until_copying(Story *story)
{
    cast(story);
    read_running(story, NMA_JOB_NONE, 0);
    story_wait(story, 1);
    read_running(story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory", NOTHING);
}

static void
conductor(Story *story, const char *status)
{
    story_conductor(story, status, MIG_1, 11, STORY_HOST, STORY_PEER);
}

static void
test_success(void)
{
    Story story;
    const NmaReport *end;

    story_begin(&story);
    cast(&story);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_PEER), ==, 1);
    story_peer(&story, NMA_PEER_AGENT);
    read_running(&story, NMA_JOB_NONE, 0);
    story_wait(&story, 1.5);
    read_running(&story, NMA_JOB_MIGRATION_OUT, -1); /* set up, nothing flows */
    story_expect(&story, "S pre_migration.start waiting");
    story_wait(&story, 1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_migration.end waiting", "S pre_copy.start memory");
    for (int i = 1; i < 5; i++) {
        story_count(&story, NMA_EFFECT_READ_DOMAIN);
        story_iteration(&story, i);
        g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
        read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING / i);
        story_wait(&story, 1);
        read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING / i);
    }
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_iteration(&story, 6);
    story_wait(&story, 0.25);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    story_wait(&story, 0.1);
    story_completed(&story, 60);
    story_expect(&story, "S stop_and_copy.end cause=switchover", "S commitment.start");
    end = story_last_report(&story);
    g_assert_cmpint(end->guest_place, ==, NMA_GUEST_ON_DESTINATION);
    g_assert_cmpint(end->stats.downtime_ms, ==, 60);
    /* as of Stopped/Migrated, not of the statistics */
    g_assert_cmpint(end->occurred_wall_us, ==, story_now(&story).wall_us - 100 * NMA_US_PER_MS);
    g_assert_cmpstr(end->peer, ==, "agent");
    g_assert_cmpint(end->clock_offset_ms, ==, 7);
    story_count(&story, NMA_EFFECT_ASK_CONDUCTOR);
    story_wait(&story, 2.5);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), ==, 1);
    conductor(&story, "completed");
    story_expect(&story, "S commitment.end nova=completed");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_fast_guest(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    story_iteration(&story, 1); /* of a dump */
    read_running(&story, NMA_JOB_OTHER, 0);
    read_running(&story, NMA_JOB_MIGRATION_OUT, -1);
    story_expect(&story, "S pre_migration.start waiting");
    story_iteration(&story, 1);
    story_expect(&story, "S pre_migration.end waiting", "S pre_copy.start memory");
    story_wait(&story, 0.3);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    story_end(&story);
}

static void
test_disk_before_memory(void)
{
    Story story;
    NmaEvent *event;

    story_begin(&story);
    cast(&story);
    event = nma_event_new(NMA_EVENT_DOMAIN_READING);
    g_strlcpy(event->reading.instance_uuid, GUEST, sizeof event->reading.instance_uuid);
    event->reading.state = NMA_DOMAIN_RUNNING;
    event->reading.stats_known = TRUE;
    event->reading.stats = story_job(NMA_JOB_MIGRATION_OUT, -1);
    event->reading.stats.data_total_bytes = event->reading.stats.disk_total_bytes = 5000;
    story_step(&story, event);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start disk");
    story_wait(&story, 1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_copy.progress memory");
    story_end(&story);
}

static void
test_same_cast_twice(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    cast(&story);
    story_expect(&story, "S pre_migration.start waiting");
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_PEER), ==, 1);
    /* and once more when it has ended */
    story_wait(&story, 1);
    nova_gives_up(&story, "failed");
    cast(&story);
    story_expect(&story,
                 "S pre_migration.error waiting reason=never_started guest=on_source,running");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_another_migration_supersedes(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_2, 12);
    story_expect(&story, "S pre_copy.error memory reason=superseded guest=on_source,running",
                 "S pre_migration.start waiting");
    /* an echo of the first changes nothing */
    cast(&story);
    story_expect_nothing(&story);
    /* once the guest is stopped the migration is not given up for a message */
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_expect(&story, "S pre_migration.end waiting", "S pre_copy.start memory",
                 "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 13);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_instance_not_here(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    story_absent(&story);
    story_expect(&story, "S pre_migration.start waiting",
                 "S pre_migration.error waiting reason=instance_not_here guest=unknown,unknown");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_first_look_was_late(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    story_wait(&story, 5);
    story_reading(&story, NMA_DOMAIN_UNKNOWN, NMA_JOB_NONE, 0);
    story_wait(&story, 20);
    story_absent(&story); /* moved already, or never here: Nova knows */
    story_expect(&story, "S pre_migration.start waiting");
    conductor(&story, "failed");
    story_expect(&story,
                 "S pre_migration.error? waiting reason=instance_not_here guest=unknown,unknown");
    story_end(&story);
}

static void
test_unknown_reading_concludes_nothing(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    for (int i = 0; i < 10; i++) {
        story_reading(&story, NMA_DOMAIN_UNKNOWN, NMA_JOB_NONE, 0);
        story_wait(&story, 5);
    }
    story_expect(&story, "S pre_migration.start waiting");
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_reading(&story, NMA_DOMAIN_UNKNOWN, NMA_JOB_NONE, 0);
    story_wait(&story, 5);
    story_reading(&story, NMA_DOMAIN_UNKNOWN, NMA_JOB_NONE, 0);
    story_expect(&story, "S pre_migration.end waiting", "S pre_copy.start memory");
    story_end(&story);
}

static void
test_peer_absent(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    story_peer(&story, NMA_PEER_ABSENT);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S reservation.end skipped", "S pre_copy.start memory");
    g_assert_cmpstr(story_last_report(&story)->peer, ==, "absent");
    story_end(&story);
}

static void
test_waiting_polls_fast_then_slow(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    for (int i = 0; i < 20; i++) {
        read_running(&story, NMA_JOB_NONE, 0);
        story_wait(&story, 1);
    }
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 21);
    story_wait(&story, 300);
    read_running(&story, NMA_JOB_NONE, 0);
    story_count(&story, NMA_EFFECT_READ_DOMAIN);
    story_wait(&story, 4.9);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 0);
    story_wait(&story, 0.1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
    story_end(&story);
}

static void
test_preparing(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    story_wait(&story, 10.5);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), ==, 1);
    conductor(&story, "queued");
    story_wait(&story, 31);
    conductor(&story, "preparing");
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.progress preparing");
    nova_gives_up(&story, "failed");
    story_expect(&story,
                 "S pre_migration.error preparing reason=never_started guest=on_source,running");
    story_end(&story);
}

static void
test_aborted_in_the_queue(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    story_call(&story, NMA_NOVA_ABORT, NULL, NMA_UNKNOWN);
    nova_gives_up(&story, "cancelled");
    story_expect(&story, "S pre_migration.start waiting",
                 "S pre_migration.error waiting reason=aborted guest=on_source,running");
    story_end(&story);
}

static void
test_given_up_but_moving(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    conductor(&story, "error");
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory");
    story_end(&story);
}

static void
test_given_up_with_a_read_under_way(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    conductor(&story, "error");
    read_running(&story, NMA_JOB_NONE, 0); /* asked for before */
    story_expect(&story, "S pre_migration.start waiting");
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story,
                 "S pre_migration.error waiting reason=never_started guest=on_source,running");
    story_end(&story);
}

static void
test_never_started(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    conductor(&story, NULL); /* does not answer */
    story_wait(&story, 24 * 3600 - 1);
    story_expect(&story, "S pre_migration.start waiting");
    story_wait(&story, 2);
    story_expect(&story,
                 "S pre_migration.error waiting reason=never_started guest=on_source,running");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_job_fails(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_count(&story, NMA_EFFECT_READ_DOMAIN);
    story_wait(&story, 1);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect_nothing(&story); /* one read is not enough */
    story_wait(&story, 0.3);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 2);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story, "S pre_copy.error memory reason=job_failed guest=on_source,running");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_job_seen_again_is_not_gone(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    for (int i = 0; i < 5; i++) {
        read_running(&story, NMA_JOB_NONE, 0);
        story_wait(&story, 0.3);
        read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
        story_wait(&story, 1);
    }
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_aborted(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_call(&story, NMA_NOVA_ABORT, NULL, NMA_UNKNOWN);
    story_expect_nothing(&story); /* only the end of the job proves it */
    read_running(&story, NMA_JOB_NONE, 0);
    story_wait(&story, 0.3);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story, "S pre_copy.error memory reason=aborted guest=on_source,running");
    story_end(&story);
}

static void
test_set_up_and_gone(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_MIGRATION_OUT, -1);
    story_wait(&story, 1);
    read_running(&story, NMA_JOB_NONE, 0);
    story_wait(&story, 0.3);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story, "S pre_migration.start waiting",
                 "S pre_migration.error waiting reason=job_failed guest=on_source,running");
    story_end(&story);
}

static void
test_fails_while_stopped(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_reading(&story, NMA_DOMAIN_PAUSED_MIGRATION, NMA_JOB_MIGRATION_OUT, 1);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED); /* libvirt lets it run again */
    read_running(&story, NMA_JOB_NONE, 0);
    story_wait(&story, 0.3);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover",
                 "S stop_and_copy.error cause=switchover reason=job_failed "
                 "guest=on_source,running");
    story_end(&story);
}

static void
test_forced_by_nova(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_call(&story, NMA_NOVA_FORCE_COMPLETE, NULL, NMA_UNKNOWN);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=forced");
    story_end(&story);
}

static void
test_forced_shown_by_passes(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_iteration(&story, 2);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    for (int i = 3; i <= 5; i++)
        story_iteration(&story, i);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_wait(&story, 0.2); /* no job-completed */
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover",
                 "S stop_and_copy.end cause=forced", "S commitment.start");
    story_end(&story);
}

static void
test_post_copy(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_POSTCOPY);
    story_reading(&story, NMA_DOMAIN_PAUSED_POSTCOPY, NMA_JOB_MIGRATION_OUT, 1);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_completed(&story, 30);
    story_expect(&story, "S pre_copy.end memory", "S post_copy.start", "S post_copy.end",
                 "S commitment.start");
    g_assert_cmpint(story_last_report(&story)->guest_state, ==, NMA_GUEST_RUNNING);
    story_end(&story);
}

static void
test_post_copy_after_a_stop(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_POSTCOPY);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover",
                 "S stop_and_copy.end cause=switchover", "S post_copy.start");
    story_end(&story);
}

static void
test_post_copy_breaks(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_POSTCOPY);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED);
    story_expect(&story, "S pre_copy.end memory", "S post_copy.start",
                 "S post_copy.error reason=post_copy_failed guest=on_destination,paused");
    /* its job stays: that is no new migration */
    story_reading(&story, NMA_DOMAIN_PAUSED_POSTCOPY_FAILED, NMA_JOB_MIGRATION_OUT, 1);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_paused_guest(void)
{
    Story story;
    const NmaReport *start;

    story_begin(&story);
    cast(&story);
    story_reading(&story, NMA_DOMAIN_PAUSED, NMA_JOB_MIGRATION_OUT, COPYING);
    story_wait(&story, 1);
    story_reading(&story, NMA_DOMAIN_PAUSED, NMA_JOB_MIGRATION_OUT, COPYING);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_completed(&story, 0);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory", "S pre_copy.end? memory", "S stop_and_copy.start?",
                 "S stop_and_copy.end?", "S commitment.start");
    start = story_last_report(&story);
    g_assert_cmpint(start->guest_place, ==, NMA_GUEST_ON_DESTINATION);
    g_assert_cmpint(start->guest_state, ==, NMA_GUEST_STATE_UNKNOWN);
    story_end(&story);
}

static void
test_no_final_statistics(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_wait(&story, 0.19);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    story_wait(&story, 0.01);
    story_expect(&story, "S stop_and_copy.end cause=switchover", "S commitment.start");
    story_end(&story);
}

static void
test_stopped_was_lost(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_completed(&story, 60);
    story_expect_nothing(&story);
    story_absent(&story);
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start?", "S stop_and_copy.end?",
                 "S commitment.start?");
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaReport *report = ((NmaEffect *)story.effects->pdata[i])->report;

        /* the pause was measured, though its begin and end were not seen */
        if (report != NULL && report->phase == NMA_PHASE_STOP_AND_COPY) {
            g_assert_cmpint(report->has_stats, ==, report->kind == NMA_REPORT_END);
            g_assert_cmpint(report->stats.downtime_ms, ==,
                            report->kind == NMA_REPORT_END ? 60 : NMA_UNKNOWN);
        }
    }
    story_end(&story);
}

static void
test_completed_and_not_yet_gone(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_completed(&story, 60);
    for (int i = 0; i < 5; i++) { /* the job is over, the domain is being taken down */
        story_reading(&story, NMA_DOMAIN_PAUSED_MIGRATION, NMA_JOB_NONE, 0);
        story_wait(&story, 0.5);
    }
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover",
                 "S stop_and_copy.end cause=switchover", "S commitment.start");
    story_end(&story);
}

static void
test_old_figures_are_not_told_as_new(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_restart(&story, 20);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    g_assert_false(story_last_report(&story)->has_stats);
    story_end(&story);
}

static void
test_a_read_lost_with_libvirt(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_wait(&story, 1); /* a read is under way, and will not be answered */
    story_lost(&story);
    story_count(&story, NMA_EFFECT_READ_DOMAIN);
    story_wait(&story, 5);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
    story_end(&story);
}

static void
test_guest_gone(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_OTHER);
    story_absent(&story);
    story_expect_nothing(&story); /* Nova is asked first */
    story_wait(&story, 1.5);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), >=, 1);
    conductor(&story, "running");
    story_expect_nothing(&story);
    conductor(&story, "error");
    story_expect(&story, "S pre_copy.error? memory reason=guest_gone guest=gone,unknown");
    story_end(&story);
}

static void
test_guest_gone_and_nobody_knows(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_absent(&story);
    story_wait(&story, 599);
    story_expect_nothing(&story);
    story_wait(&story, 2);
    story_expect(&story, "S pre_copy.error? memory reason=guest_gone guest=gone,unknown");
    story_end(&story);
}

static void
test_moved_unseen(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_absent(&story);
    conductor(&story, "completed");
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start?", "S stop_and_copy.end?",
                 "S commitment.start?", "S commitment.end nova=completed");
    story_end(&story);
}

static void
test_nova_fails_after_the_move(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    conductor(&story, "error"); /* nova-compute restarted: the guest moves all the same */
    story_expect_nothing(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_wait(&story, 1);
    conductor(&story, "error");
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover",
                 "S stop_and_copy.end cause=switchover", "S commitment.start",
                 "S commitment.error reason=nova_failed nova=error guest=on_destination,unknown");
    story_end(&story);
}

static void
test_no_word_from_nova(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_wait(&story, 599);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover",
                 "S stop_and_copy.end cause=switchover", "S commitment.start");
    story_wait(&story, 2);
    story_expect(&story, "S commitment.end reason=nova_status_unknown nova=unknown");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_adopted(void)
{
    Story story;
    NmaDomainReading *reading = nma_domain_reading_new(GUEST);

    story_begin(&story);
    reading->state = NMA_DOMAIN_RUNNING;
    reading->stats = story_job(NMA_JOB_MIGRATION_OUT, COPYING);
    reading->stats_known = TRUE;
    story_resync(&story, reading);
    story_expect(&story, "S pre_migration.start? waiting", "S pre_migration.end? waiting",
                 "S pre_copy.start? memory");
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaReport *report = ((NmaEffect *)story.effects->pdata[i])->report;

        /* libvirt says for how long the job has run */
        if (report != NULL && report->phase == NMA_PHASE_PRE_COPY &&
            report->kind == NMA_REPORT_START)
            g_assert_cmpint(report->not_before_wall_us, ==,
                            story_now(&story).wall_us - 100 * NMA_US_PER_MS);
    }
    story_wait(&story, 1.1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), ==, 1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_PEER), ==, 0);
    conductor(&story, "running");
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_PEER), ==, 1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    g_assert_cmpint(story_last_report(&story)->identity.migration_id, ==, 11);
    g_assert_cmpstr(story_last_report(&story)->identity.destination, ==, STORY_PEER);
    story_end(&story);
}

static void
test_adopted_by_an_iteration(void)
{
    Story story;

    story_begin(&story);
    story_iteration(&story, 3);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
    read_running(&story, NMA_JOB_OTHER, 0); /* a dump */
    story_expect_nothing(&story);
    story_iteration(&story, 4);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_migration.start? waiting", "S pre_migration.end? waiting",
                 "S pre_copy.start? memory");
    story_end(&story);
}

static void
test_restart_in_the_queue(void)
{
    Story story;
    const NmaReport *start;
    gint64 before;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    before = story_now(&story).wall_us;
    story_restart(&story, 20);
    story_wait(&story, 0.1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end? waiting",
                 "S pre_copy.start? memory");
    start = story_last_report(&story);
    g_assert_true(start->kind == NMA_REPORT_START || start->kind == NMA_REPORT_PROGRESS);
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaEffect *effect = story.effects->pdata[i];

        if (effect->type != NMA_EFFECT_REPORT || effect->report->evidence != NMA_EVIDENCE_INFERRED)
            continue;
        g_assert_cmpint(effect->report->not_before_wall_us, ==, before);
        g_assert_cmpint(effect->report->not_after_wall_us, ==, story_now(&story).wall_us);
        g_assert_false(effect->report->has_stats);
        g_assert_cmpint(effect->report->phase_duration_us, ==, NMA_UNKNOWN);
    }
    story_end(&story);
}

static void
test_restart_while_copying(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_restart(&story, 20);
    story_reading(&story, NMA_DOMAIN_UNKNOWN, NMA_JOB_NONE, 0);
    story_reading(&story, NMA_DOMAIN_PAUSED_MIGRATION, NMA_JOB_MIGRATION_OUT, 1);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_completed(&story, 60);
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start? cause=switchover",
                 "S stop_and_copy.end cause=switchover", "S commitment.start");
    story_end(&story);
}

static void
test_restart_after_the_move(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_restart(&story, 20);
    story_resync(&story, NULL);
    story_expect_nothing(&story);
    story_wait(&story, 1.5);
    conductor(&story, "completed");
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start?", "S stop_and_copy.end?",
                 "S commitment.start?", "S commitment.end nova=completed");
    story_end(&story);
}

static void
test_restart_after_a_failure(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_restart(&story, 20);
    read_running(&story, NMA_JOB_NONE, 0);
    story_wait(&story, 0.3);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story, "S pre_copy.error? memory reason=job_failed guest=on_source,running");
    story_end(&story);
}

static void
test_suspended_event_missed(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_reading(&story, NMA_DOMAIN_PAUSED_MIGRATION, NMA_JOB_MIGRATION_OUT, 1);
    story_expect_nothing(&story); /* the event may only be late */
    story_wait(&story, 0.3);
    story_reading(&story, NMA_DOMAIN_PAUSED_MIGRATION, NMA_JOB_MIGRATION_OUT, 1);
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start? cause=switchover");
    story_end(&story);
}

static void
test_libvirt_away(void)
{
    Story story;
    NmaDomainReading *reading = nma_domain_reading_new(GUEST);

    story_begin(&story);
    until_copying(&story);
    story_lost(&story);
    story_wait(&story, 60);
    story_expect_nothing(&story);
    reading->state = NMA_DOMAIN_RUNNING;
    reading->stats = story_job(NMA_JOB_MIGRATION_OUT, COPYING);
    reading->stats_known = TRUE;
    story_resync(&story, reading);
    story_expect_nothing(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    story_end(&story);
}

static void
test_first_sync_before_the_job_is_known(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    story_iteration(&story, 1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, -1); /* the figures lag behind */
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory");
    story_end(&story);
}

static void
test_sync_while_reading(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_wait(&story, 1);
    story_count(&story, NMA_EFFECT_READ_DOMAIN);
    story_iteration(&story, 2); /* a read is under way: never two of one domain */
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 0);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 0);
    story_end(&story);
}

static void
test_statistics_before_stopped(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_completed(&story, 60);
    story_expect(&story, "S pre_copy.end memory", "S stop_and_copy.start cause=switchover");
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_expect(&story, "S stop_and_copy.end cause=switchover", "S commitment.start");
    story_end(&story);
}

static void
test_libvirt_before_nova_after_a_restart(void)
{
    Story story;

    story_begin(&story);
    cast(&story);
    read_running(&story, NMA_JOB_NONE, 0);
    story_restart(&story, 20);
    conductor(&story, "error"); /* of nova-compute's restart: the guest may well be moving */
    story_expect(&story, "S pre_migration.start waiting");
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_expect(&story, "S pre_migration.end? waiting", "S pre_copy.start? memory");
    story_end(&story);
}

static void
test_nova_completed_while_libvirt_is_away(void)
{
    Story story;

    story_begin(&story);
    until_copying(&story);
    story_lost(&story);
    story_wait(&story, 3);
    conductor(&story, "completed");
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start?", "S stop_and_copy.end?",
                 "S commitment.start?", "S commitment.end nova=completed");
    story_end(&story);
}

static void
test_resync_without_a_loss(void)
{
    Story story;
    NmaDomainReading *reading = nma_domain_reading_new(GUEST);

    story_begin(&story);
    until_copying(&story);
    reading->state = NMA_DOMAIN_PAUSED_MIGRATION;
    reading->stats = story_job(NMA_JOB_MIGRATION_OUT, 1);
    reading->stats_known = TRUE;
    story_resync(&story, reading); /* events were dropped: there is none to wait for */
    story_expect(&story, "S pre_copy.end? memory", "S stop_and_copy.start? cause=switchover");
    story_end(&story);
}

static void
test_conductor_speaks_of_the_last_one(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_2, 12);
    read_running(&story, NMA_JOB_NONE, 0);
    nova_gives_up(&story, "failed"); /* of migration 11 */
    story_expect(&story, "S pre_migration.start waiting");
    g_assert_null(story_last_report(&story)->nova_status);
    story_conductor(&story, "failed", MIG_2, 12, STORY_HOST, STORY_PEER);
    read_running(&story, NMA_JOB_NONE, 0);
    story_expect(&story,
                 "S pre_migration.error waiting reason=never_started guest=on_source,running");
    story_end(&story);
}

static void
test_conductor_speaks_of_the_other_direction(void)
{
    Story story;

    story_begin(&story);
    story_iteration(&story, 1);
    read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
    story_conductor(&story, "completed", MIG_1, 11, STORY_PEER, STORY_HOST);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    g_assert_cmpint(story_last_report(&story)->identity.migration_id, ==, NMA_UNKNOWN);
    story_end(&story);
}

static void
test_progress_is_coalesced(void)
{
    Story story;
    guint progress = 0;

    story_begin(&story);
    until_copying(&story);
    for (int i = 0; i < 100; i++) {
        read_running(&story, NMA_JOB_MIGRATION_OUT, COPYING);
        story_wait(&story, 0.1);
    }
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaEffect *effect = story.effects->pdata[i];

        if (effect->type == NMA_EFFECT_REPORT && effect->report->kind == NMA_REPORT_PROGRESS) {
            g_assert_cmpuint(effect->report->progress_count, ==, ++progress);
            g_assert_cmpuint(effect->report->sequence, ==, 3);
        }
    }
    g_assert_cmpuint(progress, >=, 9);
    g_assert_cmpuint(progress, <=, 11);
    story_end(&story);
}

/* One sync: 60 MiB sent since the last one, 60 MiB dirty again. */
static void
sync_of_a_busy_guest(Story *story, gint64 iteration, gint64 sent_mib, gint64 remaining_mib)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);
    NmaJobStats *stats = &event->reading.stats;

    story_iteration(story, iteration);
    g_strlcpy(event->reading.instance_uuid, GUEST, sizeof event->reading.instance_uuid);
    event->reading.state = NMA_DOMAIN_RUNNING;
    event->reading.stats_known = TRUE;
    *stats = story_job(NMA_JOB_MIGRATION_OUT, remaining_mib << 20);
    stats->memory_total_bytes = (gint64)MEM_MIB << 20;
    stats->memory_normal_bytes = sent_mib << 20;
    stats->memory_zero_pages = 0;
    stats->memory_page_size_bytes = 4096;
    stats->memory_iteration = iteration;
    story_step(story, event);
}

static const NmaForecastReport *
last_forecast(const Story *story)
{
    for (guint i = story->effects->len; i > 0; i--) {
        const NmaEffect *effect = story->effects->pdata[i - 1];

        if (effect->type == NMA_EFFECT_FORECAST)
            return effect->forecast;
    }
    return NULL;
}

static void
test_forecast_is_said_when_it_changes(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 1);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, -1);
    story_count(&story, NMA_EFFECT_FORECAST);
    sync_of_a_busy_guest(&story, 1, 0, 1024);
    story_wait(&story, 60);
    sync_of_a_busy_guest(&story, 2, 1024, 60);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_FORECAST), ==, 0);
    for (gint64 i = 3; i <= 6; i++) {
        story_wait(&story, 3.5);
        sync_of_a_busy_guest(&story, i, 1024 + (i - 2) * 60, 60);
    }
    /* once, although it was judged four times */
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_FORECAST), ==, 1);
    g_assert_cmpint(last_forecast(&story)->forecast.verdict, ==, NMA_FORECAST_HOPELESS);
    g_assert_cmpstr(last_forecast(&story)->identity.instance_uuid, ==, GUEST);
    g_assert_cmpstr(last_forecast(&story)->identity.migration_uuid, ==, MIG_1);
    /* fresh figures half a minute later, at a sync */
    for (gint64 i = 7; i <= 16; i++) {
        story_wait(&story, 3.5);
        sync_of_a_busy_guest(&story, i, 1024 + (i - 2) * 60, 60);
    }
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_FORECAST), ==, 1);
    story_end(&story);
}

#define TEST(name) g_test_add_func("/source/" #name, test_##name)

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    TEST(success);
    TEST(fast_guest);
    TEST(disk_before_memory);
    TEST(same_cast_twice);
    TEST(another_migration_supersedes);
    TEST(instance_not_here);
    TEST(first_look_was_late);
    TEST(unknown_reading_concludes_nothing);
    TEST(peer_absent);
    TEST(waiting_polls_fast_then_slow);
    TEST(preparing);
    TEST(aborted_in_the_queue);
    TEST(given_up_but_moving);
    TEST(given_up_with_a_read_under_way);
    TEST(never_started);
    TEST(job_fails);
    TEST(job_seen_again_is_not_gone);
    TEST(aborted);
    TEST(set_up_and_gone);
    TEST(fails_while_stopped);
    TEST(forced_by_nova);
    TEST(forced_shown_by_passes);
    TEST(post_copy);
    TEST(post_copy_after_a_stop);
    TEST(post_copy_breaks);
    TEST(paused_guest);
    TEST(no_final_statistics);
    TEST(stopped_was_lost);
    TEST(completed_and_not_yet_gone);
    TEST(old_figures_are_not_told_as_new);
    TEST(a_read_lost_with_libvirt);
    TEST(guest_gone);
    TEST(guest_gone_and_nobody_knows);
    TEST(moved_unseen);
    TEST(nova_fails_after_the_move);
    TEST(no_word_from_nova);
    TEST(adopted);
    TEST(adopted_by_an_iteration);
    TEST(restart_in_the_queue);
    TEST(restart_while_copying);
    TEST(restart_after_the_move);
    TEST(restart_after_a_failure);
    TEST(suspended_event_missed);
    TEST(libvirt_away);
    TEST(first_sync_before_the_job_is_known);
    TEST(sync_while_reading);
    TEST(statistics_before_stopped);
    TEST(libvirt_before_nova_after_a_restart);
    TEST(nova_completed_while_libvirt_is_away);
    TEST(resync_without_a_loss);
    TEST(conductor_speaks_of_the_last_one);
    TEST(conductor_speaks_of_the_other_direction);
    TEST(progress_is_coalesced);
    TEST(forecast_is_said_when_it_changes);
    return g_test_run();
}
