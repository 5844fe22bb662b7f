/*
 * Audits the nova.conf of this host with nova-conf-tool's library: the files that nova-compute
 * itself would load, for the release that is installed.
 */
#pragma once

#include "agent/core/audit.h"
#include "agent/settings.h"

/* What is audited, and how; a copy of our settings, so that another thread can have it. */
typedef struct {
    GStrv config_files, config_dirs; /* [nova]; empty: what nova-compute finds */
    char *host;                      /* Nova's name of this host */
    char *release;                   /* "" = as nova-conf-tool chooses */
    GStrv ignore;                    /* rules, or their beginnings */
} NmaAuditTask;

NmaAuditTask *nma_audit_task_new(const NmaSettings *settings);
void nma_audit_task_free(NmaAuditTask *task);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaAuditTask, nma_audit_task_free)

/* Reads the files and blocks for as long as that takes. Nothing in the result is a secret. Never
 * fails: what cannot be read is a finding. */
NmaAudit *nma_audit_run(const NmaAuditTask *task, gint64 now_wall_us);

/* Which files there are and in which state (inode, size, times): another text when another audit
 * might find something else. Reads directories and inodes only, but those may hang too. Owned. */
char *nma_audit_fingerprint(const NmaAuditTask *task);
