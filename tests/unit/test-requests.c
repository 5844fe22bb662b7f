/* The agent's own RPC methods: arguments in, the peer's clock out. Results against their schema:
 * tests/integration/test_schemas.py. */
#include "agent/json/requests.h"

#include <string.h>

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

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/requests/good", test_good);
    g_test_add_func("/requests/names", test_names);
    g_test_add_func("/requests/bad", test_bad);
    g_test_add_func("/requests/hello-answer", test_hello_answer);
    return g_test_run();
}
