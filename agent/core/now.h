/*
 * The two clocks of a step. Core never reads a clock: it is told the time.
 */
#pragma once

#include <glib.h>

#define NMA_US_PER_S  G_GINT64_CONSTANT(1000000)
#define NMA_US_PER_MS G_GINT64_CONSTANT(1000)

/* no deadline, no such time */
#define NMA_NEVER G_MAXINT64
/* how far two hosts' clocks are apart is not known */
#define NMA_OFFSET_UNKNOWN G_MININT64

typedef struct {
    gint64 boot_us; /* CLOCK_BOOTTIME: durations and deadlines; does not jump, goes on in suspend */
    gint64 wall_us; /* CLOCK_REALTIME since the epoch: only ever shown to people */
} NmaNow;
