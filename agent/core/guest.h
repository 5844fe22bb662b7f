/*
 * The running guest as its source knows it: libvirt's live domain, not what Nova's flavor says.
 * Told to the destination's agent by the source's; plain data.
 */
#pragma once

#include <glib.h>

#include "agent/core/job_stats.h"

#define NMA_MAX_GUEST_CELLS 64

/* A NUMA cell of the guest; a guest without topology is one cell. */
typedef struct {
    gint64 memory_bytes;
    gint64 page_bytes; /* of the huge pages that back it; 0: ordinary memory */
} NmaGuestCell;

typedef struct {
    gint64 memory_bytes; /* what it may take at most */
    gint64 vcpus;
    NmaGuestCell cells[NMA_MAX_GUEST_CELLS];
    guint n_cells; /* 0: not known */
} NmaGuest;

/* everything unknown */
NmaGuest *nma_guest_new(void);
void nma_guest_free(NmaGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaGuest, nma_guest_free)
