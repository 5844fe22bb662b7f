/* A forecast before the start: schemas/rpc.schema.json, definition outlook. */
#pragma once

#include <jansson.h>

#include "agent/core/outlook.h"

/* outlook NULL: it could not be made, and text says why. New reference. */
json_t *nma_outlook_to_value(const char *instance_uuid, const NmaOutlook *outlook,
                             gint64 measured_wall_us, const char *text);
