#include "agent/hypervisor/loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "agent/hypervisor/clock.h"
#include "agent/hypervisor/hypervisor.h"
#include "agent/hypervisor/libvirt_error.h"
#include "agent/hypervisor/thread.h"

#define TICK_MS      250
#define LAST_TURNS   3
#define LAST_TURN_MS 5
#define ERROR_NAP_US (100 * 1000)

struct NmaLoop {
    pthread_t thread;
    int timer; /* libvirt's id */
    void (*tick)(gpointer user_data);
    gpointer user_data;

    pthread_mutex_t mutex;
    gboolean stopping;
    gint64 last_alive_boot_us;
};

static pthread_mutex_t process_mutex = PTHREAD_MUTEX_INITIALIZER;
static gboolean prepared, in_use;

static void
keep_silent(void *user_data, virErrorPtr error)
{
}

gboolean
nma_loop_prepare(GError **error)
{
    pthread_mutex_lock(&process_mutex);
    if (!prepared) {
        /* libvirt prints every error to stderr otherwise */
        virSetErrorFunc(NULL, keep_silent);
        if (virInitialize() < 0)
            /* its error lives in what could not be initialised */
            g_set_error_literal(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT,
                                "cannot initialise libvirt");
        else if (virEventRegisterDefaultImpl() < 0)
            nma_libvirt_error_set(error, "cannot register libvirt's event loop");
        else
            prepared = TRUE;
    }
    gboolean ok = prepared;

    pthread_mutex_unlock(&process_mutex);
    return ok;
}

static gboolean
take_process_loop(gboolean take)
{
    pthread_mutex_lock(&process_mutex);
    gboolean taken = !take || !in_use;

    if (taken)
        in_use = take;
    pthread_mutex_unlock(&process_mutex);
    return taken;
}

/* The timer only makes the loop turn; what is to be done then is done outside libvirt's locks. */
static void
on_timer(int timer, void *user_data)
{
}

static gboolean
note_alive(NmaLoop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    gboolean stopping = loop->stopping;

    loop->last_alive_boot_us = nma_boot_time_us();
    pthread_mutex_unlock(&loop->mutex);
    return !stopping;
}

static void *
run_loop(void *data)
{
    NmaLoop *loop = data;

    while (note_alive(loop)) {
        if (virEventRunDefaultImpl() < 0)
            g_usleep(ERROR_NAP_US);
        loop->tick(loop->user_data);
    }
    /* libvirt frees callbacks and watches that were removed in idle sources of this loop */
    virEventUpdateTimeout(loop->timer, LAST_TURN_MS);
    for (int i = 0; i < LAST_TURNS; i++)
        virEventRunDefaultImpl();
    virEventRemoveTimeout(loop->timer);
    return NULL;
}

static void
loop_free(NmaLoop *loop)
{
    pthread_mutex_destroy(&loop->mutex);
    g_free(loop);
}

NmaLoop *
nma_loop_new(void (*tick)(gpointer user_data), gpointer user_data, GError **error)
{
    if (!nma_loop_prepare(error))
        return NULL;
    if (!take_process_loop(TRUE)) {
        g_set_error_literal(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_SETUP,
                            "libvirt's event loop is in use already: one hypervisor a process");
        return NULL;
    }

    NmaLoop *loop = g_new0(NmaLoop, 1);

    pthread_mutex_init(&loop->mutex, NULL);
    loop->tick = tick;
    loop->user_data = user_data;
    loop->last_alive_boot_us = nma_boot_time_us();
    loop->timer = virEventAddTimeout(TICK_MS, on_timer, NULL, NULL);
    if (loop->timer < 0) {
        nma_libvirt_error_set(error, "cannot add a timer to libvirt's event loop");
    } else if (nma_thread_start(&loop->thread, "virt-events", run_loop, loop, error)) {
        return loop;
    } else {
        virEventRemoveTimeout(loop->timer);
    }
    take_process_loop(FALSE);
    loop_free(loop);
    return NULL;
}

gint64
nma_loop_last_alive_boot_us(NmaLoop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    gint64 alive = loop->last_alive_boot_us;

    pthread_mutex_unlock(&loop->mutex);
    return alive;
}

gboolean
nma_loop_stop(NmaLoop *loop, gint64 deadline_us)
{
    pthread_mutex_lock(&loop->mutex);
    loop->stopping = TRUE;
    pthread_mutex_unlock(&loop->mutex);
    virEventUpdateTimeout(loop->timer, 0);
    if (!nma_thread_join_until(loop->thread, deadline_us))
        return FALSE;
    take_process_loop(FALSE);
    loop_free(loop);
    return TRUE;
}
