/* A simulated migration watched as the agent would: a reading a second, and one just after each
 * sync. */
#pragma once

#include "agent/core/convergence.h"
#include "tests/sim/qemu_precopy.h"

#define FORECASTING_LATE_S 0.004 /* from a sync's event to the reading that it causes */

typedef struct {
    QpMigration migration;
    NmaConvergence model;
    guint64 inside; /* verdicts about dirtying that changed inside a pass: must stay 0 */
} Forecasting;

void forecasting_begin(Forecasting *forecasting, const QpScenario *scenario, GRand *rand,
                       const NmaConvergenceLimits *limits);
/* Up to the next sync that the model has counted. FALSE: there is none any more. */
gboolean forecasting_next(Forecasting *forecasting);
