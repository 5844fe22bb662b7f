/* Who asks for a guest that is to come: dry run, reservation, renewal, release; from afar, from the
 * source's agent, and together with Nova's own check. */
#include "agent/core/admission.h"
#include "tests/unit/story.h"
#include "tests/unit/tap.h"

#define MIB G_GINT64_CONSTANT(1048576)

static void
begin(Story *story)
{
    story_begin(story);
    story_resync(story, NULL);
}

static NmaAsk *
ask_for(NmaAskKind kind, const char *instance, gint64 memory_mib)
{
    NmaAsk *ask = nma_ask_new(kind, instance);

    if (memory_mib >= 0) {
        ask->sized = TRUE;
        ask->resources.amount[NMA_AMOUNT_MEMORY] = memory_mib * MIB;
    }
    return ask;
}

static void
put(Story *story, NmaAsk *ask)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_ASKED);

    event->asked = ask;
    story_step(story, event);
}

static NmaEvent *
facts_event(const char *instance, gint64 available_mib)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);

    g_strlcpy(event->facts.instance_uuid, instance, sizeof event->facts.instance_uuid);
    event->facts.facts.memory_available_bytes = available_mib * MIB;
    event->facts.facts.memory_reserved_host_bytes = 0;
    event->facts.capacity.ports = 2;
    event->facts.capacity.disk_bytes = 1000;
    event->facts.facts.huge_pools_known = TRUE;
    nma_facts_add_huge_pool(&event->facts.facts, 0, 2 * MIB, 11);
    nma_facts_add_huge_pool(&event->facts.facts, 1, 2 * MIB, 20);
    event->facts.facts.huge_pools[0].reserved_pages = 1;
    event->facts.capacity.cores_known = TRUE;
    event->facts.capacity.cores.bits[0] = 0xff;
    return event;
}

static void
put_facts(Story *story, const char *instance, gint64 available_mib)
{
    story_step(story, facts_event(instance, available_mib));
}

/* the one answer since the last look; NULL: none */
static const NmaAnswer *
answered(Story *story)
{
    const NmaAnswer *found = NULL;

    for (guint i = story->told; i < story->effects->len; i++) {
        const NmaEffect *effect = story->effects->pdata[i];

        if (effect->type != NMA_EFFECT_ANSWER)
            continue;
        g_assert_null(found);
        found = effect->answer;
    }
    story->told = story->effects->len;
    return found;
}

#define assert_refused(answer, why)                                                                \
    do {                                                                                           \
        const NmaAnswer *it_ = (answer);                                                           \
                                                                                                   \
        g_assert_nonnull(it_);                                                                     \
        g_assert_false(it_->granted);                                                              \
        g_assert_cmpstr(nma_reason_to_string(it_->reason), ==, why);                               \
        g_assert_nonnull(it_->text);                                                               \
    } while (0)

static const NmaAnswer *
reserve(Story *story, const char *instance, gint64 memory_mib, gint64 available_mib)
{
    put(story, ask_for(NMA_ASK_RESERVE, instance, memory_mib));
    put_facts(story, instance, available_mib);
    return answered(story);
}

static void
test_dry_run_promises_nothing(void)
{
    const NmaAnswer *answer;
    Story story;

    begin(&story);
    put(&story, ask_for(NMA_ASK_CHECK, GUEST, 1024));
    g_assert_null(answered(&story));
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_GATHER_FACTS), ==, 1);
    put_facts(&story, GUEST, 1024);
    answer = answered(&story);
    g_assert_true(answer->granted);
    g_assert_null(answer->reservation);
    g_assert_cmpuint(answer->checks->len, >=, 1);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    put(&story, ask_for(NMA_ASK_CHECK, GUEST, 1025));
    put_facts(&story, GUEST, 1024);
    answer = answered(&story);
    assert_refused(answer, "memory_insufficient");
    g_assert_cmpint(answer->verdict, ==, NMA_VERDICT_REFUSED);
    story_end(&story);
}

static void
test_reserve_renew_release(void)
{
    const NmaAnswer *answer;
    Story story;

    begin(&story);
    answer = reserve(&story, GUEST, 1024, 2000);
    g_assert_true(answer->granted && answer->fresh);
    g_assert_cmpint(answer->reservation->state, ==, NMA_RESERVATION_SOFT);
    g_assert_cmpint(story_promised_mib(&story), ==, 1024);
    /* the same again promises nothing more and asks nobody */
    story_count(&story, NMA_EFFECT_GATHER_FACTS);
    story_wait(&story, 400);
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, 1024));
    answer = answered(&story);
    g_assert_true(answer->granted && !answer->fresh);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_GATHER_FACTS), ==, 0);
    /* 800 s after the first, 400 after the second */
    story_wait(&story, 400);
    put(&story, ask_for(NMA_ASK_RENEW, GUEST, -1));
    answer = answered(&story);
    g_assert_true(answer->granted);
    g_assert_cmpint(answer->reservation->expires_boot_us, ==,
                    story_now(&story).boot_us + NMA_RESERVATION_SOFT_LEASE_US);
    story_wait(&story, 599);
    g_assert_cmpint(story_promised_mib(&story), ==, 1024);
    story_wait(&story, 2);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    put(&story, ask_for(NMA_ASK_RENEW, GUEST, -1));
    assert_refused(answered(&story), "not_reserved");
    /* released twice is released */
    reserve(&story, GUEST, 1024, 2000);
    for (guint i = 0; i < 2; i++) {
        put(&story, ask_for(NMA_ASK_RELEASE, GUEST, -1));
        g_assert_true(answered(&story)->granted);
        g_assert_cmpint(story_promised_mib(&story), ==, 0);
    }
    story_end(&story);
}

static void
test_no_byte_twice(void)
{
    Story story;

    begin(&story);
    /* both ask before either is judged */
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, 600));
    put(&story, ask_for(NMA_ASK_RESERVE, OTHER, 600));
    put_facts(&story, GUEST, 1000);
    g_assert_true(answered(&story)->granted);
    put_facts(&story, OTHER, 1000);
    assert_refused(answered(&story), "memory_insufficient");
    g_assert_cmpint(story_promised_mib(&story), ==, 600);
    /* and Nova's check for a third finds what is left */
    story_end(&story);
}

/* more than is promised is judged; what cannot be had leaves the promise as it is */
static void
test_growing(void)
{
    const NmaAnswer *answer;
    Story story;

    begin(&story);
    reserve(&story, GUEST, 600, 1000);
    answer = reserve(&story, GUEST, 900, 1000);
    g_assert_true(answer->granted && !answer->fresh);
    g_assert_cmpint(story_promised_mib(&story), ==, 900);
    answer = reserve(&story, GUEST, 1100, 1000);
    assert_refused(answer, "memory_insufficient");
    g_assert_cmpint(answer->reservation->resources.amount[NMA_AMOUNT_MEMORY], ==, 900 * MIB);
    g_assert_cmpint(story_promised_mib(&story), ==, 900);
    story_end(&story);
}

static void
test_other_resources(void)
{
    const NmaAnswer *answer;
    NmaAsk *ask;
    Story story;

    begin(&story);
    ask = ask_for(NMA_ASK_RESERVE, GUEST, 0);
    ask->resources.amount[NMA_AMOUNT_DISK] = 700;
    ask->resources.amount[NMA_AMOUNT_PORTS] = 1;
    ask->resources.n_pages = 1;
    ask->resources.pages_known = TRUE;
    ask->resources.pages[0] = (NmaPages){ NMA_ANY_NODE, 2 * MIB, 15 };
    ask->resources.cores.bits[0] = 0x0f;
    put(&story, ask);
    put_facts(&story, GUEST, 100);
    answer = answered(&story);
    g_assert_true(answer->granted);
    g_assert_cmpint(answer->reservation->resources.pages[0].node, ==, 1);
    /* each alone, and all but one fit */
    for (guint which = 0; which < 4; which++) {
        static const char *const why[] = { "disk_insufficient", "huge_pages_insufficient",
                                           "cores_taken", "ports_insufficient" };

        ask = ask_for(NMA_ASK_RESERVE, OTHER, 0);
        ask->resources.amount[NMA_AMOUNT_DISK] = which == 0 ? 301 : 300;
        ask->resources.amount[NMA_AMOUNT_PORTS] = which == 3 ? 2 : 1;
        ask->resources.n_pages = 1;
        ask->resources.pages_known = TRUE;
        ask->resources.pages[0] = (NmaPages){ NMA_ANY_NODE, 2 * MIB, which == 1 ? 11 : 10 };
        ask->resources.cores.bits[0] = which == 2 ? 0x18 : 0x30;
        put(&story, ask);
        put_facts(&story, OTHER, 100);
        assert_refused(answered(&story), why[which]);
    }
    ask = ask_for(NMA_ASK_RESERVE, OTHER, 0);
    ask->resources.cores.bits[0] = 0x100; /* not for guests */
    put(&story, ask);
    put_facts(&story, OTHER, 100);
    assert_refused(answered(&story), "cores_taken");
    story_end(&story);
}

/* what could not be measured is no promise; a dry run says that it is unknown */
static void
test_unmeasured(void)
{
    const NmaAnswer *answer;
    Story story;

    begin(&story);
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, 600));
    put(&story, ask_for(NMA_ASK_CHECK, OTHER, 600));
    story_wait(&story, 9.9);
    g_assert_null(answered(&story));
    story_wait(&story, 0.2);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ANSWER), ==, 2);
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaEffect *effect = story.effects->pdata[i];

        if (effect->type != NMA_EFFECT_ANSWER)
            continue;
        answer = effect->answer;
        g_assert_cmpint(answer->verdict, ==, NMA_VERDICT_UNKNOWN);
        g_assert_cmpint(answer->granted, ==, answer->kind == NMA_ASK_CHECK);
    }
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_end(&story);
}

static void
test_size_asked_of_the_source(void)
{
    NmaEvent *event;
    NmaAsk *ask;
    Story story;

    begin(&story);
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, -1)); /* nobody to ask */
    put_facts(&story, GUEST, 1000);
    assert_refused(answered(&story), "size_unknown");

    ask = ask_for(NMA_ASK_RESERVE, GUEST, -1);
    ask->source = g_strdup(STORY_PEER);
    put(&story, ask);
    event = facts_event(GUEST, 1000);
    event->facts.facts.source = nma_source_facts_new();
    event->facts.facts.source->guest = nma_guest_new();
    event->facts.facts.source->guest->memory_bytes = 700 * MIB;
    story_step(&story, event);
    g_assert_true(answered(&story)->granted);
    g_assert_cmpint(story_promised_mib(&story), ==, 700);
    put(&story, ask_for(NMA_ASK_RELEASE, GUEST, -1));
    answered(&story);

    ask = ask_for(NMA_ASK_RESERVE, GUEST, -1);
    ask->source = g_strdup(STORY_PEER);
    put(&story, ask);
    put_facts(&story, GUEST, 1000); /* its source could not tell */
    assert_refused(answered(&story), "size_unknown");
    story_end(&story);
}

static void
test_nothing_before_libvirt_was_read(void)
{
    Story story;

    story_begin(&story);
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, 600));
    put_facts(&story, GUEST, 1000); /* of another question */
    story_wait(&story, 11);
    assert_refused(answered(&story), "not_ready");
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, 600));
    story_count(&story, NMA_EFFECT_GATHER_FACTS);
    story_resync(&story, NULL);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_GATHER_FACTS), ==, 1);
    put_facts(&story, GUEST, 1000);
    g_assert_true(answered(&story)->granted);
    story_end(&story);
}

static void
test_bounded(void)
{
    char uuid[NMA_UUID_LEN + 1];
    guint busy = 0;
    Story story;

    begin(&story);
    for (guint i = 0; i < NMA_MAX_ASKS + 10; i++) {
        g_snprintf(uuid, sizeof uuid, "33333333-0000-4000-8000-%012u", i);
        put(&story, ask_for(NMA_ASK_CHECK, uuid, 1));
    }
    for (guint i = 0; i < story.effects->len; i++) {
        const NmaEffect *effect = story.effects->pdata[i];

        busy +=
            effect->type == NMA_EFFECT_ANSWER && effect->answer->reason == NMA_REASON_AGENT_BUSY;
    }
    g_assert_cmpuint(busy, ==, 10);
    story_wait(&story, 11); /* every one is answered */
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ANSWER), ==, NMA_MAX_ASKS + 10);
    story_end(&story);

    begin(&story);
    for (guint i = 0; i < NMA_MAX_RESERVATIONS + 1; i++) {
        g_snprintf(uuid, sizeof uuid, "33333333-0000-4000-8000-%012u", i);
        if (i < NMA_MAX_RESERVATIONS)
            g_assert_true(reserve(&story, uuid, 1, 100000)->granted);
        else
            assert_refused(reserve(&story, uuid, 1, 100000), "agent_busy");
    }
    story_end(&story);
}

/* ---- with Nova ---- */

static void
test_asked_before_nova(void)
{
    Story story;

    begin(&story);
    reserve(&story, GUEST, MEM_MIB, 2000);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, MIG_1, 11);
    story_facts(&story, 512 + MEM_MIB); /* its own promise is not in its way */
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.start soft");
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    put(&story, ask_for(NMA_ASK_RELEASE, GUEST, -1));
    assert_refused(answered(&story), "migration_open");
    story_lifecycle(&story, NMA_LIFECYCLE_STARTED_MIGRATED);
    put(&story, ask_for(NMA_ASK_RELEASE, GUEST, -1));
    assert_refused(answered(&story), "reservation_in_use");
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, MEM_MIB));
    g_assert_cmpint(answered(&story)->reservation->state, ==, NMA_RESERVATION_IN_USE);
    story_lifecycle(&story, NMA_LIFECYCLE_RESUMED_MIGRATED);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_end(&story);
}

static void
test_asked_while_nova_checks(void)
{
    NmaAsk *ask = ask_for(NMA_ASK_RESERVE, GUEST, -1);
    Story story;

    begin(&story);
    story_call(&story, NMA_NOVA_CHECK_DESTINATION, MIG_1, 11);
    put(&story, ask); /* the size is known from Nova's check */
    story_facts(&story, 8192);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ANSWER), ==, 1);
    story_expect(&story, "D pre_migration.start", "D pre_migration.end",
                 "D reservation.start soft");
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_end(&story);
}

/* the tap missed the check: what the source's agent asked for is held and used */
static void
test_check_missed(void)
{
    Story story;

    begin(&story);
    reserve(&story, GUEST, MEM_MIB, 2000);
    story_call(&story, NMA_NOVA_PRE_LIVE_MIGRATION, NULL, -1);
    story_expect(&story, "D pre_migration.start?", "D pre_migration.end?",
                 "D reservation.start held");
    g_assert_cmpint(story_promised_mib(&story), ==, MEM_MIB);
    story_call(&story, NMA_NOVA_ROLLBACK_AT_DESTINATION, NULL, -1);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    /* nothing at all was seen but the rollback */
    reserve(&story, OTHER, MEM_MIB, 2000);
    {
        NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);

        event->nova_call.method = NMA_NOVA_ROLLBACK_AT_DESTINATION;
        g_strlcpy(event->nova_call.identity.instance_uuid, OTHER, NMA_UUID_LEN + 1);
        story_step(&story, event);
    }
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_end(&story);
}

static void
test_restart_and_reboot(void)
{
    Story story;

    begin(&story);
    reserve(&story, GUEST, 600, 1000);
    story_restart(&story, 5);
    g_assert_cmpint(story_promised_mib(&story), ==, 600);
    put(&story, ask_for(NMA_ASK_RESERVE, OTHER, 600));
    put_facts(&story, OTHER, 1000); /* not before libvirt was read */
    g_assert_null(answered(&story));
    story_resync(&story, NULL);
    put_facts(&story, OTHER, 1000);
    assert_refused(answered(&story), "memory_insufficient");
    nma_host_rebooted(story.host, story_now(&story), story.effects);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    story_end(&story);
}

static void
test_withdrawn(void)
{
    Story story;

    begin(&story);
    g_assert_true(reserve(&story, GUEST, 600, 1000)->fresh);
    nma_host_withdraw(story.host, GUEST);
    g_assert_cmpint(story_promised_mib(&story), ==, 0);
    g_assert_true(reserve(&story, OTHER, 1000, 1000)->granted);
    story_end(&story);
}

static void
test_promises_lost(void)
{
    Story story;

    begin(&story);
    nma_host_promises_lost(story.host, story_now(&story));
    put(&story, ask_for(NMA_ASK_RESERVE, GUEST, 600));
    assert_refused(answered(&story), "promises_lost");
    put(&story, ask_for(NMA_ASK_CHECK, GUEST, 600)); /* promises nothing */
    put_facts(&story, GUEST, 1000);
    g_assert_true(answered(&story)->granted);
    story_wait(&story, 601);
    g_assert_true(reserve(&story, GUEST, 600, 1000)->granted);
    story_end(&story);
}

/* ---- the source's agent asks ---- */

/* what it asked of the destination's agent since the last look; NULL: nothing */
static const NmaAsk *
asked(Story *story)
{
    const NmaAsk *found = NULL;

    for (guint i = story->told; i < story->effects->len; i++) {
        const NmaEffect *effect = story->effects->pdata[i];

        if (effect->type == NMA_EFFECT_ASK_RESERVATION) {
            g_assert_cmpstr(effect->host, ==, STORY_PEER);
            found = effect->ask;
        }
    }
    story->told = story->effects->len;
    return found;
}

static void
told(Story *story, NmaReservedState state, NmaReason reason)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_RESERVED);

    g_strlcpy(event->reserved.instance_uuid, GUEST, sizeof event->reserved.instance_uuid);
    event->reserved.state = state;
    event->reserved.reason = reason;
    event->reserved.text = reason != NMA_REASON_NONE ? g_strdup("5 needed, 4 free") : NULL;
    story_step(story, event);
}

static void
test_source_reserves_and_renews(void)
{
    const NmaAsk *ask;
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_NONE, 0);
    g_assert_null(asked(&story)); /* whether there is an agent is not known yet */
    story_peer(&story, NMA_PEER_AGENT);
    ask = asked(&story);
    g_assert_cmpint(ask->kind, ==, NMA_ASK_RESERVE);
    g_assert_cmpstr(ask->migration_uuid, ==, MIG_1);
    g_assert_cmpint(ask->resources.amount[NMA_AMOUNT_MEMORY], ==, MEM_MIB * MIB);
    told(&story, NMA_RESERVED_GRANTED, NMA_REASON_NONE);
    story_count(&story, NMA_EFFECT_ASK_RESERVATION);
    story_wait(&story, 199);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 0);
    story_wait(&story, 2);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 1);
    /* no answer: again, soon */
    story_wait(&story, 30);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 1);
    told(&story, NMA_RESERVED_GRANTED, NMA_REASON_NONE);
    /* data flows: libvirt keeps it from now on */
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    story_wait(&story, 700);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 0);
    story_end(&story);
}

/* What the source's agent tells and nobody says in numbers is promised once too. */
static void
test_learnt_of_the_guest(void)
{
    Story story;

    begin(&story);
    for (guint i = 0; i < 2; i++) {
        const char *instance = i == 0 ? GUEST : OTHER;
        NmaEvent *event = facts_event(instance, 1000);
        NmaFacts *facts = &event->facts.facts;
        const NmaAnswer *answer;

        facts->source = nma_source_facts_new();
        facts->source->guest = nma_guest_new();
        facts->source->guest->pinned_vcpus = 5;
        nma_guest_add_disk(facts->source->guest)->allocated_bytes = 600;
        facts->dedicated_cpus = 8;
        facts->storage.path = g_strdup("/i");
        facts->storage.free_bytes = 1000;
        facts->storage.disks = g_new0(NmaDiskSight, 1);
        put(&story, ask_for(NMA_ASK_RESERVE, instance, 100));
        story_step(&story, event);
        answer = answered(&story);
        if (i == 0) {
            g_assert_true(answer->granted);
            g_assert_cmpint(answer->reservation->resources.amount[NMA_AMOUNT_DISK], ==, 600);
            g_assert_cmpuint(answer->reservation->resources.cores.bits[0], ==, 0x1f);
            continue;
        }
        g_assert_false(answer->granted);
        for (guint k = 0; k < answer->checks->len; k++) {
            const NmaCheckResult *check = answer->checks->pdata[k];

            if (g_str_equal(check->check, "vcpus")) {
                g_assert_cmpint(check->reason, ==, NMA_REASON_DEDICATED_CPUS_INSUFFICIENT);
                g_assert_cmpint(check->available, ==, 3);
            } else if (g_str_equal(check->check, "disk")) {
                g_assert_cmpint(check->reason, ==, NMA_REASON_DISK_INSUFFICIENT);
                g_assert_cmpint(check->available, ==, 400);
            }
        }
    }
    story_end(&story);
}

/* ---- what a refusal does ---- */

static void
begin_with(Story *story, NmaMode mode, gboolean abort_refused)
{
    NmaRules rules = { .mode = mode, .n_policies = 1, .abort_refused = abort_refused };
    guint n;

    rules.policies[0] = nma_policies(&n)[0];
    story_begin(story);
    nma_host_set_rules(story->host, &rules);
    story_call(story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_reading(story, NMA_DOMAIN_RUNNING, NMA_JOB_NONE, 0);
    story_peer(story, NMA_PEER_AGENT);
}

static void
checked(Story *story, gboolean by_a_check)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_RESERVED);

    g_strlcpy(event->reserved.instance_uuid, GUEST, sizeof event->reserved.instance_uuid);
    event->reserved.state = NMA_RESERVED_REFUSED;
    event->reserved.reason = NMA_REASON_MEMORY_INSUFFICIENT;
    event->reserved.text = g_strdup("5 needed, 4 free");
    event->reserved.checked = by_a_check;
    story_step(story, event);
}

/* the newest of that type; NULL: none */
static const NmaEffect *
newest(const Story *story, NmaEffectType type)
{
    for (guint i = story->effects->len; i > 0; i--) {
        const NmaEffect *effect = story->effects->pdata[i - 1];

        if (effect->type == type)
            return effect;
    }
    return NULL;
}

static void
nova_was_asked(Story *story, gboolean applied)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_REMEDY);

    g_strlcpy(event->remedy.instance_uuid, GUEST, sizeof event->remedy.instance_uuid);
    event->remedy.remedy = NMA_REMEDY_ABORT;
    event->remedy.applied = applied;
    event->remedy.text = applied ? NULL : g_strdup("the conductor did not give the instance");
    story_step(story, event);
}

static void
test_refusal_aborts_through_nova(void)
{
    const NmaRemedyReport *report;
    const NmaEffect *order;
    g_autofree char *said = NULL, *command = NULL;
    Story story;

    begin_with(&story, NMA_MODE_STEER, TRUE);
    checked(&story, TRUE);
    g_assert_null(newest(&story, NMA_EFFECT_REMEDY)); /* Nova may not have queued it yet */
    story_wait(&story, 1);
    order = newest(&story, NMA_EFFECT_REMEDY);
    g_assert_nonnull(order);
    g_assert_cmpint(order->order.remedy, ==, NMA_REMEDY_ABORT);
    g_assert_cmpint(order->way, ==, NMA_WAY_NOVA);
    g_assert_cmpint(order->migration_id, ==, 11);
    g_assert_null(newest(&story, NMA_EFFECT_REMEDY_REPORT)); /* not before Nova was asked */
    nova_was_asked(&story, TRUE);
    report = newest(&story, NMA_EFFECT_REMEDY_REPORT)->remedy_report;
    g_assert_cmpint(report->kind, ==, NMA_REMEDY_APPLIED);
    g_assert_cmpint(report->order.reason, ==, NMA_REMEDY_REASON_REFUSED);
    g_assert_cmpint(report->refused_for, ==, NMA_REASON_MEMORY_INSUFFICIENT);
    said = nma_remedy_sentence(report);
    g_assert_cmpstr(said, ==,
                    "abort applied: a check of the destination refuses it: 5 needed, 4 free");
    command = nma_remedy_command(report);
    g_assert_cmpstr(command, ==, "openstack server migration abort " GUEST " 11");
    story_count(&story, NMA_EFFECT_REMEDY);
    /* the same word again does nothing, and Nova may prepare the destination for half an hour */
    checked(&story, TRUE);
    story_wait(&story, 1800);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY), ==, 0);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY_REPORT), ==, 1);
    story_end(&story);
}

static void
test_refusal_that_nova_dropped(void)
{
    const NmaRemedyReport *report;
    Story story;

    begin_with(&story, NMA_MODE_STEER, TRUE);
    checked(&story, TRUE);
    story_wait(&story, 1);
    nova_was_asked(&story, TRUE);
    story_wait(&story, 100);
    story_count(&story, NMA_EFFECT_REMEDY);
    /* it came between preparing and running: data flows all the same, so once more */
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY), ==, 1);
    nova_was_asked(&story, TRUE);
    story_wait(&story, 59);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY), ==, 0);
    story_wait(&story, 2);
    report = newest(&story, NMA_EFFECT_REMEDY_REPORT)->remedy_report;
    g_assert_cmpint(report->kind, ==, NMA_REMEDY_FAILED);
    g_assert_cmpstr(report->text, ==, "no effect within 60 s");
    g_assert_cmpstr(report->refusal, ==, "5 needed, 4 free");
    story_wait(&story, 300);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY), ==, 0);
    story_end(&story);
}

/* Reported it is in any case: see test_source_says_a_refusal_once. */
static void
test_refusal_that_does_nothing(void)
{
    static const struct {
        NmaMode mode;
        gboolean abort_refused, by_a_check;
        guint orders, advices;
    } cases[] = {
        { NMA_MODE_STEER, FALSE, TRUE, 0, 0 },  { NMA_MODE_STEER, TRUE, FALSE, 0, 0 },
        { NMA_MODE_OBSERVE, TRUE, TRUE, 0, 0 }, { NMA_MODE_ADVISE, FALSE, TRUE, 0, 0 },
        { NMA_MODE_ADVISE, TRUE, TRUE, 0, 1 },  { NMA_MODE_STEER, TRUE, TRUE, 1, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Story story;

        begin_with(&story, cases[i].mode, cases[i].abort_refused);
        checked(&story, cases[i].by_a_check);
        story_wait(&story, 1);
        g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY), ==, cases[i].orders);
        g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY_REPORT), ==, cases[i].advices);
        story_end(&story);
    }
}

static void
test_refusal_while_data_flows(void)
{
    Story story;

    begin_with(&story, NMA_MODE_STEER, TRUE);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_MIGRATION_OUT, 5);
    checked(&story, TRUE);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REMEDY), ==, 0);
    story_end(&story);
}

static void
test_source_says_a_refusal_once(void)
{
    const NmaReport *report;
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_peer(&story, NMA_PEER_AGENT);
    told(&story, NMA_RESERVED_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT);
    report = story_last_report(&story);
    g_assert_cmpint(report->kind, ==, NMA_REPORT_PROGRESS);
    g_assert_cmpint(report->reason, ==, NMA_REASON_MEMORY_INSUFFICIENT);
    g_assert_cmpstr(report->text, ==, "5 needed, 4 free");
    story_count(&story, NMA_EFFECT_REPORT);
    told(&story, NMA_RESERVED_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_REPORT), ==, 0);
    /* there may be room later */
    story_count(&story, NMA_EFFECT_ASK_RESERVATION);
    story_wait(&story, 201);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 1);
    story_end(&story);
}

static void
test_source_releases(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_peer(&story, NMA_PEER_AGENT);
    told(&story, NMA_RESERVED_GRANTED, NMA_REASON_NONE);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_NONE, 0);
    asked(&story);
    story_conductor(&story, "cancelled", MIG_1, 11, STORY_HOST, STORY_PEER);
    story_reading(&story, NMA_DOMAIN_RUNNING, NMA_JOB_NONE, 0);
    g_assert_cmpuint(story_open(&story), ==, 0);
    g_assert_cmpint(asked(&story)->kind, ==, NMA_ASK_RELEASE);
    story_end(&story);
}

static void
test_source_and_other_peers(void)
{
    static const NmaPeerState without[] = { NMA_PEER_ABSENT, NMA_PEER_VERSION };
    Story story;

    for (guint i = 0; i < G_N_ELEMENTS(without); i++) {
        story_begin(&story);
        story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
        story_peer(&story, without[i]);
        story_wait(&story, 1000);
        g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 0);
        story_end(&story);
    }
    /* an older agent is asked once */
    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_peer(&story, NMA_PEER_AGENT);
    told(&story, NMA_RESERVED_UNSUPPORTED, NMA_REASON_NONE);
    story_count(&story, NMA_EFFECT_ASK_RESERVATION);
    story_wait(&story, 1000);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 0);
    story_end(&story);
}

/* after a restart it does not know what the peer said, and asks again */
static void
test_source_restarted(void)
{
    Story story;

    story_begin(&story);
    story_call(&story, NMA_NOVA_LIVE_MIGRATION, MIG_1, 11);
    story_peer(&story, NMA_PEER_AGENT);
    told(&story, NMA_RESERVED_GRANTED, NMA_REASON_NONE);
    story_restart(&story, 100);
    story_count(&story, NMA_EFFECT_ASK_RESERVATION);
    story_wait(&story, 1);
    g_assert_cmpuint(story_count(&story, NMA_EFFECT_ASK_RESERVATION), ==, 1);
    story_end(&story);
}

/* ---- texts ---- */

static void
test_texts(void)
{
    static const char *const good[] = { "", "0", "0-3", "1,3,5-7,1023" };
    static const char *const bad[] = { ",",   "1,", "a",   "3-1", "1024",
                                       "-1",  "1-", "1 2", " 1",  "99999999999999999999",
                                       "1,,2" };
    static const char *const bad_pages[] = {
        "0", "0:1", "0:0:1", "-2:4:4", "0:4:4,", "x:4:4", "0:4:-1", "0:4:99999999999999999999"
    };
    NmaResources resources;
    NmaCores cores;

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *back = NULL;

        g_assert_true(nma_cores_from_string(good[i], &cores));
        back = nma_cores_to_string(&cores);
        g_assert_cmpstr(back, ==, good[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(nma_cores_from_string(bad[i], &cores));
    g_assert_false(nma_cores_from_string(NULL, &cores));

    nma_resources_clear(&resources);
    g_assert_true(nma_pages_from_string("-1:2097152:512,3:1073741824:4", &resources));
    g_assert_cmpuint(resources.n_pages, ==, 2);
    g_assert_cmpint(nma_pages_bytes(&resources), ==, G_GINT64_CONSTANT(5) << 30);
    {
        g_autofree char *back = nma_pages_to_string(&resources);

        g_assert_cmpstr(back, ==, "-1:2097152:512,3:1073741824:4");
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad_pages); i++)
        g_assert_false(nma_pages_from_string(bad_pages[i], &resources));
    g_assert_cmpuint(resources.n_pages, ==, 2);
}

#define TEST(name) g_test_add_func("/asking/" #name, test_##name)

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    TEST(dry_run_promises_nothing);
    TEST(reserve_renew_release);
    TEST(no_byte_twice);
    TEST(growing);
    TEST(other_resources);
    TEST(unmeasured);
    TEST(size_asked_of_the_source);
    TEST(nothing_before_libvirt_was_read);
    TEST(bounded);
    TEST(asked_before_nova);
    TEST(asked_while_nova_checks);
    TEST(check_missed);
    TEST(restart_and_reboot);
    TEST(withdrawn);
    TEST(promises_lost);
    TEST(source_reserves_and_renews);
    TEST(source_says_a_refusal_once);
    TEST(learnt_of_the_guest);
    TEST(refusal_aborts_through_nova);
    TEST(refusal_that_nova_dropped);
    TEST(refusal_that_does_nothing);
    TEST(refusal_while_data_flows);
    TEST(source_releases);
    TEST(source_and_other_peers);
    TEST(source_restarted);
    TEST(texts);
    return g_test_run();
}
