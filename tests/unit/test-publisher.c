/* The publisher over a real outbox and a bus that this test plays: in order, nothing lost. */
#include "agent/publisher.h"
#include "tests/unit/tap.h"

/* ---- the bus: a link-time fake of the one function that the publisher calls ---- */

typedef struct {
    guint64 cookie;
    char *key, *event_type;
} Sent;

static GPtrArray *sent;
static gboolean offline;

static void
sent_free(gpointer data)
{
    Sent *one = data;

    g_free(one->key);
    g_free(one->event_type);
    g_free(one);
}

gboolean
om_bus_publish(OmBus *bus, const char *exchange, const char *key, GBytes *body, gboolean mandatory,
               guint64 cookie, GError **error)
{
    if (offline)
        return FALSE;
    gsize size;
    const void *data = g_bytes_get_data(body, &size);
    g_autoptr(OmMessage) message = om_envelope_decode(data, size, NULL);
    Sent *one = g_new0(Sent, 1);

    g_assert_nonnull(message);
    one->cookie = cookie;
    one->key = g_strdup(key);
    one->event_type = g_strdup(message->event_type);
    g_ptr_array_add(sent, one);
    return TRUE;
}

/* ---- */

typedef struct {
    NmaStore *store;
    NmaPublisher *publisher;
    NmaNow now;
} Fixture;

static void
set_up(Fixture *f, gconstpointer topics)
{
    static const char *const one_topic[] = { "reports", NULL };

    sent = g_ptr_array_new_with_free_func(sent_free);
    offline = FALSE;
    g_autofree char *moved_aside = NULL;

    f->store = nma_store_open(nma_test_dir(), &moved_aside, NULL);
    g_assert_nonnull(f->store);
    f->publisher = nma_publisher_new(f->store, NULL, "nova", "host-a",
                                     topics != NULL ? topics : (gconstpointer)one_topic);
    f->now = (NmaNow){ .boot_us = 1000 * NMA_US_PER_S, .wall_us = 1 };
}

static void
tear_down(Fixture *f, gconstpointer topics)
{
    nma_publisher_free(f->publisher);
    nma_store_close(f->store);
    g_ptr_array_unref(sent);
}

static void
append(Fixture *f, const char *event_type)
{
    guint64 dropped = 0;

    g_assert_true(nma_store_begin(f->store, NULL));
    g_assert_true(nma_outbox_append(f->store, event_type, "{}", 1, &dropped, NULL));
    g_assert_true(nma_store_commit(f->store, NULL));
}

static guint64
rows(Fixture *f)
{
    guint64 count;
    gint64 oldest;

    g_assert_true(nma_store_begin(f->store, NULL));
    g_assert_true(nma_publisher_delete_confirmed(f->publisher, NULL));
    g_assert_true(nma_store_commit(f->store, NULL));
    nma_publisher_deleted(f->publisher);
    g_assert_true(nma_outbox_stat(f->store, &count, &oldest, NULL));
    return count;
}

static const Sent *
sent_at(guint i)
{
    g_assert_cmpuint(i, <, sent->len);
    return g_ptr_array_index(sent, i);
}

static void
answer(Fixture *f, guint i, OmPublishOutcome outcome)
{
    g_assert_true(nma_publisher_published(f->publisher, sent_at(i)->cookie, outcome, f->now));
}

static void
test_in_order_and_deleted_when_confirmed(Fixture *f, gconstpointer unused)
{
    append(f, "one");
    append(f, "two");
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 2);
    g_assert_cmpstr(sent_at(0)->event_type, ==, "one");
    g_assert_cmpstr(sent_at(0)->key, ==, "reports.info");
    g_assert_cmpstr(sent_at(1)->event_type, ==, "two");

    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 2); /* in flight: not sent again */

    answer(f, 1, OM_PUBLISH_CONFIRMED);
    answer(f, 0, OM_PUBLISH_CONFIRMED);
    g_assert_cmpuint(rows(f), ==, 0);
}

static void
test_lost_connection_sends_again_in_order(Fixture *f, gconstpointer unused)
{
    append(f, "one");
    append(f, "two");
    append(f, "three");
    nma_publisher_pump(f->publisher, FALSE, f->now);
    answer(f, 0, OM_PUBLISH_CONFIRMED);
    answer(f, 1, OM_PUBLISH_FAILED);
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 3); /* the third is still in flight */
    answer(f, 2, OM_PUBLISH_FAILED);
    g_assert_cmpuint(rows(f), ==, 2);

    offline = TRUE;
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 3);
    offline = FALSE;
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 5);
    g_assert_cmpstr(sent_at(3)->event_type, ==, "two");
    g_assert_cmpstr(sent_at(4)->event_type, ==, "three");
    answer(f, 3, OM_PUBLISH_CONFIRMED);
    answer(f, 4, OM_PUBLISH_CONFIRMED);
    g_assert_cmpuint(rows(f), ==, 0);
}

static void
test_nobody_listens_then_somebody_does(Fixture *f, gconstpointer unused)
{
    NmaPublisherStats stats;

    append(f, "one");
    append(f, "two");
    nma_publisher_pump(f->publisher, FALSE, f->now);
    answer(f, 0, OM_PUBLISH_RETURNED);
    answer(f, 1, OM_PUBLISH_RETURNED);
    nma_publisher_get_stats(f->publisher, &stats);
    g_assert_true(stats.nobody_listens);
    g_assert_cmpuint(stats.unroutable_total, ==, 2);
    g_assert_cmpuint(rows(f), ==, 2);

    /* not hammered: a pump right away sends nothing, and the deadline is finite */
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 2);
    g_assert_cmpint(nma_publisher_next_deadline(f->publisher), ==,
                    f->now.boot_us + 300 * NMA_US_PER_S);

    /* a new report is a reason to try, but not more than ten times a second */
    append(f, "three");
    nma_publisher_pump(f->publisher, TRUE, f->now);
    g_assert_cmpuint(sent->len, ==, 2);
    f->now.boot_us = nma_publisher_next_deadline(f->publisher);
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 3);
    answer(f, 2, OM_PUBLISH_RETURNED);
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 3);

    /* five minutes later the oldest is tried, alone */
    f->now.boot_us += 300 * NMA_US_PER_S;
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 4);
    g_assert_cmpstr(sent_at(3)->event_type, ==, "one");
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 4);

    /* taken: the rest follows in order */
    answer(f, 3, OM_PUBLISH_CONFIRMED);
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 6);
    g_assert_cmpstr(sent_at(4)->event_type, ==, "two");
    answer(f, 4, OM_PUBLISH_CONFIRMED);
    answer(f, 5, OM_PUBLISH_CONFIRMED);
    g_assert_cmpuint(rows(f), ==, 0);
}

static void
test_one_taker_of_two_topics_is_enough(Fixture *f, gconstpointer unused)
{
    append(f, "one");
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 2);
    g_assert_cmpstr(sent_at(1)->key, ==, "audit.info");
    answer(f, 0, OM_PUBLISH_CONFIRMED);
    g_assert_cmpuint(rows(f), ==, 1); /* the other topic has not answered */
    answer(f, 1, OM_PUBLISH_RETURNED);
    g_assert_cmpuint(rows(f), ==, 0);
}

static void
test_failed_topic_repeats_the_row(Fixture *f, gconstpointer unused)
{
    append(f, "one");
    nma_publisher_pump(f->publisher, FALSE, f->now);
    answer(f, 0, OM_PUBLISH_CONFIRMED);
    answer(f, 1, OM_PUBLISH_FAILED);
    g_assert_cmpuint(rows(f), ==, 1);
    nma_publisher_pump(f->publisher, FALSE, f->now);
    g_assert_cmpuint(sent->len, ==, 4);
    answer(f, 2, OM_PUBLISH_CONFIRMED);
    answer(f, 3, OM_PUBLISH_CONFIRMED);
    g_assert_cmpuint(rows(f), ==, 0);
}

int
main(int argc, char **argv)
{
    static const char *const two_topics[] = { "reports", "audit", NULL };

    nma_test_init(argc, argv);
#define ADD(path, topics, test) g_test_add(path, Fixture, topics, set_up, test, tear_down)
    ADD("/publisher/in-order-and-deleted-when-confirmed", NULL,
        test_in_order_and_deleted_when_confirmed);
    ADD("/publisher/lost-connection-sends-again-in-order", NULL,
        test_lost_connection_sends_again_in_order);
    ADD("/publisher/nobody-listens-then-somebody-does", NULL,
        test_nobody_listens_then_somebody_does);
    ADD("/publisher/one-taker-of-two-topics-is-enough", two_topics,
        test_one_taker_of_two_topics_is_enough);
    ADD("/publisher/failed-topic-repeats-the-row", two_topics, test_failed_topic_repeats_the_row);
    return g_test_run();
}
