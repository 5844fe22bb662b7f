/*
 * What nova-compute will do with a live migration by itself: it raises QEMU's max downtime in steps
 * by the clock, and at its completion timeout aborts it or completes it by force.
 *
 * Source: nova/virt/libvirt/driver.py (_live_migration_data_gb, _live_migration_monitor) and
 * nova/virt/libvirt/migration.py (downtime_steps, update_downtime, should_trigger_timeout_action,
 * run_tasks), the same from Stein to 2026.1; least values: nova/conf/libvirt.py.
 */
#pragma once

#include <glib.h>

#include "agent/core/job_stats.h"

/* nova.conf's [libvirt] live_migration_*; a downtime_ms of 0: not known */
typedef struct {
    gint64 downtime_ms, downtime_steps, downtime_delay_s;
    gint64 completion_timeout_s; /* for each GiB; 0: never */
    gboolean forces;             /* timeout_action is force_complete */
    gboolean post_copy;          /* permit_post_copy */
    gboolean auto_converge;      /* permit_auto_converge: QEMU slows the guest by itself */
    gint64 bandwidth_mib_s;      /* 0: not limited */
} NmaNovaOptions;

typedef enum {
    NMA_NOVA_ENDS_NEVER,
    NMA_NOVA_ENDS_ABORT,
    NMA_NOVA_ENDS_POST_COPY,
    NMA_NOVA_ENDS_PAUSE,
    NMA_N_NOVA_ENDS
} NmaNovaEnd;

/* Times are of the job's own clock: ms since it began. NMA_UNKNOWN: there is none. */
typedef struct {
    gint64 downtime_ms;      /* what Nova allows now; NMA_UNKNOWN */
    gint64 next_downtime_ms; /* its next step */
    gint64 next_downtime_at_ms;
    gint64 end_at_ms; /* its completion timeout; may lie in the past: it is about to act */
    NmaNovaEnd end;
    gboolean auto_converge; /* it has told QEMU to slow the guest down */
} NmaNovaPlan;

/* As Nova counts it: at least 2 GiB of memory, and 2 for the disks if any are copied. disk_bytes: 0
 * or NMA_UNKNOWN where none are. memory_mib NMA_UNKNOWN: as of the smallest guest. */
double nma_nova_data_gib(gint64 memory_mib, gint64 disk_bytes);

/* elapsed_ms: of libvirt's job, with which Nova's own clock begins but for a moment */
void nma_nova_plan(const NmaNovaOptions *options, double data_gib, gint64 elapsed_ms,
                   NmaNovaPlan *plan);

/* Nothing is known. */
void nma_nova_plan_clear(NmaNovaPlan *plan);
/* For people: "allows 50 ms now, 95 ms at 10:00, aborts at 1:46:40 (timeout_action=abort)"; NULL:
 * nothing is known. Owned. */
char *nma_nova_plan_sentence(const NmaNovaPlan *plan);

/* static; "" for never */
const char *nma_nova_end_to_string(NmaNovaEnd end);
