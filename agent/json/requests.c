#include "agent/json/requests.h"

#include <string.h>

#include "agent/json/asking.h"
#include "agent/json/nova_objects.h"
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

/* ---- requests ---- */

static const char *const names[NMA_N_REQUESTS + 1] = {
    [NMA_REQUEST_HELLO] = "hello",
    [NMA_REQUEST_LIST] = "list",
    [NMA_REQUEST_SHOW] = "show",
    [NMA_REQUEST_RESERVATIONS] = "reservations",
    [NMA_REQUEST_SET_MODE] = "set_mode",
    [NMA_REQUEST_AUDIT] = "audit",
    [NMA_REQUEST_CAN_LIVE_MIGRATE] = "can_live_migrate",
    [NMA_REQUEST_RESERVE] = "reserve",
    [NMA_REQUEST_RENEW] = "renew",
    [NMA_REQUEST_RELEASE] = "release",
    [NMA_REQUEST_GUEST_FACTS] = "guest_facts",
    [NMA_REQUEST_FORECAST] = "forecast",
    [NMA_REQUEST_GUESTS] = "guests",
    NULL,
};

static const char *const modes[] = { "observe", "advise", "steer", NULL };

static gboolean
read_hello(const json_t *args, NmaRequest *request, GError **error)
{
    request->caller_wall_us = nma_json_get_int(args, "caller_wall_us", 0, G_MAXINT64);
    return TRUE;
}

static gboolean
read_show(const json_t *args, NmaRequest *request, GError **error)
{
    char uuid[NMA_UUID_LEN + 1];

    if (!nma_json_get_uuid(args, "instance_uuid", uuid)) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "instance_uuid is missing or is no uuid");
        return FALSE;
    }
    request->instance_uuid = g_strdup(uuid);
    return TRUE;
}

static gboolean
read_guest_facts(const json_t *args, NmaRequest *request, GError **error)
{
    if (!read_show(args, request, error)) {
        return FALSE;
    }
    request->address = nma_json_dup_name(args, "address");
    if (request->address == NULL) {
        request->address = nma_json_dup_name(args, "destination");
    }
    if (request->address == NULL) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "neither address nor destination is a name");
        return FALSE;
    }
    /* whoever asks does not choose among the ports of services */
    request->migration_port = MAX(nma_json_get_int(args, "migration_port", 1024, 65535), 0);
    return TRUE;
}

static gboolean
read_set_mode(const json_t *args, NmaRequest *request, GError **error)
{
    const char *mode = json_string_value(json_object_get(args, "mode"));

    if (mode == NULL || !g_strv_contains(modes, mode)) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "mode is none of observe, advise, steer");
        return FALSE;
    }
    request->mode = g_strdup(mode);
    return TRUE;
}

static gboolean
read_forecast(const json_t *args, NmaRequest *request, GError **error)
{
    const json_t *destination = json_object_get(args, "destination");

    request->destination = nma_json_dup_name(args, "destination");
    if (destination != NULL && !json_is_null(destination) && request->destination == NULL) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "destination is no host name");
        return FALSE;
    }
    if (json_is_true(json_object_get(args, "all")))
        return TRUE;
    return read_show(args, request, error);
}

static gboolean
read_ask(const json_t *args, NmaRequest *request, GError **error)
{
    static const NmaAskKind kinds[NMA_N_REQUESTS] = {
        [NMA_REQUEST_CAN_LIVE_MIGRATE] = NMA_ASK_CHECK,
        [NMA_REQUEST_RESERVE] = NMA_ASK_RESERVE,
        [NMA_REQUEST_RENEW] = NMA_ASK_RENEW,
        [NMA_REQUEST_RELEASE] = NMA_ASK_RELEASE,
    };

    request->ask = nma_ask_decode(kinds[request->method], args, error);
    return request->ask != NULL;
}

static gboolean
read_audit(const json_t *args, NmaRequest *request, GError **error)
{
    const json_t *findings = json_object_get(args, "findings");

    if (findings != NULL && !json_is_boolean(findings)) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "findings is no boolean");
        return FALSE;
    }
    request->with_findings = !json_is_false(findings);
    return TRUE;
}

/* what a method's arguments are; NULL: it has none */
static gboolean (*const readers[NMA_N_REQUESTS])(const json_t *, NmaRequest *, GError **) = {
    [NMA_REQUEST_HELLO] = read_hello,       [NMA_REQUEST_SHOW] = read_show,
    [NMA_REQUEST_SET_MODE] = read_set_mode, [NMA_REQUEST_GUEST_FACTS] = read_guest_facts,
    [NMA_REQUEST_AUDIT] = read_audit,       [NMA_REQUEST_CAN_LIVE_MIGRATE] = read_ask,
    [NMA_REQUEST_RESERVE] = read_ask,       [NMA_REQUEST_RENEW] = read_ask,
    [NMA_REQUEST_RELEASE] = read_ask,       [NMA_REQUEST_FORECAST] = read_forecast,
};

const char *const *
nma_request_names(void)
{
    return names;
}

json_t *
nma_request_hello_args(gint64 caller_wall_us)
{
    return json_pack("{s:I}", "caller_wall_us", (json_int_t)caller_wall_us);
}

json_t *
nma_request_audit_args(gboolean with_findings)
{
    return json_pack("{s:b}", "findings", with_findings);
}

NmaRequest *
nma_request_decode(const char *method, const json_t *args, GError **error)
{
    g_autoptr(NmaRequest) request = NULL;
    guint i = 0;

    while (i < NMA_N_REQUESTS && g_strcmp0(method, names[i]) != 0) {
        i++;
    }
    if (i == NMA_N_REQUESTS) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "no such method");
        return NULL;
    }
    request = g_new0(NmaRequest, 1);
    request->method = (NmaRequestMethod)i;
    request->caller_wall_us = NMA_UNKNOWN;
    if (readers[i] != NULL && !readers[i](args, request, error)) {
        return NULL;
    }
    return g_steal_pointer(&request);
}

void
nma_request_free(NmaRequest *request)
{
    if (request == NULL) {
        return;
    }
    g_free(request->instance_uuid);
    g_free(request->destination);
    g_free(request->mode);
    g_free(request->address);
    nma_ask_free(request->ask);
    g_free(request);
}

/* ---- results ---- */

json_t *
nma_result_hello(const char *host, const char *version, const char *mode, gint64 wall_us)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I}", "host", host, "version", version, "rpc_version",
                     NMA_RPC_VERSION, "mode", mode, "wall_us", (json_int_t)wall_us);
}

json_t *
nma_result_set_mode(const char *mode)
{
    return json_pack("{s:s}", "mode", mode);
}

static json_t *
migration_to_value(const NmaMigration *migration)
{
    json_t *value = json_object();
    gboolean final = migration->stats.downtime_net_ms != NMA_UNKNOWN;

    nma_identity_to_object(&migration->identity, value);
    json_object_set_new(value, "role", json_string(nma_role_to_string(migration->role)));
    json_object_set_new(value, "attempt_id", json_string(migration->attempt_id));
    json_object_set_new(value, "phase", json_string(nma_phase_to_string(migration->phase)));
    json_object_set_new(value, "phase_open", json_boolean(migration->phase_open));
    json_object_set_new(value, "step", nma_json_text(nma_step_to_string(migration->step)));
    json_object_set_new(value, "sequence", json_integer((json_int_t)migration->sequence));
    json_object_set_new(value, "opened_at", nma_json_time(migration->opened_wall_us));
    json_object_set_new(value, "last_seen_at", nma_json_time(migration->last_seen_wall_us));
    json_object_set_new(value, "blind", json_boolean(migration->blind));
    json_object_set_new(value, "guest",
                        nma_guest_to_value(migration->guest_place, migration->guest_state));
    json_object_set_new(value, "cause", nma_json_text(nma_cause_to_string(migration->cause)));
    json_object_set_new(value, "nova_status", nma_json_text(migration->nova_status));
    json_object_set_new(value, "statistics",
                        migration->has_stats ? nma_statistics_to_value(&migration->stats, final)
                                             : json_null());
    return value;
}

typedef struct {
    json_t *list;
    const char *instance_uuid; /* NULL: all */
} MigrationList;

static void
add_migration(const NmaMigration *migration, gpointer user_data)
{
    MigrationList *wanted = user_data;

    if (wanted->instance_uuid == NULL ||
        g_ascii_strcasecmp(wanted->instance_uuid, migration->identity.instance_uuid) == 0) {
        json_array_append_new(wanted->list, migration_to_value(migration));
    }
}

static json_t *
list_migrations(const NmaHost *host, const char *instance_uuid)
{
    MigrationList wanted = { json_array(), instance_uuid };

    nma_host_foreach_migration(host, add_migration, &wanted);
    return wanted.list;
}

json_t *
nma_result_list(const NmaHost *host)
{
    return json_pack("{s:o}", "migrations", list_migrations(host, NULL));
}

json_t *
nma_result_show(const NmaHost *host, const char *instance_uuid)
{
    json_t *list = list_migrations(host, instance_uuid);

    if (json_array_size(list) == 0) {
        json_decref(list);
        return json_null();
    }
    return json_pack("{s:s, s:o}", "instance_uuid", instance_uuid, "migrations", list);
}

typedef struct {
    json_t *list;
    NmaNow now;
} ReservationList;

static void
add_reservation(NmaReservation *reservation, gpointer user_data)
{
    const ReservationList *wanted = user_data;

    if (nma_reservation_is_live(reservation)) {
        json_array_append_new(wanted->list, nma_reservation_to_value(reservation, wanted->now));
    }
}

json_t *
nma_result_reservations(const NmaHost *host, NmaNow now)
{
    const NmaLedger *ledger = nma_host_ledger(host);
    ReservationList wanted = { json_array(), now };

    nma_ledger_foreach(ledger, add_reservation, &wanted);
    return json_pack("{s:o, s:I}", "reservations", wanted.list, "promised_bytes",
                     (json_int_t)nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, NULL));
}

gboolean
nma_hello_answer_decode(const json_t *result, gint64 sent_wall_us, gint64 received_wall_us,
                        gint64 *offset_ms, gint64 *error_ms)
{
    gint64 theirs = nma_json_get_int(result, "wall_us", 1, G_MAXINT64 / 4);
    gint64 round_trip_us = received_wall_us - sent_wall_us;

    /* our own clock was set back meanwhile */
    if (theirs == NMA_UNKNOWN || round_trip_us < 0) {
        return FALSE;
    }
    *offset_ms = (theirs - (sent_wall_us + round_trip_us / 2)) / NMA_US_PER_MS;
    *error_ms = (round_trip_us / 2 + NMA_US_PER_MS - 1) / NMA_US_PER_MS;
    return TRUE;
}
