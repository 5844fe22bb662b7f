#include "nova-conf-tool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES (64u << 10)

/* FALSE and errno if it cannot be read; EFBIG if it is larger than max */
static gboolean
read_bytes(int fd, gsize max, GByteArray *bytes)
{
    guint used = 0;

    for (;;) {
        ssize_t n;

        g_byte_array_set_size(bytes, used + FIRST_BYTES);
        n = read(fd, bytes->data + used, FIRST_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        used += (guint)n;
        if (used > max) {
            errno = EFBIG;
            return FALSE;
        }
        if (n == 0) {
            g_byte_array_set_size(bytes, used);
            return TRUE;
        }
    }
}

static gboolean
refuse(const char *path, int number, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(number), "%s: %s", path,
                g_strerror(number));
    return FALSE;
}

static gboolean
open_and_read(const char *path, gsize max, gboolean regular_only, GByteArray *bytes, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular_only ? O_NONBLOCK : 0));
    struct stat st;
    gboolean ok;
    int number;

    if (fd < 0)
        return refuse(path, errno, error);
    errno = EINVAL;
    ok =
        fstat(fd, &st) == 0 && (!regular_only || S_ISREG(st.st_mode)) && read_bytes(fd, max, bytes);
    number = errno;
    close(fd);
    return ok ? TRUE : refuse(path, number, error);
}

char *
nct_file_read_text(const char *path, gsize max, gboolean regular_only, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    if (!open_and_read(path, max, regular_only, bytes, error))
        return NULL;
    /* which takes a NUL byte for invalid */
    if (!g_utf8_validate_len((const char *)bytes->data, bytes->len, NULL)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: not UTF-8 text", path);
        return NULL;
    }
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}
