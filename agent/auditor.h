/*
 * The thread that audits: it looks now and then whether a file of nova.conf has changed, and audits
 * when one has. A thread of its own, since files may lie on a network file system that hangs; looks
 * rather than inotify, which does not see changes that another host makes, and follows neither a
 * name that is renamed over nor a link that is moved, as a container's configuration is.
 */
#pragma once

#include "agent/audit_run.h"

typedef struct NmaAuditor NmaAuditor;

/*
 * Called on the auditor's thread; must not call the auditor. audit is taken; NULL: asked to look,
 * and nothing has changed since the last one. asked: all that was asked up to this number is
 * answered by it.
 */
typedef void (*NmaAuditorDone)(NmaAudit *audit, guint64 asked, gpointer user_data);

/* Audits at once, then every interval if something has changed. Takes the task. */
NmaAuditor *nma_auditor_new(NmaAuditTask *task, gint64 interval_us, NmaAuditorDone done,
                            gpointer user_data, GError **error);
/* Another task from now on: is audited at once. Taken. */
void nma_auditor_set(NmaAuditor *auditor, NmaAuditTask *task, gint64 interval_us);
/* Look at once. Returns the number of this question, from 1. */
guint64 nma_auditor_ask(NmaAuditor *auditor);
/* done is not called any more when it returns TRUE. FALSE: it hangs in a file system, and is left
 * behind with all that it uses. deadline_us: g_get_monotonic_time. */
gboolean nma_auditor_stop(NmaAuditor *auditor, gint64 deadline_us);
