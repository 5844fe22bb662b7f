/* The outbox: order, bounds, ids that are never used again. */
#include <glib/gstdio.h>
#include <string.h>

#include "agent/store/outbox.h"
#include "tests/unit/tap.h"

typedef struct {
    char *dir;
    NmaStore *store;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    char *aside = NULL;

    fixture->dir = g_dir_make_tmp("nma-outbox-XXXXXX", NULL);
    fixture->store = nma_store_open(fixture->dir, &aside, NULL);
    g_assert_nonnull(fixture->store);
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
    static const char *const files[] = { "agent.db", "agent.db-wal", "agent.lock" };

    nma_store_close(fixture->store);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(fixture->dir, files[i], NULL);

        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(fixture->dir), ==, 0);
    g_free(fixture->dir);
}

static guint64
append(Fixture *fixture, const char *payload, gint64 wall_us)
{
    g_autoptr(GError) error = NULL;
    guint64 dropped = 0;

    nma_outbox_append(fixture->store, "live_migration.pre_copy.start", payload, wall_us, &dropped,
                      &error);
    g_assert_no_error(error);
    return dropped;
}

static GPtrArray *
list(Fixture *fixture, gint64 after_id, guint limit)
{
    GPtrArray *rows = nma_outbox_list(fixture->store, after_id, limit, NULL);

    g_assert_nonnull(rows);
    return rows;
}

static void
assert_stat(Fixture *fixture, guint64 count, gint64 oldest_wall_us)
{
    guint64 found;
    gint64 oldest;

    g_assert_true(nma_outbox_stat(fixture->store, &found, &oldest, NULL));
    g_assert_cmpuint(found, ==, count);
    g_assert_cmpint(oldest, ==, oldest_wall_us);
}

static void
test_order(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) rest = NULL;
    const NmaOutboxRow *first, *second;

    assert_stat(fixture, 0, 0);
    append(fixture, "a", 30);
    append(fixture, "b", 20); /* the clock was set back: the order is that of appending */
    append(fixture, "c", 40);
    assert_stat(fixture, 3, 30);

    all = list(fixture, 0, 100);
    g_assert_cmpuint(all->len, ==, 3);
    first = all->pdata[0];
    second = all->pdata[1];
    g_assert_cmpstr(first->payload, ==, "a");
    g_assert_cmpstr(second->payload, ==, "b");
    g_assert_cmpstr(first->event_type, ==, "live_migration.pre_copy.start");
    g_assert_cmpint(first->created_wall_us, ==, 30);
    g_assert_true(g_uuid_string_is_valid(first->message_id));
    g_assert_cmpstr(first->message_id, !=, second->message_id);

    rest = list(fixture, first->id, 1);
    g_assert_cmpuint(rest->len, ==, 1);
    g_assert_cmpstr(((NmaOutboxRow *)rest->pdata[0])->message_id, ==, second->message_id);
}

static void
test_delete(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GPtrArray) before = NULL;
    g_autoptr(GPtrArray) after = NULL;
    gint64 last_id;

    append(fixture, "a", 1);
    append(fixture, "b", 2);
    before = list(fixture, 0, 100);
    last_id = ((NmaOutboxRow *)before->pdata[1])->id;
    for (guint i = 0; i < before->len; i++) {
        const NmaOutboxRow *row = before->pdata[i];

        g_assert_true(nma_outbox_delete(fixture->store, row->id, NULL));
        g_assert_true(nma_outbox_delete(fixture->store, row->id, NULL)); /* again: no error */
    }
    assert_stat(fixture, 0, 0);
    /* a late confirm of the old one must not delete a new one */
    append(fixture, "c", 3);
    after = list(fixture, 0, 100);
    g_assert_cmpint(((NmaOutboxRow *)after->pdata[0])->id, >, last_id);
}

static void
test_many(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GPtrArray) rows = NULL;
    guint64 dropped = 0;

    g_assert_true(nma_store_begin(fixture->store, NULL));
    for (guint i = 0; i < NMA_OUTBOX_MAX_ROWS + 5; i++) {
        g_autofree char *payload = g_strdup_printf("%u", i);

        dropped += append(fixture, payload, 1000 + i);
    }
    g_assert_true(nma_store_commit(fixture->store, NULL));
    g_assert_cmpuint(dropped, ==, 5);
    assert_stat(fixture, NMA_OUTBOX_MAX_ROWS, 1005);
    rows = list(fixture, 0, 1);
    g_assert_cmpstr(((NmaOutboxRow *)rows->pdata[0])->payload, ==, "5");
}

static void
test_old(Fixture *fixture, gconstpointer unused)
{
    const gint64 day_us = NMA_OUTBOX_MAX_AGE_S * G_GINT64_CONSTANT(1000000);
    guint64 dropped = 0;

    append(fixture, "a", 100);
    append(fixture, "b", 101);
    append(fixture, "c", 102);
    g_assert_cmpuint(append(fixture, "d", 101 + day_us), ==, 1);
    assert_stat(fixture, 3, 101);
    g_assert_true(nma_outbox_trim(fixture->store, 103 + day_us, &dropped, NULL));
    g_assert_cmpuint(dropped, ==, 2);
    assert_stat(fixture, 1, 101 + day_us);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add("/outbox/order", Fixture, NULL, set_up, test_order, tear_down);
    g_test_add("/outbox/delete", Fixture, NULL, set_up, test_delete, tear_down);
    g_test_add("/outbox/many", Fixture, NULL, set_up, test_many, tear_down);
    g_test_add("/outbox/old", Fixture, NULL, set_up, test_old, tear_down);
    return g_test_run();
}
