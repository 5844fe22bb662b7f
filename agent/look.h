/*
 * A look at files, names or the network that may block: made on a thread of its own.
 */
#pragma once

#include <glib.h>

#include "agent/core/facts.h"
#include "agent/settings.h"

typedef enum {
    NMA_LOOK_STORAGE,     /* path, source → storage */
    NMA_LOOK_GUEST_DISKS, /* guest, whose disks are filled in */
    NMA_LOOK_TLS,         /* certificates → tls */
    NMA_LOOK_PATH,        /* address, ports → path_facts */
} NmaLookKind;

typedef struct {
    char *file, *authority, *name; /* owned; name may be NULL */
} NmaCertificateToSee;

typedef struct {
    NmaLookKind kind;
    guint64 cookie; /* the caller's */

    char *path;             /* instances_path */
    NmaSourceFacts *source; /* a reference, or NULL */
    NmaCertificateToSee certificates[NMA_MAX_CERTIFICATES];
    guint n_certificates;
    char *address;
    gint64 libvirt_port, qemu_port; /* 0: not used */
    gint64 timeout_ms;

    NmaStorageFacts storage;
    NmaGuest *guest; /* owned */
    NmaTlsFacts tls;
    NmaPath path_facts;
} NmaLook;

NmaLook *nma_look_new(NmaLookKind kind, guint64 cookie);
void nma_look_free(NmaLook *look);
void nma_look_make(NmaLook *look); /* blocks */

/* Which certificates nova.conf makes a migration use; server: those of the destination, which must
 * hold address. */
void nma_look_add_certificates(NmaLook *look, const NmaSettings *settings, gboolean server,
                               const char *address);
/* The port of libvirt's that nova.conf makes Nova connect to; 0: none. */
gint64 nma_look_libvirt_port(const NmaSettings *settings);
