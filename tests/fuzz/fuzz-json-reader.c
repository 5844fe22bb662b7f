/* Our reader of JSON accepts what jansson accepts, and makes the same of it. */
#include <string.h>

#include "rpc/json_reader.h"
#include "tests/fuzz/fuzz.h"

static OmJsonTreatment
treat_some(const char *key)
{
    if (g_str_equal(key, "args"))
        return OM_JSON_TEXT;
    return g_str_has_prefix(key, "_context_") ? OM_JSON_SKIP : OM_JSON_BUILD;
}

/* What was kept of a member is what jansson made of it. */
static void
check_kept(const char *key, json_t *kept, json_t *value)
{
    json_t *read;

    switch (treat_some(key)) {
    case OM_JSON_SKIP:
        g_assert_null(kept);
        break;
    case OM_JSON_TEXT:
        read = json_loads(json_string_value(kept), JSON_DECODE_ANY, NULL);
        g_assert_true(json_equal(read, value));
        json_decref(read);
        break;
    case OM_JSON_BUILD:
        g_assert_true(json_equal(kept, value));
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    OmJsonFault fault = { 0 };
    json_t *theirs = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    /* jansson's own limit is 2048 */
    json_t *ours = om_json_read(text, size, 2048, NULL, &fault);
    json_t *part = om_json_read(text, size, 2048, treat_some, &fault);

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
            check_kept(key, json_object_get(part, key), value);
        }
    }
    json_decref(theirs);
    json_decref(ours);
    json_decref(part);
    return 0;
}
