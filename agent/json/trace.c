#include "agent/json/trace.h"

#include <stdlib.h>
#include <string.h>

#include "agent/json/nova_objects.h"
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

/* far more than a migration lasts */
#define MAX_US (G_GINT64_CONSTANT(366) * 86400 * NMA_US_PER_S)
#define MAX_MS G_GINT64_CONSTANT(86400000)

/* Nova's defaults */
#define DOWNTIME_DELAY_S     75
#define COMPLETION_TIMEOUT_S 800
#define FORCE_COMPLETE       "force_complete"

static const char *const lifecycles[NMA_N_LIFECYCLES] = {
    [NMA_LIFECYCLE_STARTED_MIGRATED] = "started_migrated",
    [NMA_LIFECYCLE_SUSPENDED_MIGRATED] = "suspended_migrated",
    [NMA_LIFECYCLE_SUSPENDED_POSTCOPY] = "suspended_postcopy",
    [NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED] = "suspended_postcopy_failed",
    [NMA_LIFECYCLE_SUSPENDED_OTHER] = "suspended",
    [NMA_LIFECYCLE_RESUMED_MIGRATED] = "resumed_migrated",
    [NMA_LIFECYCLE_RESUMED_POSTCOPY] = "resumed_postcopy",
    [NMA_LIFECYCLE_RESUMED_POSTCOPY_FAILED] = "resumed_postcopy_failed",
    [NMA_LIFECYCLE_RESUMED_OTHER] = "resumed",
    [NMA_LIFECYCLE_STOPPED_MIGRATED] = "stopped_migrated",
    [NMA_LIFECYCLE_STOPPED_FAILED] = "stopped_failed",
    [NMA_LIFECYCLE_STOPPED_OTHER] = "stopped",
};

static const char *const states[] = {
    [NMA_DOMAIN_ABSENT] = "absent",
    [NMA_DOMAIN_RUNNING] = "running",
    [NMA_DOMAIN_PAUSED] = "paused",
    [NMA_DOMAIN_PAUSED_MIGRATION] = "paused_migration",
    [NMA_DOMAIN_PAUSED_POSTCOPY] = "paused_postcopy",
    [NMA_DOMAIN_PAUSED_POSTCOPY_FAILED] = "paused_postcopy_failed",
    [NMA_DOMAIN_UNKNOWN] = "unknown",
};

static json_t *
parse(const char *line, GError **error)
{
    json_error_t why;
    json_t *value = strlen(line) <= NMA_TRACE_MAX_LINE ? json_loads(line, 0, &why) : NULL;

    if (json_is_object(value))
        return value;
    json_decref(value);
    g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "the line is no JSON object");
    return NULL;
}

/* ---- the head ---- */

void
nma_trace_head_clear(NmaTraceHead *head)
{
    g_clear_pointer(&head->host, g_free);
}

static json_t *
nova_to_value(const NmaNovaOptions *nova)
{
    return json_pack("{s:I, s:I, s:I, s:s, s:b, s:b, s:I}", "downtime_steps",
                     (json_int_t)nova->downtime_steps, "downtime_delay_s",
                     (json_int_t)nova->downtime_delay_s, "completion_timeout_s",
                     (json_int_t)nova->completion_timeout_s, "timeout_action",
                     nova->forces ? FORCE_COMPLETE : "abort", "permit_post_copy", nova->post_copy,
                     "permit_auto_converge", nova->auto_converge, "bandwidth_mib_s",
                     (json_int_t)nova->bandwidth_mib_s);
}

char *
nma_trace_head_to_line(const NmaTraceHead *head)
{
    return nma_json_to_text(json_pack(
        "{s:s, s:s, s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:o}", "kind", "trace", "schema_version",
        NMA_TRACE_SCHEMA_VERSION, "host", nma_json_text(head->host), "instance_uuid",
        head->instance_uuid, "begun_at", nma_json_time(head->begun_wall_us), "max_downtime_ms",
        (json_int_t)head->limits.max_downtime_ms, "first_downtime_ms",
        (json_int_t)head->limits.first_downtime_ms, "fixed_cost_ms",
        (json_int_t)head->limits.fixed_cost_ms, "step_ms", (json_int_t)head->limits.step_ms, "nova",
        nova_to_value(&head->nova)));
}

static gint64
option(const json_t *value, const char *key, gint64 otherwise)
{
    gint64 number = nma_json_get_int(value, key, 0, G_MAXINT32);

    return number >= 0 ? number : otherwise;
}

static void
read_nova(const json_t *value, const NmaConvergenceLimits *limits, NmaNovaOptions *nova)
{
    const char *action = json_string_value(json_object_get(value, "timeout_action"));

    *nova = (NmaNovaOptions){
        .downtime_ms = limits->max_downtime_ms,
        .downtime_steps = option(value, "downtime_steps",
                                 limits->max_downtime_ms / MAX(limits->first_downtime_ms, 1)),
        .downtime_delay_s = option(value, "downtime_delay_s", DOWNTIME_DELAY_S),
        .completion_timeout_s = option(value, "completion_timeout_s", COMPLETION_TIMEOUT_S),
        .forces = g_strcmp0(action, FORCE_COMPLETE) == 0,
        .post_copy = nma_json_get_bool(value, "permit_post_copy"),
        .auto_converge = nma_json_get_bool(value, "permit_auto_converge"),
        .bandwidth_mib_s = option(value, "bandwidth_mib_s", 0),
    };
}

static gboolean
read_head(const json_t *value, NmaTraceHead *head)
{
    const char *kind = json_string_value(json_object_get(value, "kind"));
    const char *version = json_string_value(json_object_get(value, "schema_version"));

    head->host = nma_json_dup_name(value, "host");
    head->begun_wall_us = nma_json_get_time(value, "begun_at");
    head->limits.max_downtime_ms = nma_json_get_int(value, "max_downtime_ms", 1, MAX_MS);
    head->limits.first_downtime_ms = nma_json_get_int(value, "first_downtime_ms", 0, MAX_MS);
    head->limits.fixed_cost_ms = nma_json_get_int(value, "fixed_cost_ms", 0, MAX_MS);
    head->limits.step_ms = nma_json_get_int(value, "step_ms", 0, MAX_MS);
    read_nova(json_object_get(value, "nova"), &head->limits, &head->nova);
    return g_strcmp0(kind, "trace") == 0 && version != NULL && g_str_has_prefix(version, "1.") &&
           nma_json_get_uuid(value, "instance_uuid", head->instance_uuid) &&
           head->begun_wall_us >= 0 && head->limits.max_downtime_ms >= 0 &&
           head->limits.first_downtime_ms >= 0 && head->limits.fixed_cost_ms >= 0 &&
           head->limits.step_ms >= 0;
}

gboolean
nma_trace_head_from_line(const char *line, NmaTraceHead *head, GError **error)
{
    json_t *value = parse(line, error);
    gboolean good;

    *head = (NmaTraceHead){ NULL };
    if (value == NULL)
        return FALSE;
    good = read_head(value, head);
    json_decref(value);
    if (good)
        return TRUE;
    nma_trace_head_clear(head);
    g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                "the first line is not that of a trace of version 1");
    return FALSE;
}

/* ---- events ---- */

static json_t *
call_to_value(const NmaNovaCall *call)
{
    json_t *value =
        json_pack("{s:s, s:s}", "kind", "nova_call", "method", nma_nova_method_name(call->method));

    json_object_set_new(value, "destination", nma_json_text(call->identity.destination));
    json_object_set_new(value, "migration_id", nma_json_integer(call->identity.migration_id));
    json_object_set_new(value, "memory_mib", nma_json_integer(call->identity.memory_mib));
    return value;
}

static json_t *
reading_to_value(const NmaDomainReading *reading)
{
    return json_pack("{s:s, s:s, s:b, s:o}", "kind", "reading", "state", states[reading->state],
                     "huge_pages", reading->huge_pages, "statistics",
                     reading->stats_known ? nma_statistics_to_value(&reading->stats, FALSE)
                                          : json_null());
}

char *
nma_trace_event_to_line(const NmaEvent *event, gint64 at_us)
{
    json_t *value;

    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        value = call_to_value(&event->nova_call);
        break;
    case NMA_EVENT_LIFECYCLE:
        value =
            json_pack("{s:s, s:s}", "kind", "lifecycle", "what", lifecycles[event->lifecycle.what]);
        break;
    case NMA_EVENT_ITERATION:
        value = json_pack("{s:s, s:I}", "kind", "iteration", "iteration",
                          (json_int_t)event->iteration.iteration);
        break;
    case NMA_EVENT_JOB_COMPLETED:
        value = json_pack("{s:s, s:o}", "kind", "job_completed", "statistics",
                          nma_statistics_to_value(&event->job_completed.stats, TRUE));
        break;
    case NMA_EVENT_DOMAIN_READING:
        value = reading_to_value(&event->reading);
        break;
    default:
        return NULL;
    }
    json_object_set_new(value, "at_us", json_integer(at_us));
    return nma_json_to_text(value);
}

static int
index_of(const char *word, const char *const *words, guint n)
{
    for (guint i = 0; i < n; i++)
        if (g_strcmp0(word, words[i]) == 0)
            return (int)i;
    return -1;
}

static gboolean
read_call(const json_t *value, const char *instance_uuid, NmaEvent *event)
{
    NmaIdentity *identity = &event->nova_call.identity;
    const char *method = json_string_value(json_object_get(value, "method"));

    g_strlcpy(identity->instance_uuid, instance_uuid, sizeof identity->instance_uuid);
    identity->destination = nma_json_dup_name(value, "destination");
    identity->migration_id = nma_json_get_int(value, "migration_id", 0, G_MAXINT64);
    identity->memory_mib = nma_json_get_int(value, "memory_mib", 0, G_MAXINT32);
    return method != NULL && nma_nova_method_from_name(method, &event->nova_call.method);
}

static gboolean
read_lifecycle(const json_t *value, const char *instance_uuid, NmaEvent *event)
{
    int what =
        index_of(json_string_value(json_object_get(value, "what")), lifecycles, NMA_N_LIFECYCLES);

    g_strlcpy(event->lifecycle.instance_uuid, instance_uuid, sizeof event->lifecycle.instance_uuid);
    event->lifecycle.what = (NmaLifecycle)what;
    return what >= 0;
}

static gboolean
read_iteration(const json_t *value, const char *instance_uuid, NmaEvent *event)
{
    g_strlcpy(event->iteration.instance_uuid, instance_uuid, sizeof event->iteration.instance_uuid);
    event->iteration.iteration = nma_json_get_int(value, "iteration", 0, G_MAXINT32);
    return event->iteration.iteration >= 0;
}

static gboolean
read_completed(const json_t *value, const char *instance_uuid, NmaEvent *event)
{
    g_strlcpy(event->job_completed.instance_uuid, instance_uuid,
              sizeof event->job_completed.instance_uuid);
    nma_statistics_from_value(json_object_get(value, "statistics"), &event->job_completed.stats);
    return json_is_object(json_object_get(value, "statistics"));
}

static gboolean
read_reading(const json_t *value, const char *instance_uuid, NmaEvent *event)
{
    NmaDomainReading *reading = &event->reading;
    const json_t *statistics = json_object_get(value, "statistics");
    int state =
        index_of(json_string_value(json_object_get(value, "state")), states, G_N_ELEMENTS(states));

    g_strlcpy(reading->instance_uuid, instance_uuid, sizeof reading->instance_uuid);
    reading->stats_known = json_is_object(statistics);
    if (reading->stats_known)
        nma_statistics_from_value(statistics, &reading->stats);
    reading->state = (NmaDomainState)state;
    reading->huge_pages = nma_json_get_bool(value, "huge_pages");
    return state >= 0;
}

static const struct {
    const char *kind;
    NmaEventType type;
    gboolean (*read)(const json_t *value, const char *instance_uuid, NmaEvent *event);
} kinds[] = {
    { "nova_call", NMA_EVENT_NOVA_CALL, read_call },
    { "lifecycle", NMA_EVENT_LIFECYCLE, read_lifecycle },
    { "iteration", NMA_EVENT_ITERATION, read_iteration },
    { "job_completed", NMA_EVENT_JOB_COMPLETED, read_completed },
    { "reading", NMA_EVENT_DOMAIN_READING, read_reading },
};

static NmaEvent *
event_of(const json_t *value, const char *instance_uuid, gint64 *at_us, GError **error)
{
    const char *kind = json_string_value(json_object_get(value, "kind"));
    g_autoptr(NmaEvent) event = NULL;

    *at_us = nma_json_get_int(value, "at_us", 0, MAX_US);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(kind, kinds[i].kind) != 0)
            continue;
        event = nma_event_new(kinds[i].type);
        if (*at_us >= 0 && kinds[i].read(value, instance_uuid, event))
            return g_steal_pointer(&event);
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "the line of kind %s lacks something, or holds what cannot be", kinds[i].kind);
        return NULL;
    }
    if (kind == NULL)
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "the line says no kind");
    return NULL;
}

NmaEvent *
nma_trace_event_from_line(const char *line, const char *instance_uuid, gint64 *at_us,
                          GError **error)
{
    json_t *value = parse(line, error);
    NmaEvent *event;

    if (value == NULL)
        return NULL;
    event = event_of(value, instance_uuid, at_us, error);
    json_decref(value);
    return event;
}
