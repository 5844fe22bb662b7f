/* The card of the default route, well and badly told. */
#include <glib/gstdio.h>

#include "agent/core/job_stats.h"
#include "agent/probe/link.h"
#include "tests/unit/tap.h"

#define HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void
put(const char *top, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(top, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static gint64
speed_of(const char *routes, const char *card, const char *speed)
{
    const char *top = nma_test_dir();
    g_autofree char *name = g_strdup_printf("class/net/%s/speed", card);

    put(top, "net/route", routes);
    put(top, name, speed);
    return nma_probe_link_bytes_s(top, top);
}

static void
test_default_route(void)
{
    g_assert_cmpint(speed_of(HEAD "eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
                                  "bond0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n",
                             "bond0", "25000\n"),
                    ==, G_GINT64_CONSTANT(3125000000));
    /* the smaller metric counts */
    g_assert_cmpint(speed_of(HEAD "a\t00000000\t0\t3\t0\t0\t200\t00000000\t0\t0\t0\n"
                                  "b\t00000000\t0\t3\t0\t0\t100\t00000000\t0\t0\t0\n",
                             "b", "1000\n"),
                    ==, 125000000);
}

static void
test_unknown(void)
{
    const char *route = HEAD "b\t00000000\t0\t3\t0\t0\t100\t00000000\t0\t0\t0\n";

    g_assert_cmpint(nma_probe_link_bytes_s("/nonexistent", "/nonexistent"), ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of(HEAD, "b", "1000\n"), ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of("", "b", "1000\n"), ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of(route, "c", "1000\n"), ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of(route, "b", "-1\n"), ==, NMA_UNKNOWN); /* a virtual card */
    g_assert_cmpint(speed_of(route, "b", "fast\n"), ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of(route, "b", "99999999999999999999\n"), ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of(HEAD "../b\t00000000\t0\t3\t0\t0\t1\t00000000\t0\t0\t0\n", "b", "1\n"),
                    ==, NMA_UNKNOWN);
    g_assert_cmpint(speed_of(HEAD "b\t00000000\n", "b", "1000\n"), ==, NMA_UNKNOWN);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/probe/network/default-route", test_default_route);
    g_test_add_func("/probe/network/unknown", test_unknown);
    return g_test_run();
}
