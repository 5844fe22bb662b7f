#include "agent/hypervisor/hypervisor.h"

#include <pthread.h>

#include "agent/hypervisor/clock.h"
#include "agent/hypervisor/connection.h"
#include "agent/hypervisor/domain.h"
#include "agent/hypervisor/events.h"
#include "agent/hypervisor/inspect.h"
#include "agent/hypervisor/libvirt_error.h"
#include "agent/hypervisor/loop.h"
#include "agent/hypervisor/measuring.h"
#include "agent/hypervisor/readers.h"
#include "agent/hypervisor/steering.h"

#include "agent/hypervisor/worker.h"

#define N_READERS       3
#define MAX_INSPECTIONS 64

/* What is kept of the time to stop for the connection and for the event loop, each, when a reader
 * hangs. */
#define LAST_SHARE_US (500 * 1000)

struct NmaHypervisor {
    void (*post)(NmaEvent *event, gpointer user_data);
    gpointer post_data;
    NmaLoop *loop;
    NmaReaders *readers;
    NmaMeasuring *measuring;
    NmaSteerer *steerer;
    NmaConnection *connection;
    virConnectPtr reader_connections[N_READERS]; /* each its thread's alone; NULL: not open */
    NmaEvents events;

    void (*inspected)(NmaInspection *inspection, gpointer user_data);
    NmaWorker *inspector;
    virConnectPtr inspector_connection; /* its thread's alone; NULL: not open */

    pthread_mutex_t mutex;
    gboolean closed; /* nothing is posted any more */
    guint64 events_total;
};

G_DEFINE_QUARK(nma_hypervisor_error_quark, nma_hypervisor_error)

static void
post(NmaEvent *event, gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;

    event->seen_boot_us = nma_boot_time_us();
    event->seen_wall_us = g_get_real_time();
    /* held while posting, so that nothing is posted once nma_hypervisor_stop has returned */
    pthread_mutex_lock(&hypervisor->mutex);
    if (hypervisor->closed) {
        nma_event_free(event);
    } else {
        hypervisor->events_total++;
        hypervisor->post(event, hypervisor->post_data);
    }
    pthread_mutex_unlock(&hypervisor->mutex);
}

/* ---- readers ---- */

static NmaDomainReading *
reading_unknown(const char *instance_uuid, const char *text)
{
    NmaDomainReading *reading = nma_domain_reading_new(instance_uuid);

    reading->state = NMA_DOMAIN_UNKNOWN;
    reading->stats_known = FALSE;
    reading->text = g_strdup(text);
    return reading;
}

static void
close_reader_connection(guint thread, gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;

    if (hypervisor->reader_connections[thread])
        virConnectClose(hypervisor->reader_connections[thread]);
    hypervisor->reader_connections[thread] = NULL;
}

/* NULL: the connection broke under the call */
static NmaDomainReading *
try_read(NmaHypervisor *hypervisor, guint thread, const char *instance_uuid)
{
    virConnectPtr *libvirt = &hypervisor->reader_connections[thread];
    g_autoptr(GError) error = NULL;

    if (!*libvirt)
        *libvirt = nma_connection_open_another(hypervisor->connection, &error);
    if (!*libvirt)
        return reading_unknown(instance_uuid, error->message);

    NmaDomainReading *reading = nma_domain_read(*libvirt, instance_uuid);

    if (virConnectIsAlive(*libvirt) == 1)
        return reading;
    nma_domain_reading_free(reading);
    close_reader_connection(thread, hypervisor);
    return NULL;
}

static NmaDomainReading *
read_domain(guint thread, const char *instance_uuid, gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;
    NmaDomainReading *reading = NULL;

    /* the second time, when the connection had been opened before a restart of libvirtd */
    for (int i = 0; i < 2 && !reading; i++) {
        if (!nma_connection_is_open(hypervisor->connection))
            return reading_unknown(instance_uuid, "not connected to libvirt");
        reading = try_read(hypervisor, thread, instance_uuid);
    }
    return reading ? reading
                   : reading_unknown(instance_uuid, "the connection to libvirt broke twice");
}

static void
post_reading(NmaDomainReading *reading, gpointer user_data)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);

    event->reading = *reading;
    reading->text = NULL; /* now the event's */
    nma_domain_reading_free(reading);
    post(event, user_data);
}

static void
post_resync(GPtrArray *readings, gpointer user_data)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_RESYNC);

    g_clear_pointer(&event->readings, g_ptr_array_unref);
    event->readings = readings;
    post(event, user_data);
}

/* ---- checks ---- */

static void
close_inspector_connection(gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;

    if (hypervisor->inspector_connection)
        virConnectClose(hypervisor->inspector_connection);
    hypervisor->inspector_connection = NULL;
}

/* NULL with an error; one that broke since its last use is opened anew */
static virConnectPtr
inspector_connection(NmaHypervisor *hypervisor, GError **error)
{
    virConnectPtr *libvirt = &hypervisor->inspector_connection;

    if (*libvirt && virConnectIsAlive(*libvirt) != 1)
        close_inspector_connection(hypervisor);
    if (!*libvirt)
        *libvirt = nma_connection_open_another(hypervisor->connection, error);
    return *libvirt;
}

static void
inspect(virConnectPtr libvirt, NmaInspection *inspection)
{
    switch (inspection->kind) {
    case NMA_INSPECT_HOST:
        nma_inspect_host(libvirt, inspection->guests, &inspection->virt);
        break;
    case NMA_INSPECT_GUEST:
        nma_inspect_host(libvirt, NMA_INSPECT_NO_GUESTS, &inspection->virt);
        inspection->guest =
            nma_inspect_guest(libvirt, inspection->instance_uuid, &inspection->needs);
        break;
    case NMA_INSPECT_ACCEPTANCE:
        nma_inspect_acceptance(libvirt, inspection->source->guest, &inspection->acceptance);
        break;
    }
}

static void
run_inspection(gpointer job, gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;
    NmaInspection *inspection = job;
    g_autoptr(GError) error = NULL;
    virConnectPtr libvirt = inspector_connection(hypervisor, &error);

    if (libvirt) {
        inspect(libvirt, inspection);
    } else {
        g_autofree char *needs = g_strdup_printf("needs libvirt: %s", error->message);

        inspection->needs = g_strdup(needs);
        inspection->virt.needs = g_strdup(needs);
        inspection->acceptance.needs = g_strdup(needs);
    }
    pthread_mutex_lock(&hypervisor->mutex);
    if (hypervisor->closed)
        nma_inspection_free(inspection);
    else
        hypervisor->inspected(inspection, hypervisor->post_data);
    pthread_mutex_unlock(&hypervisor->mutex);
}

static void
drop_inspection(gpointer job)
{
    nma_inspection_free(job);
}

gboolean
nma_hypervisor_inspect(NmaHypervisor *hypervisor, NmaInspection *inspection)
{
    return nma_worker_put(hypervisor->inspector, inspection);
}

/* ---- connection ---- */

static gboolean
request_resync(virConnectPtr libvirt, gpointer user_data, GError **error)
{
    NmaHypervisor *hypervisor = user_data;
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(libvirt, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

    if (n < 0) {
        nma_libvirt_error_set(error, "cannot list libvirt's domains");
        return FALSE;
    }

    g_autoptr(GPtrArray) uuids = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virDomainGetUUIDString(domains[i], uuid) == 0)
            g_ptr_array_add(uuids, g_strdup(uuid));
        virDomainFree(domains[i]);
    }
    free(domains);
    nma_readers_request_batch(hypervisor->readers, (const char *const *)uuids->pdata, uuids->len);
    return TRUE;
}

/* The first question after a start of libvirt's waits for a connection, and for what libvirt has to
 * ask of QEMU first (seconds): better now than within a check's deadline. Nobody waits for the
 * answer.
 */
static void
warm_up(NmaHypervisor *hypervisor)
{
    NmaInspection *first;

    if (!hypervisor->inspected)
        return;
    first = nma_inspection_new(NMA_INSPECT_HOST, 0);
    if (!nma_worker_put(hypervisor->inspector, first))
        nma_inspection_free(first);
}

static gboolean
on_opened(virConnectPtr libvirt, gpointer user_data, GError **error)
{
    NmaHypervisor *hypervisor = user_data;

    warm_up(hypervisor);

    /* first the events, then the reading: what happens between is told twice, not lost */
    return nma_events_register(&hypervisor->events, libvirt, error) &&
           request_resync(libvirt, hypervisor, error);
}

static void
on_lost(gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;

    nma_readers_drop_batch(hypervisor->readers);
    post(nma_event_new(NMA_EVENT_LIBVIRT_LOST), hypervisor);
}

static void
on_closing(virConnectPtr libvirt, gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;

    nma_events_deregister(&hypervisor->events, libvirt);
}

static virConnectPtr
open_to_act(gpointer user_data, GError **error)
{
    NmaHypervisor *hypervisor = user_data;

    return nma_connection_open_another(hypervisor->connection, error);
}

/* ---- */

static void
on_tick(gpointer user_data)
{
    NmaHypervisor *hypervisor = user_data;

    nma_readers_expire(hypervisor->readers, g_get_monotonic_time());
}

static void
hypervisor_free(NmaHypervisor *hypervisor)
{
    g_clear_pointer(&hypervisor->readers, nma_readers_free);
    g_clear_pointer(&hypervisor->measuring, nma_measuring_free);
    g_clear_pointer(&hypervisor->steerer, nma_steerer_free);
    nma_worker_free(hypervisor->inspector);
    nma_connection_free(hypervisor->connection);
    pthread_mutex_destroy(&hypervisor->mutex);
    g_free(hypervisor);
}

NmaHypervisor *
nma_hypervisor_new(const NmaHypervisorConfig *config, GError **error)
{
    NmaHypervisor *hypervisor = g_new0(NmaHypervisor, 1);
    NmaReadersConfig readers = {
        .n_threads = N_READERS,
        .deadline_us = config->call_deadline_ms * 1000,
        .read = read_domain,
        .leave = close_reader_connection,
        .answer = post_reading,
        .batch_done = post_resync,
        .user_data = hypervisor,
    };
    NmaConnectionConfig connection = {
        .uri = config->uri,
        .access = config->access,
        .opened = on_opened,
        .refresh = request_resync,
        .lost = on_lost,
        .closing = on_closing,
        .user_data = hypervisor,
    };

    const NmaSteererConfig steerer = { open_to_act, post, hypervisor };
    NmaWorkerConfig inspector = {
        .name = "virt-check",
        .max_waiting = MAX_INSPECTIONS,
        .run = run_inspection,
        .drop = drop_inspection,
        .leave = close_inspector_connection,
        .user_data = hypervisor,
    };

    hypervisor->post = config->post;
    hypervisor->inspected = config->inspected;
    hypervisor->post_data = config->user_data;
    pthread_mutex_init(&hypervisor->mutex, NULL);
    nma_events_init(&hypervisor->events, post, hypervisor);
    hypervisor->connection = nma_connection_new(&connection);
    hypervisor->readers = nma_readers_new(&readers, error);
    if (hypervisor->readers)
        hypervisor->measuring =
            nma_measuring_new(hypervisor->connection, config->access, post, hypervisor, error);
    if (hypervisor->measuring)
        hypervisor->steerer = nma_steerer_new(&steerer, error);
    if (hypervisor->steerer)
        hypervisor->inspector = nma_worker_new(&inspector, error);
    if (hypervisor->inspector)
        hypervisor->loop = nma_loop_new(on_tick, hypervisor, error);
    if (hypervisor->loop && nma_connection_start(hypervisor->connection, error))
        return hypervisor;

    /* none of these threads is in a call of libvirt's yet */
    if (hypervisor->readers)
        nma_readers_stop(hypervisor->readers, G_MAXINT64);
    if (hypervisor->measuring)
        nma_measuring_stop(hypervisor->measuring, G_MAXINT64);
    if (hypervisor->steerer)
        nma_steerer_stop(hypervisor->steerer, G_MAXINT64);
    if (hypervisor->inspector)
        nma_worker_stop(hypervisor->inspector, G_MAXINT64);
    if (hypervisor->loop)
        nma_loop_stop(hypervisor->loop, G_MAXINT64);
    hypervisor_free(hypervisor);
    return NULL;
}

void
nma_hypervisor_stop(NmaHypervisor *hypervisor, gint64 deadline_ms)
{
    gint64 deadline_us = g_get_monotonic_time() + deadline_ms * 1000;
    gint64 share_us = MIN(LAST_SHARE_US, deadline_ms * 1000 / 4);
    gboolean all_ended;

    pthread_mutex_lock(&hypervisor->mutex);
    hypervisor->closed = TRUE;
    pthread_mutex_unlock(&hypervisor->mutex);

    /* the loop last: libvirt calls and frees through it what belongs to a connection */
    all_ended = nma_readers_stop(hypervisor->readers, deadline_us - 2 * share_us);
    all_ended &= nma_measuring_stop(hypervisor->measuring, deadline_us - 2 * share_us);
    all_ended &= nma_steerer_stop(hypervisor->steerer, deadline_us - 2 * share_us);

    all_ended &= nma_worker_stop(hypervisor->inspector, deadline_us - 2 * share_us);
    all_ended &= nma_connection_stop(hypervisor->connection, deadline_us - share_us);
    all_ended &= nma_loop_stop(hypervisor->loop, deadline_us);
    /* else a thread that was left behind may still look at it */
    if (all_ended)
        hypervisor_free(hypervisor);
}

void
nma_hypervisor_read_domain(NmaHypervisor *hypervisor, const char *instance_uuid)
{
    g_return_if_fail(nma_uuid_is_valid(instance_uuid));
    nma_readers_request(hypervisor->readers, instance_uuid);
}

void
nma_hypervisor_measure(NmaHypervisor *hypervisor, const char *instance_uuid)
{
    g_return_if_fail(nma_uuid_is_valid(instance_uuid));
    nma_measuring_request(hypervisor->measuring, instance_uuid);
}

void
nma_hypervisor_list(NmaHypervisor *hypervisor)
{
    nma_measuring_list(hypervisor->measuring);
}

void
nma_hypervisor_steer(NmaHypervisor *hypervisor, const char *instance_uuid,
                     const NmaRemedyOrder *order)
{
    nma_steerer_order(hypervisor->steerer, instance_uuid, order);
}

void
nma_hypervisor_cancel(NmaHypervisor *hypervisor)
{
    nma_steerer_cancel(hypervisor->steerer);
}

void
nma_hypervisor_resync(NmaHypervisor *hypervisor)
{
    nma_connection_refresh(hypervisor->connection);
}

void
nma_hypervisor_get_status(NmaHypervisor *hypervisor, NmaHypervisorStatus *status)
{
    nma_connection_get_status(hypervisor->connection, &status->connected, &status->error);
    status->overdue_calls = nma_readers_overdue(hypervisor->readers);
    status->last_alive_boot_us = nma_loop_last_alive_boot_us(hypervisor->loop);
    pthread_mutex_lock(&hypervisor->mutex);
    status->events_total = hypervisor->events_total;
    pthread_mutex_unlock(&hypervisor->mutex);
}

void
nma_hypervisor_status_clear(NmaHypervisorStatus *status)
{
    g_clear_pointer(&status->error, g_free);
}

gboolean
nma_hypervisor_try(const char *uri, NmaAccess access, char **text, GError **error)
{
    return nma_loop_prepare(error) && nma_connection_try(uri, access, text, error);
}
