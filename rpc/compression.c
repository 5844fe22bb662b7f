#include "rpc/compression.h"

#include <bzlib.h>
#include <string.h>
#include <zlib.h>

/* What has come out so far. */
typedef struct {
    guint8 *bytes;
    gsize used, room, max;
} Output;

typedef enum { STEP_MORE, STEP_END, STEP_BROKEN } Step;

/* FALSE: it is as large as it may become. */
static gboolean
grow(Output *out)
{
    if (out->room == out->max)
        return FALSE;
    out->room = MIN(out->room * 2, out->max);
    out->bytes = g_realloc(out->bytes, out->room);
    return TRUE;
}

/* Calls the coding's step as long as it fills what it is given. */
static OmInflateResult
run(Output *out, Step (*step)(gpointer stream, Output *out), gpointer stream)
{
    Step state;

    do {
        state = step(stream, out);
        if (state == STEP_MORE && out->used < out->room)
            return OM_INFLATE_BROKEN; /* it wants more input, and there is none */
    } while (state == STEP_MORE && grow(out));
    if (state == STEP_BROKEN)
        return OM_INFLATE_BROKEN;
    return state == STEP_END ? OM_INFLATE_OK : OM_INFLATE_TOO_LARGE;
}

static Step
zlib_step(gpointer stream, Output *out)
{
    z_stream *z = stream;
    int code;

    z->next_out = out->bytes + out->used;
    z->avail_out = (uInt)(out->room - out->used);
    code = inflate(z, Z_NO_FLUSH);
    out->used = out->room - z->avail_out;
    /* Z_BUF_ERROR: nothing more could be done, that is no error */
    if (code == Z_OK || code == Z_BUF_ERROR)
        return STEP_MORE;
    return code == Z_STREAM_END ? STEP_END : STEP_BROKEN;
}

static OmInflateResult
from_zlib(const void *data, guint size, Output *out)
{
    z_stream z = { .next_in = (Bytef *)data, .avail_in = size };
    OmInflateResult result;

    /* 32: a zlib or a gzip header, whichever is there */
    if (inflateInit2(&z, 15 + 32) != Z_OK)
        return OM_INFLATE_BROKEN;
    result = run(out, zlib_step, &z);
    inflateEnd(&z);
    return result;
}

static Step
bzip2_step(gpointer stream, Output *out)
{
    bz_stream *bz = stream;
    int code;

    bz->next_out = (char *)out->bytes + out->used;
    bz->avail_out = (unsigned)(out->room - out->used);
    code = BZ2_bzDecompress(bz);
    out->used = out->room - bz->avail_out;
    if (code == BZ_OK)
        return STEP_MORE;
    return code == BZ_STREAM_END ? STEP_END : STEP_BROKEN;
}

static OmInflateResult
from_bzip2(const void *data, guint size, Output *out)
{
    bz_stream bz = { .next_in = (char *)data, .avail_in = size };
    OmInflateResult result;

    if (BZ2_bzDecompressInit(&bz, 0, 0) != BZ_OK)
        return OM_INFLATE_BROKEN;
    result = run(out, bzip2_step, &bz);
    BZ2_bzDecompressEnd(&bz);
    return result;
}

/* kombu/compression.py: what it writes into the header, and its other names for it */
static const struct {
    const char *names[4];
    OmInflateResult (*undo)(const void *data, guint size, Output *out);
} codings[] = {
    { { "application/x-gzip", "gzip", "zlib" }, from_zlib },
    { { "application/x-bz2", "bzip2", "bzip" }, from_bzip2 },
};

OmInflateResult
om_inflate(const char *compression, const void *data, gsize size, gsize max_bytes, GBytes **out)
{
    /* one more than allowed: so that an end exactly there is seen */
    Output output = { .max = max_bytes + 1, .room = MIN(MAX(size * 4, 4096), max_bytes + 1) };
    OmInflateResult result = OM_INFLATE_UNKNOWN;

    if (size > G_MAXUINT32 / 4 || max_bytes > G_MAXUINT32 / 4)
        return OM_INFLATE_TOO_LARGE;
    output.bytes = g_malloc(output.room);
    for (guint i = 0; i < G_N_ELEMENTS(codings); i++) {
        if (g_strv_contains(codings[i].names, compression))
            result = codings[i].undo(data, (guint)size, &output);
    }
    if (result == OM_INFLATE_OK && output.used > max_bytes)
        result = OM_INFLATE_TOO_LARGE;
    if (result == OM_INFLATE_OK)
        *out = g_bytes_new_take(g_realloc(output.bytes, MAX(output.used, 1)), output.used);
    else
        g_free(output.bytes);
    return result;
}
