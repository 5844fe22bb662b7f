/*
 * Text as Python's str methods see it: white space and digits of all scripts.
 *
 * A span points into somebody else's buffer, is not NUL-terminated and may hold NUL bytes.
 * All text here is valid UTF-8 (documents are checked once, when they are read).
 */
#pragma once

#include <glib.h>

typedef struct {
    const char *s;
    gsize n;
} NctSpan;

/* str.isspace() of one character */
gboolean nct_char_is_space(gunichar c);

/* str.strip(), rstrip(), lstrip() */
NctSpan nct_strip(NctSpan span);
NctSpan nct_rstrip(NctSpan span);
NctSpan nct_lstrip(NctSpan span);

gboolean nct_span_equal(NctSpan span, const char *text);
gboolean nct_span_equal_nocase(NctSpan span, const char *text);

/* characters, not bytes */
gsize nct_span_chars(NctSpan span);

/*
 * The span with decimal digits of any script turned into ASCII, as int() and float() do before they
 * read a number; NULL if a character stands in it that no number has. Newly allocated.
 */
char *nct_ascii_number(NctSpan span);
