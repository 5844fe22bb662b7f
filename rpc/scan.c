#include "rpc/scan.h"

#include <string.h>

#define KEY "method"

static gboolean
separates(char c)
{
    return c == '"' || c == '\\' || c == ':' || c == ' ';
}

gboolean
om_scan_for_methods(const void *body, gsize size, const char *const *methods)
{
    const char *at = body;
    const char *end = at + size;

    while ((at = memmem(at, (gsize)(end - at), KEY, strlen(KEY))) != NULL) {
        const char *value = at + strlen(KEY);

        while (value < end && separates(*value))
            value++;
        for (guint i = 0; methods[i]; i++) {
            gsize length = strlen(methods[i]);

            if ((gsize)(end - value) > length && memcmp(value, methods[i], length) == 0 &&
                separates(value[length]))
                return TRUE;
        }
        at += strlen(KEY);
    }
    return FALSE;
}
