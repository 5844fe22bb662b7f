#include "agent/hypervisor/measuring.h"

#include <pthread.h>
#include <string.h>

#include "agent/hypervisor/libvirt_error.h"
#include "agent/hypervisor/thread.h"

#define POLL_US (200 * 1000)
/* QEMU says that it has measured a little after the window */
#define PATIENCE_US (10 * G_USEC_PER_SEC)
#define KIB         1024
#define MIB_BYTES   1048576.0

/* s; libvirt takes 1 to 60 */
static const int windows[NMA_OUTLOOK_WINDOWS] = { 1, 5 };

struct NmaMeasuring {
    NmaConnection *connection;
    NmaAccess access;
    void (*post)(NmaEvent *event, gpointer user_data);
    gpointer user_data;
    virConnectPtr libvirt; /* the thread's alone; NULL: not open */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    gboolean stopping, list_wanted;
    GQueue queue; /* of uuids, owned: the first is being measured */
};

/* ---- libvirt's words ---- */

static gint64
number(const virTypedParameter *parameter)
{
    switch (parameter->type) {
    case VIR_TYPED_PARAM_INT:
        return parameter->value.i;
    case VIR_TYPED_PARAM_LLONG:
        return parameter->value.l;
    default:
        return -1;
    }
}

gboolean
nma_dirty_window_from_libvirt(virTypedParameterPtr params, int n_params, int period_s,
                              NmaDirtyWindow *window)
{
    gint64 status = -1, measured_s = -1, rate_mib_s = -1;
    const struct {
        const char *name;
        gint64 *value;
    } figures[] = {
        { "dirtyrate.calc_status", &status },
        { "dirtyrate.calc_period", &measured_s },
        { "dirtyrate.megabytes_per_second", &rate_mib_s },
    };

    for (int i = 0; i < n_params; i++)
        for (guint k = 0; k < G_N_ELEMENTS(figures); k++)
            if (strcmp(params[i].field, figures[k].name) == 0)
                *figures[k].value = number(&params[i]);
    if (status != VIR_DOMAIN_DIRTYRATE_MEASURED || measured_s != period_s || rate_mib_s < 0 ||
        rate_mib_s > G_MAXINT32)
        return FALSE;
    *window = (NmaDirtyWindow){ (double)period_s, (double)rate_mib_s * MIB_BYTES };
    return TRUE;
}

/* ---- one guest ---- */

/* FALSE: stopping */
static gboolean
sleep_for(NmaMeasuring *measuring, gint64 us)
{
    gint64 deadline_us = g_get_monotonic_time() + us;
    gboolean stopping;

    pthread_mutex_lock(&measuring->mutex);
    while (!measuring->stopping &&
           nma_condition_wait_until(&measuring->condition, &measuring->mutex, deadline_us))
        ;
    stopping = measuring->stopping;
    pthread_mutex_unlock(&measuring->mutex);
    return !stopping;
}

static gboolean
look(virDomainPtr domain, int period_s, NmaDirtyWindow *window, GError **error)
{
    virDomainPtr domains[] = { domain, NULL };
    virDomainStatsRecordPtr *records = NULL;
    int n = virDomainListGetStats(domains, VIR_DOMAIN_STATS_DIRTYRATE, &records, 0);
    gboolean measured = FALSE;

    if (n < 0) {
        nma_libvirt_error_set(error, "cannot read the dirty rate");
        return FALSE;
    }
    if (n > 0)
        measured = nma_dirty_window_from_libvirt(records[0]->params, records[0]->nparams, period_s,
                                                 window);
    virDomainStatsRecordListFree(records);
    return measured;
}

static gboolean
measure_window(NmaMeasuring *measuring, virDomainPtr domain, int period_s, NmaDirtyWindow *window,
               GError **error)
{
    gint64 deadline_us = g_get_monotonic_time() + period_s * G_USEC_PER_SEC + PATIENCE_US;
    g_autoptr(GError) cause = NULL;

    /* From here on QEMU says that it is measuring, until this measurement is done: what it said
     * before is gone (QEMU migration/dirtyrate.c, qmp_calc_dirty_rate).
     * 0: by page sampling, the mode that costs the guest nothing and that every QEMU has. The
     * dirty bitmap would take part in a migration's, and QEMU 7.2 without KVM dies of it. */
    if (virDomainStartDirtyRateCalc(domain, period_s, 0) < 0) {
        nma_libvirt_error_set(error, "cannot measure the dirty rate");
        return FALSE;
    }
    if (!sleep_for(measuring, period_s * G_USEC_PER_SEC))
        return FALSE;
    while (!look(domain, period_s, window, &cause)) {
        if (cause != NULL) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return FALSE;
        }
        if (g_get_monotonic_time() > deadline_us) {
            g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT,
                        "the dirty rate was not measured in time");
            return FALSE;
        }
        if (!sleep_for(measuring, POLL_US))
            return FALSE;
    }
    return TRUE;
}

static gboolean
measure_domain(NmaMeasuring *measuring, virDomainPtr domain, NmaMeasurement *measurement,
               GError **error)
{
    virDomainInfo info;

    if (virDomainGetInfo(domain, &info) < 0) {
        nma_libvirt_error_set(error, "cannot read the domain");
        return FALSE;
    }
    if (info.state != VIR_DOMAIN_RUNNING || info.maxMem == 0 || info.maxMem > G_MAXINT64 / KIB) {
        g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT,
                    "the guest does not run");
        return FALSE;
    }
    measurement->ram_bytes = (gint64)info.maxMem * KIB;
    for (guint i = 0; i < NMA_OUTLOOK_WINDOWS; i++)
        if (!measure_window(measuring, domain, windows[i], &measurement->windows[i], error))
            return FALSE;
    return TRUE;
}

/* ---- the thread ---- */

static virConnectPtr
open_connection(NmaMeasuring *measuring, GError **error)
{
    if (measuring->libvirt != NULL && virConnectIsAlive(measuring->libvirt) != 1) {
        virConnectClose(measuring->libvirt);
        measuring->libvirt = NULL;
    }
    if (!nma_connection_is_open(measuring->connection)) {
        g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT,
                    "not connected to libvirt");
        return NULL;
    }
    if (measuring->libvirt == NULL)
        measuring->libvirt = nma_connection_open_another(measuring->connection, error);
    return measuring->libvirt;
}

static gboolean
measure(NmaMeasuring *measuring, NmaMeasurement *measurement, GError **error)
{
    virConnectPtr libvirt;
    virDomainPtr domain;
    gboolean measured;

    if (measuring->access != NMA_ACCESS_READ_WRITE) {
        g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT,
                    "measuring the dirty rate needs [libvirt] access = read-write");
        return FALSE;
    }
    libvirt = open_connection(measuring, error);
    if (libvirt == NULL)
        return FALSE;
    domain = virDomainLookupByUUIDString(libvirt, measurement->instance_uuid);
    if (domain == NULL) {
        nma_libvirt_error_set(error, "cannot find the domain");
        return FALSE;
    }
    measured = measure_domain(measuring, domain, measurement, error);
    virDomainFree(domain);
    return measured;
}

static void
measure_and_post(NmaMeasuring *measuring, const char *instance_uuid)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_MEASURED);
    g_autoptr(GError) error = NULL;

    nma_measurement_init(&event->measured, instance_uuid);
    if (!measure(measuring, &event->measured, &error))
        event->measured.text = g_strdup(error != NULL ? error->message : "the agent is stopping");
    measuring->post(event, measuring->user_data);
}

static void
list_and_post(NmaMeasuring *measuring)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAINS);
    g_autoptr(GError) error = NULL;
    virConnectPtr libvirt = open_connection(measuring, &error);
    virDomainPtr *domains = NULL;
    int n = -1;

    if (libvirt != NULL) {
        n = virConnectListAllDomains(libvirt, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
        if (n < 0)
            nma_libvirt_error_set(&error, "cannot list libvirt's domains");
    }
    if (error != NULL)
        event->domains.text = g_strdup(error->message);
    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virDomainGetUUIDString(domains[i], uuid) == 0)
            g_ptr_array_add(event->domains.uuids, g_strdup(uuid));
        virDomainFree(domains[i]);
    }
    free(domains);
    measuring->post(event, measuring->user_data);
}

static void *
run(void *data)
{
    NmaMeasuring *measuring = data;

    pthread_mutex_lock(&measuring->mutex);
    while (!measuring->stopping) {
        if (measuring->list_wanted) {
            measuring->list_wanted = FALSE;
            pthread_mutex_unlock(&measuring->mutex);
            list_and_post(measuring);
            pthread_mutex_lock(&measuring->mutex);
        } else if (!g_queue_is_empty(&measuring->queue)) {
            char *instance_uuid = g_queue_peek_head(&measuring->queue);

            pthread_mutex_unlock(&measuring->mutex);
            measure_and_post(measuring, instance_uuid);
            pthread_mutex_lock(&measuring->mutex);
            g_free(g_queue_pop_head(&measuring->queue));
        } else {
            pthread_cond_wait(&measuring->condition, &measuring->mutex);
        }
    }
    pthread_mutex_unlock(&measuring->mutex);
    if (measuring->libvirt != NULL)
        virConnectClose(measuring->libvirt);
    return NULL;
}

/* ---- */

NmaMeasuring *
nma_measuring_new(NmaConnection *connection, NmaAccess access,
                  void (*post)(NmaEvent *event, gpointer user_data), gpointer user_data,
                  GError **error)
{
    NmaMeasuring *measuring = g_new0(NmaMeasuring, 1);

    measuring->connection = connection;
    measuring->access = access;
    measuring->post = post;
    measuring->user_data = user_data;
    pthread_mutex_init(&measuring->mutex, NULL);
    nma_condition_init(&measuring->condition);
    g_queue_init(&measuring->queue);
    if (nma_thread_start(&measuring->thread, "virt-measure", run, measuring, error))
        return measuring;
    nma_measuring_free(measuring);
    return NULL;
}

static int
compare(gconstpointer a, gconstpointer b)
{
    return g_ascii_strcasecmp(a, b);
}

void
nma_measuring_request(NmaMeasuring *measuring, const char *instance_uuid)
{
    gboolean full;

    pthread_mutex_lock(&measuring->mutex);
    full = measuring->queue.length >= NMA_MEASURING_MAX;
    if (!full && g_queue_find_custom(&measuring->queue, instance_uuid, compare) == NULL) {
        g_queue_push_tail(&measuring->queue, g_strdup(instance_uuid));
        pthread_cond_broadcast(&measuring->condition);
    }
    pthread_mutex_unlock(&measuring->mutex);
    if (full) {
        NmaEvent *event = nma_event_new(NMA_EVENT_MEASURED);

        nma_measurement_init(&event->measured, instance_uuid);
        event->measured.text = g_strdup("too many guests wait to be measured");
        measuring->post(event, measuring->user_data);
    }
}

void
nma_measuring_list(NmaMeasuring *measuring)
{
    pthread_mutex_lock(&measuring->mutex);
    measuring->list_wanted = TRUE;
    pthread_cond_broadcast(&measuring->condition);
    pthread_mutex_unlock(&measuring->mutex);
}

gboolean
nma_measuring_stop(NmaMeasuring *measuring, gint64 deadline_us)
{
    pthread_mutex_lock(&measuring->mutex);
    measuring->stopping = TRUE;
    pthread_cond_broadcast(&measuring->condition);
    pthread_mutex_unlock(&measuring->mutex);
    return nma_thread_join_until(measuring->thread, deadline_us);
}

void
nma_measuring_free(NmaMeasuring *measuring)
{
    if (measuring == NULL)
        return;
    g_queue_clear_full(&measuring->queue, g_free);
    pthread_cond_destroy(&measuring->condition);
    pthread_mutex_destroy(&measuring->mutex);
    g_free(measuring);
}
