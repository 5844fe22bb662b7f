/* JSON text to jansson's values: what json_loadb(JSON_REJECT_DUPLICATES) makes of it, at a fraction
 * of its cost (jansson takes each byte through a callback), with bounded nesting, and without
 * building what nobody wants. Pure. tests/fuzz/fuzz-json-reader.c holds it against jansson. */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct {
    enum { OM_JSON_MALFORMED, OM_JSON_TOO_DEEP } what;
    gsize at; /* the byte where it was noticed */
} OmJsonFault;

/* TRUE: the member with this key (of the outermost object only) is not built. It is checked all the
 * same, but for repeated keys inside it. */
typedef gboolean (*OmJsonSkip)(const char *key);

/* The text must be one object; nothing is quoted in the fault. skip may be NULL. New reference;
 * NULL and *fault when it is refused. */
json_t *om_json_read(const char *text, gsize size, guint max_depth, OmJsonSkip skip,
                     OmJsonFault *fault);
