/*
 * Reports from a file: what `nova-migration-watch --json` has written, one a line.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef void (*NmaWatchReplayFunc)(json_t *payload /* borrowed */, gpointer user_data);

/* "-" is standard input. Lines that are no JSON object are counted into *bad and passed over.
 * FALSE with an error when the file cannot be read. */
gboolean nma_watch_replay(const char *file, NmaWatchReplayFunc func, gpointer user_data,
                          guint64 *bad, GError **error);
