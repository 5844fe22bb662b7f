/*
 * Simulated migrations under somebody's hand, in virtual time: nova-compute's ladder with our
 * policy beside it, and the ways of others. What each does: steered.c (ours) and peers.c.
 */
#pragma once

#include "agent/core/convergence.h"
#include "agent/core/nova_plan.h"
#include "agent/core/policy.h"
#include "tests/sim/qemu_precopy.h"

typedef enum {
    HAND_NOVA,     /* its ladder, and its timeout action */
    HAND_VIRSH,    /* QEMU's 300 ms, for ever */
    HAND_KUBEVIRT, /* its stall detector and its downtime tuning */
    HAND_OURS,     /* a policy of ours, beside HAND_NOVA */
    N_HANDS
} Hand;

typedef struct {
    Hand hand;
    NmaNovaOptions nova;
    const NmaPolicy *policy; /* HAND_OURS */
    gint64 max_downtime_ms;  /* HAND_KUBEVIRT: maxDowntimeMs */
    gboolean disrupts;       /* HAND_KUBEVIRT: may stop the guest, or switch to post-copy */
    gboolean post_copy;      /* the migration was started for it */
    double fair_speed_bytes_s;
    double give_up_s; /* it has not ended: nobody waits longer */
} Rules;

typedef struct {
    gboolean finished;
    double total_s, sent_bytes;
    double downtime_s;  /* of a switchover, unless the guest was paused */
    double paused_s;    /* by force, to the end or to the abort */
    double post_copy_s; /* pages were fetched so long */
    guint moves;        /* of knobs */
    double limit_s;     /* the highest max downtime that was set */
    gint64 helped_s;    /* when first: -1: never */
    guint inside;       /* verdicts inside a pass, must be 0 */
    guint crowded;      /* passes with more than one move, must be 0 */
} Outcome;

void steered_run(const QpScenario *scenario, guint32 seed, const Rules *rules, Outcome *outcome);

/* ---- what the hands share ---- */

typedef struct {
    const Rules *rules;
    QpMigration migration;
    Outcome *outcome;
    double next_s; /* when the hand wants to be asked though no sync has come */
    /* KubeVirt's */
    struct {
        double elapsed_s, remaining;
    } * records;
    guint n_records, n_allocated, n_old;
    double least_old, least; /* of the records before the window; of all */
    double best, stalled_s, patience_s, tuned_s;
    /* ours */
    NmaConvergence model;
    NmaSteering steering;
    gint64 moved_iteration;
    double link_before;
} Steered;

void kubevirt_look(Steered *steered, gboolean synced);
