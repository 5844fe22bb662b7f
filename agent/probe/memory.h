/*
 * Memory facts of this host, from /proc. Cheap and never blocking: read where they are needed.
 */
#pragma once

#include <glib.h>

#include "agent/core/check.h"

/* Fills memory_available_bytes and memory_total_bytes from <proc>/meminfo. */
gboolean nma_probe_memory(const char *proc, NmaFacts *facts, GError **error);

/* Resident memory of the QEMU process of an instance, found by "-uuid" in <proc>/<pid>/cmdline
 * (readable for every user); NMA_UNKNOWN when there is none. */
gint64 nma_probe_qemu_resident_bytes(const char *proc, const char *instance_uuid);

/* <proc>/sys/kernel/random/boot_id; owned */
char *nma_probe_boot_id(const char *proc, GError **error);
