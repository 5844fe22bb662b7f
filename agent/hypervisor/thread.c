#include "agent/hypervisor/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "agent/hypervisor/hypervisor.h"

#define JOIN_INTERVAL_US 2000

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
    /* Not pthread_clockjoin_np: ThreadSanitizer of gcc 12 does not know it. At a stop it costs
     * nothing to look again. */
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        if (g_get_monotonic_time() >= deadline_us) {
            pthread_detach(thread);
            return FALSE;
        }
        g_usleep(JOIN_INTERVAL_US);
    }
    return TRUE;
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
    struct timespec deadline = { .tv_sec = deadline_us / G_USEC_PER_SEC,
                                 .tv_nsec = deadline_us % G_USEC_PER_SEC * 1000 };

    return pthread_cond_timedwait(condition, mutex, &deadline) != ETIMEDOUT;
}
