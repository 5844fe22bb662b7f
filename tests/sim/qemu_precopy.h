/*
 * QEMU's pre-copy in virtual time: how pages are sent and dirtied, when passes end, when the guest
 * is stopped, what auto-converge does, and what virDomainGetJobStats shows of it.
 *
 * A guest is a few writers, each with a working set of its own: one that writes anywhere in it, or
 * one that sweeps through it. Sets are counted, not single pages, so a migration costs the same
 * whether it is one of 1 GiB or of 6 TiB. Source of the rules: QEMU 7.2 migration/migration.c and
 * migration/ram.c; held against recordings by test-precopy.c.
 */
#pragma once

#include <glib.h>

#include "agent/core/job_stats.h"

#define QP_MIB         (1024.0 * 1024.0)
#define QP_MAX_WRITERS 3
#define QP_MAX_CHANGES 4
#define QP_PAGE_BYTES  4096

typedef struct {
    double set_bytes, rate_bytes_s;
    gboolean sweeps; /* in order, else anywhere */
} QpWriter;

typedef struct {
    double at_s;
    double bandwidth_bytes_s; /* 0: stays */
    double limit_s;           /* max downtime; 0: stays */
    gboolean suspend;         /* the guest is paused from then on */
} QpChange;

typedef struct {
    double memory_bytes, nonzero_bytes;
    QpWriter writers[QP_MAX_WRITERS];
    guint n_writers;
    double bandwidth_bytes_s, limit_s;
    QpChange changes[QP_MAX_CHANGES]; /* in order of time */
    guint n_changes;
    double burst_period_s, burst_share, burst_factor; /* period 0: steady */
    gboolean auto_converge;
    double throttle_initial, throttle_increment; /* percent */
    gboolean clears_late; /* the dirty log is cleared as a page is sent (KVM), not at the sync */
    double noise;         /* of what is dirtied in a pass, e.g. 0.03 */
    double slice_s; /* QEMU looks at what is pending so often: 0.05, 0.1 with a bandwidth limit */
    double fixed_cost_s; /* of the switchover */
} QpScenario;

typedef enum {
    QP_COPYING,
    QP_SWITCHED,
    QP_ABORTED,
} QpState;

typedef struct {
    const QpScenario *scenario;
    GRand *rand; /* NULL: no noise */
    QpState state;
    double now_s, pass_started_s;
    double bandwidth_bytes_s, limit_s; /* of the link; of QEMU's max downtime */
    double speed_bytes_s;              /* QEMU's max bandwidth; 0: none */
    guint next_change;
    gint64 iteration;
    double pending_bytes;           /* of the pass */
    double pending[QP_MAX_WRITERS]; /* in the writers' sets; the rest is in none */
    double began[QP_MAX_WRITERS];   /* the same when the pass began */
    double sent_bytes, zeros_bytes; /* so far, of guest memory */
    double zeros_left_bytes;
    double written[QP_MAX_WRITERS]; /* bytes written since the last sync */
    gboolean suspended;
    double suspended_s;
    double throttle; /* percent */
    guint high_count;
    double throttle_s; /* when auto-converge last looked */
    double seen_sent_bytes, seen_dirtied_bytes;
    double rate_s, rate_dirtied_bytes; /* QEMU's own dirty rate: since then */
    gint64 dirty_pages_s;
    double downtime_s;  /* after QP_SWITCHED */
    double post_copy_s; /* pages were fetched so long; 0: no post-copy */
} QpMigration;

/* begins with sync 1; scenario is borrowed */
void qp_begin(QpMigration *migration, const QpScenario *scenario, GRand *rand);
/* Goes on to the next sync, but not past until_s. TRUE: a sync was reached (its number is in
 * iteration), or the guest was stopped and all is sent (state). */
gboolean qp_go_on(QpMigration *migration, double until_s);
/* What a hand from outside does, at the present moment. */
void qp_suspend(QpMigration *migration);
void qp_start_post_copy(QpMigration *migration); /* goes on to its end */
void qp_abort(QpMigration *migration);
/* seconds that the present pass will still take, if nothing changes */
double qp_pass_left_s(const QpMigration *migration);
/* what libvirt would answer now */
void qp_read(const QpMigration *migration, NmaJobStats *stats);
/* The smallest max downtime at which a steady scenario ends (0: at any), without its fixed cost:
 * found by running it. */
double qp_least_downtime_s(const QpScenario *scenario);
