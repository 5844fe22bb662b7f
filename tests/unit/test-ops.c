/* Log lines, sd_notify and the metrics file. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/core/now.h"
#include "agent/ops/log.h"
#include "agent/ops/metrics.h"
#include "agent/ops/sd_notify.h"
#include "tests/unit/tap.h"

/* ---- log: g_log_set_writer_func is for once and all, so each case is a process of its own ---- */

static void
in_child(void (*body)(void))
{
    if (g_test_subprocess()) {
        nma_log_init();
        g_log_set_always_fatal(G_LOG_FATAL_MASK); /* g_test_init made warnings fatal */
        body();
        exit(0);
    }
    g_test_trap_subprocess(NULL, 5 * NMA_US_PER_S, 0);
    g_test_trap_assert_passed();
}

static void
log_shape_body(void)
{
    g_message("text of %d", 7);
}

static void
test_log_shape(void)
{
    in_child(log_shape_body);
    g_test_trap_assert_stderr("2*-*-* *:*:*.* * INFO agent [-] text of 7\n");
}

static void
log_levels_body(void)
{
    g_debug("not yet");
    g_info("told");
    g_assert_cmpstr(nma_log_get_level(), ==, "info");
    g_assert_true(nma_log_set_level("debug"));
    g_debug("now");
    g_assert_true(nma_log_set_level("error"));
    g_warning("no more");
    g_assert_false(nma_log_set_level("verbose"));
    g_assert_cmpstr(nma_log_get_level(), ==, "error");
    g_critical("bad");
}

static void
test_log_levels(void)
{
    in_child(log_levels_body);
    g_test_trap_assert_stderr(
        "* INFO agent [-] told\n* DEBUG agent [-] now\n* ERROR agent [-] bad\n");
    g_test_trap_assert_stderr_unmatched("*not yet*");
    g_test_trap_assert_stderr_unmatched("*no more*");
}

static void
log_hostile_body(void)
{
    g_autofree char *huge = g_strnfill(100000, 'x');

    g_message("a\n2026-01-01 ERROR forged \033[2J\xff z");
    g_message("%s", huge);
}

static void
test_log_hostile(void)
{
    in_child(log_hostile_body);
    g_test_trap_assert_stderr("*a\\n2026-01-01 ERROR forged \\x1b[2J* z\n*xxx...\n");
}

static void
test_log_journal(void)
{
    if (g_test_subprocess()) {
        FILE *journal = tmpfile();
        char stream[64], text[128] = "";
        struct stat st;

        g_assert_cmpint(dup2(fileno(journal), STDERR_FILENO), ==, STDERR_FILENO);
        g_assert_cmpint(fstat(STDERR_FILENO, &st), ==, 0);
        g_snprintf(stream, sizeof stream, "%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                   (guint64)st.st_dev, (guint64)st.st_ino);
        g_setenv("JOURNAL_STREAM", stream, TRUE);
        nma_log_init();
        g_log_set_always_fatal(G_LOG_FATAL_MASK);
        g_warning("to the journal");
        g_assert_cmpint(pread(fileno(journal), text, sizeof text - 1, 0), >, 0);
        g_assert_cmpstr(text, ==, "<4>WARNING agent [-] to the journal\n");
        fclose(journal);
        exit(0);
    }
    g_test_trap_subprocess(NULL, 5 * NMA_US_PER_S, 0);
    g_test_trap_assert_passed();
}

static void
test_log_limit(void)
{
    NmaLogLimit limit = { 0 };
    guint suppressed, allowed = 0;

    for (guint i = 0; i < 100; i++)
        allowed += nma_log_allowed(&limit, NMA_US_PER_S + i, &suppressed) ? 1 : 0;
    g_assert_cmpuint(allowed, ==, 5);
    g_assert_true(nma_log_allowed(&limit, 61 * NMA_US_PER_S, &suppressed));
    g_assert_cmpuint(suppressed, ==, 95);
    g_assert_true(nma_log_allowed(&limit, 61 * NMA_US_PER_S, &suppressed));
    g_assert_cmpuint(suppressed, ==, 0);
}

/* ---- sd_notify ---- */

static int
listen_at(const char *path, gboolean abstract)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    gsize length = strlen(path);

    memcpy(address.sun_path + (abstract ? 1 : 0), path, length);
    g_assert_cmpint(
        bind(fd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (abstract ? 1 : 0))),
        ==, 0);
    return fd;
}

static void
assert_notified(int fd, const char *expected)
{
    char buffer[64] = "";

    g_assert_cmpint(recv(fd, buffer, sizeof buffer - 1, MSG_DONTWAIT), ==, strlen(expected));
    g_assert_cmpstr(buffer, ==, expected);
}

static void
test_sd_notify(void)
{
    g_autofree char *path = g_build_filename(nma_test_dir(), "notify", NULL);
    g_autofree char *name = g_strdup_printf("nma-test-%d", (int)getpid());
    g_autofree char *abstract = g_strconcat("@", name, NULL);
    int file = listen_at(path, FALSE), other = listen_at(name, TRUE);

    g_unsetenv("NOTIFY_SOCKET");
    nma_sd_notify("READY=1");
    g_setenv("NOTIFY_SOCKET", path, TRUE);
    nma_sd_notify("STATUS=in words");
    assert_notified(file, "STATUS=in words");
    g_setenv("NOTIFY_SOCKET", abstract, TRUE);
    nma_sd_notify("WATCHDOG=1");
    assert_notified(other, "WATCHDOG=1");
    g_setenv("NOTIFY_SOCKET", "relative", TRUE);
    nma_sd_notify("READY=1");
    g_unsetenv("NOTIFY_SOCKET");
    close(file);
    close(other);
    g_unlink(path);
}

static void
test_sd_watchdog(void)
{
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());

    g_unsetenv("WATCHDOG_PID");
    g_unsetenv("WATCHDOG_USEC");
    g_assert_cmpint(nma_sd_watchdog_interval_us(), ==, 0);
    g_setenv("WATCHDOG_USEC", "30000000", TRUE);
    g_assert_cmpint(nma_sd_watchdog_interval_us(), ==, 15000000);
    g_setenv("WATCHDOG_PID", "1", TRUE);
    g_assert_cmpint(nma_sd_watchdog_interval_us(), ==, 0);
    g_setenv("WATCHDOG_PID", pid, TRUE);
    g_assert_cmpint(nma_sd_watchdog_interval_us(), ==, 15000000);
    g_setenv("WATCHDOG_USEC", "soon", TRUE);
    g_assert_cmpint(nma_sd_watchdog_interval_us(), ==, 0);
}

/* ---- metrics ---- */

static void
test_metrics(void)
{
    NmaMetrics metrics = { .bus_in_connected = TRUE,
                           .tap_age_seconds = 12.5,
                           .unroutable_total = 3,
                           .migrations = { [NMA_PHASE_PRE_COPY] = 2 },
                           .findings = { [NMA_SEVERITY_ERROR] = 4 } };
    NmaMetrics unaudited = { .audit_age_seconds = -1 };
    g_autofree char *without = nma_metrics_format(&unaudited);
    g_autofree char *path = g_build_filename(nma_test_dir(), "agent.prom", NULL);
    g_autofree char *beside = g_strconcat(path, ".tmp", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    struct stat st;

    g_assert_true(nma_metrics_write(&metrics, path, &error));
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "\nnova_migration_agent_bus_connected{connection=\"in\"} 1\n"));
    g_assert_nonnull(strstr(text, "\nnova_migration_agent_bus_connected{connection=\"out\"} 0\n"));
    g_assert_nonnull(strstr(text, "\nnova_migration_agent_tap_age_seconds 12.5\n"));
    g_assert_nonnull(strstr(text, "\nnova_migration_agent_unroutable_total 3\n"));
    g_assert_nonnull(strstr(text, "\nnova_migration_agent_migrations{phase=\"pre_copy\"} 2\n"));
    g_assert_nonnull(
        strstr(text, "\nnova_migration_agent_config_findings{severity=\"error\"} 4\n"));
    g_assert_nonnull(strstr(without, "\nnova_migration_agent_config_audit_age_seconds -1\n"));
    g_assert_null(strstr(without, "config_findings"));
    g_assert_true(g_str_has_suffix(text, "\n"));
    g_assert_false(g_file_test(beside, G_FILE_TEST_EXISTS));
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0644);

    g_assert_false(nma_metrics_write(&metrics, "/nowhere/at/all.prom", &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_unlink(path);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/log/shape", test_log_shape);
    g_test_add_func("/log/levels", test_log_levels);
    g_test_add_func("/log/hostile", test_log_hostile);
    g_test_add_func("/log/journal", test_log_journal);
    g_test_add_func("/log/limit", test_log_limit);
    g_test_add_func("/sd-notify/sends", test_sd_notify);
    g_test_add_func("/sd-notify/watchdog", test_sd_watchdog);
    g_test_add_func("/metrics/write", test_metrics);
    return g_test_run();
}
