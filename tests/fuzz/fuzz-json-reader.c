/* Our reader of JSON accepts what jansson accepts, and makes the same of it. */
#include <string.h>

#include "rpc/json_reader.h"
#include "tests/fuzz/fuzz.h"

static gboolean
skip_some(const char *key)
{
    return g_str_has_prefix(key, "_context_");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    OmJsonFault fault = { 0 };
    json_t *theirs = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    /* jansson's own limit is 2048 */
    json_t *ours = om_json_read(text, size, 2048, NULL, &fault);
    json_t *part = om_json_read(text, size, 2048, skip_some, &fault);

    /* jansson lets a zero byte behind a number pass */
    if (!json_is_object(theirs) || memchr(text, '\0', size)) {
        g_assert_null(ours);
        g_assert_cmpuint(fault.at, <=, size);
    } else {
        const char *key;
        json_t *value;

        g_assert_true(json_equal(ours, theirs));
        g_assert_nonnull(part);
        json_object_foreach(theirs, key, value)
        {
            json_t *kept = json_object_get(part, key);

            g_assert_true(skip_some(key) ? kept == NULL : json_equal(kept, value));
        }
    }
    json_decref(theirs);
    json_decref(ours);
    json_decref(part);
    return 0;
}
