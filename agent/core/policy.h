/*
 * What is done for a migration that does not end by itself: an ordered ladder of remedies, each
 * with a hard cap, climbed by what the forecast says and never by the clock.
 *
 * A dirtying guest is judged at syncs only, so remedies are chosen there, at most one a pass; two
 * things come by time alone: the end of the total time, and of a pause that lasts too long. Pure:
 * what is to be done comes back as an order, and what came of it is told by nma_steering_done.
 *
 * nova-compute moves the same knobs: its ladder sets QEMU's max downtime at every step. So a knob
 * that we hold is asserted again, at most once a pass.
 */
#pragma once

#include <glib.h>

#include "agent/core/forecast.h"
#include "agent/core/job_stats.h"
#include "agent/core/now.h"

typedef enum {
    NMA_REMEDY_NONE,
    NMA_REMEDY_SPEED,     /* QEMU's max bandwidth up to this migration's share of the host's */
    NMA_REMEDY_DOWNTIME,  /* QEMU's max downtime up to the computed need */
    NMA_REMEDY_POST_COPY, /* the guest goes on at the destination, and fetches what is missing */
    NMA_REMEDY_PAUSE,     /* the guest stands still until all is sent: undone only by an abort */
    NMA_REMEDY_ABORT,     /* it stays where it is */
    NMA_N_REMEDIES
} NmaRemedy;

typedef enum {
    NMA_REMEDY_REASON_NONE,
    NMA_REMEDY_REASON_NEEDS_DOWNTIME, /* more than is allowed now, and no more than the cap */
    NMA_REMEDY_REASON_SPEED_LIMIT,    /* the limit of bandwidth is what holds it up */
    NMA_REMEDY_REASON_HOPELESS,       /* not within the capped downtime */
    NMA_REMEDY_REASON_UNDECIDED,      /* nothing sure can be said, and it has not ended */
    NMA_REMEDY_REASON_MOVED_BACK,     /* somebody moved the knob that we hold */
    NMA_REMEDY_REASON_TOTAL_TIME,     /* the policy's time is over */
    NMA_REMEDY_REASON_PAUSE_TIME,     /* the pause lasts longer than was computed */
    NMA_REMEDY_REASON_REFUSED,        /* by a check of the destination, before data flows */
    NMA_N_REMEDY_REASONS
} NmaRemedyReason;

#define NMA_POLICY_MAX_NAME  32
#define NMA_POLICY_MAX_RUNGS (NMA_N_REMEDIES - 1)

/* Times in ms; 0 for a cap: the remedy is never used. */
typedef struct {
    char name[NMA_POLICY_MAX_NAME];
    NmaRemedy ladder[NMA_POLICY_MAX_RUNGS]; /* in this order; the rest is NMA_REMEDY_NONE */
    /* What QEMU may be allowed, as nova.conf's live_migration_downtime is: the cost of a switchover
     * itself comes on top. NMA_UNKNOWN: what nova.conf permits. */
    gint64 max_downtime_ms;
    gint64 max_pause_ms;     /* the guest stands still at most so long */
    gint64 max_post_copy_ms; /* pages are fetched at most so long; 0: never post-copy */
    gint64 max_total_ms;     /* then it is aborted; 0: Nova's own timeout decides */
    gint64 hopeless_ms;      /* hopeless in every pass for so long: aborted; 0: never */
} NmaPolicy;

/* The shipped ones, in the order of what they may do to a guest; static. */
const NmaPolicy *nma_policies(guint *n);
const NmaPolicy *nma_policy_find(const char *name); /* NULL: none of that name */

/* static; "" for none */
const char *nma_remedy_to_string(NmaRemedy remedy);
const char *nma_remedy_reason_to_string(NmaRemedyReason reason);
gboolean nma_remedy_from_string(const char *text, NmaRemedy *remedy);

/* The moment, as the policy sees it. */
typedef struct {
    const NmaForecast *forecast;
    gint64 iteration; /* libvirt's number of the pass that has just begun */
    gint64 now_boot_us;
    gint64 elapsed_ms;         /* of libvirt's job; NMA_UNKNOWN */
    gint64 limit_ms;           /* the max downtime that Nova allows QEMU now */
    gint64 nova_downtime_ms;   /* the most that it ever will: live_migration_downtime */
    gint64 fixed_cost_ms;      /* of a switchover */
    gint64 speed_bytes_s;      /* Nova's live_migration_bandwidth; 0: not limited */
    gint64 fair_speed_bytes_s; /* this migration's share of the host's; 0: not to be touched */
    gboolean post_copy_ready;  /* Nova starts migrations with it */
    gboolean nova_forces;      /* at its timeout Nova completes it by force: never abort early */
} NmaSituation;

typedef struct {
    NmaRemedy remedy;
    NmaRemedyReason reason;
    gint64 value;       /* ms for the downtime, bytes/s for the speed; else NMA_UNKNOWN */
    gint64 expected_ms; /* downtime, pause, or time of fetching; NMA_UNKNOWN */
    gint64 cap_ms;      /* the cap that holds; NMA_UNKNOWN */
} NmaRemedyOrder;

/* One migration under a policy. */
typedef struct {
    NmaPolicy policy;
    gint64 limit_ms;      /* we hold QEMU's max downtime there; 0: Nova's */
    gint64 speed_bytes_s; /* likewise its speed */
    gint64 moved_iteration;
    NmaRemedy pending; /* ordered, and not yet answered */
    gint64 pending_boot_us;
    gboolean refused[NMA_N_REMEDIES]; /* libvirt or Nova would not: not tried again */
    NmaRemedy ending;      /* post-copy, pause or abort has begun: nothing else follows */
    gint64 paused_boot_us; /* the guest stands still by our order; NMA_NEVER */
    gboolean unsure;       /* it was ordered before a restart: whether it was done is not known */
    /* what is remembered from sync to sync */
    guint overdue;                 /* passes in a row after which it should have ended */
    guint undecided;               /* passes in a row of which nothing sure could be said */
    gint64 hopeless_since_boot_us; /* NMA_NEVER */
    gint64 least_rest_bytes;       /* since it needs help */
    guint waited;                  /* passes, for a rest that is as small again */
} NmaSteering;

void nma_steering_init(NmaSteering *steering, const NmaPolicy *policy);
/* The same, but what is saved of it still holds: limit_ms, speed_bytes_s, paused_boot_us. They may
 * be from before a restart, or from a damaged store. */
void nma_steering_resume(NmaSteering *steering, const NmaPolicy *policy, gint64 now_boot_us);

/* After a sync: counts it. Once for each. */
void nma_steering_observe(NmaSteering *steering, const NmaSituation *situation);
/* What would help now; FALSE: nothing, or nothing is needed. After nma_steering_observe of the same
 * sync. Changes nothing: in mode advise nothing else is called. */
gboolean nma_steering_choose(const NmaSteering *steering, const NmaSituation *situation,
                             NmaRemedyOrder *order);
/* At any moment: what time alone brings. started_boot_us: of the job; NMA_NEVER: not known */
gboolean nma_steering_choose_by_time(const NmaSteering *steering, gint64 started_boot_us,
                                     gint64 now_boot_us, NmaRemedyOrder *order);
/* boot_us of the next change of the above, or NMA_NEVER */
gint64 nma_steering_next_deadline(const NmaSteering *steering, gint64 started_boot_us);
/* The order is given. */
void nma_steering_ordered(NmaSteering *steering, const NmaRemedyOrder *order, gint64 iteration,
                          gint64 now_boot_us);
/* What came of it. */
void nma_steering_done(NmaSteering *steering, NmaRemedy remedy, gboolean applied);
/* The guest was read: after a restart this tells whether a pause that was ordered was begun. */
void nma_steering_seen(NmaSteering *steering, gboolean runs, gint64 now_boot_us);
