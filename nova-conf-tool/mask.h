/*
 * Nothing secret in any output: which values are, and lines with them taken out.
 */
#pragma once

#include "nova-conf-tool/effective.h"

#define NCT_MASK "***"

/* by the catalogue, or by its name for options that it does not know (misspelt ones, other groups)
 */
gboolean nct_is_secret(guint release, const char *group, const char *key);

/* A value for showing: masked as a whole when secret, else credentials in URLs. Newly allocated. */
char *nct_mask_value(NctSpan value, gboolean secret);

/*
 * Text for a terminal or a log: valid UTF-8 of at most so many characters (more end with "..."),
 * '?' in place of what would move the cursor, change colours or turn the direction of writing.
 * Newly allocated.
 */
char *nct_printable(const char *text, gsize n, gsize max);

/*
 * A line of a document for showing, as valid UTF-8 without control characters; NULL if it must not
 * be shown at all (a line that is no assignment may hold anything). Newly allocated.
 */
char *nct_mask_line(const NctDocument *document, guint line, guint release);

/* A key for showing: only its first word, since "password x: y" is a key with a blank in it. */
char *nct_show_key(const char *key);
