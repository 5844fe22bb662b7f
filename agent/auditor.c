#include "agent/auditor.h"

#include <malloc.h>

#include "agent/core/now.h"
#include "agent/hypervisor/thread.h"

/* Whoever writes a file is given this time to finish; one that never rests is audited all the same.
 */
#define SETTLE_US  (1 * NMA_US_PER_S)
#define MAX_SETTLE 10
/* Nova itself may have been upgraded, and a clock of a file server may lie. */
#define AT_LEAST_EVERY_US (3600 * NMA_US_PER_S)

struct NmaAuditor {
    pthread_t thread;
    NmaAuditorDone done;
    gpointer user_data;

    pthread_mutex_t mutex;
    pthread_cond_t condition;
    /* under the mutex */
    NmaAuditTask *fresh; /* instead of task; NULL: none */
    gint64 interval_us;
    guint64 asked;
    gboolean stopping;

    /* the thread's own */
    NmaAuditTask *task;
    guint64 answered;
    char *seen;    /* fingerprint of what was audited; NULL before */
    char *settles; /* another one, which has to be seen twice; NULL: none */
    guint n_settle;
    gint64 audited_us, due_us;
};

static void
auditor_free(NmaAuditor *auditor)
{
    nma_audit_task_free(auditor->task);
    nma_audit_task_free(auditor->fresh);
    g_free(auditor->seen);
    g_free(auditor->settles);
    pthread_cond_destroy(&auditor->condition);
    pthread_mutex_destroy(&auditor->mutex);
    g_free(auditor);
}

/* Whether it is time to audit what has this fingerprint. */
static gboolean
has_come_to_rest(NmaAuditor *auditor, const char *fingerprint, gint64 now_us)
{
    gboolean rests;

    if (auditor->seen == NULL || now_us - auditor->audited_us >= AT_LEAST_EVERY_US)
        return TRUE;
    if (g_strcmp0(fingerprint, auditor->seen) == 0) {
        g_clear_pointer(&auditor->settles, g_free);
        auditor->n_settle = 0;
        return FALSE;
    }
    rests = g_strcmp0(fingerprint, auditor->settles) == 0 || ++auditor->n_settle >= MAX_SETTLE;
    g_free(auditor->settles);
    auditor->settles = g_strdup(fingerprint);
    return rests;
}

/* Nobody is there to take it once we are told to stop. */
static void
tell(NmaAuditor *auditor, NmaAudit *audit, guint64 asked)
{
    pthread_mutex_lock(&auditor->mutex);
    if (auditor->stopping)
        nma_audit_free(audit);
    else
        auditor->done(audit, asked, auditor->user_data);
    pthread_mutex_unlock(&auditor->mutex);
}

static void
look(NmaAuditor *auditor, guint64 asked)
{
    g_autofree char *fingerprint = nma_audit_fingerprint(auditor->task);
    gint64 now_us = g_get_monotonic_time();
    gboolean was_asked = asked != auditor->answered;
    gboolean rests = has_come_to_rest(auditor, fingerprint, now_us);
    NmaAudit *audit = NULL;

    if (rests || (was_asked && g_strcmp0(fingerprint, auditor->seen) != 0)) {
        audit = nma_audit_run(auditor->task, g_get_real_time());
        g_free(auditor->seen);
        auditor->seen = g_steal_pointer(&fingerprint);
        g_clear_pointer(&auditor->settles, g_free);
        auditor->n_settle = 0;
        auditor->audited_us = now_us;
        /* what reading took is not needed again for hours */
        malloc_trim(0);
    }
    if (audit != NULL || was_asked)
        tell(auditor, audit, asked);
    auditor->answered = asked;
}

/* with the mutex held; FALSE: it is to end */
static gboolean
wait_for_work(NmaAuditor *auditor)
{
    while (!auditor->stopping && auditor->fresh == NULL && auditor->asked == auditor->answered &&
           g_get_monotonic_time() < auditor->due_us)
        nma_condition_wait_until(&auditor->condition, &auditor->mutex, auditor->due_us);
    return !auditor->stopping;
}

static void
take_fresh_task(NmaAuditor *auditor)
{
    if (auditor->fresh == NULL)
        return;
    nma_audit_task_free(auditor->task);
    auditor->task = g_steal_pointer(&auditor->fresh);
    g_clear_pointer(&auditor->seen, g_free);
}

static void *
auditor_main(void *data)
{
    NmaAuditor *auditor = data;

    pthread_mutex_lock(&auditor->mutex);
    while (wait_for_work(auditor)) {
        guint64 asked = auditor->asked;
        gint64 interval_us = auditor->interval_us;

        take_fresh_task(auditor);
        pthread_mutex_unlock(&auditor->mutex);
        look(auditor, asked);
        auditor->due_us =
            g_get_monotonic_time() + (auditor->settles != NULL ? SETTLE_US : interval_us);
        pthread_mutex_lock(&auditor->mutex);
    }
    pthread_mutex_unlock(&auditor->mutex);
    return NULL;
}

NmaAuditor *
nma_auditor_new(NmaAuditTask *task, gint64 interval_us, NmaAuditorDone done, gpointer user_data,
                GError **error)
{
    NmaAuditor *auditor = g_new0(NmaAuditor, 1);

    auditor->task = task;
    auditor->interval_us = interval_us;
    auditor->done = done;
    auditor->user_data = user_data;
    pthread_mutex_init(&auditor->mutex, NULL);
    nma_condition_init(&auditor->condition);
    if (!nma_thread_start(&auditor->thread, "audit", auditor_main, auditor, error)) {
        auditor_free(auditor);
        return NULL;
    }
    return auditor;
}

void
nma_auditor_set(NmaAuditor *auditor, NmaAuditTask *task, gint64 interval_us)
{
    pthread_mutex_lock(&auditor->mutex);
    nma_audit_task_free(auditor->fresh);
    auditor->fresh = task;
    auditor->interval_us = interval_us;
    pthread_cond_signal(&auditor->condition);
    pthread_mutex_unlock(&auditor->mutex);
}

guint64
nma_auditor_ask(NmaAuditor *auditor)
{
    guint64 asked;

    pthread_mutex_lock(&auditor->mutex);
    asked = ++auditor->asked;
    pthread_cond_signal(&auditor->condition);
    pthread_mutex_unlock(&auditor->mutex);
    return asked;
}

gboolean
nma_auditor_stop(NmaAuditor *auditor, gint64 deadline_us)
{
    if (auditor == NULL)
        return TRUE;
    pthread_mutex_lock(&auditor->mutex);
    auditor->stopping = TRUE;
    pthread_cond_signal(&auditor->condition);
    pthread_mutex_unlock(&auditor->mutex);
    if (!nma_thread_join_until(auditor->thread, deadline_us))
        return FALSE;
    auditor_free(auditor);
    return TRUE;
}
