#include "agent/agent_private.h"

#include "agent/json/reports.h"
#include "agent/store/history.h"

#define SAVE_RETRY_US (1 * NMA_US_PER_S)

void
nma_unsaved_free(gpointer data)
{
    NmaUnsaved *unsaved = data;

    g_free(unsaved->event_type);
    g_free(unsaved->payload);
    g_free(unsaved);
}

void
nma_agent_add_report(NmaAgent *agent, const char *event_type, char *payload,
                     gint64 occurred_wall_us)
{
    NmaUnsaved *unsaved = g_new0(NmaUnsaved, 1);

    unsaved->event_type = g_strdup(event_type);
    unsaved->payload = payload;
    unsaved->occurred_wall_us = occurred_wall_us;
    g_ptr_array_add(agent->unsaved, unsaved);
}

void
nma_agent_collect_reports(NmaAgent *agent, const GPtrArray *effects)
{
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = g_ptr_array_index(effects, i);

        if (effect->type != NMA_EFFECT_REPORT || effect->report->kind == NMA_REPORT_PROGRESS)
            continue;
        g_autofree char *event_type = nma_report_event_type(effect->report);

        nma_agent_add_report(agent, event_type,
                             nma_report_to_json(effect->report, agent->settings->host),
                             effect->report->occurred_wall_us);
        g_info("%s %s", event_type, effect->report->identity.instance_uuid);
    }
    /* the disk has been full for long: keep what the outbox itself would keep */
    if (agent->unsaved->len > NMA_OUTBOX_MAX_ROWS) {
        guint over = agent->unsaved->len - NMA_OUTBOX_MAX_ROWS;

        g_ptr_array_remove_range(agent->unsaved, 0, over);
        agent->reports_dropped += over;
    }
}

static gboolean
write_changes(NmaAgent *agent, const NmaHostChanges *changes, GError **error)
{
    for (guint i = 0; i < changes->sources->len; i++) {
        const NmaSource *source = g_ptr_array_index(changes->sources, i);

        if (source->base.ended && source->outcome.attempt_id[0] != '\0' &&
            !nma_history_append(agent->store, &source->outcome, error))
            return FALSE;
        if (!(source->base.ended
                  ? nma_store_delete_migration(agent->store, source->base.attempt_id, error)
                  : nma_store_put_source(agent->store, source, error)))
            return FALSE;
    }
    for (guint i = 0; i < changes->destinations->len; i++) {
        const NmaDestination *destination = g_ptr_array_index(changes->destinations, i);

        if (!(destination->base.ended
                  ? nma_store_delete_migration(agent->store, destination->base.attempt_id, error)
                  : nma_store_put_destination(agent->store, destination, error)))
            return FALSE;
    }
    for (guint i = 0; i < changes->reservations->len; i++) {
        const NmaReservation *reservation = g_ptr_array_index(changes->reservations, i);

        if (!(nma_reservation_is_live(reservation)
                  ? nma_store_put_reservation(agent->store, reservation, error)
                  : nma_store_delete_reservation(agent->store, reservation->instance_uuid, error)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
write_reports(NmaAgent *agent, GError **error)
{
    for (guint i = 0; i < agent->unsaved->len; i++) {
        const NmaUnsaved *unsaved = g_ptr_array_index(agent->unsaved, i);

        if (!nma_outbox_append(agent->store, unsaved->event_type, unsaved->payload,
                               unsaved->occurred_wall_us, &agent->reports_dropped, error))
            return FALSE;
    }
    return agent->audit_unsaved == NULL ||
           nma_store_set_audit_digest(agent->store, agent->audit_unsaved, error);
}

static gboolean
write_transaction(NmaAgent *agent, const NmaHostChanges *changes, GError **error)
{
    if (!nma_store_begin(agent->store, error))
        return FALSE;
    if (write_changes(agent, changes, error) && write_reports(agent, error) &&
        nma_publisher_delete_confirmed(agent->publisher, error) &&
        nma_store_commit(agent->store, error))
        return TRUE;
    nma_store_rollback(agent->store);
    return FALSE;
}

gboolean
nma_agent_save(NmaAgent *agent, NmaNow now)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) destinations = g_ptr_array_new();
    g_autoptr(GPtrArray) reservations = g_ptr_array_new();
    NmaHostChanges changes = { sources, destinations, reservations };
    g_autoptr(GError) error = NULL;

    nma_host_get_changes(agent->host, &changes);
    if (sources->len == 0 && destinations->len == 0 && reservations->len == 0 &&
        agent->unsaved->len == 0 && !nma_publisher_has_confirmed(agent->publisher))
        return FALSE;
    if (agent->store_error != NULL && now.boot_us < agent->save_retry_boot_us)
        return FALSE;

    if (!write_transaction(agent, &changes, &error)) {
        if (agent->store_error == NULL)
            g_critical("cannot write to %s, trying again every second: %s",
                       agent->settings->state_dir, error->message);
        g_free(agent->store_error);
        agent->store_error = g_strdup(error->message);
        agent->save_retry_boot_us = now.boot_us + SAVE_RETRY_US;
        return FALSE;
    }
    if (agent->store_error != NULL) {
        g_message("%s can be written again", agent->settings->state_dir);
        g_clear_pointer(&agent->store_error, g_free);
    }
    nma_host_saved(agent->host);
    nma_publisher_deleted(agent->publisher);
    if (agent->audit_unsaved != NULL) {
        g_free(agent->audit_reported);
        agent->audit_reported = g_steal_pointer(&agent->audit_unsaved);
    }
    gboolean added = agent->unsaved->len > 0;
    g_ptr_array_set_size(agent->unsaved, 0);
    return added;
}
