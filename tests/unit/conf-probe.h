/*
 * The options that the dialect corpus was recorded with: nova-like names plus probe_* ones, one for
 * each type. The same table stands, for the real oslo.config, in tests/integration/oslo_probe.py.
 */
#pragma once

#include "nova-conf-tool/option.h"

extern const NctSchema conf_probe_schema;     /* without command-line options */
extern const NctSchema conf_probe_cli_schema; /* with [DEFAULT] probe_cli and probe_cli_str */
/* oslo.config before 3.24.0 did not read an old name's dash as an underscore */
extern const NctSchema conf_probe_old_schema;

const NctOption *conf_probe_options(guint *n);
