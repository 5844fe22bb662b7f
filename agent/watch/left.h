/* What came of a drain: the newest word on each guest that left the host, or tried to. Pure. */
#pragma once

#include "agent/watch/merge.h"

typedef struct {
    guint running, completed, failed; /* failed: the guest stayed, or it was cancelled */
    guint astray;                     /* paused, lost, recorded elsewhere, or nobody can say */
} NmaWatchLeft;

/* pictures: as nma_watch_model_pictures gives them; those that leave another host are passed over
 */
void nma_watch_left_count(const GPtrArray *pictures, const char *host, NmaWatchLeft *left);
/* Of a host that is empty: 0 when each guest that was heard of has arrived, 4 when one has gone
 * astray, 1 when one had failed and is gone all the same. */
int nma_watch_left_exit_code(const NmaWatchLeft *left);
