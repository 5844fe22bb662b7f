#include "agent/hypervisor/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "agent/hypervisor/hypervisor.h"

static struct timespec
timespec_of(gint64 time_us)
{
    return (struct timespec){ .tv_sec = time_us / G_USEC_PER_SEC,
                              .tv_nsec = time_us % G_USEC_PER_SEC * 1000 };
}

gboolean
nma_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), gpointer data,
                 GError **error)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(thread, NULL, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_SETUP,
                    "cannot start thread %s: %s", name, g_strerror(result));
        return FALSE;
    }
    pthread_setname_np(*thread, name);
    return TRUE;
}

gboolean
nma_thread_join_until(pthread_t thread, gint64 deadline_us)
{
    struct timespec deadline = timespec_of(deadline_us);

    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &deadline) == 0)
        return TRUE;
    pthread_detach(thread);
    return FALSE;
}

void
nma_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

gboolean
nma_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, gint64 deadline_us)
{
    struct timespec deadline = timespec_of(deadline_us);

    return pthread_cond_timedwait(condition, mutex, &deadline) != ETIMEDOUT;
}
