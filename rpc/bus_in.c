/* bus-in: sets up tap, server and reply queue, each on a channel of its own, and hands on what
 * arrives. */
#include "config.h"

#include <string.h>

#include "rpc/bus_private.h"
#include "rpc/role.h"

#define DEDUP_IDS      1024
#define PROBE_FIRST_US (G_USEC_PER_SEC)
#define PROBE_WAIT_US  (10 * G_USEC_PER_SEC)
#define MAX_WAITING    64 /* the server's prefetch */

enum { ROLE_TAP, ROLE_SERVER, ROLE_REPLY, N_ROLES };

/* A request that waits, unacknowledged, for one of the open ones to end. */
typedef struct {
    guint64 tag;
    OmMessage *message;
} Waiting;

typedef struct {
    OmBus *bus;
    OmLink link;
    OmRole roles[N_ROLES];
    OmDedup *tap_seen, *server_seen;
    GQueue waiting;
    guint32 nonce;     /* of this connection's tap queue */
    gboolean tap_made; /* that queue was ready once */
    gint64 next_probe_us;
    gint64 probe_sent_us; /* 0: none under way */
    guint probe_turn;     /* whose turn it is of bus->probe_keys */
} InThread;

static void
waiting_free(gpointer data)
{
    Waiting *waiting = data;

    om_message_free(waiting->message);
    g_free(waiting);
}

/* ---- setting up ---- */

static gboolean
hears_old_servers(OmBus *bus)
{
    gboolean old;

    pthread_mutex_lock(&bus->lock);
    old = bus->old_servers;
    pthread_mutex_unlock(&bus->lock);
    return old;
}

static OmRoleSpec *
new_spec(InThread *in, guint role)
{
    OmBus *bus = in->bus;
    const OmRabbitOptions *options = &in->link.rabbit;
    gboolean probed = !bus->probe_off && !bus->in_only;

    switch (role) {
    case ROLE_TAP:
        return om_topology_tap(options, bus->tap_type, bus->exchange,
                               (const char *const *)bus->tap_keys, probed, bus->prefix, bus->host,
                               in->nonce, in->link.url->n_hosts > 1);
    case ROLE_SERVER:
        return om_topology_server(options, bus->exchange, bus->topic, bus->server,
                                  probed && !in->roles[ROLE_TAP].wanted ? bus->probe_keys[0]
                                                                        : NULL);
    default:
        return om_topology_reply(options, bus->reply_queue, hears_old_servers(bus));
    }
}

static void
tell_roles(InThread *in, const GError *error)
{
    OmBusState *state = om_bus_state_begin(in->bus);

    state->tap_bound = in->roles[ROLE_TAP].ready;
    state->server_ready = in->roles[ROLE_SERVER].ready;
    state->replies_ready = in->roles[ROLE_REPLY].ready;
    if (error)
        om_bus_state_error(state, "in", error);
    om_bus_state_end(in->bus);
    om_bus_wake(in->bus->out_wake); /* calls may wait for the reply queue */
}

static void
role_failed(InThread *in, OmRole *role, const GError *error)
{
    om_role_failed(role, error, g_get_monotonic_time());
    if (role == &in->roles[ROLE_SERVER])
        g_queue_clear_full(&in->waiting, waiting_free);
    tell_roles(in, error);
}

/* One role at a time: each of its steps may take as long as the broker is given, and what has come
 * for those that are ready is not to wait for all. FALSE: the connection is gone. */
static gboolean
set_up_due(InThread *in, gint64 now, GError **error)
{
    for (guint i = 0; i < N_ROLES; i++) {
        OmRole *role = &in->roles[i];
        g_autoptr(GError) local = NULL;

        if (!role->wanted || role->ready || role->retry_us > now)
            continue;
        if (om_role_set_up(role, in->link.connection, new_spec(in, i), &local)) {
            tell_roles(in, NULL);
            in->tap_made = in->tap_made || i == ROLE_TAP;
            if (i != ROLE_REPLY)
                in->next_probe_us = g_get_monotonic_time() + PROBE_FIRST_US;
        } else if (om_connection_error_is_channel(local)) {
            role_failed(in, role, local);
        } else {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        break;
    }
    return TRUE;
}

/* A call was not answered meanwhile: the reply queue's bindings for old servers. FALSE: the
 * connection is gone. */
static gboolean
bind_for_old_servers(InThread *in, GError **error)
{
    OmRole *role = &in->roles[ROLE_REPLY];
    g_autoptr(GError) local = NULL;

    if (!role->ready || role->spec->direct_exchange || !hears_old_servers(in->bus))
        return TRUE;
    om_role_spec_free(role->spec);
    role->spec = new_spec(in, ROLE_REPLY);
    if (om_role_bind_again(role, in->link.connection, &local))
        return TRUE;
    if (om_connection_error_is_channel(local)) {
        role_failed(in, role, local);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* ---- the probe: do messages through the exchange still reach us? ---- */

static gboolean
rebind(InThread *in, GError **error)
{
    for (guint i = 0; i < N_ROLES; i++) {
        OmRole *role = &in->roles[i];
        g_autoptr(GError) local = NULL;

        if (!role->ready)
            continue;
        if (om_role_bind_again(role, in->link.connection, &local))
            continue;
        if (!om_connection_error_is_channel(local)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        role_failed(in, role, local);
    }
    return TRUE;
}

static gboolean
is_probed(const InThread *in)
{
    return !in->bus->probe_off &&
           in->roles[in->roles[ROLE_TAP].wanted ? ROLE_TAP : ROLE_SERVER].ready;
}

static void
send_probe(InThread *in, gint64 now)
{
    OmBus *bus = in->bus;
    const char *key = bus->probe_keys[in->probe_turn % g_strv_length(bus->probe_keys)];
    OmOutItem *item = om_out_item_new(OM_OUT_PROBE, bus->exchange, key, g_bytes_new_static("", 0));
    gboolean pushed;

    item->mandatory = TRUE;
    item->deadline_us = now + PROBE_WAIT_US;
    pthread_mutex_lock(&bus->lock);
    /* while bus-out cannot send, a missing probe says nothing about our bindings */
    pushed = bus->state.out_connected && !bus->state.blocked && om_bus_push_locked(bus, item, NULL);
    bus->probe = pushed ? OM_PROBE_SENT : OM_PROBE_IDLE;
    pthread_mutex_unlock(&bus->lock);
    if (pushed) {
        in->probe_sent_us = now;
        in->probe_turn++;
    } else {
        om_out_item_free(item);
    }
    in->next_probe_us = pushed ? now + bus->probe_interval_us : now + PROBE_FIRST_US;
}

static gboolean
step_probe(InThread *in, gint64 now, GError **error)
{
    gboolean missing = FALSE;

    if (!is_probed(in))
        return TRUE;
    if (in->bus->in_only) {
        if (now < in->next_probe_us)
            return TRUE;
        in->next_probe_us = now + in->bus->probe_interval_us;
        return rebind(in, error);
    }
    if (in->probe_sent_us > 0) {
        pthread_mutex_lock(&in->bus->lock);
        if (in->bus->probe == OM_PROBE_RETURNED)
            missing = TRUE;
        else if (in->bus->probe == OM_PROBE_CONFIRMED && now - in->probe_sent_us > PROBE_WAIT_US)
            missing = TRUE;
        if (missing || in->bus->probe == OM_PROBE_IDLE ||
            now - in->probe_sent_us > 2 * PROBE_WAIT_US) {
            in->bus->probe = OM_PROBE_IDLE;
            in->probe_sent_us = 0;
        }
        pthread_mutex_unlock(&in->bus->lock);
        if (missing) {
            in->next_probe_us = now + PROBE_FIRST_US;
            om_bus_count(in->bus, &in->bus->stats.rebinds);
            return rebind(in, error);
        }
    }
    if (now >= in->next_probe_us)
        send_probe(in, now);
    return TRUE;
}

static void
take_probe(InThread *in)
{
    pthread_mutex_lock(&in->bus->lock);
    in->bus->stats.last_probe_us = g_get_monotonic_time();
    in->bus->probe = OM_PROBE_IDLE;
    pthread_mutex_unlock(&in->bus->lock);
    in->probe_sent_us = 0;
}

/* ---- what arrives ---- */

static gboolean
has_slot(InThread *in)
{
    gboolean slot;

    pthread_mutex_lock(&in->bus->lock);
    slot = in->bus->n_requests < in->bus->max_open_requests;
    pthread_mutex_unlock(&in->bus->lock);
    return slot;
}

static void
serve(InThread *in, guint64 tag, OmMessage *message)
{
    OmBus *bus = in->bus;

    in->roles[ROLE_SERVER].unacked = tag;
    if (message->kind != OM_MESSAGE_REQUEST || om_dedup_seen(in->server_seen, message->unique_id)) {
        pthread_mutex_lock(&bus->lock);
        if (message->kind != OM_MESSAGE_REQUEST)
            bus->stats.requests_malformed++;
        else
            bus->stats.requests_duplicates++;
        pthread_mutex_unlock(&bus->lock);
        om_message_free(message);
        return;
    }
    om_server_take(bus, message);
}

static void
take_request(InThread *in, const OmEvent *event)
{
    OmBus *bus = in->bus;
    OmMessage *message = NULL;
    Waiting *waiting;

    if (event->oversize) {
        om_bus_count(bus, &bus->stats.requests_malformed);
    } else {
        message = om_decode_event(bus, event, &bus->stats.requests_malformed,
                                  &bus->stats.requests_malformed);
    }
    if (message == NULL) {
        if (in->waiting.length == 0)
            in->roles[ROLE_SERVER].unacked = event->tag;
        return; /* else it is acknowledged with the next one that is served */
    }
    if (in->waiting.length == 0 && has_slot(in)) {
        serve(in, event->tag, message);
        return;
    }
    waiting = g_new0(Waiting, 1);
    waiting->tag = event->tag;
    waiting->message = message;
    g_queue_push_tail(&in->waiting, waiting);
}

static void
serve_waiting(InThread *in)
{
    while (in->waiting.length > 0 && has_slot(in)) {
        Waiting *waiting = g_queue_pop_head(&in->waiting);

        serve(in, waiting->tag, g_steal_pointer(&waiting->message));
        waiting_free(waiting);
    }
}

static void
take_reply(InThread *in, const OmEvent *event)
{
    OmBus *bus = in->bus;
    OmMessage *message = NULL;

    in->roles[ROLE_REPLY].unacked = event->tag;
    if (!event->oversize)
        message =
            om_decode_event(bus, event, &bus->stats.replies_unknown, &bus->stats.replies_unknown);
    if (message && message->msg_id)
        om_client_take_reply(bus, message);
    else
        om_message_free(message);
}

static void
take_delivery(InThread *in, const OmEvent *event)
{
    const OmRole *roles = in->roles;
    gboolean is_probe =
        g_strv_contains((const char *const *)in->bus->probe_keys, event->routing_key);

    if (event->channel == roles[ROLE_TAP].channel) {
        in->roles[ROLE_TAP].unacked = event->tag;
        if (is_probe)
            take_probe(in);
        else
            om_tap_take(in->bus, in->tap_seen, event);
    } else if (event->channel == roles[ROLE_SERVER].channel) {
        if (!is_probe) {
            take_request(in, event);
            return;
        }
        take_probe(in);
        if (in->waiting.length == 0)
            in->roles[ROLE_SERVER].unacked = event->tag;
    } else if (event->channel == roles[ROLE_REPLY].channel) {
        take_reply(in, event);
    }
}

static void
take_channel_loss(InThread *in, const OmEvent *event)
{
    for (guint i = 0; i < N_ROLES; i++) {
        OmRole *role = &in->roles[i];
        g_autoptr(GError) error = NULL;

        if (role->channel != event->channel || !role->ready)
            continue;
        if (event->type == OM_EVENT_CANCEL) {
            om_bus_count(in->bus, &in->bus->stats.cancels);
        }
        error = g_error_new(
            OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_CHANNEL, "%s %s", role->spec->queue.name,
            event->type == OM_EVENT_CANCEL ? "was cancelled by the broker" : event->text);
        role_failed(in, role, error);
        if (role->failures == 1) /* the first time at once */
            role->retry_us = 0;
    }
}

/* FALSE: the connection is gone. *more: there may be more. */
static gboolean
take_events(InThread *in, gboolean *more, GError **error)
{
    OmEvent event;

    *more = FALSE;
    for (guint budget = 256; budget > 0; budget--) {
        if (!om_connection_next(in->link.connection, &event, error))
            return FALSE;
        switch (event.type) {
        case OM_EVENT_NONE:
            return TRUE;
        case OM_EVENT_DELIVERY:
            take_delivery(in, &event);
            break;
        case OM_EVENT_CANCEL:
        case OM_EVENT_CHANNEL_CLOSED:
            take_channel_loss(in, &event);
            break;
        default:
            break;
        }
    }
    *more = TRUE;
    return TRUE;
}

static gboolean
acknowledge(InThread *in, GError **error)
{
    for (guint i = 0; i < N_ROLES; i++) {
        OmRole *role = &in->roles[i];
        guint64 tag = role->unacked;

        role->unacked = 0;
        if (tag > 0 && role->ready &&
            !om_connection_ack(in->link.connection, role->channel, tag, TRUE, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- the thread ---- */

static void
lost(InThread *in, const GError *error, guint close_ms)
{
    for (guint i = 0; i < N_ROLES; i++) {
        in->roles[i].ready = FALSE;
        in->roles[i].retry_us = 0;
        in->roles[i].failures = 0;
        in->roles[i].unacked = 0;
    }
    in->probe_sent_us = 0;
    /* unacknowledged: the broker delivers them again */
    g_queue_clear_full(&in->waiting, waiting_free);
    om_link_lost(&in->link, error, close_ms);
}

static gint64
next_timer_us(InThread *in, gint64 now)
{
    gint64 next = MIN(om_client_expire(in->bus, now, FALSE), om_server_heartbeats(in->bus, now));

    next = MIN(next, om_link_next_us(&in->link));
    if (in->link.connection == NULL)
        return next;
    for (guint i = 0; i < N_ROLES; i++) {
        if (in->roles[i].wanted && !in->roles[i].ready)
            next = MIN(next, in->roles[i].retry_us);
    }
    if (is_probed(in))
        next = MIN(next, in->next_probe_us);
    return next;
}

/* A busy cluster may take longer to make a quorum queue than we wait. The next connection asks for
 * the same one: another name each time would add to what the cluster is busy with. */
static gboolean
asks_again(const InThread *in)
{
    const OmRoleSpec *spec = in->roles[ROLE_TAP].spec;

    return spec != NULL && spec->queue.quorum && !in->tap_made;
}

static void
step(InThread *in)
{
    g_autoptr(GError) error = NULL;
    gint64 now = g_get_monotonic_time();
    gboolean more = FALSE;
    gint64 next;

    if (in->link.connection == NULL && om_link_step(&in->link, now) && !asks_again(in)) {
        in->nonce = g_random_int();
        in->tap_made = FALSE;
    }
    if (in->link.connection) {
        serve_waiting(in);
        if (!set_up_due(in, now, &error) || !bind_for_old_servers(in, &error) ||
            !take_events(in, &more, &error) || !step_probe(in, now, &error) ||
            !acknowledge(in, &error))
            lost(in, error, 0);
        else if (om_link_outdated(&in->link))
            lost(in, NULL, OM_GOODBYE_MS);
    }
    now = g_get_monotonic_time();
    next = next_timer_us(in, now);
    if (more)
        return;
    om_bus_poll(in->link.connection ? om_connection_fd(in->link.connection) : -1, in->bus->in_wake,
                next == G_MAXINT64 ? G_USEC_PER_SEC : next - now);
}

/* Our queues would go by themselves; gone at once they cost the broker nothing, and a caller learns
 * that nobody is there (a quorum queue cannot be auto-delete). */
static void
leave(InThread *in)
{
    om_connection_set_rpc_timeout(in->link.connection, OM_GOODBYE_MS);
    for (guint i = 0; i < N_ROLES; i++) {
        const OmRole *role = &in->roles[i];

        if (role->ready && !om_connection_queue_delete(in->link.connection, role->channel,
                                                       role->spec->queue.name, NULL))
            break;
    }
    lost(in, NULL, OM_GOODBYE_MS);
}

gpointer
om_bus_in_main(gpointer data)
{
    OmBus *bus = data;
    InThread in = { .bus = bus };

    g_queue_init(&in.waiting);
    in.tap_seen = om_dedup_new(DEDUP_IDS);
    in.server_seen = om_dedup_new(DEDUP_IDS);
    for (guint i = 0; i < N_ROLES; i++)
        in.roles[i].channel = (guint16)(i + 1);
    in.roles[ROLE_TAP].wanted = bus->tap_type != OM_TAP_OFF;
    in.roles[ROLE_SERVER].wanted = bus->topic != NULL;
    in.roles[ROLE_REPLY].wanted = !bus->in_only;
    om_link_init(&in.link, bus, TRUE);

    while (!om_link_note_progress(&in.link))
        step(&in);

    if (in.link.connection)
        leave(&in);
    for (guint i = 0; i < N_ROLES; i++)
        om_role_spec_free(in.roles[i].spec);
    om_dedup_free(in.tap_seen);
    om_dedup_free(in.server_seen);
    g_queue_clear_full(&in.waiting, waiting_free);
    om_link_clear(&in.link);
    pthread_mutex_lock(&bus->lock);
    bus->in_running = FALSE;
    pthread_cond_broadcast(&bus->ended);
    pthread_mutex_unlock(&bus->lock);
    return NULL;
}
