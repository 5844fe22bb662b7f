/* Who an event is for, and what it opens. */
#include "agent/core/host_internal.h"

/* ---- Nova's calls ---- */

/* Nova numbers its migrations: a lower one than the open one's is an echo of the past. */
static gboolean
is_older(const NmaIdentity *identity, const NmaIdentity *than)
{
    return identity->migration_id >= 0 && than->migration_id >= 0 &&
           identity->migration_id < than->migration_id;
}

static void
on_cast(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaIdentity *identity = &event->nova_call.identity;
    NmaSource *open = nma_host_get_source(host, identity->instance_uuid);

    if (open != NULL) {
        if (is_older(identity, &open->base.identity))
            return;
        if (!nma_identity_differs(&open->base.identity, identity)) {
            nma_host_step_source(host, open, event, now, effects);
            return;
        }
        if (!nma_source_supersede(open, now, effects))
            return;
        nma_host_retire_source(host, open, now);
    } else if (nma_recent_is_echo(host->recent, NMA_ROLE_SOURCE, identity, now)) {
        return;
    }
    nma_host_open_source(host, identity, FALSE, nma_event_time(event, now), effects);
}

static void
on_check_destination(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaIdentity *identity = &event->nova_call.identity;
    NmaDestination *open = nma_host_get_destination(host, identity->instance_uuid);

    if (open != NULL) {
        if (is_older(identity, &open->base.identity))
            return;
        if (!nma_identity_differs(&open->base.identity, identity)) {
            nma_host_step_destination(host, open, event, now, effects);
            return;
        }
        if (!nma_destination_supersede(open, host->ledger, now, effects))
            return;
        nma_host_retire_destination(host, open, now);
    } else if (nma_recent_is_echo(host->recent, NMA_ROLE_DESTINATION, identity, now)) {
        return;
    }
    nma_host_open_destination(host, identity, FALSE, nma_event_time(event, now), effects);
}

/* Nova has given up a guest that only the ledger knows: it was asked for over RPC, and what came of
 * it was not seen. */
static void
release_unseen(NmaHost *host, const char *instance_uuid, NmaNow now)
{
    NmaReservation *entry = nma_ledger_get(host->ledger, instance_uuid);

    if (entry != NULL && nma_reservation_is_live(entry) && entry->state != NMA_RESERVATION_IN_USE)
        nma_reservation_set_state(entry, NMA_RESERVATION_RELEASED, now);
}

static void
on_nova_call(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaIdentity *identity = &event->nova_call.identity;
    NmaDestination *destination = nma_host_get_destination(host, identity->instance_uuid);

    switch (event->nova_call.method) {
    case NMA_NOVA_LIVE_MIGRATION:
        on_cast(host, event, now, effects);
        break;
    case NMA_NOVA_ABORT:
    case NMA_NOVA_FORCE_COMPLETE:
        nma_host_step_source(host, nma_host_get_source(host, identity->instance_uuid), event, now,
                             effects);
        break;
    case NMA_NOVA_CHECK_DESTINATION:
        on_check_destination(host, event, now, effects);
        break;
    case NMA_NOVA_PRE_LIVE_MIGRATION:
    case NMA_NOVA_POST_AT_DESTINATION:
        if (destination == NULL &&
            !nma_recent_is_echo(host->recent, NMA_ROLE_DESTINATION, identity, now))
            destination = nma_host_open_destination(host, identity, TRUE, now, effects);
        nma_host_step_destination(host, destination, event, now, effects);
        break;
    case NMA_NOVA_ROLLBACK_AT_DESTINATION:
    case NMA_NOVA_DROP_CLAIM_AT_DESTINATION:
        if (destination == NULL)
            release_unseen(host, identity->instance_uuid, now);
        G_GNUC_FALLTHROUGH;
    case NMA_NOVA_REMOVE_VOLUME_CONNECTION:
        nma_host_step_destination(host, destination, event, now, effects);
        break;
    case NMA_NOVA_CHECK_SOURCE: /* names no migration; the cast follows */
    default:
        break;
    }
}

/* ---- libvirt ---- */

/* A guest that is here as a source cannot be arriving: what libvirt says of it is not for the
 * destination of its next migration back. */
static gboolean
is_here_as_source(const NmaHost *host, const char *instance_uuid)
{
    const NmaSource *source = nma_host_get_source(host, instance_uuid);

    return source != NULL && source->base.phase != NMA_PHASE_COMMITMENT;
}

static void
open_from_instance(NmaHost *host, NmaRole role, const char *instance_uuid, NmaNow now,
                   GPtrArray *effects)
{
    NmaIdentity identity;

    nma_identity_init(&identity);
    g_strlcpy(identity.instance_uuid, instance_uuid, sizeof identity.instance_uuid);
    if (role == NMA_ROLE_SOURCE)
        nma_host_open_source(host, &identity, TRUE, now, effects);
    else
        nma_host_open_destination(host, &identity, TRUE, now, effects);
}

static void
on_lifecycle(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const char *instance = event->lifecycle.instance_uuid;
    NmaSource *source = nma_host_get_source(host, instance);

    switch (event->lifecycle.what) {
    case NMA_LIFECYCLE_STARTED_MIGRATED:
        if (nma_host_get_destination(host, instance) == NULL && !is_here_as_source(host, instance))
            open_from_instance(host, NMA_ROLE_DESTINATION, instance, now, effects);
        break;
    case NMA_LIFECYCLE_SUSPENDED_MIGRATED:
    case NMA_LIFECYCLE_SUSPENDED_POSTCOPY:
        /* a migration that we do not know: its job will tell */
        if (source == NULL)
            nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, instance);
        break;
    default:
        break;
    }
    if (!is_here_as_source(host, instance))
        nma_host_step_destination(host, nma_host_get_destination(host, instance), event, now,
                                  effects);
    nma_host_step_source(host, source, event, now, effects);
}

static guint
count_copying(const NmaHost *host)
{
    GHashTableIter iter;
    gpointer source;
    guint n = 0;

    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &source))
        n += ((NmaSource *)source)->base.phase == NMA_PHASE_PRE_COPY;
    return n;
}

static void
on_reading(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaDomainReading *reading = &event->reading;
    const char *instance = reading->instance_uuid;
    gboolean outgoing = reading->stats_known && reading->stats.kind == NMA_JOB_MIGRATION_OUT;

    if (outgoing)
        host->rules.running = count_copying(host);

    /* a broken post-copy was reported when it broke; its job stays until it is recovered */
    if (outgoing && reading->state != NMA_DOMAIN_PAUSED_POSTCOPY_FAILED &&
        nma_host_get_source(host, instance) == NULL)
        open_from_instance(host, NMA_ROLE_SOURCE, instance, now, effects);
    else if (reading->state == NMA_DOMAIN_PAUSED_MIGRATION &&
             (!reading->stats_known || reading->stats.kind == NMA_JOB_MIGRATION_IN) &&
             nma_host_get_source(host, instance) == NULL &&
             nma_host_get_destination(host, instance) == NULL)
        open_from_instance(host, NMA_ROLE_DESTINATION, instance, now, effects);
    if (!outgoing && !is_here_as_source(host, instance))
        nma_host_step_destination(host, nma_host_get_destination(host, instance), event, now,
                                  effects);
    nma_host_step_source(host, nma_host_get_source(host, instance), event, now, effects);
}

static void
on_iteration(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    NmaSource *source = nma_host_get_source(host, event->iteration.instance_uuid);

    /* saving and dumping a guest count iterations too: the job will tell */
    if (source == NULL)
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, event->iteration.instance_uuid);
    nma_host_step_source(host, source, event, now, effects);
}

static void
step_all(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    g_autoptr(GList) sources = g_hash_table_get_values(host->sources);
    g_autoptr(GList) destinations = g_hash_table_get_values(host->destinations);

    for (GList *each = sources; each != NULL; each = each->next)
        nma_host_step_source(host, each->data, event, now, effects);
    for (GList *each = destinations; each != NULL; each = each->next)
        nma_host_step_destination(host, each->data, event, now, effects);
}

static void
add_keys(GHashTable *table, GHashTable *set)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_hash_table_add(set, g_strdup(key));
}

static void
step_reading(NmaHost *host, const NmaDomainReading *reading, const NmaEvent *resync, NmaNow now,
             GPtrArray *effects)
{
    NmaEvent event = {
        .type = NMA_EVENT_DOMAIN_READING,
        .seen_boot_us = resync->seen_boot_us,
        .seen_wall_us = resync->seen_wall_us,
        .reading = *reading, /* its text stays the reading's */
    };

    on_reading(host, &event, now, effects);
}

typedef struct {
    const NmaHost *host;
    NmaNow now;
} Search;

/* In use without an open migration (its record could not be restored): nothing else would end it.
 */
static void
release_orphan(NmaReservation *reservation, gpointer user_data)
{
    const Search *search = user_data;

    if (reservation->state == NMA_RESERVATION_IN_USE &&
        nma_host_get_destination(search->host, reservation->instance_uuid) == NULL)
        nma_reservation_set_state(reservation, NMA_RESERVATION_RELEASED, search->now);
}

/* All active domains: each is a reading, and an open migration that is not among them is gone. */
static void
on_resync(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    g_autoptr(GHashTable) absent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Search search = { host, now };
    GHashTableIter iter;
    gpointer key;

    if (event->readings == NULL)
        return;
    add_keys(host->sources, absent);
    add_keys(host->destinations, absent);
    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &key))
        nma_source_set_blind(key, now);
    for (guint i = 0; i < event->readings->len; i++) {
        const NmaDomainReading *reading = event->readings->pdata[i];

        if (!nma_uuid_is_valid(reading->instance_uuid))
            continue;
        g_hash_table_remove(absent, reading->instance_uuid);
        step_reading(host, reading, event, now, effects);
    }
    g_hash_table_iter_init(&iter, absent);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        NmaDomainReading gone = { .state = NMA_DOMAIN_ABSENT, .resident_bytes = NMA_UNKNOWN };

        nma_job_stats_clear(&gone.stats);
        g_strlcpy(gone.instance_uuid, key, sizeof gone.instance_uuid);
        step_reading(host, &gone, event, now, effects);
    }
    nma_ledger_foreach(host->ledger, release_orphan, &search);
    nma_host_libvirt_was_read(host, effects);
}

/* ---- dispatch ---- */

/* the instance that an event names, or NULL when it concerns all */
static const char *
event_instance(const NmaEvent *event)
{
    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        return event->nova_call.identity.instance_uuid;
    case NMA_EVENT_LIFECYCLE:
        return event->lifecycle.instance_uuid;
    case NMA_EVENT_ITERATION:
        return event->iteration.instance_uuid;
    case NMA_EVENT_JOB_COMPLETED:
        return event->job_completed.instance_uuid;
    case NMA_EVENT_DOMAIN_READING:
        return event->reading.instance_uuid;
    case NMA_EVENT_FACTS:
        return event->facts.instance_uuid;
    case NMA_EVENT_PEER:
        return event->peer.instance_uuid;
    case NMA_EVENT_REMEDY:
        return event->remedy.instance_uuid;
    case NMA_EVENT_ASKED:
        return event->asked->instance_uuid;
    case NMA_EVENT_RESERVED:
        return event->reserved.instance_uuid;
    default:
        return NULL;
    }
}

void
nma_host_dispatch(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const char *instance = event_instance(event);

    if (instance != NULL && !nma_uuid_is_valid(instance))
        return;
    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        on_nova_call(host, event, now, effects);
        break;
    case NMA_EVENT_LIFECYCLE:
        on_lifecycle(host, event, now, effects);
        break;
    case NMA_EVENT_ITERATION:
        on_iteration(host, event, now, effects);
        break;
    case NMA_EVENT_JOB_COMPLETED:
    case NMA_EVENT_PEER:
    case NMA_EVENT_REMEDY:
    case NMA_EVENT_RESERVED:
        nma_host_step_source(host, nma_host_get_source(host, instance), event, now, effects);
        break;
    case NMA_EVENT_DOMAIN_READING:
        on_reading(host, event, now, effects);
        break;
    case NMA_EVENT_FACTS:
        nma_host_step_destination(host, nma_host_get_destination(host, instance), event, now,
                                  effects);
        nma_host_take_facts(host, event, now, effects);
        break;
    case NMA_EVENT_ASKED:
        nma_host_take_ask(host, event->asked, now, effects);
        break;
    case NMA_EVENT_RESYNC:
        on_resync(host, event, now, effects);
        break;
    case NMA_EVENT_LIBVIRT_LOST:
    case NMA_EVENT_CONDUCTOR:
        step_all(host, event, now, effects);
        break;
    case NMA_EVENT_TICK:
    default:
        break;
    }
}
