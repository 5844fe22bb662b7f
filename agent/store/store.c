#include "agent/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/store/history.h"
#include "agent/store/outbox.h"
#include "agent/store/store_internal.h"

G_DEFINE_QUARK(nma_store_error_quark, nma_store_error)

/* The write-ahead log is folded into the database by nma_store_idle when it has this many pages
 * (4 KiB each), and by a commit, whoever waits for it, when it has grown to the second figure. */
#define WAL_PAGES_IDLE 250
#define WAL_PAGES_MOST 5000

#define OPEN_TIMEOUT_MS 1000

static const char *const fixed_sql[NMA_N_FIXED_SQL] = {
    [NMA_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [NMA_SQL_COMMIT] = "COMMIT",
    [NMA_SQL_ROLLBACK] = "ROLLBACK",
    [NMA_SQL_DELETE_SOURCE] = "DELETE FROM source WHERE attempt_id = ?",
    [NMA_SQL_DELETE_DESTINATION] = "DELETE FROM destination WHERE attempt_id = ?",
    [NMA_SQL_DELETE_RESERVATION] = "DELETE FROM reservation WHERE instance_uuid = ?",
    [NMA_SQL_GET_META] = "SELECT value FROM meta WHERE key = ?",
    [NMA_SQL_PUT_META] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
    [NMA_SQL_OUTBOX_APPEND] =
        "INSERT INTO outbox (event_type, payload, message_id, created_wall_us) VALUES (?, ?, ?, ?)",
    /* by the span of the ids, not by counting: rows leave in their order, so it is the same, and it
     * costs nothing when there are many */
    [NMA_SQL_OUTBOX_DROP_MANY] =
        "DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - " G_STRINGIFY(
            NMA_OUTBOX_MAX_ROWS),
    [NMA_SQL_OUTBOX_DROP_OLD] =
        "DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox) AND created_wall_us < ?",
    [NMA_SQL_OUTBOX_LIST] = "SELECT id, event_type, payload, message_id, created_wall_us"
                            " FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
    [NMA_SQL_OUTBOX_DELETE] = "DELETE FROM outbox WHERE id = ?",
    [NMA_SQL_OUTBOX_STAT] =
        "SELECT count(*), ifnull((SELECT created_wall_us FROM outbox ORDER BY id LIMIT 1), 0)"
        " FROM outbox",
    [NMA_SQL_HISTORY_TRIM] =
        "DELETE FROM history WHERE attempt_id IN (SELECT attempt_id FROM history"
        " ORDER BY ended_wall_us DESC, attempt_id LIMIT -1 OFFSET " G_STRINGIFY(
            NMA_HISTORY_MAX_ROWS) ")",
};

void
nma_store_set_error(NmaStore *store, const char *doing, GError **error)
{
    int code = sqlite3_extended_errcode(store->db);

    g_set_error(error, NMA_STORE_ERROR,
                (code & 0xff) == SQLITE_BUSY ? NMA_STORE_ERROR_LOCKED : NMA_STORE_ERROR_FAILED,
                "%s: %s (SQLite code %d)", doing, sqlite3_errmsg(store->db), code);
}

sqlite3_stmt *
nma_store_sql(NmaStore *store, NmaSql which)
{
    sqlite3_reset(store->sql[which]);
    sqlite3_clear_bindings(store->sql[which]);
    return store->sql[which];
}

gboolean
nma_store_run(NmaStore *store, sqlite3_stmt *statement, const char *doing, GError **error)
{
    gboolean done = sqlite3_step(statement) == SQLITE_DONE;

    if (!done) {
        nma_store_set_error(store, doing, error);
    }
    sqlite3_reset(statement);
    return done;
}

/* ---- one agent per directory ---- */

/* Held for the life of the process, by the kernel: no stale lock after kill -9. A file of its own,
 * so that whoever moves a damaged database aside is surely alone. */
static int
lock_directory(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "agent.lock", NULL);
    int fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int saved;

    if (fd < 0) {
        g_set_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_FAILED, "cannot open %s: %s", path,
                    g_strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return fd;
    }
    saved = errno;
    g_close(fd, NULL);
    if (saved == EWOULDBLOCK) {
        g_set_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_LOCKED,
                    "another agent uses the state directory %s (it holds agent.lock): each agent "
                    "needs a directory of its own, see [agent] state_dir",
                    dir);
    } else {
        g_set_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_FAILED, "cannot lock %s: %s", path,
                    g_strerror(saved));
    }
    return -1;
}

/* ---- opening ---- */

static gboolean
fold(NmaStore *store)
{
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
        SQLITE_OK) {
        return FALSE;
    }
    store->wal_pages = 0;
    return TRUE;
}

static int
count_wal_pages(void *user_data, sqlite3 *db, const char *name, int pages)
{
    NmaStore *store = user_data;

    store->wal_pages = pages;
    if (pages >= WAL_PAGES_MOST) {
        fold(store);
    }
    return SQLITE_OK;
}

static void
close_database(NmaStore *store)
{
    for (guint i = 0; i < NMA_N_SQL; i++) {
        g_clear_pointer(&store->sql[i], sqlite3_finalize);
    }
    g_clear_pointer(&store->db, sqlite3_close);
}

static NmaSchemaState
prepare_statements(NmaStore *store)
{
    for (guint i = 0; i < NMA_N_SQL; i++) {
        g_autofree char *built = i < NMA_N_FIXED_SQL ? NULL : nma_rows_sql((NmaSql)i);
        int code = sqlite3_prepare_v3(store->db, built != NULL ? built : fixed_sql[i], -1,
                                      SQLITE_PREPARE_PERSISTENT, &store->sql[i], NULL);

        if (code != SQLITE_OK) {
            return nma_schema_is_fault_of_file(code) ? NMA_SCHEMA_UNUSABLE : NMA_SCHEMA_FAILED;
        }
    }
    return NMA_SCHEMA_OK;
}

static NmaSchemaState
open_database(NmaStore *store, const char *path, GError **error)
{
    NmaSchemaState state = NMA_SCHEMA_FAILED;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    /* Made by us, so that only we may read it; an empty file is an empty database to SQLite. */
    int fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        g_set_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_FAILED, "cannot open %s: %s", path,
                    g_strerror(errno));
        return NMA_SCHEMA_FAILED;
    }
    g_close(fd, NULL);
    if (sqlite3_open_v2(path, &store->db, flags, NULL) == SQLITE_OK) {
        sqlite3_extended_result_codes(store->db, 1);
        /* somebody may be looking at it with the sqlite3 program */
        sqlite3_busy_timeout(store->db, OPEN_TIMEOUT_MS);
        sqlite3_wal_hook(store->db, count_wal_pages, store);
        state = nma_schema_prepare(store->db);
        if (state == NMA_SCHEMA_OK) {
            state = prepare_statements(store);
        }
    }
    if (state != NMA_SCHEMA_OK) {
        g_autofree char *doing = g_strdup_printf("cannot open %s", path);

        nma_store_set_error(store, doing, error);
        close_database(store);
    }
    return state;
}

/* With its write-ahead log, should SQLite have left one: its last commits are in it. */
static char *
move_aside(const char *path, const char *reason, GError **error)
{
    static const char *const parts[] = { "-wal", "-shm", "-journal", "" };
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
    g_autofree char *aside = g_strdup_printf("%s.%s-%s", path, reason, time);

    for (guint i = 1; g_file_test(aside, G_FILE_TEST_EXISTS); i++) {
        g_free(aside);
        aside = g_strdup_printf("%s.%s-%s.%u", path, reason, time, i);
    }
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *from = g_strconcat(path, parts[i], NULL);
        g_autofree char *to = g_strconcat(aside, parts[i], NULL);

        if (g_rename(from, to) != 0 && errno != ENOENT) {
            g_set_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_FAILED, "cannot rename %s: %s",
                        from, g_strerror(errno));
            return NULL;
        }
    }
    return g_steal_pointer(&aside);
}

static gboolean
open_or_begin_anew(NmaStore *store, const char *path, char **moved_aside, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *aside = NULL;
    NmaSchemaState state = open_database(store, path, &why);

    if (state == NMA_SCHEMA_OK) {
        return TRUE;
    }
    if (state == NMA_SCHEMA_FAILED) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    aside = move_aside(path, state == NMA_SCHEMA_NEWER ? "newer" : "corrupt", error);
    if (aside == NULL || open_database(store, path, error) != NMA_SCHEMA_OK) {
        return FALSE;
    }
    *moved_aside = g_steal_pointer(&aside);
    return TRUE;
}

NmaStore *
nma_store_open(const char *dir, char **moved_aside, GError **error)
{
    g_autoptr(NmaStore) store = NULL;
    g_autofree char *path = g_build_filename(dir, "agent.db", NULL);
    int lock_fd;

    *moved_aside = NULL;
    if (g_mkdir_with_parents(dir, 0700) != 0) {
        g_set_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_FAILED, "cannot make %s: %s", dir,
                    g_strerror(errno));
        return NULL;
    }
    lock_fd = lock_directory(dir, error);
    if (lock_fd < 0) {
        return NULL;
    }
    store = g_new0(NmaStore, 1);
    store->lock_fd = lock_fd;
    if (!open_or_begin_anew(store, path, moved_aside, error)) {
        return NULL;
    }
    return g_steal_pointer(&store);
}

void
nma_store_close(NmaStore *store)
{
    if (store == NULL) {
        return;
    }
    close_database(store);
    g_close(store->lock_fd, NULL);
    g_free(store);
}

static gboolean
put_meta(NmaStore *store, const char *key, const char *value, GError **error)
{
    sqlite3_stmt *statement = nma_store_sql(store, NMA_SQL_PUT_META);

    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    return nma_store_run(store, statement, "saving what is kept of the host", error);
}

void
nma_store_idle(NmaStore *store)
{
    if (store->wal_pages >= WAL_PAGES_IDLE && fold(store)) {
        /* the first write into the emptied log waits for the disk once more: not a report's */
        put_meta(store, "folded", "", NULL);
    }
}

/* ---- transactions ---- */

gboolean
nma_store_begin(NmaStore *store, GError **error)
{
    return nma_store_run(store, nma_store_sql(store, NMA_SQL_BEGIN), "beginning", error);
}

gboolean
nma_store_commit(NmaStore *store, GError **error)
{
    return nma_store_run(store, nma_store_sql(store, NMA_SQL_COMMIT), "committing", error);
}

void
nma_store_rollback(NmaStore *store)
{
    /* after some errors SQLite has done it already */
    if (!sqlite3_get_autocommit(store->db)) {
        nma_store_run(store, nma_store_sql(store, NMA_SQL_ROLLBACK), "rolling back", NULL);
    }
}

/* ---- single rows ---- */

static gboolean
delete_by(NmaStore *store, NmaSql which, const char *key, GError **error)
{
    sqlite3_stmt *statement = nma_store_sql(store, which);

    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    return nma_store_run(store, statement, "deleting", error);
}

gboolean
nma_store_delete_migration(NmaStore *store, const char *attempt_id, GError **error)
{
    return delete_by(store, NMA_SQL_DELETE_SOURCE, attempt_id, error) &&
           delete_by(store, NMA_SQL_DELETE_DESTINATION, attempt_id, error);
}

gboolean
nma_store_delete_reservation(NmaStore *store, const char *instance_uuid, GError **error)
{
    return delete_by(store, NMA_SQL_DELETE_RESERVATION, instance_uuid, error);
}

static char *
get_meta(NmaStore *store, const char *key)
{
    sqlite3_stmt *statement = nma_store_sql(store, NMA_SQL_GET_META);
    char *value = NULL;

    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        value = g_strdup((const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_reset(statement);
    return value;
}

char *
nma_store_get_boot_id(NmaStore *store)
{
    return get_meta(store, "boot_id");
}

gboolean
nma_store_set_boot_id(NmaStore *store, const char *boot_id, GError **error)
{
    return put_meta(store, "boot_id", boot_id, error);
}

char *
nma_store_get_audit_digest(NmaStore *store)
{
    return get_meta(store, "audit_digest");
}

gboolean
nma_store_set_audit_digest(NmaStore *store, const char *digest, GError **error)
{
    return put_meta(store, "audit_digest", digest, error);
}
