/* The command line: what is taken, what is refused, and that no URL is repeated. */
#include "agent/watch/options.h"

#include <string.h>

#include "tests/unit/tap.h"

#define UUID "4f2a1c3e-0000-4000-8000-000000000001"

static NmaWatchOptions *
parse(const char *line, GError **error)
{
    g_autofree char *whole = g_strconcat("nova-migration-watch ", line, NULL);
    g_auto(GStrv) args = g_strsplit(whole, " ", -1);

    if (*line == '\0')
        args[1] = (g_free(args[1]), NULL);
    return nma_watch_options_parse(&args, error);
}

static void
test_defaults(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaWatchOptions) options = parse("", &error);

    g_assert_no_error(error);
    g_assert_null(options->cells);
    g_assert_null(options->target);
    g_assert_cmpstr(options->topic, ==, "live_migration_reports");
    g_assert_cmpint(options->timeout_us, ==, 0);
    g_assert_false(options->once || options->json);
}

static void
test_all(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaWatchOptions) options =
        parse("--cell cell1=/etc/nova/cell1.conf --cell cell2=/etc/nova/a=b.conf --json --once "
              "--host cmp-a --timeout 2.5 --topic my.reports " UUID,
              &error);

    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(options->cells), ==, 2);
    g_assert_cmpstr(options->host, ==, "cmp-a");
    g_assert_cmpstr(options->topic, ==, "my.reports");
    g_assert_cmpstr(options->target, ==, UUID);
    g_assert_cmpint(options->timeout_us, ==, 2500000);
    g_assert_true(options->once && options->json);
}

static void
test_refused(void)
{
    static const char *const lines[] = {
        "--nonsense",
        "--cell",
        "--cell onlyname",
        "--cell =/etc/nova/nova.conf",
        "--cell name=",
        "--cell a=/x --cell a=/y",
        "--cell a=rabbit://nova:secret@host//",
        "rabbit://nova:secret@host//",
        "--timeout soon",
        "--timeout -1",
        "--timeout nan",
        "--timeout 4x",
        "--timeout 4hm",
        "--timeout h",
        "--timeout 99999d",
        "--until-empty",
        "--until-empty --host a " UUID,
        "--until-empty --host a --once",
        "--until-empty --host a --replay f",
        "--agent-topic a*b",
        "--topic ",
        "--topic a*b",
        "--topic #",
        "web-7",
        "0",
        "-5",
        UUID "0",
        UUID " " UUID,
        "99999999999999999999",
        "--replay f --cell a=/x",
    };

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NmaWatchOptions) options = parse(lines[i], &error);

        if (options)
            g_error("taken: %s", lines[i]);
        g_assert_nonnull(error);
        g_assert_null(strstr(error->message, "secret"));
    }
}

static void
test_drain(void)
{
    static const struct {
        const char *text;
        gint64 us;
    } times[] = {
        { "4h", G_GINT64_CONSTANT(14400000000) },  { "30m", 1800000000 }, { "90s", 90000000 },
        { "1.5h", G_GINT64_CONSTANT(5400000000) }, { "90", 90000000 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autofree char *line =
            g_strdup_printf("--host a --until-empty --timeout %s", times[i].text);
        g_autoptr(GError) error = NULL;
        g_autoptr(NmaWatchOptions) options = parse(line, &error);

        g_assert_no_error(error);
        g_assert_true(options->until_empty);
        g_assert_cmpstr(options->agent_topic, ==, "nova_migration_agent");
        g_assert_cmpint(options->timeout_us, ==, times[i].us);
    }
}

static void
test_targets(void)
{
    static const char *const lines[] = { UUID, "1", "42", "9223372036854775807" };

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NmaWatchOptions) options = parse(lines[i], &error);

        g_assert_no_error(error);
        g_assert_cmpstr(options->target, ==, lines[i]);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/watch/options/defaults", test_defaults);
    g_test_add_func("/watch/options/all", test_all);
    g_test_add_func("/watch/options/refused", test_refused);
    g_test_add_func("/watch/options/drain", test_drain);
    g_test_add_func("/watch/options/targets", test_targets);
    return g_test_run();
}
