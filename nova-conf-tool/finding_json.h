/* A finding as JSON: an item of "findings" in schemas/nova-conf-tool-findings.schema.json. */
#pragma once

#include <jansson.h>

#include "nova-conf-tool/finding.h"

/* valid UTF-8 whatever stands in the file or its name; no secret in it. New reference. */
json_t *nct_finding_to_json(const NctFinding *finding, guint release);
