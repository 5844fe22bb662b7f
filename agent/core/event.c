#include "agent/core/event.h"

#include "agent/core/report.h"

/* nova/compute/rpcapi.py, Mitaka to 2026.1; the last entry ends the list of names */
static const char *const methods[NMA_N_NOVA_METHODS + 1] = {
    [NMA_NOVA_CHECK_DESTINATION] = "check_can_live_migrate_destination",
    [NMA_NOVA_CHECK_SOURCE] = "check_can_live_migrate_source",
    [NMA_NOVA_LIVE_MIGRATION] = "live_migration",
    [NMA_NOVA_PRE_LIVE_MIGRATION] = "pre_live_migration",
    [NMA_NOVA_POST_AT_DESTINATION] = "post_live_migration_at_destination",
    [NMA_NOVA_ROLLBACK_AT_DESTINATION] = "rollback_live_migration_at_destination",
    [NMA_NOVA_DROP_CLAIM_AT_DESTINATION] = "drop_move_claim_at_destination",
    [NMA_NOVA_ABORT] = "live_migration_abort",
    [NMA_NOVA_FORCE_COMPLETE] = "live_migration_force_complete",
    [NMA_NOVA_REMOVE_VOLUME_CONNECTION] = "remove_volume_connection",
    NULL,
};

const char *
nma_nova_method_name(NmaNovaMethod method)
{
    g_return_val_if_fail((guint)method < NMA_N_NOVA_METHODS, "");
    return methods[method];
}

gboolean
nma_nova_method_from_name(const char *name, NmaNovaMethod *method)
{
    for (guint i = 0; i < NMA_N_NOVA_METHODS; i++) {
        if (g_strcmp0(name, methods[i]) == 0) {
            *method = (NmaNovaMethod)i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *const *
nma_nova_method_names(void)
{
    return methods;
}

static void
reading_init(NmaDomainReading *reading)
{
    reading->state = NMA_DOMAIN_UNKNOWN;
    nma_job_stats_clear(&reading->stats);
    reading->resident_bytes = NMA_UNKNOWN;
    reading->memory_bytes = NMA_UNKNOWN;
    reading->vcpus = NMA_UNKNOWN;
}

NmaDomainReading *
nma_domain_reading_new(const char *instance_uuid)
{
    NmaDomainReading *reading = g_new0(NmaDomainReading, 1);

    reading_init(reading);
    g_strlcpy(reading->instance_uuid, instance_uuid, sizeof reading->instance_uuid);
    return reading;
}

void
nma_domain_reading_free(NmaDomainReading *reading)
{
    if (reading == NULL)
        return;
    g_free(reading->text);
    g_free(reading);
}

NmaNovaMigration *
nma_nova_migration_new(void)
{
    NmaNovaMigration *migration = g_new0(NmaNovaMigration, 1);

    nma_identity_init(&migration->identity);
    migration->created_wall_us = NMA_UNKNOWN;
    return migration;
}

void
nma_nova_migration_free(NmaNovaMigration *migration)
{
    if (migration == NULL)
        return;
    nma_identity_clear(&migration->identity);
    g_free(migration->status);
    g_free(migration);
}

NmaEvent *
nma_event_new(NmaEventType type)
{
    NmaEvent *event = g_new0(NmaEvent, 1);

    event->type = type;
    switch (type) {
    case NMA_EVENT_NOVA_CALL:
        nma_identity_init(&event->nova_call.identity);
        break;
    case NMA_EVENT_ITERATION:
        event->iteration.iteration = NMA_UNKNOWN;
        break;
    case NMA_EVENT_JOB_COMPLETED:
        nma_job_stats_clear(&event->job_completed.stats);
        break;
    case NMA_EVENT_DOMAIN_READING:
        reading_init(&event->reading);
        break;
    case NMA_EVENT_FACTS:
        nma_facts_clear(&event->facts.facts);
        nma_capacity_clear(&event->facts.capacity);
        break;
    case NMA_EVENT_DOMAINS:
        event->domains.uuids = g_ptr_array_new_with_free_func(g_free);
        break;
    case NMA_EVENT_REMEDY:
        event->remedy.before = event->remedy.after = NMA_UNKNOWN;
        break;
    case NMA_EVENT_PEER:
        event->peer.clock_offset_ms = NMA_OFFSET_UNKNOWN;
        event->peer.clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
        break;
    default:
        break;
    }
    return event;
}

void
nma_event_free(NmaEvent *event)
{
    if (event == NULL)
        return;
    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        nma_identity_clear(&event->nova_call.identity);
        break;
    case NMA_EVENT_DOMAIN_READING:
        g_free(event->reading.text);
        break;
    case NMA_EVENT_REMEDY:
        g_free(event->remedy.text);
        break;
    case NMA_EVENT_FACTS:
        nma_facts_release(&event->facts.facts);
        break;
    case NMA_EVENT_RESYNC:
        g_clear_pointer(&event->readings, g_ptr_array_unref);
        break;
    case NMA_EVENT_MEASURED:
        nma_measurement_clear(&event->measured);
        break;
    case NMA_EVENT_DOMAINS:
        g_clear_pointer(&event->domains.uuids, g_ptr_array_unref);
        g_free(event->domains.text);
        break;
    case NMA_EVENT_CONDUCTOR:
        g_clear_pointer(&event->conductor.migrations, g_ptr_array_unref);
        break;
    case NMA_EVENT_ASKED:
        nma_ask_free(event->asked);
        break;
    case NMA_EVENT_RESERVED:
        g_free(event->reserved.text);
        break;
    default:
        break;
    }
    g_free(event);
}

NmaNow
nma_event_time(const NmaEvent *event, NmaNow now)
{
    if (event->seen_boot_us <= 0 || event->seen_boot_us > now.boot_us || event->seen_wall_us <= 0)
        return now;
    return (NmaNow){ .boot_us = event->seen_boot_us, .wall_us = event->seen_wall_us };
}
