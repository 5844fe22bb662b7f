#include "config.h"

#include "rpc/resolve.h"

#include <netdb.h>
#include <sys/socket.h>

#include "rpc/connection.h"

/* Of the one who asks and of the thread that waits for the answer: who leaves last frees it. */
typedef struct {
    GMutex lock;
    GCond answered;
    gboolean has_answer;
    int status; /* of getaddrinfo() */
    char *host;
} Lookup;

static void
lookup_clear(gpointer data)
{
    Lookup *lookup = data;

    g_mutex_clear(&lookup->lock);
    g_cond_clear(&lookup->answered);
    g_free(lookup->host);
}

static int
look_up(const char *host, int flags)
{
    const struct addrinfo hints = { .ai_flags = flags, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int status = getaddrinfo(host, NULL, &hints, &found);

    if (status == 0)
        freeaddrinfo(found);
    return status;
}

static gpointer
run(gpointer data)
{
    Lookup *lookup = data;
    int status = look_up(lookup->host, 0);

    g_mutex_lock(&lookup->lock);
    lookup->status = status;
    lookup->has_answer = TRUE;
    g_cond_signal(&lookup->answered);
    g_mutex_unlock(&lookup->lock);
    g_atomic_rc_box_release_full(lookup, lookup_clear);
    return NULL;
}

static void
await_answer(Lookup *lookup, guint timeout_ms, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;

    g_mutex_lock(&lookup->lock);
    while (!lookup->has_answer && g_cond_wait_until(&lookup->answered, &lookup->lock, deadline))
        continue;
    if (!lookup->has_answer)
        g_set_error(error, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_TIMEOUT,
                    "look up %s: no name server answered within %u ms", lookup->host, timeout_ms);
    else if (lookup->status != 0)
        g_set_error(error, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_IO, "look up %s: %s",
                    lookup->host, gai_strerror(lookup->status));
    g_mutex_unlock(&lookup->lock);
}

gboolean
om_resolve_check(const char *host, guint timeout_ms, GError **error)
{
    GError *local = NULL;
    Lookup *lookup;
    GThread *thread;

    if (look_up(host, AI_NUMERICHOST) == 0)
        return TRUE;
    lookup = g_atomic_rc_box_new0(Lookup);
    g_mutex_init(&lookup->lock);
    g_cond_init(&lookup->answered);
    lookup->host = g_strdup(host);
    thread = g_thread_try_new("lookup", run, g_atomic_rc_box_acquire(lookup), &local);
    if (thread) {
        g_thread_unref(thread);
        await_answer(lookup, timeout_ms, &local);
    } else {
        g_atomic_rc_box_release(lookup);
    }
    g_atomic_rc_box_release_full(lookup, lookup_clear);
    if (local == NULL)
        return TRUE;
    g_propagate_error(error, local);
    return FALSE;
}
