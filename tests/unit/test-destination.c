/* The destination's side of a migration, as stories. */
#include <string.h>

#include "tests/unit/story.h"
#include "tests/unit/tap.h"

#define PLENTY 8192 /* MiB */

static void
check(Story *story)
{
    story_call(story, NMA_NOVA_CHECK_DESTINATION, MIG_1, 11);
}

static void
until_reserved(Story *story)
{
    check(story);
    story_facts(story, PLENTY);
    story_expect(story, "D pre_migration.start", "D pre_migration.end", "D reservation.start soft");
}

static void
until_arriving(Story *story)
{
    until_reserved(story);
    story_call(story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
    story_lifecycle(story, NMA_LIFECYCLE_STARTED_MIGRATED);
    story_expect(story, "D reservation.progress held", "D reservation.end in_use");
}

static void
conductor(Story *story, const char *status, const char *destination)
{
    story_conductor(story, status, MIG_1, 11, STORY_PEER, destination);
}

static NmaDomainReading *
reading(NmaDomainState state)
{
    NmaDomainReading *reading = nma_domain_reading_new(GUEST);

    reading->state = state;
    return reading;
}

static void
test_success(void)
{
    Story story;

    story_begin(&story);
    check(&story);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_GATHER_FACTS), ==, 1);
    story_expect(&story, "D pre_migration.start");
    story_facts(&story, PLENTY);
    story_expect(&story, "D pre_migration.end", "D reservation.start soft");
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_wait(&story, 1);
    story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
    story_expect(&story, "D reservation.progress held");
    story_wait(&story, 2);
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    story_expect(&story, "D reservation.end in_use");
    story_wait(&story, 20);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start");
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_wait(&story, 0.3);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_count(&story, NMA_EFFECT_ASK_CONDUCTOR);
    story_wait(&story, 1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), ==, 1);
    conductor(&story, "completed", STORY_HOST);
    story_expect(&story, "D commitment.end nova=completed");
    g_assert_cmpint(story_last_report(&story)->guest_place, ==, NMA_GUEST_ON_DESTINATION);
    g_assert_cmpint(story_last_report(&story)->guest_state, ==, NMA_GUEST_RUNNING);
    g_assert_cmpuint(story_open(&story), ==, 0);
    /* echoes of what is over */
    check(&story);
    story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_check_tells_its_numbers(void)
{
    Story story;

    story_begin(&story);
    check(&story);
    story_facts(&story, PLENTY);
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaEffect *effect = story.effects->pdata[i];
        const NmaCheckResult *result;

        if (effect->type != NMA_EFFECT_REPORT || effect->report->kind != NMA_REPORT_END)
            continue;
        g_assert_cmpuint(effect->report->checks->len, >, 1);
        result = effect->report->checks->pdata[0];
        g_assert_cmpstr(result->check, ==, "memory");
        g_assert_cmpint(result->verdict, ==, NMA_VERDICT_OK);
        g_assert_cmpint(result->needed >> 20, ==, MEM_MIB);
        g_assert_cmpint(result->available >> 20, ==, PLENTY - 512);
    }
    story_end(&story);
}

static void
test_refused_but_nova_goes_on(void)
{
    Story story;

    story_begin(&story);
    check(&story);
    story_facts(&story, 1024); /* 512 of them are the host's */
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.error reason=memory_insufficient guest=unknown,unknown");
    g_assert_nonnull(strstr(story_last_report(&story)->text, "needs 1024 MiB, 512 MiB are free"));
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB); /* it takes it all the same */
    story_expect_nothing(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    conductor(&story, "completed", STORY_HOST);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start",
                 "D commitment.end nova=completed");
    story_end(&story);
}

static void
test_refused_and_nova_gives_up(void)
{
    Story story;

    story_begin(&story);
    check(&story);
    story_facts(&story, 1024);
    conductor(&story, "error", NULL);
    story_absent(&story);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.error reason=memory_insufficient guest=unknown,unknown");
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_promises_count(void)
{
    Story story;
    NmaReservation other = { .memory_bytes = G_GINT64_CONSTANT(7) << 30,
                             .state = NMA_RESERVATION_HELD,
                             .expires_boot_us = NMA_NEVER };

    story_begin(&story);
    g_strlcpy(other.instance_uuid, OTHER, sizeof other.instance_uuid);
    nma_ledger_put(nma_host_ledger_mutable(story.host), &other);
    check(&story);
    story_facts(&story, PLENTY);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.error reason=memory_insufficient guest=unknown,unknown");
    g_assert_nonnull(strstr(story_last_report(&story)->text, "7168 MiB promised"));
    story_end(&story);
}

static void
test_facts_do_not_come(void)
{
    Story story;

    story_begin(&story);
    check(&story);
    story_wait(&story, 11);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.start soft");
    story_facts(&story, 1);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_everything_before_the_facts(void)
{
    Story story;

    story_begin(&story);
    check(&story);
    story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_facts(&story, PLENTY);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end", "D reservation.start soft",
                 "D reservation.progress held", "D reservation.end in_use", "D stop_and_copy.end",
                 "D commitment.start");
    story_end(&story);
}

static void
test_lease_runs_out(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_wait(&story, 599);
    story_expect_nothing(&story);
    story_wait(&story, 1);
    story_expect(&story, "D reservation.error soft reason=expired guest=unknown,unknown");
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_lease_is_renewed_while_nova_waits(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    for (int i = 0; i < 60; i++) { /* hours in the source's queue */
        story_wait(&story, 500);
        conductor(&story, i == 0 ? "accepted" : "queued", i == 0 ? NULL : STORY_HOST);
    }
    story_expect_nothing(&story);
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_end(&story);
}

static void
test_cast_lost(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    for (int i = 0; i < 19; i++) {
        story_wait(&story, 30);
        conductor(&story, "accepted", STORY_HOST);
    }
    story_expect_nothing(&story);
    story_wait(&story, 30);
    story_expect(&story, "D reservation.error soft reason=cast_lost guest=unknown,unknown");
    story_end(&story);
}

static void
test_accepted_for_ever(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    for (int i = 0; i < 300; i++) { /* the conductor died before it chose a host */
        conductor(&story, "accepted", NULL);
        story_wait(&story, 30);
    }
    story_expect(&story, "D reservation.error soft reason=cast_lost guest=unknown,unknown");
    story_end(&story);
}

static void
test_nova_refuses(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    conductor(&story, "failed", NULL);
    story_expect_nothing(&story); /* libvirt is looked at first */
    story_absent(&story);
    story_expect(&story, "D reservation.error soft reason=refused_by_nova guest=unknown,unknown");
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_end(&story);
}

static void
test_nova_never_starts_it(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    conductor(&story, "queued", STORY_HOST);
    conductor(&story, "cancelled", STORY_HOST);
    story_expect_nothing(&story); /* libvirt is looked at first */
    story_absent(&story);
    story_expect(&story, "D reservation.error soft reason=never_started guest=unknown,unknown");
    story_end(&story);
}

static void
test_arrived_unseen_and_nova_fails(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    conductor(&story, "error", STORY_HOST);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_NONE, 0);
    story_expect(&story, "D reservation.end? in_use", "D stop_and_copy.end?",
                 "D commitment.start?");
    conductor(&story, "error", STORY_HOST);
    story_expect(&story,
                 "D commitment.error reason=nova_failed nova=error guest=on_destination,running");
    story_end(&story);
}

static void
test_given_up_and_libvirt_silent(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    conductor(&story, "failed", NULL);
    story_reading(&story, NMA_DOMAIN_UNKNOWN, NMA_JOB_NONE, 0);
    story_wait(&story, 600);
    story_expect(&story, "D reservation.error soft reason=refused_by_nova guest=unknown,unknown");
    story_end(&story);
}

static void
test_another_destination(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    conductor(&story, "queued", "third");
    story_expect(&story, "D reservation.error soft reason=refused_by_nova guest=unknown,unknown");
    g_assert_nonnull(strstr(story_last_report(&story)->text, "third"));
    story_end(&story);
}

static void
test_superseded(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, MIG_2, 12);
    story_expect(&story, "D reservation.error soft reason=superseded guest=unknown,unknown",
                 "D pre_migration.start");
    story_facts(&story, PLENTY);
    story_expect(&story, "D pre_migration.end", "D reservation.start soft");
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    check(&story); /* the first again: older */
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_rolled_back(void)
{
    static const NmaNovaMethod methods[] = { NMA_NOVA_ROLLBACK_AT_DESTINATION,
                                             NMA_NOVA_DROP_CLAIM_AT_DESTINATION,
                                             NMA_NOVA_REMOVE_VOLUME_CONNECTION };

    for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
        Story story;

        story_begin(&story);
        until_reserved(&story);
        story_call(&story, NMA_NOVA_REMOVE_VOLUME_CONNECTION, NULL, NMA_UNKNOWN);
        story_expect_nothing(&story); /* only soft: not for us */
        story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
        story_call(&story, methods[i], NULL, NMA_UNKNOWN);
        story_expect(&story, "D reservation.progress held",
                     "D reservation.error held reason=rolled_back guest=unknown,unknown");
        g_assert_cmpint(story_promised_mib(&story), ==, 0);
        story_end(&story);
    }
}

static void
test_incoming_fails(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_FAILED);
    story_expect(&story, "D pre_copy.error reason=incoming_failed guest=on_source,unknown");
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_call(&story, NMA_NOVA_ROLLBACK_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_in_use_has_no_lease(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_wait(&story, 60 * 3600); /* 256 GiB at Nova's worst */
    story_expect_nothing(&story);
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start");
    story_end(&story);
}

static void
test_in_use_ends_when_libvirt_has_it_no_more(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    conductor(&story, "error", STORY_HOST);
    story_expect_nothing(&story); /* libvirt is asked */
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 1);
    story_absent(&story);
    story_expect(&story, "D pre_copy.error? reason=incoming_failed guest=on_source,unknown");
    story_end(&story);
}

static void
test_no_reads_while_arriving(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_wait(&story, 3600);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_READ_DOMAIN), ==, 0);
    story_end(&story);
}

static void
test_post_copy(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_POSTCOPY);
    story_expect(&story, "D post_copy.start");
    story_wait(&story, 5);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_expect(&story, "D post_copy.end", "D commitment.start");
    story_end(&story);
}

static void
test_post_copy_breaks(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_POSTCOPY);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED);
    story_expect(&story, "D post_copy.start",
                 "D post_copy.error reason=post_copy_failed guest=on_destination,paused");
    story_end(&story);
}

static void
test_lost_in_post_copy(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_POSTCOPY);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_FAILED);
    story_expect(&story, "D post_copy.start",
                 "D post_copy.error reason=guest_gone guest=gone,unknown");
    story_end(&story);
}

static void
test_paused_guest(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_wait(&story, 3);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_expect_nothing(&story);
    story_wait(&story, 0.5);
    story_expect(&story, "D stop_and_copy.end?", "D commitment.start?");
    story_wait(&story, 1);
    conductor(&story, "completed", STORY_HOST);
    story_expect(&story, "D commitment.end nova=completed");
    story_end(&story);
}

static void
test_paused_guest_seen(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_OTHER);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start");
    g_assert_cmpint(story_last_report(&story)->guest_state, ==, NMA_GUEST_PAUSED);
    story_end(&story);
}

static void
test_suspended_before_it_arrives(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_OTHER);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_post_at_the_end_of_the_lease(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_wait(&story, 599.8);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_wait(&story, 0.6); /* Nova would not call if the guest were not here */
    story_expect(&story, "D reservation.end? in_use", "D stop_and_copy.end?",
                 "D commitment.start?");
    story_end(&story);
}

static void
test_started_after_post(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    story_wait(&story, 0.5);
    story_expect(&story, "D reservation.end in_use", "D stop_and_copy.end?", "D commitment.start?");
    story_end(&story);
}

static void
test_tried_again_at_once(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, NULL, NMA_UNKNOWN);
    story_facts(&story, PLENTY);
    story_call(&story, NMA_NOVA_ROLLBACK_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, NULL, NMA_UNKNOWN);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end", "D reservation.start soft",
                 "D reservation.error soft reason=rolled_back guest=unknown,unknown",
                 "D pre_migration.start");
    story_end(&story);
}

static void
test_resumed_just_after_post(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_wait(&story, 0.1);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start");
    story_end(&story);
}

static void
test_opened_late(void)
{
    Story story;

    /* by pre_live_migration */
    story_begin(&story);
    story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, NMA_UNKNOWN);
    story_expect(&story, "D pre_migration.start?", "D pre_migration.end?",
                 "D reservation.start held");
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_end(&story);

    /* by the guest's arrival */
    story_begin(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    story_expect(&story, "D pre_migration.start?", "D pre_migration.end?",
                 "D reservation.start? in_use", "D reservation.end in_use");
    story_wait(&story, 1.1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), ==, 1);
    conductor(&story, "running", STORY_HOST);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start");
    g_assert_cmpint(story_last_report(&story)->identity.migration_id, ==, 11);
    story_end(&story);

    /* by the very last message */
    story_begin(&story);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, NULL, NMA_UNKNOWN);
    story_wait(&story, 0.5);
    story_expect(&story, "D pre_migration.start?", "D pre_migration.end?",
                 "D reservation.start? in_use", "D reservation.end? in_use", "D stop_and_copy.end?",
                 "D commitment.start?");
    story_end(&story);
}

static void
test_resumed_alone_opens_nothing(void)
{
    Story story;

    story_begin(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED); /* a source after a failure */
    story_expect_nothing(&story);
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_restarts(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_restart(&story, 20);
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_resync(&story, reading(NMA_DOMAIN_PAUSED_MIGRATION));
    story_expect(&story, "D reservation.end? in_use");
    story_restart(&story, 20);
    story_resync(&story, reading(NMA_DOMAIN_RUNNING));
    story_expect(&story, "D stop_and_copy.end?", "D commitment.start?");
    story_restart(&story, 20);
    story_wait(&story, 5);
    conductor(&story, "completed", STORY_HOST);
    story_expect(&story, "D commitment.end nova=completed");
    story_end(&story);
}

static void
test_restart_and_the_guest_is_gone(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_restart(&story, 20);
    story_resync(&story, NULL);
    story_expect(&story, "D pre_copy.error? reason=incoming_failed guest=on_source,unknown");
    story_end(&story);
}

static void
test_completed_while_away(void)
{
    Story story;

    story_begin(&story);
    until_reserved(&story);
    story_restart(&story, 20);
    conductor(&story, "completed", STORY_HOST);
    story_expect(&story, "D reservation.end? in_use", "D stop_and_copy.end?", "D commitment.start?",
                 "D commitment.end nova=completed");
    story_end(&story);
}

static void
test_nova_fails_after_the_move(void)
{
    Story story;

    story_begin(&story);
    until_arriving(&story);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    conductor(&story, "error", STORY_HOST);
    story_expect(&story, "D stop_and_copy.end", "D commitment.start",
                 "D commitment.error reason=nova_failed nova=error guest=on_destination,running");
    story_end(&story);
}

static void
test_old_nova_names_no_migration(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, NULL, NMA_UNKNOWN);
    story_facts(&story, PLENTY);
    story_wait(&story, 300);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, NULL, NMA_UNKNOWN); /* renews */
    story_wait(&story, 599);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.start soft");
    story_wait(&story, 1);
    story_expect(&story, "D reservation.error soft reason=expired guest=unknown,unknown");
    story_end(&story);
}

#define TEST(name) g_test_add_func("/destination/" #name, test_##name)

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    TEST(success);
    TEST(check_tells_its_numbers);
    TEST(refused_but_nova_goes_on);
    TEST(refused_and_nova_gives_up);
    TEST(promises_count);
    TEST(facts_do_not_come);
    TEST(everything_before_the_facts);
    TEST(lease_runs_out);
    TEST(lease_is_renewed_while_nova_waits);
    TEST(cast_lost);
    TEST(accepted_for_ever);
    TEST(nova_refuses);
    TEST(nova_never_starts_it);
    TEST(arrived_unseen_and_nova_fails);
    TEST(given_up_and_libvirt_silent);
    TEST(another_destination);
    TEST(superseded);
    TEST(rolled_back);
    TEST(incoming_fails);
    TEST(in_use_has_no_lease);
    TEST(in_use_ends_when_libvirt_has_it_no_more);
    TEST(no_reads_while_arriving);
    TEST(post_copy);
    TEST(post_copy_breaks);
    TEST(lost_in_post_copy);
    TEST(paused_guest);
    TEST(paused_guest_seen);
    TEST(suspended_before_it_arrives);
    TEST(post_at_the_end_of_the_lease);
    TEST(started_after_post);
    TEST(tried_again_at_once);
    TEST(resumed_just_after_post);
    TEST(opened_late);
    TEST(resumed_alone_opens_nothing);
    TEST(restarts);
    TEST(restart_and_the_guest_is_gone);
    TEST(completed_while_away);
    TEST(nova_fails_after_the_move);
    TEST(old_nova_names_no_migration);
    return g_test_run();
}
