/* The tables, as steps: step n takes a database of user_version n to n + 1. A step that has been
 * released is never changed; a new one is added. */
#include "agent/store/store_internal.h"

#define MIGRATION_COLUMNS                                                                          \
    "attempt_id TEXT PRIMARY KEY, instance_uuid TEXT NOT NULL, migration_uuid TEXT NOT NULL,"      \
    "migration_id INTEGER NOT NULL, source_host TEXT, destination_host TEXT, instance_name TEXT,"  \
    "flavor TEXT, request_id TEXT, memory_mib INTEGER NOT NULL, vcpus INTEGER NOT NULL,"           \
    "phase_open INTEGER NOT NULL, phase TEXT NOT NULL, step TEXT NOT NULL,"                        \
    "phase_started_boot_us INTEGER NOT NULL,"                                                      \
    "phase_start_inferred INTEGER NOT NULL DEFAULT 0,"                                             \
    "sequence INTEGER NOT NULL, progress_count INTEGER NOT NULL, has_stats INTEGER NOT NULL,"      \
    "guest_place TEXT NOT NULL, guest_state TEXT NOT NULL, cause TEXT NOT NULL,"                   \
    "abort_seen INTEGER NOT NULL, force_seen INTEGER NOT NULL, nova_status TEXT,"                  \
    "opened_wall_us INTEGER NOT NULL, last_progress_boot_us INTEGER NOT NULL,"                     \
    "last_seen_wall_us INTEGER NOT NULL, blind INTEGER NOT NULL, ended INTEGER NOT NULL,"          \
    "job_kind TEXT NOT NULL, elapsed_ms INTEGER NOT NULL, data_total_bytes INTEGER NOT NULL,"      \
    "memory_total_bytes INTEGER NOT NULL, memory_processed_bytes INTEGER NOT NULL,"                \
    "memory_remaining_bytes INTEGER NOT NULL, memory_bps INTEGER NOT NULL,"                        \
    "memory_normal_pages INTEGER NOT NULL, memory_zero_pages INTEGER NOT NULL,"                    \
    "memory_normal_bytes INTEGER NOT NULL, memory_dirty_rate_pages_s INTEGER NOT NULL,"            \
    "memory_page_size_bytes INTEGER NOT NULL, memory_iteration INTEGER NOT NULL,"                  \
    "memory_postcopy_requests INTEGER NOT NULL, disk_total_bytes INTEGER NOT NULL,"                \
    "disk_processed_bytes INTEGER NOT NULL, disk_remaining_bytes INTEGER NOT NULL,"                \
    "disk_bps INTEGER NOT NULL, downtime_ms INTEGER NOT NULL, downtime_net_ms INTEGER NOT NULL,"   \
    "setup_time_ms INTEGER NOT NULL, throttle_percent INTEGER NOT NULL,"                           \
    "compression_cache_bytes INTEGER NOT NULL, compression_bytes INTEGER NOT NULL,"                \
    "compression_pages INTEGER NOT NULL,"

#define PREDICTION_COLUMNS(which)                                                                  \
    " " which "_verdict TEXT NOT NULL, " which "_at_ms INTEGER NOT NULL, " which                   \
    "_lasts_low_ms INTEGER NOT NULL, " which "_lasts_high_ms INTEGER NOT NULL, " which             \
    "_downtime_low_ms INTEGER NOT NULL, " which "_downtime_high_ms INTEGER NOT NULL, " which       \
    "_expected_ms INTEGER NOT NULL, " which "_score TEXT NOT NULL"

static const char *const steps[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE source (" MIGRATION_COLUMNS
    " domain_seen INTEGER NOT NULL, iteration INTEGER NOT NULL, gone_reads INTEGER NOT NULL,"
    " stopped_boot_us INTEGER NOT NULL, domain_gone INTEGER NOT NULL,"
    " read_due_boot_us INTEGER NOT NULL, read_pending INTEGER NOT NULL,"
    " ask_due_boot_us INTEGER NOT NULL, give_up_boot_us INTEGER NOT NULL,"
    " peer_asked INTEGER NOT NULL, peer TEXT, clock_offset_ms INTEGER NOT NULL,"
    " clock_offset_error_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE destination (" MIGRATION_COLUMNS
    " facts_pending INTEGER NOT NULL, reserved INTEGER NOT NULL, arrived INTEGER NOT NULL,"
    " runs INTEGER NOT NULL, post_seen INTEGER NOT NULL, ask_due_boot_us INTEGER NOT NULL,"
    " give_up_boot_us INTEGER NOT NULL) STRICT;"
    "CREATE TABLE reservation (instance_uuid TEXT PRIMARY KEY, migration_uuid TEXT NOT NULL,"
    " source TEXT, memory_bytes INTEGER NOT NULL, resident_bytes INTEGER NOT NULL,"
    " state TEXT NOT NULL, created_wall_us INTEGER NOT NULL, expires_boot_us INTEGER NOT NULL)"
    " STRICT;"
    /* AUTOINCREMENT: an id is never used again, the publisher knows a row by it */
    "CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL,"
    " payload TEXT NOT NULL, message_id TEXT NOT NULL, created_wall_us INTEGER NOT NULL) STRICT;"
    /* small: rows are counted in it, without reading the payloads */
    "CREATE INDEX outbox_created ON outbox (created_wall_us);",
    "CREATE TABLE history (attempt_id TEXT PRIMARY KEY, instance_uuid TEXT NOT NULL,"
    " destination_host TEXT, ended_wall_us INTEGER NOT NULL, ended_as TEXT NOT NULL,"
    " forced INTEGER NOT NULL, post_copy INTEGER NOT NULL, memory_bytes INTEGER NOT NULL,"
    " nonzero_bytes INTEGER NOT NULL, bandwidth_bytes_s INTEGER NOT NULL,"
    " lasted_ms INTEGER NOT NULL, downtime_ms INTEGER NOT NULL, fixed_cost_ms INTEGER NOT NULL,"
    " max_downtime_ms INTEGER NOT NULL," PREDICTION_COLUMNS("before") "," PREDICTION_COLUMNS(
        "first") "," PREDICTION_COLUMNS("last") ") STRICT;"
                                                "CREATE INDEX history_ended ON history "
                                                "(ended_wall_us);",
    /* what is promised beside memory; -1: not said */
    "ALTER TABLE reservation ADD COLUMN vcpus INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE reservation ADD COLUMN disk_bytes INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE reservation ADD COLUMN ports INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE reservation ADD COLUMN cores TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE reservation ADD COLUMN pages TEXT NOT NULL DEFAULT '';",
    /* what is done for a migration; the greatest number: the guest does not stand still by us */
    "ALTER TABLE source ADD COLUMN policy_known INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN policy TEXT;"
    "ALTER TABLE source ADD COLUMN held_downtime_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN held_speed_bytes_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE source ADD COLUMN paused_by_us_boot_us INTEGER NOT NULL"
    " DEFAULT 9223372036854775807;",
};

gboolean
nma_schema_is_fault_of_file(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* no such table or column: not made by us */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return TRUE;
    default:
        return FALSE;
    }
}

static NmaSchemaState
judge(int code)
{
    return nma_schema_is_fault_of_file(code) ? NMA_SCHEMA_UNUSABLE : NMA_SCHEMA_FAILED;
}

static int
read_pragma(sqlite3 *db, const char *pragma, int *number, gboolean *ok)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, pragma, -1, &statement, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);

        *number = sqlite3_column_int(statement, 0);
        *ok = g_strcmp0(text, "ok") == 0;
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

static int
migrate(sqlite3 *db, int version)
{
    g_autofree char *pragma = NULL;
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (guint i = (guint)version; code == SQLITE_OK && i < G_N_ELEMENTS(steps); i++) {
        code = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
    }
    pragma = g_strdup_printf("PRAGMA user_version = %u; COMMIT", (guint)G_N_ELEMENTS(steps));
    return code == SQLITE_OK ? sqlite3_exec(db, pragma, NULL, NULL, NULL) : code;
}

NmaSchemaState
nma_schema_prepare(sqlite3 *db)
{
    gboolean ok = FALSE;
    int version = 0;
    /* exclusive: held from the first access to the end; it also spares the shared-memory file */
    int code = sqlite3_exec(db,
                            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                            "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;"
                            "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -512;",
                            NULL, NULL, NULL);

    if (code == SQLITE_OK) {
        code = read_pragma(db, "PRAGMA user_version", &version, &ok);
    }
    if (code != SQLITE_OK) {
        return judge(code);
    }
    if (version > (int)G_N_ELEMENTS(steps)) {
        return NMA_SCHEMA_NEWER;
    }
    /* reads every page, but not what integrity_check does with the indexes: the file is small */
    code = read_pragma(db, "PRAGMA quick_check(1)", &(int){ 0 }, &ok);
    if (code == SQLITE_OK && (!ok || version < 0)) {
        code = SQLITE_CORRUPT;
    }
    if (code == SQLITE_OK && version < (int)G_N_ELEMENTS(steps)) {
        code = migrate(db, version);
    }
    return code == SQLITE_OK ? NMA_SCHEMA_OK : judge(code);
}
