/*
 * Memory facts of this host, from /proc. Cheap and never blocking: read where they are needed.
 */
#pragma once

#include <glib.h>

#include "agent/core/check.h"

#define NMA_PROBE_ERROR (nma_probe_error_quark())
GQuark nma_probe_error_quark(void);
typedef enum {
    NMA_PROBE_ERROR_READ,
    NMA_PROBE_ERROR_FORMAT,
} NmaProbeError;

/* Fills memory_available_bytes and memory_total_bytes from <proc>/meminfo; the available is
 * NMA_UNKNOWN where the kernel does not say it. facts is untouched on failure. */
gboolean nma_probe_memory(const char *proc, NmaFacts *facts, GError **error);

/* Resident memory, huge pages included, of the QEMU process of an instance: VmRSS + HugetlbPages of
 * <proc>/<pid>/status, the process found by its name and "-uuid" in <proc>/<pid>/cmdline (both
 * readable for every user); NMA_UNKNOWN when there is none. Of several the one that was started
 * last: where both hosts of a lab share a kernel, the arriving guest's. */
gint64 nma_probe_qemu_resident_bytes(const char *proc, const char *instance_uuid);

/* Of the same process what may be guest memory: RssAnon + RssShmem + HugetlbPages, without the
 * program's own files; with what QEMU itself needs. */
gint64 nma_probe_guest_memory_bytes(const char *proc, const char *instance_uuid);

/* <proc>/sys/kernel/random/boot_id; owned */
char *nma_probe_boot_id(const char *proc, GError **error);
