#include "agent/ops/control.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/core/now.h"

typedef struct {
    int fd; /* -1: free slot */
    gint64 deadline_boot_us;
    GString *in;
    char *out; /* the answer, once the request is whole */
    gsize out_length, out_sent;
} Client;

struct NmaControl {
    int listener;
    char *path;
    struct stat made; /* which socket file is ours to unlink */
    NmaControlHandler handler;
    gpointer user_data;
    Client clients[NMA_CONTROL_MAX_CLIENTS];
};

G_DEFINE_QUARK(nma_control_error_quark, nma_control_error)

static gboolean
fill_address(const char *path, struct sockaddr_un *address, GError **error)
{
    gsize length = strlen(path);

    if (length >= sizeof address->sun_path) {
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED,
                    "%s is too long for a socket: at most %zu bytes", path,
                    sizeof address->sun_path - 1);
        return FALSE;
    }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    return TRUE;
}

static gboolean
fail(GError **error, const char *what, const char *path)
{
    int saved = errno;

    g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED, "%s %s: %s", what, path,
                g_strerror(saved));
    return FALSE;
}

/* ---- the agent's side ---- */

/* A socket file of which nobody accepts was left by a killed agent. Anything else stays. */
static gboolean
clear_the_way(const char *path, const struct sockaddr_un *address, GError **error)
{
    struct stat st;
    int fd, rc;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? TRUE : fail(error, "cannot look at", path);
    if (!S_ISSOCK(st.st_mode)) {
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED, "%s is not a socket", path);
        return FALSE;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(error, "cannot make a socket for", path);
    rc = connect(fd, (const struct sockaddr *)address, sizeof *address);
    if (rc != 0 && errno == ECONNREFUSED) {
        close(fd);
        return g_unlink(path) == 0 || errno == ENOENT ? TRUE : fail(error, "cannot remove", path);
    }
    if (rc != 0 && errno != EAGAIN) { /* EAGAIN: its backlog is full, so it lives */
        fail(error, "cannot try", path);
        close(fd);
        return FALSE;
    }
    close(fd);
    g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_RUNNING,
                "another agent answers at %s: one agent per host", path);
    return FALSE;
}

NmaControl *
nma_control_new(const char *path, NmaControlHandler handler, gpointer user_data, GError **error)
{
    struct sockaddr_un address;
    NmaControl *control;
    struct stat made;
    int fd;

    if (!fill_address(path, &address, error) || !clear_the_way(path, &address, error))
        return NULL;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        fail(error, "cannot make a socket for", path);
        return NULL;
    }
    /* The mode of the descriptor, less the umask, becomes that of the file: never wider than 0660,
     * not even between bind and chmod. */
    (void)fchmod(fd, 0660);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail(error, "cannot bind", path);
        close(fd);
        return NULL;
    }
    if (chmod(path, 0660) != 0 || lstat(path, &made) != 0 ||
        listen(fd, NMA_CONTROL_MAX_CLIENTS) != 0) {
        fail(error, "cannot listen at", path);
        (void)g_unlink(path);
        close(fd);
        return NULL;
    }
    control = g_new0(NmaControl, 1);
    control->listener = fd;
    control->path = g_strdup(path);
    control->made = made;
    control->handler = handler;
    control->user_data = user_data;
    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++)
        control->clients[i].fd = -1;
    return control;
}

static void
drop_client(Client *client)
{
    if (client->fd < 0)
        return;
    close(client->fd);
    client->fd = -1;
    g_string_free(client->in, TRUE);
    free(client->out);
    client->out = NULL;
}

void
nma_control_free(NmaControl *control)
{
    struct stat st;

    if (control == NULL)
        return;
    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++)
        drop_client(&control->clients[i]);
    close(control->listener);
    if (lstat(control->path, &st) == 0 && st.st_dev == control->made.st_dev &&
        st.st_ino == control->made.st_ino)
        (void)g_unlink(control->path);
    g_free(control->path);
    g_free(control);
}

guint
nma_control_poll_fds(NmaControl *control, struct pollfd *fds, gint64 *deadline_boot_us)
{
    guint n = 1;

    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++) {
        Client *client = &control->clients[i];

        if (client->fd < 0)
            continue;
        fds[n++] = (struct pollfd){ .fd = client->fd, .events = client->out ? POLLOUT : POLLIN };
        *deadline_boot_us = MIN(*deadline_boot_us, client->deadline_boot_us);
    }
    /* with every slot taken the listener waits for a deadline to pass */
    fds[0] = (struct pollfd){ .fd = control->listener,
                              .events = n <= NMA_CONTROL_MAX_CLIENTS ? POLLIN : 0 };
    return n;
}

static json_t *
text_for_json(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return json_string(valid);
}

/* Takes the result. */
static void
set_answer(Client *client, json_t *result, const GError *error)
{
    json_t *answer = result != NULL
                         ? json_pack("{s:b, s:o}", "ok", 1, "result", result)
                         : json_pack("{s:b, s:o}", "ok", 0, "error",
                                     text_for_json(error != NULL ? error->message : "no answer"));

    client->out = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (client->out == NULL)
        client->out = strdup("{\"ok\":false,\"error\":\"the answer cannot be written\"}");
    client->out_length = client->out != NULL ? strlen(client->out) : 0;
    if (client->out != NULL) /* the NUL makes room for the newline: the length is kept beside */
        client->out[client->out_length++] = '\n';
}

static json_t *
handle_line(NmaControl *control, const char *line, gsize length, GError **error)
{
    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *args = json_object_get(request, "args");
    const char *command = json_string_value(json_object_get(request, "command"));
    json_t *result = NULL;

    if (command == NULL || (args != NULL && !json_is_object(args) && !json_is_null(args)))
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED,
                    "not a request: want {\"command\": \"…\", \"args\": {…}}");
    else
        result = control->handler(command, json_is_object(args) ? args : NULL, control->user_data,
                                  error);
    json_decref(request);
    return result;
}

/* FALSE: the client is to be dropped */
static gboolean
receive(NmaControl *control, Client *client)
{
    char buffer[4096];
    gssize n = recv(client->fd, buffer, sizeof buffer, 0);
    g_autoptr(GError) error = NULL;
    json_t *result = NULL;
    const char *end;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return FALSE;
    g_string_append_len(client->in, buffer, n);
    end = memchr(client->in->str, '\n', client->in->len);
    if (end != NULL && end - client->in->str <= NMA_CONTROL_MAX_REQUEST_BYTES)
        result = handle_line(control, client->in->str, (gsize)(end - client->in->str), &error);
    else if (end != NULL || client->in->len > NMA_CONTROL_MAX_REQUEST_BYTES)
        g_set_error(&error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED, "the request is too long");
    else
        return TRUE;
    set_answer(client, result, error);
    return client->out != NULL;
}

/* FALSE: all is sent, or the client is gone */
static gboolean
transmit(Client *client)
{
    gssize n = send(client->fd, client->out + client->out_sent,
                    client->out_length - client->out_sent, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    client->out_sent += (gsize)n;
    return client->out_sent < client->out_length;
}

static void
accept_client(NmaControl *control, gint64 now_boot_us)
{
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++) {
        Client *client = &control->clients[i];

        if (client->fd >= 0)
            continue;
        *client = (Client){ .fd = fd,
                            .deadline_boot_us = now_boot_us + NMA_CONTROL_CLIENT_DEADLINE_US,
                            .in = g_string_sized_new(256) };
        return;
    }
    close(fd);
}

void
nma_control_dispatch(NmaControl *control, const struct pollfd *fds, guint n_fds, gint64 now_boot_us)
{
    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++) {
        Client *client = &control->clients[i];
        gboolean keep = TRUE;

        if (client->fd < 0)
            continue;
        for (guint f = 1; f < n_fds && keep; f++) {
            if (fds[f].fd != client->fd || fds[f].revents == 0)
                continue;
            if (client->out == NULL)
                keep = receive(control, client);
            if (keep && client->out != NULL)
                keep = transmit(client);
        }
        if (!keep || now_boot_us >= client->deadline_boot_us)
            drop_client(client);
    }
    if (n_fds > 0 && (fds[0].revents & POLLIN))
        accept_client(control, now_boot_us);
}

/* ---- the asking side ---- */

static gboolean
wait_for(int fd, short events, gint64 deadline_us)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    gint64 left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
    int rc;

    do {
        rc = poll(&pfd, 1, (int)CLAMP(left_ms, 0, G_MAXINT));
        left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

static gboolean
timed_out(GError **error, const char *path)
{
    g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_TIMEOUT,
                "the agent at %s does not answer in time", path);
    return FALSE;
}

/* Returns a connected descriptor, or -1. connect() to a full backlog blocks up to SO_SNDTIMEO. */
static int
connect_to(const char *path, gint64 timeout_ms, GError **error)
{
    struct timeval timeout = { .tv_sec = timeout_ms / 1000,
                               .tv_usec = (timeout_ms % 1000) * 1000 + 1 };
    struct sockaddr_un address;
    int fd;

    if (!fill_address(path, &address, error))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail(error, "cannot make a socket for", path);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED)
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_NOT_RUNNING,
                    "the agent does not run here (nobody answers at %s)", path);
    else if (errno == EAGAIN)
        timed_out(error, path);
    else
        fail(error, "cannot connect to", path);
    close(fd);
    return -1;
}

static gboolean
send_all(int fd, const char *text, const char *path, gint64 deadline_us, GError **error)
{
    gsize length = strlen(text);

    while (length > 0) {
        gssize n;

        if (!wait_for(fd, POLLOUT, deadline_us))
            return timed_out(error, path);
        n = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return fail(error, "cannot send to", path);
        text += n;
        length -= (gsize)n;
    }
    return TRUE;
}

static gboolean
receive_line(int fd, GString *line, const char *path, gint64 deadline_us, GError **error)
{
    char buffer[4096];

    while (memchr(line->str, '\n', line->len) == NULL) {
        gssize n;

        if (!wait_for(fd, POLLIN, deadline_us))
            return timed_out(error, path);
        n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return fail(error, "cannot read from", path);
        if (n == 0 || line->len > NMA_CONTROL_MAX_ANSWER_BYTES) {
            g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED,
                        "the agent at %s sent no whole answer", path);
            return FALSE;
        }
        g_string_append_len(line, buffer, n);
    }
    return TRUE;
}

/* The result out of an answer; new reference. */
static json_t *
read_answer(const GString *line, const char *path, GError **error)
{
    json_t *answer = json_loadb(line->str, line->len, JSON_REJECT_DUPLICATES, NULL);
    json_t *result = json_is_true(json_object_get(answer, "ok"))
                         ? json_incref(json_object_get(answer, "result"))
                         : NULL;
    const char *text = json_string_value(json_object_get(answer, "error"));

    if (result == NULL && text != NULL)
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_REFUSED, "%s", text);
    else if (result == NULL)
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED,
                    "what answers at %s is no agent", path);
    json_decref(answer);
    return result;
}

json_t *
nma_control_ask(const char *path, const char *command, json_t *args, gint64 timeout_ms,
                GError **error)
{
    gint64 deadline_us = g_get_monotonic_time() + timeout_ms * 1000;
    g_autoptr(GString) line = g_string_new(NULL);
    json_t *request = json_pack("{s:s, s:o*}", "command", command, "args", args);
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_t *result = NULL;
    int fd = -1;

    json_decref(request);
    if (text == NULL)
        g_set_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED, "not a command");
    else
        fd = connect_to(path, timeout_ms, error);
    if (fd >= 0 && send_all(fd, text, path, deadline_us, error) &&
        send_all(fd, "\n", path, deadline_us, error) &&
        receive_line(fd, line, path, deadline_us, error))
        result = read_answer(line, path, error);
    if (fd >= 0)
        close(fd);
    free(text);
    return result;
}
