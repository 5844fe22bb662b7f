/* Options from outside of Nova, as oslo-config-generator --format yaml (or json) describes them. */
#pragma once

#include <glib.h>

typedef enum {
    NCT_OPT_DATA_ERROR_READ,
    NCT_OPT_DATA_ERROR_FORMAT,
} NctOptDataError;

#define NCT_OPT_DATA_ERROR (nct_opt_data_error_quark())
GQuark nct_opt_data_error_quark(void);

/* arrays of the caller's, of char * */
typedef struct {
    GPtrArray *groups;  /* names, as they are looked up */
    GPtrArray *options; /* "group/name", with underscores */
} NctOptData;

/* adds what the file describes, old names too */
gboolean nct_opt_data_read(const char *path, NctOptData *data, GError **error);
