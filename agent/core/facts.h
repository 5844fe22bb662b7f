/*
 * What a destination's checks judge: facts of this host, gathered at one moment. Numbers are
 * NMA_UNKNOWN where they could not be learnt.
 */
#pragma once

#include <glib.h>

#include "agent/core/job_stats.h"

#define NMA_MAX_HUGE_POOLS 128

/* Huge pages of one size on one NUMA node. */
typedef struct {
    gint64 node, size_bytes, free_pages;
    gint64 reserved_pages; /* nova.conf [DEFAULT] reserved_huge_pages */
} NmaHugePool;

typedef struct {
    /* memory */
    gint64 memory_available_bytes;     /* MemAvailable of /proc/meminfo */
    gint64 memory_total_bytes;         /* MemTotal */
    gint64 memory_reserved_host_bytes; /* nova.conf [DEFAULT] reserved_host_memory_mb */
    /* promised by live reservations, and the growth still to come of guests already arriving:
     * filled in by the ledger, not by the gatherer */
    gint64 memory_promised_bytes;
    gint64 memory_ratio_permille; /* nova.conf [DEFAULT] ram_allocation_ratio, where it is set */
    gint64 guests_memory_bytes;   /* of all guests that run here, what each may take */
    gint64 swap_total_bytes, swap_free_bytes;
    /* share of the last minute in which some, or all, tasks waited for memory, in hundredths of a
     * percent: /proc/pressure/memory, avg60 */
    gint64 pressure_some, pressure_full;
    NmaHugePool huge_pools[NMA_MAX_HUGE_POOLS];
    guint n_huge_pools;
    gboolean huge_pools_known;
} NmaFacts;

/* Makes everything unknown; frees nothing. */
void nma_facts_clear(NmaFacts *facts);

/* One value of nova.conf's reserved_huge_pages, "node:0,size:2048,count:64" (size in KiB, or with
 * MB or GB), into the pool that it is about. FALSE when it is none of that shape; facts is
 * untouched. Source: nova/conf/compute.py. */
gboolean nma_facts_keep_huge_pages(NmaFacts *facts, const char *reserved);
