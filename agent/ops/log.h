/*
 * Log lines in oslo.log's shape, to stderr (or as the journal wants them when JOURNAL_STREAM is
 * ours): "2026-11-21 23:01:02.345 1234 INFO agent [-] text". Through GLib's g_log writer, so code
 * simply uses g_info, g_message, g_warning, g_critical.
 */
#pragma once

#include <glib.h>

void nma_log_init(void);
gboolean nma_log_set_level(const char *level); /* debug info warning error; FALSE: no such level */
const char *nma_log_get_level(void);

/* For warnings that hostile input can cause: TRUE when the caller may log now; counts the rest,
 * which *suppressed then tells. One static NmaLogLimit per place. Core thread only. */
typedef struct {
    gint64 window_boot_us;
    guint in_window, suppressed;
} NmaLogLimit;
gboolean nma_log_allowed(NmaLogLimit *limit, gint64 now_boot_us, guint *suppressed);
