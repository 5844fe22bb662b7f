#include "agent/json/forecast.h"

#include <stdlib.h>

#include "agent/json/nova_objects.h"
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

#define KIND "forecast"

/* One row is one figure; a range is two. */
static const struct {
    const char *name;
    gsize offset;
} figures[] = {
#define FIGURE(json_name, member)                                                                  \
    {                                                                                              \
        json_name, G_STRUCT_OFFSET(NmaForecast, member)                                            \
    }
    FIGURE("passes", passes),
    FIGURE("max_downtime_ms", max_downtime_ms),
    FIGURE("bandwidth_bytes_s", bandwidth_bytes_s),
    FIGURE("dirty_rate_bytes_s", dirty_rate_bytes_s),
    FIGURE("true_dirty_rate_low_bytes_s", true_dirty_rate_bytes_s.low),
    FIGURE("true_dirty_rate_high_bytes_s", true_dirty_rate_bytes_s.high),
    FIGURE("working_set_low_bytes", working_set_bytes.low),
    FIGURE("working_set_high_bytes", working_set_bytes.high),
    FIGURE("nonzero_bytes", nonzero_bytes),
    FIGURE("rest_bytes", rest_bytes),
    FIGURE("least_downtime_low_ms", least_downtime_ms.low),
    FIGURE("least_downtime_high_ms", least_downtime_ms.high),
    FIGURE("finishes_in_low_ms", finishes_in_ms.low),
    FIGURE("finishes_in_high_ms", finishes_in_ms.high),
    FIGURE("downtime_low_ms", downtime_ms.low),
    FIGURE("downtime_high_ms", downtime_ms.high),
    FIGURE("needed_bandwidth_low_bytes_s", needed_bandwidth_bytes_s.low),
    FIGURE("needed_bandwidth_high_bytes_s", needed_bandwidth_bytes_s.high),
    FIGURE("needed_throttle_low_percent", needed_throttle_percent.low),
    FIGURE("needed_throttle_high_percent", needed_throttle_percent.high),
    FIGURE("post_copy_ms", post_copy_ms),
    FIGURE("pause_low_ms", pause_ms.low),
    FIGURE("pause_high_ms", pause_ms.high),
    FIGURE("throttle_percent", throttle_percent),
    FIGURE("elapsed_ms", elapsed_ms),
    FIGURE("nova_downtime_ms", nova.downtime_ms),
    FIGURE("nova_next_downtime_ms", nova.next_downtime_ms),
    FIGURE("nova_next_downtime_at_ms", nova.next_downtime_at_ms),
    FIGURE("nova_end_at_ms", nova.end_at_ms),
#undef FIGURE
};

char *
nma_forecast_to_json(const NmaForecastReport *report, const char *host)
{
    const NmaForecast *forecast = &report->forecast;
    g_autofree char *diagnosis = nma_forecast_diagnosis(forecast);
    g_autofree char *name = nma_clean_text(host, NMA_TEXT_MAX_BYTES);
    json_t *value = json_object();

    json_object_set_new(value, "schema_version", json_string(NMA_FORECAST_SCHEMA_VERSION));
    nma_identity_to_object(&report->identity, value);
    json_object_set_new(value, "host", nma_json_text(name));
    json_object_set_new(value, "role", json_string(nma_role_to_string(NMA_ROLE_SOURCE)));
    json_object_set_new(value, "attempt_id", json_string(report->attempt_id));
    json_object_set_new(value, "kind", json_string(KIND));
    json_object_set_new(value, "occurred_at", nma_json_time(report->occurred_wall_us));
    json_object_set_new(value, "iteration", nma_json_integer(report->iteration));
    json_object_set_new(value, "verdict",
                        json_string(nma_forecast_verdict_to_string(forecast->verdict)));
    json_object_set_new(value, "cause", nma_json_text(nma_hindrance_to_string(forecast->cause)));
    json_object_set_new(value, "why", nma_json_text(nma_doubt_to_string(forecast->why)));
    json_object_set_new(value, "diagnosis", nma_json_text(diagnosis));
    json_object_set_new(value, "nova_end",
                        nma_json_text(nma_nova_end_to_string(forecast->nova.end)));
    json_object_set_new(value, "nova_auto_converge", json_boolean(forecast->nova.auto_converge));
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        json_object_set_new(value, figures[i].name,
                            nma_json_integer(G_STRUCT_MEMBER(gint64, forecast, figures[i].offset)));
    return nma_json_to_text(value);
}

/* ---- reading ---- */

gboolean
nma_forecast_is(const json_t *payload)
{
    return g_strcmp0(json_string_value(json_object_get(payload, "kind")), KIND) == 0;
}

static guint
read_word(const json_t *payload, const char *key, const char *(*name_of)(guint), guint n)
{
    const char *word = json_string_value(json_object_get(payload, key));

    for (guint i = 0; i < n; i++)
        if (g_strcmp0(word, name_of(i)) == 0)
            return i;
    return 0;
}

static const char *
verdict_name(guint i)
{
    return nma_forecast_verdict_to_string((NmaForecastVerdict)i);
}

static const char *
cause_name(guint i)
{
    return nma_hindrance_to_string((NmaHindrance)i);
}

static const char *
why_name(guint i)
{
    return nma_doubt_to_string((NmaDoubt)i);
}

static const char *
end_name(guint i)
{
    return nma_nova_end_to_string((NmaNovaEnd)i);
}

NmaForecastReport *
nma_forecast_from_json(const json_t *payload, char **host, GError **error)
{
    g_autoptr(NmaForecastReport) report = nma_forecast_report_new();
    g_autofree char *from = nma_json_dup_name(payload, "host");
    NmaForecast *forecast = &report->forecast;
    const char *version = json_string_value(json_object_get(payload, "schema_version"));

    nma_identity_clear(&report->identity);
    nma_identity_from_object(payload, &report->identity);
    report->occurred_wall_us = nma_json_get_time(payload, "occurred_at");
    if (version == NULL || !g_str_has_prefix(version, "1.") || !nma_forecast_is(payload) ||
        from == NULL || report->identity.instance_uuid[0] == '\0' ||
        report->occurred_wall_us == NMA_UNKNOWN ||
        !nma_json_get_uuid(payload, "attempt_id", report->attempt_id)) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "the forecast does not say of which migration it is");
        return NULL;
    }
    report->iteration = nma_json_get_int(payload, "iteration", 0, G_MAXINT64);
    forecast->verdict =
        (NmaForecastVerdict)read_word(payload, "verdict", verdict_name, NMA_N_FORECASTS);
    forecast->cause = (NmaHindrance)read_word(payload, "cause", cause_name, NMA_N_HINDRANCES);
    forecast->why = (NmaDoubt)read_word(payload, "why", why_name, NMA_N_DOUBTS);
    forecast->nova.end = (NmaNovaEnd)read_word(payload, "nova_end", end_name, NMA_N_NOVA_ENDS);
    forecast->nova.auto_converge = nma_json_get_bool(payload, "nova_auto_converge");
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        G_STRUCT_MEMBER(gint64, forecast, figures[i].offset) =
            nma_json_get_int(payload, figures[i].name, 0, G_MAXINT64);
    *host = g_steal_pointer(&from);
    return g_steal_pointer(&report);
}
