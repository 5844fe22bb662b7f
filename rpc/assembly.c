#include "rpc/assembly.h"

#include <string.h>

OmEvent *
om_assembly_begin(OmAssembly *assembly, OmEventType type, guint16 channel)
{
    om_assembly_clear(assembly);
    memset(&assembly->event, 0, sizeof assembly->event);
    assembly->event.type = type;
    assembly->event.channel = channel;
    assembly->expect = OM_EXPECT_HEADER;
    return &assembly->event;
}

gboolean
om_assembly_header(OmAssembly *assembly, guint64 body_size, gsize max_body_bytes)
{
    OmEvent *event = &assembly->event;

    if (assembly->expect != OM_EXPECT_HEADER)
        return FALSE;
    event->oversize = body_size > max_body_bytes;
    if (body_size == 0)
        event->body = (const guint8 *)"";
    assembly->missing = body_size;
    assembly->expect = body_size > 0 ? OM_EXPECT_BODY : OM_EXPECT_METHOD;
    return body_size == 0;
}

/* A body in one frame, as nearly all are, stays where it is. */
static void
add_fragment(OmAssembly *assembly, const void *fragment, gsize size)
{
    OmEvent *event = &assembly->event;

    if (event->size == 0 && size == assembly->missing) {
        event->body = fragment;
    } else {
        if (assembly->body == NULL)
            assembly->body = g_malloc((gsize)assembly->missing);
        event->body = assembly->body;
        memcpy(assembly->body + event->size, fragment, size);
    }
    event->size += size;
}

gboolean
om_assembly_body(OmAssembly *assembly, const void *fragment, gsize size)
{
    OmEvent *event = &assembly->event;

    if (assembly->expect != OM_EXPECT_BODY)
        return FALSE;
    size = (gsize)MIN(size, assembly->missing);
    /* a returned message is ours: only its properties matter */
    if (event->type == OM_EVENT_DELIVERY && !event->oversize && size > 0)
        add_fragment(assembly, fragment, size);
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
}
