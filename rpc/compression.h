/* kombu_compression: the header `compression` names the coding. "gzip" is a zlib stream (78 9c …),
 * not a gzip file. These two are what oslo.messaging documents for the option; kombu itself knows
 * brotli, lzma and zstd too, where Python has them (kombu/compression.py): a body in one of those
 * cannot be undone here and is counted. */
#pragma once

#include <glib.h>

typedef enum {
    OM_INFLATE_OK,
    OM_INFLATE_UNKNOWN,   /* a coding we cannot undo */
    OM_INFLATE_TOO_LARGE, /* more than max_bytes come out */
    OM_INFLATE_BROKEN,
} OmInflateResult;

/* On OM_INFLATE_OK *out is a new GBytes, else untouched. */
OmInflateResult om_inflate(const char *compression, const void *data, gsize size, gsize max_bytes,
                           GBytes **out);
