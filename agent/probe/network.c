#include "agent/probe/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/probe/file.h"

#define ANY_PORT "9" /* for a datagram socket that sends nothing */

/* ---- ports ---- */

typedef struct {
    int fd;
    gint64 begun_us;
} Attempt;

static void
conclude(NmaPathPort *port, int error, gint64 begun_us)
{
    port->round_trip_us = g_get_monotonic_time() - begun_us;
    port->accepted = error == 0;
    switch (error) {
    case 0:
    case ECONNREFUSED: /* by the host itself: nobody listens there yet */
        port->state = NMA_PORT_OPEN;
        break;
    case ETIMEDOUT:
        port->state = NMA_PORT_BLOCKED;
        break;
    default: /* no route, or an ICMP message of a firewall's */
        port->state = NMA_PORT_UNREACHABLE;
        break;
    }
}

static void
set_port(struct sockaddr_storage *address, gint64 port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((guint16)port);
    else
        ((struct sockaddr_in *)(void *)address)->sin_port = htons((guint16)port);
}

static void
begin(Attempt *attempt, NmaPathPort *port, const struct addrinfo *to)
{
    struct sockaddr_storage address = { 0 };

    memcpy(&address, to->ai_addr, MIN(to->ai_addrlen, sizeof address));
    set_port(&address, port->port);
    attempt->begun_us = g_get_monotonic_time();
    attempt->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (attempt->fd >= 0 &&
        connect(attempt->fd, (struct sockaddr *)(void *)&address, to->ai_addrlen) != 0 &&
        errno == EINPROGRESS)
        return;
    conclude(port, attempt->fd >= 0 && errno == EINPROGRESS ? 0 : errno, attempt->begun_us);
    if (attempt->fd >= 0)
        close(attempt->fd);
    attempt->fd = -1;
}

static void
look(Attempt *attempt, NmaPathPort *port)
{
    int error = 0;
    socklen_t length = sizeof error;

    getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    conclude(port, error, attempt->begun_us);
    close(attempt->fd);
    attempt->fd = -1;
}

static void
try_ports(const struct addrinfo *to, gint64 timeout_ms, NmaPath *path)
{
    gint64 deadline_us = g_get_monotonic_time() + timeout_ms * 1000;
    Attempt attempts[NMA_MAX_PATH_PORTS];
    struct pollfd fds[NMA_MAX_PATH_PORTS];

    for (guint i = 0; i < path->n_ports; i++)
        begin(&attempts[i], &path->ports[i], to);
    for (;;) {
        gint64 left_ms = (deadline_us - g_get_monotonic_time() + 999) / 1000;
        gboolean open = FALSE;

        for (guint i = 0; i < path->n_ports; i++) {
            fds[i] = (struct pollfd){ .fd = attempts[i].fd, .events = POLLOUT };
            open = open || attempts[i].fd >= 0;
        }
        if (!open || left_ms <= 0 || (poll(fds, path->n_ports, (int)left_ms) < 0 && errno != EINTR))
            break;
        for (guint i = 0; i < path->n_ports; i++)
            if (attempts[i].fd >= 0 && fds[i].revents != 0)
                look(&attempts[i], &path->ports[i]);
    }
    for (guint i = 0; i < path->n_ports; i++) {
        if (attempts[i].fd < 0)
            continue;
        conclude(&path->ports[i], ETIMEDOUT, attempts[i].begun_us);
        close(attempts[i].fd);
    }
}

/* ---- the link ---- */

static gboolean
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a == NULL || a->sa_family != b->sa_family)
        return FALSE;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

/* The interface that the kernel would send through: a datagram socket that is connected has the
 * address of it, and has sent nothing. Owned; NULL where it cannot be told. */
static char *
interface_to(const struct addrinfo *to)
{
    struct sockaddr_storage own = { 0 };
    socklen_t length = sizeof own;
    struct ifaddrs *all = NULL;
    char *name = NULL;
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return NULL;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)(void *)&own, &length) == 0 && getifaddrs(&all) == 0) {
        for (const struct ifaddrs *one = all; one != NULL && name == NULL; one = one->ifa_next)
            if (same_address(one->ifa_addr, (struct sockaddr *)(void *)&own))
                name = g_strdup(one->ifa_name);
        freeifaddrs(all);
    }
    close(fd);
    return name;
}

/* <sys>/class/net/<interface>/speed in Mbit/s; -1 or an error where it has none */
static gint64
speed_of(const char *sys, const char *interface)
{
    g_autofree char *folder = g_build_filename(sys, "class", "net", interface, NULL);
    g_autofree char *text = nma_probe_read(folder, "speed", NULL);
    guint64 speed;

    if (text == NULL ||
        !g_ascii_string_to_unsigned(g_strchomp(text), 10, 1, G_MAXINT32, &speed, NULL))
        return NMA_UNKNOWN;
    return (gint64)speed;
}

/* ---- */

void
nma_probe_path(const char *address, const NmaPortToTry *ports, guint n_ports, gint64 timeout_ms,
               const char *sys, NmaPath *path)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    int result;

    nma_path_clear(path);
    path->address = g_strdup(address);
    path->tried = TRUE;
    result = getaddrinfo(address, ANY_PORT, &hints, &found);
    if (result != 0 || found == NULL) {
        path->error = g_strdup(gai_strerror(result));
        return;
    }
    path->resolved = TRUE;
    for (guint i = 0; i < n_ports && path->n_ports < NMA_MAX_PATH_PORTS; i++)
        path->ports[path->n_ports++] =
            (NmaPathPort){ .what = ports[i].what, .port = ports[i].port };
    try_ports(found, timeout_ms, path);
    path->interface = interface_to(found);
    if (path->interface != NULL)
        path->link_mbit_s = speed_of(sys, path->interface);
    freeaddrinfo(found);
}
