/* What the files of agent/store share. */
#pragma once

#include <sqlite3.h>

#include "agent/store/store.h"

/* Statements that are used again and again; prepared when the database is opened, so that a file
 * that has not our tables is noticed then. */
typedef enum {
    NMA_SQL_BEGIN,
    NMA_SQL_COMMIT,
    NMA_SQL_ROLLBACK,
    NMA_SQL_DELETE_SOURCE,
    NMA_SQL_DELETE_DESTINATION,
    NMA_SQL_DELETE_RESERVATION,
    NMA_SQL_GET_META,
    NMA_SQL_PUT_META,
    NMA_SQL_OUTBOX_APPEND,
    NMA_SQL_OUTBOX_DROP_MANY,
    NMA_SQL_OUTBOX_DROP_OLD,
    NMA_SQL_OUTBOX_LIST,
    NMA_SQL_OUTBOX_DELETE,
    NMA_SQL_OUTBOX_STAT,
    NMA_SQL_HISTORY_TRIM,
    NMA_N_FIXED_SQL,
    /* built from the column tables of rows.c */
    NMA_SQL_PUT_SOURCE = NMA_N_FIXED_SQL,
    NMA_SQL_PUT_DESTINATION,
    NMA_SQL_PUT_RESERVATION,
    NMA_SQL_LOAD_SOURCES,
    NMA_SQL_LOAD_DESTINATIONS,
    NMA_SQL_LOAD_RESERVATIONS,
    NMA_SQL_PUT_OUTCOME,
    NMA_SQL_LOAD_OUTCOMES,
    NMA_N_SQL
} NmaSql;

struct NmaStore {
    sqlite3 *db;
    sqlite3_stmt *sql[NMA_N_SQL];
    int lock_fd;
    int wal_pages; /* in the write-ahead log since the last checkpoint */
};

/* Sets error from the connection's last error, with what was being done before it. */
void nma_store_set_error(NmaStore *store, const char *doing, GError **error);

/* The statement, without bindings. */
sqlite3_stmt *nma_store_sql(NmaStore *store, NmaSql which);
/* Steps a statement that gives no rows and resets it. */
gboolean nma_store_run(NmaStore *store, sqlite3_stmt *statement, const char *doing, GError **error);

/* ---- schema.c ---- */

typedef enum {
    NMA_SCHEMA_OK,
    NMA_SCHEMA_NEWER, /* user_version is above ours */
    NMA_SCHEMA_UNUSABLE /* not a database, damaged, or not ours */,
    NMA_SCHEMA_FAILED, /* the file system refuses, memory is short …: no fault of the file */
} NmaSchemaState;

/* Checks the file and brings its tables up to date, in one transaction. */
NmaSchemaState nma_schema_prepare(sqlite3 *db);
/* whether an SQLite result code speaks against the file itself */
gboolean nma_schema_is_fault_of_file(int code);

/* ---- rows.c ---- */

/* "INSERT OR REPLACE INTO …" / "SELECT … FROM …" of one of the built statements; owned */
char *nma_rows_sql(NmaSql which);
gboolean nma_rows_put_outcome(NmaStore *store, const NmaOutcome *outcome, GError **error);
/* oldest first; as nma_store_load */
gboolean nma_rows_load_outcomes(NmaStore *store, GPtrArray **outcomes, guint *skipped,
                                GError **error);
