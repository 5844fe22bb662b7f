#include "agent/core/effect.h"

static void
effect_free(gpointer data)
{
    NmaEffect *effect = data;

    nma_report_free(effect->report);
    nma_forecast_report_free(effect->forecast);
    nma_remedy_report_free(effect->remedy_report);
    g_strfreev(effect->instances);
    g_free(effect->host);
    nma_answer_free(effect->answer);
    nma_ask_free(effect->ask);
    g_free(effect);
}

static NmaEffect *
add(GPtrArray *effects, NmaEffectType type)
{
    NmaEffect *effect = g_new0(NmaEffect, 1);

    effect->type = type;
    g_ptr_array_add(effects, effect);
    return effect;
}

GPtrArray *
nma_effects_new(void)
{
    return g_ptr_array_new_with_free_func(effect_free);
}

void
nma_effects_add_report(GPtrArray *effects, NmaReport *report)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_REPORT);

    g_strlcpy(effect->instance_uuid, report->identity.instance_uuid, sizeof effect->instance_uuid);
    effect->report = report;
}

void
nma_effects_add_forecast(GPtrArray *effects, NmaForecastReport *forecast)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_FORECAST);

    g_strlcpy(effect->instance_uuid, forecast->identity.instance_uuid,
              sizeof effect->instance_uuid);
    effect->forecast = forecast;
}

void
nma_effects_add_remedy_report(GPtrArray *effects, NmaRemedyReport *report)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_REMEDY_REPORT);

    g_strlcpy(effect->instance_uuid, report->identity.instance_uuid, sizeof effect->instance_uuid);
    effect->remedy_report = report;
}

void
nma_effects_add_remedy(GPtrArray *effects, const char *instance_uuid, gint64 migration_id,
                       const NmaRemedyOrder *order, NmaRemedyWay way)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_REMEDY);

    g_strlcpy(effect->instance_uuid, instance_uuid, sizeof effect->instance_uuid);
    effect->migration_id = migration_id;
    effect->order = *order;
    effect->way = way;
}

void
nma_effects_add(GPtrArray *effects, NmaEffectType type, const char *instance_uuid)
{
    NmaEffect *effect = add(effects, type);

    g_strlcpy(effect->instance_uuid, instance_uuid, sizeof effect->instance_uuid);
}

void
nma_effects_add_ask_conductor(GPtrArray *effects, GStrv instances)
{
    add(effects, NMA_EFFECT_ASK_CONDUCTOR)->instances = instances;
}

void
nma_effects_add_ask_peer(GPtrArray *effects, const char *instance_uuid, const char *host)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_ASK_PEER);

    g_strlcpy(effect->instance_uuid, instance_uuid, sizeof effect->instance_uuid);
    effect->host = g_strdup(host);
}

void
nma_effects_add_gather_facts(GPtrArray *effects, const char *instance_uuid,
                             const char *source_or_null)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_GATHER_FACTS);

    g_strlcpy(effect->instance_uuid, instance_uuid, sizeof effect->instance_uuid);
    effect->host = g_strdup(source_or_null);
}

void
nma_effects_add_answer(GPtrArray *effects, NmaAnswer *answer)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_ANSWER);

    g_strlcpy(effect->instance_uuid, answer->instance_uuid, sizeof effect->instance_uuid);
    effect->answer = answer;
}

void
nma_effects_add_ask_reservation(GPtrArray *effects, NmaAsk *ask, const char *host)
{
    NmaEffect *effect = add(effects, NMA_EFFECT_ASK_RESERVATION);

    g_strlcpy(effect->instance_uuid, ask->instance_uuid, sizeof effect->instance_uuid);
    effect->ask = ask;
    effect->host = g_strdup(host);
}
