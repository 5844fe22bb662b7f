/*
 * What the source's agent tells the destination's for its checks: the guest, the host that it runs
 * on, and the way from there to the destination as it was tried. Reference-counted and not changed
 * once it is shared, so that several threads may read it.
 */
#pragma once

#include <glib.h>

#include "agent/core/guest.h"
#include "agent/core/now.h"

#define NMA_MAX_PATH_PORTS 4

typedef enum {
    NMA_PORT_UNTRIED,
    NMA_PORT_OPEN,        /* accepted, or refused by the host itself: QEMU listens only later */
    NMA_PORT_BLOCKED,     /* no answer in time: something on the way drops it */
    NMA_PORT_UNREACHABLE, /* no route, or rejected on the way */
    NMA_N_PORT_STATES
} NmaPortState;

typedef struct {
    const char *what; /* static: libvirt, QEMU */
    gint64 port;
    NmaPortState state;
    gboolean accepted; /* open: somebody listens already */
    gint64 round_trip_us;
} NmaPathPort;

typedef struct {
    gboolean tried;
    char *address; /* the name or address that Nova will use; owned */
    gboolean resolved;
    char *error; /* of the resolver or the route; owned, NULL: none */
    NmaPathPort ports[NMA_MAX_PATH_PORTS];
    guint n_ports;
    char *interface;    /* the way out of the source; owned, NULL: not learnt */
    gint64 link_mbit_s; /* its speed; NMA_UNKNOWN: a virtual one has none */
} NmaPath;

/* A certificate file as it was found. */
typedef struct {
    char *file;                       /* owned */
    gboolean missing, unreadable;     /* not there; there, but not readable for the agent */
    gboolean malformed;               /* no certificate in PEM */
    gint64 not_before_s, not_after_s; /* since 1970 UTC */
    gboolean untrusted;               /* not signed by the authority beside it */
    gboolean wrong_name;              /* does not hold the name that it was held against */
    char *names;                      /* what it holds, by comma; owned, may be NULL */
} NmaCertificate;

#define NMA_MAX_CERTIFICATES 4

typedef struct {
    NmaCertificate certificates[NMA_MAX_CERTIFICATES];
    guint n_certificates;
    gboolean looked; /* FALSE: not learnt; no certificate and TRUE: no TLS is used */
} NmaTlsFacts;

typedef struct {
    NmaGuest *guest;                      /* owned; NULL: not learnt */
    char *guest_needs;                    /* then why: "needs …"; owned */
    gint64 libvirt_version, qemu_version; /* as libvirt numbers them: 1000000*a + 1000*b + c */
    gboolean post_copy_permitted;         /* nova.conf there */
    NmaPath path;
    NmaTlsFacts tls;                               /* of the client's side */
    gint64 clock_offset_ms, clock_offset_error_ms; /* its clock minus ours; NMA_OFFSET_UNKNOWN */
} NmaSourceFacts;

NmaSourceFacts *nma_source_facts_new(void);
NmaSourceFacts *nma_source_facts_ref(NmaSourceFacts *facts);
void nma_source_facts_unref(NmaSourceFacts *facts); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaSourceFacts, nma_source_facts_unref)

void nma_path_clear(NmaPath *path); /* frees what it owns */
void nma_tls_facts_clear(NmaTlsFacts *tls);

const char *nma_port_state_to_string(NmaPortState state);
gboolean nma_port_state_from_string(const char *text, NmaPortState *state);
