/*
 * The control socket: <run_dir>/control, one JSON line in, one JSON line out, then closed.
 * Not a thread: the core loop polls its descriptors; nothing here blocks.
 *
 * Request: {"command": "status", "args": {...}}. Answer: {"ok": true, "result": ...} or
 * {"ok": false, "error": "..."}. A client that has not sent its line and taken its answer within
 * NMA_CONTROL_CLIENT_DEADLINE_US is dropped; more than NMA_CONTROL_MAX_CLIENTS wait in the backlog.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <poll.h>

typedef struct NmaControl NmaControl;

/* Returns the result (new reference), or NULL with *error set (text for the person asking). */
typedef json_t *(*NmaControlHandler)(const char *command, const json_t *args, gpointer user_data,
                                     GError **error);

#define NMA_CONTROL_ERROR (nma_control_error_quark())
GQuark nma_control_error_quark(void);
typedef enum {
    NMA_CONTROL_ERROR_FAILED,
    NMA_CONTROL_ERROR_RUNNING,     /* the socket is served by another living agent */
    NMA_CONTROL_ERROR_NOT_RUNNING, /* nobody serves the socket */
    NMA_CONTROL_ERROR_REFUSED,     /* the agent answered with an error: its text */
    NMA_CONTROL_ERROR_TIMEOUT,
} NmaControlError;

#define NMA_CONTROL_MAX_CLIENTS        8
#define NMA_CONTROL_MAX_REQUEST_BYTES  16384
#define NMA_CONTROL_MAX_ANSWER_BYTES   (16 * 1024 * 1024) /* what nma_control_ask takes */
#define NMA_CONTROL_CLIENT_DEADLINE_US (5 * G_USEC_PER_SEC)

/* Mode 0660. A socket left behind by a killed agent is replaced; a living one is an error. */
NmaControl *nma_control_new(const char *path, NmaControlHandler handler, gpointer user_data,
                            GError **error);
void nma_control_free(NmaControl *control); /* closes and unlinks */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaControl, nma_control_free)

/* Fills fds (room for 1 + NMA_CONTROL_MAX_CLIENTS), returns how many; deadline_boot_us of the
 * slowest client, or NMA_NEVER, is min-ed into *deadline_boot_us. */
guint nma_control_poll_fds(NmaControl *control, struct pollfd *fds, gint64 *deadline_boot_us);
/* fds as poll() left them; to be called as well when the deadline has passed. */
void nma_control_dispatch(NmaControl *control, const struct pollfd *fds, guint n_fds,
                          gint64 now_boot_us);

/* The other side, for the sub-commands; blocks at most timeout_ms. Result: new reference. */
json_t *nma_control_ask(const char *path, const char *command, json_t *args /* taken, or NULL */,
                        gint64 timeout_ms, GError **error);
