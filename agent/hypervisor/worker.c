#include "agent/hypervisor/worker.h"

#include "agent/hypervisor/thread.h"

struct NmaWorker {
    NmaWorkerConfig config;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    gboolean stopping;
    GQueue waiting;
};

static void *
run_worker(void *data)
{
    NmaWorker *worker = data;

    pthread_mutex_lock(&worker->mutex);
    while (!worker->stopping) {
        gpointer job = g_queue_pop_head(&worker->waiting);

        if (!job) {
            pthread_cond_wait(&worker->condition, &worker->mutex);
            continue;
        }
        pthread_mutex_unlock(&worker->mutex);
        worker->config.run(job, worker->config.user_data);
        pthread_mutex_lock(&worker->mutex);
    }
    pthread_mutex_unlock(&worker->mutex);
    if (worker->config.leave)
        worker->config.leave(worker->config.user_data);
    return NULL;
}

NmaWorker *
nma_worker_new(const NmaWorkerConfig *config, GError **error)
{
    NmaWorker *worker = g_new0(NmaWorker, 1);

    worker->config = *config;
    g_queue_init(&worker->waiting);
    pthread_mutex_init(&worker->mutex, NULL);
    nma_condition_init(&worker->condition);
    if (nma_thread_start(&worker->thread, config->name, run_worker, worker, error))
        return worker;
    nma_worker_free(worker);
    return NULL;
}

gboolean
nma_worker_put(NmaWorker *worker, gpointer job)
{
    gboolean room;

    pthread_mutex_lock(&worker->mutex);
    room = !worker->stopping && worker->waiting.length < worker->config.max_waiting;
    if (room) {
        g_queue_push_tail(&worker->waiting, job);
        pthread_cond_signal(&worker->condition);
    }
    pthread_mutex_unlock(&worker->mutex);
    return room;
}

gboolean
nma_worker_stop(NmaWorker *worker, gint64 deadline_us)
{
    pthread_mutex_lock(&worker->mutex);
    worker->stopping = TRUE;
    pthread_cond_broadcast(&worker->condition);
    pthread_mutex_unlock(&worker->mutex);
    return nma_thread_join_until(worker->thread, deadline_us);
}

void
nma_worker_free(NmaWorker *worker)
{
    if (!worker)
        return;
    g_queue_clear_full(&worker->waiting, worker->config.drop);
    pthread_cond_destroy(&worker->condition);
    pthread_mutex_destroy(&worker->mutex);
    g_free(worker);
}
