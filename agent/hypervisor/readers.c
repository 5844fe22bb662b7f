#include "agent/hypervisor/readers.h"

#include <string.h>

#include "agent/hypervisor/thread.h"

typedef struct {
    NmaReaders *readers;
    guint number;
    pthread_t thread;
} Reader;

typedef struct {
    char uuid[NMA_UUID_LEN + 1];
    gint64 deadline_us; /* when who asked for this domain alone is answered; 0: nobody did */
    gboolean in_batch;
    gboolean running; /* a thread is in it; else it stands in the queue */
    gboolean late;    /* what the thread will bring comes after the deadline */
} Call;

struct NmaReaders {
    NmaReadersConfig config;
    Reader *threads;
    guint n_threads;

    pthread_mutex_t mutex;
    pthread_cond_t condition;
    gboolean stopping;
    GHashTable *calls; /* uuid → Call, owned; each domain at most once */
    GQueue queue;      /* of Call not running, borrowed */

    GPtrArray *batch; /* the answers so far; NULL: no batch under way */
    guint batch_missing;
    gint64 batch_deadline_us;
};

static gboolean
call_is_awaited(const Call *call)
{
    return call->deadline_us != 0 || call->in_batch;
}

static NmaDomainReading *
reading_copy(const NmaDomainReading *reading)
{
    NmaDomainReading *copy = nma_domain_reading_new(reading->instance_uuid);

    *copy = *reading;
    copy->text = g_strdup(reading->text);
    return copy;
}

static NmaDomainReading *
reading_overdue(const NmaReaders *readers, const char *uuid)
{
    NmaDomainReading *reading = nma_domain_reading_new(uuid);

    reading->state = NMA_DOMAIN_UNKNOWN;
    reading->stats_known = FALSE;
    reading->text = g_strdup_printf("libvirt did not answer within %" G_GINT64_FORMAT " ms",
                                    readers->config.deadline_us / 1000);
    return reading;
}

static void
batch_take(NmaReaders *readers, Call *call, NmaDomainReading *reading)
{
    call->in_batch = FALSE;
    readers->batch_missing--;
    if (reading->state == NMA_DOMAIN_ABSENT)
        nma_domain_reading_free(reading);
    else
        g_ptr_array_add(readers->batch, reading);
}

static void
batch_finish_if_complete(NmaReaders *readers)
{
    if (readers->batch && readers->batch_missing == 0)
        readers->config.batch_done(g_steal_pointer(&readers->batch), readers->config.user_data);
}

static void
enqueue(NmaReaders *readers, Call *call)
{
    g_queue_push_tail(&readers->queue, call);
    pthread_cond_signal(&readers->condition);
}

static void
call_returned(NmaReaders *readers, Call *call, NmaDomainReading *reading)
{
    call->running = FALSE;
    if (call->late) {
        call->late = FALSE;
        nma_domain_reading_free(reading);
        if (call_is_awaited(call))
            enqueue(readers, call);
        else
            g_hash_table_remove(readers->calls, call->uuid);
        return;
    }
    if (call->in_batch)
        batch_take(readers, call, reading_copy(reading));
    if (call->deadline_us)
        readers->config.answer(reading, readers->config.user_data);
    else
        nma_domain_reading_free(reading);
    g_hash_table_remove(readers->calls, call->uuid);
    batch_finish_if_complete(readers);
}

static void *
run_reader(void *data)
{
    const Reader *self = data;
    NmaReaders *readers = self->readers;

    pthread_mutex_lock(&readers->mutex);
    while (!readers->stopping) {
        Call *call = g_queue_pop_head(&readers->queue);

        if (!call) {
            pthread_cond_wait(&readers->condition, &readers->mutex);
            continue;
        }
        call->running = TRUE;
        pthread_mutex_unlock(&readers->mutex);

        /* nobody writes a call's uuid, and a running call is not freed */
        NmaDomainReading *reading =
            readers->config.read(self->number, call->uuid, readers->config.user_data);

        pthread_mutex_lock(&readers->mutex);
        if (readers->stopping)
            nma_domain_reading_free(reading);
        else
            call_returned(readers, call, reading);
    }
    pthread_mutex_unlock(&readers->mutex);
    readers->config.leave(self->number, readers->config.user_data);
    return NULL;
}

NmaReaders *
nma_readers_new(const NmaReadersConfig *config, GError **error)
{
    NmaReaders *readers = g_new0(NmaReaders, 1);

    readers->config = *config;
    readers->threads = g_new0(Reader, config->n_threads);
    readers->calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    g_queue_init(&readers->queue);
    pthread_mutex_init(&readers->mutex, NULL);
    nma_condition_init(&readers->condition);
    while (readers->n_threads < config->n_threads) {
        g_autofree char *name = g_strdup_printf("virt-read-%u", readers->n_threads);

        Reader *reader = &readers->threads[readers->n_threads];

        reader->readers = readers;
        reader->number = readers->n_threads;
        if (!nma_thread_start(&reader->thread, name, run_reader, reader, error)) {
            nma_readers_stop(readers, G_MAXINT64);
            nma_readers_free(readers);
            return NULL;
        }
        readers->n_threads++;
    }
    return readers;
}

/* The domain's call; a new one stands at the end of the queue. */
static Call *
call_for(NmaReaders *readers, const char *uuid)
{
    Call *call = g_hash_table_lookup(readers->calls, uuid);

    if (!call) {
        call = g_new0(Call, 1);
        g_strlcpy(call->uuid, uuid, sizeof call->uuid);
        g_hash_table_insert(readers->calls, call->uuid, call);
        enqueue(readers, call);
    }
    return call;
}

void
nma_readers_request(NmaReaders *readers, const char *instance_uuid)
{
    pthread_mutex_lock(&readers->mutex);
    if (!readers->stopping) {
        Call *call = call_for(readers, instance_uuid);

        if (call->deadline_us == 0)
            call->deadline_us = g_get_monotonic_time() + readers->config.deadline_us;
    }
    pthread_mutex_unlock(&readers->mutex);
}

static void
release_unawaited(NmaReaders *readers, Call *call, GHashTableIter *iter)
{
    if (call_is_awaited(call))
        return;
    if (call->running) {
        call->late = TRUE;
    } else {
        g_queue_remove(&readers->queue, call);
        g_hash_table_iter_remove(iter);
    }
}

static void
drop_batch(NmaReaders *readers)
{
    GHashTableIter iter;
    gpointer value;

    if (!readers->batch)
        return;
    g_clear_pointer(&readers->batch, g_ptr_array_unref);
    g_hash_table_iter_init(&iter, readers->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Call *call = value;

        if (!call->in_batch)
            continue;
        call->in_batch = FALSE;
        release_unawaited(readers, call, &iter);
    }
}

void
nma_readers_drop_batch(NmaReaders *readers)
{
    pthread_mutex_lock(&readers->mutex);
    drop_batch(readers);
    pthread_mutex_unlock(&readers->mutex);
}

void
nma_readers_request_batch(NmaReaders *readers, const char *const *uuids, gsize n_uuids)
{
    pthread_mutex_lock(&readers->mutex);
    drop_batch(readers);
    if (!readers->stopping) {
        readers->batch = g_ptr_array_new_with_free_func((GDestroyNotify)nma_domain_reading_free);
        readers->batch_missing = 0;
        readers->batch_deadline_us = g_get_monotonic_time() + readers->config.deadline_us;
        for (gsize i = 0; i < n_uuids; i++) {
            Call *call = call_for(readers, uuids[i]);

            if (!call->in_batch)
                readers->batch_missing++;
            call->in_batch = TRUE;
        }
        batch_finish_if_complete(readers);
    }
    pthread_mutex_unlock(&readers->mutex);
}

void
nma_readers_expire(NmaReaders *readers, gint64 now_us)
{
    GHashTableIter iter;
    gpointer value;

    pthread_mutex_lock(&readers->mutex);
    g_hash_table_iter_init(&iter, readers->calls);
    while (!readers->stopping && g_hash_table_iter_next(&iter, NULL, &value)) {
        Call *call = value;

        if (call->deadline_us && now_us >= call->deadline_us) {
            call->deadline_us = 0;
            readers->config.answer(reading_overdue(readers, call->uuid), readers->config.user_data);
        }
        if (call->in_batch && now_us >= readers->batch_deadline_us)
            batch_take(readers, call, reading_overdue(readers, call->uuid));
        release_unawaited(readers, call, &iter);
    }
    if (!readers->stopping)
        batch_finish_if_complete(readers);
    pthread_mutex_unlock(&readers->mutex);
}

guint
nma_readers_overdue(NmaReaders *readers)
{
    guint overdue = 0;
    GHashTableIter iter;
    gpointer value;

    pthread_mutex_lock(&readers->mutex);
    g_hash_table_iter_init(&iter, readers->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (((Call *)value)->late)
            overdue++;
    pthread_mutex_unlock(&readers->mutex);
    return overdue;
}

gboolean
nma_readers_stop(NmaReaders *readers, gint64 deadline_us)
{
    gboolean all_ended = TRUE;

    pthread_mutex_lock(&readers->mutex);
    readers->stopping = TRUE;
    pthread_cond_broadcast(&readers->condition);
    pthread_mutex_unlock(&readers->mutex);
    for (guint i = 0; i < readers->n_threads; i++)
        all_ended &= nma_thread_join_until(readers->threads[i].thread, deadline_us);
    return all_ended;
}

void
nma_readers_free(NmaReaders *readers)
{
    g_queue_clear(&readers->queue);
    g_hash_table_unref(readers->calls);
    g_clear_pointer(&readers->batch, g_ptr_array_unref);
    pthread_cond_destroy(&readers->condition);
    pthread_mutex_destroy(&readers->mutex);
    g_free(readers->threads);
    g_free(readers);
}
