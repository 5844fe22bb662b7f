/*
 * Nova's messages and versioned objects (Mitaka to 2026.1) to plain structs, tolerantly: unknown
 * fields and versions are accepted, what is missing stays unknown, wrong types are unknown too.
 *
 * Called on the bus thread: pure functions of their input.
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
 * quotes the message. NULL without an error: not a method of ours. */
NmaEvent *nma_nova_call_decode(const OmMessage *message, GError **error);

/* The question to the conductor: arguments of object_class_action_versions for
 * MigrationList.get_by_filters over these instances (new reference). */
json_t *nma_conductor_question(const char *const *instances);
/* Its result to NMA_EVENT_CONDUCTOR: for each instance asked, the newest live migration, or an
 * entry with status NULL. result NULL: not answered. */
NmaEvent *nma_conductor_answer_decode(const json_t *result, const char *const *instances);
