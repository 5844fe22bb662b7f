/* State of bus-out, shared by what publishes (bus_out.c) and what settles (settle.c). One thread.
 * Internal to rpc/. */
#pragma once

#include "rpc/bus_private.h"

typedef struct {
    OmBus *bus;
    OmLink link;
    guint16 channel;   /* that publishes now */
    gint64 nacked_us;  /* the first message that the broker would not take on it; 0: none */
    gint64 renewed_us; /* when it took the place of another; 0: it did not */
    guint64 next_tag;
    GQueue in_flight; /* OmOutItem in the order of their tags */
    GQueue held;      /* OmOutItem that wait for a moment, a reply queue, or an unblocked broker */
    GHashTable *exchanges; /* those that were there when last looked at */
    gboolean blocked;
    guint
        careful; /* so many are sent one by one: one of them closed the channel under the others */
} OmOutThread;

/* Each takes the item; exactly one of them ends it, or it is held to be sent again. */
void om_settle_returned(OmOutThread *out, OmOutItem *item);
/* Not confirmed: what is a publication is told as failed, what has a `_unique_id` of ours is sent
 * again from retry_us on. */
void om_settle_unknown(OmOutThread *out, OmOutItem *item, gint64 retry_us);

/* What the broker says about what is in flight. */
void om_settle_confirm(OmOutThread *out, const OmEvent *event);
void om_settle_mark_returned(OmOutThread *out, const OmEvent *event);
void om_settle_channel_closed(OmOutThread *out, const char *text);
void om_settle_in_flight_unknown(OmOutThread *out);
