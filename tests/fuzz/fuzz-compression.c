/* Compressed bodies: the first byte chooses the coding; never more comes out than is allowed. */
#include "rpc/compression.h"
#include "tests/fuzz/fuzz.h"

#define MAX_BYTES 65536

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codings[] = { "application/x-gzip", "application/x-bz2", "zstd" };
    g_autoptr(GBytes) out = NULL;
    OmInflateResult result;

    if (size == 0)
        return 0;
    result =
        om_inflate(codings[data[0] % G_N_ELEMENTS(codings)], data + 1, size - 1, MAX_BYTES, &out);
    g_assert_true((result == OM_INFLATE_OK) == (out != NULL));
    if (out)
        g_assert_cmpuint(g_bytes_get_size(out), <=, MAX_BYTES);
    return 0;
}
