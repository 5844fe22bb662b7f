/*
 * The migration as the source host sees it: cast -> data flows -> guest stops -> guest gone.
 *
 * Pure: every step takes the event and the time, changes the state and adds effects.
 */
#pragma once

#include "agent/core/convergence.h"
#include "agent/core/experience.h"
#include "agent/core/migration.h"
#include "agent/core/outcome.h"
#include "agent/core/policy.h"

typedef struct {
    NmaMigration base;
    gboolean domain_seen;    /* libvirt has told us that the domain runs here */
    gint64 iteration;        /* last iteration event, NMA_UNKNOWN before */
    guint gone_reads;        /* consecutive reads: no job although one ran */
    gint64 stopped_boot_us;  /* Stopped/Migrated seen, final statistics awaited; else NMA_NEVER */
    gboolean domain_gone;    /* absent, and nothing said why */
    gint64 read_due_boot_us; /* next look at libvirt; while one is under way: when it is overdue */
    gboolean read_pending;
    gint64 ask_due_boot_us; /* when the conductor should be asked; NMA_NEVER */
    gint64 give_up_boot_us; /* end of patience of the present phase */
    gboolean peer_asked;
    char *peer; /* NULL, "agent", "absent", "version" */
    gint64 clock_offset_ms, clock_offset_error_ms;
    gboolean policy_known; /* the cast was seen, and with it the flavor */

    /* of the moment: need not be saved */
    gint64 reserve_due_boot_us; /* when the peer is asked for a reservation, or to renew it */
    gboolean reserved_there;    /* it has said so */
    NmaReason refused_for;      /* it has refused, and that was reported; else none */
    char *refusal;              /* its words when a check refused; owned, NULL */
    gint64 refuse_boot_us;      /* when that makes us have Nova abort it; NMA_NEVER */
    gboolean read_again;        /* something happened while a read was under way */
    gboolean given_up;          /* Nova lists it as failed; libvirt is looked at once more */
    gboolean iterated;          /* a sync was counted since the last read without a migration */
    gboolean job_seen;          /* an outgoing job was there, flowing or not */
    gint64 gone_boot_us;        /* first of the reads counted in gone_reads */
    gint64 ahead_boot_us;       /* first of the reads that are further than the events; NMA_NEVER */
    gint64 final_boot_us;       /* job-completed seen: stats are the final ones; else NMA_NEVER */
    gint64 suspended_iteration; /* iteration at Suspended/Migrated, NMA_UNKNOWN before */
    gint64 iteration_boot_us;   /* when the event of `iteration` was seen; NMA_NEVER */
    NmaConvergence convergence; /* a limit of 0: no forecasts */
    gboolean forecast_said;
    NmaForecastVerdict said_verdict;
    NmaHindrance said_cause;
    gint64 said_boot_us;
    const NmaRules *rules;           /* the host's; NULL: no policy */
    gboolean steered;                /* steering is in use */
    NmaSteering steering;            /* saved: what nma_steering_resume keeps */
    NmaRemedyOrder ordered, advised; /* newest of each */
    gint64 gone_wall_us;             /* when the domain was first found gone, NMA_UNKNOWN before */
    NmaExperience experience;        /* with that destination, so far */
    NmaPrediction predictions[NMA_N_PREDICTIONS];
    gint64 flows_boot_us;   /* when memory began to flow; NMA_NEVER: not seen */
    gint64 copied_boot_us;  /* newest reading while the guest ran; NMA_NEVER */
    gint64 copied_bytes;    /* non-zero memory sent until then */
    gint64 paused_boot_us;  /* Suspended/Migrated; NMA_NEVER */
    gint64 arrived_boot_us; /* the guest is the destination's; NMA_NEVER */
    gboolean post_copied;
    NmaOutcome outcome; /* by nma_source_finish */
} NmaSource;

/* opened by the cast, or adopted: a job found running with nothing known but the instance */
NmaSource *nma_source_new(const NmaIdentity *identity, const char *attempt_id, NmaNow now);
void nma_source_free(NmaSource *source);
/* from now on it is forecast, against these limits */
void nma_source_set_limits(NmaSource *source, const NmaConvergenceLimits *limits);
/* borrowed; may change while it goes on */
void nma_source_set_rules(NmaSource *source, const NmaRules *rules);
/* after a restart: a knob that we hold and a pause that we began are ours still */
void nma_source_resume_steering(NmaSource *source, NmaNow now);

/* For those that end: what it came to, in source->outcome. */
void nma_source_finish(NmaSource *source, NmaNow now);

void nma_source_open(NmaSource *source, gboolean adopted, NmaNow now, GPtrArray *effects);
void nma_source_step(NmaSource *source, const NmaEvent *event, gint64 progress_interval_us,
                     NmaNow now, GPtrArray *effects);
/* after a restart or reconnect: whatever comes next is inferred until libvirt has been read */
void nma_source_set_blind(NmaSource *source, NmaNow now);
/* Nova began another migration of the instance: ends this one, unless its guest is already being
 * stopped or later. TRUE when it is ended. */
gboolean nma_source_supersede(NmaSource *source, NmaNow now, GPtrArray *effects);
/* the host was booted again */
void nma_source_rebooted(NmaSource *source, NmaNow now, GPtrArray *effects);
/* boot_us or NMA_NEVER; when the conductor should be asked is not in it (ask_due_boot_us) */
gint64 nma_source_next_deadline(const NmaSource *source);
