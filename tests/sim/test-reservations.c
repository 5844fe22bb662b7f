/*
 * The ledger against a host that is small: questions, Nova's messages, arrivals, time, crashes
 * (with and without the last save), restarts, full disks, boots and jumps of the wall clock, in any
 * order. What is promised and what is taken never exceed the host; what was granted is there after
 * every crash for as long as it was granted; every question is answered once; everything ends.
 */
#include <string.h>

#include "tests/sim/campaign.h"
#include "tests/unit/story.h"
#include "tests/unit/tap.h"

#define INSTANCES 10
#define STEPS     160
#define MIB       G_GINT64_CONSTANT(1048576)
#define PAGE      (2 * MIB)

#define MEMORY      (4096 * MIB)
#define DISK        10000
#define PORTS       6
#define NODES       2
#define NODE_PAGES  40
#define SHARED_LOW  0xffff /* cores 0 to 15 may be pinned */
#define MAX_PROMISE (600 * NMA_US_PER_S)

typedef enum {
    AWAY,
    ARRIVING, /* QEMU runs here and takes its memory bit by bit */
    RUNNING,
} Place;

typedef struct {
    Place place;
    NmaResources takes;
    gint64 resident;
    gboolean checked;     /* Nova has a migration of it open here */
    gint64 granted_until; /* a promise to who asked, boot_us; 0: none */
} Guest;

typedef struct {
    GRand *rand;
    guint64 seed;
    NmaHost *host;
    NmaHost *disk; /* what was saved last */
    NmaNow now;
    gboolean disk_full;
    gboolean blind; /* started, and libvirt was not read yet */
    GPtrArray *effects;
    Guest guests[INSTANCES];
    guint64 cookie, answered;
    gint64 migration_id;
    guint granted, refused; /* so that a campaign in which nothing happens is seen */
} World;

/* NMA_SIM_TELL=1 with one seed: what happens */
#define tell(...)                                                                                  \
    do {                                                                                           \
        if (g_getenv("NMA_SIM_TELL") != NULL)                                                      \
            g_test_message(__VA_ARGS__);                                                           \
    } while (0)

static guint
any(World *world, guint below)
{
    return (guint)g_rand_int_range(world->rand, 0, (gint32)below);
}

static void
name(guint n, char *to)
{
    g_snprintf(to, NMA_UUID_LEN + 1, "44444444-0000-4000-8000-%012u", n);
}

static guint
number(const char *instance)
{
    return (guint)g_ascii_strtoull(instance + strlen(instance) - 12, NULL, 10);
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
                                   .max_open = INSTANCES,
                                   .new_attempt_id = attempt_id };

    return nma_host_new(&config);
}

/* ---- what must hold ---- */

typedef struct {
    gint64 amount[NMA_N_AMOUNTS];
    gint64 pages[NODES];
    NmaCores cores;
    guint64 seed;
} Sum;

static void
take(Sum *sum, const NmaResources *resources)
{
    for (guint i = 0; i < NMA_N_AMOUNTS; i++)
        sum->amount[i] += MAX(resources->amount[i], 0);
    for (guint i = 0; i < resources->n_pages; i++) {
        g_assert_cmpint(resources->pages[i].node, >=, 0);
        g_assert_cmpint(resources->pages[i].node, <, NODES);
        sum->pages[resources->pages[i].node] += resources->pages[i].count;
    }
    for (guint core = 0; core < 64; core++) {
        if (!nma_cores_has(&resources->cores, core))
            continue;
        if (nma_cores_has(&sum->cores, core))
            g_error("seed %" G_GUINT64_FORMAT ": core %u is promised twice", sum->seed, core);
        nma_cores_add(&sum->cores, core);
    }
}

static void
add_live(NmaReservation *reservation, gpointer user_data)
{
    if (nma_reservation_is_live(reservation))
        take(user_data, &reservation->resources);
}

static void
check(World *world)
{
    NmaLedger *ledger = nma_host_ledger_mutable(world->host);
    Sum sum = { .seed = world->seed };

    nma_ledger_foreach(ledger, add_live, &sum);
    for (guint i = 0; i < INSTANCES; i++) {
        const Guest *guest = &world->guests[i];
        const NmaReservation *entry;
        char instance[NMA_UUID_LEN + 1];

        name(i, instance);
        entry = nma_ledger_get(ledger, instance);
        if (entry != NULL && !nma_reservation_is_live(entry))
            entry = NULL;
        if (guest->place != AWAY && entry == NULL) {
            NmaResources has = guest->takes;

            /* its ports and mirrors are over with its migration */
            has.amount[NMA_AMOUNT_PORTS] = 0;
            take(&sum, &has);
        }
        if (guest->place == ARRIVING && !world->blind && entry == NULL)
            g_error("seed %" G_GUINT64_FORMAT ": %u arrives, and is not in the ledger", world->seed,
                    i);
        if (guest->granted_until > world->now.boot_us && entry == NULL)
            g_error("seed %" G_GUINT64_FORMAT ": a promise for %u is gone", world->seed, i);
    }
    if (sum.amount[NMA_AMOUNT_MEMORY] > MEMORY || sum.amount[NMA_AMOUNT_DISK] > DISK ||
        sum.amount[NMA_AMOUNT_PORTS] > PORTS || sum.pages[0] > NODE_PAGES ||
        sum.pages[1] > NODE_PAGES || (sum.cores.bits[0] & ~(guint64)SHARED_LOW) != 0)
        g_error("seed %" G_GUINT64_FORMAT ": more is promised than there is: %" G_GINT64_FORMAT
                " MiB, disk %" G_GINT64_FORMAT ", ports %" G_GINT64_FORMAT
                ", pages %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT,
                world->seed, sum.amount[NMA_AMOUNT_MEMORY] / MIB, sum.amount[NMA_AMOUNT_DISK],
                sum.amount[NMA_AMOUNT_PORTS], sum.pages[0], sum.pages[1]);
}

static const NmaReservation *
promise(World *world, guint n)
{
    char instance[NMA_UUID_LEN + 1];
    const NmaReservation *entry;

    name(n, instance);
    entry = nma_ledger_get(nma_host_ledger_mutable(world->host), instance);
    return entry != NULL && nma_reservation_is_live(entry) ? entry : NULL;
}

/* ---- steps ---- */

static void step(World *world, NmaEvent *event);

static void
save(World *world)
{
    if (world->disk_full)
        return;
    nma_host_free(world->disk);
    world->disk = new_host();
    story_carry_over(world->host, world->disk, world->now);
}

static void
learn_resident(NmaReservation *reservation, gpointer user_data)
{
    const World *world = user_data;

    if (reservation->state == NMA_RESERVATION_IN_USE)
        reservation->resident_bytes = world->guests[number(reservation->instance_uuid)].resident;
}

/* What the source's agent tells of it: of some that they are pinned, of some that a disk is copied.
 * Whoever asks in numbers, or Nova, says neither. */
static void
add_guest(NmaEvent *event, guint n)
{
    NmaFacts *facts = &event->facts.facts;
    NmaGuest *guest = nma_guest_new();

    facts->source = nma_source_facts_new();
    facts->source->guest = guest;
    guest->pinned_vcpus = n % 3 == 0 ? 4 : 0;
    facts->dedicated_cpus = 16;
    facts->storage.path = g_strdup("/i");
    facts->storage.free_bytes = event->facts.capacity.disk_bytes;
    if (n % 3 == 1) {
        nma_guest_add_disk(guest)->allocated_bytes = 3000;
        facts->storage.disks = g_new0(NmaDiskSight, 1);
    }
}

/* what can be seen of the host: guests that are here have taken what they have taken */
static void
answer_facts(World *world, const char *instance)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);
    NmaFacts *facts = &event->facts.facts;
    NmaCapacity *capacity = &event->facts.capacity;

    /* never comes; but Nova does not wait for it, and what it begins blindly is no promise */
    if (any(world, 20) == 0 && !world->guests[number(instance)].checked) {
        nma_event_free(event);
        return;
    }
    g_strlcpy(event->facts.instance_uuid, instance, sizeof event->facts.instance_uuid);
    facts->memory_available_bytes = MEMORY;
    facts->memory_reserved_host_bytes = 0;
    facts->huge_pools_known = TRUE;
    for (guint node = 0; node < NODES; node++)
        nma_facts_add_huge_pool(facts, node, PAGE, NODE_PAGES);
    capacity->disk_bytes = DISK;
    capacity->ports = PORTS;
    capacity->cores_known = TRUE;
    capacity->cores.bits[0] = SHARED_LOW;
    for (guint i = 0; i < INSTANCES; i++) {
        const Guest *guest = &world->guests[i];

        if (guest->place == AWAY)
            continue;
        facts->memory_available_bytes -= guest->resident;
        capacity->disk_bytes -= MAX(guest->takes.amount[NMA_AMOUNT_DISK], 0);
        for (guint p = 0; p < guest->takes.n_pages; p++)
            facts->huge_pools[guest->takes.pages[p].node].free_pages -= guest->takes.pages[p].count;
        capacity->cores.bits[0] &= ~guest->takes.cores.bits[0];
    }
    capacity->disk_bytes = MAX(capacity->disk_bytes, 0);
    if (any(world, 3) != 0)
        add_guest(event, number(instance));
    nma_ledger_foreach(nma_host_ledger_mutable(world->host), learn_resident, world);
    step(world, event);
}

static void
take_answer(World *world, NmaAnswer *answer)
{
    Guest *guest = &world->guests[number(answer->instance_uuid)];

    tell("answer %d for %u: %s", answer->kind, number(answer->instance_uuid),
         answer->granted ? "granted" : nma_reason_to_string(answer->reason));
    world->answered++;
    g_assert_false(world->blind && answer->fresh);
    g_assert_true(answer->reason != NMA_REASON_NOT_SAVED || answer->reservation == NULL);
    if (answer->granted && answer->kind == NMA_ASK_RELEASE)
        guest->granted_until = 0;
    if (!answer->granted) {
        world->refused++;
        return;
    }
    if ((answer->kind == NMA_ASK_RESERVE || answer->kind == NMA_ASK_RENEW) &&
        guest->place == AWAY) {
        world->granted++;
        g_assert_nonnull(answer->reservation);
        guest->granted_until = world->now.boot_us + MAX_PROMISE;
    }
}

static void
step(World *world, NmaEvent *event)
{
    g_autoptr(GPtrArray) effects = nma_effects_new();

    nma_host_step(world->host, event, world->now, effects);
    nma_event_free(event);
    save(world);
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = effects->pdata[i];

        if (effect->type == NMA_EFFECT_ANSWER) {
            if (world->disk_full && effect->answer->granted &&
                effect->answer->kind != NMA_ASK_CHECK && effect->answer->kind != NMA_ASK_RELEASE) {
                if (effect->answer->fresh)
                    nma_host_withdraw(world->host, effect->instance_uuid);
                /* one that is not fresh may rest on one of the same batch, which is gone now */
                g_assert_true(!effect->answer->fresh ||
                              promise(world, number(effect->instance_uuid)) == NULL);
                nma_answer_refuse(effect->answer, NMA_REASON_NOT_SAVED, "full");
            }
            take_answer(world, effect->answer);
        }
    }
    check(world);
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = effects->pdata[i];

        if (effect->type == NMA_EFFECT_GATHER_FACTS)
            answer_facts(world, effect->instance_uuid);
    }
}

static void
pass(World *world, gint64 us)
{
    gint64 until = world->now.boot_us + us;
    gint64 next;

    while ((next = nma_host_next_deadline(world->host)) <= until) {
        gint64 jump = MAX(next - world->now.boot_us, 0);

        world->now.boot_us += jump;
        world->now.wall_us += jump;
        step(world, nma_event_new(NMA_EVENT_TICK));
    }
    world->now.wall_us += until - world->now.boot_us;
    world->now.boot_us = until;
}

/* ---- what happens ---- */

static void
ask(World *world, guint n)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_ASKED);
    char instance[NMA_UUID_LEN + 1];
    NmaAsk *made;

    name(n, instance);
    made = nma_ask_new((NmaAskKind)any(world, NMA_N_ASKS), instance);
    made->cookie = ++world->cookie;
    made->sized = any(world, 10) != 0;
    if (made->sized) {
        NmaResources *resources = &made->resources;

        resources->amount[NMA_AMOUNT_MEMORY] = (1 + any(world, 1500)) * MIB;
        if (any(world, 2) == 0)
            resources->amount[NMA_AMOUNT_DISK] = any(world, 4000);
        resources->amount[NMA_AMOUNT_PORTS] = any(world, 3);
        if (any(world, 3) == 0) {
            resources->pages_known = TRUE;
            resources->n_pages = 1 + any(world, 2);
            for (guint i = 0; i < resources->n_pages; i++)
                resources->pages[i] =
                    (NmaPages){ (gint64)any(world, NODES + 1) - 1, PAGE, 1 + any(world, 20) };
        }
        if (any(world, 3) == 0)
            resources->cores.bits[0] = (guint64)0xf << any(world, 14);
    }
    event->asked = made;
    tell("ask %d for %u: %" G_GINT64_FORMAT " MiB", made->kind, n,
         made->resources.amount[NMA_AMOUNT_MEMORY] / MIB);
    step(world, event);
}

static void
nova(World *world, guint n, NmaNovaMethod method, gboolean anew)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);

    event->nova_call.method = method;
    name(n, event->nova_call.identity.instance_uuid);
    event->nova_call.identity.migration_id = anew ? ++world->migration_id : NMA_UNKNOWN;
    event->nova_call.identity.memory_mib = 1 + any(world, 1500);
    tell("nova %s for %u: %" G_GINT64_FORMAT " MiB", nma_nova_method_name(method), n,
         event->nova_call.identity.memory_mib);
    step(world, event);
}

static void
lifecycle(World *world, guint n, NmaLifecycle what)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_LIFECYCLE);

    name(n, event->lifecycle.instance_uuid);
    event->lifecycle.what = what;
    tell("lifecycle %d of %u", what, n);
    step(world, event);
}

/* Nova goes on where this side has a reservation, and has saved it: what Nova forces upon a host is
 * no promise. */
static void
go_on(World *world, guint n)
{
    Guest *guest = &world->guests[n];
    const NmaReservation *entry = promise(world, n);

    if (world->disk_full)
        return;
    switch (guest->place) {
    case AWAY:
        if (!guest->checked) {
            guest->checked = TRUE;
            nova(world, n, NMA_NOVA_CHECK_DESTINATION, TRUE);
        } else if (entry == NULL) {
            guest->checked = FALSE;
        } else if (entry->state == NMA_RESERVATION_SOFT && any(world, 3) != 0) {
            guest->granted_until = 0; /* Nova's from now on */
            nova(world, n, NMA_NOVA_PRE_LIVE_MIGRATION, FALSE);
        } else {
            guest->granted_until = 0;
            guest->takes = entry->resources;
            guest->place = ARRIVING;
            guest->resident = 0;
            lifecycle(world, n, NMA_LIFECYCLE_STARTED_MIGRATED);
        }
        break;
    case ARRIVING:
        guest->resident += (guest->takes.amount[NMA_AMOUNT_MEMORY] - guest->resident) / 2;
        if (any(world, 3) == 0) {
            guest->place = RUNNING;
            guest->resident = guest->takes.amount[NMA_AMOUNT_MEMORY];
            guest->checked = FALSE;
            lifecycle(world, n, NMA_LIFECYCLE_RESUMED_MIGRATED);
        } else if (any(world, 4) == 0) {
            guest->place = AWAY;
            guest->checked = FALSE;
            lifecycle(world, n, NMA_LIFECYCLE_STOPPED_FAILED);
        }
        break;
    case RUNNING:
        guest->place = AWAY; /* it leaves */
        break;
    }
}

static void
roll_back(World *world, guint n)
{
    if (world->guests[n].place != AWAY)
        return;
    world->guests[n].checked = FALSE;
    world->guests[n].granted_until = 0;
    nova(world, n, NMA_NOVA_ROLLBACK_AT_DESTINATION, FALSE);
}

static void
resync(World *world)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_RESYNC);

    event->readings = g_ptr_array_new_with_free_func((GDestroyNotify)nma_domain_reading_free);
    for (guint i = 0; i < INSTANCES; i++) {
        char instance[NMA_UUID_LEN + 1];
        NmaDomainReading *reading;

        if (world->guests[i].place == AWAY)
            continue;
        name(i, instance);
        reading = nma_domain_reading_new(instance);
        reading->state =
            world->guests[i].place == ARRIVING ? NMA_DOMAIN_PAUSED_MIGRATION : NMA_DOMAIN_RUNNING;
        g_ptr_array_add(event->readings, reading);
    }
    world->blind = FALSE;
    step(world, event);
}

/* kill -9: what was not saved is gone, and with it the questions that waited */
static void
crash(World *world)
{
    tell("crash");
    nma_host_free(world->host);
    world->host = new_host();
    story_carry_over(world->disk, world->host, world->now);
    world->answered = world->cookie;
    world->blind = TRUE;
    check(world);
    if (any(world, 2) == 0)
        ask(world, any(world, INSTANCES)); /* before libvirt was read */
    resync(world);
}

static void
boot(World *world)
{
    g_autoptr(GPtrArray) effects = nma_effects_new();

    tell("boot");
    nma_host_free(world->host);
    world->host = new_host();
    story_carry_over(world->disk, world->host, world->now);
    world->now.boot_us = any(world, 100) * NMA_US_PER_S;
    nma_host_rebooted(world->host, world->now, effects);
    memset(world->guests, 0, sizeof world->guests);
    world->answered = world->cookie;
    g_assert_cmpuint(nma_ledger_live_count(nma_host_ledger(world->host)), ==, 0);
    save(world);
    resync(world);
}

static void
happen(World *world)
{
    guint n = any(world, INSTANCES);

    switch (any(world, 20)) {
    case 0:
        crash(world);
        break;
    case 1:
        if (any(world, 4) == 0) {
            world->disk_full = FALSE;
            save(world);
            boot(world);
        }
        break;
    case 2:
        world->disk_full = !world->disk_full && any(world, 2) == 0;
        save(world);
        break;
    case 3: /* somebody sets the clock */
        world->now.wall_us += ((gint64)any(world, 200000) - 100000) * NMA_US_PER_S;
        break;
    case 4:
        pass(world, any(world, 400) * NMA_US_PER_S);
        break;
    case 5:
        roll_back(world, n);
        break;
    case 6:
        resync(world);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
        go_on(world, n);
        break;
    default:
        ask(world, n);
        break;
    }
}

/* The noise is over: nobody asks any more, and libvirt has no such guests. */
static void
must_end(World *world)
{
    memset(world->guests, 0, sizeof world->guests);
    world->disk_full = FALSE;
    resync(world);
    for (guint hours = 0; hours < 30; hours++)
        pass(world, 3600 * NMA_US_PER_S);
    g_assert_cmpuint(nma_ledger_live_count(nma_host_ledger(world->host)), ==, 0);
    g_assert_cmpuint(nma_host_open_count(world->host, NMA_ROLE_DESTINATION), ==, 0);
    g_assert_cmpint(nma_host_next_deadline(world->host), ==, NMA_NEVER);
    g_assert_cmpuint(world->answered, ==, world->cookie);
}

static void
run_once(guint64 seed, guint *granted, guint *refused)
{
    World world = {
        .rand = g_rand_new_with_seed((guint32)seed),
        .seed = seed,
        .host = new_host(),
        .disk = new_host(),
        .now = { .boot_us = 5000 * NMA_US_PER_S, .wall_us = 1795000000 * NMA_US_PER_S },
    };

    resync(&world);
    for (guint i = 0; i < STEPS; i++) {
        happen(&world);
        pass(&world, any(&world, 5000) * NMA_US_PER_MS);
    }
    must_end(&world);
    *granted += world.granted;
    *refused += world.refused;
    nma_host_free(world.host);
    nma_host_free(world.disk);
    g_rand_free(world.rand);
}

static void
test_reservations(void)
{
    Campaign campaign = campaign_of(400, 10000);
    guint granted = 0, refused = 0;

    for (guint64 i = 0; i < campaign.runs; i++)
        run_once(campaign.first + i, &granted, &refused);
    g_test_message("%u reservations granted or renewed, %u questions refused", granted, refused);
    g_assert_cmpuint(granted, >, campaign.runs * 5);
    g_assert_cmpuint(refused, >, campaign.runs * 5);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/sim/reservations", test_reservations);
    return g_test_run();
}
