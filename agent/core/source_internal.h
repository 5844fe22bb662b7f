/*
 * What the files of the source share: source.c (events and time), source_phases.c (from phase to
 * phase), source_reading.c (what libvirt says), source_forecast.c (will it end), source_outcome.c
 * (what came of the forecasts), source_steering.c (what is done for it), source_nova.c (what the
 * conductor says), source_reserving.c (the reservation at the destination). Nobody else includes
 * this.
 */
#pragma once

#include "agent/core/source.h"

#define NMA_SOURCE_CONFIRM_US (300 * NMA_US_PER_MS) /* between two reads that must agree */

/* Nova's queue may be hours long (max_concurrent_live_migrations is 1 by default) */
#define NMA_SOURCE_PATIENCE_US        (24 * 3600 * NMA_US_PER_S)
#define NMA_SOURCE_PATIENCE_GONE_US   (600 * NMA_US_PER_S)
#define NMA_SOURCE_PATIENCE_COMMIT_US (600 * NMA_US_PER_S)

/* Takes the source from its open phase to a later one, reporting every phase on the way so that
 * their sequence is complete. The step into target has the given evidence; phases between that
 * nobody saw are inferred. Nothing happens when target is not later. */
void nma_source_reach(NmaSource *source, NmaPhase target, NmaEvidence evidence, NmaNow at,
                      NmaNow now, GPtrArray *effects);
/* the guest has left for the destination: commitment */
void nma_source_hand_over(NmaSource *source, NmaEvidence evidence, NmaNow at, NmaNow now,
                          GPtrArray *effects);
/* error in the open phase, and the end of this migration */
void nma_source_fail(NmaSource *source, NmaReason reason, const char *text, NmaEvidence evidence,
                     NmaNow now, GPtrArray *effects);
/* the domain is not here, and nothing said why: the conductor has to be asked */
void nma_source_domain_gone(NmaSource *source, NmaNow now);
/* the end of patience for it: the domain is gone for good, or never was here */
void nma_source_fail_gone(NmaSource *source, const char *text, NmaNow now, GPtrArray *effects);
/* status NULL: not learnt */
void nma_source_commitment_end(NmaSource *source, const char *status, NmaNow now,
                               GPtrArray *effects);
/* What only the source knows goes into each of its reports, from effects[first] on. */
void nma_source_complete_reports(const NmaSource *source, GPtrArray *effects, guint first);
NmaStep nma_source_copy_step(const NmaSource *source);

/* Something happened: the numbers of this moment are wanted. */
void nma_source_look_now(NmaSource *source, NmaNow now);

/* a reading made while memory is copied */
void nma_source_forecast(NmaSource *source, const NmaJobStats *stats, NmaNow at,
                         GPtrArray *effects);
/* whether nova.conf's limit of bandwidth, not the link, is what holds it up; bytes/s */
gboolean nma_source_is_limited(const NmaSource *source, double bandwidth);

/* source_steering.c: at a sync that was counted; by time alone; what came of it */
void nma_source_steer(NmaSource *source, const NmaJobStats *stats, NmaNow at, GPtrArray *effects);
void nma_source_steer_by_time(NmaSource *source, NmaNow now, GPtrArray *effects);
gint64 nma_source_steer_deadline(const NmaSource *source);
/* a check of the destination refuses the guest (refused_for, refusal), and no data flows yet */
void nma_source_act_on_refusal(NmaSource *source, NmaNow now, GPtrArray *effects);
void nma_source_take_remedy(NmaSource *source, const NmaEvent *event, NmaNow now,
                            GPtrArray *effects);
/* Did the policy stop the guest? Is it more than its own passes that ends it: more downtime than
 * nova.conf permits, another bandwidth, a forced end? */
gboolean nma_source_is_paused(const NmaSource *source);
gboolean nma_source_is_helped(const NmaSource *source);
/* what Nova will do by itself, into the forecast */
void nma_source_plan_of_nova(const NmaSource *source, const NmaJobStats *stats,
                             NmaForecast *forecast);
/* QEMU's max downtime as far as we know it; NMA_UNKNOWN */
gint64 nma_source_allowed_ms(const NmaSource *source, const NmaJobStats *stats);
/* source_outcome.c: what has to be remembered on the way, to be compared at the end */
void nma_source_note_phase(NmaSource *source, NmaPhase phase, NmaNow at);
void nma_source_note_reading(NmaSource *source, const NmaJobStats *stats, NmaNow at);
void nma_source_note_forecast(NmaSource *source, const NmaForecast *forecast, NmaNow at);

/* once, as soon as the destination is known */
void nma_source_ask_peer(NmaSource *source, GPtrArray *effects);
/* the reservation at the peer: asked for and renewed while the cast waits here */
gint64 nma_source_reserving_deadline(const NmaSource *source); /* boot_us or NMA_NEVER */
void nma_source_keep_reservation(NmaSource *source, NmaNow now, GPtrArray *effects);
/* it will not be needed */
void nma_source_drop_reservation(NmaSource *source, GPtrArray *effects);
void nma_source_take_reserved(NmaSource *source, const NmaEvent *event, NmaNow now,
                              GPtrArray *effects);
void nma_source_take_conductor(NmaSource *source, const NmaEvent *event,
                               gint64 progress_interval_us, NmaNow now, GPtrArray *effects);
void nma_source_take_reading(NmaSource *source, const NmaDomainReading *reading,
                             gint64 progress_interval_us, NmaNow at, NmaNow now,
                             GPtrArray *effects);
