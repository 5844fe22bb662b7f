/* The store: what goes in comes out. */
#include <string.h>

#include "agent/store/outbox.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/tap.h"

#define INSTANCE "11111111-2222-4333-8444-555555555555"
#define ATTEMPT  "aaaaaaaa-2222-4333-8444-555555555555"

/* ---- migrations and reservations ---- */

/* every figure another one, so that two that are swapped are seen */
static void
fill_numbers(gint64 *first, gsize bytes, gint64 from)
{
    for (gsize i = 0; i < bytes / sizeof *first; i++) {
        first[i] = from + (gint64)i;
    }
}

static void
fill_migration(NmaMigration *migration)
{
    NmaJobStats *stats = &migration->stats;

    g_strlcpy(migration->identity.migration_uuid, "99999999-8888-4777-8666-555555555555",
              sizeof migration->identity.migration_uuid);
    migration->identity.migration_id = 314;
    migration->identity.source = g_strdup("host-a");
    migration->identity.destination = NULL;
    migration->identity.instance_name = g_strdup("it's \"web\" \xe2\x98\x83");
    migration->identity.flavor = g_strdup("m1");
    migration->identity.request_id = g_strdup("req-1");
    migration->identity.memory_mib = 2048;
    migration->identity.vcpus = 2;
    migration->phase_open = TRUE;
    migration->phase = NMA_PHASE_PRE_COPY;
    migration->step = NMA_STEP_MEMORY;
    migration->phase_started_boot_us = 71;
    migration->phase_start_inferred = TRUE;
    migration->sequence = 5;
    migration->progress_count = 17;
    migration->has_stats = TRUE;
    fill_numbers(&stats->elapsed_ms, sizeof *stats - G_STRUCT_OFFSET(NmaJobStats, elapsed_ms),
                 1000);
    stats->kind = NMA_JOB_MIGRATION_OUT;
    migration->guest_place = NMA_GUEST_ON_SOURCE;
    migration->guest_state = NMA_GUEST_PAUSED;
    migration->cause = NMA_CAUSE_FORCED;
    migration->abort_seen = FALSE;
    migration->force_seen = TRUE;
    g_free(migration->nova_status);
    migration->nova_status = g_strdup("running");
    migration->opened_wall_us = 81;
    migration->last_progress_boot_us = 82;
    migration->last_seen_wall_us = 83;
    migration->blind = TRUE;
}

static NmaSource *
sample_source(void)
{
    NmaIdentity identity;
    NmaSource *source;

    nma_identity_init(&identity);
    g_strlcpy(identity.instance_uuid, INSTANCE, sizeof identity.instance_uuid);
    source = nma_source_new(&identity, ATTEMPT, (NmaNow){ 1, 2 });
    fill_migration(&source->base);
    source->domain_seen = TRUE;
    source->iteration = 14;
    source->gone_reads = 1;
    source->stopped_boot_us = NMA_NEVER;
    source->read_due_boot_us = 91;
    source->ask_due_boot_us = 92;
    source->give_up_boot_us = 93;
    source->peer_asked = TRUE;
    source->peer = g_strdup("absent");
    source->clock_offset_ms = NMA_OFFSET_UNKNOWN;
    source->clock_offset_error_ms = 3;
    source->policy_known = TRUE;
    source->base.identity.policy = g_strdup("must-finish");
    source->steering.limit_ms = 1500;
    source->steering.speed_bytes_s = 400 << 20;
    source->steering.paused_boot_us = 94;
    return source;
}

static void
assert_same_migration(const NmaMigration *a, const NmaMigration *b)
{
    g_assert_cmpstr(a->identity.instance_uuid, ==, b->identity.instance_uuid);
    g_assert_cmpstr(a->identity.migration_uuid, ==, b->identity.migration_uuid);
    g_assert_cmpint(a->identity.migration_id, ==, b->identity.migration_id);
    g_assert_cmpstr(a->identity.source, ==, b->identity.source);
    g_assert_cmpstr(a->identity.destination, ==, b->identity.destination);
    g_assert_cmpstr(a->identity.instance_name, ==, b->identity.instance_name);
    g_assert_cmpstr(a->identity.flavor, ==, b->identity.flavor);
    g_assert_cmpstr(a->identity.request_id, ==, b->identity.request_id);
    g_assert_cmpint(a->identity.memory_mib, ==, b->identity.memory_mib);
    g_assert_cmpint(a->identity.vcpus, ==, b->identity.vcpus);
    g_assert_cmpstr(a->attempt_id, ==, b->attempt_id);
    g_assert_cmpint(a->role, ==, b->role);
    g_assert_cmpint(a->phase_open, ==, b->phase_open);
    g_assert_cmpint(a->phase, ==, b->phase);
    g_assert_cmpint(a->step, ==, b->step);
    g_assert_cmpint(a->phase_started_boot_us, ==, b->phase_started_boot_us);
    g_assert_cmpint(a->phase_start_inferred, ==, b->phase_start_inferred);
    g_assert_cmpuint(a->sequence, ==, b->sequence);
    g_assert_cmpuint(a->progress_count, ==, b->progress_count);
    g_assert_cmpmem(&a->stats, sizeof a->stats, &b->stats, sizeof b->stats);
    g_assert_cmpint(a->has_stats, ==, b->has_stats);
    g_assert_cmpint(a->guest_place, ==, b->guest_place);
    g_assert_cmpint(a->guest_state, ==, b->guest_state);
    g_assert_cmpint(a->cause, ==, b->cause);
    g_assert_cmpint(a->abort_seen, ==, b->abort_seen);
    g_assert_cmpint(a->force_seen, ==, b->force_seen);
    g_assert_cmpstr(a->nova_status, ==, b->nova_status);
    g_assert_cmpint(a->opened_wall_us, ==, b->opened_wall_us);
    g_assert_cmpint(a->last_progress_boot_us, ==, b->last_progress_boot_us);
    g_assert_cmpint(a->last_seen_wall_us, ==, b->last_seen_wall_us);
    g_assert_cmpint(a->blind, ==, b->blind);
    g_assert_cmpint(a->ended, ==, b->ended);
}

typedef struct {
    GPtrArray *sources, *destinations, *reservations;
    guint skipped;
} Loaded;

static Loaded
load(NmaStore *store)
{
    g_autoptr(GError) error = NULL;
    Loaded loaded = { 0 };

    nma_store_load(store, &loaded.sources, &loaded.destinations, &loaded.reservations,
                   &loaded.skipped, &error);
    g_assert_no_error(error);
    return loaded;
}

static void
loaded_clear(Loaded *loaded)
{
    g_ptr_array_unref(loaded->sources);
    g_ptr_array_unref(loaded->destinations);
    g_ptr_array_unref(loaded->reservations);
}

static void
test_source(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaSource *source = sample_source();
    NmaStore *store = open_store(dir, NULL);
    Loaded loaded;
    const NmaSource *back;

    g_assert_true(nma_store_put_source(store, source, NULL));
    g_assert_true(nma_store_put_source(store, source, NULL)); /* the same one again */
    nma_store_close(store);

    store = open_store(dir, NULL);
    loaded = load(store);
    g_assert_cmpuint(loaded.sources->len, ==, 1);
    g_assert_cmpuint(loaded.destinations->len, ==, 0);
    g_assert_cmpuint(loaded.skipped, ==, 0);
    back = loaded.sources->pdata[0];
    assert_same_migration(&back->base, &source->base);
    g_assert_cmpint(back->domain_seen, ==, source->domain_seen);
    g_assert_cmpint(back->iteration, ==, source->iteration);
    g_assert_cmpuint(back->gone_reads, ==, source->gone_reads);
    g_assert_cmpint(back->stopped_boot_us, ==, source->stopped_boot_us);
    g_assert_cmpint(back->domain_gone, ==, source->domain_gone);
    g_assert_cmpint(back->read_due_boot_us, ==, source->read_due_boot_us);
    g_assert_cmpint(back->read_pending, ==, source->read_pending);
    g_assert_cmpint(back->ask_due_boot_us, ==, source->ask_due_boot_us);
    g_assert_cmpint(back->give_up_boot_us, ==, source->give_up_boot_us);
    g_assert_cmpint(back->peer_asked, ==, source->peer_asked);
    g_assert_cmpstr(back->peer, ==, source->peer);
    g_assert_cmpint(back->clock_offset_ms, ==, source->clock_offset_ms);
    g_assert_cmpint(back->clock_offset_error_ms, ==, source->clock_offset_error_ms);
    g_assert_cmpint(back->policy_known, ==, source->policy_known);
    g_assert_cmpstr(back->base.identity.policy, ==, source->base.identity.policy);
    g_assert_cmpint(back->steering.limit_ms, ==, source->steering.limit_ms);
    g_assert_cmpint(back->steering.speed_bytes_s, ==, source->steering.speed_bytes_s);
    g_assert_cmpint(back->steering.paused_boot_us, ==, source->steering.paused_boot_us);
    loaded_clear(&loaded);

    g_assert_true(nma_store_delete_migration(store, ATTEMPT, NULL));
    loaded = load(store);
    g_assert_cmpuint(loaded.sources->len, ==, 0);
    loaded_clear(&loaded);
    nma_store_close(store);
    nma_source_free(source);
}

static void
test_destination_and_reservation(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    NmaReservation reservation = {
        .instance_uuid = INSTANCE,
        .resources = { .amount = { G_GINT64_CONSTANT(5) << 30, 4, G_GINT64_CONSTANT(9) << 30, 1 },
                       .pages = { { 0, 2097152, 512 }, { NMA_ANY_NODE, 1073741824, 4 } },
                       .n_pages = 2,
                       .cores = { { 0x8000000000000001, 1 } } },
        .resident_bytes = 7,
        .state = NMA_RESERVATION_IN_USE,
        .created_wall_us = G_GINT64_CONSTANT(1795296164000007),
        .expires_boot_us = NMA_NEVER,
    };
    NmaDestination *destination;
    const NmaDestination *back;
    const NmaReservation *kept;
    NmaIdentity identity;
    Loaded loaded;

    nma_identity_init(&identity);
    g_strlcpy(identity.instance_uuid, INSTANCE, sizeof identity.instance_uuid);
    destination = nma_destination_new(&identity, ATTEMPT, (NmaNow){ 1, 2 });
    fill_migration(&destination->base);
    destination->reserved = TRUE;
    destination->post_seen = TRUE;
    destination->ask_due_boot_us = 5;
    destination->give_up_boot_us = 6;
    g_assert_true(nma_store_put_destination(store, destination, NULL));
    g_assert_true(nma_store_put_reservation(store, &reservation, NULL));

    loaded = load(store);
    back = loaded.destinations->pdata[0];
    assert_same_migration(&back->base, &destination->base);
    g_assert_cmpint(back->facts_pending, ==, destination->facts_pending);
    g_assert_cmpint(back->reserved, ==, destination->reserved);
    g_assert_cmpint(back->arrived, ==, destination->arrived);
    g_assert_cmpint(back->runs, ==, destination->runs);
    g_assert_cmpint(back->post_seen, ==, destination->post_seen);
    g_assert_cmpint(back->ask_due_boot_us, ==, destination->ask_due_boot_us);
    g_assert_cmpint(back->give_up_boot_us, ==, destination->give_up_boot_us);
    kept = loaded.reservations->pdata[0];
    g_assert_cmpstr(kept->instance_uuid, ==, INSTANCE);
    g_assert_cmpstr(kept->migration_uuid, ==, "");
    g_assert_null(kept->source);
    g_assert_true(nma_resources_equal(&kept->resources, &reservation.resources));
    g_assert_cmpint(kept->resident_bytes, ==, 7);
    g_assert_cmpint(kept->state, ==, NMA_RESERVATION_IN_USE);
    g_assert_cmpint(kept->created_wall_us, ==, reservation.created_wall_us);
    g_assert_cmpint(kept->expires_boot_us, ==, NMA_NEVER);
    loaded_clear(&loaded);

    g_assert_true(nma_store_delete_reservation(store, INSTANCE, NULL));
    g_assert_true(nma_store_delete_migration(store, ATTEMPT, NULL));
    loaded = load(store);
    g_assert_cmpuint(loaded.destinations->len + loaded.reservations->len, ==, 0);
    loaded_clear(&loaded);
    nma_destination_free(destination);
    nma_store_close(store);
}

static void
test_rollback(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    guint64 count, dropped = 0;
    gint64 oldest;

    g_assert_true(nma_store_begin(store, NULL));
    g_assert_true(nma_store_set_boot_id(store, "boot-1", NULL));
    g_assert_true(nma_outbox_append(store, "e", "{}", 1, &dropped, NULL));
    nma_store_rollback(store);
    nma_store_rollback(store); /* none open: nothing happens */
    g_assert_true(nma_outbox_stat(store, &count, &oldest, NULL));
    g_assert_cmpuint(count, ==, 0);
    g_assert_null(nma_store_get_boot_id(store));
    nma_store_close(store);
}

static void
test_boot_id(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    g_autofree char *boot_id = NULL;

    g_assert_null(nma_store_get_boot_id(store));
    {
        g_autofree char *path = g_build_filename(dir, "agent.db", NULL);
        GStatBuf file;

        g_assert_cmpint(g_stat(path, &file), ==, 0);
        g_assert_cmpint(file.st_mode & 0777, ==, 0600);
    }
    g_assert_true(nma_store_set_boot_id(store, "first", NULL));
    g_assert_true(nma_store_set_boot_id(store, "second", NULL));
    nma_store_close(store);
    store = open_store(dir, NULL);
    boot_id = nma_store_get_boot_id(store);
    g_assert_cmpstr(boot_id, ==, "second");
    nma_store_close(store);
}

/* A row that no longer can be read costs only itself. */
static void
test_bad_row(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    NmaSource *source = sample_source();
    Loaded loaded;

    g_assert_true(nma_store_put_source(store, source, NULL));
    g_strlcpy(source->base.attempt_id, "bbbbbbbb-2222-4333-8444-555555555555",
              sizeof source->base.attempt_id);
    g_assert_true(nma_store_put_source(store, source, NULL));
    nma_store_close(store);
    sql_in(dir, "UPDATE source SET phase = 'lunch' WHERE attempt_id LIKE 'bbb%'");
    store = open_store(dir, NULL);
    loaded = load(store);
    g_assert_cmpuint(loaded.sources->len, ==, 1);
    g_assert_cmpuint(loaded.skipped, ==, 1);
    loaded_clear(&loaded);
    nma_store_close(store);
    nma_source_free(source);
}

static void
test_audit_digest(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    g_autofree char *digest = NULL;
    NmaStore *store = open_store(dir, NULL);

    g_assert_null(nma_store_get_audit_digest(store));
    /* one that was rolled back was never reported */
    g_assert_true(nma_store_begin(store, NULL));
    g_assert_true(nma_store_set_audit_digest(store, "lost", NULL));
    nma_store_rollback(store);
    g_assert_null(nma_store_get_audit_digest(store));
    g_assert_true(nma_store_set_audit_digest(store, "first", NULL));
    g_assert_true(nma_store_set_audit_digest(store, "second", NULL));
    nma_store_close(store);
    store = open_store(dir, NULL);
    digest = nma_store_get_audit_digest(store);
    g_assert_cmpstr(digest, ==, "second");
    nma_store_close(store);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/store/source", test_source);
    g_test_add_func("/store/destination-and-reservation", test_destination_and_reservation);
    g_test_add_func("/store/rollback", test_rollback);
    g_test_add_func("/store/boot-id", test_boot_id);
    g_test_add_func("/store/audit-digest", test_audit_digest);
    g_test_add_func("/store/bad-row", test_bad_row);
    return g_test_run();
}
