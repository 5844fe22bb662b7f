/*
 * The one way into the core thread: other threads put, core drains.
 *
 * Bounded, and nothing lost for good: iteration events of a domain that core has not yet drained
 * merge into one; when the ring is full, what comes from libvirt is dropped and `resync` is set,
 * so that core re-reads libvirt; what comes from the bus is dropped and counted.
 */
#pragma once

#include <glib.h>

#include "agent/core/audit.h"
#include "agent/core/event.h"
#include "rpc/bus.h"

#define NMA_INBOX_MAX 4096

typedef enum {
    NMA_INBOX_EVENT,         /* event */
    NMA_INBOX_PUBLISHED,     /* published */
    NMA_INBOX_REQUEST,       /* request */
    NMA_INBOX_CALL_FINISHED, /* call */
    NMA_INBOX_BUS_STATE,     /* state changed: ask om_bus_get_state */
    NMA_INBOX_AUDIT,         /* audit */
} NmaInboxType;

typedef struct {
    NmaInboxType type;
    union {
        NmaEvent *event; /* owned */
        struct {
            guint64 cookie;
            OmPublishOutcome outcome;
        } published;
        OmRequest *request; /* owned: must be answered */
        OmCallResult *call; /* owned */
        struct {
            NmaAudit *audit; /* owned; NULL: nothing has changed */
            guint64 asked;   /* see auditor.h */
        } audit;
    };
} NmaInboxItem;

typedef struct NmaInbox NmaInbox;

NmaInbox *nma_inbox_new(GError **error);
void nma_inbox_free(NmaInbox *inbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaInbox, nma_inbox_free)

/* Readable when there is something to drain. Borrowed. */
int nma_inbox_fd(const NmaInbox *inbox);

/* From any thread; takes what it is given; never blocks for long. */
void nma_inbox_put_event(NmaInbox *inbox, NmaEvent *event);
void nma_inbox_put_published(NmaInbox *inbox, guint64 cookie, OmPublishOutcome outcome);
/* FALSE when full: the request stays the caller's, who answers that we are busy */
gboolean nma_inbox_put_request(NmaInbox *inbox, OmRequest *request);
void nma_inbox_put_call(NmaInbox *inbox, OmCallResult *call);
void nma_inbox_put_bus_state(NmaInbox *inbox);
void nma_inbox_put_audit(NmaInbox *inbox, NmaAudit *audit, guint64 asked);

/* Core thread: everything that is there, in order. Owned array that owns its items. resync: events
 * of libvirt were lost since the last drain. dropped: counted up by the lost messages of the bus.
 */
GPtrArray *nma_inbox_drain(NmaInbox *inbox, gboolean *resync, guint64 *dropped);
