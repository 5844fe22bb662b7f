/*
 * What must hold of every report of every attempt, whatever happened. Breaking it aborts the test
 * with the whole transcript of the attempt.
 */
#pragma once

#include "agent/core/report.h"

typedef struct Watchdog Watchdog;

Watchdog *watchdog_new(void);
void watchdog_free(Watchdog *watchdog);
void watchdog_see(Watchdog *watchdog, const NmaReport *report, guint64 seed);

typedef struct {
    char *instance_uuid;
    NmaRole role;
    gboolean finished; /* said its last word */
    NmaReport *last;   /* last durable report: fields only, no strings */
    GString *transcript;
    guint inferred; /* reports */
    /* of the checker */
    guint64 sequence;
    gboolean open;
    int phase; /* -1 before the first */
    guint begun, ended;
} Attempt;

/* in the order of their first report; borrowed */
const GPtrArray *watchdog_attempts(const Watchdog *watchdog);
