/*
 * Which migration of which instance. The key inside an agent is the instance uuid: at most one
 * open migration per instance and role. Everything else may be unknown at first and is learnt
 * later (from the check on the destination, the cast on the source, the peer, the conductor).
 */
#pragma once

#include <glib.h>

#define NMA_UUID_LEN 36

typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    char migration_uuid[NMA_UUID_LEN + 1]; /* "" while unknown; Nova has none before Queens */
    gint64 migration_id;                   /* Nova's integer id; NMA_UNKNOWN while unknown */
    char *source, *destination;            /* Nova host names; NULL while unknown */
    char *instance_name;                   /* Nova display_name; NULL while unknown */
    char *flavor;                          /* flavor name; NULL while unknown */
    char *policy;                          /* the flavor's extra spec; NULL: none, or unknown */
    char *request_id;                      /* "req-…" of Nova's context; NULL while unknown */
    gint64 memory_mib, vcpus;              /* of the flavor; NMA_UNKNOWN while unknown */
} NmaIdentity;

void nma_identity_init(NmaIdentity *identity);
void nma_identity_clear(NmaIdentity *identity);
void nma_identity_copy(NmaIdentity *to, const NmaIdentity *from); /* to is initialised first */

/* Fills what is unknown in to from from; never overwrites a known value. TRUE when to changed. */
gboolean nma_identity_learn(NmaIdentity *to, const NmaIdentity *from);

/* TRUE when both name a Nova migration and it is not the same one (uuid first, else id) */
gboolean nma_identity_differs(const NmaIdentity *a, const NmaIdentity *b);

/* TRUE for 8-4-4-4-12 hexadecimal digits; every uuid from outside goes through this */
gboolean nma_uuid_is_valid(const char *text);
