/*
 * What is printed, and how: JSON lines, plain lines, or a block on a terminal; and with which code
 * the program ends. Fed by the listener or by a recording.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/watch/left.h"
#include "agent/watch/merge.h"
#include "agent/watch/options.h"
#include "agent/watch/terminal.h"

typedef struct {
    const NmaWatchOptions *options;
    gboolean many_cells;
    NmaWatchTerminal terminal;
    NmaWatchModel *model;
    GHashTable *printed; /* instance uuid -> what its last plain line told */
    gboolean dirty;      /* something changed since the last drawing */
    gboolean closed;     /* nobody reads standard output any more */
    guint64 malformed;   /* reports that could not be read */
    char *status;        /* of the connections, one line; owned */
} NmaWatchOutput;

void nma_watch_output_init(NmaWatchOutput *output, const NmaWatchOptions *options,
                           gboolean many_cells);
void nma_watch_output_clear(NmaWatchOutput *output);

/* One report as it came; cell is "" for the only one. */
void nma_watch_output_report(NmaWatchOutput *output, const char *cell, json_t *payload,
                             gint64 now_us);
/* What a connection does; shown on standard error where there is no terminal. */
void nma_watch_output_status(NmaWatchOutput *output, const char *text);

/* TRUE when a block on a terminal is what this run shows */
gboolean nma_watch_output_draws(const NmaWatchOutput *output);
void nma_watch_output_draw(NmaWatchOutput *output, gint64 now_us);
/* The last picture(s), where no block stands there already. */
void nma_watch_output_final(NmaWatchOutput *output, gint64 now_us);

/* --until-empty: what came of the drain, as far as it was heard. */
void nma_watch_output_left(const NmaWatchOutput *output, gint64 now_us, NmaWatchLeft *left);
/* The table at its end; guests: those that are still there, -1: nobody knows. */
void nma_watch_output_drained(NmaWatchOutput *output, gint64 now_us, gint64 guests,
                              const GPtrArray *instances);

/* The migration that the user named: a running one, else the one that ended last; NULL: not heard
 * of. Free with g_free(). */
NmaWatchPicture *nma_watch_output_target(const NmaWatchOutput *output, gint64 now_us);
