/*
 * Words and numbers as people read them on a terminal.
 *
 * Everything that came in a report is hostile: it goes through nma_watch_text_clean() before it is
 * shown, so that no name or error text can move the cursor, recolour the screen or forge a line.
 */
#pragma once

#include <glib.h>

/* Printable UTF-8 of at most max_columns columns; control and format characters and broken UTF-8
 * become \xNN or \u{NNNN}, a backslash stays as it is, what is too long ends in "...". NULL gives
 * "". Owned. */
char *nma_watch_text_clean(const char *text, guint max_columns);

/* columns that a cleaned text takes on a terminal (wide characters take two) */
guint nma_watch_text_columns(const char *text);

/* Appends a cleaned text, cut ("~" marks the cut) or filled with blanks to exactly `columns`. */
void nma_watch_text_append_cell(GString *out, const char *text, guint columns);

/* "1.30 GiB", "512 KiB"; "?" when unknown (negative). Owned. */
char *nma_watch_format_bytes(gint64 bytes);
/* always MiB/s, so that bandwidth and dirty rate can be compared; "?" when unknown. Owned. */
char *nma_watch_format_rate(gint64 bytes_per_s);
/* "240 ms", "4.2 s", "1 min 12 s", "3 h 05 min", "2 d 04 h"; "?" when unknown. Owned. */
char *nma_watch_format_duration_us(gint64 duration_us);
