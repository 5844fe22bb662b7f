#include "agent/store/outbox.h"

#include "agent/store/store_internal.h"

#define MAX_AGE_US (NMA_OUTBOX_MAX_AGE_S * NMA_US_PER_S)

void
nma_outbox_row_free(NmaOutboxRow *row)
{
    if (row == NULL) {
        return;
    }
    g_free(row->event_type);
    g_free(row->payload);
    g_free(row->message_id);
    g_free(row);
}

gboolean
nma_outbox_trim(NmaStore *store, gint64 now_wall_us, guint64 *dropped, GError **error)
{
    sqlite3_stmt *many = nma_store_sql(store, NMA_SQL_OUTBOX_DROP_MANY);

    if (!nma_store_run(store, many, "trimming the outbox", error)) {
        return FALSE;
    }
    *dropped += (guint64)sqlite3_changes(store->db);
    /* Rows are in the order of their time, so one at a time from the front touches no other. */
    for (;;) {
        sqlite3_stmt *old = nma_store_sql(store, NMA_SQL_OUTBOX_DROP_OLD);

        sqlite3_bind_int64(old, 1, now_wall_us - MAX_AGE_US);
        if (!nma_store_run(store, old, "trimming the outbox", error)) {
            return FALSE;
        }
        if (sqlite3_changes(store->db) == 0) {
            return TRUE;
        }
        ++*dropped;
    }
}

gboolean
nma_outbox_append(NmaStore *store, const char *event_type, const char *payload, gint64 now_wall_us,
                  guint64 *dropped, GError **error)
{
    sqlite3_stmt *statement = nma_store_sql(store, NMA_SQL_OUTBOX_APPEND);
    g_autofree char *message_id = g_uuid_string_random();

    sqlite3_bind_text(statement, 1, event_type, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, payload, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, message_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, now_wall_us);
    return nma_store_run(store, statement, "appending to the outbox", error) &&
           nma_outbox_trim(store, now_wall_us, dropped, error);
}

static char *
dup_column(sqlite3_stmt *statement, int i)
{
    return g_strdup((const char *)sqlite3_column_text(statement, i));
}

GPtrArray *
nma_outbox_list(NmaStore *store, gint64 after_id, guint limit, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)nma_outbox_row_free);
    sqlite3_stmt *statement = nma_store_sql(store, NMA_SQL_OUTBOX_LIST);
    int code;

    sqlite3_bind_int64(statement, 1, after_id);
    sqlite3_bind_int64(statement, 2, limit);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        NmaOutboxRow *row = g_new0(NmaOutboxRow, 1);

        row->id = sqlite3_column_int64(statement, 0);
        row->event_type = dup_column(statement, 1);
        row->payload = dup_column(statement, 2);
        row->message_id = dup_column(statement, 3);
        row->created_wall_us = sqlite3_column_int64(statement, 4);
        g_ptr_array_add(rows, row);
    }
    if (code != SQLITE_DONE) {
        nma_store_set_error(store, "reading the outbox", error);
        sqlite3_reset(statement);
        return NULL;
    }
    sqlite3_reset(statement);
    return g_steal_pointer(&rows);
}

gboolean
nma_outbox_delete(NmaStore *store, gint64 id, GError **error)
{
    sqlite3_stmt *statement = nma_store_sql(store, NMA_SQL_OUTBOX_DELETE);

    sqlite3_bind_int64(statement, 1, id);
    return nma_store_run(store, statement, "deleting from the outbox", error);
}

gboolean
nma_outbox_stat(NmaStore *store, guint64 *count, gint64 *oldest_wall_us, GError **error)
{
    sqlite3_stmt *statement = nma_store_sql(store, NMA_SQL_OUTBOX_STAT);

    if (sqlite3_step(statement) != SQLITE_ROW) {
        nma_store_set_error(store, "counting the outbox", error);
        sqlite3_reset(statement);
        return FALSE;
    }
    *count = (guint64)sqlite3_column_int64(statement, 0);
    *oldest_wall_us = sqlite3_column_int64(statement, 1);
    sqlite3_reset(statement);
    return TRUE;
}
