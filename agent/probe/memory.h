/*
 * Memory facts of this host, from /proc. Cheap and never blocking: read where they are needed.
 */
#pragma once

#include <glib.h>

#include "agent/core/facts.h"
#include "agent/probe/error.h"

/* Fills memory_available_bytes, memory_total_bytes and the swap's two from <proc>/meminfo; all but
 * the total are NMA_UNKNOWN where the kernel does not say them. facts is untouched on failure. */
gboolean nma_probe_memory(const char *proc, NmaFacts *facts, GError **error);

/* Fills pressure_some and pressure_full from <proc>/pressure/memory; a kernel without PSI has no
 * such file, and then they stay as they are. */
void nma_probe_memory_pressure(const char *proc, NmaFacts *facts);

/* Fills huge_pools, without what is reserved, from <sys>/devices/system/node. FALSE, and facts
 * untouched, where that cannot be read. More than NMA_MAX_HUGE_POOLS are left out. */
gboolean nma_probe_huge_pages(const char *sys, NmaFacts *facts, GError **error);

/* Resident memory, huge pages included, of the QEMU process of an instance: VmRSS + HugetlbPages of
 * <proc>/<pid>/status, the process found by its name and "-uuid" in <proc>/<pid>/cmdline (both
 * readable for every user); NMA_UNKNOWN when there is none. Of several the one that was started
 * last: where both hosts of a lab share a kernel, the arriving guest's. */
gint64 nma_probe_qemu_resident_bytes(const char *proc, const char *instance_uuid);

/* <proc>/sys/kernel/random/boot_id; owned */
char *nma_probe_boot_id(const char *proc, GError **error);
