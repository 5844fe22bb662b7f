/*
 * Pictures as text. Pure: width and local time are arguments, nothing is printed here.
 */
#pragma once

#include <glib.h>

#include "agent/watch/merge.h"

typedef struct {
    guint columns; /* of the terminal; lines are never longer */
    gboolean colour;
    gboolean show_cell; /* more than one cell is watched */
} NmaWatchStyle;

#define NMA_WATCH_PLAIN_COLUMNS 200 /* where there is no terminal */

/* One line, without newline. Owned. */
char *nma_watch_line(const NmaWatchPicture *picture, const NmaWatchStyle *style);
/* The headings of such lines. Owned. */
char *nma_watch_line_heading(const NmaWatchStyle *style);

/* The one screen: several lines, each with newline. Owned. */
char *nma_watch_screen(const NmaWatchPicture *picture, const NmaWatchStyle *style);

/* ---- shared by both ---- */

/* 0 … 1000: how much of what is to be copied now has been; -1 when nothing is known */
int nma_watch_permille(const NmaWatchPicture *picture);
/* "[#####.....]" of `cells` characters between the brackets; empty when permille is -1 */
void nma_watch_append_bar(GString *out, int permille, guint cells);
/* bytes that remain to be copied in this step, of how many; NMA_UNKNOWN when not known */
void nma_watch_remaining(const NmaWatchPicture *picture, gint64 *remaining, gint64 *total);
gint64 nma_watch_bandwidth(const NmaWatchPicture *picture);  /* bytes/s or NMA_UNKNOWN */
gint64 nma_watch_dirty_rate(const NmaWatchPicture *picture); /* bytes/s or NMA_UNKNOWN */
/* "on cmp-a", "paused on cmp-b", "unknown". Owned, cleaned. */
char *nma_watch_guest_text(const NmaWatchPicture *picture);
/* "completed", "failed: job_failed", … ; "" while it runs. Owned. */
char *nma_watch_result_text(const NmaWatchPicture *picture);
/* "4.0 s expected", "243 ms" (the real one); "" when unknown. Owned. */
char *nma_watch_downtime_text(const NmaWatchPicture *picture);
/* SGR sequence for this outcome, "" without colour; static. End it with nma_watch_colour_end(). */
const char *nma_watch_colour(const NmaWatchPicture *picture, const NmaWatchStyle *style);
const char *nma_watch_colour_end(const NmaWatchStyle *style);
