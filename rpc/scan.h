/* Finds out what a raw body calls before any JSON is parsed, so that the tokens in other messages
 * are never even decoded. Pure. */
#pragma once

#include <glib.h>

/* TRUE when the body may be a request for one of these methods: somewhere in it stands the key
 * `method` followed by one of the names, in the inner message's escaping or without. Python never
 * writes ASCII letters as \u escapes, so none of its messages is missed; what matches by chance is
 * sorted out after decoding. */
gboolean om_scan_for_methods(const void *body, gsize size, const char *const *methods);
