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
    NmaRules rules;
    guint max_open;
    char *(*new_attempt_id)(void);

    GHashTable *sources, *destinations; /* instance uuid -> the open one; keys stand in them */
    GPtrArray *ended_sources, *ended_destinations; /* until they are saved */
    NmaLedger *ledger;
    NmaRecent *recent;
    guint64 ignored_total;

    NmaExperiences *experiences;
    GHashTable *predicted; /* instance uuid -> NmaPredicted: before the start */

    GPtrArray *asked;          /* questions that wait; in host_asking.c */
    gint64 lost_until_boot_us; /* promises that are not known may hold until then; 0: none */
    gboolean libvirt_read;     /* since the start: before it nothing is promised to who asks */
    NmaSaved *saved;
    NmaQuestions questions;
};

typedef struct {
    char *destination;
    NmaPrediction prediction;
    gint64 boot_us;
} NmaPredicted;

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

/* host_asking.c */
GPtrArray *nma_host_questions_new(void);
void nma_host_take_ask(NmaHost *host, const NmaAsk *ask, NmaNow now, GPtrArray *effects);
void nma_host_take_facts(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects);
void nma_host_libvirt_was_read(NmaHost *host, GPtrArray *effects);
void nma_host_end_overdue_asks(NmaHost *host, NmaNow now, GPtrArray *effects);
gint64 nma_host_asks_deadline(const NmaHost *host);

/* Out of the register: what ended there waits for being saved. */
void nma_host_retire_source(NmaHost *host, NmaSource *source, NmaNow now);
void nma_host_retire_destination(NmaHost *host, NmaDestination *destination, NmaNow now);

/* Steps those that the event is for, opens new ones. */
void nma_host_dispatch(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects);
