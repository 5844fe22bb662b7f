#include "rpc/compression.h"

#include <string.h>
#include <zlib.h>

OmInflateResult
om_inflate(const char *compression, const void *data, gsize size, gsize max_bytes, GBytes **out)
{
    static const char *const zlib_names[] = { "application/x-gzip", "gzip", "zlib",
                                              "application/zlib", NULL };
    z_stream stream = { 0 };
    gsize room = MIN(MAX(size * 4, 4096), max_bytes);
    g_autofree guint8 *buffer = NULL;
    int code = Z_OK;

    if (!g_strv_contains(zlib_names, compression))
        return OM_INFLATE_UNKNOWN;
    if (size > G_MAXUINT32 / 4 || max_bytes > G_MAXUINT32 / 4)
        return OM_INFLATE_TOO_LARGE;
    /* 32: a zlib or a gzip header, whichever is there */
    if (inflateInit2(&stream, 15 + 32) != Z_OK)
        return OM_INFLATE_BROKEN;

    buffer = g_malloc(room);
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)size;
    for (;;) {
        stream.next_out = buffer + stream.total_out;
        stream.avail_out = (uInt)(room - stream.total_out);
        code = inflate(&stream, Z_NO_FLUSH);
        if (code != Z_OK || stream.avail_out > 0)
            break;
        if (room == max_bytes)
            break;
        room = MIN(room * 2, max_bytes);
        buffer = g_realloc(buffer, room);
    }
    room = stream.total_out;
    inflateEnd(&stream);
    if (code == Z_OK && stream.avail_out == 0)
        return OM_INFLATE_TOO_LARGE;
    if (code != Z_STREAM_END)
        return OM_INFLATE_BROKEN;
    *out = g_bytes_new_take(g_realloc(g_steal_pointer(&buffer), MAX(room, 1)), room);
    return OM_INFLATE_OK;
}
