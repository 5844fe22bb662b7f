/*
 * What core wants done. Effects are data: the agent saves the changed state and reports in one
 * transaction, and only then carries the rest out.
 */
#pragma once

#include <glib.h>

#include "agent/core/asking.h"
#include "agent/core/forecast.h"
#include "agent/core/remedy.h"
#include "agent/core/report.h"

typedef enum {
    NMA_EFFECT_REPORT,        /* report */
    NMA_EFFECT_FORECAST,      /* forecast */
    NMA_EFFECT_REMEDY_REPORT, /* remedy_report */
    NMA_EFFECT_REMEDY,        /* instance_uuid, migration_id, order, way -> NMA_EVENT_REMEDY */
    NMA_EFFECT_READ_DOMAIN,   /* instance_uuid -> NMA_EVENT_DOMAIN_READING */
    NMA_EFFECT_GATHER_FACTS,  /* instance_uuid, host: its source -> NMA_EVENT_FACTS */
    NMA_EFFECT_ASK_CONDUCTOR, /* instances -> NMA_EVENT_CONDUCTOR */
    NMA_EFFECT_ASK_PEER,      /* instance_uuid, host -> NMA_EVENT_PEER */
    NMA_EFFECT_ANSWER,        /* answer: to who asked, and only when it is saved */
    /* ask, host: of the peer; reserve -> NMA_EVENT_RESERVED; to release needs no answer */
    NMA_EFFECT_ASK_RESERVATION,
    NMA_N_EFFECTS
} NmaEffectType;

typedef struct {
    NmaEffectType type;
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaReport *report;              /* owned */
    NmaForecastReport *forecast;    /* owned */
    NmaRemedyReport *remedy_report; /* owned */
    gint64 migration_id;
    NmaRemedyOrder order;
    NmaRemedyWay way;
    GStrv instances;   /* owned: instance uuids */
    char *host;        /* owned: the peer's Nova host name; NULL: not known (GATHER_FACTS only) */
    NmaAnswer *answer; /* owned */
    NmaAsk *ask;       /* owned */
} NmaEffect;

/* Effects go into a GPtrArray made by this: it owns them. */
GPtrArray *nma_effects_new(void);

void nma_effects_add_report(GPtrArray *effects, NmaReport *report /* taken */);
void nma_effects_add_forecast(GPtrArray *effects, NmaForecastReport *forecast /* taken */);
void nma_effects_add_remedy_report(GPtrArray *effects, NmaRemedyReport *report /* taken */);
void nma_effects_add_remedy(GPtrArray *effects, const char *instance_uuid, gint64 migration_id,
                            const NmaRemedyOrder *order, NmaRemedyWay way);
void nma_effects_add(GPtrArray *effects, NmaEffectType type, const char *instance_uuid);
void nma_effects_add_ask_conductor(GPtrArray *effects, GStrv instances /* taken */);
void nma_effects_add_gather_facts(GPtrArray *effects, const char *instance_uuid,
                                  const char *source_or_null);
void nma_effects_add_ask_peer(GPtrArray *effects, const char *instance_uuid, const char *host);
void nma_effects_add_answer(GPtrArray *effects, NmaAnswer *answer /* taken */);
void nma_effects_add_ask_reservation(GPtrArray *effects, NmaAsk *ask /* taken */, const char *host);
