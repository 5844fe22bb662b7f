/*
 * One thread for jobs that block, one after the other. Bounded: what does not fit is refused, and
 * who waits for a job has a deadline of his own.
 */
#pragma once

#include <glib.h>

typedef struct NmaWorker NmaWorker;

typedef struct {
    const char *name; /* at most 15 bytes */
    guint max_waiting;
    /* Blocks; on the worker's thread. Takes the job, and hands what became of it on itself. */
    void (*run)(gpointer job, gpointer user_data);
    /* what was never run, at a stop */
    void (*drop)(gpointer job);
    /* NULL, or the last that is called on the thread; may block */
    void (*leave)(gpointer user_data);
    gpointer user_data;
} NmaWorkerConfig;

NmaWorker *nma_worker_new(const NmaWorkerConfig *config, GError **error);

/* FALSE: too many wait, or it is being stopped; the job stays the caller's. */
gboolean nma_worker_put(NmaWorker *worker, gpointer job);

/* FALSE: a job still hangs at the deadline (g_get_monotonic_time); its thread is left behind, and
 * worker must not be freed. */
gboolean nma_worker_stop(NmaWorker *worker, gint64 deadline_us);
void nma_worker_free(NmaWorker *worker); /* stopped before */
