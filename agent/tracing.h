/*
 * Traces on request ([agent] traces): what each source is told is written to a file of its own in
 * <state_dir>/traces, bounded in size, the oldest removed. A trace that cannot be written is given
 * up, and nothing else suffers. Belongs to the core thread.
 */
#pragma once

#include "agent/core/host.h"

typedef struct NmaTracing NmaTracing;

#define NMA_TRACE_MAX_BYTES (8 * 1024 * 1024) /* of one; what comes later is left out */

NmaTracing *nma_tracing_new(const char *state_dir, const char *host_name);
void nma_tracing_free(NmaTracing *tracing);

/* so many are kept; 0: none is recorded, and those that are there stay */
void nma_tracing_set(NmaTracing *tracing, guint keep, const NmaConvergenceLimits *limits,
                     const NmaNovaOptions *nova);

/* after the host was stepped with the event */
void nma_tracing_take(NmaTracing *tracing, const NmaHost *host, const NmaEvent *event, NmaNow now);
