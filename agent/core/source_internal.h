/*
 * What the two halves of the source share: source.c takes events, source_reading.c judges what
 * libvirt says. Nobody else includes this.
 */
#pragma once

#include "agent/core/source.h"

#define NMA_SOURCE_CONFIRM_US (300 * NMA_US_PER_MS) /* between two reads that must agree */

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
NmaStep nma_source_copy_step(const NmaSource *source);

void nma_source_take_reading(NmaSource *source, const NmaDomainReading *reading,
                             gint64 progress_interval_us, NmaNow at, NmaNow now,
                             GPtrArray *effects);
