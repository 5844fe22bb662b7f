#include "tests/unit/host_samples.h"

#define ARRIVING "22222222-2222-4333-8444-555555555555"

static char *
new_attempt_id(void)
{
    return g_uuid_string_random();
}

NmaHost *
host_sample_empty(void)
{
    const NmaHostConfig config = {
        .host = "host-a",
        .progress_interval_us = NMA_US_PER_S,
        .conductor_interval_us = 30 * NMA_US_PER_S,
        .max_open = 8,
        .new_attempt_id = new_attempt_id,
    };

    return nma_host_new(&config);
}

static NmaIdentity
identity(const char *instance_uuid, const char *source, const char *destination)
{
    NmaIdentity id;

    nma_identity_init(&id);
    g_strlcpy(id.instance_uuid, instance_uuid, sizeof id.instance_uuid);
    id.source = (char *)source;
    id.destination = (char *)destination;
    id.memory_mib = 512;
    return id;
}

NmaHost *
host_sample(void)
{
    const NmaNow now = { 5 * NMA_US_PER_S, G_GINT64_CONSTANT(1795296164000007) };
    NmaIdentity leaving = identity(HOST_SAMPLE_INSTANCE, "host-a", "host-b");
    NmaIdentity arriving = identity(ARRIVING, "host-b", "host-a");
    NmaHost *host = host_sample_empty();
    NmaSource *source = nma_source_new(&leaving, "aaaaaaaa-2222-4333-8444-555555555555", now);
    NmaReservation reservation = {
        .instance_uuid = ARRIVING,
        .source = (char *)"host-b",
        .resources.amount = { G_GINT64_CONSTANT(512) << 20, 2, NMA_UNKNOWN, 1 },
        .state = NMA_RESERVATION_SOFT,
        .created_wall_us = now.wall_us,
        .expires_boot_us = now.boot_us + NMA_RESERVATION_SOFT_LEASE_US,
    };

    source->base.has_stats = TRUE;
    source->base.stats.downtime_ms = 300;
    nma_host_restore_source(host, source, now);
    nma_host_restore_destination(
        host, nma_destination_new(&arriving, "bbbbbbbb-2222-4333-8444-555555555555", now), now);
    nma_host_restore_reservation(host, &reservation);
    return host;
}
