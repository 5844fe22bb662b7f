/* The store's files: one agent per directory, damaged and newer databases, kill -9. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/store/outbox.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/tap.h"

static void
test_locked(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    NmaStore *store = open_store(dir, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *aside = NULL;

    g_assert_null(nma_store_open(dir, &aside, &error));
    g_assert_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_LOCKED);
    g_assert_nonnull(strstr(error->message, dir));
    g_assert_null(aside);
    nma_store_close(store);
    nma_store_close(open_store(dir, NULL));
}

static void
assert_begun_anew(const char *dir, const char *reason)
{
    g_autofree char *aside = NULL;
    g_autofree char *prefix = g_strdup_printf("%s/agent.db.%s-", dir, reason);
    NmaStore *store = open_store(dir, &aside);

    g_assert_nonnull(aside);
    g_test_message("%s", aside);
    g_assert_true(g_str_has_prefix(aside, prefix));
    g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS));
    g_assert_null(nma_store_get_boot_id(store));
    g_assert_true(nma_store_set_boot_id(store, "works", NULL));
    nma_store_close(store);
}

static void
test_newer(void)
{
    g_autoptr(TestDir) dir = test_dir_new();

    for (guint i = 0; i < 2; i++) { /* twice within a second: two names */
        NmaStore *store = open_store(dir, NULL);

        g_assert_true(nma_store_set_boot_id(store, "old", NULL));
        nma_store_close(store);
        sql_in(dir, "PRAGMA user_version = 99");
        assert_begun_anew(dir, "newer");
    }
}

static void
test_corrupt(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    g_autofree char *path = g_build_filename(dir, "agent.db", NULL);
    g_autofree char *bytes = NULL;
    gsize length;

    /* no database at all */
    g_assert_true(g_file_set_contents(path, "hello, this is no database, is it?\n", -1, NULL));
    assert_begun_anew(dir, "corrupt");

    /* pages in the middle overwritten */
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    g_assert_cmpuint(length, >, 3 * 4096);
    memset(bytes + 4096, 0x5a, 2 * 4096);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
    assert_begun_anew(dir, "corrupt");

    /* cut off */
    g_assert_true(g_file_set_contents(path, bytes, 100, NULL));
    assert_begun_anew(dir, "corrupt");

    /* a database, but not ours */
    sql_in(dir, "DROP TABLE outbox");
    assert_begun_anew(dir, "corrupt");
}

/* Whoever is not alone moves nothing, however the database looks. */
static void
test_locked_and_corrupt(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    g_autofree char *path = g_build_filename(dir, "agent.db", NULL);
    g_autofree char *lock = g_build_filename(dir, "agent.lock", NULL);
    g_autofree char *aside = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_open(lock, O_RDWR | O_CREAT, 0600);

    g_assert_true(g_file_set_contents(path, "no database", -1, NULL));
    g_assert_cmpint(flock(fd, LOCK_EX | LOCK_NB), ==, 0);
    g_assert_null(nma_store_open(dir, &aside, &error));
    g_assert_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_LOCKED);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_close(fd, NULL);
}

static void
test_no_directory(void)
{
    g_autoptr(GError) error = NULL;
    char *aside = NULL;

    g_assert_null(nma_store_open("/dev/null/state", &aside, &error));
    g_assert_error(error, NMA_STORE_ERROR, NMA_STORE_ERROR_FAILED);
}

/* ---- kill -9 ---- */

#define ROWS_PER_TRANSACTION 3
#define KILLS                25

/* Writes transactions for ever; tells the number of each on the pipe when it is committed. */
static void
write_until_killed(const char *dir, gint64 next, int pipe_fd)
{
    char *aside = NULL;
    NmaStore *store = nma_store_open(dir, &aside, NULL);
    guint64 dropped = 0;

    while (store != NULL && aside == NULL) {
        gboolean good = nma_store_begin(store, NULL);

        for (int row = 0; row < ROWS_PER_TRANSACTION; row++) {
            char payload[64];

            g_snprintf(payload, sizeof payload, "%" G_GINT64_FORMAT ".%d", next, row);
            good = good && nma_outbox_append(store, "e", payload, 1, &dropped, NULL);
        }
        if (!good || !nma_store_commit(store, NULL) ||
            write(pipe_fd, &next, sizeof next) != sizeof next) {
            _exit(1);
        }
        next++;
        nma_store_idle(store);
    }
    _exit(1);
}

/* what is there: whole transactions without a gap; returns the number of the last one */
static gint64
assert_whole_transactions(const char *dir)
{
    NmaStore *store = open_store(dir, NULL);
    g_autoptr(GPtrArray) rows = nma_outbox_list(store, 0, G_MAXINT, NULL);
    gint64 next = -1; /* row number over all transactions; the outbox drops the oldest rows */

    g_assert_nonnull(rows);
    for (guint i = 0; i < rows->len; i++) {
        const NmaOutboxRow *row = rows->pdata[i];
        char *dot = NULL;
        gint64 number = g_ascii_strtoll(row->payload, &dot, 10) * ROWS_PER_TRANSACTION;

        number += g_ascii_strtoll(dot + 1, NULL, 10);
        g_assert_true(next == -1 || number == next);
        next = number + 1;
    }
    nma_store_close(store);
    g_assert_true(next == -1 || next % ROWS_PER_TRANSACTION == 0);
    return next == -1 ? -1 : next / ROWS_PER_TRANSACTION - 1;
}

static void
test_kill(void)
{
    g_autoptr(TestDir) dir = test_dir_new();
    gint64 last = -1;
    gint32 longest_us = 40000;

    nma_store_close(open_store(dir, NULL));
    for (guint i = 0; i < KILLS; i++) {
        int fds[2], status = 0;
        gint64 told = last, before = last;
        pid_t child;

        g_assert_cmpint(pipe(fds), ==, 0);
        child = fork();
        if (child == 0) {
            write_until_killed(dir, last + 1, fds[1]);
        }
        close(fds[1]);
        /* at any moment, the opening included */
        g_usleep((gulong)g_test_rand_int_range(1000, longest_us));
        g_assert_cmpint(kill(child, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(child, &status, 0), ==, child);
        g_assert_true(WIFSIGNALED(status));
        while (read(fds[0], &told, sizeof told) == sizeof told) {
        }
        close(fds[0]);
        last = assert_whole_transactions(dir);
        /* what was committed is there, at most one more that could not be told */
        g_assert_cmpint(last, >=, told);
        g_assert_cmpint(last, <=, told + 1);
        if (last == before && longest_us < 2000000) /* a slow machine, or a sanitizer */
            longest_us *= 2;
    }
    g_test_message("%" G_GINT64_FORMAT " transactions survived %d kills", last + 1, KILLS);
    g_assert_cmpint(last, >, KILLS);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/store-files/locked", test_locked);
    g_test_add_func("/store-files/newer", test_newer);
    g_test_add_func("/store-files/corrupt", test_corrupt);
    g_test_add_func("/store-files/locked-and-corrupt", test_locked_and_corrupt);
    g_test_add_func("/store-files/no-directory", test_no_directory);
    g_test_add_func("/store-files/kill", test_kill);
    return g_test_run();
}
