#include "agent/hypervisor/steering.h"

#include "agent/hypervisor/libvirt_error.h"
#include "agent/hypervisor/thread.h"

#define MAX_WAITING 256
#define MIB         (G_GINT64_CONSTANT(1024) * 1024)

typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaRemedyOrder order;
} Action;

struct NmaSteerer {
    NmaSteererConfig config;
    pthread_t thread;
    virConnectPtr libvirt; /* the thread's alone; NULL: not open */

    pthread_mutex_t mutex;
    pthread_cond_t condition;
    gboolean stopping;
    GQueue queue; /* of Action, owned */
};

/* ---- one action ---- */

static NmaEvent *
answer_new(const Action *action)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_REMEDY);

    g_strlcpy(event->remedy.instance_uuid, action->instance_uuid,
              sizeof event->remedy.instance_uuid);
    event->remedy.remedy = action->order.remedy;
    event->remedy.before = event->remedy.after = NMA_UNKNOWN;
    return event;
}

static gint64
read_downtime_ms(virDomainPtr domain)
{
    unsigned long long ms;

    return virDomainMigrateGetMaxDowntime(domain, &ms, 0) == 0 ? (gint64)MIN(ms, G_MAXINT64)
                                                               : NMA_UNKNOWN;
}

static gint64
read_speed_bytes_s(virDomainPtr domain)
{
    unsigned long mib_s;

    return virDomainMigrateGetMaxSpeed(domain, &mib_s, 0) == 0
               ? (gint64)MIN(mib_s, (unsigned long)(G_MAXINT64 / MIB)) * MIB
               : NMA_UNKNOWN;
}

static gboolean
set_downtime(virDomainPtr domain, NmaRemedyAnswer *answer, const NmaRemedyOrder *order)
{
    gboolean done;

    answer->before = read_downtime_ms(domain);
    done = answer->before == order->value ||
           virDomainMigrateSetMaxDowntime(domain, (unsigned long long)order->value, 0) == 0;
    if (done)
        answer->after = read_downtime_ms(domain);
    return done;
}

static gboolean
set_speed(virDomainPtr domain, NmaRemedyAnswer *answer, const NmaRemedyOrder *order)
{
    gint64 mib_s = MAX(order->value / MIB, 1);
    gboolean done;

    answer->before = read_speed_bytes_s(domain);
    done = answer->before == mib_s * MIB ||
           virDomainMigrateSetMaxSpeed(domain, (unsigned long)mib_s, 0) == 0;
    if (done)
        answer->after = read_speed_bytes_s(domain);
    return done;
}

static gboolean
start_post_copy(virDomainPtr domain, NmaRemedyAnswer *answer, const NmaRemedyOrder *order)
{
    return virDomainMigrateStartPostCopy(domain, 0) == 0;
}

/* Only while it is being migrated: a guest that has come back must not be stopped. */
static gboolean
pause_guest(virDomainPtr domain, NmaRemedyAnswer *answer, const NmaRemedyOrder *order)
{
    virDomainJobInfo job;

    if (virDomainGetJobInfo(domain, &job) == 0 && job.type == VIR_DOMAIN_JOB_NONE) {
        answer->text = g_strdup("there is no migration any more");
        return FALSE;
    }
    return virDomainSuspend(domain) == 0;
}

static gboolean
abort_job(virDomainPtr domain, NmaRemedyAnswer *answer, const NmaRemedyOrder *order)
{
    return virDomainAbortJob(domain) == 0;
}

static gboolean (*const actions[NMA_N_REMEDIES])(virDomainPtr, NmaRemedyAnswer *,
                                                 const NmaRemedyOrder *) = {
    [NMA_REMEDY_SPEED] = set_speed,           [NMA_REMEDY_DOWNTIME] = set_downtime,
    [NMA_REMEDY_POST_COPY] = start_post_copy, [NMA_REMEDY_PAUSE] = pause_guest,
    [NMA_REMEDY_ABORT] = abort_job,
};

static void
act_on(virDomainPtr domain, const Action *action, NmaRemedyAnswer *answer)
{
    int code;

    answer->applied = actions[action->order.remedy](domain, answer, &action->order);
    if (!answer->applied && answer->text == NULL)
        answer->text = nma_libvirt_error_text(&code);
}

static gboolean
connect_if_needed(NmaSteerer *steerer, GError **error)
{
    if (steerer->libvirt != NULL && virConnectIsAlive(steerer->libvirt) != 1) {
        virConnectClose(steerer->libvirt);
        steerer->libvirt = NULL;
    }
    if (steerer->libvirt == NULL)
        steerer->libvirt = steerer->config.open(steerer->config.user_data, error);
    return steerer->libvirt != NULL;
}

static NmaEvent *
carry_out(NmaSteerer *steerer, const Action *action)
{
    NmaEvent *event = answer_new(action);
    g_autoptr(GError) error = NULL;
    virDomainPtr domain;
    int code;

    if (!connect_if_needed(steerer, &error)) {
        event->remedy.text = g_strdup(error->message);
        return event;
    }
    domain = virDomainLookupByUUIDString(steerer->libvirt, action->instance_uuid);
    if (domain == NULL) {
        event->remedy.text = nma_libvirt_error_text(&code);
        return event;
    }
    act_on(domain, action, &event->remedy);
    virDomainFree(domain);
    return event;
}

/* ---- the thread ---- */

static void *
run_steerer(void *data)
{
    NmaSteerer *steerer = data;

    pthread_mutex_lock(&steerer->mutex);
    while (!steerer->stopping) {
        g_autofree Action *action = g_queue_pop_head(&steerer->queue);

        if (action == NULL) {
            pthread_cond_wait(&steerer->condition, &steerer->mutex);
            continue;
        }
        pthread_mutex_unlock(&steerer->mutex);
        steerer->config.post(carry_out(steerer, action), steerer->config.user_data);
        pthread_mutex_lock(&steerer->mutex);
    }
    pthread_mutex_unlock(&steerer->mutex);
    if (steerer->libvirt != NULL)
        virConnectClose(steerer->libvirt);
    return NULL;
}

NmaSteerer *
nma_steerer_new(const NmaSteererConfig *config, GError **error)
{
    NmaSteerer *steerer = g_new0(NmaSteerer, 1);

    steerer->config = *config;
    g_queue_init(&steerer->queue);
    pthread_mutex_init(&steerer->mutex, NULL);
    nma_condition_init(&steerer->condition);
    if (nma_thread_start(&steerer->thread, "virt-act", run_steerer, steerer, error))
        return steerer;
    nma_steerer_free(steerer);
    return NULL;
}

static void
refuse(NmaSteerer *steerer, const Action *action, const char *why)
{
    NmaEvent *event = answer_new(action);

    event->remedy.text = g_strdup(why);
    steerer->config.post(event, steerer->config.user_data);
}

void
nma_steerer_order(NmaSteerer *steerer, const char *instance_uuid, const NmaRemedyOrder *order)
{
    Action *action = g_new0(Action, 1);
    gboolean full;

    g_strlcpy(action->instance_uuid, instance_uuid, sizeof action->instance_uuid);
    action->order = *order;
    pthread_mutex_lock(&steerer->mutex);
    full = steerer->stopping || g_queue_get_length(&steerer->queue) >= MAX_WAITING ||
           actions[order->remedy] == NULL;
    if (!full) {
        g_queue_push_tail(&steerer->queue, action);
        pthread_cond_signal(&steerer->condition);
    }
    pthread_mutex_unlock(&steerer->mutex);
    if (full) {
        refuse(steerer, action, "too many actions wait");
        g_free(action);
    }
}

void
nma_steerer_cancel(NmaSteerer *steerer)
{
    g_autoptr(GPtrArray) cancelled = g_ptr_array_new_with_free_func(g_free);

    pthread_mutex_lock(&steerer->mutex);
    for (guint i = g_queue_get_length(&steerer->queue); i > 0; i--) {
        Action *action = g_queue_pop_head(&steerer->queue);

        if (action->order.remedy == NMA_REMEDY_ABORT)
            g_queue_push_tail(&steerer->queue, action);
        else
            g_ptr_array_add(cancelled, action);
    }
    pthread_mutex_unlock(&steerer->mutex);
    for (guint i = 0; i < cancelled->len; i++)
        refuse(steerer, cancelled->pdata[i], "acting was stopped");
}

gboolean
nma_steerer_stop(NmaSteerer *steerer, gint64 deadline_us)
{
    pthread_mutex_lock(&steerer->mutex);
    steerer->stopping = TRUE;
    pthread_cond_broadcast(&steerer->condition);
    pthread_mutex_unlock(&steerer->mutex);
    return nma_thread_join_until(steerer->thread, deadline_us);
}

void
nma_steerer_free(NmaSteerer *steerer)
{
    g_queue_clear_full(&steerer->queue, g_free);
    pthread_cond_destroy(&steerer->condition);
    pthread_mutex_destroy(&steerer->mutex);
    g_free(steerer);
}
