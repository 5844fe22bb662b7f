#include "agent/hypervisor/events.h"

#include "agent/hypervisor/job_stats.h"
#include "agent/hypervisor/libvirt_error.h"

G_STATIC_ASSERT(VIR_UUID_STRING_BUFLEN == NMA_UUID_LEN + 1);

#if !LIBVIR_CHECK_VERSION(8, 5, 0)
/* what a newer libvirtd sends to a client built with older headers */
#define VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED 4
#endif

#define ANY_DETAIL (-1)

/* the first row that fits counts */
static const struct {
    int event, detail;
    NmaLifecycle what;
} lifecycles[] = {
    { VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_MIGRATED, NMA_LIFECYCLE_STARTED_MIGRATED },
    { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,
      NMA_LIFECYCLE_SUSPENDED_MIGRATED },
    { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY,
      NMA_LIFECYCLE_SUSPENDED_POSTCOPY },
    { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED,
      NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED },
    { VIR_DOMAIN_EVENT_SUSPENDED, ANY_DETAIL, NMA_LIFECYCLE_SUSPENDED_OTHER },
    { VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED, NMA_LIFECYCLE_RESUMED_MIGRATED },
    { VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY, NMA_LIFECYCLE_RESUMED_POSTCOPY },
    { VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED,
      NMA_LIFECYCLE_RESUMED_POSTCOPY_FAILED },
    { VIR_DOMAIN_EVENT_RESUMED, ANY_DETAIL, NMA_LIFECYCLE_RESUMED_OTHER },
    { VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED, NMA_LIFECYCLE_STOPPED_MIGRATED },
    { VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED, NMA_LIFECYCLE_STOPPED_FAILED },
    { VIR_DOMAIN_EVENT_STOPPED, ANY_DETAIL, NMA_LIFECYCLE_STOPPED_OTHER },
};

gboolean
nma_lifecycle_from_libvirt(int event, int detail, NmaLifecycle *what)
{
    for (guint i = 0; i < G_N_ELEMENTS(lifecycles); i++)
        if (lifecycles[i].event == event &&
            (lifecycles[i].detail == ANY_DETAIL || lifecycles[i].detail == detail)) {
            *what = lifecycles[i].what;
            return TRUE;
        }
    return FALSE;
}

static void
post_event(void *user_data, NmaEvent *event)
{
    NmaEvents *events = user_data;

    events->post(event, events->user_data);
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *user_data)
{
    NmaLifecycle what;

    if (nma_lifecycle_from_libvirt(event, detail, &what)) {
        NmaEvent *posted = nma_event_new(NMA_EVENT_LIFECYCLE);

        virDomainGetUUIDString(domain, posted->lifecycle.instance_uuid);
        posted->lifecycle.what = what;
        post_event(user_data, posted);
    }
    return 0;
}

static void
on_iteration(virConnectPtr connection, virDomainPtr domain, int iteration, void *user_data)
{
    NmaEvent *posted = nma_event_new(NMA_EVENT_ITERATION);

    virDomainGetUUIDString(domain, posted->iteration.instance_uuid);
    posted->iteration.iteration = iteration;
    post_event(user_data, posted);
}

static void
on_job_completed(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr params,
                 int n_params, void *user_data)
{
    if (!nma_job_stats_tell_success(params, n_params))
        return;

    NmaEvent *posted = nma_event_new(NMA_EVENT_JOB_COMPLETED);

    virDomainGetUUIDString(domain, posted->job_completed.instance_uuid);
    nma_job_stats_from_libvirt(&posted->job_completed.stats, VIR_DOMAIN_JOB_COMPLETED, params,
                               n_params);
    post_event(user_data, posted);
}

static const struct {
    int id;
    virConnectDomainEventGenericCallback callback;
} callbacks[NMA_N_EVENT_CALLBACKS] = {
    { VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
    { VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, VIR_DOMAIN_EVENT_CALLBACK(on_iteration) },
    { VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job_completed) },
};

void
nma_events_init(NmaEvents *events, void (*post)(NmaEvent *event, gpointer user_data),
                gpointer user_data)
{
    events->post = post;
    events->user_data = user_data;
    for (guint i = 0; i < G_N_ELEMENTS(callbacks); i++)
        events->ids[i] = -1;
}

gboolean
nma_events_register(NmaEvents *events, virConnectPtr connection, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(callbacks); i++) {
        events->ids[i] = virConnectDomainEventRegisterAny(connection, NULL, callbacks[i].id,
                                                          callbacks[i].callback, events, NULL);
        if (events->ids[i] < 0) {
            nma_libvirt_error_set(error, "cannot register for libvirt's events");
            nma_events_deregister(events, connection);
            return FALSE;
        }
    }
    return TRUE;
}

void
nma_events_deregister(NmaEvents *events, virConnectPtr connection)
{
    for (guint i = 0; i < G_N_ELEMENTS(callbacks); i++)
        if (events->ids[i] >= 0) {
            /* on a dead connection it fails, but libvirt forgets the callback all the same */
            virConnectDomainEventDeregisterAny(connection, events->ids[i]);
            events->ids[i] = -1;
        }
}
