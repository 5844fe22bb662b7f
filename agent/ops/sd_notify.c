#include "agent/ops/sd_notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
nma_sd_notify(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    gsize length;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@'))
        return;
    length = strlen(path);
    if (length < 2 || length >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') /* the abstract name space */
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* nothing useful can be done when the manager does not listen */
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                  (const struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

gint64
nma_sd_watchdog_interval_us(void)
{
    const char *usec = g_getenv("WATCHDOG_USEC");
    const char *pid = g_getenv("WATCHDOG_PID");
    gint64 value;

    if (usec == NULL || !g_ascii_string_to_signed(usec, 10, 1, G_MAXINT64, &value, NULL))
        return 0;
    if (pid != NULL) {
        gint64 whose;

        if (!g_ascii_string_to_signed(pid, 10, 1, G_MAXINT32, &whose, NULL) || whose != getpid())
            return 0;
    }
    return value / 2;
}
