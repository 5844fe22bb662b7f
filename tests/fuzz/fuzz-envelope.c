/* A body from the bus: searched, decoded, and what was decoded encoded and decoded again. */
#include "rpc/envelope.h"

#include <string.h>

#include "rpc/scan.h"
#include "tests/fuzz/fuzz.h"

/* A second decode of what we wrote ourselves must give the same. */
static void
check_request(OmMessage *message)
{
    json_t *args = om_message_args(message);
    OmRequestFields fields = {
        .method = message->method,
        .rpc_namespace = message->rpc_namespace,
        .version = message->version,
        .args = args,
        .unique_id = message->unique_id,
        .msg_id = message->msg_id,
        .reply_q = message->reply_q,
    };
    g_autoptr(GBytes) body = om_envelope_request(&fields);
    g_autoptr(OmMessage) again = NULL;

    g_assert_nonnull(body);
    again = om_envelope_decode(g_bytes_get_data(body, NULL), g_bytes_get_size(body), NULL);
    g_assert_nonnull(again);
    g_assert_cmpstr(again->method, ==, message->method);
    g_assert_true(args == NULL || json_equal(om_message_args(again), args));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "live_migration", "pre_live_migration", NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(OmMessage) message = om_envelope_decode(data, size, &error);

    g_assert_true((message == NULL) == (error != NULL));
    om_scan_for_methods(data, size, names);
    if (message && message->kind == OM_MESSAGE_REQUEST) {
        check_request(message);
        om_version_compatible("1.4", message->version);
    }
    return 0;
}
