#include "agent/inbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct NmaInbox {
    GMutex mutex;
    int fd;
    GPtrArray *items;
    GHashTable *iterations; /* instance uuid (inside the event) -> the undrained iteration event */
    gboolean resync;
    gboolean bus_state; /* one is in items already */
    guint64 dropped;
};

static void
item_free(gpointer data)
{
    NmaInboxItem *item = data;

    switch (item->type) {
    case NMA_INBOX_EVENT:
        nma_event_free(item->event);
        break;
    case NMA_INBOX_REQUEST:
        /* taken out by whoever answers; one still here was never looked at */
        if (item->request != NULL)
            om_request_fail(item->request, "AgentStopping", "nova_migration_agent",
                            "the agent is stopping");
        break;
    case NMA_INBOX_CALL_FINISHED:
        om_call_result_free(item->call);
        break;
    case NMA_INBOX_AUDIT:
        nma_audit_free(item->audit.audit);
        break;
    case NMA_INBOX_PUBLISHED:
    case NMA_INBOX_BUS_STATE:
        break;
    }
    g_free(item);
}

static GPtrArray *
items_new(void)
{
    return g_ptr_array_new_with_free_func(item_free);
}

NmaInbox *
nma_inbox_new(GError **error)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "eventfd: %s",
                    g_strerror(errno));
        return NULL;
    }
    NmaInbox *inbox = g_new0(NmaInbox, 1);
    g_mutex_init(&inbox->mutex);
    inbox->fd = fd;
    inbox->items = items_new();
    inbox->iterations = g_hash_table_new(g_str_hash, g_str_equal);
    return inbox;
}

void
nma_inbox_free(NmaInbox *inbox)
{
    if (inbox == NULL)
        return;
    g_hash_table_destroy(inbox->iterations);
    g_ptr_array_unref(inbox->items);
    close(inbox->fd);
    g_mutex_clear(&inbox->mutex);
    g_free(inbox);
}

int
nma_inbox_fd(const NmaInbox *inbox)
{
    return inbox->fd;
}

static void
wake(NmaInbox *inbox)
{
    guint64 one = 1;

    /* fails only when the counter is at its maximum: then it is readable all the same */
    (void)!write(inbox->fd, &one, sizeof one);
}

/* with the mutex held */
static NmaInboxItem *
append(NmaInbox *inbox, NmaInboxType type)
{
    NmaInboxItem *item = g_new0(NmaInboxItem, 1);

    item->type = type;
    g_ptr_array_add(inbox->items, item);
    if (inbox->items->len == 1)
        wake(inbox);
    return item;
}

/* A later iteration of the same domain makes an undrained earlier one superfluous: core reads the
 * job anyway. */
static gboolean
merge_iteration(NmaInbox *inbox, const NmaEvent *event)
{
    NmaEvent *earlier = g_hash_table_lookup(inbox->iterations, event->iteration.instance_uuid);

    if (earlier == NULL)
        return FALSE;
    earlier->iteration.iteration = event->iteration.iteration;
    return TRUE;
}

void
nma_inbox_put_event(NmaInbox *inbox, NmaEvent *event)
{
    gboolean from_bus = event->type == NMA_EVENT_NOVA_CALL;

    g_mutex_lock(&inbox->mutex);
    if (event->type == NMA_EVENT_ITERATION && merge_iteration(inbox, event)) {
        g_mutex_unlock(&inbox->mutex);
        nma_event_free(event);
        return;
    }
    if (inbox->items->len >= NMA_INBOX_MAX) {
        if (from_bus)
            inbox->dropped++;
        else
            inbox->resync = TRUE;
        g_mutex_unlock(&inbox->mutex);
        nma_event_free(event);
        return;
    }
    append(inbox, NMA_INBOX_EVENT)->event = event;
    if (event->type == NMA_EVENT_ITERATION)
        g_hash_table_insert(inbox->iterations, event->iteration.instance_uuid, event);
    g_mutex_unlock(&inbox->mutex);
}

/* Bounded by what we have sent: never refused, or the outbox would wait for ever. */
void
nma_inbox_put_published(NmaInbox *inbox, guint64 cookie, OmPublishOutcome outcome)
{
    g_mutex_lock(&inbox->mutex);
    NmaInboxItem *item = append(inbox, NMA_INBOX_PUBLISHED);
    item->published.cookie = cookie;
    item->published.outcome = outcome;
    g_mutex_unlock(&inbox->mutex);
}

gboolean
nma_inbox_put_request(NmaInbox *inbox, OmRequest *request)
{
    gboolean room;

    g_mutex_lock(&inbox->mutex);
    room = inbox->items->len < NMA_INBOX_MAX;
    if (room)
        append(inbox, NMA_INBOX_REQUEST)->request = request;
    g_mutex_unlock(&inbox->mutex);
    return room;
}

/* Bounded by the calls we have made. */
void
nma_inbox_put_call(NmaInbox *inbox, OmCallResult *call)
{
    g_mutex_lock(&inbox->mutex);
    append(inbox, NMA_INBOX_CALL_FINISHED)->call = call;
    g_mutex_unlock(&inbox->mutex);
}

void
nma_inbox_put_bus_state(NmaInbox *inbox)
{
    g_mutex_lock(&inbox->mutex);
    if (!inbox->bus_state) {
        append(inbox, NMA_INBOX_BUS_STATE);
        inbox->bus_state = TRUE;
    }
    g_mutex_unlock(&inbox->mutex);
}

/* Bounded: the auditor makes at most one an interval, and one for each request that is open. */
void
nma_inbox_put_audit(NmaInbox *inbox, NmaAudit *audit, guint64 asked)
{
    g_mutex_lock(&inbox->mutex);
    NmaInboxItem *item = append(inbox, NMA_INBOX_AUDIT);
    item->audit.audit = audit;
    item->audit.asked = asked;
    g_mutex_unlock(&inbox->mutex);
}

GPtrArray *
nma_inbox_drain(NmaInbox *inbox, gboolean *resync, guint64 *dropped)
{
    guint64 count;

    g_mutex_lock(&inbox->mutex);
    (void)!read(inbox->fd, &count, sizeof count);
    GPtrArray *items = inbox->items;
    inbox->items = items_new();
    g_hash_table_remove_all(inbox->iterations);
    *resync = inbox->resync;
    *dropped += inbox->dropped;
    inbox->resync = inbox->bus_state = FALSE;
    inbox->dropped = 0;
    g_mutex_unlock(&inbox->mutex);
    return items;
}
