/* What makes an agent degraded, and what status says of it. */
#include "agent/status.h"
#include "tests/unit/tap.h"

static const NmaNow now = { .boot_us = 1000 * NMA_US_PER_S, .wall_us = 1000 * NMA_US_PER_S };

static NmaHost *
new_host(void)
{
    const NmaHostConfig config = { .host = "host-a",
                                   .progress_interval_us = NMA_US_PER_S,
                                   .conductor_interval_us = 30 * NMA_US_PER_S,
                                   .max_open = 2 };

    return nma_host_new(&config);
}

static void
cast_arrives(NmaHost *host, const char *uuid)
{
    g_autoptr(NmaEvent) event = nma_event_new(NMA_EVENT_NOVA_CALL);
    g_autoptr(GPtrArray) effects = nma_effects_new();

    event->nova_call.method = NMA_NOVA_LIVE_MIGRATION;
    g_strlcpy(event->nova_call.identity.instance_uuid, uuid,
              sizeof event->nova_call.identity.instance_uuid);
    event->nova_call.identity.source = g_strdup("host-a");
    event->nova_call.identity.destination = g_strdup("host-b");
    nma_host_step(host, event, now, effects);
}

/* a status in which all is well; the caller spoils it */
static NmaStatus
well(const NmaSettings *settings, const NmaHost *host)
{
    return (NmaStatus){
        .settings = settings,
        .host = host,
        .now = now,
        .bus = { .in_connected = TRUE, .out_connected = TRUE, .tap_bound = TRUE },
        .libvirt = { .connected = TRUE },
    };
}

static NmaSettings settings = {
    .host = (char *)"host-a",
    .tap_queue_type = (char *)"auto",
    .libvirt_uri = (char *)"qemu:///system",
    .max_open_migrations = 2,
};

static void
assert_degraded(const NmaStatus *status, const char *part_or_null)
{
    json_t *answer = nma_status_to_json(status);
    json_t *degraded = json_object_get(answer, "degraded");

    g_assert_nonnull(answer);
    g_assert_cmpstr(json_string_value(json_object_get(answer, "health")), ==,
                    part_or_null == NULL ? "ok" : "degraded");
    g_assert_cmpuint(json_array_size(degraded), ==, part_or_null == NULL ? 0 : 1);
    if (part_or_null != NULL)
        g_assert_nonnull(
            g_strstr_len(json_string_value(json_array_get(degraded, 0)), -1, part_or_null));
    json_decref(answer);
}

static void
test_each_reason(void)
{
    g_autoptr(NmaHost) host = new_host();
    NmaStatus status = well(&settings, host);

    assert_degraded(&status, NULL);
    status.bus.out_connected = FALSE;
    assert_degraded(&status, "not connected to the message broker");
    status = well(&settings, host);
    status.bus.blocked = TRUE;
    assert_degraded(&status, "alarm");
    status = well(&settings, host);
    status.bus.tap_bound = FALSE;
    assert_degraded(&status, "tap");
    status = well(&settings, host);
    status.bus_stats.last_probe_us = g_get_monotonic_time() - 181 * NMA_US_PER_S;
    assert_degraded(&status, "tap");
    status = well(&settings, host);
    status.libvirt.connected = FALSE;
    assert_degraded(&status, "not connected to libvirt");
    status = well(&settings, host);
    status.libvirt.overdue_calls = 1;
    assert_degraded(&status, "overdue");
    status = well(&settings, host);
    status.store_error = "disk full";
    assert_degraded(&status, "state directory");
}

static void
test_full(void)
{
    g_autoptr(NmaHost) host = new_host();
    NmaStatus status = well(&settings, host);

    cast_arrives(host, "aaaaaaaa-0000-4000-8000-000000000001");
    assert_degraded(&status, NULL);
    cast_arrives(host, "aaaaaaaa-0000-4000-8000-000000000002");
    assert_degraded(&status, "max_open_migrations");
}

/* Wrong configuration is told, but it is no fault of the agent. */
static void
test_audit(void)
{
    g_autoptr(NmaHost) host = new_host();
    g_autoptr(NmaAudit) audit = nma_audit_new();
    NmaStatus status = well(&settings, host);
    NmaMetrics metrics;
    json_t *answer = nma_status_to_json(&status);

    g_assert_true(json_is_null(json_object_get(answer, "audit")));
    json_decref(answer);
    nma_status_to_metrics(&status, &metrics);
    g_assert_cmpfloat(metrics.audit_age_seconds, ==, -1);

    audit->release_name = g_strdup("zed (26)");
    audit->audited_wall_us = now.wall_us - 7 * NMA_US_PER_S;
    for (guint i = 0; i < 3; i++)
        nma_audit_add(audit, nma_finding_new(NMA_SEVERITY_ERROR, "NC201", "illegal"));
    nma_audit_add(audit, nma_finding_new(NMA_SEVERITY_WARNING, "NC101", "unknown"));
    status.audit = audit;
    assert_degraded(&status, NULL);
    answer = nma_status_to_json(&status);
    const json_t *told = json_object_get(answer, "audit");
    g_assert_cmpint(json_integer_value(json_object_get(told, "error")), ==, 3);
    g_assert_cmpint(json_integer_value(json_object_get(told, "warning")), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(told, "info")), ==, 0);
    g_assert_cmpfloat(json_real_value(json_object_get(told, "age_s")), ==, 7);
    g_assert_cmpstr(json_string_value(json_object_get(told, "release")), ==, "zed (26)");
    json_decref(answer);
    nma_status_to_metrics(&status, &metrics);
    g_assert_cmpuint(metrics.findings[NMA_SEVERITY_ERROR], ==, 3);
    g_assert_cmpfloat(metrics.audit_age_seconds, ==, 7);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/status/each-reason", test_each_reason);
    g_test_add_func("/status/full", test_full);
    g_test_add_func("/status/audit", test_audit);
    return g_test_run();
}
