#include "agent/probe/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* More than any of these files has, a command line excepted: of that libvirt writes -uuid among
 * the first arguments. */
#define FILE_MAX_BYTES (256 * 1024)

G_DEFINE_QUARK(nma_probe_error_quark, nma_probe_error)

char *
nma_probe_read_at(int dir_fd, const char *name, gsize *length)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    g_autoptr(GByteArray) bytes = NULL;
    guint8 part[4096];
    gssize n = 0;

    if (fd < 0)
        return NULL;
    bytes = g_byte_array_new();
    while (bytes->len < FILE_MAX_BYTES) {
        n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        g_byte_array_append(bytes, part, (guint)n);
    }
    int saved_errno = errno;

    close(fd);
    if (n < 0) {
        errno = saved_errno;
        return NULL;
    }
    *length = bytes->len;
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

int
nma_probe_open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

char *
nma_probe_read(const char *folder, const char *name, GError **error)
{
    int dir_fd = nma_probe_open_directory(folder);
    gsize length;
    char *text = dir_fd >= 0 ? nma_probe_read_at(dir_fd, name, &length) : NULL;
    int saved_errno = errno;

    if (dir_fd >= 0)
        close(dir_fd);
    if (!text)
        g_set_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_READ, "cannot read %s/%s: %s", folder,
                    name, g_strerror(saved_errno));
    return text;
}
