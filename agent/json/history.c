#include "agent/json/history.h"

#include "agent/json/value.h"

static json_t *
factor(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

static void
add_destination(const char *destination, const NmaExperience *experience, gpointer user_data)
{
    json_t *value = json_object();
    const NmaRange *bandwidth = &experience->bandwidth_bytes_s;

    json_object_set_new(value, "destination", nma_json_text(destination));
    json_object_set_new(value, "migrations", json_integer(experience->n));
    json_object_set_new(value, "bandwidth_low_bytes_s", nma_json_integer(bandwidth->low));
    json_object_set_new(value, "bandwidth_high_bytes_s", nma_json_integer(bandwidth->high));
    json_object_set_new(value, "median_bandwidth_bytes_s",
                        nma_json_integer(experience->median_bandwidth_bytes_s));
    json_object_set_new(value, "fixed_cost_ms", nma_json_integer(experience->fixed_cost_ms));
    json_object_set_new(value, "duration_factor", factor(experience->duration_factor));
    json_object_set_new(value, "downtime_factor", factor(experience->downtime_factor));
    json_object_set_new(value, "verdicts_right", json_integer(experience->right));
    json_object_set_new(value, "verdicts_wrong", json_integer(experience->wrong));
    json_object_set_new(value, "last_ended_at", nma_json_time(experience->last_wall_us));
    json_array_append_new(user_data, value);
}

static json_t *
prediction_to_value(const NmaOutcome *outcome, NmaPredictionKind kind)
{
    const NmaPrediction *prediction = &outcome->predictions[kind];
    json_t *value;

    if (prediction->verdict == NMA_FORECAST_UNKNOWN)
        return json_null();
    value = json_object();
    json_object_set_new(value, "verdict",
                        json_string(nma_forecast_verdict_to_string(prediction->verdict)));
    json_object_set_new(value, "at_ms", nma_json_integer(prediction->at_ms));
    json_object_set_new(value, "lasts_low_ms", nma_json_integer(prediction->lasts_ms.low));
    json_object_set_new(value, "lasts_high_ms", nma_json_integer(prediction->lasts_ms.high));
    json_object_set_new(value, "downtime_low_ms", nma_json_integer(prediction->downtime_ms.low));
    json_object_set_new(value, "downtime_high_ms", nma_json_integer(prediction->downtime_ms.high));
    json_object_set_new(value, "score", nma_json_text(nma_score_to_string(prediction->score)));
    json_object_set_new(value, "duration_ratio", factor(nma_outcome_duration_ratio(outcome, kind)));
    json_object_set_new(value, "downtime_ratio", factor(nma_outcome_downtime_ratio(outcome, kind)));
    return value;
}

static json_t *
outcome_to_value(const NmaOutcome *outcome)
{
    static const struct {
        const char *name;
        NmaPredictionKind kind;
    } kinds[] = {
        { "forecast_before", NMA_PREDICTED_BEFORE },
        { "forecast_first", NMA_PREDICTED_FIRST },
        { "forecast_last", NMA_PREDICTED_LAST },
    };
    json_t *value = json_object();

    json_object_set_new(value, "attempt_id", nma_json_text(outcome->attempt_id));
    json_object_set_new(value, "instance_uuid", nma_json_text(outcome->instance_uuid));
    json_object_set_new(value, "destination", nma_json_text(outcome->destination));
    json_object_set_new(value, "ended_at", nma_json_time(outcome->ended_wall_us));
    json_object_set_new(value, "end", json_string(nma_outcome_end_to_string(outcome->end)));
    json_object_set_new(value, "forced", json_boolean(outcome->forced));
    json_object_set_new(value, "post_copy", json_boolean(outcome->post_copy));
    json_object_set_new(value, "memory_bytes", nma_json_integer(outcome->memory_bytes));
    json_object_set_new(value, "nonzero_bytes", nma_json_integer(outcome->nonzero_bytes));
    json_object_set_new(value, "bandwidth_bytes_s", nma_json_integer(outcome->bandwidth_bytes_s));
    json_object_set_new(value, "lasted_ms", nma_json_integer(outcome->lasted_ms));
    json_object_set_new(value, "downtime_ms", nma_json_integer(outcome->downtime_ms));
    json_object_set_new(value, "fixed_cost_ms", nma_json_integer(outcome->fixed_cost_ms));
    json_object_set_new(value, "max_downtime_ms", nma_json_integer(outcome->max_downtime_ms));
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        json_object_set_new(value, kinds[i].name, prediction_to_value(outcome, kinds[i].kind));
    return value;
}

json_t *
nma_history_to_json(const char *host, const NmaExperiences *experiences, const GPtrArray *outcomes,
                    guint limit)
{
    json_t *destinations = json_array(), *migrations = json_array();

    nma_experiences_foreach(experiences, add_destination, destinations);
    for (guint i = outcomes->len; i > 0 && outcomes->len - i < limit; i--)
        json_array_append_new(migrations, outcome_to_value(g_ptr_array_index(outcomes, i - 1)));
    return json_pack("{s:s, s:o, s:o, s:o}", "schema_version", NMA_HISTORY_SCHEMA_VERSION, "host",
                     nma_json_text(host), "destinations", destinations, "migrations", migrations);
}
