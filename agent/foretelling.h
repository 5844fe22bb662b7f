/*
 * Forecasts before the start, asked for over RPC and the control socket: which guests are to be
 * measured, what their measurements are, who waits for them. Belongs to the core thread.
 */
#pragma once

#include <jansson.h>

#include "agent/core/event.h"
#include "agent/core/host.h"
#include "agent/hypervisor/hypervisor.h"
#include "agent/settings.h"
#include "rpc/bus.h"

typedef struct NmaForetelling NmaForetelling;

/* All are borrowed. */
NmaForetelling *nma_foretelling_new(NmaHost *host, NmaHypervisor *hypervisor,
                                    const NmaSettings *settings);
/* Requests that still wait are refused. */
void nma_foretelling_free(NmaForetelling *foretelling);

/* What is wanted. instance_uuid NULL: all guests of this host; destination NULL: none is known. */
typedef struct {
    const char *instance_uuid, *destination;
} NmaForetellingQuery;

/* The answer to the control socket's "forecast", at once: {"pending": so many guests are not yet
 * measured, "since_ms": to be given with the next question, "forecasts": […]}. since_ms < 0: the
 * first question. New reference, or NULL with error. */
json_t *nma_foretelling_ask(NmaForetelling *foretelling, const NmaForetellingQuery *query,
                            gint64 since_ms, NmaNow now, GError **error);

/* Takes the request, and answers it when all is measured. */
void nma_foretelling_answer_later(NmaForetelling *foretelling, OmRequest *request,
                                  const NmaForetellingQuery *query, NmaNow now);
/* Takes the request, and answers it with the guests of this host. */
void nma_foretelling_list_later(NmaForetelling *foretelling, OmRequest *request, NmaNow now);

/* To be called now and then: an event may have been lost. */
void nma_foretelling_look(NmaForetelling *foretelling, NmaNow now);

/* NMA_EVENT_MEASURED, NMA_EVENT_DOMAINS: taken over from the event */
void nma_foretelling_take(NmaForetelling *foretelling, const NmaEvent *event, NmaNow now);
