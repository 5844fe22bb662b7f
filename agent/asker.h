/*
 * For sub-commands that ask over the bus: a connection of their own, and calls that are waited for.
 */
#pragma once

#include "agent/settings.h"
#include "rpc/bus.h"

typedef struct NmaAsker NmaAsker;

/* Connects; waits 10 s at most. purpose, e.g. "ping", is in the connection's name. settings is
 * borrowed for the call. */
NmaAsker *nma_asker_new(const NmaSettings *settings, const char *purpose, GError **error);
void nma_asker_free(NmaAsker *asker); /* disconnects */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaAsker, nma_asker_free)

/* Sends a call, with an administrator's context; args is taken. TRUE: its result can be waited for,
 * by the same cookie. */
gboolean nma_asker_send(NmaAsker *asker, const OmTarget *target, const char *method, json_t *args,
                        guint timeout_ms, guint64 cookie, GError **error);
/* Owned; comes at the latest at the call's timeout. Once for each call sent. */
OmCallResult *nma_asker_wait(NmaAsker *asker, guint64 cookie);
