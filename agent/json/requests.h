/*
 * The agent's own RPC methods: arguments in, results out. Namespace nova_migration_agent, 1.1.
 * One row of the table in requests.c is one method (schemas/rpc.schema.json).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/host.h"

#define NMA_RPC_NAMESPACE "nova_migration_agent"
#define NMA_RPC_VERSION   "1.1"
/* what we ask of another agent that may be older: each method's own first version */
#define NMA_RPC_HELLO_VERSION   "1.0"
#define NMA_RPC_RESERVE_VERSION "1.1"

typedef enum {
    NMA_REQUEST_HELLO, /* peer to peer: who are you, what is your clock */
    NMA_REQUEST_LIST,
    NMA_REQUEST_SHOW,
    NMA_REQUEST_RESERVATIONS,
    NMA_REQUEST_SET_MODE,
    NMA_REQUEST_AUDIT,            /* this host's nova.conf; result: config_audit.h */
    NMA_REQUEST_CAN_LIVE_MIGRATE, /* 1.1, as those below */
    NMA_REQUEST_RESERVE,
    NMA_REQUEST_RENEW,
    NMA_REQUEST_RELEASE,
    NMA_REQUEST_GUEST_FACTS, /* peer to peer: what the guest is, and whether you reach me */
    NMA_REQUEST_FORECAST,    /* before the start; answered when it is measured */
    NMA_REQUEST_GUESTS,      /* which guests are here; answered when libvirt has said it */
    NMA_N_REQUESTS
} NmaRequestMethod;

typedef struct {
    NmaRequestMethod method;
    char *instance_uuid;    /* show, guest_facts; forecast: NULL is all; else NULL */
    char *destination;      /* forecast: Nova's name, may be NULL; else NULL */
    char *mode;             /* set_mode; else NULL */
    gint64 caller_wall_us;  /* hello; else NMA_UNKNOWN */
    gboolean with_findings; /* audit */
    NmaAsk *ask;            /* can_live_migrate, reserve, renew, release; else NULL */
    char *address;          /* guest_facts: of the destination; else NULL */
    gint64 migration_port;  /* guest_facts: QEMU's there; 0: none is to be tried */
} NmaRequest;

const char *const *nma_request_names(void); /* NULL-terminated, static */

/* Arguments of hello, as the source's agent sends them; new reference. */
json_t *nma_request_hello_args(gint64 caller_wall_us);

/* Arguments of audit, as the source's agent sends them; new reference. */
json_t *nma_request_audit_args(gboolean with_findings);

/* Unknown arguments are ignored: minor versions only add. NULL with an error
 * (NMA_JSON_ERROR_MALFORMED) that says which argument is wrong: the caller answers with a failure.
 */
NmaRequest *nma_request_decode(const char *method, const json_t *args, GError **error);
void nma_request_free(NmaRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaRequest, nma_request_free)

/* Results; new references. */
json_t *nma_result_hello(const char *host, const char *version, const char *mode, gint64 wall_us);
json_t *nma_result_list(const NmaHost *host);
json_t *nma_result_show(const NmaHost *host, const char *instance_uuid); /* json null: none */
json_t *nma_result_reservations(const NmaHost *host, NmaNow now);
json_t *nma_result_set_mode(const char *mode); /* the mode that holds from now on */

/* The peer's answer to hello, asked at sent and answered at received (wall times of ours). offset
 * is the peer's clock minus ours, error half the round trip, both in ms. FALSE, and nothing
 * written, when the answer is not one or the times make no sense. */
gboolean nma_hello_answer_decode(const json_t *result, gint64 sent_wall_us, gint64 received_wall_us,
                                 gint64 *offset_ms, gint64 *error_ms);
