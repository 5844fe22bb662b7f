/* Puts a message together from its method, header and body frames. A body over the limit is dropped
 * as it arrives, so that no sender can fill our memory. Pure. Internal to rpc/. */
#pragma once

#include "rpc/connection.h"

typedef struct {
    enum { OM_EXPECT_METHOD, OM_EXPECT_HEADER, OM_EXPECT_BODY } expect;
    OmEvent event; /* under construction */
    guint8 *body;  /* of several frames */
    guint64 missing;
} OmAssembly;

/* A delivery or return begins; its event, for the caller to fill. */
OmEvent *om_assembly_begin(OmAssembly *assembly, OmEventType type, guint16 channel);
/* Each TRUE when the message is complete: then event holds it, its body until the next begin and as
 * long as the last fragment stays. A frame that is not expected (of a channel closed meanwhile) is
 * ignored. */
gboolean om_assembly_header(OmAssembly *assembly, guint64 body_size, gsize max_body_bytes);
gboolean om_assembly_body(OmAssembly *assembly, const void *fragment, gsize size);
/* Forgets what is under construction. */
void om_assembly_reset(OmAssembly *assembly);
void om_assembly_clear(OmAssembly *assembly);
