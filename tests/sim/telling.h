/* A simulated migration told to a host as nova-compute's cast and libvirt would: events, a reading
 * a second, the final statistics. */
#pragma once

#include "agent/core/host.h"
#include "tests/sim/qemu_precopy.h"

#define TELLING_GUEST       "11111111-1111-4111-8111-111111111111"
#define TELLING_DESTINATION "there"

typedef struct {
    NmaHost *host;
    GPtrArray *effects; /* all */
    gint64 begun_boot_us;
    /* every event, before it is told; NULL: nobody wants them */
    void (*each)(const NmaEvent *event, gpointer user_data);
    gpointer user_data;
} Telling;

/* limits: of nova.conf */
void telling_begin(Telling *telling, const NmaConvergenceLimits *limits);
void telling_end(Telling *telling);
/* From the cast to the conductor's "completed". give_up_s: aborted by Nova after so long, if it has
 * not ended. TRUE: it ended by itself. */
gboolean telling_migrate(Telling *telling, const QpScenario *scenario, GRand *rand,
                         double give_up_s);
/* what it came to; borrowed, until the next one */
const NmaOutcome *telling_outcome(Telling *telling);
