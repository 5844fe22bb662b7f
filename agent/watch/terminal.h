/*
 * A block of lines at the bottom of a terminal, redrawn in place. Plain ANSI (ECMA-48) sequences:
 * no terminal library; what scrolled by before stays, and the last block stays after the end.
 */
#pragma once

#include <glib.h>

typedef struct {
    gboolean is_terminal; /* FALSE: not one, or one that cannot move its cursor */
    gboolean colour;      /* NO_COLOR is not set */
    guint columns, rows;
    guint drawn; /* lines of the block that stand there */
} NmaWatchTerminal;

/* of standard output */
void nma_watch_terminal_init(NmaWatchTerminal *terminal);
/* its size changed: what stands there is wiped, since the terminal may have wrapped it */
void nma_watch_terminal_resized(NmaWatchTerminal *terminal);
/* Lines end with newline; those that do not fit into the height are left out. FALSE: standard
 * output is closed. */
gboolean nma_watch_terminal_draw(NmaWatchTerminal *terminal, const char *block);
