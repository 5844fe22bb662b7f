/* The pool of readers with reads that hang as long as the test wants. */
#include <pthread.h>
#include <string.h>

#include "agent/hypervisor/readers.h"
#include "tests/unit/tap.h"

#define UUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define UUID_B "bbbbbbbb-0000-4000-8000-000000000002"
#define UUID_C "cccccccc-0000-4000-8000-000000000003"
#define UUID_D "dddddddd-0000-4000-8000-000000000004"
#define FAR_US (60 * G_USEC_PER_SEC)

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    GHashTable *hanging; /* uuids whose reads do not return */
    GHashTable *absent;  /* uuids without a domain */
    GHashTable *running; /* uuids being read now */
    guint reads, running_most, n_threads;
    guint left;          /* a bit for each thread that has ended */
    gboolean read_twice; /* one domain by two threads at once */
    GPtrArray *answers;  /* NmaDomainReading */
    GPtrArray *batches;  /* GPtrArray of NmaDomainReading */
    NmaReaders *readers;
} Pool;

static void
reading_unref(gpointer reading)
{
    nma_domain_reading_free(reading);
}

static NmaDomainReading *
slow_read(guint thread, const char *uuid, gpointer user_data)
{
    Pool *pool = user_data;
    NmaDomainReading *reading = nma_domain_reading_new(uuid);

    pthread_mutex_lock(&pool->mutex);
    pool->reads++;
    if (!g_hash_table_add(pool->running, g_strdup(uuid)))
        pool->read_twice = TRUE;
    pool->running_most = MAX(pool->running_most, g_hash_table_size(pool->running));
    pthread_cond_broadcast(&pool->changed);
    while (g_hash_table_contains(pool->hanging, uuid))
        pthread_cond_wait(&pool->changed, &pool->mutex);
    reading->state =
        g_hash_table_contains(pool->absent, uuid) ? NMA_DOMAIN_ABSENT : NMA_DOMAIN_RUNNING;
    reading->stats_known = TRUE;
    reading->stats.elapsed_ms = pool->reads; /* which read it was */
    g_hash_table_remove(pool->running, uuid);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    return reading;
}

static void
leave(guint thread, gpointer user_data)
{
    Pool *pool = user_data;

    pthread_mutex_lock(&pool->mutex);
    pool->left |= 1u << thread;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

static void
take_answer(NmaDomainReading *reading, gpointer user_data)
{
    Pool *pool = user_data;

    pthread_mutex_lock(&pool->mutex);
    g_ptr_array_add(pool->answers, reading);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

static void
take_batch(GPtrArray *readings, gpointer user_data)
{
    Pool *pool = user_data;

    pthread_mutex_lock(&pool->mutex);
    g_ptr_array_add(pool->batches, readings);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

static void
pool_init(Pool *pool, guint n_threads)
{
    NmaReadersConfig config = {
        n_threads, FAR_US, slow_read, leave, take_answer, take_batch, pool
    };

    memset(pool, 0, sizeof *pool);
    pool->n_threads = n_threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->hanging = g_hash_table_new(g_str_hash, g_str_equal);
    pool->absent = g_hash_table_new(g_str_hash, g_str_equal);
    pool->running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    pool->answers = g_ptr_array_new_with_free_func(reading_unref);
    pool->batches = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    pool->readers = nma_readers_new(&config, NULL);
    g_assert_nonnull(pool->readers);
}

static void
pool_clear(Pool *pool)
{
    g_assert_true(nma_readers_stop(pool->readers, g_get_monotonic_time() + 10 * G_USEC_PER_SEC));
    nma_readers_free(pool->readers);
    g_assert_false(pool->read_twice);
    g_assert_cmpuint(pool->left, ==, (1u << pool->n_threads) - 1);
    g_hash_table_unref(pool->hanging);
    g_hash_table_unref(pool->absent);
    g_hash_table_unref(pool->running);
    g_ptr_array_unref(pool->answers);
    g_ptr_array_unref(pool->batches);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
}

static void
hang(Pool *pool, const char *uuid, gboolean hangs)
{
    pthread_mutex_lock(&pool->mutex);
    if (hangs)
        g_hash_table_add(pool->hanging, (char *)uuid);
    else
        g_hash_table_remove(pool->hanging, uuid);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

/* An endless wait would be the test's own time limit: no sleep, no polling. */
#define WAIT(pool, condition)                                                                      \
    G_STMT_START                                                                                   \
    {                                                                                              \
        pthread_mutex_lock(&(pool)->mutex);                                                        \
        while (!(condition))                                                                       \
            pthread_cond_wait(&(pool)->changed, &(pool)->mutex);                                   \
        pthread_mutex_unlock(&(pool)->mutex);                                                      \
    }                                                                                              \
    G_STMT_END

static gint64
past_deadline(void)
{
    return g_get_monotonic_time() + FAR_US + 1;
}

static const NmaDomainReading *
answer(Pool *pool, guint i)
{
    pthread_mutex_lock(&pool->mutex);
    g_assert_cmpuint(pool->answers->len, >, i);
    const NmaDomainReading *reading = g_ptr_array_index(pool->answers, i);

    pthread_mutex_unlock(&pool->mutex);
    return reading;
}

static NmaDomainState
state_in(const GPtrArray *readings, const char *uuid)
{
    for (guint i = 0; i < readings->len; i++) {
        const NmaDomainReading *reading = g_ptr_array_index(readings, i);

        if (g_str_equal(reading->instance_uuid, uuid))
            return reading->state;
    }
    return NMA_DOMAIN_ABSENT;
}

static void
test_one_answer_each(void)
{
    Pool pool;

    pool_init(&pool, 3);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.answers->len == 1);
    g_assert_cmpstr(answer(&pool, 0)->instance_uuid, ==, UUID_A);
    g_assert_cmpint(answer(&pool, 0)->state, ==, NMA_DOMAIN_RUNNING);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.answers->len == 2);
    nma_readers_expire(pool.readers, past_deadline());
    g_assert_cmpuint(pool.answers->len, ==, 2);
    g_assert_cmpuint(nma_readers_overdue(pool.readers), ==, 0);
    pool_clear(&pool);
}

static void
test_requests_merge(void)
{
    Pool pool;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    nma_readers_request(pool.readers, UUID_A);
    nma_readers_request(pool.readers, UUID_A);
    nma_readers_request(pool.readers, UUID_B); /* not held up */
    WAIT(&pool, pool.answers->len == 1);
    g_assert_cmpstr(answer(&pool, 0)->instance_uuid, ==, UUID_B);
    hang(&pool, UUID_A, FALSE);
    WAIT(&pool, pool.answers->len == 2);
    nma_readers_request(pool.readers, UUID_C);
    WAIT(&pool, pool.answers->len == 3);
    g_assert_cmpuint(pool.reads, ==, 3);
    pool_clear(&pool);
}

static void
test_overdue_is_unknown_once_and_late_is_dropped(void)
{
    Pool pool;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    nma_readers_expire(pool.readers, g_get_monotonic_time());
    g_assert_cmpuint(pool.answers->len, ==, 0);
    nma_readers_expire(pool.readers, past_deadline());
    nma_readers_expire(pool.readers, past_deadline());
    g_assert_cmpuint(pool.answers->len, ==, 1);
    g_assert_cmpint(answer(&pool, 0)->state, ==, NMA_DOMAIN_UNKNOWN);
    g_assert_false(answer(&pool, 0)->stats_known);
    g_assert_nonnull(answer(&pool, 0)->text);
    g_assert_cmpuint(nma_readers_overdue(pool.readers), ==, 1);

    hang(&pool, UUID_A, FALSE);
    /* dropped: the next answer is that of another domain */
    while (nma_readers_overdue(pool.readers) > 0)
        g_thread_yield();
    nma_readers_request(pool.readers, UUID_B);
    WAIT(&pool, pool.answers->len == 2);
    g_assert_cmpstr(answer(&pool, 1)->instance_uuid, ==, UUID_B);
    g_assert_cmpuint(pool.reads, ==, 2);
    pool_clear(&pool);
}

/* Who asks every second must still hear that nothing comes. */
static void
test_asking_again_does_not_put_off_the_deadline(void)
{
    Pool pool;
    gint64 asked_us;

    pool_init(&pool, 1);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    asked_us = g_get_monotonic_time();
    while (g_get_monotonic_time() == asked_us)
        ;
    nma_readers_request(pool.readers, UUID_A);
    nma_readers_expire(pool.readers, asked_us + FAR_US);
    g_assert_cmpuint(pool.answers->len, ==, 1);
    hang(&pool, UUID_A, FALSE);
    pool_clear(&pool);
}

/* Asked again while the first read hangs: no second call beside it, and its answer is not
 * taken for the new one. */
static void
test_asked_again_while_overdue(void)
{
    Pool pool;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    nma_readers_expire(pool.readers, past_deadline());
    nma_readers_request(pool.readers, UUID_A);
    g_assert_cmpuint(pool.reads, ==, 1);
    hang(&pool, UUID_A, FALSE);
    WAIT(&pool, pool.answers->len == 2);
    g_assert_cmpint(answer(&pool, 1)->state, ==, NMA_DOMAIN_RUNNING);
    g_assert_cmpint(answer(&pool, 1)->stats.elapsed_ms, ==, 2);
    g_assert_cmpuint(pool.reads, ==, 2);
    pool_clear(&pool);
}

static void
test_again_overdue(void)
{
    Pool pool;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    for (guint i = 1; i <= 3; i++) {
        nma_readers_expire(pool.readers, past_deadline());
        g_assert_cmpuint(pool.answers->len, ==, i);
        g_assert_cmpint(answer(&pool, i - 1)->state, ==, NMA_DOMAIN_UNKNOWN);
        nma_readers_request(pool.readers, UUID_A);
    }
    g_assert_cmpuint(pool.reads, ==, 1);
    g_assert_cmpuint(nma_readers_overdue(pool.readers), ==, 1);
    hang(&pool, UUID_A, FALSE);
    pool_clear(&pool);
}

static void
test_waiting_in_the_queue_counts(void)
{
    Pool pool;

    pool_init(&pool, 1);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    nma_readers_request(pool.readers, UUID_B);
    nma_readers_expire(pool.readers, past_deadline());
    g_assert_cmpuint(pool.answers->len, ==, 2);
    g_assert_cmpint(answer(&pool, 0)->state, ==, NMA_DOMAIN_UNKNOWN);
    g_assert_cmpint(answer(&pool, 1)->state, ==, NMA_DOMAIN_UNKNOWN);
    hang(&pool, UUID_A, FALSE);
    nma_readers_request(pool.readers, UUID_C);
    WAIT(&pool, pool.answers->len == 3);
    /* B was given up before it was read */
    g_assert_cmpuint(pool.reads, ==, 2);
    pool_clear(&pool);
}

static void
test_batch(void)
{
    const char *uuids[] = { UUID_A, UUID_B, UUID_C, UUID_A };
    Pool pool;

    pool_init(&pool, 3);
    g_hash_table_add(pool.absent, (char *)UUID_B);
    nma_readers_request_batch(pool.readers, uuids, G_N_ELEMENTS(uuids));
    WAIT(&pool, pool.batches->len == 1);

    GPtrArray *readings = g_ptr_array_index(pool.batches, 0);

    g_assert_cmpuint(readings->len, ==, 2);
    g_assert_cmpint(state_in(readings, UUID_A), ==, NMA_DOMAIN_RUNNING);
    g_assert_cmpint(state_in(readings, UUID_C), ==, NMA_DOMAIN_RUNNING);
    g_assert_cmpuint(pool.answers->len, ==, 0);
    pool_clear(&pool);
}

static void
test_batch_of_none(void)
{
    Pool pool;

    pool_init(&pool, 1);
    nma_readers_request_batch(pool.readers, NULL, 0);
    WAIT(&pool, pool.batches->len == 1);
    g_assert_cmpuint(((GPtrArray *)g_ptr_array_index(pool.batches, 0))->len, ==, 0);
    pool_clear(&pool);
}

static void
test_batch_with_a_hanging_domain(void)
{
    const char *uuids[] = { UUID_A, UUID_B, UUID_C, UUID_D };
    Pool pool;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request_batch(pool.readers, uuids, G_N_ELEMENTS(uuids));
    WAIT(&pool, pool.reads == 4 && g_hash_table_size(pool.running) == 1);
    /* their answers come no sooner than the batch has theirs */
    for (guint i = 1; i < G_N_ELEMENTS(uuids); i++)
        nma_readers_request(pool.readers, uuids[i]);
    WAIT(&pool, pool.answers->len == 3);
    g_assert_cmpuint(pool.batches->len, ==, 0);
    nma_readers_expire(pool.readers, past_deadline());
    g_assert_cmpuint(pool.batches->len, ==, 1);

    GPtrArray *readings = g_ptr_array_index(pool.batches, 0);

    g_assert_cmpuint(readings->len, ==, 4);
    g_assert_cmpint(state_in(readings, UUID_A), ==, NMA_DOMAIN_UNKNOWN);
    g_assert_cmpint(state_in(readings, UUID_B), ==, NMA_DOMAIN_RUNNING);
    g_assert_cmpint(state_in(readings, UUID_C), ==, NMA_DOMAIN_RUNNING);
    g_assert_cmpint(state_in(readings, UUID_D), ==, NMA_DOMAIN_RUNNING);
    hang(&pool, UUID_A, FALSE);
    pool_clear(&pool);
}

/* One read serves who asked for the domain alone and the batch. */
static void
test_batch_shares_a_read(void)
{
    const char *uuids[] = { UUID_A };
    Pool pool;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    nma_readers_request_batch(pool.readers, uuids, 1);
    hang(&pool, UUID_A, FALSE);
    WAIT(&pool, pool.answers->len == 1 && pool.batches->len == 1);
    g_assert_cmpuint(pool.reads, ==, 1);
    pool_clear(&pool);
}

static void
test_batch_dropped(void)
{
    const char *uuids[] = { UUID_A, UUID_B };
    Pool pool;

    pool_init(&pool, 1);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request_batch(pool.readers, uuids, 2);
    WAIT(&pool, pool.reads == 1);
    nma_readers_drop_batch(pool.readers);
    hang(&pool, UUID_A, FALSE);
    nma_readers_request(pool.readers, UUID_C);
    WAIT(&pool, pool.answers->len == 1);
    nma_readers_expire(pool.readers, past_deadline());
    g_assert_cmpuint(pool.batches->len, ==, 0);
    g_assert_cmpuint(pool.reads, ==, 2);
    pool_clear(&pool);
}

static void
test_stop_leaves_a_hanging_read_behind(void)
{
    static Pool pool; /* its thread outlives the test */
    gint64 begin;

    pool_init(&pool, 3);
    hang(&pool, UUID_A, TRUE);
    nma_readers_request(pool.readers, UUID_A);
    WAIT(&pool, pool.reads == 1);
    begin = g_get_monotonic_time();
    g_assert_false(nma_readers_stop(pool.readers, begin + G_USEC_PER_SEC / 5));
    g_assert_cmpint(g_get_monotonic_time() - begin, <, 5 * G_USEC_PER_SEC);
    nma_readers_request(pool.readers, UUID_B);
    nma_readers_expire(pool.readers, past_deadline());
    hang(&pool, UUID_A, FALSE);
    WAIT(&pool, pool.left == 7);
    g_assert_cmpuint(pool.answers->len, ==, 0);
}

/* Many requests from many sides: each domain at most once at a time, never more than the pool. */
static void *
ask_at_random(void *data)
{
    Pool *pool = data;
    const char *uuids[] = { UUID_A, UUID_B, UUID_C, UUID_D };

    for (guint i = 0; i < 2000; i++) {
        nma_readers_request(pool->readers, uuids[i % 4]);
        if (i % 50 == 0)
            nma_readers_request_batch(pool->readers, uuids, 4);
        if (i % 7 == 0)
            nma_readers_expire(pool->readers, i % 3 ? g_get_monotonic_time() : past_deadline());
    }
    return NULL;
}

static void
test_many_threads(void)
{
    Pool pool;
    pthread_t threads[2];

    pool_init(&pool, 3);
    for (guint i = 0; i < 2; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, ask_at_random, &pool), ==, 0);
    for (guint i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    nma_readers_expire(pool.readers, past_deadline());
    pthread_mutex_lock(&pool.mutex);
    g_assert_cmpuint(pool.running_most, <=, 3);
    g_assert_cmpuint(pool.answers->len, >, 0);
    g_assert_cmpuint(pool.batches->len, >, 0);
    pthread_mutex_unlock(&pool.mutex);
    pool_clear(&pool);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/readers/one-answer-each", test_one_answer_each);
    g_test_add_func("/readers/requests-merge", test_requests_merge);
    g_test_add_func("/readers/overdue-is-unknown-once",
                    test_overdue_is_unknown_once_and_late_is_dropped);
    g_test_add_func("/readers/asking-again-does-not-put-off-the-deadline",
                    test_asking_again_does_not_put_off_the_deadline);
    g_test_add_func("/readers/asked-again-while-overdue", test_asked_again_while_overdue);
    g_test_add_func("/readers/again-overdue", test_again_overdue);
    g_test_add_func("/readers/waiting-in-the-queue-counts", test_waiting_in_the_queue_counts);
    g_test_add_func("/readers/batch", test_batch);
    g_test_add_func("/readers/batch/of-none", test_batch_of_none);
    g_test_add_func("/readers/batch/hanging-domain", test_batch_with_a_hanging_domain);
    g_test_add_func("/readers/batch/shares-a-read", test_batch_shares_a_read);
    g_test_add_func("/readers/batch/dropped", test_batch_dropped);
    g_test_add_func("/readers/many-threads", test_many_threads);
    g_test_add_func("/readers/stop-leaves-a-hanging-read-behind",
                    test_stop_leaves_a_hanging_read_behind);
    return g_test_run();
}
