/* Structs of core to rows and back: one row of a column table is one member. */
#include <string.h>

#include "agent/store/store_internal.h"

typedef enum {
    COLUMN_INTEGER, /* gint64 or guint64 */
    COLUMN_BOOL,    /* gboolean */
    COLUMN_COUNT,   /* guint */
    COLUMN_UUID,    /* char[NMA_UUID_LEN + 1], a valid uuid */
    COLUMN_UUID_OR_EMPTY,
    COLUMN_TEXT,  /* char *, owned; NULL is NULL */
    COLUMN_WORD,  /* an enum, by the word that name() gives */
    COLUMN_CORES, /* NmaCores */
    COLUMN_PAGES, /* the huge pages of an NmaResources */
} ColumnType;

typedef struct {
    const char *name;
    ColumnType type;
    gsize offset;
    const char *(*word)(guint value); /* COLUMN_WORD */
    guint n_words;
} Column;

/* ---- words: stored as text, so that a later order of an enum changes nothing ---- */

#define DEFINE_WORD(function, type, to_string)                                                     \
    static const char *function(guint value)                                                       \
    {                                                                                              \
        return to_string((type)value);                                                             \
    }
DEFINE_WORD(phase_word, NmaPhase, nma_phase_to_string)
DEFINE_WORD(step_word, NmaStep, nma_step_to_string)
DEFINE_WORD(place_word, NmaGuestPlace, nma_guest_place_to_string)
DEFINE_WORD(state_word, NmaGuestState, nma_guest_state_to_string)
DEFINE_WORD(cause_word, NmaCause, nma_cause_to_string)
DEFINE_WORD(reservation_word, NmaReservationState, nma_reservation_state_to_string)
DEFINE_WORD(end_word, NmaOutcomeEnd, nma_outcome_end_to_string)
DEFINE_WORD(verdict_word, NmaForecastVerdict, nma_forecast_verdict_to_string)
DEFINE_WORD(score_word, NmaScore, nma_score_to_string)

static const char *
job_word(guint value)
{
    static const char *const words[] = { "none", "migration_out", "migration_in", "other" };

    return words[value];
}

/* ---- columns ---- */

#define COLUMN(type, struct, name, member)                                                         \
    {                                                                                              \
        name, type, offsetof(struct, member), NULL, 0                                              \
    }
#define WORDS(struct, name, member, word, n)                                                       \
    {                                                                                              \
        name, COLUMN_WORD, offsetof(struct, member), word, n                                       \
    }

#define MIGRATION(type, name, member) COLUMN(type, NmaMigration, name, member)
#define STATS(member)                 COLUMN(COLUMN_INTEGER, NmaMigration, #member, stats.member)

static const Column migration_columns[] = {
    MIGRATION(COLUMN_UUID, "attempt_id", attempt_id),
    MIGRATION(COLUMN_UUID, "instance_uuid", identity.instance_uuid),
    MIGRATION(COLUMN_UUID_OR_EMPTY, "migration_uuid", identity.migration_uuid),
    MIGRATION(COLUMN_INTEGER, "migration_id", identity.migration_id),
    MIGRATION(COLUMN_TEXT, "source_host", identity.source),
    MIGRATION(COLUMN_TEXT, "destination_host", identity.destination),
    MIGRATION(COLUMN_TEXT, "instance_name", identity.instance_name),
    MIGRATION(COLUMN_TEXT, "flavor", identity.flavor),
    MIGRATION(COLUMN_TEXT, "request_id", identity.request_id),
    MIGRATION(COLUMN_INTEGER, "memory_mib", identity.memory_mib),
    MIGRATION(COLUMN_INTEGER, "vcpus", identity.vcpus),
    MIGRATION(COLUMN_BOOL, "phase_open", phase_open),
    WORDS(NmaMigration, "phase", phase, phase_word, NMA_N_PHASES),
    WORDS(NmaMigration, "step", step, step_word, NMA_N_STEPS),
    MIGRATION(COLUMN_INTEGER, "phase_started_boot_us", phase_started_boot_us),
    MIGRATION(COLUMN_BOOL, "phase_start_inferred", phase_start_inferred),
    MIGRATION(COLUMN_INTEGER, "sequence", sequence),
    MIGRATION(COLUMN_INTEGER, "progress_count", progress_count),
    MIGRATION(COLUMN_BOOL, "has_stats", has_stats),
    WORDS(NmaMigration, "guest_place", guest_place, place_word, NMA_GUEST_GONE + 1),
    WORDS(NmaMigration, "guest_state", guest_state, state_word, NMA_GUEST_PAUSED + 1),
    WORDS(NmaMigration, "cause", cause, cause_word, NMA_CAUSE_FORCED + 1),
    MIGRATION(COLUMN_BOOL, "abort_seen", abort_seen),
    MIGRATION(COLUMN_BOOL, "force_seen", force_seen),
    MIGRATION(COLUMN_TEXT, "nova_status", nova_status),
    MIGRATION(COLUMN_INTEGER, "opened_wall_us", opened_wall_us),
    MIGRATION(COLUMN_INTEGER, "last_progress_boot_us", last_progress_boot_us),
    MIGRATION(COLUMN_INTEGER, "last_seen_wall_us", last_seen_wall_us),
    MIGRATION(COLUMN_BOOL, "blind", blind),
    MIGRATION(COLUMN_BOOL, "ended", ended),
    WORDS(NmaMigration, "job_kind", stats.kind, job_word, NMA_JOB_OTHER + 1),
    STATS(elapsed_ms),
    STATS(data_total_bytes),
    STATS(memory_total_bytes),
    STATS(memory_processed_bytes),
    STATS(memory_remaining_bytes),
    STATS(memory_bps),
    STATS(memory_normal_pages),
    STATS(memory_zero_pages),
    STATS(memory_normal_bytes),
    STATS(memory_dirty_rate_pages_s),
    STATS(memory_page_size_bytes),
    STATS(memory_iteration),
    STATS(memory_postcopy_requests),
    STATS(disk_total_bytes),
    STATS(disk_processed_bytes),
    STATS(disk_remaining_bytes),
    STATS(disk_bps),
    STATS(downtime_ms),
    STATS(downtime_net_ms),
    STATS(setup_time_ms),
    STATS(throttle_percent),
    STATS(compression_cache_bytes),
    STATS(compression_bytes),
    STATS(compression_pages),
};

#define SOURCE(type, member) COLUMN(type, NmaSource, #member, member)

static const Column source_columns[] = {
    SOURCE(COLUMN_BOOL, domain_seen),
    SOURCE(COLUMN_INTEGER, iteration),
    SOURCE(COLUMN_COUNT, gone_reads),
    SOURCE(COLUMN_INTEGER, stopped_boot_us),
    SOURCE(COLUMN_BOOL, domain_gone),
    SOURCE(COLUMN_INTEGER, read_due_boot_us),
    SOURCE(COLUMN_BOOL, read_pending),
    SOURCE(COLUMN_INTEGER, ask_due_boot_us),
    SOURCE(COLUMN_INTEGER, give_up_boot_us),
    SOURCE(COLUMN_BOOL, peer_asked),
    SOURCE(COLUMN_TEXT, peer),
    SOURCE(COLUMN_INTEGER, clock_offset_ms),
    SOURCE(COLUMN_INTEGER, clock_offset_error_ms),
    SOURCE(COLUMN_BOOL, policy_known),
    COLUMN(COLUMN_TEXT, NmaSource, "policy", base.identity.policy),
    COLUMN(COLUMN_INTEGER, NmaSource, "held_downtime_ms", steering.limit_ms),
    COLUMN(COLUMN_INTEGER, NmaSource, "held_speed_bytes_s", steering.speed_bytes_s),
    COLUMN(COLUMN_INTEGER, NmaSource, "paused_by_us_boot_us", steering.paused_boot_us),
};

#define DESTINATION(type, member) COLUMN(type, NmaDestination, #member, member)

static const Column destination_columns[] = {
    DESTINATION(COLUMN_BOOL, facts_pending),
    DESTINATION(COLUMN_BOOL, reserved),
    DESTINATION(COLUMN_BOOL, arrived),
    DESTINATION(COLUMN_BOOL, runs),
    DESTINATION(COLUMN_BOOL, post_seen),
    DESTINATION(COLUMN_INTEGER, ask_due_boot_us),
    DESTINATION(COLUMN_INTEGER, give_up_boot_us),
};

#define RESERVATION(type, member) COLUMN(type, NmaReservation, #member, member)
#define AMOUNT(name, which)       COLUMN(COLUMN_INTEGER, NmaReservation, name, resources.amount[which])

static const Column reservation_columns[] = {
    RESERVATION(COLUMN_UUID, instance_uuid),
    RESERVATION(COLUMN_UUID_OR_EMPTY, migration_uuid),
    RESERVATION(COLUMN_TEXT, source),
    AMOUNT("memory_bytes", NMA_AMOUNT_MEMORY),
    AMOUNT("vcpus", NMA_AMOUNT_VCPUS),
    AMOUNT("disk_bytes", NMA_AMOUNT_DISK),
    AMOUNT("ports", NMA_AMOUNT_PORTS),
    COLUMN(COLUMN_CORES, NmaReservation, "cores", resources.cores),
    COLUMN(COLUMN_PAGES, NmaReservation, "pages", resources),
    RESERVATION(COLUMN_INTEGER, resident_bytes),
    WORDS(NmaReservation, "state", state, reservation_word, NMA_N_RESERVATION_STATES),
    RESERVATION(COLUMN_INTEGER, created_wall_us),
    RESERVATION(COLUMN_INTEGER, expires_boot_us),
};

#define OUTCOME(type, member) COLUMN(type, NmaOutcome, #member, member)
#define PREDICTION(name, which)                                                                    \
    WORDS(NmaOutcome, name "_verdict", predictions[which].verdict, verdict_word, NMA_N_FORECASTS), \
        COLUMN(COLUMN_INTEGER, NmaOutcome, name "_at_ms", predictions[which].at_ms),               \
        COLUMN(COLUMN_INTEGER, NmaOutcome, name "_lasts_low_ms", predictions[which].lasts_ms.low), \
        COLUMN(COLUMN_INTEGER, NmaOutcome, name "_lasts_high_ms",                                  \
               predictions[which].lasts_ms.high),                                                  \
        COLUMN(COLUMN_INTEGER, NmaOutcome, name "_downtime_low_ms",                                \
               predictions[which].downtime_ms.low),                                                \
        COLUMN(COLUMN_INTEGER, NmaOutcome, name "_downtime_high_ms",                               \
               predictions[which].downtime_ms.high),                                               \
        COLUMN(COLUMN_INTEGER, NmaOutcome, name "_expected_ms", predictions[which].expected_ms),   \
        WORDS(NmaOutcome, name "_score", predictions[which].score, score_word, NMA_N_SCORES)

static const Column outcome_columns[] = {
    OUTCOME(COLUMN_UUID, attempt_id),
    OUTCOME(COLUMN_UUID, instance_uuid),
    COLUMN(COLUMN_TEXT, NmaOutcome, "destination_host", destination),
    OUTCOME(COLUMN_INTEGER, ended_wall_us),
    WORDS(NmaOutcome, "ended_as", end, end_word, NMA_N_OUTCOME_ENDS),
    OUTCOME(COLUMN_BOOL, forced),
    OUTCOME(COLUMN_BOOL, post_copy),
    OUTCOME(COLUMN_INTEGER, memory_bytes),
    OUTCOME(COLUMN_INTEGER, nonzero_bytes),
    OUTCOME(COLUMN_INTEGER, bandwidth_bytes_s),
    OUTCOME(COLUMN_INTEGER, lasted_ms),
    OUTCOME(COLUMN_INTEGER, downtime_ms),
    OUTCOME(COLUMN_INTEGER, fixed_cost_ms),
    OUTCOME(COLUMN_INTEGER, max_downtime_ms),
    PREDICTION("before", NMA_PREDICTED_BEFORE),
    PREDICTION("first", NMA_PREDICTED_FIRST),
    PREDICTION("last", NMA_PREDICTED_LAST),
};

G_STATIC_ASSERT(offsetof(NmaSource, base) == 0 && offsetof(NmaDestination, base) == 0);

/* A table holds its parts' columns one after the other. */
typedef struct {
    const char *name;
    const char *order;
    struct {
        const Column *columns;
        guint n;
    } parts[2];
} Table;

#define PART(columns)                                                                              \
    {                                                                                              \
        columns, G_N_ELEMENTS(columns)                                                             \
    }

static const Table source_table = { "source",
                                    "opened_wall_us, attempt_id",
                                    { PART(migration_columns), PART(source_columns) } };
static const Table destination_table = {
    "destination",
    "opened_wall_us, attempt_id",
    { PART(migration_columns), PART(destination_columns) },
};
static const Table reservation_table = { "reservation",
                                         "created_wall_us, instance_uuid",
                                         { PART(reservation_columns) } };

static const Table outcome_table = { "history",
                                     "ended_wall_us, attempt_id",
                                     { PART(outcome_columns) } };

static const Column *
column_at(const Table *table, guint i)
{
    return i < table->parts[0].n ? &table->parts[0].columns[i]
           : i < table->parts[0].n + table->parts[1].n
               ? &table->parts[1].columns[i - table->parts[0].n]
               : NULL;
}

/* ---- statements ---- */

static char *
column_names(const Table *table, gboolean as_parameters)
{
    GString *names = g_string_new(NULL);
    const Column *column;

    for (guint i = 0; (column = column_at(table, i)) != NULL; i++) {
        g_string_append(names, i == 0 ? "" : ", ");
        g_string_append(names, as_parameters ? "?" : column->name);
    }
    return g_string_free(names, FALSE);
}

static char *
put_sql(const Table *table)
{
    g_autofree char *names = column_names(table, FALSE);
    g_autofree char *parameters = column_names(table, TRUE);

    return g_strdup_printf("INSERT OR REPLACE INTO %s (%s) VALUES (%s)", table->name, names,
                           parameters);
}

static char *
load_sql(const Table *table)
{
    g_autofree char *names = column_names(table, FALSE);

    return g_strdup_printf("SELECT %s FROM %s ORDER BY %s", names, table->name, table->order);
}

char *
nma_rows_sql(NmaSql which)
{
    switch (which) {
    case NMA_SQL_PUT_SOURCE:
        return put_sql(&source_table);
    case NMA_SQL_PUT_DESTINATION:
        return put_sql(&destination_table);
    case NMA_SQL_PUT_RESERVATION:
        return put_sql(&reservation_table);
    case NMA_SQL_PUT_OUTCOME:
        return put_sql(&outcome_table);
    case NMA_SQL_LOAD_OUTCOMES:
        return load_sql(&outcome_table);
    case NMA_SQL_LOAD_SOURCES:
        return load_sql(&source_table);
    case NMA_SQL_LOAD_DESTINATIONS:
        return load_sql(&destination_table);
    case NMA_SQL_LOAD_RESERVATIONS:
        return load_sql(&reservation_table);
    default:
        g_return_val_if_reached(NULL);
    }
}

/* ---- writing ---- */

static void
bind(sqlite3_stmt *statement, int i, const Column *column, gconstpointer object)
{
    gconstpointer member = (const char *)object + column->offset;

    switch (column->type) {
    case COLUMN_INTEGER:
        sqlite3_bind_int64(statement, i, *(const gint64 *)member);
        break;
    case COLUMN_BOOL:
        sqlite3_bind_int(statement, i, *(const gboolean *)member != FALSE);
        break;
    case COLUMN_COUNT:
        sqlite3_bind_int64(statement, i, *(const guint *)member);
        break;
    case COLUMN_UUID:
    case COLUMN_UUID_OR_EMPTY:
        sqlite3_bind_text(statement, i, member, -1, SQLITE_STATIC);
        break;
    case COLUMN_TEXT:
        sqlite3_bind_text(statement, i, *(char *const *)member, -1, SQLITE_STATIC);
        break;
    case COLUMN_WORD:
        sqlite3_bind_text(statement, i, column->word(*(const guint *)member), -1, SQLITE_STATIC);
        break;
    case COLUMN_CORES:
        sqlite3_bind_text(statement, i, nma_cores_to_string(member), -1, g_free);
        break;
    case COLUMN_PAGES:
        sqlite3_bind_text(statement, i, nma_pages_to_string(member), -1, g_free);
        break;
    }
}

static gboolean
put(NmaStore *store, NmaSql which, const Table *table, gconstpointer object, GError **error)
{
    sqlite3_stmt *statement = nma_store_sql(store, which);
    const Column *column;

    for (guint i = 0; (column = column_at(table, i)) != NULL; i++) {
        bind(statement, (int)i + 1, column, object);
    }
    return nma_store_run(store, statement, "saving", error);
}

gboolean
nma_store_put_source(NmaStore *store, const NmaSource *source, GError **error)
{
    return put(store, NMA_SQL_PUT_SOURCE, &source_table, source, error);
}

gboolean
nma_store_put_destination(NmaStore *store, const NmaDestination *destination, GError **error)
{
    return put(store, NMA_SQL_PUT_DESTINATION, &destination_table, destination, error);
}

gboolean
nma_store_put_reservation(NmaStore *store, const NmaReservation *reservation, GError **error)
{
    return put(store, NMA_SQL_PUT_RESERVATION, &reservation_table, reservation, error);
}

gboolean
nma_rows_put_outcome(NmaStore *store, const NmaOutcome *outcome, GError **error)
{
    return put(store, NMA_SQL_PUT_OUTCOME, &outcome_table, outcome, error);
}

/* ---- reading ---- */

static gboolean
read_uuid(const char *text, gboolean may_be_empty, char *uuid)
{
    if (text == NULL || !(nma_uuid_is_valid(text) || (may_be_empty && *text == '\0'))) {
        return FALSE;
    }
    g_strlcpy(uuid, text, NMA_UUID_LEN + 1);
    return TRUE;
}

static gboolean
read_word(const char *text, const Column *column, guint *value)
{
    for (guint i = 0; text != NULL && i < column->n_words; i++) {
        if (strcmp(text, column->word(i)) == 0) {
            *value = i;
            return TRUE;
        }
    }
    return FALSE;
}

/* FALSE when the value is none that we write */
static gboolean
read_column(sqlite3_stmt *statement, int i, const Column *column, gpointer object)
{
    gpointer member = (char *)object + column->offset;
    const char *text = (const char *)sqlite3_column_text(statement, i);

    switch (column->type) {
    case COLUMN_INTEGER:
        *(gint64 *)member = sqlite3_column_int64(statement, i);
        return TRUE;
    case COLUMN_BOOL:
        *(gboolean *)member = sqlite3_column_int(statement, i) != 0;
        return TRUE;
    case COLUMN_COUNT:
        *(guint *)member = (guint)sqlite3_column_int64(statement, i);
        return TRUE;
    case COLUMN_UUID:
    case COLUMN_UUID_OR_EMPTY:
        return read_uuid(text, column->type == COLUMN_UUID_OR_EMPTY, member);
    case COLUMN_TEXT:
        g_free(*(char **)member);
        *(char **)member = g_strdup(text);
        return TRUE;
    case COLUMN_WORD:
        return read_word(text, column, member);
    case COLUMN_CORES:
        return nma_cores_from_string(text, member);
    case COLUMN_PAGES:
        return nma_pages_from_string(text, member);
    }
    return FALSE;
}

/* What core makes is the start, so that a member that is not saved has the value of a new one. */

static gpointer
new_source(void)
{
    NmaIdentity nobody;

    nma_identity_init(&nobody);
    return nma_source_new(&nobody, "", (NmaNow){ 0, 0 });
}

static gpointer
new_destination(void)
{
    NmaIdentity nobody;

    nma_identity_init(&nobody);
    return nma_destination_new(&nobody, "", (NmaNow){ 0, 0 });
}

static gpointer
new_reservation(void)
{
    return g_new0(NmaReservation, 1);
}

static gpointer
new_outcome(void)
{
    return nma_outcome_new();
}

static gboolean
load(NmaStore *store, NmaSql which, const Table *table, gpointer (*new_object)(void),
     GDestroyNotify free_object, GPtrArray **objects, guint *skipped, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_object);
    sqlite3_stmt *statement = nma_store_sql(store, which);
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        gpointer object = new_object();
        gboolean good = TRUE;
        const Column *column;

        for (guint i = 0; good && (column = column_at(table, i)) != NULL; i++) {
            good = read_column(statement, (int)i, column, object);
        }
        if (good) {
            g_ptr_array_add(found, object);
        } else {
            free_object(object);
            (*skipped)++;
        }
    }
    if (code != SQLITE_DONE) {
        nma_store_set_error(store, "loading", error);
        sqlite3_reset(statement);
        return FALSE;
    }
    sqlite3_reset(statement);
    *objects = g_steal_pointer(&found);
    return TRUE;
}

gboolean
nma_store_load(NmaStore *store, GPtrArray **sources, GPtrArray **destinations,
               GPtrArray **reservations, guint *skipped, GError **error)
{
    g_autoptr(GPtrArray) s = NULL;
    g_autoptr(GPtrArray) d = NULL;
    g_autoptr(GPtrArray) r = NULL;

    *skipped = 0;
    if (!load(store, NMA_SQL_LOAD_SOURCES, &source_table, new_source,
              (GDestroyNotify)nma_source_free, &s, skipped, error) ||
        !load(store, NMA_SQL_LOAD_DESTINATIONS, &destination_table, new_destination,
              (GDestroyNotify)nma_destination_free, &d, skipped, error) ||
        !load(store, NMA_SQL_LOAD_RESERVATIONS, &reservation_table, new_reservation,
              (GDestroyNotify)nma_reservation_free, &r, skipped, error)) {
        return FALSE;
    }
    *sources = g_steal_pointer(&s);
    *destinations = g_steal_pointer(&d);
    *reservations = g_steal_pointer(&r);
    return TRUE;
}

gboolean
nma_rows_load_outcomes(NmaStore *store, GPtrArray **outcomes, guint *skipped, GError **error)
{
    return load(store, NMA_SQL_LOAD_OUTCOMES, &outcome_table, new_outcome,
                (GDestroyNotify)nma_outcome_free, outcomes, skipped, error);
}
