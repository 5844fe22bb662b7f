/* The conversions behind nct_type_convert, one file for each family. Internal. */
#pragma once

#include "nova-conf-tool/value.h"

/* sets *reason if it is wanted and not yet set */
void nct_refuse(char **reason, const char *format, ...) G_GNUC_PRINTF(2, 3);

NctValue *nct_convert_integer(const NctType *type, NctSpan text, char **reason);
NctValue *nct_convert_float(const NctType *type, NctSpan text, const NctDialect *dialect,
                            char **reason);
/* shortest decimal that reads back as the same number, as Python's repr() */
void nct_append_float_repr(double number, GString *out);

NctValue *nct_convert_list(const NctType *type, NctSpan text, const NctDialect *dialect,
                           char **reason);
NctValue *nct_convert_dict(const NctType *type, NctSpan text, const NctDialect *dialect,
                           char **reason);

NctValue *nct_convert_ip(NctSpan text, char **reason);
NctValue *nct_convert_hostname(NctSpan text, gboolean underscore, const NctDialect *dialect,
                               char **reason);
NctValue *nct_convert_hostaddress(NctSpan text, gboolean underscore, const NctDialect *dialect,
                                  char **reason);
NctValue *nct_convert_uri(const NctType *type, NctSpan text, char **reason);
