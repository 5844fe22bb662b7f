#include "agent/json/outlook.h"

#include "agent/json/value.h"

/* One row is one estimate: three figures. */
static const struct {
    const char *name, *unit;
    gsize offset;
} estimates[] = {
#define ESTIMATE(name, unit)                                                                       \
    {                                                                                              \
#name, #unit, G_STRUCT_OFFSET(NmaOutlook, name##_##unit)                                   \
    }
    ESTIMATE(bandwidth, bytes_s), ESTIMATE(dirty_rate, bytes_s), ESTIMATE(working_set, bytes),
    ESTIMATE(nonzero, bytes),     ESTIMATE(fixed_cost, ms),      ESTIMATE(least_downtime, ms),
    ESTIMATE(duration, ms),       ESTIMATE(sent, bytes),         ESTIMATE(downtime, ms),
#undef ESTIMATE
};

static void
add(json_t *object, const char *name, const char *which, const char *unit, gint64 value)
{
    g_autofree char *key = g_strdup_printf("%s%s_%s", name, which, unit);

    json_object_set_new(object, key, nma_json_integer(value));
}

static void
add_estimates(json_t *object, const NmaOutlook *outlook)
{
    static const NmaEstimate unknown = { NMA_UNKNOWN, { NMA_UNKNOWN, NMA_UNKNOWN } };

    for (guint i = 0; i < G_N_ELEMENTS(estimates); i++) {
        const NmaEstimate *estimate =
            outlook != NULL ? G_STRUCT_MEMBER_P(outlook, estimates[i].offset) : &unknown;

        add(object, estimates[i].name, "", estimates[i].unit, estimate->expected);
        add(object, estimates[i].name, "_low", estimates[i].unit, estimate->range.low);
        add(object, estimates[i].name, "_high", estimates[i].unit, estimate->range.high);
    }
}

json_t *
nma_outlook_to_value(const char *instance_uuid, const NmaOutlook *outlook, gint64 measured_wall_us,
                     const char *text)
{
    json_t *value = json_object();
    g_autofree char *diagnosis = outlook != NULL ? nma_outlook_diagnosis(outlook) : NULL;
    g_autofree char *clean = text != NULL ? nma_clean_text(text, NMA_TEXT_MAX_BYTES) : NULL;

    json_object_set_new(value, "instance_uuid", json_string(instance_uuid));
    json_object_set_new(value, "verdict",
                        json_string(nma_forecast_verdict_to_string(
                            outlook != NULL ? outlook->verdict : NMA_FORECAST_UNKNOWN)));
    json_object_set_new(value, "why",
                        outlook == NULL ? json_string("not_measured")
                                        : nma_json_text(nma_doubt_to_string(outlook->why)));
    json_object_set_new(value, "text", nma_json_text(clean));
    json_object_set_new(value, "diagnosis", nma_json_text(diagnosis));
    json_object_set_new(value, "measured_at", nma_json_time(measured_wall_us));
    json_object_set_new(
        value, "bandwidth_source",
        nma_json_text(outlook != NULL ? nma_bandwidth_source_to_string(outlook->bandwidth_source)
                                      : NULL));
    json_object_set_new(value, "max_downtime_ms",
                        nma_json_integer(outlook != NULL ? outlook->max_downtime_ms : NMA_UNKNOWN));
    add_estimates(value, outlook);
    return value;
}
