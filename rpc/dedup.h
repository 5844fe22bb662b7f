/* The last `capacity` ids that were seen, as oslo.messaging servers remember `_unique_id`. Pure. */
#pragma once

#include <glib.h>

typedef struct _OmDedup OmDedup;

OmDedup *om_dedup_new(guint capacity);
void om_dedup_free(OmDedup *dedup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmDedup, om_dedup_free)

/* TRUE when the id was seen before; remembers it. NULL is never a repeat. */
gboolean om_dedup_seen(OmDedup *dedup, const char *id);
