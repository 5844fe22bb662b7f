/*
 * What a destination's checks judge: facts of this host, gathered at one moment. Numbers are
 * NMA_UNKNOWN where they could not be learnt. What a part of the facts needs and did not get stands
 * in its `needs`: NULL when it was learnt, else "needs …".
 */
#pragma once

#include <glib.h>

#include "agent/core/source_facts.h"

#define NMA_MAX_HUGE_POOLS 128

/* Huge pages of one size on one NUMA node. */
typedef struct {
    gint64 node, size_bytes, free_pages;
    gint64 reserved_pages; /* nova.conf [DEFAULT] reserved_huge_pages */
} NmaHugePool;

#define NMA_MAX_HOST_NODES 256

typedef struct {
    gint64 node, memory_bytes; /* all of it, free or not */
} NmaHostNode;

/* What libvirt says of this host. */
typedef struct {
    char *needs;        /* owned */
    NmaHostNode *nodes; /* owned */
    guint n_nodes;      /* 0: not learnt */
    gint64 libvirt_version, qemu_version;
    gint64 online_cpus;
    gint64 guests_memory_bytes; /* of all guests that run here, what each may take */
    gint64 guests_vcpus;
    gint64 guests_pinned_vcpus; /* pinned to one CPU each */
    NmaCores pinned;            /* those CPUs */
} NmaVirtFacts;

typedef enum {
    NMA_CPU_UNKNOWN,      /* not compared: see needs */
    NMA_CPU_COMPATIBLE,   /* as good as the guest's, or better */
    NMA_CPU_INCOMPATIBLE, /* see missing */
} NmaCpuComparison;

/* What libvirt here would say to this guest. */
typedef struct {
    char *needs;          /* owned */
    gboolean no_emulator; /* there is none at that path */
    gboolean no_machine;  /* its machine type, or its architecture, is not known here */
    char *refusal;        /* libvirt's text for one of the two; owned */
    gboolean no_loader;   /* the firmware file is not there, though the emulator is */
    gboolean loader_unknown;
    NmaCpuComparison cpu;
    char *cpu_needs;       /* owned */
    char *missing;         /* CPU features by comma, as libvirt names them, or its text; owned */
    gboolean other_vendor; /* incompatible for that alone: missing is libvirt's text */
    /* the guest's CPU model, when the emulator here does not know it: libvirt refuses it, whatever
     * the comparison says; owned */
    char *unknown_model;
} NmaAcceptance;

/* How a disk of the guest is seen from here. */
typedef struct {
    gboolean shared;       /* the same file: nothing is copied */
    gboolean backing_here; /* its backing image is here already */
    gboolean unreadable;   /* the agent may not look */
} NmaDiskSight;

typedef struct {
    char *needs;                    /* owned */
    char *path;                     /* nova.conf [DEFAULT] instances_path; owned */
    gint64 total_bytes, free_bytes; /* of its filesystem, free to an ordinary user */
    NmaDiskSight *disks;            /* one for each of NmaGuest.disks; owned, NULL: not looked */
} NmaStorageFacts;

typedef struct {
    /* memory */
    gint64 memory_available_bytes;     /* MemAvailable of /proc/meminfo */
    gint64 memory_total_bytes;         /* MemTotal */
    gint64 memory_reserved_host_bytes; /* nova.conf [DEFAULT] reserved_host_memory_mb */
    /* promised by live reservations, and the growth still to come of guests already arriving:
     * filled in by the ledger, not by the gatherer */
    gint64 memory_promised_bytes;
    gint64 memory_ratio_permille; /* nova.conf [DEFAULT] ram_allocation_ratio, where it is set */
    gint64 swap_total_bytes, swap_free_bytes;
    /* share of the last minute in which some, or all, tasks waited for memory, in hundredths of a
     * percent: /proc/pressure/memory, avg60 */
    gint64 pressure_some, pressure_full;
    NmaHugePool *huge_pools; /* owned */
    guint n_huge_pools;
    gboolean huge_pools_known;

    /* CPUs: nova.conf */
    gint64 cpu_ratio_permille;          /* [DEFAULT] cpu_allocation_ratio, where it is set */
    gint64 shared_cpus, dedicated_cpus; /* in [compute] cpu_shared_set, cpu_dedicated_set; or
                                           vcpu_pin_set, which is for both. NMA_UNKNOWN: not set */
    gint64 free_dedicated_cpus; /* pinned to by no guest here, promised to none: filled in by the
                                   admission */

    /* disk: nova.conf */
    gint64 disk_ratio_permille;
    gint64 disk_reserved_host_bytes;
    gint64 disk_promised_bytes; /* to other arriving guests: from the ledger */

    gint64 wall_s; /* when the facts were gathered, since 1970 UTC */

    /* this host, and what it is set to */
    gint64 arriving;     /* other guests that arrive or are prepared: from the ledger */
    gint64 max_incoming; /* our own limit; 0: none */
    gboolean maintenance, maintenance_known;
    gint64 userfaultfd;           /* sysctl vm.unprivileged_userfaultfd; NMA_UNKNOWN: none */
    gboolean post_copy_permitted; /* nova.conf [libvirt] live_migration_permit_post_copy */

    NmaVirtFacts virt;
    NmaAcceptance acceptance;
    NmaStorageFacts storage;
    NmaTlsFacts tls;        /* of the server's side, held against the address Nova will use */
    NmaSourceFacts *source; /* a reference; NULL: not learnt */
    char *source_needs;     /* then why; owned */
} NmaFacts;

/* Makes everything unknown; frees nothing. */
void nma_facts_clear(NmaFacts *facts);
/* Frees what the facts own, and makes everything unknown. */
void nma_facts_release(NmaFacts *facts);

/* More than NMA_MAX_HUGE_POOLS are left out. */
void nma_facts_add_huge_pool(NmaFacts *facts, gint64 node, gint64 size_bytes, gint64 free_pages);

/* How many CPUs are in "4-12,^8,15", as nova.conf's sets are written; NMA_UNKNOWN for an empty one
 * and for what is no set. */
gint64 nma_count_cpus(const char *set);
/* The same set; none where it is empty or none. CPUs from NMA_MAX_CORES on are left out. */
NmaCores nma_read_cpus(const char *set);

/* One value of nova.conf's reserved_huge_pages, "node:0,size:2048,count:64" (size in KiB, or with
 * MB or GB), into the pool that it is about. FALSE when it is none of that shape; facts is
 * untouched. Source: nova/conf/compute.py. */
gboolean nma_facts_keep_huge_pages(NmaFacts *facts, const char *reserved);

/* each frees what it owns and makes it unknown */
void nma_virt_facts_clear(NmaVirtFacts *virt);
void nma_acceptance_clear(NmaAcceptance *acceptance);
void nma_storage_facts_clear(NmaStorageFacts *storage);
