/*
 * From the outbox to the broker: in order, with confirms, until somebody has received it.
 *
 * A report that comes back (nobody has bound a queue to the topic yet: the normal first month)
 * stays in the outbox. Then only the oldest one is tried, at each new report and every 5 minutes;
 * as soon as it is taken the rest follow in order.
 */
#pragma once

#include <glib.h>

#include "agent/core/now.h"
#include "agent/store/outbox.h"
#include "rpc/bus.h"

typedef struct NmaPublisher NmaPublisher;

typedef struct {
    guint64 published_total;  /* rows that a consumer's queue has taken */
    guint64 unroutable_total; /* publishes that came back */
    gboolean nobody_listens;
} NmaPublisherStats;

/* store and bus are borrowed and must outlive it; the rest is copied. */
NmaPublisher *nma_publisher_new(NmaStore *store, OmBus *bus, const char *exchange, const char *host,
                                const char *const *topics);
void nma_publisher_free(NmaPublisher *publisher);

/* Sends what may be sent now. Call it after each commit that added reports (fresh), when a publish
 * was answered, and when the connection is back. */
void nma_publisher_pump(NmaPublisher *publisher, gboolean fresh, NmaNow now);
gint64 nma_publisher_next_deadline(const NmaPublisher *publisher); /* boot_us or NMA_NEVER */

/* What the broker said; whether it was for us (cookies of others are not). */
gboolean nma_publisher_published(NmaPublisher *publisher, guint64 cookie, OmPublishOutcome outcome,
                                 NmaNow now);

/* Deletes the confirmed rows, in the caller's transaction. */
gboolean nma_publisher_has_confirmed(const NmaPublisher *publisher);
gboolean nma_publisher_delete_confirmed(NmaPublisher *publisher, GError **error);
/* They are on disk as deleted. */
void nma_publisher_deleted(NmaPublisher *publisher);

/* A progress report: sent once, unless the connection is away; may be lost. Takes the payload. */
void nma_publisher_send_progress(NmaPublisher *publisher, const char *event_type, char *payload,
                                 NmaNow now);

void nma_publisher_get_stats(const NmaPublisher *publisher, NmaPublisherStats *stats);
