/* The inbox: order, merging, bounds, and many threads at once. */
#include <poll.h>

#include "agent/inbox.h"
#include "tests/unit/tap.h"

#define UUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define UUID_B "bbbbbbbb-0000-4000-8000-000000000002"

static NmaEvent *
iteration(const char *uuid, gint64 n)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_ITERATION);

    g_strlcpy(event->iteration.instance_uuid, uuid, sizeof event->iteration.instance_uuid);
    event->iteration.iteration = n;
    return event;
}

static NmaEvent *
lifecycle(const char *uuid, NmaLifecycle what)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_LIFECYCLE);

    g_strlcpy(event->lifecycle.instance_uuid, uuid, sizeof event->lifecycle.instance_uuid);
    event->lifecycle.what = what;
    return event;
}

static gboolean
readable(NmaInbox *inbox)
{
    struct pollfd fd = { .fd = nma_inbox_fd(inbox), .events = POLLIN };

    return poll(&fd, 1, 0) == 1;
}

static const NmaInboxItem *
item_at(GPtrArray *items, guint i)
{
    return g_ptr_array_index(items, i);
}

static void
test_order_and_wakeup(void)
{
    g_autoptr(NmaInbox) inbox = nma_inbox_new(NULL);
    gboolean resync;
    guint64 dropped = 0;

    g_assert_false(readable(inbox));
    nma_inbox_put_event(inbox, lifecycle(UUID_A, NMA_LIFECYCLE_SUSPENDED_MIGRATED));
    nma_inbox_put_published(inbox, 7, OM_PUBLISH_CONFIRMED);
    nma_inbox_put_event(inbox, lifecycle(UUID_A, NMA_LIFECYCLE_STOPPED_MIGRATED));
    g_assert_true(readable(inbox));

    g_autoptr(GPtrArray) items = nma_inbox_drain(inbox, &resync, &dropped);
    g_assert_false(readable(inbox));
    g_assert_cmpuint(items->len, ==, 3);
    g_assert_cmpint(item_at(items, 0)->event->lifecycle.what, ==, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    g_assert_cmpuint(item_at(items, 1)->published.cookie, ==, 7);
    g_assert_cmpint(item_at(items, 2)->event->lifecycle.what, ==, NMA_LIFECYCLE_STOPPED_MIGRATED);
    g_assert_false(resync);
    g_assert_cmpuint(dropped, ==, 0);
}

static void
test_iterations_of_one_domain_merge(void)
{
    g_autoptr(NmaInbox) inbox = nma_inbox_new(NULL);
    gboolean resync;
    guint64 dropped = 0;

    for (gint64 n = 1; n <= 100; n++)
        nma_inbox_put_event(inbox, iteration(UUID_A, n));
    nma_inbox_put_event(inbox, iteration(UUID_B, 3));
    g_autoptr(GPtrArray) items = nma_inbox_drain(inbox, &resync, &dropped);
    g_assert_cmpuint(items->len, ==, 2);
    g_assert_cmpint(item_at(items, 0)->event->iteration.iteration, ==, 100);

    /* after a drain the next one is a new item again */
    nma_inbox_put_event(inbox, iteration(UUID_A, 101));
    g_autoptr(GPtrArray) more = nma_inbox_drain(inbox, &resync, &dropped);
    g_assert_cmpuint(more->len, ==, 1);
}

static void
test_full_asks_for_resync(void)
{
    g_autoptr(NmaInbox) inbox = nma_inbox_new(NULL);
    gboolean resync;
    guint64 dropped = 0;

    for (guint i = 0; i < NMA_INBOX_MAX + 5; i++)
        nma_inbox_put_event(inbox, lifecycle(UUID_A, NMA_LIFECYCLE_RESUMED_OTHER));
    for (guint i = 0; i < 3; i++)
        nma_inbox_put_event(inbox, nma_event_new(NMA_EVENT_NOVA_CALL));
    g_autoptr(GPtrArray) items = nma_inbox_drain(inbox, &resync, &dropped);
    g_assert_cmpuint(items->len, ==, NMA_INBOX_MAX);
    g_assert_true(resync);
    g_assert_cmpuint(dropped, ==, 3);

    g_autoptr(GPtrArray) empty = nma_inbox_drain(inbox, &resync, &dropped);
    g_assert_cmpuint(empty->len, ==, 0);
    g_assert_false(resync);
    g_assert_cmpuint(dropped, ==, 3);
}

#define N_THREADS 4
#define N_EACH    2000

static gpointer
put_many(gpointer data)
{
    for (guint64 i = 1; i <= N_EACH; i++)
        nma_inbox_put_published(data, i, OM_PUBLISH_CONFIRMED);
    return NULL;
}

static void
test_threads_lose_nothing(void)
{
    g_autoptr(NmaInbox) inbox = nma_inbox_new(NULL);
    GThread *threads[N_THREADS];
    guint seen = 0;
    gboolean resync;
    guint64 dropped = 0;

    for (guint i = 0; i < N_THREADS; i++)
        threads[i] = g_thread_new("put", put_many, inbox);
    while (seen < N_THREADS * N_EACH) {
        struct pollfd fd = { .fd = nma_inbox_fd(inbox), .events = POLLIN };

        /* a lost wake-up would leave us here until the deadline */
        g_assert_cmpint(poll(&fd, 1, 20000), ==, 1);
        g_autoptr(GPtrArray) items = nma_inbox_drain(inbox, &resync, &dropped);
        seen += items->len;
    }
    for (guint i = 0; i < N_THREADS; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(seen, ==, N_THREADS * N_EACH);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/inbox/order-and-wakeup", test_order_and_wakeup);
    g_test_add_func("/inbox/iterations-of-one-domain-merge", test_iterations_of_one_domain_merge);
    g_test_add_func("/inbox/full-asks-for-resync", test_full_asks_for_resync);
    g_test_add_func("/inbox/threads-lose-nothing", test_threads_lose_nothing);
    return g_test_run();
}
