/*
 * What a guest takes of a host and a reservation promises: amounts, huge pages of a NUMA node, and
 * pinned cores.
 */
#pragma once

#include <glib.h>

typedef enum {
    NMA_AMOUNT_MEMORY, /* bytes of ordinary memory: what huge pages back is not in it */
    NMA_AMOUNT_VCPUS,  /* that float over the host's shared cores */
    NMA_AMOUNT_DISK,   /* bytes of local disk that are copied or created */
    NMA_AMOUNT_PORTS,  /* of libvirt's range for incoming migrations */
    NMA_N_AMOUNTS
} NmaAmount;

#define NMA_ANY_NODE  (-1)
#define NMA_MAX_PAGES 16 /* (node, size) pairs of one guest */
#define NMA_MAX_CORES 1024

typedef struct {
    gint64 node; /* the host's NUMA node; NMA_ANY_NODE: whichever has room */
    gint64 size_bytes;
    gint64 count;
} NmaPages;

typedef struct {
    guint64 bits[NMA_MAX_CORES / 64];
} NmaCores;

typedef struct {
    gint64 amount[NMA_N_AMOUNTS]; /* NMA_UNKNOWN: not said, counts as none */
    NmaPages pages[NMA_MAX_PAGES];
    guint n_pages;
    gboolean pages_known; /* they are all huge pages that back it; FALSE: there may be others */
    NmaCores cores;
} NmaResources;

/* nothing is said */
void nma_resources_clear(NmaResources *resources);
gboolean nma_resources_equal(const NmaResources *a, const NmaResources *b);

/* "memory", "vcpus", "disk", "ports", and the unit it is counted in; static */
const char *nma_amount_name(NmaAmount amount);
const char *nma_amount_unit(NmaAmount amount);

/* a + b, both of at least 0, that stays at the largest number: sizes come from the bus */
gint64 nma_add_sizes(gint64 a, gint64 b);
/* bytes of all its huge pages */
gint64 nma_pages_bytes(const NmaResources *resources);

gboolean nma_cores_any(const NmaCores *cores);
guint nma_cores_count(const NmaCores *cores);
gboolean nma_cores_has(const NmaCores *cores, guint core);
void nma_cores_add(NmaCores *cores, guint core); /* below NMA_MAX_CORES */
void nma_cores_remove(NmaCores *cores, const NmaCores *those);
void nma_cores_unite(NmaCores *cores, const NmaCores *with);

/* "0-3,8", "" for none, as nova.conf's cpu sets and the kernel's cpulists; owned, and back. FALSE,
 * and cores untouched, when it is no such list. */
char *nma_cores_to_string(const NmaCores *cores);
gboolean nma_cores_from_string(const char *text, NmaCores *cores);

/* "0:2097152:512,1:1073741824:4" (node, size, count), "" for none; owned, and back */
char *nma_pages_to_string(const NmaResources *resources);
gboolean nma_pages_from_string(const char *text, NmaResources *resources);
