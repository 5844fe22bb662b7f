/* The failure string of a reply, and compressed bodies (first byte even). */
#include <string.h>

#include "rpc/compression.h"
#include "rpc/failure.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] % 2 == 0) {
        g_autoptr(GBytes) out = NULL;

        if (om_inflate("application/x-gzip", data + 1, size - 1, 65536, &out) == OM_INFLATE_OK)
            g_assert_cmpuint(g_bytes_get_size(out), <=, 65536);
    } else if (size > 0) {
        g_autofree char *text = g_utf8_make_valid((const char *)data + 1, (gssize)size - 1);
        json_t *value = json_string(text);
        g_autoptr(OmFailure) failure = om_failure_decode(value);

        if (failure) {
            g_autofree char *again = om_failure_encode(failure, NULL);

            g_assert_nonnull(again);
            g_assert_cmpuint(strlen(failure->message), <=, OM_FAILURE_MAX_TEXT_BYTES * 3);
        }
        json_decref(value);
    }
    return 0;
}
