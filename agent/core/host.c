#include "agent/core/host.h"

#include "agent/core/questions.h"
#include "agent/core/recent.h"
#include "agent/core/saved.h"

#define QUESTION_OVERDUE_US (60 * NMA_US_PER_S)

struct NmaHost {
    char *name;
    gint64 progress_interval_us;
    guint max_open;
    char *(*new_attempt_id)(void);

    GHashTable *sources, *destinations; /* instance uuid -> the open one; keys stand in them */
    GPtrArray *ended_sources, *ended_destinations; /* until they are saved */
    NmaLedger *ledger;
    NmaRecent *recent;
    guint64 ignored_total;

    NmaSaved *saved;
    NmaQuestions questions;
};

/* ---- life ---- */

static char *
random_attempt_id(void)
{
    return g_uuid_string_random();
}

NmaHost *
nma_host_new(const NmaHostConfig *config)
{
    NmaHost *host = g_new0(NmaHost, 1);

    host->name = g_strdup(config->host);
    host->progress_interval_us = config->progress_interval_us;
    nma_questions_init(&host->questions, config->conductor_interval_us);
    host->max_open = config->max_open;
    host->new_attempt_id =
        config->new_attempt_id != NULL ? config->new_attempt_id : random_attempt_id;
    host->sources =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)nma_source_free);
    host->destinations =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)nma_destination_free);
    host->ended_sources = g_ptr_array_new_with_free_func((GDestroyNotify)nma_source_free);
    host->ended_destinations = g_ptr_array_new_with_free_func((GDestroyNotify)nma_destination_free);
    host->ledger = nma_ledger_new();
    host->recent = nma_recent_new();
    host->saved = nma_saved_new();
    return host;
}

void
nma_host_free(NmaHost *host)
{
    if (host == NULL)
        return;
    g_hash_table_unref(host->sources);
    g_hash_table_unref(host->destinations);
    g_ptr_array_unref(host->ended_sources);
    g_ptr_array_unref(host->ended_destinations);
    nma_saved_free(host->saved);
    nma_ledger_free(host->ledger);
    nma_recent_free(host->recent);
    g_free(host->name);
    g_free(host);
}

void
nma_host_set_progress_interval(NmaHost *host, gint64 interval_us)
{
    host->progress_interval_us = interval_us;
}

/* ---- the register of open migrations ---- */

static NmaSource *
get_source(const NmaHost *host, const char *instance_uuid)
{
    return g_hash_table_lookup(host->sources, instance_uuid);
}

static NmaDestination *
get_destination(const NmaHost *host, const char *instance_uuid)
{
    return g_hash_table_lookup(host->destinations, instance_uuid);
}

/* Out of the register: what ended there waits for being saved. */
static void
retire_source(NmaHost *host, NmaSource *source, NmaNow now)
{
    nma_recent_add(host->recent, &source->base, now);
    g_hash_table_steal(host->sources, source->base.identity.instance_uuid);
    g_ptr_array_add(host->ended_sources, source);
}

static void
retire_destination(NmaHost *host, NmaDestination *destination, NmaNow now)
{
    nma_recent_add(host->recent, &destination->base, now);
    g_hash_table_steal(host->destinations, destination->base.identity.instance_uuid);
    g_ptr_array_add(host->ended_destinations, destination);
}

static void
step_source(NmaHost *host, NmaSource *source, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    if (source == NULL)
        return;
    nma_source_step(source, event, host->progress_interval_us, now, effects);
    if (source->base.ended)
        retire_source(host, source, now);
}

static void
step_destination(NmaHost *host, NmaDestination *destination, const NmaEvent *event, NmaNow now,
                 GPtrArray *effects)
{
    if (destination == NULL)
        return;
    nma_destination_step(destination, event, host->ledger, now, effects);
    if (destination->base.ended)
        retire_destination(host, destination, now);
}

static gboolean
may_open(NmaHost *host, GHashTable *table)
{
    if (g_hash_table_size(table) < host->max_open)
        return TRUE;
    host->ignored_total++;
    return FALSE;
}

static NmaSource *
open_source(NmaHost *host, const NmaIdentity *identity, gboolean adopted, NmaNow now,
            GPtrArray *effects)
{
    g_autofree char *attempt_id = NULL;
    NmaSource *source;

    if (!may_open(host, host->sources))
        return NULL;
    attempt_id = host->new_attempt_id();
    source = nma_source_new(identity, attempt_id, now);
    if (source->base.identity.source == NULL)
        source->base.identity.source = g_strdup(host->name);
    g_hash_table_insert(host->sources, source->base.identity.instance_uuid, source);
    nma_source_open(source, adopted, now, effects);
    return source;
}

static NmaDestination *
open_destination(NmaHost *host, const NmaIdentity *identity, gboolean late, NmaNow now,
                 GPtrArray *effects)
{
    g_autofree char *attempt_id = NULL;
    NmaDestination *destination;

    if (!may_open(host, host->destinations))
        return NULL;
    attempt_id = host->new_attempt_id();
    destination = nma_destination_new(identity, attempt_id, now);
    /* the Migration may still name no destination, or that of an earlier try: it is us */
    g_free(destination->base.identity.destination);
    destination->base.identity.destination = g_strdup(host->name);
    g_hash_table_insert(host->destinations, destination->base.identity.instance_uuid, destination);
    if (late)
        nma_destination_open_late(destination, now, effects);
    else
        nma_destination_open(destination, now, effects);
    return destination;
}

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
    NmaSource *open = get_source(host, identity->instance_uuid);

    if (open != NULL) {
        if (is_older(identity, &open->base.identity))
            return;
        if (!nma_identity_differs(&open->base.identity, identity)) {
            step_source(host, open, event, now, effects);
            return;
        }
        if (!nma_source_supersede(open, now, effects))
            return;
        retire_source(host, open, now);
    } else if (nma_recent_is_echo(host->recent, NMA_ROLE_SOURCE, identity, now)) {
        return;
    }
    open_source(host, identity, FALSE, nma_event_time(event, now), effects);
}

static void
on_check_destination(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaIdentity *identity = &event->nova_call.identity;
    NmaDestination *open = get_destination(host, identity->instance_uuid);

    if (open != NULL) {
        if (is_older(identity, &open->base.identity))
            return;
        if (!nma_identity_differs(&open->base.identity, identity)) {
            step_destination(host, open, event, now, effects);
            return;
        }
        if (!nma_destination_supersede(open, host->ledger, now, effects))
            return;
        retire_destination(host, open, now);
    } else if (nma_recent_is_echo(host->recent, NMA_ROLE_DESTINATION, identity, now)) {
        return;
    }
    open_destination(host, identity, FALSE, nma_event_time(event, now), effects);
}

static void
on_nova_call(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaIdentity *identity = &event->nova_call.identity;
    NmaDestination *destination = get_destination(host, identity->instance_uuid);

    switch (event->nova_call.method) {
    case NMA_NOVA_LIVE_MIGRATION:
        on_cast(host, event, now, effects);
        break;
    case NMA_NOVA_ABORT:
    case NMA_NOVA_FORCE_COMPLETE:
        step_source(host, get_source(host, identity->instance_uuid), event, now, effects);
        break;
    case NMA_NOVA_CHECK_DESTINATION:
        on_check_destination(host, event, now, effects);
        break;
    case NMA_NOVA_PRE_LIVE_MIGRATION:
    case NMA_NOVA_POST_AT_DESTINATION:
        if (destination == NULL &&
            !nma_recent_is_echo(host->recent, NMA_ROLE_DESTINATION, identity, now))
            destination = open_destination(host, identity, TRUE, now, effects);
        step_destination(host, destination, event, now, effects);
        break;
    case NMA_NOVA_ROLLBACK_AT_DESTINATION:
    case NMA_NOVA_DROP_CLAIM_AT_DESTINATION:
    case NMA_NOVA_REMOVE_VOLUME_CONNECTION:
        step_destination(host, destination, event, now, effects);
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
    const NmaSource *source = get_source(host, instance_uuid);

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
        open_source(host, &identity, TRUE, now, effects);
    else
        open_destination(host, &identity, TRUE, now, effects);
}

static void
on_lifecycle(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const char *instance = event->lifecycle.instance_uuid;
    NmaSource *source = get_source(host, instance);

    switch (event->lifecycle.what) {
    case NMA_LIFECYCLE_STARTED_MIGRATED:
        if (get_destination(host, instance) == NULL && !is_here_as_source(host, instance))
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
        step_destination(host, get_destination(host, instance), event, now, effects);
    step_source(host, source, event, now, effects);
}

static void
on_reading(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const NmaDomainReading *reading = &event->reading;
    const char *instance = reading->instance_uuid;
    gboolean outgoing = reading->stats_known && reading->stats.kind == NMA_JOB_MIGRATION_OUT;

    /* a broken post-copy was reported when it broke; its job stays until it is recovered */
    if (outgoing && reading->state != NMA_DOMAIN_PAUSED_POSTCOPY_FAILED &&
        get_source(host, instance) == NULL)
        open_from_instance(host, NMA_ROLE_SOURCE, instance, now, effects);
    else if (reading->state == NMA_DOMAIN_PAUSED_MIGRATION &&
             (!reading->stats_known || reading->stats.kind == NMA_JOB_MIGRATION_IN) &&
             get_source(host, instance) == NULL && get_destination(host, instance) == NULL)
        open_from_instance(host, NMA_ROLE_DESTINATION, instance, now, effects);
    if (!outgoing && !is_here_as_source(host, instance))
        step_destination(host, get_destination(host, instance), event, now, effects);
    step_source(host, get_source(host, instance), event, now, effects);
}

static void
on_iteration(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    NmaSource *source = get_source(host, event->iteration.instance_uuid);

    /* saving and dumping a guest count iterations too: the job will tell */
    if (source == NULL)
        nma_effects_add(effects, NMA_EFFECT_READ_DOMAIN, event->iteration.instance_uuid);
    step_source(host, source, event, now, effects);
}

static void
step_all(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    g_autoptr(GList) sources = g_hash_table_get_values(host->sources);
    g_autoptr(GList) destinations = g_hash_table_get_values(host->destinations);

    for (GList *each = sources; each != NULL; each = each->next)
        step_source(host, each->data, event, now, effects);
    for (GList *each = destinations; each != NULL; each = each->next)
        step_destination(host, each->data, event, now, effects);
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

/* All active domains: each is a reading, and an open migration that is not among them is gone. */
static void
on_resync(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    g_autoptr(GHashTable) absent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
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
}

/* ---- the conductor ---- */

/* when the next question is wanted */
static gint64
question_wanted(const NmaHost *host)
{
    GHashTableIter iter;
    gpointer value;
    gint64 wanted = NMA_NEVER;

    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        wanted = MIN(wanted, ((NmaSource *)value)->ask_due_boot_us);
    g_hash_table_iter_init(&iter, host->destinations);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        wanted = MIN(wanted, ((NmaDestination *)value)->ask_due_boot_us);
    return wanted;
}

static void
name_instance(GPtrArray *instances, const NmaMigration *migration, gint64 *ask_due_boot_us,
              NmaNow now)
{
    if (*ask_due_boot_us == NMA_NEVER)
        return;
    if (!g_ptr_array_find_with_equal_func(instances, migration->identity.instance_uuid, g_str_equal,
                                          NULL))
        g_ptr_array_add(instances, g_strdup(migration->identity.instance_uuid));
    /* the answer sets it anew; one that never comes must not end the asking */
    *ask_due_boot_us = now.boot_us + QUESTION_OVERDUE_US;
}

/* One question for all that wait for an answer. */
static void
ask_conductor(NmaHost *host, NmaNow now, GPtrArray *effects)
{
    g_autoptr(GPtrArray) instances = NULL;
    GHashTableIter iter;
    gpointer value;

    if (question_wanted(host) > now.boot_us ||
        nma_questions_allowed(&host->questions) > now.boot_us)
        return;
    instances = g_ptr_array_new();
    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        NmaSource *source = value;

        name_instance(instances, &source->base, &source->ask_due_boot_us, now);
    }
    g_hash_table_iter_init(&iter, host->destinations);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        NmaDestination *destination = value;

        name_instance(instances, &destination->base, &destination->ask_due_boot_us, now);
    }
    g_ptr_array_add(instances, NULL);
    nma_effects_add_ask_conductor(effects,
                                  (GStrv)g_ptr_array_free(g_steal_pointer(&instances), FALSE));
    nma_questions_spend(&host->questions, now);
}

/* ---- steps and time ---- */

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
    default:
        return NULL;
    }
}

/* Steps those whose time has come, whatever event brought us here. */
static void
keep_deadlines(NmaHost *host, NmaNow now, GPtrArray *effects)
{
    static const NmaEvent tick = { .type = NMA_EVENT_TICK };
    g_autoptr(GPtrArray) expired = g_ptr_array_new();
    g_autoptr(GList) sources = g_hash_table_get_values(host->sources);
    g_autoptr(GList) destinations = g_hash_table_get_values(host->destinations);

    nma_ledger_expire(host->ledger, now, expired);
    for (GList *each = sources; each != NULL; each = each->next) {
        if (nma_source_next_deadline(each->data) <= now.boot_us)
            step_source(host, each->data, &tick, now, effects);
    }
    for (GList *each = destinations; each != NULL; each = each->next) {
        if (expired->len > 0 || nma_destination_next_deadline(each->data) <= now.boot_us)
            step_destination(host, each->data, &tick, now, effects);
    }
    ask_conductor(host, now, effects);
}

void
nma_host_step(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    const char *instance = event_instance(event);

    if (instance == NULL || nma_uuid_is_valid(instance)) {
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
            step_source(host, get_source(host, instance), event, now, effects);
            break;
        case NMA_EVENT_DOMAIN_READING:
            on_reading(host, event, now, effects);
            break;
        case NMA_EVENT_FACTS:
            step_destination(host, get_destination(host, instance), event, now, effects);
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
    keep_deadlines(host, now, effects);
}

gint64
nma_host_next_deadline(const NmaHost *host)
{
    GHashTableIter iter;
    gpointer value;
    gint64 next = nma_ledger_next_deadline(host->ledger);
    gint64 wanted = question_wanted(host);

    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        next = MIN(next, nma_source_next_deadline(value));
    g_hash_table_iter_init(&iter, host->destinations);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        next = MIN(next, nma_destination_next_deadline(value));
    if (wanted != NMA_NEVER)
        next = MIN(next, MAX(wanted, nma_questions_allowed(&host->questions)));
    return next;
}

/* ---- restart and reboot ---- */

void
nma_host_restore_source(NmaHost *host, NmaSource *source, NmaNow now)
{
    const char *instance = source->base.identity.instance_uuid;

    /* the store may hold anything: what could not have been saved by us is dropped */
    if (!nma_uuid_is_valid(instance) || source->base.ended || !source->base.phase_open ||
        source->base.phase == NMA_PHASE_RESERVATION || (guint)source->base.phase >= NMA_N_PHASES ||
        source->base.sequence == 0 || get_source(host, instance) != NULL) {
        source->base.ended = TRUE;
        g_ptr_array_add(host->ended_sources, source);
        return;
    }
    g_hash_table_insert(host->sources, source->base.identity.instance_uuid, source);
    nma_source_set_blind(source, now);
}

static gboolean
is_possible(const NmaDestination *destination)
{
    const NmaMigration *base = &destination->base;

    if (base->sequence == 0 || base->ended)
        return FALSE;
    switch (base->phase) {
    case NMA_PHASE_PRE_MIGRATION:
        return base->phase_open && !destination->arrived && !destination->runs;
    case NMA_PHASE_RESERVATION:
        return !destination->runs && !(base->phase_open && destination->arrived);
    case NMA_PHASE_POST_COPY:
        return base->phase_open && destination->arrived && !destination->runs;
    case NMA_PHASE_COMMITMENT:
        return base->phase_open && destination->arrived && destination->runs;
    default:
        return FALSE;
    }
}

void
nma_host_restore_destination(NmaHost *host, NmaDestination *destination, NmaNow now)
{
    const char *instance = destination->base.identity.instance_uuid;

    if (!nma_uuid_is_valid(instance) || !is_possible(destination) ||
        get_destination(host, instance) != NULL) {
        destination->base.ended = TRUE;
        g_ptr_array_add(host->ended_destinations, destination);
        return;
    }
    g_hash_table_insert(host->destinations, destination->base.identity.instance_uuid, destination);
    nma_destination_set_blind(destination, now);
}

void
nma_host_restore_reservation(NmaHost *host, const NmaReservation *reservation)
{
    if (nma_uuid_is_valid(reservation->instance_uuid) &&
        (guint)reservation->state < NMA_N_RESERVATION_STATES)
        nma_ledger_put(host->ledger, reservation);
}

static void
release(NmaReservation *reservation, gpointer user_data)
{
    if (nma_reservation_is_live(reservation))
        nma_reservation_set_state(reservation, NMA_RESERVATION_RELEASED, *(NmaNow *)user_data);
}

void
nma_host_rebooted(NmaHost *host, NmaNow now, GPtrArray *effects)
{
    g_autoptr(GList) sources = g_hash_table_get_values(host->sources);
    g_autoptr(GList) destinations = g_hash_table_get_values(host->destinations);

    for (GList *each = sources; each != NULL; each = each->next) {
        nma_source_rebooted(each->data, now, effects);
        retire_source(host, each->data, now);
    }
    for (GList *each = destinations; each != NULL; each = each->next) {
        nma_destination_rebooted(each->data, host->ledger, now, effects);
        retire_destination(host, each->data, now);
    }
    nma_ledger_foreach(host->ledger, release, &now);
}

/* ---- what has to be saved ---- */

void
nma_host_get_changes(NmaHost *host, NmaHostChanges *changes)
{
    GHashTableIter iter;
    gpointer value;

    g_ptr_array_extend(changes->sources, host->ended_sources, NULL, NULL);
    g_ptr_array_extend(changes->destinations, host->ended_destinations, NULL, NULL);
    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (nma_saved_differs_source(host->saved, value))
            g_ptr_array_add(changes->sources, value);
    }
    g_hash_table_iter_init(&iter, host->destinations);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (nma_saved_differs_destination(host->saved, value))
            g_ptr_array_add(changes->destinations, value);
    }
    nma_saved_add_reservations(host->saved, host->ledger, changes->reservations);
}

void
nma_host_saved(NmaHost *host)
{
    GHashTableIter iter;
    gpointer value;

    g_ptr_array_set_size(host->ended_sources, 0);
    g_ptr_array_set_size(host->ended_destinations, 0);
    nma_ledger_drop_ended(host->ledger);
    nma_saved_begin(host->saved);
    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        nma_saved_keep_source(host->saved, value);
    g_hash_table_iter_init(&iter, host->destinations);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        nma_saved_keep_destination(host->saved, value);
    nma_saved_keep_reservations(host->saved, host->ledger);
}

/* ---- views ---- */

void
nma_host_foreach_migration(const NmaHost *host, void (*each)(const NmaMigration *, gpointer),
                           gpointer user_data)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, host->sources);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        each(&((NmaSource *)value)->base, user_data);
    g_hash_table_iter_init(&iter, host->destinations);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        each(&((NmaDestination *)value)->base, user_data);
}

const NmaLedger *
nma_host_ledger(const NmaHost *host)
{
    return host->ledger;
}

NmaLedger *
nma_host_ledger_mutable(NmaHost *host)
{
    return host->ledger;
}

guint64
nma_host_ignored_total(const NmaHost *host)
{
    return host->ignored_total;
}
