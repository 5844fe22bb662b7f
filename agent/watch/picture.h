/*
 * From the attempts of one migration to its picture. Inside of the model; see merge.h.
 */
#pragma once

#include "agent/watch/merge.h"

/* attempts: of NmaWatchAttempt, all of one migration, at least one */
void nma_watch_picture_make(NmaWatchPicture *picture, const GPtrArray *attempts, gint64 now_us);
