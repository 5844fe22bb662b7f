/*
 * Reading single values out of foreign JSON, and writing ours. What is missing, of the wrong type,
 * out of range or too long is unknown, never an error. Internal to agent/json.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/core/identity.h"
#include "agent/core/job_stats.h"

/* characters, not bytes; Nova's columns have 255 */
#define NMA_NAME_MAX_CHARS 255
/* bytes of a text for people (an error of libvirt's, the numbers of a refusal) */
#define NMA_TEXT_MAX_BYTES 4096

/* An identifier (host name, request id): NULL when missing, empty, longer than
 * NMA_NAME_MAX_CHARS or holding white space or control characters. Owned. */
char *nma_json_dup_name(const json_t *object, const char *key);

/* Words for people: control characters become blanks, and it is cut at max_bytes (at a character).
 * NULL when missing or empty. Owned. */
char *nma_json_dup_text(const json_t *object, const char *key, gsize max_bytes);
char *nma_clean_text(const char *text, gsize max_bytes); /* any bytes in, UTF-8 out; owned */

/* Fills uuid in lower case; FALSE, and "" in it, when there is no valid one. */
gboolean nma_json_get_uuid(const json_t *object, const char *key, char uuid[NMA_UUID_LEN + 1]);

/* NMA_UNKNOWN unless an integer in [least, most] */
gint64 nma_json_get_int(const json_t *object, const char *key, gint64 least, gint64 most);
gboolean nma_json_get_bool(const json_t *object, const char *key); /* FALSE when missing */

/* ISO 8601 in UTC, e.g. "2026-11-21T21:22:44.000001Z"; NMA_UNKNOWN is JSON null, and back. Text
 * without a zone is UTC, as Nova writes it. */
json_t *nma_json_time(gint64 wall_us);
gint64 nma_json_get_time(const json_t *object, const char *key);

json_t *nma_json_text(const char *text);        /* JSON null for NULL and "" */
json_t *nma_json_integer(gint64 value);         /* JSON null for NMA_UNKNOWN */
json_t *nma_json_milliseconds(gint64 value_us); /* with three decimals; null for NMA_UNKNOWN */
gint64 nma_json_get_milliseconds(const json_t *object, const char *key); /* in µs */

/* On one line, as it is sent and stored; value is taken. Owned. */
char *nma_json_to_text(json_t *value);
