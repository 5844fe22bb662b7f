/* Sets of host CPUs as Nova writes them: "2-15,^8,20". */
#pragma once

#include <glib.h>

/*
 * The CPUs of a set (GUINT_TO_POINTER), or NULL and *mistake (may be NULL) in words that follow the
 * option's name. Blanks around elements and empty elements are skipped, and '^' counts wherever it
 * stands.
 */
GHashTable *nct_cpu_set_parse(const char *text, const char **mistake);
