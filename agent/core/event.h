/*
 * Everything that can happen to the agent's core. Adapters make events; core consumes them.
 */
#pragma once

#include <glib.h>

#include "agent/core/asking.h"
#include "agent/core/check.h"
#include "agent/core/identity.h"
#include "agent/core/job_stats.h"
#include "agent/core/now.h"
#include "agent/core/outlook.h"
#include "agent/core/remedy.h"

/* Nova's compute RPC methods that speak of a live migration; the table with their names is in
 * event.c (nova/compute/rpcapi.py, Mitaka to 2026.1). */
typedef enum {
    NMA_NOVA_CHECK_DESTINATION,
    NMA_NOVA_CHECK_SOURCE,
    NMA_NOVA_LIVE_MIGRATION,
    NMA_NOVA_PRE_LIVE_MIGRATION,
    NMA_NOVA_POST_AT_DESTINATION,
    NMA_NOVA_ROLLBACK_AT_DESTINATION,
    NMA_NOVA_DROP_CLAIM_AT_DESTINATION,
    NMA_NOVA_ABORT,
    NMA_NOVA_FORCE_COMPLETE,
    NMA_NOVA_REMOVE_VOLUME_CONNECTION,
    NMA_N_NOVA_METHODS
} NmaNovaMethod;

/* A Nova message seen on the tap: what we keep of it (never its context or secrets). */
typedef struct {
    NmaNovaMethod method;
    NmaIdentity identity;
} NmaNovaCall;

/* libvirt lifecycle events that matter (VIR_DOMAIN_EVENT_*, detail in the name) */
typedef enum {
    NMA_LIFECYCLE_STARTED_MIGRATED,
    NMA_LIFECYCLE_SUSPENDED_MIGRATED,
    NMA_LIFECYCLE_SUSPENDED_POSTCOPY,
    NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED,
    NMA_LIFECYCLE_SUSPENDED_OTHER,
    NMA_LIFECYCLE_RESUMED_MIGRATED,
    NMA_LIFECYCLE_RESUMED_POSTCOPY,
    NMA_LIFECYCLE_RESUMED_POSTCOPY_FAILED,
    NMA_LIFECYCLE_RESUMED_OTHER,
    NMA_LIFECYCLE_STOPPED_MIGRATED,
    NMA_LIFECYCLE_STOPPED_FAILED,
    NMA_LIFECYCLE_STOPPED_OTHER, /* shut down, destroyed, crashed */
    NMA_N_LIFECYCLES
} NmaLifecycle;

typedef enum {
    NMA_DOMAIN_ABSENT, /* no such active domain here */
    NMA_DOMAIN_RUNNING,
    NMA_DOMAIN_PAUSED,           /* for another reason than the two below */
    NMA_DOMAIN_PAUSED_MIGRATION, /* VIR_DOMAIN_PAUSED_MIGRATION, _STARTING_UP with incoming job */
    NMA_DOMAIN_PAUSED_POSTCOPY,
    NMA_DOMAIN_PAUSED_POSTCOPY_FAILED,
    NMA_DOMAIN_UNKNOWN, /* libvirt did not answer in time: nothing may be concluded */
} NmaDomainState;

/* The answer to a read of one domain. An overdue or failed call is NMA_DOMAIN_UNKNOWN. */
typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaDomainState state;
    NmaJobStats stats;     /* kind NMA_JOB_NONE when no job */
    gboolean stats_known;  /* FALSE: the job could not be read (as always on a destination) */
    gint64 resident_bytes; /* of QEMU; NMA_UNKNOWN unless asked for and learnt */
    gint64 memory_bytes;   /* that the guest may have at most; NMA_UNKNOWN where not learnt */
    gint64 vcpus;
    gboolean huge_pages; /* back the guest's memory; learnt while it is migrated from here */
    char *text;          /* libvirt's error text when something failed; else NULL */
} NmaDomainReading;

/* What Nova's database says of one migration of one instance. */
typedef struct {
    NmaIdentity identity;
    char *status; /* Migration.status; NULL when Nova knows no migration of this instance */
    gint64 created_wall_us; /* NMA_UNKNOWN when not said */
} NmaNovaMigration;

typedef enum {
    NMA_PEER_AGENT,
    NMA_PEER_ABSENT,
    NMA_PEER_VERSION, /* answers, but speaks another version */
} NmaPeerState;

typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaPeerState state;
    gint64 clock_offset_ms, clock_offset_error_ms; /* NMA_OFFSET_UNKNOWN unless PEER_AGENT */
} NmaPeerAnswer;

/* What came of a remedy. By Nova: applied says that it was asked. */
typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaRemedy remedy;
    gboolean applied;
    gint64 before, after; /* of the knob, as read before and after; NMA_UNKNOWN */
    char *text;           /* why not; NULL */
} NmaRemedyAnswer;

/* What the destination's agent said when the source's asked it for a reservation. */
typedef enum {
    NMA_RESERVED_GRANTED,
    NMA_RESERVED_REFUSED,
    NMA_RESERVED_UNSUPPORTED, /* an older agent, which does not know the question */
    NMA_RESERVED_UNANSWERED,
} NmaReservedState;

typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaReservedState state;
    gboolean checked; /* refused by a check: it will not work there, now or in a minute */
    NmaReason reason; /* of a refusal; else none */
    char *text;       /* its numbers; NULL if none */
} NmaPeerReservation;

typedef enum {
    NMA_EVENT_TICK,           /* time went by: deadlines */
    NMA_EVENT_NOVA_CALL,      /* nova_call */
    NMA_EVENT_LIFECYCLE,      /* lifecycle */
    NMA_EVENT_ITERATION,      /* iteration */
    NMA_EVENT_JOB_COMPLETED,  /* job_completed */
    NMA_EVENT_DOMAIN_READING, /* reading: answer to NMA_EFFECT_READ_DOMAIN */
    NMA_EVENT_RESYNC,         /* readings: all active domains of the host, after (re)connecting */
    NMA_EVENT_LIBVIRT_LOST,
    NMA_EVENT_FACTS,     /* facts: answer to NMA_EFFECT_GATHER_FACTS */
    NMA_EVENT_CONDUCTOR, /* conductor: answer to NMA_EFFECT_ASK_CONDUCTOR */
    NMA_EVENT_PEER,      /* peer: answer to NMA_EFFECT_ASK_PEER */
    NMA_EVENT_MEASURED,  /* measured: a guest's dirty rate */
    NMA_EVENT_DOMAINS,   /* domains: all active ones of the host */
    NMA_EVENT_REMEDY,    /* remedy: answer to NMA_EFFECT_REMEDY */
    NMA_EVENT_ASKED,     /* asked -> NMA_EFFECT_ANSWER, exactly one */
    NMA_EVENT_GUEST,     /* guest: answer to NMA_EFFECT_ASK_GUEST */
    NMA_EVENT_RESERVED,  /* reserved: answer to NMA_EFFECT_ASK_RESERVATION */
    NMA_N_EVENTS
} NmaEventType;

typedef struct {
    NmaEventType type;
    /* wall and boot time at which the adapter saw it; core's durations use it */
    gint64 seen_boot_us, seen_wall_us;
    union {
        NmaNovaCall nova_call;
        struct {
            char instance_uuid[NMA_UUID_LEN + 1];
            NmaLifecycle what;
        } lifecycle;
        struct {
            char instance_uuid[NMA_UUID_LEN + 1];
            gint64 iteration;
        } iteration;
        struct {
            char instance_uuid[NMA_UUID_LEN + 1];
            NmaJobStats stats;
        } job_completed;
        NmaDomainReading reading;
        GPtrArray *readings; /* of NmaDomainReading, owned */
        struct {
            char instance_uuid[NMA_UUID_LEN + 1];
            NmaFacts facts;
            NmaCapacity capacity;
        } facts;
        struct {
            gboolean answered; /* FALSE: the conductor did not answer */
            /* of NmaNovaMigration, owned; the newest of each instance asked about, with status
             * NULL where there is none. Concerns the instances in it; an empty one concerns all. */
            GPtrArray *migrations;
        } conductor;
        NmaPeerAnswer peer;
        NmaMeasurement measured;
        struct {
            GPtrArray *uuids; /* of char *, owned */
            char *text;       /* why they could not be listed; NULL: they are */
        } domains;
        NmaRemedyAnswer remedy;
        NmaAsk *asked; /* owned */
        struct {
            char instance_uuid[NMA_UUID_LEN + 1];
            gboolean sized; /* FALSE: its source could not tell */
            NmaResources resources;
        } guest;
        NmaPeerReservation reserved;
    };
} NmaEvent;

NmaEvent *nma_event_new(NmaEventType type);
void nma_event_free(NmaEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaEvent, nma_event_free)

/* When the event was seen; now, where the adapter did not say or its time lies in the future. */
NmaNow nma_event_time(const NmaEvent *event, NmaNow now);

NmaDomainReading *nma_domain_reading_new(const char *instance_uuid);
void nma_domain_reading_free(NmaDomainReading *reading);
NmaNovaMigration *nma_nova_migration_new(void);
void nma_nova_migration_free(NmaNovaMigration *migration);

/* Nova's method name, static; and back (FALSE when it is not one of ours) */
const char *nma_nova_method_name(NmaNovaMethod method);
gboolean nma_nova_method_from_name(const char *name, NmaNovaMethod *method);
/* NULL-terminated, static: what the tap searches for */
const char *const *nma_nova_method_names(void);
