#include "rpc/assembly.h"

#include <string.h>

#define SMALLEST_ROOM   (16 * 1024)
#define KEPT_BODY_BYTES (64 * 1024) /* a larger buffer is given back after use */

OmEvent *
om_assembly_begin(OmAssembly *assembly, OmEventType type, guint16 channel)
{
    memset(&assembly->event, 0, sizeof assembly->event);
    assembly->event.type = type;
    assembly->event.channel = channel;
    assembly->expect = OM_EXPECT_HEADER;
    return &assembly->event;
}

static void
make_room(OmAssembly *assembly, gsize size)
{
    gboolean wasteful = assembly->room > KEPT_BODY_BYTES && size <= KEPT_BODY_BYTES;

    if (assembly->room >= size && assembly->room > 0 && !wasteful)
        return;
    g_free(assembly->body);
    assembly->room = MAX(size, SMALLEST_ROOM);
    assembly->body = g_malloc(assembly->room);
}

gboolean
om_assembly_header(OmAssembly *assembly, guint64 body_size, gsize max_body_bytes)
{
    OmEvent *event = &assembly->event;

    if (assembly->expect != OM_EXPECT_HEADER)
        return FALSE;
    event->oversize = body_size > max_body_bytes;
    /* a returned message is ours: only its properties matter */
    if (event->type == OM_EVENT_DELIVERY && !event->oversize) {
        make_room(assembly, (gsize)body_size);
        event->body = assembly->body;
    }
    assembly->missing = body_size;
    assembly->expect = body_size > 0 ? OM_EXPECT_BODY : OM_EXPECT_METHOD;
    return body_size == 0;
}

gboolean
om_assembly_body(OmAssembly *assembly, const void *fragment, gsize size)
{
    OmEvent *event = &assembly->event;

    if (assembly->expect != OM_EXPECT_BODY)
        return FALSE;
    size = (gsize)MIN(size, assembly->missing);
    if (event->body && size > 0) {
        memcpy(assembly->body + event->size, fragment, size);
        event->size += size;
    }
    assembly->missing -= size;
    if (assembly->missing > 0)
        return FALSE;
    assembly->expect = OM_EXPECT_METHOD;
    return TRUE;
}

void
om_assembly_reset(OmAssembly *assembly)
{
    assembly->expect = OM_EXPECT_METHOD;
}

void
om_assembly_clear(OmAssembly *assembly)
{
    g_clear_pointer(&assembly->body, g_free);
    assembly->room = 0;
}
