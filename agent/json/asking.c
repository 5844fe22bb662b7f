#include "agent/json/asking.h"

#include "agent/json/nova_objects.h"
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

#define MIB          G_GINT64_CONSTANT(1048576)
#define MAX_MIB      (G_GINT64_CONSTANT(1) << 30) /* 1 PiB, as of Nova's own figures */
#define MAX_BYTES    (G_GINT64_CONSTANT(1) << 60)
#define MAX_VCPUS    65536
#define MAX_NODE     1023
#define MAX_PAGE_KIB (G_GINT64_CONSTANT(1) << 30)
#define MAX_PAGES    (G_GINT64_CONSTANT(1) << 40)
#define MAX_PORTS    65535

/* ---- arguments ---- */

static gboolean
wrong(GError **error, const char *text)
{
    g_set_error_literal(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, text);
    return FALSE;
}

/* TRUE also where it is missing: then the number is unknown */
static gboolean
read_number(const json_t *object, const char *key, gint64 least, gint64 most, gint64 *number)
{
    const json_t *value = json_object_get(object, key);

    *number = nma_json_get_int(object, key, least, most);
    return value == NULL || json_is_null(value) || *number != NMA_UNKNOWN;
}

static gboolean
read_pages(const json_t *list, NmaResources *resources, GError **error)
{
    const json_t *value;
    gsize i;

    if (list == NULL || json_is_null(list)) {
        return TRUE;
    }
    if (!json_is_array(list) || json_array_size(list) > NMA_MAX_PAGES) {
        return wrong(error, "resources.huge_pages is no list, or too long a one");
    }
    json_array_foreach(list, i, value)
    {
        NmaPages *pages = &resources->pages[resources->n_pages];
        gint64 size_kib = nma_json_get_int(value, "size_kib", 1, MAX_PAGE_KIB);

        if (size_kib < 0 || !read_number(value, "node", 0, MAX_NODE, &pages->node)) {
            return wrong(error, "resources.huge_pages: size_kib or node is wrong");
        }
        pages->size_bytes = size_kib * 1024;
        pages->count = nma_json_get_int(value, "pages", 1, MAX_PAGES);
        if (pages->count < 0) {
            return wrong(error, "resources.huge_pages: pages is wrong");
        }
        resources->n_pages++;
    }
    resources->pages_known = TRUE;
    return TRUE;
}

static gboolean
read_resources(const json_t *object, NmaResources *resources, GError **error)
{
    const json_t *cores = json_object_get(object, "cores");
    gint64 *amount = resources->amount;
    gint64 memory_mib;

    if (!json_is_object(object)) {
        return wrong(error, "resources is no object");
    }
    memory_mib = nma_json_get_int(object, "memory_mib", 1, MAX_MIB);
    if (memory_mib < 0) {
        return wrong(error, "resources.memory_mib is missing or no size");
    }
    if (!read_number(object, "vcpus", 1, MAX_VCPUS, &amount[NMA_AMOUNT_VCPUS]) ||
        !read_number(object, "disk_bytes", 0, MAX_BYTES, &amount[NMA_AMOUNT_DISK]) ||
        !read_number(object, "ports", 0, MAX_PORTS, &amount[NMA_AMOUNT_PORTS])) {
        return wrong(error, "resources: vcpus, disk_bytes or ports is no such number");
    }
    if (cores != NULL && !json_is_null(cores) &&
        !nma_cores_from_string(json_string_value(cores), &resources->cores)) {
        return wrong(error, "resources.cores is no list of cores, e.g. \"0-3,8\"");
    }
    if (!read_pages(json_object_get(object, "huge_pages"), resources, error)) {
        return FALSE;
    }
    amount[NMA_AMOUNT_MEMORY] = MAX(memory_mib * MIB - nma_pages_bytes(resources), 0);
    return TRUE;
}

NmaAsk *
nma_ask_decode(NmaAskKind kind, const json_t *args, GError **error)
{
    const json_t *resources = json_object_get(args, "resources");
    char uuid[NMA_UUID_LEN + 1];
    g_autoptr(NmaAsk) ask = NULL;

    if (!nma_json_get_uuid(args, "instance_uuid", uuid)) {
        wrong(error, "instance_uuid is missing or is no uuid");
        return NULL;
    }
    ask = nma_ask_new(kind, uuid);
    nma_json_get_uuid(args, "migration_uuid", ask->migration_uuid);
    ask->source = nma_json_dup_name(args, "source");
    if (resources != NULL && !json_is_null(resources)) {
        if (!read_resources(resources, &ask->resources, error)) {
            return NULL;
        }
        ask->sized = TRUE;
    }
    return g_steal_pointer(&ask);
}

static json_t *
pages_to_value(const NmaResources *resources)
{
    json_t *list = json_array();

    for (guint i = 0; i < resources->n_pages; i++) {
        const NmaPages *pages = &resources->pages[i];

        json_array_append_new(list,
                              json_pack("{s:o, s:I, s:I}", "node", nma_json_integer(pages->node),
                                        "size_kib", (json_int_t)(pages->size_bytes / 1024), "pages",
                                        (json_int_t)pages->count));
    }
    return list;
}

json_t *
nma_ask_encode(const NmaAsk *ask)
{
    json_t *args = json_pack("{s:s, s:o}", "instance_uuid", ask->instance_uuid, "migration_uuid",
                             nma_json_text(ask->migration_uuid));

    if (ask->kind == NMA_ASK_RENEW || ask->kind == NMA_ASK_RELEASE) {
        return args;
    }
    json_object_set_new(args, "source", nma_json_text(ask->source));
    if (ask->sized) {
        const NmaResources *resources = &ask->resources;
        gint64 memory =
            nma_add_sizes(MAX(resources->amount[NMA_AMOUNT_MEMORY], 0), nma_pages_bytes(resources));
        g_autofree char *cores = nma_cores_to_string(&resources->cores);

        json_object_set_new(
            args, "resources",
            json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "memory_mib",
                      (json_int_t)(memory / MIB + (memory % MIB != 0)), "vcpus",
                      nma_json_integer(resources->amount[NMA_AMOUNT_VCPUS]), "disk_bytes",
                      nma_json_integer(resources->amount[NMA_AMOUNT_DISK]), "ports",
                      nma_json_integer(resources->amount[NMA_AMOUNT_PORTS]), "cores",
                      nma_json_text(cores), "huge_pages",
                      resources->pages_known ? pages_to_value(resources) : json_null()));
    }
    return args;
}

/* ---- results ---- */

json_t *
nma_reservation_to_value(const NmaReservation *reservation, NmaNow now)
{
    const NmaResources *resources = &reservation->resources;
    g_autofree char *cores = nma_cores_to_string(&resources->cores);
    gint64 left_us = reservation->expires_boot_us - now.boot_us;
    json_t *value = json_object();

    json_object_set_new(value, "instance_uuid", json_string(reservation->instance_uuid));
    json_object_set_new(value, "migration_uuid", nma_json_text(reservation->migration_uuid));
    json_object_set_new(value, "source", nma_json_text(reservation->source));
    json_object_set_new(value, "state",
                        json_string(nma_reservation_state_to_string(reservation->state)));
    json_object_set_new(value, "memory_bytes",
                        nma_json_integer(resources->amount[NMA_AMOUNT_MEMORY]));
    json_object_set_new(value, "resident_bytes", nma_json_integer(reservation->resident_bytes));
    json_object_set_new(value, "vcpus", nma_json_integer(resources->amount[NMA_AMOUNT_VCPUS]));
    json_object_set_new(value, "disk_bytes", nma_json_integer(resources->amount[NMA_AMOUNT_DISK]));
    json_object_set_new(value, "ports", nma_json_integer(resources->amount[NMA_AMOUNT_PORTS]));
    json_object_set_new(value, "cores", nma_json_text(cores));
    json_object_set_new(value, "huge_pages", pages_to_value(resources));
    json_object_set_new(value, "created_at", nma_json_time(reservation->created_wall_us));
    json_object_set_new(value, "expires_in_s",
                        reservation->expires_boot_us == NMA_NEVER
                            ? json_null()
                            : json_integer(MAX(left_us, 0) / NMA_US_PER_S));
    return value;
}

json_t *
nma_answer_to_value(const NmaAnswer *answer, const char *host, NmaNow now)
{
    static const char *const granted[NMA_N_ASKS] = {
        [NMA_ASK_CHECK] = "possible",
        [NMA_ASK_RESERVE] = "reserved",
        [NMA_ASK_RENEW] = "renewed",
        [NMA_ASK_RELEASE] = "released",
    };
    g_autofree char *text = nma_clean_text(answer->text, NMA_TEXT_MAX_BYTES);
    json_t *value = json_object();

    json_object_set_new(value, "host", nma_json_text(host));
    json_object_set_new(value, "instance_uuid", json_string(answer->instance_uuid));
    json_object_set_new(value, granted[answer->kind], json_boolean(answer->granted));
    json_object_set_new(value, "reason", json_string(nma_reason_to_string(answer->reason)));
    json_object_set_new(value, "reason_text", nma_json_text(text));
    if (answer->kind == NMA_ASK_CHECK || answer->kind == NMA_ASK_RESERVE) {
        json_object_set_new(value, "verdict", json_string(nma_verdict_to_string(answer->verdict)));
        json_object_set_new(value, "checks", nma_checks_to_value(answer->checks));
    }
    json_object_set_new(value, "reservation",
                        answer->reservation != NULL
                            ? nma_reservation_to_value(answer->reservation, now)
                            : json_null());
    return value;
}

/* The reason is one of its checks', and not that it cannot say. */
static gboolean
is_of_a_check(const json_t *checks, const char *reason)
{
    const json_t *check;
    gsize i;

    json_array_foreach(checks, i, check)
    {
        if (g_strcmp0(json_string_value(json_object_get(check, "verdict")), "refused") == 0 &&
            g_strcmp0(json_string_value(json_object_get(check, "reason")), reason) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
nma_reserved_decode(const json_t *result, NmaPeerReservation *reserved)
{
    const json_t *granted = json_object_get(result, "reserved");
    const char *reason = json_string_value(json_object_get(result, "reason"));

    if (!json_is_boolean(granted)) {
        return FALSE;
    }
    reserved->state = json_is_true(granted) ? NMA_RESERVED_GRANTED : NMA_RESERVED_REFUSED;
    reserved->checked =
        !json_is_true(granted) && is_of_a_check(json_object_get(result, "checks"), reason);
    if (!nma_reason_from_string(reason, &reserved->reason)) {
        reserved->reason = NMA_REASON_UNRECOGNIZED;
    }
    reserved->text = nma_json_dup_text(result, "reason_text", NMA_TEXT_MAX_BYTES);
    return TRUE;
}

json_t *
nma_result_guest(const char *instance_uuid, gint64 memory_bytes, gint64 vcpus)
{
    if (memory_bytes < 0) {
        return json_null();
    }
    return json_pack("{s:s, s:I, s:o}", "instance_uuid", instance_uuid, "memory_bytes",
                     (json_int_t)memory_bytes, "vcpus", nma_json_integer(vcpus));
}

gboolean
nma_guest_decode(const json_t *result, NmaResources *resources)
{
    gint64 memory = nma_json_get_int(result, "memory_bytes", 1, MAX_MIB * MIB);

    if (memory < 0) {
        return FALSE;
    }
    nma_resources_clear(resources);
    resources->amount[NMA_AMOUNT_MEMORY] = memory;
    resources->amount[NMA_AMOUNT_VCPUS] = nma_json_get_int(result, "vcpus", 1, MAX_VCPUS);
    return TRUE;
}
