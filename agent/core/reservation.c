#include "agent/core/reservation.h"

#include <string.h>

#include "agent/core/job_stats.h"

struct NmaLedger {
    GHashTable *entries; /* instance uuid -> NmaReservation; the key stands in the entry */
};

static const char *const states[NMA_N_RESERVATION_STATES] = {
    [NMA_RESERVATION_SOFT] = "soft",         [NMA_RESERVATION_HELD] = "held",
    [NMA_RESERVATION_IN_USE] = "in_use",     [NMA_RESERVATION_COMMITTED] = "committed",
    [NMA_RESERVATION_RELEASED] = "released", [NMA_RESERVATION_EXPIRED] = "expired",
};

/* which states may follow; the same state again renews the lease */
#define BIT(state) (1u << NMA_RESERVATION_##state)
static const guint followers[NMA_N_RESERVATION_STATES] = {
    [NMA_RESERVATION_SOFT] =
        BIT(SOFT) | BIT(HELD) | BIT(IN_USE) | BIT(COMMITTED) | BIT(RELEASED) | BIT(EXPIRED),
    /* soft again: Nova checks for another migration of the same instance */
    [NMA_RESERVATION_HELD] =
        BIT(SOFT) | BIT(HELD) | BIT(IN_USE) | BIT(COMMITTED) | BIT(RELEASED) | BIT(EXPIRED),
    [NMA_RESERVATION_IN_USE] = BIT(IN_USE) | BIT(COMMITTED) | BIT(RELEASED),
};
#undef BIT

static const gint64 leases_us[NMA_N_RESERVATION_STATES] = {
    [NMA_RESERVATION_SOFT] = NMA_RESERVATION_SOFT_LEASE_US,
    [NMA_RESERVATION_HELD] = NMA_RESERVATION_HELD_LEASE_US,
};

const char *
nma_reservation_state_to_string(NmaReservationState state)
{
    g_return_val_if_fail((guint)state < NMA_N_RESERVATION_STATES, "");
    return states[state];
}

gboolean
nma_reservation_state_from_string(const char *text, NmaReservationState *state)
{
    for (guint i = 0; i < NMA_N_RESERVATION_STATES; i++) {
        if (g_strcmp0(text, states[i]) == 0) {
            *state = (NmaReservationState)i;
            return TRUE;
        }
    }
    return FALSE;
}

NmaReservation *
nma_reservation_copy(const NmaReservation *reservation)
{
    NmaReservation *copy = g_new(NmaReservation, 1);

    *copy = *reservation;
    copy->source = g_strdup(reservation->source);
    return copy;
}

void
nma_reservation_free(NmaReservation *reservation)
{
    if (reservation == NULL)
        return;
    g_free(reservation->source);
    g_free(reservation);
}

gboolean
nma_reservation_is_live(const NmaReservation *reservation)
{
    return reservation->state <= NMA_RESERVATION_IN_USE;
}

void
nma_reservation_set_state(NmaReservation *reservation, NmaReservationState state, NmaNow now)
{
    g_assert((guint)reservation->state < NMA_N_RESERVATION_STATES);
    g_assert(followers[reservation->state] & (1u << state));
    reservation->state = state;
    reservation->expires_boot_us =
        leases_us[state] > 0 ? now.boot_us + leases_us[state] : NMA_NEVER;
}

void
nma_reservation_fill_in(const NmaReservation *reservation, NmaResources *wanted)
{
    const NmaResources *has = &reservation->resources;

    if (wanted->n_pages == 0 && has->n_pages > 0) {
        gint64 *memory = &wanted->amount[NMA_AMOUNT_MEMORY];

        memcpy(wanted->pages, has->pages, sizeof wanted->pages);
        wanted->n_pages = has->n_pages;
        wanted->pages_known = has->pages_known;
        *memory = *memory < 0 ? *memory : MAX(*memory - nma_pages_bytes(has), 0);
    }
    for (guint i = 0; i < NMA_N_AMOUNTS; i++)
        if (wanted->amount[i] < 0)
            wanted->amount[i] = has->amount[i];
    if (!nma_cores_any(&wanted->cores))
        wanted->cores = has->cores;
}

NmaLedger *
nma_ledger_new(void)
{
    NmaLedger *ledger = g_new0(NmaLedger, 1);

    ledger->entries =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)nma_reservation_free);
    return ledger;
}

void
nma_ledger_free(NmaLedger *ledger)
{
    if (ledger == NULL)
        return;
    g_hash_table_unref(ledger->entries);
    g_free(ledger);
}

/* What is promised to one guest and not yet taken by it. */
static gint64
still_to_come(const NmaReservation *reservation, NmaAmount amount)
{
    gint64 promised = MAX(reservation->resources.amount[amount], 0);

    if (reservation->state != NMA_RESERVATION_IN_USE)
        return promised;
    switch (amount) {
    case NMA_AMOUNT_MEMORY:
        return promised - CLAMP(reservation->resident_bytes, 0, promised);
    case NMA_AMOUNT_VCPUS:
        return 0;
    default:
        return promised;
    }
}

typedef struct {
    GHashTableIter iter;
    const char *except_or_null;
} Promises;

static void
promises_begin(Promises *promises, const NmaLedger *ledger, const char *except_or_null)
{
    g_hash_table_iter_init(&promises->iter, ledger->entries);
    promises->except_or_null = except_or_null;
}

/* the next live one, NULL at the end */
static const NmaReservation *
promises_next(Promises *promises)
{
    gpointer value;

    while (g_hash_table_iter_next(&promises->iter, NULL, &value)) {
        const NmaReservation *reservation = value;

        if (nma_reservation_is_live(reservation) &&
            g_strcmp0(reservation->instance_uuid, promises->except_or_null) != 0)
            return reservation;
    }
    return NULL;
}

gint64
nma_ledger_promised(const NmaLedger *ledger, NmaAmount amount, const char *except_or_null)
{
    const NmaReservation *reservation;
    Promises promises;
    gint64 sum = 0;

    promises_begin(&promises, ledger, except_or_null);
    while ((reservation = promises_next(&promises)) != NULL)
        sum = nma_add_sizes(sum, still_to_come(reservation, amount));
    return sum;
}

gint64
nma_ledger_promised_pages(const NmaLedger *ledger, gint64 node, gint64 size_bytes,
                          const char *except_or_null)
{
    const NmaReservation *reservation;
    Promises promises;
    gint64 sum = 0;

    promises_begin(&promises, ledger, except_or_null);
    while ((reservation = promises_next(&promises)) != NULL) {
        const NmaResources *resources = &reservation->resources;

        for (guint i = 0; reservation->state != NMA_RESERVATION_IN_USE && i < resources->n_pages;
             i++)
            if (resources->pages[i].node == node && resources->pages[i].size_bytes == size_bytes)
                sum = nma_add_sizes(sum, MAX(resources->pages[i].count, 0));
    }
    return sum;
}

guint
nma_ledger_arriving(const NmaLedger *ledger, const char *except_or_null)
{
    GHashTableIter iter;
    gpointer value;
    guint count = 0;

    g_hash_table_iter_init(&iter, ledger->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const NmaReservation *reservation = value;

        count +=
            (reservation->state == NMA_RESERVATION_HELD ||
             reservation->state == NMA_RESERVATION_IN_USE) &&
            (except_or_null == NULL || !g_str_equal(reservation->instance_uuid, except_or_null));
    }
    return count;
}

void
nma_ledger_promised_cores(const NmaLedger *ledger, const char *except_or_null, NmaCores *cores)
{
    const NmaReservation *reservation;
    Promises promises;

    *cores = (NmaCores){ { 0 } };
    promises_begin(&promises, ledger, except_or_null);
    while ((reservation = promises_next(&promises)) != NULL)
        nma_cores_unite(cores, &reservation->resources.cores);
}

NmaReservation *
nma_ledger_get(NmaLedger *ledger, const char *instance_uuid)
{
    return g_hash_table_lookup(ledger->entries, instance_uuid);
}

NmaReservation *
nma_ledger_put(NmaLedger *ledger, const NmaReservation *reservation)
{
    NmaReservation *entry = nma_ledger_get(ledger, reservation->instance_uuid);
    NmaReservation *copy;

    /* a promise that is further on already covers the new one */
    if (entry != NULL && nma_reservation_is_live(entry) && entry->state > reservation->state)
        return entry;
    copy = nma_reservation_copy(reservation);
    g_hash_table_replace(ledger->entries, copy->instance_uuid, copy);
    return copy;
}

void
nma_ledger_expire(NmaLedger *ledger, NmaNow now, GPtrArray *changed)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, ledger->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        NmaReservation *reservation = value;

        if (nma_reservation_is_live(reservation) && reservation->state != NMA_RESERVATION_IN_USE &&
            reservation->expires_boot_us <= now.boot_us) {
            nma_reservation_set_state(reservation, NMA_RESERVATION_EXPIRED, now);
            g_ptr_array_add(changed, reservation);
        }
    }
}

gint64
nma_ledger_next_deadline(const NmaLedger *ledger)
{
    GHashTableIter iter;
    gpointer value;
    gint64 next = NMA_NEVER;

    g_hash_table_iter_init(&iter, ledger->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const NmaReservation *reservation = value;

        if (nma_reservation_is_live(reservation) && reservation->state != NMA_RESERVATION_IN_USE)
            next = MIN(next, reservation->expires_boot_us);
    }
    return next;
}

void
nma_ledger_remove(NmaLedger *ledger, const char *instance_uuid)
{
    g_hash_table_remove(ledger->entries, instance_uuid);
}

static gboolean
is_ended(gpointer key, gpointer value, gpointer user_data)
{
    return !nma_reservation_is_live(value);
}

void
nma_ledger_drop_ended(NmaLedger *ledger)
{
    g_hash_table_foreach_remove(ledger->entries, is_ended, NULL);
}

void
nma_ledger_foreach(const NmaLedger *ledger, void (*each)(NmaReservation *, gpointer),
                   gpointer user_data)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, ledger->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        each(value, user_data);
}

guint
nma_ledger_live_count(const NmaLedger *ledger)
{
    GHashTableIter iter;
    gpointer value;
    guint count = 0;

    g_hash_table_iter_init(&iter, ledger->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        count += nma_reservation_is_live(value) ? 1 : 0;
    return count;
}
