/* The host: several migrations, routing, pacing, saving, reboot, hostile input; and the small
 * parts of the core that stories do not reach. */
#include "tests/unit/story.h"
#include "tests/unit/tap.h"

static NmaEvent *
call_for(guint n, NmaNovaMethod method)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);

    event->nova_call.method = method;
    g_snprintf(event->nova_call.identity.instance_uuid,
               sizeof event->nova_call.identity.instance_uuid, "33333333-0000-4000-8000-%012u", n);
    event->nova_call.identity.migration_id = n;
    event->nova_call.identity.memory_mib = 1024;
    return event;
}

static void
test_opposite_directions(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_step(&story, call_for(1, NMA_NOVA_CHECK_DESTINATION));
    story_step(&story, call_for(2, NMA_NOVA_CHECK_DESTINATION));
    g_assert_cmpuint(story_open(&story), ==, 3);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    story_expect(&story, "S pre_migration.start waiting", "D pre_migration.start",
                 "D pre_migration.start", "S pre_migration.end waiting", "S pre_copy.start memory");
    story_end(&story);
}

static void
test_there_and_back(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_STOPPED_MIGRATED);
    story_completed(&story, 5);
    /* the conductor has not been heard yet, and it comes back already */
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, MIG_2, 12);
    story_facts(&story, 8192);
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory", "S pre_copy.end memory",
                 "S stop_and_copy.start cause=switchover", "S stop_and_copy.end cause=switchover",
                 "S commitment.start", "D pre_migration.start", "D pre_migration.end",
                 "D reservation.start soft", "D reservation.end in_use", "D stop_and_copy.end",
                 "D commitment.start");
    story_conductor(&story, "completed", MIG_2, 12, STORY_PEER, STORY_HOST);
    story_expect(&story, "S commitment.end reason=nova_status_unknown nova=unknown",
                 "D commitment.end nova=completed");
    story_end(&story);
}

static void
test_a_source_is_no_arrival(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, MIG_2, 12); /* makes no sense, but came */
    story_facts(&story, 8192);
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory", "D pre_migration.start", "D pre_migration.end",
                 "D reservation.start soft");
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED); /* ours, after a failure */
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_NONE, 0);
    story_expect_nothing(&story);
    story_end(&story);
}

static void
test_bounded(void)
{
    Story story;

    story_begin(&story);
    for (guint i = 0; i < 150; i++)
        story_step(&story, call_for(i, NMA_NOVA_CHECK_DESTINATION));
    g_assert_cmpuint(story_open(&story), ==, 100);
    g_assert_cmpuint(nma_host_ignored_total(story.host), ==, 50);
    story_end(&story);
}

static void
test_one_question_for_all(void)
{
    Story story;
    guint asked;

    story_begin(&story);
    for (guint i = 0; i < 50; i++) {
        story_step(&story, call_for(i, NMA_NOVA_CHECK_DESTINATION));
        story_wait(&story, 0.7);
    }
    story_count(&story, NMA_EFFECT_ASK_CONDUCTOR);
    story_wait(&story, 300);
    asked = story_count(&story, NMA_EFFECT_ASK_CONDUCTOR);
    g_assert_cmpuint(asked, >=, 4);
    g_assert_cmpuint(asked, <=, 13); /* 2 a minute, and three saved up */
    for (guint i = story.effects->len; i > 0; i--) {
        const NmaEffect *effect = story.effects->pdata[i - 1];

        if (effect->type != NMA_EFFECT_ASK_CONDUCTOR)
            continue;
        g_assert_cmpuint(g_strv_length(effect->instances), ==, 50);
        break;
    }
    story_end(&story);
}

static void
test_an_answer_about_another(void)
{
    Story story;
    NmaEvent *event = nma_event_new(NMA_EVENT_CONDUCTOR);
    NmaNovaMigration *entry = nma_nova_migration_new();

    story_begin(&story);
    story_call(&story, NMA_NOVA_POST_AT_DESTINATION, MIG_1, 11);
    story_count(&story, NMA_EFFECT_ASK_CONDUCTOR);
    g_strlcpy(entry->identity.instance_uuid, OTHER, sizeof entry->identity.instance_uuid);
    event->conductor.answered = TRUE;
    event->conductor.migrations =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
    g_ptr_array_add(event->conductor.migrations, entry);
    story_step(&story, event); /* does not stand for ours */
    story_wait(&story, 1.1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_CONDUCTOR), ==, 1);
    story_end(&story);
}

static void
test_asks_at_most_twice_a_minute(void)
{
    Story story;
    guint asked;

    story_begin(&story);
    for (guint i = 0; i < 600; i++) { /* a new one each second, each at its end at once */
        story_step(&story, call_for(i, NMA_NOVA_PRE_LIVE_MIGRATION));
        story_step(&story, call_for(i, NMA_NOVA_POST_AT_DESTINATION));
        story_wait(&story, 1);
    }
    asked = story_count(&story, NMA_EFFECT_ASK_CONDUCTOR);
    g_assert_cmpuint(asked, >=, 10);
    g_assert_cmpuint(asked, <=, 23);
    story_end(&story);
}

/* ---- saving ---- */

typedef struct {
    guint sources, destinations, reservations;
} Counts;

static Counts
changes(Story *story)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) destinations = g_ptr_array_new();
    g_autoptr(GPtrArray) reservations = g_ptr_array_new();
    NmaHostChanges all = { sources, destinations, reservations };
    Counts counts;

    nma_host_get_changes(story->host, &all);
    counts = (Counts){ sources->len, destinations->len, reservations->len };
    nma_host_saved(story->host);
    return counts;
}

#define assert_changes(story, s, d, r)                                                             \
    G_STMT_START                                                                                   \
    {                                                                                              \
        Counts counts = changes(story);                                                            \
        g_assert_cmpuint(counts.sources, ==, s);                                                   \
        g_assert_cmpuint(counts.destinations, ==, d);                                              \
        g_assert_cmpuint(counts.reservations, ==, r);                                              \
    }                                                                                              \
    G_STMT_END

static void
test_changes(void)
{
    Story story;

    story_begin(&story);
    assert_changes(&story, 0, 0, 0);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_step(&story, call_for(1, NMA_NOVA_PRE_LIVE_MIGRATION));
    assert_changes(&story, 1, 1, 1);
    assert_changes(&story, 0, 0, 0);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    assert_changes(&story, 1, 0, 0);
    for (int i = 0; i < 5; i++) { /* progress needs no transaction */
        story_wait(&story, 1);
        story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    }
    assert_changes(&story, 0, 0, 0);
    story_call(&story, NMA_NOVA_ABORT, NULL, NMA_UNKNOWN);
    assert_changes(&story, 1, 0, 0);
    story_step(&story, call_for(1, NMA_NOVA_ROLLBACK_AT_DESTINATION));
    assert_changes(&story, 0, 1, 1); /* to be deleted */
    assert_changes(&story, 0, 0, 0);
    story_lifecycle(&story, NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED);
    assert_changes(&story, 1, 0, 0);
    assert_changes(&story, 0, 0, 0);
    story_end(&story);
}

static void
test_rebooted(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    story_step(&story, call_for(1, NMA_NOVA_PRE_LIVE_MIGRATION));
    story_expect(&story, "S pre_migration.start waiting", "S pre_migration.end waiting",
                 "S pre_copy.start memory", "D pre_migration.start?", "D pre_migration.end?",
                 "D reservation.start held");
    story_restart(&story, 200);
    nma_host_rebooted(story.host, story_now(&story), story.effects);
    story_expect(&story, "S pre_copy.error? memory reason=host_rebooted guest=unknown,unknown",
                 "D reservation.error? held reason=host_rebooted guest=unknown,unknown");
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_uuids_from_outside(void)
{
    Story story;
    NmaEvent *event;

    g_assert_true(nma_uuid_is_valid(GUEST));
    g_assert_false(nma_uuid_is_valid(""));
    g_assert_false(nma_uuid_is_valid(NULL));
    g_assert_false(nma_uuid_is_valid(GUEST "1"));
    g_assert_false(nma_uuid_is_valid("1111111111111-4111-8111-1111111111111"));
    g_assert_false(nma_uuid_is_valid("../../../../../../../../etc/passwd//"));
    story_begin(&story);
    event = nma_event_new(NMA_EVENT_NOVA_CALL);
    event->nova_call.method = NMA_NOVA_LIVE_MIGRATION;
    story_step(&story, event);
    g_assert_cmpuint(story_open(&story), ==, 0);
    story_end(&story);
}

static void
test_reservations_of_absurd_size(void)
{
    Story story;

    story_begin(&story);
    for (guint i = 0; i < 3; i++) {
        NmaEvent *event = call_for(i, NMA_NOVA_PRE_LIVE_MIGRATION);

        event->nova_call.identity.memory_mib = G_MAXINT64;
        story_step(&story, event);
    }
    g_assert_cmpint(nma_ledger_promised(nma_host_ledger(story.host), NMA_AMOUNT_MEMORY, NULL), ==,
                    G_MAXINT64);
    g_assert_cmpuint(nma_ledger_live_count(nma_host_ledger(story.host)), ==, 3);
    story_end(&story);
}

static void
test_orphaned_reservation(void)
{
    Story story;
    NmaReservation orphan = { .resources.amount = { 1 << 20 }, .state = NMA_RESERVATION_IN_USE };

    story_begin(&story);
    g_strlcpy(orphan.instance_uuid, OTHER, sizeof orphan.instance_uuid);
    orphan.expires_boot_us = NMA_NEVER;
    nma_host_restore_reservation(story.host, &orphan);
    g_assert_cmpint(story_promised_mib(&story), ==, 1);
    story_resync(&story, NULL);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_end(&story);
}

static void
test_growth_still_to_come(void)
{
    g_autoptr(NmaLedger) ledger = nma_ledger_new();
    NmaReservation one = { .resources.amount = { 1000 }, .state = NMA_RESERVATION_SOFT };
    NmaReservation *entry;
    NmaNow now = { .boot_us = 1 };

    g_strlcpy(one.instance_uuid, GUEST, sizeof one.instance_uuid);
    one.expires_boot_us = NMA_NEVER;
    entry = nma_ledger_put(ledger, &one);
    g_assert_cmpint(nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, NULL), ==, 1000);
    g_assert_cmpint(nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, GUEST), ==, 0);
    nma_reservation_set_state(entry, NMA_RESERVATION_IN_USE, now);
    entry->resident_bytes = 300;
    g_assert_cmpint(nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, NULL), ==, 700);
    entry->resident_bytes = 3000; /* QEMU's own memory is more than the guest's */
    g_assert_cmpint(nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, NULL), ==, 0);
    g_assert_cmpint(nma_ledger_next_deadline(ledger), ==, NMA_NEVER);
    /* a soft one does not replace what is in use */
    g_assert_true(nma_ledger_put(ledger, &one) == entry);
    g_assert_cmpint(entry->state, ==, NMA_RESERVATION_IN_USE);
    nma_reservation_set_state(entry, NMA_RESERVATION_RELEASED, now);
    nma_ledger_drop_ended(ledger);
    g_assert_null(nma_ledger_get(ledger, GUEST));
}

static void
test_check_unknown_is_never_ok(void)
{
    NmaDemand demand = { .memory_bytes = 1000, .vcpus = 1 };
    NmaFacts facts;
    const NmaCheckResult *worst;
    g_autoptr(GPtrArray) results = NULL;

    nma_facts_clear(&facts);
    results = nma_check_all(&demand, &facts);
    g_assert_cmpint(nma_check_verdict(results, &worst), ==, NMA_VERDICT_UNKNOWN);
    g_assert_cmpint(worst->reason, ==, NMA_REASON_CHECK_UNKNOWN);
    g_assert_nonnull(worst->text);
}

static void
test_learning_never_overwrites(void)
{
    NmaIdentity one, two;

    nma_identity_init(&one);
    nma_identity_init(&two);
    one.migration_id = 5;
    two.migration_id = 6;
    g_assert_true(nma_identity_differs(&one, &two));
    two.source = g_strdup("a");
    g_assert_true(nma_identity_learn(&one, &two));
    g_assert_cmpint(one.migration_id, ==, 5);
    g_assert_cmpstr(one.source, ==, "a");
    g_assert_false(nma_identity_learn(&one, &two));
    nma_identity_clear(&one);
    nma_identity_clear(&two);
}

static void
test_method_names(void)
{
    guint n = g_strv_length((GStrv)nma_nova_method_names());

    g_assert_cmpuint(n, ==, NMA_N_NOVA_METHODS);
    for (guint i = 0; i < n; i++) {
        NmaNovaMethod method;

        g_assert_true(nma_nova_method_from_name(nma_nova_method_name((NmaNovaMethod)i), &method));
        g_assert_cmpint(method, ==, i);
    }
}

#define TEST(name) g_test_add_func("/host/" #name, test_##name)

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    TEST(opposite_directions);
    TEST(there_and_back);
    TEST(a_source_is_no_arrival);
    TEST(bounded);
    TEST(one_question_for_all);
    TEST(an_answer_about_another);
    TEST(asks_at_most_twice_a_minute);
    TEST(changes);
    TEST(rebooted);
    TEST(uuids_from_outside);
    TEST(reservations_of_absurd_size);
    TEST(orphaned_reservation);
    TEST(growth_still_to_come);
    TEST(check_unknown_is_never_ok);
    TEST(learning_never_overwrites);
    TEST(method_names);
    return g_test_run();
}
