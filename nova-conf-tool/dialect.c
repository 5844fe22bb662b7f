#include "nova-conf-tool/dialect.h"

/*
 * Nova 13 runs oslo.config 3.9, 14 has 3.17, 15 3.22, 16 4.11, 17 5.2, 18 6.4, 19 6.8 (the upper
 * constraints of each series).
 */
static const NctDialect dialects[] = {
    { .first_release = 0 },
    { .first_release = 14, .unset_is_empty = TRUE, .blank_float_is_none = TRUE },
    { .first_release = 15,
      .default_dirs = TRUE,
      .unset_is_empty = TRUE,
      .blank_float_is_none = TRUE,
      .hostname_needs_letter = TRUE },
    { .first_release = 16,
      .default_dirs = TRUE,
      .old_dash_as_underscore = TRUE,
      .unset_is_empty = TRUE,
      .blank_float_is_none = TRUE,
      .hostname_needs_letter = TRUE },
    { .first_release = 18,
      .default_dirs = TRUE,
      .list_drops_last_comma = TRUE,
      .old_dash_as_underscore = TRUE,
      .unset_is_empty = TRUE,
      .blank_float_is_none = TRUE,
      .hostname_needs_letter = TRUE },
    { .first_release = 19,
      .default_dirs = TRUE,
      .environment = TRUE,
      .list_drops_last_comma = TRUE,
      .old_dash_as_underscore = TRUE,
      .unset_is_empty = TRUE,
      .blank_float_is_none = TRUE,
      .hostname_needs_letter = TRUE },
};

const NctDialect *
nct_dialect_for_release(guint release)
{
    guint i = G_N_ELEMENTS(dialects) - 1;

    if (release > 0)
        while (i > 0 && dialects[i].first_release > release)
            i--;
    return &dialects[i];
}
