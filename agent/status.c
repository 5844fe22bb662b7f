#include "config.h"

#include "agent/status.h"

#include <unistd.h>

#include "agent/json/requests.h"
#include "agent/ops/log.h"

#define TAP_AGE_DEGRADED_S 180

static json_t *
text_or_null(const char *text)
{
    return text != NULL && *text != '\0' ? json_string(text) : json_null();
}

static gdouble
tap_age_s(const NmaStatus *status)
{
    if (status->bus_stats.last_probe_us == 0)
        return -1;
    return (gdouble)(g_get_monotonic_time() - status->bus_stats.last_probe_us) / NMA_US_PER_S;
}

static gdouble
outbox_oldest_s(const NmaStatus *status)
{
    if (status->outbox_oldest_wall_us == 0)
        return 0;
    return MAX(0.0, (gdouble)(status->now.wall_us - status->outbox_oldest_wall_us) / NMA_US_PER_S);
}

static gboolean
tap_wanted(const NmaStatus *status)
{
    return g_strcmp0(status->settings->tap_queue_type, "off") != 0;
}

/* more of that role are not followed: see NmaHostConfig.max_open */
static gboolean
full(const NmaStatus *status)
{
    guint most = MAX(nma_host_open_count(status->host, NMA_ROLE_SOURCE),
                     nma_host_open_count(status->host, NMA_ROLE_DESTINATION));

    return most >= (guint64)status->settings->max_open_migrations;
}

/* each entry is a sentence that says what is wrong */
static json_t *
degraded_reasons(const NmaStatus *status)
{
    json_t *reasons = json_array();

    if (!status->bus.in_connected || !status->bus.out_connected)
        json_array_append_new(reasons, json_string("not connected to the message broker"));
    else if (status->bus.blocked)
        json_array_append_new(reasons, json_string("the broker takes no messages (alarm)"));
    if (status->bus.in_connected && tap_wanted(status) &&
        (!status->bus.tap_bound || tap_age_s(status) > TAP_AGE_DEGRADED_S))
        json_array_append_new(reasons, json_string("the tap on nova-compute's topics is deaf"));
    if (!status->libvirt.connected)
        json_array_append_new(reasons, json_string("not connected to libvirt"));
    if (status->libvirt.overdue_calls > 0)
        json_array_append_new(reasons, json_string("libvirt calls are overdue"));
    if (status->store_error != NULL)
        json_array_append_new(reasons, json_string("the state directory cannot be written"));
    if (full(status))
        json_array_append_new(
            reasons, json_string("max_open_migrations are open: further ones are not followed"));
    return reasons;
}

static json_t *
bus_to_json(const NmaStatus *status)
{
    gdouble age = tap_age_s(status);

    return json_pack(
        "{s:b, s:b, s:o, s:o, s:b, s:o, s:b, s:b, s:b}", "in", status->bus.in_connected, "out",
        status->bus.out_connected, "broker", text_or_null(status->bus.in_broker), "error",
        text_or_null(status->bus.last_error), "tap_bound", status->bus.tap_bound, "tap_age_s",
        age < 0 ? json_null() : json_real(age), "server_ready", status->bus.server_ready, "blocked",
        status->bus.blocked, "tls_unverified", status->bus.tls_unverified);
}

static json_t *
migrations_to_json(const NmaStatus *status)
{
    json_t *result = nma_result_list(status->host);
    json_t *migrations = json_incref(json_object_get(result, "migrations"));

    json_decref(result);
    return migrations;
}

static gdouble
audit_age_s(const NmaStatus *status)
{
    if (status->audit == NULL)
        return -1;
    return MAX(0.0, (gdouble)(status->now.wall_us - status->audit->audited_wall_us) / NMA_US_PER_S);
}

static json_t *
audit_to_json(const NmaStatus *status)
{
    const NmaAudit *audit = status->audit;

    if (audit == NULL)
        return json_null();
    return json_pack("{s:s, s:f, s:i, s:i, s:i}", "release", audit->release_name, "age_s",
                     audit_age_s(status), "error", (int)audit->counts[NMA_SEVERITY_ERROR],
                     "warning", (int)audit->counts[NMA_SEVERITY_WARNING], "info",
                     (int)audit->counts[NMA_SEVERITY_INFO]);
}

json_t *
nma_status_to_json(const NmaStatus *status)
{
    json_t *degraded = degraded_reasons(status);

    return json_pack(
        "{s:s, s:s, s:I, s:f, s:s, s:o, s:{s:b, s:s, s:o, s:i}, s:{s:I, s:f, s:I, s:I, s:I, s:b},"
        " s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:i, s:o, s:s, s:o, s:o, s:s, s:o}",
        "version", PACKAGE_VERSION, "host", status->settings->host, "pid", (json_int_t)getpid(),
        "uptime_s", (gdouble)(status->now.boot_us - status->started_boot_us) / NMA_US_PER_S, "mode",
        nma_mode_to_string(status->settings->mode), "bus", bus_to_json(status), "libvirt",
        "connected", status->libvirt.connected, "uri", status->settings->libvirt_uri, "error",
        text_or_null(status->libvirt.error), "overdue_calls", (int)status->libvirt.overdue_calls,
        "outbox", "rows", (json_int_t)status->outbox_rows, "oldest_s", outbox_oldest_s(status),
        "published_total", (json_int_t)status->publisher.published_total, "unroutable_total",
        (json_int_t)status->publisher.unroutable_total, "dropped_total",
        (json_int_t)status->reports_dropped_total, "nobody_listens",
        status->publisher.nobody_listens, "tap", "seen_total",
        (json_int_t)status->bus_stats.tap_seen, "matched_total",
        (json_int_t)status->bus_stats.tap_matched, "malformed_total",
        (json_int_t)status->malformed_total, "oversize_total",
        (json_int_t)status->bus_stats.tap_oversize, "dropped_total",
        (json_int_t)status->tap_dropped_total, "server", "requests_total",
        (json_int_t)status->bus_stats.requests, "refused_total",
        (json_int_t)status->bus_stats.requests_refused, "malformed_total",
        (json_int_t)status->bus_stats.requests_malformed, "reservations",
        (int)nma_ledger_live_count(nma_host_ledger(status->host)), "migrations",
        migrations_to_json(status), "log_level", nma_log_get_level(), "store_error",
        text_or_null(status->store_error), "audit", audit_to_json(status), "health",
        json_array_size(degraded) == 0 ? "ok" : "degraded", "degraded", degraded);
}

static void
count_phase(const NmaMigration *migration, gpointer user_data)
{
    NmaMetrics *metrics = user_data;

    metrics->migrations[migration->phase]++;
}

void
nma_status_to_metrics(const NmaStatus *status, NmaMetrics *metrics)
{
    *metrics = (NmaMetrics){
        .bus_in_connected = status->bus.in_connected,
        .bus_out_connected = status->bus.out_connected,
        .libvirt_connected = status->libvirt.connected,
        .tap_age_seconds = tap_age_s(status),
        .outbox_oldest_seconds = outbox_oldest_s(status),
        .outbox_rows = status->outbox_rows,
        .unroutable_total = status->publisher.unroutable_total,
        .tap_dropped_total = status->tap_dropped_total,
        .malformed_total = status->malformed_total + status->bus_stats.requests_malformed,
        .reports_dropped_total = status->reports_dropped_total,
        .reports_published_total = status->publisher.published_total,
        .reservations = nma_ledger_live_count(nma_host_ledger(status->host)),
    };
    metrics->audit_age_seconds = audit_age_s(status);
    for (guint i = 0; status->audit != NULL && i < NMA_N_SEVERITIES; i++)
        metrics->findings[i] = status->audit->counts[i];
    nma_host_foreach_migration(status->host, count_phase, metrics);
}
