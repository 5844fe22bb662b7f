#include "agent/publisher.h"

#include <string.h>

#define WINDOW             64
#define UNROUTABLE_RETRY   (300 * NMA_US_PER_S)
#define UNROUTABLE_SPACING (NMA_US_PER_S / 10)
/* progress is not mandatory and nobody waits for it */
#define COOKIE_PROGRESS G_GUINT64_CONSTANT(0)

/* a row that was handed to the bus, once for each topic */
typedef struct {
    gint64 row_id;
    guint unanswered;
    gboolean confirmed, failed;
} Flight;

struct NmaPublisher {
    NmaStore *store;
    OmBus *bus;
    char *exchange, *publisher_id;
    GStrv topics;
    GHashTable *flights; /* cookie (gint64 key) -> Flight; each topic has its own cookie */
    guint rows_in_flight;
    guint64 next_cookie;
    gint64 sent_id;       /* newest row handed to the bus */
    gint64 rewind_id;     /* send again after this row once nothing is in flight; -1: no */
    GArray *confirmed;    /* gint64 row ids to delete */
    gint64 retry_boot_us; /* nobody listens: when the oldest is tried again */
    gint64 last_try_boot_us;
    NmaPublisherStats stats;
};

NmaPublisher *
nma_publisher_new(NmaStore *store, OmBus *bus, const char *exchange, const char *host,
                  const char *const *topics)
{
    NmaPublisher *publisher = g_new0(NmaPublisher, 1);

    publisher->store = store;
    publisher->bus = bus;
    publisher->exchange = g_strdup(exchange);
    publisher->publisher_id = g_strdup_printf("nova-migration-agent:%s", host);
    publisher->topics = g_strdupv((GStrv)topics);
    publisher->flights = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    publisher->confirmed = g_array_new(FALSE, FALSE, sizeof(gint64));
    publisher->next_cookie = 1;
    publisher->rewind_id = -1;
    publisher->retry_boot_us = NMA_NEVER;
    return publisher;
}

static void
flight_drop(gpointer key, gpointer value, gpointer user_data)
{
    Flight *flight = value;

    if (--flight->unanswered == 0)
        g_free(flight);
}

void
nma_publisher_free(NmaPublisher *publisher)
{
    if (publisher == NULL)
        return;
    g_hash_table_foreach(publisher->flights, flight_drop, NULL);
    g_hash_table_destroy(publisher->flights);
    g_array_unref(publisher->confirmed);
    g_strfreev(publisher->topics);
    g_free(publisher->exchange);
    g_free(publisher->publisher_id);
    g_free(publisher);
}

static GBytes *
notification(NmaPublisher *publisher, const char *event_type, const char *payload_text,
             const char *message_id, gint64 wall_us)
{
    json_t *payload = json_loads(payload_text, 0, NULL);

    if (payload == NULL)
        return NULL;
    GBytes *body = om_envelope_notification(publisher->publisher_id, event_type, "INFO", payload,
                                            message_id, wall_us);
    json_decref(payload);
    return body;
}

/* Where to begin again when a row was not taken: before the oldest such row. */
static void
rewind_before(NmaPublisher *publisher, gint64 row_id)
{
    if (publisher->rewind_id < 0 || row_id - 1 < publisher->rewind_id)
        publisher->rewind_id = row_id - 1;
}

/* FALSE: the bus takes nothing now */
static gboolean
send_row(NmaPublisher *publisher, const NmaOutboxRow *row)
{
    g_autoptr(GBytes) body = notification(publisher, row->event_type, row->payload, row->message_id,
                                          row->created_wall_us);

    if (body == NULL) {
        /* cannot happen with what we wrote; a damaged row must not block the others for ever */
        g_warning("outbox row %" G_GINT64_FORMAT " is damaged and dropped", row->id);
        g_array_append_val(publisher->confirmed, row->id);
        return TRUE;
    }
    Flight *flight = g_new0(Flight, 1);
    flight->row_id = row->id;
    for (guint i = 0; publisher->topics[i] != NULL; i++) {
        g_autofree char *key = g_strconcat(publisher->topics[i], ".info", NULL);
        guint64 cookie = publisher->next_cookie++;

        if (!om_bus_publish(publisher->bus, publisher->exchange, key, body, TRUE, cookie, NULL)) {
            /* what was sent on earlier topics is answered; the row is tried again as a whole */
            flight->failed = TRUE;
            break;
        }
        flight->unanswered++;
        g_hash_table_insert(publisher->flights, g_memdup2(&cookie, sizeof cookie), flight);
    }
    gboolean sent = !flight->failed;
    if (flight->unanswered > 0) {
        publisher->rows_in_flight++;
    } else {
        g_free(flight);
        return FALSE;
    }
    if (!sent)
        rewind_before(publisher, row->id);
    return sent;
}

/* Nobody listens: may the oldest be tried now? At a new report (ten times a second at most), or
 * when the time has come. */
static gboolean
may_try(NmaPublisher *publisher, gboolean fresh, NmaNow now)
{
    gint64 spaced_boot_us = publisher->last_try_boot_us + UNROUTABLE_SPACING;

    if (fresh)
        publisher->retry_boot_us = MIN(publisher->retry_boot_us, spaced_boot_us);
    if (publisher->rows_in_flight > 0 || now.boot_us < publisher->retry_boot_us)
        return FALSE;
    publisher->last_try_boot_us = now.boot_us;
    publisher->retry_boot_us = now.boot_us + UNROUTABLE_RETRY;
    return TRUE;
}

void
nma_publisher_pump(NmaPublisher *publisher, gboolean fresh, NmaNow now)
{
    guint window = publisher->stats.nobody_listens ? 1 : WINDOW;

    if (publisher->stats.nobody_listens && !may_try(publisher, fresh, now))
        return;
    if (publisher->rewind_id >= 0) {
        if (publisher->rows_in_flight > 0)
            return;
        publisher->sent_id = publisher->rewind_id;
        publisher->rewind_id = -1;
    }
    if (publisher->rows_in_flight >= window)
        return;

    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = nma_outbox_list(publisher->store, publisher->sent_id,
                                                window - publisher->rows_in_flight, &error);
    if (rows == NULL) {
        g_warning("cannot read the outbox: %s", error->message);
        return;
    }
    for (guint i = 0; i < rows->len; i++) {
        const NmaOutboxRow *row = g_ptr_array_index(rows, i);

        if (!send_row(publisher, row))
            return;
        publisher->sent_id = row->id;
    }
}

gint64
nma_publisher_next_deadline(const NmaPublisher *publisher)
{
    return publisher->stats.nobody_listens ? publisher->retry_boot_us : NMA_NEVER;
}

/* all topics of a row have been answered */
static void
row_answered(NmaPublisher *publisher, const Flight *flight, NmaNow now)
{
    publisher->rows_in_flight--;
    if (flight->failed) {
        rewind_before(publisher, flight->row_id);
        return;
    }
    if (flight->confirmed) {
        /* one taker is enough: another topic without one must not repeat it for ever */
        g_array_append_val(publisher->confirmed, flight->row_id);
        publisher->stats.published_total++;
        publisher->stats.nobody_listens = FALSE;
        publisher->retry_boot_us = NMA_NEVER;
        return;
    }
    rewind_before(publisher, flight->row_id);
    if (!publisher->stats.nobody_listens) {
        publisher->stats.nobody_listens = TRUE;
        publisher->last_try_boot_us = now.boot_us;
        publisher->retry_boot_us = now.boot_us + UNROUTABLE_RETRY;
    }
}

gboolean
nma_publisher_published(NmaPublisher *publisher, guint64 cookie, OmPublishOutcome outcome,
                        NmaNow now)
{
    Flight *flight;

    if (cookie == COOKIE_PROGRESS)
        return TRUE;
    flight = g_hash_table_lookup(publisher->flights, &cookie);
    if (flight == NULL)
        return FALSE;
    g_hash_table_remove(publisher->flights, &cookie);
    switch (outcome) {
    case OM_PUBLISH_CONFIRMED:
        flight->confirmed = TRUE;
        break;
    case OM_PUBLISH_RETURNED:
        publisher->stats.unroutable_total++;
        break;
    case OM_PUBLISH_FAILED:
        flight->failed = TRUE;
        break;
    }
    if (--flight->unanswered == 0) {
        row_answered(publisher, flight, now);
        g_free(flight);
    }
    return TRUE;
}

gboolean
nma_publisher_has_confirmed(const NmaPublisher *publisher)
{
    return publisher->confirmed->len > 0;
}

gboolean
nma_publisher_delete_confirmed(NmaPublisher *publisher, GError **error)
{
    for (guint i = 0; i < publisher->confirmed->len; i++) {
        if (!nma_outbox_delete(publisher->store, g_array_index(publisher->confirmed, gint64, i),
                               error))
            return FALSE;
    }
    return TRUE;
}

void
nma_publisher_deleted(NmaPublisher *publisher)
{
    g_array_set_size(publisher->confirmed, 0);
}

void
nma_publisher_send_progress(NmaPublisher *publisher, const char *event_type, char *payload,
                            NmaNow now)
{
    g_autofree char *text = payload;
    g_autofree char *message_id = om_uuid();
    g_autoptr(GBytes) body = notification(publisher, event_type, text, message_id, now.wall_us);

    if (body == NULL || publisher->stats.nobody_listens)
        return;
    for (guint i = 0; publisher->topics[i] != NULL; i++) {
        g_autofree char *key = g_strconcat(publisher->topics[i], ".info", NULL);

        om_bus_publish(publisher->bus, publisher->exchange, key, body, FALSE, COOKIE_PROGRESS,
                       NULL);
    }
}

void
nma_publisher_get_stats(const NmaPublisher *publisher, NmaPublisherStats *stats)
{
    *stats = publisher->stats;
}
