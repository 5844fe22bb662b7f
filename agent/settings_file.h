/*
 * nova-migration-agent.conf as text: which values stand in it, and on which line.
 *
 * iniparser reads the file. Because it reads some lines silently in another way than they look
 * (a value is cut at # and ;, quotes vanish, a trailing backslash joins lines, names lose their
 * case, of a repeated option all but the last are lost), a first pass refuses those lines by name,
 * and what iniparser then says must be what stands on the line.
 *
 * What is left is: [group] lines, "name = value" lines from the first column, comments on lines
 * of their own beginning with # or ;, and blank lines; at most 1000 bytes a line, UTF-8.
 */
#pragma once

#include <glib.h>

#define NMA_SETTINGS_FILE_MAX_BYTES (256 * 1024)
#define NMA_SETTINGS_LINE_MAX_BYTES 1000

typedef struct {
    char *group, *name, *value;
    guint line;
} NmaSettingsEntry;

/* Entries in the file's order; array with free function, owned. Errors (NMA_SETTINGS_ERROR) name
 * file and line and never quote a value. */
GPtrArray *nma_settings_file_read(const char *path, GError **error);
