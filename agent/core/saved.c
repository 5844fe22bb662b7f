#include "agent/core/saved.h"

#include <string.h>

struct NmaSaved {
    GHashTable *migrations;   /* attempt id -> guint64 */
    GHashTable *reservations; /* instance uuid -> guint64 */
};

/* FNV-1a */
#define SEED  G_GUINT64_CONSTANT(14695981039346656037)
#define PRIME G_GUINT64_CONSTANT(1099511628211)

static guint64
mix(guint64 hash, const void *data, gsize size)
{
    const guchar *bytes = data;

    for (gsize i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * PRIME;
    return hash;
}

static guint64
mix_number(guint64 hash, gint64 number)
{
    return mix(hash, &number, sizeof number);
}

static guint64
mix_text(guint64 hash, const char *text)
{
    const char *known = text != NULL ? text : "\x01";

    return mix(hash, known, strlen(known) + 1);
}

static guint64
of_base(const NmaMigration *base)
{
    const NmaIdentity *id = &base->identity;
    const gint64 numbers[] = {
        (gint64)base->sequence, base->phase,       base->phase_open, base->step,
        base->abort_seen,       base->force_seen,  base->ended,      base->cause,
        base->guest_place,      base->guest_state, base->blind,      base->phase_start_inferred,
        id->migration_id,       id->memory_mib,    id->vcpus,
    };
    const char *const texts[] = {
        id->migration_uuid, id->source,     id->destination,   id->instance_name,
        id->flavor,         id->request_id, base->nova_status,
    };
    guint64 hash = mix(SEED, numbers, sizeof numbers);

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        hash = mix_text(hash, texts[i]);
    return hash;
}

static guint64
of_source(const NmaSource *source)
{
    guint64 hash = of_base(&source->base);

    hash = mix_number(hash, source->domain_seen);
    hash = mix_number(hash, source->domain_gone);
    hash = mix_number(hash, source->stopped_boot_us);
    hash = mix_number(hash, source->policy_known);
    hash = mix_number(hash, source->steering.limit_ms);
    hash = mix_number(hash, source->steering.speed_bytes_s);
    hash = mix_number(hash, source->steering.paused_boot_us);
    hash = mix_text(hash, source->base.identity.policy);
    return mix_text(hash, source->peer);
}

static guint64
of_destination(const NmaDestination *destination)
{
    guint64 hash = of_base(&destination->base);

    hash = mix_number(hash, destination->facts_pending);
    hash = mix_number(hash, destination->reserved);
    hash = mix_number(hash, destination->arrived);
    hash = mix_number(hash, destination->runs);
    return mix_number(hash, destination->post_seen);
}

static guint64
of_reservation(const NmaReservation *reservation)
{
    guint64 hash = mix_text(SEED, reservation->migration_uuid);

    hash = mix_text(hash, reservation->source);
    hash = mix_number(hash, reservation->state);
    hash = mix(hash, reservation->resources.amount, sizeof reservation->resources.amount);
    hash = mix(hash, reservation->resources.pages,
               reservation->resources.n_pages * sizeof reservation->resources.pages[0]);
    hash = mix(hash, &reservation->resources.cores, sizeof reservation->resources.cores);
    hash = mix_number(hash, reservation->created_wall_us);
    return mix_number(hash, reservation->expires_boot_us);
}

NmaSaved *
nma_saved_new(void)
{
    NmaSaved *saved = g_new0(NmaSaved, 1);

    saved->migrations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    saved->reservations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return saved;
}

void
nma_saved_free(NmaSaved *saved)
{
    if (saved == NULL)
        return;
    g_hash_table_unref(saved->migrations);
    g_hash_table_unref(saved->reservations);
    g_free(saved);
}

static gboolean
differs(GHashTable *table, const char *key, guint64 fingerprint)
{
    const guint64 *known = g_hash_table_lookup(table, key);

    return known == NULL || *known != fingerprint;
}

static void
keep(GHashTable *table, const char *key, guint64 fingerprint)
{
    g_hash_table_replace(table, g_strdup(key), g_memdup2(&fingerprint, sizeof fingerprint));
}

gboolean
nma_saved_differs_source(const NmaSaved *saved, const NmaSource *source)
{
    return differs(saved->migrations, source->base.attempt_id, of_source(source));
}

gboolean
nma_saved_differs_destination(const NmaSaved *saved, const NmaDestination *destination)
{
    return differs(saved->migrations, destination->base.attempt_id, of_destination(destination));
}

typedef struct {
    const NmaSaved *saved;
    GPtrArray *changed;
} Search;

static void
add_changed(NmaReservation *reservation, gpointer user_data)
{
    const Search *search = user_data;

    if (!nma_reservation_is_live(reservation) ||
        differs(search->saved->reservations, reservation->instance_uuid,
                of_reservation(reservation)))
        g_ptr_array_add(search->changed, reservation);
}

void
nma_saved_add_reservations(const NmaSaved *saved, NmaLedger *ledger, GPtrArray *changed)
{
    Search search = { saved, changed };

    nma_ledger_foreach(ledger, add_changed, &search);
}

void
nma_saved_begin(NmaSaved *saved)
{
    g_hash_table_remove_all(saved->migrations);
    g_hash_table_remove_all(saved->reservations);
}

void
nma_saved_keep_source(NmaSaved *saved, const NmaSource *source)
{
    keep(saved->migrations, source->base.attempt_id, of_source(source));
}

void
nma_saved_keep_destination(NmaSaved *saved, const NmaDestination *destination)
{
    keep(saved->migrations, destination->base.attempt_id, of_destination(destination));
}

static void
keep_reservation(NmaReservation *reservation, gpointer user_data)
{
    keep(((NmaSaved *)user_data)->reservations, reservation->instance_uuid,
         of_reservation(reservation));
}

void
nma_saved_keep_reservations(NmaSaved *saved, NmaLedger *ledger)
{
    nma_ledger_foreach(ledger, keep_reservation, saved);
}
