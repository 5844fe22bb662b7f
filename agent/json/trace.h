/*
 * A trace: what the source of one migration was told, a JSON line each, so that it can be replayed
 * through the model: schemas/trace.schema.json. It holds no names of instances or projects.
 */
#pragma once

#include <jansson.h>

#include "agent/core/convergence.h"
#include "agent/core/event.h"
#include "agent/core/nova_plan.h"

#define NMA_TRACE_SCHEMA_VERSION "1.2"
#define NMA_TRACE_MAX_LINE       16384

/* The first line. */
typedef struct {
    char *host;
    char instance_uuid[NMA_UUID_LEN + 1];
    gint64 begun_wall_us;
    NmaConvergenceLimits limits;
    NmaNovaOptions nova; /* from 1.1 on; before: what the limits tell, and Nova's defaults */
} NmaTraceHead;

void nma_trace_head_clear(NmaTraceHead *head);
char *nma_trace_head_to_line(const NmaTraceHead *head); /* without its end; owned */
gboolean nma_trace_head_from_line(const char *line, NmaTraceHead *head, GError **error);

/* An event of that instance, at_us after the first; NULL for one that no source needs. Owned. */
char *nma_trace_event_to_line(const NmaEvent *event, gint64 at_us);
/* NULL with NMA_JSON_ERROR_MALFORMED; NULL without an error for a kind of line that is not known,
 * as newer versions write it. Seen times are not set. */
NmaEvent *nma_trace_event_from_line(const char *line, const char *instance_uuid, gint64 *at_us,
                                    GError **error);
