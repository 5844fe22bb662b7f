/*
 * The history: what migrations from this host came to, and how forecasts compared. Bounded.
 */
#pragma once

#include "agent/core/outcome.h"
#include "agent/store/store.h"

#define NMA_HISTORY_MAX_ROWS 2000 /* the newest are kept */

/* In the caller's transaction; a second time with the same attempt_id replaces the first. */
gboolean nma_history_append(NmaStore *store, const NmaOutcome *outcome, GError **error);

/* All, oldest first: owned array of NmaOutcome with free function. What cannot be read is skipped
 * and counted. */
gboolean nma_history_load(NmaStore *store, GPtrArray **outcomes, guint *skipped, GError **error);
