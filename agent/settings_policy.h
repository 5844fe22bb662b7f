/* The policies as the operator's file has them. */
#pragma once

#include "agent/settings.h"

/* Fills settings->policies from the options that were read. FALSE with an error that names the
 * group. */
gboolean nma_settings_read_policies(NmaSettings *settings, GError **error);
