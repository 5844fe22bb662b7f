/* The failure string of a reply: what is accepted can be encoded, and is bounded. */
#include <string.h>

#include "rpc/failure.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_utf8_make_valid((const char *)data, (gssize)size);
    json_t *value = json_string(text);
    g_autoptr(OmFailure) failure = om_failure_decode(value);

    if (failure) {
        g_autofree char *again = om_failure_encode(failure, NULL);

        g_assert_nonnull(again);
        g_assert_cmpuint(strlen(failure->message), <=, OM_FAILURE_MAX_TEXT_BYTES * 3);
    }
    json_decref(value);
    return 0;
}
