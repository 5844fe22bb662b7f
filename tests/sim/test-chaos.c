/*
 * Events that make no sense: any event, of any instance, in any order, with any content. Nothing
 * may abort, every report must be legal, and when the noise ends everything ends.
 */
#include "tests/sim/campaign.h"
#include "tests/sim/watchdog.h"
#include "tests/unit/story.h"
#include "tests/unit/tap.h"

#define INSTANCES 4
#define STEPS     400

typedef struct {
    GRand *rand;
    guint64 seed;
    NmaHost *host;
    NmaNow now;
    Watchdog *watchdog;
    GPtrArray *effects;
} Chaos;

static guint
any(Chaos *chaos, guint below)
{
    return (guint)g_rand_int_range(chaos->rand, 0, (gint32)below);
}

static gint64
any_number(Chaos *chaos)
{
    static const gint64 numbers[] = { -1, 0, 1, 2, 3, 1000000, G_MAXINT64, G_MININT64, -5 };

    return numbers[any(chaos, G_N_ELEMENTS(numbers))];
}

static void
any_instance(Chaos *chaos, char *to)
{
    g_snprintf(to, NMA_UUID_LEN + 1, "44444444-0000-4000-8000-%012u", any(chaos, INSTANCES));
}

static char *
any_host(Chaos *chaos)
{
    static const char *const hosts[] = { STORY_HOST, STORY_PEER, "third", NULL };

    return g_strdup(hosts[any(chaos, G_N_ELEMENTS(hosts))]);
}

static void
any_identity(Chaos *chaos, NmaIdentity *identity)
{
    any_instance(chaos, identity->instance_uuid);
    if (any(chaos, 2) == 0)
        g_snprintf(identity->migration_uuid, sizeof identity->migration_uuid,
                   "aaaaaaaa-0000-4000-8000-%012u", any(chaos, 4));
    if (any(chaos, 2) == 0)
        identity->migration_id = any(chaos, 4);
    identity->memory_mib = any(chaos, 10) == 0 ? any_number(chaos) : 512;
    identity->source = any_host(chaos);
    identity->destination = any_host(chaos);
}

static NmaJobStats
any_stats(Chaos *chaos)
{
    NmaJobStats stats = story_job((NmaJobKind)any(chaos, NMA_JOB_OTHER + 1), 10);

    if (any(chaos, 3) == 0) {
        stats.data_total_bytes = any_number(chaos);
        stats.elapsed_ms = any_number(chaos);
        stats.disk_total_bytes = any_number(chaos);
        stats.memory_iteration = any_number(chaos);
    }
    return stats;
}

static void
any_reading(Chaos *chaos, NmaDomainReading *reading)
{
    any_instance(chaos, reading->instance_uuid);
    reading->state = (NmaDomainState)any(chaos, NMA_DOMAIN_UNKNOWN + 1);
    reading->stats = any_stats(chaos);
    reading->stats_known = any(chaos, 4) != 0;
    reading->resident_bytes = any_number(chaos);
}

static NmaNovaMigration *
any_record(Chaos *chaos)
{
    static const char *const statuses[] = { "accepted",  "queued",    "preparing",
                                            "running",   "completed", "failed",
                                            "cancelled", "error",     "running (post-copy)",
                                            "nonsense",  "",          NULL };
    NmaNovaMigration *record = nma_nova_migration_new();

    any_identity(chaos, &record->identity);
    record->status = g_strdup(statuses[any(chaos, G_N_ELEMENTS(statuses))]);
    return record;
}

static NmaAsk *
any_ask(Chaos *chaos)
{
    NmaAsk *ask = nma_ask_new((NmaAskKind)any(chaos, NMA_N_ASKS), "");

    any_instance(chaos, ask->instance_uuid);
    ask->source = any_host(chaos);
    ask->sized = any(chaos, 2) == 0;
    for (guint i = 0; ask->sized && i < NMA_N_AMOUNTS; i++)
        ask->resources.amount[i] = any_number(chaos);
    if (any(chaos, 3) == 0)
        nma_cores_add(&ask->resources.cores, any(chaos, NMA_MAX_CORES));
    return ask;
}

static NmaEvent *
any_event(Chaos *chaos)
{
    NmaEvent *event = nma_event_new((NmaEventType)any(chaos, NMA_N_EVENTS));

    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        event->nova_call.method = (NmaNovaMethod)any(chaos, NMA_N_NOVA_METHODS);
        any_identity(chaos, &event->nova_call.identity);
        break;
    case NMA_EVENT_LIFECYCLE:
        any_instance(chaos, event->lifecycle.instance_uuid);
        event->lifecycle.what = (NmaLifecycle)any(chaos, NMA_N_LIFECYCLES);
        break;
    case NMA_EVENT_ITERATION:
        any_instance(chaos, event->iteration.instance_uuid);
        event->iteration.iteration = any_number(chaos);
        break;
    case NMA_EVENT_JOB_COMPLETED:
        any_instance(chaos, event->job_completed.instance_uuid);
        event->job_completed.stats = any_stats(chaos);
        break;
    case NMA_EVENT_DOMAIN_READING:
        any_reading(chaos, &event->reading);
        break;
    case NMA_EVENT_RESYNC:
        event->readings = g_ptr_array_new_with_free_func((GDestroyNotify)nma_domain_reading_free);
        for (guint n = any(chaos, 5); n > 0; n--) {
            NmaDomainReading *reading = nma_domain_reading_new("");

            any_reading(chaos, reading);
            g_ptr_array_add(event->readings, reading);
        }
        break;
    case NMA_EVENT_FACTS:
        any_instance(chaos, event->facts.instance_uuid);
        event->facts.facts.memory_available_bytes = any_number(chaos);
        event->facts.facts.memory_reserved_host_bytes = any_number(chaos);
        break;
    case NMA_EVENT_CONDUCTOR:
        event->conductor.answered = any(chaos, 5) != 0;
        event->conductor.migrations =
            g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
        for (guint n = any(chaos, 5); n > 0; n--)
            g_ptr_array_add(event->conductor.migrations, any_record(chaos));
        break;
    case NMA_EVENT_ASKED:
        event->asked = any_ask(chaos);
        break;
    case NMA_EVENT_RESERVED:
        any_instance(chaos, event->reserved.instance_uuid);
        event->reserved.state = (NmaReservedState)any(chaos, NMA_RESERVED_UNANSWERED + 1);
        event->reserved.reason = (NmaReason)any(chaos, NMA_N_REASONS);
        break;
    case NMA_EVENT_PEER:
        any_instance(chaos, event->peer.instance_uuid);
        event->peer.state = (NmaPeerState)any(chaos, NMA_PEER_VERSION + 1);
        break;
    default:
        break;
    }
    if (any(chaos, 10) == 0) {
        event->seen_boot_us = any_number(chaos);
        event->seen_wall_us = any_number(chaos);
    } else {
        event->seen_boot_us = chaos->now.boot_us - any(chaos, 3000000);
        event->seen_wall_us = chaos->now.wall_us - any(chaos, 3000000);
    }
    return event;
}

static char *
attempt_id(void)
{
    static guint n;

    return g_strdup_printf("00000000-0000-4000-8000-%012u", ++n);
}

static NmaHost *
new_host(void)
{
    const NmaHostConfig config = { .host = STORY_HOST,
                                   .progress_interval_us = NMA_US_PER_S,
                                   .conductor_interval_us = 30 * NMA_US_PER_S,
                                   .max_open = INSTANCES - 1,
                                   .new_attempt_id = attempt_id };

    return nma_host_new(&config);
}

static void
step(Chaos *chaos, const NmaEvent *event)
{
    guint first = chaos->effects->len;

    nma_host_step(chaos->host, event, chaos->now, chaos->effects);
    for (guint i = first; i < chaos->effects->len; i++) {
        const NmaEffect *effect = chaos->effects->pdata[i];

        if (effect->type == NMA_EFFECT_REPORT)
            watchdog_see(chaos->watchdog, effect->report, chaos->seed);
    }
    g_assert_cmpint(nma_host_next_deadline(chaos->host), >, chaos->now.boot_us);
}

/* time passes, tick by tick */
static void
pass(Chaos *chaos, gint64 us)
{
    const NmaEvent tick = { .type = NMA_EVENT_TICK };
    gint64 until = chaos->now.boot_us + us;
    gint64 next;

    while ((next = nma_host_next_deadline(chaos->host)) <= until) {
        gint64 jump = MAX(next - chaos->now.boot_us, 0);

        chaos->now.boot_us += jump;
        chaos->now.wall_us += jump;
        step(chaos, &tick);
    }
    chaos->now.wall_us += until - chaos->now.boot_us;
    chaos->now.boot_us = until;
}

static void
count(const NmaMigration *migration, gpointer user_data)
{
    ++*(guint *)user_data;
}

/* The noise is over: nobody answers any more, but libvirt, which has no such guests. */
static void
must_end(Chaos *chaos)
{
    for (guint hours = 0; hours < 60; hours++) {
        guint open = 0;
        NmaEvent *resync;

        nma_host_foreach_migration(chaos->host, count, &open);
        if (open == 0)
            break;
        g_assert_cmpuint(hours, <, 59);
        if (hours == 30) {
            resync = nma_event_new(NMA_EVENT_RESYNC);
            resync->readings =
                g_ptr_array_new_with_free_func((GDestroyNotify)nma_domain_reading_free);
            step(chaos, resync);
            nma_event_free(resync);
        }
        pass(chaos, 3600 * NMA_US_PER_S);
    }
    g_assert_cmpuint(nma_ledger_live_count(nma_host_ledger(chaos->host)), ==, 0);
    for (guint i = 0; i < watchdog_attempts(chaos->watchdog)->len; i++) {
        const Attempt *attempt = watchdog_attempts(chaos->watchdog)->pdata[i];

        if (attempt->open)
            g_error("seed %" G_GUINT64_FORMAT ": left open:\n%s", chaos->seed,
                    attempt->transcript->str);
    }
}

static void
restart(Chaos *chaos)
{
    NmaHost *fresh = new_host();

    story_carry_over(chaos->host, fresh, chaos->now);
    nma_host_free(chaos->host);
    chaos->host = fresh;
    pass(chaos, 1);
}

static void
run_once(guint64 seed)
{
    Chaos chaos = {
        .rand = g_rand_new_with_seed((guint32)seed),
        .seed = seed,
        .host = new_host(),
        .now = { .boot_us = 5000 * NMA_US_PER_S, .wall_us = 1795000000 * NMA_US_PER_S },
        .watchdog = watchdog_new(),
        .effects = nma_effects_new(),
    };

    for (guint i = 0; i < STEPS; i++) {
        NmaEvent *event = any_event(&chaos);

        step(&chaos, event);
        nma_event_free(event);
        pass(&chaos, any(&chaos, 20) == 0 ? any(&chaos, 1000) * NMA_US_PER_S
                                          : any(&chaos, 400) * NMA_US_PER_MS);
        if (any(&chaos, 100) == 0)
            restart(&chaos);
        g_ptr_array_set_size(chaos.effects, 0);
    }
    if (any(&chaos, 10) == 0)
        nma_host_rebooted(chaos.host, chaos.now, chaos.effects);
    else
        must_end(&chaos);
    nma_host_free(chaos.host);
    watchdog_free(chaos.watchdog);
    g_ptr_array_unref(chaos.effects);
    g_rand_free(chaos.rand);
}

static void
test_chaos(void)
{
    Campaign campaign = campaign_of(300, 50000);

    for (guint64 i = 0; i < campaign.runs; i++)
        run_once(campaign.first + i);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/sim/chaos", test_chaos);
    return g_test_run();
}
