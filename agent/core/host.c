#include "agent/core/host.h"

#include "agent/core/host_internal.h"

#define QUESTION_OVERDUE_US (60 * NMA_US_PER_S)
/* a forecast of an hour ago says nothing of the guest of now */
#define PREDICTED_FOR_US (3600 * NMA_US_PER_S)
#define PREDICTED_MAX    4096

/* ---- life ---- */

static char *
random_attempt_id(void)
{
    return g_uuid_string_random();
}

static void
predicted_free(gpointer data)
{
    NmaPredicted *predicted = data;

    g_free(predicted->destination);
    g_free(predicted);
}

NmaHost *
nma_host_new(const NmaHostConfig *config)
{
    NmaHost *host = g_new0(NmaHost, 1);

    host->name = g_strdup(config->host);
    host->progress_interval_us = config->progress_interval_us;
    nma_questions_init(&host->questions, config->conductor_interval_us);
    host->max_open = config->max_open;
    host->limits = config->limits;
    host->rules = config->rules;
    host->new_attempt_id =
        config->new_attempt_id != NULL ? config->new_attempt_id : random_attempt_id;
    host->sources =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)nma_source_free);
    host->destinations =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)nma_destination_free);
    host->ended_sources = g_ptr_array_new_with_free_func((GDestroyNotify)nma_source_free);
    host->ended_destinations = g_ptr_array_new_with_free_func((GDestroyNotify)nma_destination_free);
    host->ledger = nma_ledger_new();
    host->asked = nma_host_questions_new();
    host->recent = nma_recent_new();
    host->experiences = nma_experiences_new();
    host->predicted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, predicted_free);
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
    nma_experiences_free(host->experiences);
    g_hash_table_unref(host->predicted);
    nma_saved_free(host->saved);
    nma_ledger_free(host->ledger);
    g_ptr_array_unref(host->asked);
    nma_recent_free(host->recent);
    g_free(host->name);
    g_free(host);
}

void
nma_host_set_progress_interval(NmaHost *host, gint64 interval_us)
{
    host->progress_interval_us = interval_us;
}

void
nma_host_set_limits(NmaHost *host, const NmaConvergenceLimits *limits)
{
    host->limits = *limits;
}

void
nma_host_set_rules(NmaHost *host, const NmaRules *rules)
{
    host->rules = *rules;
}

void
nma_host_set_mode(NmaHost *host, NmaMode mode)
{
    host->rules.mode = mode;
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
            nma_host_step_source(host, each->data, &tick, now, effects);
    }
    for (GList *each = destinations; each != NULL; each = each->next) {
        if (expired->len > 0 || nma_destination_next_deadline(each->data) <= now.boot_us)
            nma_host_step_destination(host, each->data, &tick, now, effects);
    }
    nma_host_end_overdue_asks(host, now, effects);
    ask_conductor(host, now, effects);
}

void
nma_host_step(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    nma_host_dispatch(host, event, now, effects);
    keep_deadlines(host, now, effects);
}

gint64
nma_host_next_deadline(const NmaHost *host)
{
    GHashTableIter iter;
    gpointer value;
    gint64 next = nma_ledger_next_deadline(host->ledger);
    gint64 wanted = question_wanted(host);

    next = MIN(next, nma_host_asks_deadline(host));
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
        source->base.sequence == 0 || nma_host_get_source(host, instance) != NULL) {
        source->base.ended = TRUE;
        g_ptr_array_add(host->ended_sources, source);
        return;
    }
    g_hash_table_insert(host->sources, source->base.identity.instance_uuid, source);
    nma_source_set_limits(source, &host->limits);
    nma_source_set_rules(source, &host->rules);
    nma_source_resume_steering(source, now);
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
        nma_host_get_destination(host, instance) != NULL) {
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
        nma_host_retire_source(host, each->data, now);
    }
    for (GList *each = destinations; each != NULL; each = each->next) {
        nma_destination_rebooted(each->data, host->ledger, now, effects);
        nma_host_retire_destination(host, each->data, now);
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

guint
nma_host_open_count(const NmaHost *host, NmaRole role)
{
    return g_hash_table_size(role == NMA_ROLE_SOURCE ? host->sources : host->destinations);
}

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

const NmaExperiences *
nma_host_experiences(const NmaHost *host)
{
    return host->experiences;
}

static gboolean
is_old(gpointer key, gpointer value, gpointer user_data)
{
    return ((const NmaPredicted *)value)->boot_us < *(const gint64 *)user_data - PREDICTED_FOR_US;
}

void
nma_host_note_prediction(NmaHost *host, const char *instance_uuid, const char *destination,
                         const NmaPrediction *prediction, NmaNow now)
{
    NmaPredicted *predicted;

    g_hash_table_foreach_remove(host->predicted, is_old, &now.boot_us);
    if (!nma_uuid_is_valid(instance_uuid) || destination == NULL ||
        g_hash_table_size(host->predicted) >= PREDICTED_MAX ||
        nma_host_get_source(host, instance_uuid) != NULL)
        return;
    predicted = g_new0(NmaPredicted, 1);
    predicted->destination = g_strdup(destination);
    predicted->prediction = *prediction;
    predicted->boot_us = now.boot_us;
    g_hash_table_replace(host->predicted, g_strdup(instance_uuid), predicted);
}

void
nma_host_restore_outcome(NmaHost *host, const NmaOutcome *outcome)
{
    nma_experiences_add(host->experiences, outcome);
}

guint64
nma_host_ignored_total(const NmaHost *host)
{
    return host->ignored_total;
}
