/* The open migrations of a host. */
#include "agent/core/host_internal.h"

NmaSource *
nma_host_get_source(const NmaHost *host, const char *instance_uuid)
{
    return g_hash_table_lookup(host->sources, instance_uuid);
}

NmaDestination *
nma_host_get_destination(const NmaHost *host, const char *instance_uuid)
{
    return g_hash_table_lookup(host->destinations, instance_uuid);
}

void
nma_host_retire_source(NmaHost *host, NmaSource *source, NmaNow now)
{
    nma_recent_add(host->recent, &source->base, now);
    nma_source_finish(source, now);
    nma_experiences_add(host->experiences, &source->outcome);
    g_hash_table_steal(host->sources, source->base.identity.instance_uuid);
    g_ptr_array_add(host->ended_sources, source);
}

void
nma_host_retire_destination(NmaHost *host, NmaDestination *destination, NmaNow now)
{
    nma_recent_add(host->recent, &destination->base, now);
    g_hash_table_steal(host->destinations, destination->base.identity.instance_uuid);
    g_ptr_array_add(host->ended_destinations, destination);
}

void
nma_host_step_source(NmaHost *host, NmaSource *source, const NmaEvent *event, NmaNow now,
                     GPtrArray *effects)
{
    if (source == NULL)
        return;
    if (event->type == NMA_EVENT_DOMAIN_READING)
        nma_experiences_get(host->experiences, source->base.identity.destination,
                            &source->experience);
    nma_source_step(source, event, host->progress_interval_us, now, effects);
    if (source->base.ended)
        nma_host_retire_source(host, source, now);
}

void
nma_host_step_destination(NmaHost *host, NmaDestination *destination, const NmaEvent *event,
                          NmaNow now, GPtrArray *effects)
{
    if (destination == NULL)
        return;
    nma_destination_step(destination, event, host->ledger, now, effects);
    if (destination->base.ended)
        nma_host_retire_destination(host, destination, now);
}

static gboolean
may_open(NmaHost *host, GHashTable *table)
{
    if (g_hash_table_size(table) < host->max_open)
        return TRUE;
    host->ignored_total++;
    return FALSE;
}

NmaSource *
nma_host_open_source(NmaHost *host, const NmaIdentity *identity, gboolean adopted, NmaNow now,
                     GPtrArray *effects)
{
    g_autofree char *attempt_id = NULL;
    NmaSource *source;

    if (!may_open(host, host->sources))
        return NULL;
    attempt_id = host->new_attempt_id();
    source = nma_source_new(identity, attempt_id, now);
    nma_source_set_limits(source, &host->limits);
    if (source->base.identity.source == NULL)
        source->base.identity.source = g_strdup(host->name);
    g_hash_table_insert(host->sources, source->base.identity.instance_uuid, source);
    nma_source_open(source, adopted, now, effects);
    return source;
}

NmaDestination *
nma_host_open_destination(NmaHost *host, const NmaIdentity *identity, gboolean late, NmaNow now,
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
