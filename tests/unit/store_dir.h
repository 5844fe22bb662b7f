/* For the tests of the store: a directory of its own, and the store in it. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>

#include "agent/store/store.h"

/* a directory that is gone when the test is over */
typedef char TestDir;

static inline TestDir *
test_dir_new(void)
{
    char *dir = g_dir_make_tmp("nma-store-XXXXXX", NULL);

    g_assert_nonnull(dir);
    return dir;
}

static inline void
test_dir_remove(TestDir *dir)
{
    GDir *listing = g_dir_open(dir, 0, NULL);
    const char *name;

    while (listing != NULL && (name = g_dir_read_name(listing)) != NULL) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_unlink(path);
    }
    g_clear_pointer(&listing, g_dir_close);
    g_rmdir(dir);
    g_free(dir);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestDir, test_dir_remove)

static inline NmaStore *
open_store(const char *dir, char **moved_aside)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *ignored = NULL;
    NmaStore *store = nma_store_open(dir, moved_aside != NULL ? moved_aside : &ignored, &error);

    g_assert_no_error(error);
    g_assert_nonnull(store);
    if (moved_aside == NULL) {
        g_assert_null(ignored);
    }
    return store;
}

/* what another program, or another version, does to the database */
static inline void
sql_in(const char *dir, const char *sql)
{
    g_autofree char *path = g_build_filename(dir, "agent.db", NULL);
    sqlite3 *db = NULL;

    g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
}
