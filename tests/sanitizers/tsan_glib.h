/*
 * Included before everything else in the ThreadSanitizer build (tests/run-checks): GLib's locks are
 * futexes inside of libglib, which is built without it, so it would see no order between what they
 * guard.
 */
#pragma once

#include <glib.h>
#include <sanitizer/tsan_interface.h>

static inline void
nma_tsan_mutex_lock(GMutex *mutex)
{
    g_mutex_lock(mutex);
    __tsan_acquire(mutex);
}

static inline void
nma_tsan_mutex_unlock(GMutex *mutex)
{
    __tsan_release(mutex);
    g_mutex_unlock(mutex);
}

static inline void
nma_tsan_cond_wait(GCond *cond, GMutex *mutex)
{
    __tsan_release(mutex);
    g_cond_wait(cond, mutex);
    __tsan_acquire(mutex);
}

static inline gboolean
nma_tsan_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_us)
{
    gboolean signalled;

    __tsan_release(mutex);
    signalled = g_cond_wait_until(cond, mutex, end_us);
    __tsan_acquire(mutex);
    return signalled;
}

#define g_mutex_lock      nma_tsan_mutex_lock
#define g_mutex_unlock    nma_tsan_mutex_unlock
#define g_cond_wait       nma_tsan_cond_wait
#define g_cond_wait_until nma_tsan_cond_wait_until
