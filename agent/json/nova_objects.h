/*
 * Nova's messages and versioned objects (Mitaka to 2026.1) to plain structs, tolerantly: unknown
 * fields and versions are accepted, what is missing stays unknown, wrong types are unknown too.
 *
 * Instance 2.1 to 2.8, Migration 1.4 to 1.8, MigrationList 1.3 to 1.5 (nova/objects/instance.py,
 * nova/objects/migration.py). No Migration.uuid before 1.5 (Queens).
 *
 * Called on the bus thread: pure functions of their input. They read no clock: seen_boot_us and
 * seen_wall_us of the events are the caller's to fill in.
 */
#pragma once

#include <glib.h>

#include "agent/core/event.h"
#include "rpc/envelope.h"

#define NMA_JSON_ERROR (nma_json_error_quark())
GQuark nma_json_error_quark(void);
typedef enum {
    NMA_JSON_ERROR_MALFORMED,
} NmaJsonError;

/* NMA_EVENT_NOVA_CALL, or NULL with an error (no instance uuid, wrong shape): the text never
 * quotes the message. NULL without an error: not a method of ours. args: what om_message_args()
 * gives. */
NmaEvent *nma_nova_call_decode(const OmMessage *message, const json_t *args, GError **error);

/* The call to the conductor, topic "conductor", as nova-compute makes it: these, and the
 * arguments below. */
#define NMA_CONDUCTOR_METHOD  "object_class_action_versions"
#define NMA_CONDUCTOR_VERSION "3.0"

/* The question to the conductor: arguments of object_class_action_versions for
 * MigrationList.get_by_filters over one instance (new reference). One call per instance: the
 * filter instance_uuid takes no list in any release (nova/db/main/api.py,
 * migration_get_all_by_filters compares with ==), and a filter by host has no bound and would miss
 * a migration whose dest_compute is still null. Mitaka does not know the filter at all and answers
 * with every live migration of the cell: hence the choice among them in the decoder.
 * Served with no namespace by every conductor since 3.0 (Liberty). */
json_t *nma_conductor_question(const char *instance_uuid);
/* The same for the whole Instance, as nova-compute wants it in a call; new reference. */
json_t *nma_instance_question(const char *instance_uuid);
/* TRUE: a versioned Instance, and that one */
gboolean nma_instance_is(const json_t *result, const char *instance_uuid);

/* Its result to NMA_EVENT_CONDUCTOR: for each instance asked (NULL-terminated), the newest live
 * migration (greatest id, else latest created_at), or an entry with status NULL. Entries for all
 * instances are there even when result is NULL or no MigrationList: answered is then FALSE. */
NmaEvent *nma_conductor_answer_decode(const json_t *result, const char *const *instances);
