/*
 * The reports as they come: a queue of our own in each cell, bound to `<topic>.info` on the control
 * exchange. It is exclusive or expires, and is bounded, so that nothing of a watch that went away
 * stays on the broker. What was published while no queue of ours was bound is not seen.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/watch/cell.h"

typedef enum {
    NMA_WATCH_NEWS_REPORT,  /* payload */
    NMA_WATCH_NEWS_UP,      /* listening; text names the broker */
    NMA_WATCH_NEWS_DOWN,    /* not listening; text says why */
    NMA_WATCH_NEWS_REFUSED, /* the same: user or password are not accepted */
} NmaWatchNewsKind;

typedef struct {
    NmaWatchNewsKind kind;
    const NmaWatchCell *cell; /* borrowed from the listener's caller */
    json_t *payload;          /* owned */
    char *text;               /* owned; cleaned by the reader */
} NmaWatchNews;

void nma_watch_news_free(NmaWatchNews *news);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaWatchNews, nma_watch_news_free)

typedef struct NmaWatchListener NmaWatchListener;

/* cells: of NmaWatchCell, borrowed, must outlive the listener. Starts to connect at once, in
 * threads of its own: block the signals that the caller wants to handle before. */
NmaWatchListener *nma_watch_listener_start(const GPtrArray *cells, const char *topic,
                                           GError **error);
/* Stops and frees; FALSE: a thread hangs and was left behind with what it uses (exit then). */
gboolean nma_watch_listener_stop(NmaWatchListener *listener);

/* nova.conf says something else now: fresh is read and not kept. cell is one of the caller's. */
void nma_watch_listener_reload(NmaWatchListener *listener, const NmaWatchCell *cell,
                               const NmaWatchCell *fresh);

/* readable while there are news */
int nma_watch_listener_fd(const NmaWatchListener *listener);
/* The oldest, or NULL when there are none now. */
NmaWatchNews *nma_watch_listener_take(NmaWatchListener *listener);
/* reports thrown away because the reader was too slow */
guint64 nma_watch_listener_lost(NmaWatchListener *listener);
