/*
 * What must survive kill -9: open migrations, reservations, and the outbox of reports.
 * SQLite in WAL, synchronous=NORMAL. Used by the core thread alone.
 */
#pragma once

#include <glib.h>

#include "agent/core/destination.h"
#include "agent/core/reservation.h"
#include "agent/core/source.h"

typedef struct NmaStore NmaStore;

#define NMA_STORE_ERROR (nma_store_error_quark())
GQuark nma_store_error_quark(void);
typedef enum {
    NMA_STORE_ERROR_FAILED,
    NMA_STORE_ERROR_LOCKED, /* another agent has it open: one agent per state directory */
} NmaStoreError;

/* <dir>/agent.db, guarded by <dir>/agent.lock; dir is made if need be. A database that is corrupt,
 * or that a newer version of the agent made, is moved aside to agent.db.<reason>-<time> and a fresh
 * one is begun: moved_aside is then that path (owned), else NULL. */
NmaStore *nma_store_open(const char *dir, char **moved_aside, GError **error);
void nma_store_close(NmaStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaStore, nma_store_close)

/* One transaction a batch. Nothing else runs in between: the store is not for several threads. A
 * commit does not wait for the disk; kill -9 loses nothing that was committed. */
gboolean nma_store_begin(NmaStore *store, GError **error);
gboolean nma_store_commit(NmaStore *store, GError **error);
void nma_store_rollback(NmaStore *store);

/* Folds the write-ahead log into the database when it has grown: some milliseconds and a wait for
 * the disk, now and then. For a moment in which nothing else is to be done; never needed for
 * safety. Not within a transaction. */
void nma_store_idle(NmaStore *store);

gboolean nma_store_put_source(NmaStore *store, const NmaSource *source, GError **error);
gboolean nma_store_put_destination(NmaStore *store, const NmaDestination *destination,
                                   GError **error);
gboolean nma_store_delete_migration(NmaStore *store, const char *attempt_id, GError **error);
gboolean nma_store_put_reservation(NmaStore *store, const NmaReservation *reservation,
                                   GError **error);
gboolean nma_store_delete_reservation(NmaStore *store, const char *instance_uuid, GError **error);

/* Arrays with free functions; owned. A row that cannot be read is skipped and counted. */
gboolean nma_store_load(NmaStore *store, GPtrArray **sources, GPtrArray **destinations,
                        GPtrArray **reservations, guint *skipped, GError **error);

/* The boot in which the state was saved; NULL in a fresh store. Owned. */
char *nma_store_get_boot_id(NmaStore *store);
gboolean nma_store_set_boot_id(NmaStore *store, const char *boot_id, GError **error);

/* Digest of the audit that was reported last; NULL: none. Owned. */
char *nma_store_get_audit_digest(NmaStore *store);
gboolean nma_store_set_audit_digest(NmaStore *store, const char *digest, GError **error);
