/* The agent's own RPC methods: arguments in, the peer's clock out. Results against their schema:
 * tests/integration/test_schemas.py. */
#include "agent/json/requests.h"

#include <string.h>

#include "agent/json/asking.h"
#include "agent/json/nova_objects.h"
#include "tests/unit/tap.h"

#define INSTANCE "11111111-2222-4333-8444-555555555555"

static NmaRequest *
decode(const char *method, json_t *args, GError **error)
{
    NmaRequest *request = nma_request_decode(method, args, error);

    json_decref(args);
    return request;
}

static void
test_good(void)
{
    g_autoptr(NmaRequest) hello = decode("hello", nma_request_hello_args(12), NULL);
    g_autoptr(NmaRequest) bare_hello = decode("hello", json_object(), NULL);
    g_autoptr(NmaRequest) list = decode("list", json_pack("{s:i}", "later", 1), NULL);
    g_autoptr(NmaRequest) show =
        decode("show", json_pack("{s:s}", "instance_uuid", INSTANCE), NULL);
    g_autoptr(NmaRequest) facts = decode(
        "guest_facts",
        json_pack("{s:s, s:s, s:n, s:i}", "instance_uuid", "11111111-2222-4333-8444-555555555555",
                  "destination", "host-b", "address", "migration_port", 22),
        NULL);
    g_assert_cmpstr(facts->address, ==, "host-b");
    g_assert_cmpint(facts->migration_port, ==, 0); /* a service's, and none of QEMU's */
    g_autoptr(NmaRequest) mode = decode("set_mode", json_pack("{s:s}", "mode", "observe"), NULL);
    g_autoptr(NmaRequest) audit = decode("audit", json_object(), NULL);
    g_autoptr(NmaRequest) values = decode("audit", nma_request_audit_args(FALSE), NULL);

    g_assert_cmpint(audit->method, ==, NMA_REQUEST_AUDIT);
    g_assert_true(audit->with_findings);
    g_assert_false(values->with_findings);
    g_assert_cmpint(hello->method, ==, NMA_REQUEST_HELLO);
    g_assert_cmpint(hello->caller_wall_us, ==, 12);
    g_assert_cmpint(bare_hello->caller_wall_us, ==, NMA_UNKNOWN);
    g_assert_cmpint(list->method, ==, NMA_REQUEST_LIST);
    g_assert_cmpstr(show->instance_uuid, ==, INSTANCE);
    g_assert_cmpstr(mode->mode, ==, "observe");
}

static void
test_names(void)
{
    const char *const *names = nma_request_names();

    for (guint i = 0; i < NMA_N_REQUESTS; i++) {
        g_assert_nonnull(names[i]);
    }
    g_assert_null(names[NMA_N_REQUESTS]);
}

static void
test_bad(void)
{
    const struct {
        const char *method;
        json_t *args;
        const char *said;
    } bad[] = {
        { "show", json_object(), "instance_uuid" },
        { "show", json_pack("{s:s}", "instance_uuid", "SECRET"), "instance_uuid" },
        { "show", json_pack("[s]", "instance_uuid"), "instance_uuid" },
        { "set_mode", json_pack("{s:i}", "mode", 1), "mode" },
        { "set_mode", json_pack("{s:s}", "mode", "SECRET"), "mode" },
        { "forecast", json_object(), "instance_uuid" },
        { "forecast", json_pack("{s:b, s:s}", "all", 0, "instance_uuid", "x"), "instance_uuid" },
        { "forecast", json_pack("{s:b, s:s}", "all", 1, "destination", "SECRET host"),
          "destination" },
        { "audit", json_pack("{s:s}", "findings", "SECRET"), "findings" },
        { "reboot", json_object(), "no such method" },
        { NULL, json_object(), "no such method" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(decode(bad[i].method, bad[i].args, &error));
        g_assert_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED);
        g_assert_nonnull(strstr(error->message, bad[i].said));
        g_assert_null(strstr(error->message, "SECRET"));
    }
}

static void
test_forecast(void)
{
    g_autoptr(NmaRequest) one =
        decode("forecast",
               json_pack("{s:s, s:s}", "instance_uuid", "0F7C2F7A-5C2B-4D1E-9A55-0A1B2C3D4E5F",
                         "destination", "host-b"),
               NULL);
    g_autoptr(NmaRequest) all =
        decode("forecast", json_pack("{s:b, s:n}", "all", 1, "destination"), NULL);

    g_assert_cmpstr(one->instance_uuid, ==, "0f7c2f7a-5c2b-4d1e-9a55-0a1b2c3d4e5f");
    g_assert_cmpstr(one->destination, ==, "host-b");
    g_assert_null(all->instance_uuid);
    g_assert_null(all->destination);
}

static void
test_hello_answer(void)
{
    json_t *answer = nma_result_hello("host-b", "1.2.3", "advise", 5000000);
    gint64 offset_ms = 7, error_ms = 7;

    /* asked at 1.000 s, answered at 1.101 s; theirs is 5 s: 3949.5 ms ahead, give or take 50.5 */
    g_assert_true(nma_hello_answer_decode(answer, 1000000, 1101000, &offset_ms, &error_ms));
    g_assert_cmpint(offset_ms, ==, 3949);
    g_assert_cmpint(error_ms, ==, 51);
    /* behind ours */
    g_assert_true(nma_hello_answer_decode(answer, 8000000, 8000000, &offset_ms, &error_ms));
    g_assert_cmpint(offset_ms, ==, -3000);
    g_assert_cmpint(error_ms, ==, 0);
    /* our clock was set back while we waited */
    g_assert_false(nma_hello_answer_decode(answer, 9000000, 8000000, &offset_ms, &error_ms));
    g_assert_cmpint(offset_ms, ==, -3000);
    json_decref(answer);

    g_assert_false(nma_hello_answer_decode(NULL, 1, 2, &offset_ms, &error_ms));
    answer = json_pack("{s:s}", "wall_us", "12");
    g_assert_false(nma_hello_answer_decode(answer, 1, 2, &offset_ms, &error_ms));
    json_decref(answer);
}

/* ---- questions about guests that are to come ---- */

static void
test_ask(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaRequest) request = decode(
        "reserve",
        json_pack("{s:s, s:s, s:s, s:{s:i, s:i, s:I, s:i, s:s, s:[{s:i, s:i}, {s:i, s:i, s:i}]}}",
                  "instance_uuid", INSTANCE, "migration_uuid",
                  "99999999-2222-4333-8444-555555555555", "source", "host-b", "resources",
                  "memory_mib", 4096, "vcpus", 3, "disk_bytes", (json_int_t)1 << 40, "ports", 2,
                  "cores", "4-6", "huge_pages", "size_kib", 2048, "pages", 512, "node", 1,
                  "size_kib", 1048576, "pages", 1),
        &error);
    json_t *args;

    g_assert_no_error(error);
    for (guint i = 0; i < 2; i++) { /* and once more, from what we would send */
        const NmaResources *resources = &request->ask->resources;

        g_assert_cmpint(request->ask->kind, ==, NMA_ASK_RESERVE);
        g_assert_cmpstr(request->ask->instance_uuid, ==, INSTANCE);
        g_assert_cmpstr(request->ask->source, ==, "host-b");
        g_assert_true(request->ask->sized);
        /* 4 GiB, less 1 GiB in small huge pages and 1 GiB in a large one */
        g_assert_cmpint(resources->amount[NMA_AMOUNT_MEMORY], ==, G_GINT64_CONSTANT(2) << 30);
        g_assert_cmpint(resources->amount[NMA_AMOUNT_VCPUS], ==, 3);
        g_assert_cmpint(resources->amount[NMA_AMOUNT_DISK], ==, G_GINT64_CONSTANT(1) << 40);
        g_assert_cmpint(resources->amount[NMA_AMOUNT_PORTS], ==, 2);
        g_assert_cmpuint(nma_cores_count(&resources->cores), ==, 3);
        g_assert_cmpuint(resources->n_pages, ==, 2);
        g_assert_cmpint(resources->pages[0].node, ==, NMA_ANY_NODE);
        g_assert_cmpint(resources->pages[1].node, ==, 1);
        g_assert_cmpint(resources->pages[1].size_bytes, ==, 1 << 30);
        args = nma_ask_encode(request->ask);
        g_clear_pointer(&request, nma_request_free);
        request = decode("reserve", args, &error);
        g_assert_no_error(error);
    }
}

static void
test_ask_without_size(void)
{
    g_autoptr(NmaRequest) check =
        decode("can_live_migrate", json_pack("{s:s}", "instance_uuid", INSTANCE), NULL);
    g_autoptr(NmaRequest) release =
        decode("release", json_pack("{s:s, s:n}", "instance_uuid", INSTANCE, "resources"), NULL);

    g_assert_cmpint(check->ask->kind, ==, NMA_ASK_CHECK);
    g_assert_false(check->ask->sized);
    g_assert_null(check->ask->source);
    g_assert_cmpint(release->ask->kind, ==, NMA_ASK_RELEASE);
}

static void
test_bad_ask(void)
{
    static const struct {
        const char *resources, *said;
    } bad[] = {
        { "[]", "resources" },
        { "\"SECRET\"", "resources" },
        { "{}", "memory_mib" },
        { "{\"memory_mib\": 0}", "memory_mib" },
        { "{\"memory_mib\": 9999999999}", "memory_mib" },
        { "{\"memory_mib\": \"SECRET\"}", "memory_mib" },
        { "{\"memory_mib\": 1, \"vcpus\": -1}", "vcpus" },
        { "{\"memory_mib\": 1, \"disk_bytes\": -1}", "disk_bytes" },
        { "{\"memory_mib\": 1, \"ports\": 70000}", "ports" },
        { "{\"memory_mib\": 1, \"cores\": \"SECRET\"}", "cores" },
        { "{\"memory_mib\": 1, \"cores\": 5}", "cores" },
        { "{\"memory_mib\": 1, \"huge_pages\": {}}", "huge_pages" },
        { "{\"memory_mib\": 1, \"huge_pages\": [5]}", "huge_pages" },
        { "{\"memory_mib\": 1, \"huge_pages\": [{\"size_kib\": 4}]}", "pages" },
        { "{\"memory_mib\": 1, \"huge_pages\": [{\"size_kib\": 4, \"pages\": 1, \"node\": -2}]}",
          "node" },
        { "{\"memory_mib\": 1, \"huge_pages\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
          "huge_pages" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        json_t *resources = json_loads(bad[i].resources, JSON_DECODE_ANY, NULL);

        g_assert_nonnull(resources);
        g_assert_null(decode(
            "reserve", json_pack("{s:s, s:o}", "instance_uuid", INSTANCE, "resources", resources),
            &error));
        g_assert_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED);
        g_assert_nonnull(strstr(error->message, bad[i].said));
        g_assert_null(strstr(error->message, "SECRET"));
    }
}

static void
test_reserved_answer(void)
{
    static const struct {
        const char *result;
        gboolean good;
        NmaReservedState state;
        NmaReason reason;
        gboolean checked;
    } answers[] = {
        { "{\"reserved\": true, \"reason\": \"none\"}", TRUE, NMA_RESERVED_GRANTED, NMA_REASON_NONE,
          FALSE },
        { "{\"reserved\": false, \"reason\": \"memory_insufficient\", \"checks\": [{\"verdict\": "
          "\"ok\", \"reason\": \"none\"}, {\"verdict\": \"refused\", \"reason\": "
          "\"memory_insufficient\"}]}",
          TRUE, NMA_RESERVED_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, TRUE },
        /* not by a check: it may be another word in a minute */
        { "{\"reserved\": false, \"reason\": \"agent_busy\", \"verdict\": \"refused\", \"checks\": "
          "null}",
          TRUE, NMA_RESERVED_REFUSED, NMA_REASON_AGENT_BUSY, FALSE },
        { "{\"reserved\": false, \"reason\": \"check_unknown\", \"checks\": [{\"verdict\": "
          "\"unknown\", \"reason\": \"check_unknown\"}]}",
          TRUE, NMA_RESERVED_REFUSED, NMA_REASON_CHECK_UNKNOWN, FALSE },
        { "{\"reserved\": false, \"reason\": \"moon\", \"reason_text\": 5, \"checks\": [5]}", TRUE,
          NMA_RESERVED_REFUSED, NMA_REASON_UNRECOGNIZED, FALSE },
        { "{\"reserved\": false, \"checks\": [{}]}", TRUE, NMA_RESERVED_REFUSED,
          NMA_REASON_UNRECOGNIZED, FALSE },
        { "{\"reserved\": 1}", FALSE, 0, 0, FALSE },
        { "[]", FALSE, 0, 0, FALSE },
        { "null", FALSE, 0, 0, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        json_t *result = json_loads(answers[i].result, JSON_DECODE_ANY, NULL);
        NmaPeerReservation reserved = { 0 };

        g_assert_cmpint(nma_reserved_decode(result, &reserved), ==, answers[i].good);
        if (answers[i].good) {
            g_assert_cmpint(reserved.state, ==, answers[i].state);
            g_assert_cmpint(reserved.reason, ==, answers[i].reason);
            g_assert_cmpint(reserved.checked, ==, answers[i].checked);
        }
        g_free(reserved.text);
        json_decref(result);
    }
}

static void
test_guest_answer(void)
{
    json_t *result = nma_result_guest(INSTANCE, 1 << 30, NMA_UNKNOWN);
    NmaResources resources;

    g_assert_true(nma_guest_decode(result, &resources));
    g_assert_cmpint(resources.amount[NMA_AMOUNT_MEMORY], ==, 1 << 30);
    g_assert_cmpint(resources.amount[NMA_AMOUNT_VCPUS], ==, NMA_UNKNOWN);
    json_decref(result);
    result = nma_result_guest(INSTANCE, NMA_UNKNOWN, 2);
    g_assert_true(json_is_null(result));
    g_assert_false(nma_guest_decode(result, &resources));
    json_decref(result);
    result = json_pack("{s:i}", "memory_bytes", -5);
    g_assert_false(nma_guest_decode(result, &resources));
    json_decref(result);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/requests/good", test_good);
    g_test_add_func("/requests/names", test_names);
    g_test_add_func("/requests/bad", test_bad);
    g_test_add_func("/requests/forecast", test_forecast);
    g_test_add_func("/requests/hello-answer", test_hello_answer);
    g_test_add_func("/requests/ask", test_ask);
    g_test_add_func("/requests/ask-without-size", test_ask_without_size);
    g_test_add_func("/requests/bad-ask", test_bad_ask);
    g_test_add_func("/requests/reserved-answer", test_reserved_answer);
    g_test_add_func("/requests/guest-answer", test_guest_answer);
    return g_test_run();
}
