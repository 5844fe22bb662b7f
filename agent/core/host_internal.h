/*
 * The inside of the host, which three files share: host.c (steps, time, what has to be saved),
 * host_register.c (open migrations) and host_events.c (who an event is for). Nobody else includes
 * this.
 */
#pragma once

#include "agent/core/host.h"
#include "agent/core/questions.h"
#include "agent/core/recent.h"
#include "agent/core/saved.h"

struct NmaHost {
    char *name;
    gint64 progress_interval_us;
    NmaConvergenceLimits limits;
    guint max_open;
    char *(*new_attempt_id)(void);

    GHashTable *sources, *destinations; /* instance uuid -> the open one; keys stand in them */
    GPtrArray *ended_sources, *ended_destinations; /* until they are saved */
    NmaLedger *ledger;
    NmaRecent *recent;
    guint64 ignored_total;

    NmaExperiences *experiences;

    NmaSaved *saved;
    NmaQuestions questions;
};

/* the open one of an instance, or NULL */
NmaSource *nma_host_get_source(const NmaHost *host, const char *instance_uuid);
NmaDestination *nma_host_get_destination(const NmaHost *host, const char *instance_uuid);

/* NULL when there are too many: counted */
NmaSource *nma_host_open_source(NmaHost *host, const NmaIdentity *identity, gboolean adopted,
                                NmaNow now, GPtrArray *effects);
NmaDestination *nma_host_open_destination(NmaHost *host, const NmaIdentity *identity, gboolean late,
                                          NmaNow now, GPtrArray *effects);

/* one that may be NULL; retires it when it has ended */
void nma_host_step_source(NmaHost *host, NmaSource *source, const NmaEvent *event, NmaNow now,
                          GPtrArray *effects);
void nma_host_step_destination(NmaHost *host, NmaDestination *destination, const NmaEvent *event,
                               NmaNow now, GPtrArray *effects);

/* Out of the register: what ended there waits for being saved. */
void nma_host_retire_source(NmaHost *host, NmaSource *source, NmaNow now);
void nma_host_retire_destination(NmaHost *host, NmaDestination *destination, NmaNow now);

/* Steps those that the event is for, opens new ones. */
void nma_host_dispatch(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects);
