/*
 * How a migration goes on, computed: a guest that writes to set_bytes evenly at a rate of
 * set_bytes/tau_s has dirtied set_bytes*(1-exp(-t/tau_s)) after t, and QEMU sends, pass after pass,
 * until what is left fits into what it is allowed to stop the guest for.
 */
#pragma once

#include <glib.h>

/* of QEMU's sending: it looks at what is pending between two; 0.1 where the bandwidth is limited */
#define NMA_SLICE_LOW_S  0.05
#define NMA_SLICE_HIGH_S 0.1

/* What QEMU may stop the guest for, as Nova raises it with time: step i, at i * step_s, is
 * first_s + i * (most_s - first_s) / steps. step_s 0: most_s from the begin. */
typedef struct {
    double first_s, most_s, step_s;
    guint steps;
} NmaLadder;

typedef struct {
    double time_s; /* until the guest runs on the destination */
    double downtime_s, sent_bytes;
    guint passes;
} NmaCourse;

/* bytes found dirty after time_s, of which left_bytes were dirty before */
double nma_course_dirtied(double set_bytes, double tau_s, double time_s, double left_bytes);
/* The smallest limit at which such a guest ends. What it dirties in one slice need not fit. */
double nma_course_needed_s(double set_bytes, double tau_s, double bandwidth_bytes_s,
                           double slice_s);
/* rest_bytes: dirty at the begin. FALSE: it does not end, not in so many passes. */
gboolean nma_course_run(double set_bytes, double tau_s, double rest_bytes, double bandwidth_bytes_s,
                        double cost_s, const NmaLadder *ladder, NmaCourse *course);
