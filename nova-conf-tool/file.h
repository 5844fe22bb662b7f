/* Reading other files than nova.conf whole. */
#pragma once

#include <glib.h>

/*
 * The file's text: UTF-8 without NUL bytes, of at most max bytes, newly allocated and terminated.
 * What hosts sent may be anything: with regular_only nothing but a regular file is opened for long.
 * The error is a GFileError with a message for people.
 */
char *nct_file_read_text(const char *path, gsize max, gboolean regular_only, GError **error);
