/*
 * What the files of the source share: source.c (events and time), source_phases.c (from phase to
 * phase), source_reading.c (what libvirt says), source_forecast.c (will it end), source_outcome.c
 * (what came of the forecasts), source_nova.c (what the conductor says). Nobody else includes this.
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

/* source_outcome.c: what has to be remembered on the way, to be compared at the end */
void nma_source_note_phase(NmaSource *source, NmaPhase phase, NmaNow at);
void nma_source_note_reading(NmaSource *source, const NmaJobStats *stats, NmaNow at);
void nma_source_note_forecast(NmaSource *source, const NmaForecast *forecast, NmaNow at);

/* once, as soon as the destination is known */
void nma_source_ask_peer(NmaSource *source, GPtrArray *effects);
void nma_source_take_conductor(NmaSource *source, const NmaEvent *event,
                               gint64 progress_interval_us, NmaNow now, GPtrArray *effects);
void nma_source_take_reading(NmaSource *source, const NmaDomainReading *reading,
                             gint64 progress_interval_us, NmaNow at, NmaNow now,
                             GPtrArray *effects);
