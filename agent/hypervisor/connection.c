#include "agent/hypervisor/connection.h"

#include "agent/hypervisor/libvirt_error.h"
#include "agent/hypervisor/thread.h"

/* A libvirtd that is gone without a word is noticed after about INTERVAL × (COUNT + 1). */
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT      3

#define BACKOFF_FIRST_US (1 * G_USEC_PER_SEC)
#define BACKOFF_LAST_US  (15 * G_USEC_PER_SEC)

struct NmaConnection {
    NmaConnectionConfig config;
    char *uri;
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t condition;
    gboolean stopping;
    gboolean open;    /* between connecting and disconnecting */
    gboolean lost;    /* libvirt said that the connection is closed */
    gboolean refresh; /* asked for, not yet done */
    char *error;
};

static const struct {
    int reason;
    const char *text;
} close_reasons[] = {
    { VIR_CONNECT_CLOSE_REASON_ERROR, "the connection to libvirt broke" },
    { VIR_CONNECT_CLOSE_REASON_EOF, "libvirt closed the connection" },
    { VIR_CONNECT_CLOSE_REASON_KEEPALIVE, "libvirt did not answer keepalive messages" },
    { VIR_CONNECT_CLOSE_REASON_CLIENT, "the connection to libvirt was closed here" },
};

static void
set_error(NmaConnection *connection, const char *text)
{
    g_free(connection->error);
    connection->error = g_strdup(text);
}

/* on the event loop's thread */
static void
on_close(virConnectPtr libvirt, int reason, void *user_data)
{
    NmaConnection *connection = user_data;

    pthread_mutex_lock(&connection->mutex);
    set_error(connection, close_reasons[0].text);
    for (guint i = 0; i < G_N_ELEMENTS(close_reasons); i++)
        if (close_reasons[i].reason == reason)
            set_error(connection, close_reasons[i].text);
    connection->lost = TRUE;
    pthread_cond_broadcast(&connection->condition);
    pthread_mutex_unlock(&connection->mutex);
}

static virConnectPtr
open_libvirt(const char *uri, NmaAccess access, GError **error)
{
    virConnectPtr libvirt =
        access == NMA_ACCESS_READ_ONLY ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);

    if (!libvirt) {
        nma_libvirt_error_set(error, "cannot connect to libvirt");
        return NULL;
    }
    /* not every driver has keepalive: qemu's has */
    virConnectSetKeepAlive(libvirt, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
    return libvirt;
}

static gboolean
watch_libvirt(NmaConnection *connection, virConnectPtr libvirt, GError **error)
{
    pthread_mutex_lock(&connection->mutex);
    connection->lost = FALSE;
    connection->refresh = FALSE;
    g_clear_pointer(&connection->error, g_free);
    pthread_mutex_unlock(&connection->mutex);
    if (virConnectRegisterCloseCallback(libvirt, on_close, connection, NULL) < 0) {
        nma_libvirt_error_set(error, "cannot watch the connection to libvirt");
        return FALSE;
    }
    return TRUE;
}

static void
disconnect(NmaConnection *connection, virConnectPtr libvirt)
{
    pthread_mutex_lock(&connection->mutex);
    connection->open = FALSE;
    pthread_mutex_unlock(&connection->mutex);
    connection->config.closing(libvirt, connection->config.user_data);
    virConnectUnregisterCloseCallback(libvirt, on_close);
    virConnectClose(libvirt);
}

/* NULL: could not be opened */
static virConnectPtr
establish(NmaConnection *connection, GError **error)
{
    virConnectPtr libvirt = open_libvirt(connection->config.uri, connection->config.access, error);

    if (!libvirt)
        return NULL;
    if (!watch_libvirt(connection, libvirt, error)) {
        virConnectClose(libvirt);
        return NULL;
    }
    pthread_mutex_lock(&connection->mutex);
    connection->open = TRUE;
    pthread_mutex_unlock(&connection->mutex);
    if (connection->config.opened(libvirt, connection->config.user_data, error))
        return libvirt;

    disconnect(connection, libvirt);
    return NULL;
}

/* Called and returns with the mutex held. */
static void
refresh(NmaConnection *connection, virConnectPtr libvirt)
{
    g_autoptr(GError) error = NULL;

    connection->refresh = FALSE;
    pthread_mutex_unlock(&connection->mutex);
    gboolean ok = connection->config.refresh(libvirt, connection->config.user_data, &error);

    pthread_mutex_lock(&connection->mutex);
    if (!ok) {
        connection->lost = TRUE;
        set_error(connection, error->message);
    }
}

/* Until it is lost, or we stop. */
static void
hold(NmaConnection *connection, virConnectPtr libvirt)
{
    pthread_mutex_lock(&connection->mutex);
    while (!connection->lost && !connection->stopping) {
        if (connection->refresh)
            refresh(connection, libvirt);
        else
            pthread_cond_wait(&connection->condition, &connection->mutex);
    }
    gboolean lost = connection->lost;

    pthread_mutex_unlock(&connection->mutex);
    if (lost)
        connection->config.lost(connection->config.user_data);
    disconnect(connection, libvirt);
}

static gboolean
wait_unless_stopping(NmaConnection *connection, gint64 pause_us)
{
    gint64 deadline_us = g_get_monotonic_time() + pause_us;

    pthread_mutex_lock(&connection->mutex);
    while (!connection->stopping &&
           nma_condition_wait_until(&connection->condition, &connection->mutex, deadline_us))
        ;
    gboolean goes_on = !connection->stopping;

    pthread_mutex_unlock(&connection->mutex);
    return goes_on;
}

static void *
run_connection(void *data)
{
    NmaConnection *connection = data;
    gint64 pause_us = 0;

    do {
        g_autoptr(GError) error = NULL;
        virConnectPtr libvirt = establish(connection, &error);

        if (libvirt) {
            hold(connection, libvirt);
            pause_us = BACKOFF_FIRST_US;
        } else {
            pthread_mutex_lock(&connection->mutex);
            set_error(connection, error->message);
            pthread_mutex_unlock(&connection->mutex);
            pause_us = CLAMP(pause_us * 2, BACKOFF_FIRST_US, BACKOFF_LAST_US);
        }
    } while (wait_unless_stopping(connection, pause_us));
    return NULL;
}

NmaConnection *
nma_connection_new(const NmaConnectionConfig *config)
{
    NmaConnection *connection = g_new0(NmaConnection, 1);

    connection->config = *config;
    connection->config.uri = connection->uri = g_strdup(config->uri);
    pthread_mutex_init(&connection->mutex, NULL);
    nma_condition_init(&connection->condition);
    return connection;
}

void
nma_connection_free(NmaConnection *connection)
{
    pthread_cond_destroy(&connection->condition);
    pthread_mutex_destroy(&connection->mutex);
    g_free(connection->uri);
    g_free(connection->error);
    g_free(connection);
}

gboolean
nma_connection_start(NmaConnection *connection, GError **error)
{
    return nma_thread_start(&connection->thread, "virt-connect", run_connection, connection, error);
}

gboolean
nma_connection_stop(NmaConnection *connection, gint64 deadline_us)
{
    pthread_mutex_lock(&connection->mutex);
    connection->stopping = TRUE;
    pthread_cond_broadcast(&connection->condition);
    pthread_mutex_unlock(&connection->mutex);
    return nma_thread_join_until(connection->thread, deadline_us);
}

void
nma_connection_refresh(NmaConnection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    connection->refresh = TRUE;
    pthread_cond_broadcast(&connection->condition);
    pthread_mutex_unlock(&connection->mutex);
}

gboolean
nma_connection_is_open(NmaConnection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    gboolean open = connection->open && !connection->lost;

    pthread_mutex_unlock(&connection->mutex);
    return open;
}

virConnectPtr
nma_connection_open_another(const NmaConnection *connection, GError **error)
{
    return open_libvirt(connection->uri, connection->config.access, error);
}

void
nma_connection_get_status(NmaConnection *connection, gboolean *connected, char **error)
{
    pthread_mutex_lock(&connection->mutex);
    *connected = connection->open && !connection->lost;
    *error = *connected ? NULL : g_strdup(connection->error);
    pthread_mutex_unlock(&connection->mutex);
}

static char *
version_text(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

gboolean
nma_connection_try(const char *uri, NmaAccess access, char **text, GError **error)
{
    virConnectPtr libvirt = open_libvirt(uri, access, error);
    unsigned long libvirt_version, qemu_version;
    gboolean ok = FALSE;

    if (!libvirt)
        return FALSE;

    char *hostname = virConnectGetHostname(libvirt);
    int domains = virConnectNumOfDomains(libvirt);

    if (!hostname || domains < 0 || virConnectGetLibVersion(libvirt, &libvirt_version) < 0 ||
        virConnectGetVersion(libvirt, &qemu_version) < 0) {
        nma_libvirt_error_set(error, "connected, but libvirt does not answer");
    } else {
        g_autofree char *libvirt_text = version_text(libvirt_version);
        g_autofree char *qemu_text = version_text(qemu_version);

        *text = g_strdup_printf("libvirt %s, QEMU %s, host name %s, %d domain%s", libvirt_text,
                                qemu_text, hostname, domains, domains == 1 ? "" : "s");
        ok = TRUE;
    }
    free(hostname);
    virConnectClose(libvirt);
    return ok;
}
