/* The control socket against well-behaved and hostile clients. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/core/now.h"
#include "agent/ops/control.h"
#include "tests/unit/tap.h"

typedef struct {
    char *path;
    NmaControl *control;
    gint64 now_us; /* the server's clock is the test's */
    guint handled;
} Fixture;

static json_t *
handler(const char *command, const json_t *args, gpointer user_data, GError **error)
{
    Fixture *f = user_data;

    f->handled++;
    if (strcmp(command, "echo") == 0)
        return json_pack("{s:O?}", "args", args);
    if (strcmp(command, "big") == 0)
        return json_stringn(memset(g_newa(char, 300000), 'b', 300000), 300000);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "no command %s", command);
    return NULL;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->path = g_build_filename(nma_test_dir(), "control", NULL);
    f->now_us = NMA_US_PER_S;
    f->control = nma_control_new(f->path, handler, f, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    nma_control_free(f->control);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    g_free(f->path);
}

static void
turn(Fixture *f, int timeout_ms)
{
    struct pollfd fds[1 + NMA_CONTROL_MAX_CLIENTS];
    gint64 deadline = NMA_NEVER;
    guint n = nma_control_poll_fds(f->control, fds, &deadline);

    g_assert_cmpuint(n, <=, G_N_ELEMENTS(fds));
    g_assert_cmpint(poll(fds, n, timeout_ms), >=, 0);
    nma_control_dispatch(f->control, fds, n, f->now_us);
}

static int
dial(const Fixture *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, f->path, sizeof address.sun_path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    g_assert_cmpint(errno, ==, EAGAIN);
    close(fd);
    return -1;
}

/* What the client gets within some turns; FALSE: the connection was closed without an answer. */
static gboolean
answer(Fixture *f, int fd, GString *line)
{
    char buffer[65536];

    for (guint i = 0; i < 500; i++) {
        gssize n;

        turn(f, 1);
        n = recv(fd, buffer, sizeof buffer, 0);
        if (n > 0)
            g_string_append_len(line, buffer, n);
        else if (n == 0 || errno == ECONNRESET)
            return line->len > 0;
    }
    g_assert_not_reached();
}

static void
assert_answer(Fixture *f, const char *request, gsize length, const char *expected)
{
    g_autoptr(GString) line = g_string_new(NULL);
    int fd = dial(f);

    g_assert_cmpint(send(fd, request, length, MSG_NOSIGNAL), ==, length);
    g_assert_true(answer(f, fd, line));
    g_assert_cmpstr(line->str, ==, expected);
    close(fd);
}

#define ASSERT_ANSWER(f, request, expected) assert_answer(f, request, sizeof(request) - 1, expected)

static void
test_answers(Fixture *f, gconstpointer data)
{
    ASSERT_ANSWER(f, "{\"command\":\"echo\",\"args\":{\"a\":1}}\n",
                  "{\"ok\":true,\"result\":{\"args\":{\"a\":1}}}\n");
    ASSERT_ANSWER(f, "{\"command\":\"echo\"}\n", "{\"ok\":true,\"result\":{\"args\":null}}\n");
    ASSERT_ANSWER(f, "{\"command\":\"jump\"}\n", "{\"ok\":false,\"error\":\"no command jump\"}\n");
    g_assert_cmpuint(f->handled, ==, 3);
}

#define NOT_A_REQUEST                                                                              \
    "{\"ok\":false,\"error\":\"not a request: want {\\\"command\\\": \\\"…\\\", "                \
    "\\\"args\\\": {…}}\"}\n"

static void
test_refuses(Fixture *f, gconstpointer data)
{
    g_autofree char *deep = g_strnfill(NMA_CONTROL_MAX_REQUEST_BYTES, '[');
    g_autofree char *line = g_strconcat(deep, "\n", NULL);

    ASSERT_ANSWER(f, "\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "nonsense\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "[1]\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "{\"command\":7}\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "{\"command\":\"echo\",\"args\":[]}\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "{\"command\":\"echo\",\"command\":\"echo\"}\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "{\"command\":\"\xff\"}\n", NOT_A_REQUEST);
    ASSERT_ANSWER(f, "\0\0\n", NOT_A_REQUEST);
    assert_answer(f, line, strlen(line), NOT_A_REQUEST);
    g_assert_cmpuint(f->handled, ==, 0);
}

static void
test_long_line(Fixture *f, gconstpointer data)
{
    g_autofree char *line = g_strnfill(NMA_CONTROL_MAX_REQUEST_BYTES + 1, 'x');

    assert_answer(f, line, strlen(line), "{\"ok\":false,\"error\":\"the request is too long\"}\n");
}

static void
test_slow_clients(Fixture *f, gconstpointer data)
{
    struct pollfd fds[1 + NMA_CONTROL_MAX_CLIENTS];
    int slow[NMA_CONTROL_MAX_CLIENTS], late;
    g_autoptr(GString) line = g_string_new(NULL);
    gint64 deadline = NMA_NEVER;

    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++) {
        slow[i] = dial(f);
        g_assert_cmpint(slow[i], >=, 0);
        g_assert_cmpint(send(slow[i], "{", 1, MSG_NOSIGNAL), ==, 1);
        turn(f, 100);
    }
    /* no slot left: the next one waits, the loop does not spin on the listener */
    late = dial(f);
    g_assert_cmpint(late, >=, 0);
    g_assert_cmpint(send(late, "{\"command\":\"echo\"}\n", 19, MSG_NOSIGNAL), ==, 19);
    for (guint i = 0; i < 20; i++)
        turn(f, 0);
    g_assert_cmpuint(nma_control_poll_fds(f->control, fds, &deadline), ==, G_N_ELEMENTS(fds));
    g_assert_cmpint(fds[0].events, ==, 0);
    g_assert_cmpint(deadline, ==, f->now_us + NMA_CONTROL_CLIENT_DEADLINE_US);
    g_assert_cmpuint(f->handled, ==, 0);

    f->now_us = deadline;
    turn(f, 0);
    g_assert_true(answer(f, late, line));
    g_assert_cmpuint(f->handled, ==, 1);
    for (guint i = 0; i < NMA_CONTROL_MAX_CLIENTS; i++) {
        char c;

        g_assert_cmpint(recv(slow[i], &c, 1, 0), ==, 0);
        close(slow[i]);
    }
    close(late);
}

/* takes its time to read a large answer, then goes away in the middle of it */
static void
test_slow_reader(Fixture *f, gconstpointer data)
{
    struct pollfd fds[1 + NMA_CONTROL_MAX_CLIENTS];
    gint64 deadline = NMA_NEVER;
    int fd = dial(f);

    g_assert_cmpint(send(fd, "{\"command\":\"big\"}\n", 18, MSG_NOSIGNAL), ==, 18);
    for (guint i = 0; i < 10; i++)
        turn(f, 1);
    g_assert_cmpuint(nma_control_poll_fds(f->control, fds, &deadline), ==, 2);
    g_assert_cmpint(fds[1].events, ==, POLLOUT);
    close(fd);
    for (guint i = 0; i < 10; i++)
        turn(f, 1);
    g_assert_cmpuint(nma_control_poll_fds(f->control, fds, &deadline), ==, 1);
}

static void
test_file(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *stale = g_strconcat(f->path, "-stale", NULL);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat st;
    NmaControl *second;
    int fd;

    g_assert_cmpint(stat(f->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0660);

    g_assert_null(nma_control_new(f->path, handler, f, &error));
    g_assert_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_RUNNING);
    g_clear_error(&error);

    /* left behind by a killed agent */
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_strlcpy(address.sun_path, stale, sizeof address.sun_path);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
    close(fd);
    second = nma_control_new(stale, handler, f, &error);
    g_assert_no_error(error);
    nma_control_free(second);

    /* what is no socket stays */
    g_assert_true(g_file_set_contents(stale, "mine", -1, NULL));
    g_assert_null(nma_control_new(stale, handler, f, &error));
    g_assert_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED);
    g_assert_true(g_file_test(stale, G_FILE_TEST_IS_REGULAR));
    g_unlink(stale);
    g_clear_error(&error);

    g_assert_null(nma_control_new(
        "/" G_STRINGIFY(__LINE__) "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                  "aaaaaaaaaaaaaaaa",
        handler, f, &error));
    g_assert_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_FAILED);
}

/* ---- nma_control_ask ---- */

typedef struct {
    Fixture *fixture;
    gint stop; /* atomic */
} Server;

static gpointer
serve(gpointer data)
{
    Server *server = data;

    while (!g_atomic_int_get(&server->stop))
        turn(server->fixture, 5);
    return NULL;
}

static void
test_ask(Fixture *f, gconstpointer data)
{
    Server server = { .fixture = f };
    GThread *thread = g_thread_new("server", serve, &server);
    g_autoptr(GError) error = NULL;
    json_t *result;

    result = nma_control_ask(f->path, "echo", json_pack("{s:i}", "n", 5), 5000, &error);
    g_assert_no_error(error);
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(result, "args"), "n")), ==,
                    5);
    json_decref(result);

    result = nma_control_ask(f->path, "big", NULL, 5000, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_string_length(result), ==, 300000);
    json_decref(result);

    g_assert_null(nma_control_ask(f->path, "jump", NULL, 5000, &error));
    g_assert_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_REFUSED);
    g_assert_cmpstr(error->message, ==, "no command jump");
    g_clear_error(&error);

    g_atomic_int_set(&server.stop, 1);
    g_thread_join(thread);

    g_assert_null(nma_control_ask(f->path, "echo", NULL, 50, &error));
    g_assert_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_TIMEOUT);
    g_clear_error(&error);
    g_assert_null(nma_control_ask("/nowhere/control", "echo", NULL, 50, &error));
    g_assert_error(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_NOT_RUNNING);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Fixture *, gconstpointer);
    } tests[] = {
        { "/control/answers", test_answers },
        { "/control/refuses", test_refuses },
        { "/control/long-line", test_long_line },
        { "/control/slow-clients", test_slow_clients },
        { "/control/slow-reader", test_slow_reader },
        { "/control/file", test_file },
        { "/control/ask", test_ask },
    };

    nma_test_init(argc, argv);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
    return g_test_run();
}
