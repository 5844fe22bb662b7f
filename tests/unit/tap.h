/* What every unit test needs: TAP for automake's driver, and folders that go away by themselves. */
#pragma once

#include <ftw.h>
#include <glib.h>
#include <glib/gstdio.h>

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

static inline int
nma_test_remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    return g_remove(path);
}

static inline void
nma_test_remove_tree(gpointer path)
{
    nftw(path, nma_test_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    g_free(path);
}

/* A fresh folder, removed when the present test has ended; borrowed. */
static inline const char *
nma_test_dir(void)
{
    char *path = g_dir_make_tmp("nma-test-XXXXXX", NULL);

    g_assert_nonnull(path);
    g_test_queue_destroy(nma_test_remove_tree, path);
    return path;
}
