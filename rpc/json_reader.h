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

/* What becomes of a member of the outermost object. Of an object or array that is not built only
 * the end is looked for, which is many times cheaper: whether it is JSON shows when it is read. */
typedef enum {
    OM_JSON_BUILD,
    OM_JSON_SKIP, /* it is not there */
    OM_JSON_TEXT, /* a string that holds its text, to be read when it is wanted */
} OmJsonTreatment;
typedef OmJsonTreatment (*OmJsonTreat)(const char *key);

/* The text must be one object; nothing is quoted in the fault. treat may be NULL: all are built.
 * New reference; NULL and *fault when it is refused. */
json_t *om_json_read(const char *text, gsize size, guint max_depth, OmJsonTreat treat,
                     OmJsonFault *fault);
