/*
 * Threads that block in foreign calls: started with every signal blocked (the core takes signals),
 * joined with a deadline. POSIX rather than GLib, so that ThreadSanitizer sees what they share.
 */
#pragma once

#include <glib.h>
#include <pthread.h>

/* name: at most 15 bytes, as ps and gdb show it */
gboolean nma_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), gpointer data,
                          GError **error);

/* FALSE: it still runs at the deadline (g_get_monotonic_time), and is left behind, detached */
gboolean nma_thread_join_until(pthread_t thread, gint64 deadline_us);

/* A condition whose timed wait counts in g_get_monotonic_time. */
void nma_condition_init(pthread_cond_t *condition);
/* FALSE when the deadline has passed */
gboolean nma_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  gint64 deadline_us);
