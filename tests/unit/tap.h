/* Unit tests print TAP for automake's driver: g_test_init in TAP mode. */
#pragma once

#include <glib.h>

static inline void
nma_test_init(int argc, char **argv)
{
    char *with_tap[] = { argv[0], (char *)"--tap", NULL };
    char **args = argc > 1 ? argv : with_tap;
    int n = argc > 1 ? argc : 2;

    /* not G_TEST_OPTION_ISOLATE_DIRS: GLib leaks its directory names, which LeakSanitizer reports
     */
    g_test_init(&n, &args, NULL);
}
