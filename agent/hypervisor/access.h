/*
 * Which libvirt call needs which access: the one place where it is written down.
 *
 * Source: libvirt's own read-only checks (src/libvirt-domain.c, src/libvirt-host.c,
 * virCheckReadOnlyGoto) and its access rules (src/remote/remote_protocol.x, @acl).
 */
#pragma once

#include <glib.h>

#include "agent/hypervisor/hypervisor.h"

typedef struct {
    const char *call; /* static: libvirt's function */
    NmaAccess lowest; /* the lowest access of a connection that may make it */
} NmaAccessRow;

/* Every call that this folder makes on a connection or on what came from one; static. */
const NmaAccessRow *nma_access_rows(gsize *n_rows);
