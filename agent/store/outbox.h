/*
 * The outbox: reports that are written in the same transaction as the state change, published in
 * order, and deleted when the broker has confirmed them.
 */
#pragma once

#include <glib.h>

#include "agent/store/store.h"

#define NMA_OUTBOX_MAX_ROWS  10000
#define NMA_OUTBOX_MAX_AGE_S (24 * 3600)

typedef struct {
    gint64 id;
    char *event_type; /* "live_migration.pre_copy.start" */
    char *payload;    /* JSON text */
    char *message_id; /* uuid, the same at every try: consumers drop repeats by it */
    gint64 created_wall_us;
} NmaOutboxRow;

void nma_outbox_row_free(NmaOutboxRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaOutboxRow, nma_outbox_row_free)

/* In the caller's transaction. Drops the oldest rows over the bounds, adding to *dropped: those
 * that are older than NMA_OUTBOX_MAX_AGE_S, or that have NMA_OUTBOX_MAX_ROWS rows after them. */
gboolean nma_outbox_append(NmaStore *store, const char *event_type, const char *payload,
                           gint64 now_wall_us, guint64 *dropped, GError **error);

/* Drops the oldest rows over the bounds, adding their number to *dropped. Append does it too; this
 * is for the time in which nothing is appended. */
gboolean nma_outbox_trim(NmaStore *store, gint64 now_wall_us, guint64 *dropped, GError **error);

/* Rows with id > after_id, at most limit, oldest first; owned array with free function. */
GPtrArray *nma_outbox_list(NmaStore *store, gint64 after_id, guint limit, GError **error);
gboolean nma_outbox_delete(NmaStore *store, gint64 id, GError **error);

/* count and age of the oldest (created_wall_us, or 0 when empty) */
gboolean nma_outbox_stat(NmaStore *store, guint64 *count, gint64 *oldest_wall_us, GError **error);
