#include "agent/watch/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_LINE_BYTES (1024 * 1024)

/* One line without its end into buffer; what is longer is read and thrown away. FALSE at the end.
 */
static gboolean
read_line(FILE *stream, GString *buffer, gboolean *too_long)
{
    int c;

    g_string_truncate(buffer, 0);
    *too_long = FALSE;
    while ((c = getc_unlocked(stream)) != EOF && c != '\n') {
        if (buffer->len < MAX_LINE_BYTES)
            g_string_append_c(buffer, (char)c);
        else
            *too_long = TRUE;
    }
    return c != EOF || buffer->len > 0;
}

gboolean
nma_watch_replay(const char *file, NmaWatchReplayFunc func, gpointer user_data, guint64 *bad,
                 GError **error)
{
    gboolean is_stdin = strcmp(file, "-") == 0, too_long;
    g_autoptr(GString) line = g_string_new(NULL);
    FILE *stream = is_stdin ? stdin : fopen(file, "re");
    int failure;

    if (!stream) {
        failure = errno;
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure), "%s: %s", file,
                    g_strerror(failure));
        return FALSE;
    }
    while (read_line(stream, line, &too_long)) {
        json_t *payload = NULL;

        if (line->len == 0)
            continue;
        if (!too_long)
            payload = json_loadb(line->str, line->len, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(payload))
            func(payload, user_data);
        else
            ++*bad;
        json_decref(payload);
    }
    failure = ferror(stream) ? EIO : 0;
    if (!is_stdin)
        fclose(stream);
    if (failure)
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure), "%s: %s", file,
                    g_strerror(failure));
    return failure == 0;
}
