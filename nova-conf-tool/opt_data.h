/* Options from outside of Nova, as oslo-config-generator --format json describes them. */
#pragma once

#include <glib.h>

typedef enum {
    NCT_OPT_DATA_ERROR_READ,
    NCT_OPT_DATA_ERROR_FORMAT,
} NctOptDataError;

#define NCT_OPT_DATA_ERROR (nct_opt_data_error_quark())
GQuark nct_opt_data_error_quark(void);

/* adds "group/name" of each to options, and groups that have no option of their own to groups */
gboolean nct_opt_data_read(const char *path, GPtrArray *groups, GPtrArray *options, GError **error);
