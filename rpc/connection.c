#include "config.h"

#include "rpc/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifdef HAVE_RABBITMQ_C_AMQP_H
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#include "rpc/assembly.h"
#include "rpc/resolve.h"
#include "rpc/tls.h"

#define MAX_CHANNELS        8
#define TCP_USER_TIMEOUT_MS 30000

G_DEFINE_QUARK(om_connection_error_quark, om_connection_error)

typedef struct {
    gboolean open;
    OmAssembly assembly;
} Channel;

struct _OmConnection {
    amqp_connection_state_t state;
    Channel channels[MAX_CHANNELS];
    gsize max_body_bytes;
    void (*progressed)(gpointer);
    gpointer progress_data;
    gboolean unverified;
    gboolean dead;
};

/* ---- errors ---- */

gboolean
om_connection_error_is_channel(const GError *error)
{
    return error->domain == OM_CONNECTION_ERROR && error->code >= OM_CONNECTION_ERROR_NOT_FOUND;
}

static char *
printable(amqp_bytes_t bytes)
{
    return g_utf8_make_valid(bytes.len ? bytes.bytes : "", (gssize)bytes.len);
}

static gboolean
library_error(OmConnection *connection, int status, const char *step, GError **error)
{
    OmConnectionError code = OM_CONNECTION_ERROR_IO;

    if (status == AMQP_STATUS_TIMEOUT || status == AMQP_STATUS_HEARTBEAT_TIMEOUT)
        code = OM_CONNECTION_ERROR_TIMEOUT;
    else if (status <= AMQP_STATUS_SSL_ERROR)
        code = OM_CONNECTION_ERROR_TLS;
    connection->dead = TRUE;
    g_set_error(error, OM_CONNECTION_ERROR, code, "%s: %s", step, amqp_error_string2(status));
    return FALSE;
}

static OmConnectionError
channel_code(guint16 reply_code)
{
    switch (reply_code) {
    case AMQP_NOT_FOUND:
        return OM_CONNECTION_ERROR_NOT_FOUND;
    case AMQP_PRECONDITION_FAILED:
        return OM_CONNECTION_ERROR_PRECONDITION;
    case AMQP_RESOURCE_LOCKED:
        return OM_CONNECTION_ERROR_LOCKED;
    case AMQP_ACCESS_REFUSED:
        return OM_CONNECTION_ERROR_REFUSED;
    default:
        return OM_CONNECTION_ERROR_CHANNEL;
    }
}

/* The broker closed a channel: answer, so that its number can be used again. */
static void
channel_closed(OmConnection *connection, guint16 number)
{
    amqp_channel_close_ok_t ok = { 0 };
    Channel *channel = &connection->channels[number];

    amqp_send_method(connection->state, number, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    channel->open = FALSE;
    om_assembly_reset(&channel->assembly);
}

static gboolean
connection_closed(OmConnection *connection, const amqp_connection_close_t *close, const char *step,
                  GError **error)
{
    amqp_connection_close_ok_t ok = { 0 };
    g_autofree char *text = printable(close->reply_text);
    OmConnectionError code = OM_CONNECTION_ERROR_CLOSED;

    /* before the handshake is over 403 means the login, 530 the virtual host */
    if (close->reply_code == AMQP_ACCESS_REFUSED && strstr(text, "Login was refused"))
        code = OM_CONNECTION_ERROR_CREDENTIALS;
    else if (close->reply_code == AMQP_NOT_ALLOWED)
        code = OM_CONNECTION_ERROR_VHOST;
    amqp_send_method(connection->state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    connection->dead = TRUE;
    g_set_error(error, OM_CONNECTION_ERROR, code, "%s: %u %s", step, close->reply_code, text);
    return FALSE;
}

static gboolean
check_reply(OmConnection *connection, guint16 channel, amqp_rpc_reply_t reply, const char *step,
            GError **error)
{
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
        amqp_maybe_release_buffers_on_channel(connection->state, channel);
        if (connection->progressed)
            connection->progressed(connection->progress_data);
        return TRUE;
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
        return library_error(connection, reply.library_error, step, error);
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
            const amqp_channel_close_t *close = reply.reply.decoded;
            g_autofree char *text = printable(close->reply_text);

            g_set_error(error, OM_CONNECTION_ERROR, channel_code(close->reply_code), "%s: %u %s",
                        step, close->reply_code, text);
            channel_closed(connection, channel);
            amqp_maybe_release_buffers_on_channel(connection->state, channel);
            return FALSE;
        }
        if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
            return connection_closed(connection, reply.reply.decoded, step, error);
        break;
    case AMQP_RESPONSE_NONE:
        break;
    }
    connection->dead = TRUE;
    g_set_error(error, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_PROTOCOL, "%s: unexpected answer",
                step);
    return FALSE;
}

static gboolean
check_last(OmConnection *connection, guint16 channel, const char *step, GError **error)
{
    return check_reply(connection, channel, amqp_get_rpc_reply(connection->state), step, error);
}

/* ---- opening and closing ---- */

static void
milliseconds(struct timeval *tv, guint ms)
{
    tv->tv_sec = ms / 1000;
    tv->tv_usec = (ms % 1000) * 1000;
}

/* A peer that vanished without a word is noticed in 30 s, also while we write. */
static void
set_socket_options(int fd)
{
    const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, 15 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 5 },
        { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        { IPPROTO_TCP, TCP_NODELAY, 1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
}

static amqp_socket_t *
new_socket(OmConnection *connection, const OmConnectionParams *params, GError **error)
{
    const OmRabbitOptions *rabbit = params->rabbit;
    gboolean verify = rabbit->ssl_ca_file && *rabbit->ssl_ca_file;
    amqp_socket_t *socket;

    if (!rabbit->ssl)
        return amqp_tcp_socket_new(connection->state);
    socket = amqp_ssl_socket_new(connection->state);
    if (socket == NULL)
        return NULL;
    /* the name is checked by OpenSSL itself: librabbitmq before 0.14 cannot do it for addresses */
    amqp_ssl_socket_set_verify_hostname(socket, FALSE);
    amqp_ssl_socket_set_verify_peer(socket, verify);
    connection->unverified = !verify;
    if (!om_tls_configure(amqp_ssl_socket_get_context(socket), rabbit, params->host->host, error))
        return NULL;
    return socket;
}

static amqp_table_entry_t
boolean_entry(const char *key, gboolean value)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(key),
                                 .value = { .kind = AMQP_FIELD_KIND_BOOLEAN } };

    entry.value.value.boolean = value;
    return entry;
}

static amqp_table_entry_t
int_entry(const char *key, gint32 value)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(key),
                                 .value = { .kind = AMQP_FIELD_KIND_I32 } };

    entry.value.value.i32 = value;
    return entry;
}

static amqp_table_entry_t
text_entry(const char *key, const char *value)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(key),
                                 .value = { .kind = AMQP_FIELD_KIND_UTF8 } };

    entry.value.value.bytes = amqp_cstring_bytes(value);
    return entry;
}

static gboolean
login(OmConnection *connection, const OmConnectionParams *params, GError **error)
{
    /* the library itself asks for neither: without them a deleted queue or a memory alarm would go
     * unnoticed */
    amqp_table_entry_t capabilities[] = {
        boolean_entry("consumer_cancel_notify", TRUE),
        boolean_entry("connection.blocked", TRUE),
    };
    amqp_table_entry_t properties[] = {
        text_entry("connection_name", params->name),
        text_entry("product", "nova-migration-agent"),
        { .key = amqp_cstring_bytes("capabilities"), .value = { .kind = AMQP_FIELD_KIND_TABLE } },
    };
    amqp_table_t table = { G_N_ELEMENTS(properties), properties };
    int heartbeat = (int)MIN(params->rabbit->heartbeat_timeout_threshold_s, G_MAXUINT16);
    amqp_rpc_reply_t reply;

    properties[2].value.value.table.num_entries = G_N_ELEMENTS(capabilities);
    properties[2].value.value.table.entries = capabilities;
    if (params->rabbit->login_external)
        reply = amqp_login_with_properties(connection->state, params->vhost, MAX_CHANNELS - 1,
                                           AMQP_DEFAULT_FRAME_SIZE, heartbeat, &table,
                                           AMQP_SASL_METHOD_EXTERNAL, params->host->user);
    else
        reply = amqp_login_with_properties(
            connection->state, params->vhost, MAX_CHANNELS - 1, AMQP_DEFAULT_FRAME_SIZE, heartbeat,
            &table, AMQP_SASL_METHOD_PLAIN, params->host->user, params->host->password);
    return check_reply(connection, 0, reply, "login", error);
}

OmConnection *
om_connection_open(const OmConnectionParams *params, GError **error)
{
    OmConnection *connection;
    struct timeval handshake;
    struct timeval rpc;
    amqp_socket_t *socket;
    GError *local = NULL;
    int status;

    if (!om_resolve_check(params->host->host, params->handshake_ms, error))
        return NULL;
    connection = g_new0(OmConnection, 1);
    milliseconds(&handshake, params->handshake_ms);
    milliseconds(&rpc, params->rpc_ms);
    connection->max_body_bytes = params->max_body_bytes;
    connection->progressed = params->progressed;
    connection->progress_data = params->progress_data;
    connection->state = amqp_new_connection();
    if (connection->state == NULL)
        g_error("out of memory");
    amqp_set_handshake_timeout(connection->state, &handshake);
    amqp_set_rpc_timeout(connection->state, &rpc);

    socket = new_socket(connection, params, &local);
    if (socket == NULL) {
        if (local == NULL)
            g_set_error_literal(&local, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_TLS,
                                "cannot make a socket");
        goto failed;
    }
    status = amqp_socket_open_noblock(socket, params->host->host, params->host->port, &handshake);
    if (status != AMQP_STATUS_OK) {
        library_error(connection, status, "connect", &local);
        goto failed;
    }
    set_socket_options(amqp_get_sockfd(connection->state));
    if (login(connection, params, &local))
        return connection;
failed:
    g_propagate_error(error, local);
    om_connection_close(connection, 0);
    return NULL;
}

void
om_connection_close(OmConnection *connection, guint timeout_ms)
{
    if (connection == NULL)
        return;
    if (timeout_ms > 0 && !connection->dead) {
        om_connection_set_rpc_timeout(connection, timeout_ms);
        amqp_connection_close(connection->state, AMQP_REPLY_SUCCESS);
    }
    amqp_destroy_connection(connection->state);
    for (guint i = 0; i < MAX_CHANNELS; i++)
        om_assembly_clear(&connection->channels[i].assembly);
    g_free(connection);
}

void
om_connection_set_rpc_timeout(OmConnection *connection, guint timeout_ms)
{
    struct timeval timeout;

    milliseconds(&timeout, timeout_ms);
    amqp_set_rpc_timeout(connection->state, &timeout);
}

int
om_connection_fd(const OmConnection *connection)
{
    return amqp_get_sockfd(connection->state);
}

gboolean
om_connection_unverified(const OmConnection *connection)
{
    return connection->unverified;
}

/* ---- declaring ---- */

gboolean
om_connection_channel_open(OmConnection *connection, guint16 channel, GError **error)
{
    g_return_val_if_fail(channel > 0 && channel < MAX_CHANNELS, FALSE);
    if (connection->channels[channel].open)
        return TRUE;
    amqp_channel_open(connection->state, channel);
    if (!check_last(connection, channel, "channel.open", error))
        return FALSE;
    connection->channels[channel].open = TRUE;
    return TRUE;
}

gboolean
om_connection_channel_close(OmConnection *connection, guint16 channel, GError **error)
{
    amqp_rpc_reply_t reply = amqp_channel_close(connection->state, channel, AMQP_REPLY_SUCCESS);

    connection->channels[channel].open = FALSE;
    om_assembly_reset(&connection->channels[channel].assembly);
    return check_reply(connection, channel, reply, "channel.close", error);
}

gboolean
om_connection_channel_is_open(const OmConnection *connection, guint16 channel)
{
    return connection->channels[channel].open;
}

gboolean
om_connection_confirm_select(OmConnection *connection, guint16 channel, GError **error)
{
    amqp_confirm_select(connection->state, channel);
    return check_last(connection, channel, "confirm.select", error);
}

gboolean
om_connection_qos(OmConnection *connection, guint16 channel, guint16 prefetch, GError **error)
{
    amqp_basic_qos(connection->state, channel, 0, prefetch, FALSE);
    return check_last(connection, channel, "basic.qos", error);
}

gboolean
om_connection_exchange_check(OmConnection *connection, guint16 channel, const char *exchange,
                             GError **error)
{
    /* passive: neither type nor flags are compared */
    amqp_exchange_declare(connection->state, channel, amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes("topic"), TRUE, FALSE, FALSE, FALSE, amqp_empty_table);
    return check_last(connection, channel, "exchange.declare (passive)", error);
}

gboolean
om_connection_exchange_declare(OmConnection *connection, guint16 channel, const char *exchange,
                               const char *type, gboolean durable, gboolean auto_delete,
                               GError **error)
{
    amqp_exchange_declare(connection->state, channel, amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes(type), FALSE, durable, auto_delete, FALSE,
                          amqp_empty_table);
    return check_last(connection, channel, "exchange.declare", error);
}

gboolean
om_connection_queue_declare(OmConnection *connection, guint16 channel, const OmQueueSpec *queue,
                            GError **error)
{
    amqp_table_entry_t entries[5];
    amqp_table_t arguments = { 0, entries };

    if (queue->quorum)
        entries[arguments.num_entries++] = text_entry("x-queue-type", "quorum");
    if (queue->expires_ms > 0)
        entries[arguments.num_entries++] = int_entry("x-expires", queue->expires_ms);
    if (queue->message_ttl_ms > 0)
        entries[arguments.num_entries++] = int_entry("x-message-ttl", queue->message_ttl_ms);
    if (queue->max_length > 0) {
        entries[arguments.num_entries++] = int_entry("x-max-length", queue->max_length);
        entries[arguments.num_entries++] = text_entry("x-overflow", "drop-head");
    }
    amqp_queue_declare(connection->state, channel, amqp_cstring_bytes(queue->name), FALSE,
                       queue->durable, queue->exclusive, queue->auto_delete, arguments);
    return check_last(connection, channel, "queue.declare", error);
}

gboolean
om_connection_queue_delete(OmConnection *connection, guint16 channel, const char *queue,
                           GError **error)
{
    amqp_queue_delete(connection->state, channel, amqp_cstring_bytes(queue), FALSE, FALSE);
    return check_last(connection, channel, "queue.delete", error);
}

gboolean
om_connection_bind(OmConnection *connection, guint16 channel, const char *queue,
                   const char *exchange, const char *key, GError **error)
{
    amqp_queue_bind(connection->state, channel, amqp_cstring_bytes(queue),
                    amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), amqp_empty_table);
    return check_last(connection, channel, "queue.bind", error);
}

gboolean
om_connection_bind_exchange(OmConnection *connection, guint16 channel, const char *to,
                            const char *from, const char *key, GError **error)
{
    amqp_exchange_bind(connection->state, channel, amqp_cstring_bytes(to), amqp_cstring_bytes(from),
                       amqp_cstring_bytes(key), amqp_empty_table);
    return check_last(connection, channel, "exchange.bind", error);
}

gboolean
om_connection_consume(OmConnection *connection, guint16 channel, const char *queue, gboolean no_ack,
                      GError **error)
{
    char tag[8];

    g_snprintf(tag, sizeof tag, "%u", channel);
    amqp_basic_consume(connection->state, channel, amqp_cstring_bytes(queue),
                       amqp_cstring_bytes(tag), FALSE, no_ack, FALSE, amqp_empty_table);
    return check_last(connection, channel, "basic.consume", error);
}

gboolean
om_connection_cancel(OmConnection *connection, guint16 channel, GError **error)
{
    char tag[8];

    g_snprintf(tag, sizeof tag, "%u", channel);
    amqp_basic_cancel(connection->state, channel, amqp_cstring_bytes(tag));
    return check_last(connection, channel, "basic.cancel", error);
}

/* ---- sending ---- */

gboolean
om_connection_ack(OmConnection *connection, guint16 channel, guint64 tag, gboolean multiple,
                  GError **error)
{
    int status = amqp_basic_ack(connection->state, channel, tag, multiple);

    return status == AMQP_STATUS_OK || library_error(connection, status, "basic.ack", error);
}

gboolean
om_connection_publish(OmConnection *connection, guint16 channel, const OmPublishing *publishing,
                      GError **error)
{
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG |
                  AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_PRIORITY_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .content_encoding = amqp_cstring_bytes("utf-8"),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
    };
    char expiration[24];
    char id[24];
    amqp_bytes_t body;
    int status;

    if (publishing->expiration_ms > 0) {
        g_snprintf(expiration, sizeof expiration, "%" G_GINT64_FORMAT, publishing->expiration_ms);
        properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
        properties.expiration = amqp_cstring_bytes(expiration);
    }
    if (publishing->mandatory) {
        g_snprintf(id, sizeof id, "%" G_GUINT64_FORMAT, publishing->id);
        properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
        properties.message_id = amqp_cstring_bytes(id);
    }
    body.bytes = (void *)g_bytes_get_data(publishing->body, &body.len);
    status = amqp_basic_publish(
        connection->state, channel, amqp_cstring_bytes(publishing->exchange),
        amqp_cstring_bytes(publishing->key), publishing->mandatory, FALSE, &properties, body);
    return status == AMQP_STATUS_OK || library_error(connection, status, "basic.publish", error);
}

/* ---- receiving ---- */

static void
copy_text(char *to, gsize room, amqp_bytes_t from)
{
    gsize size = MIN(from.len, room - 1);

    if (size > 0)
        memcpy(to, from.bytes, size);
    to[size] = '\0';
}

static gboolean
take_method(OmConnection *connection, guint16 number, const amqp_method_t *method, OmEvent *event,
            GError **error)
{
    Channel *channel = &connection->channels[number];

    event->channel = number;
    switch (method->id) {
    case AMQP_BASIC_DELIVER_METHOD: {
        const amqp_basic_deliver_t *deliver = method->decoded;
        OmEvent *begun = om_assembly_begin(&channel->assembly, OM_EVENT_DELIVERY, number);

        begun->tag = deliver->delivery_tag;
        copy_text(begun->routing_key, sizeof begun->routing_key, deliver->routing_key);
        break;
    }
    case AMQP_BASIC_RETURN_METHOD:
        om_assembly_begin(&channel->assembly, OM_EVENT_RETURN, number);
        break;
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = method->decoded;

        event->type = OM_EVENT_CONFIRM;
        event->tag = ack->delivery_tag;
        event->multiple = ack->multiple;
        event->positive = TRUE;
        break;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = method->decoded;

        event->type = OM_EVENT_CONFIRM;
        event->tag = nack->delivery_tag;
        event->multiple = nack->multiple;
        break;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        event->type = OM_EVENT_CANCEL;
        break;
    case AMQP_CHANNEL_CLOSE_METHOD: {
        const amqp_channel_close_t *close = method->decoded;
        g_autofree char *text = printable(close->reply_text);

        event->type = OM_EVENT_CHANNEL_CLOSED;
        g_snprintf(event->text, sizeof event->text, "%u %s", close->reply_code, text);
        channel_closed(connection, number);
        break;
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
        event->type = OM_EVENT_BLOCKED;
        break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        event->type = OM_EVENT_UNBLOCKED;
        break;
    case AMQP_CONNECTION_CLOSE_METHOD:
        return connection_closed(connection, method->decoded, "connection", error);
    default:
        break; /* late answers to what we gave up on */
    }
    return TRUE;
}

static void
take_properties(OmEvent *event, const amqp_basic_properties_t *properties)
{
    if (properties->_flags & AMQP_BASIC_HEADERS_FLAG) {
        for (int i = 0; i < properties->headers.num_entries; i++) {
            const amqp_table_entry_t *entry = &properties->headers.entries[i];

            if (entry->value.kind == AMQP_FIELD_KIND_UTF8 && entry->key.len == 11 &&
                memcmp(entry->key.bytes, "compression", 11) == 0)
                copy_text(event->compression, sizeof event->compression, entry->value.value.bytes);
        }
    }
    if (event->type == OM_EVENT_RETURN && (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)) {
        char id[24];

        copy_text(id, sizeof id, properties->message_id);
        event->id = g_ascii_strtoull(id, NULL, 10);
    }
}

/* TRUE when the frame completes a message. */
static gboolean
take_content(OmConnection *connection, const amqp_frame_t *frame, OmEvent *event)
{
    OmAssembly *assembly = &connection->channels[frame->channel].assembly;
    gboolean complete = FALSE;

    if (frame->frame_type == AMQP_FRAME_HEADER && assembly->expect == OM_EXPECT_HEADER) {
        take_properties(&assembly->event, frame->payload.properties.decoded);
        complete = om_assembly_header(assembly, frame->payload.properties.body_size,
                                      connection->max_body_bytes);
    } else if (frame->frame_type == AMQP_FRAME_BODY) {
        complete = om_assembly_body(assembly, frame->payload.body_fragment.bytes,
                                    frame->payload.body_fragment.len);
    }
    if (complete)
        *event = assembly->event;
    return complete;
}

gboolean
om_connection_next(OmConnection *connection, OmEvent *event, GError **error)
{
    const struct timeval at_once = { 0, 0 };

    for (;;) {
        amqp_frame_t frame;
        gboolean complete = FALSE;
        int status;

        amqp_maybe_release_buffers(connection->state); /* the last event's body may be in one */
        status = amqp_simple_wait_frame_noblock(connection->state, &frame, &at_once);
        event->type = OM_EVENT_NONE;
        if (status == AMQP_STATUS_TIMEOUT)
            return TRUE;
        if (status != AMQP_STATUS_OK)
            return library_error(connection, status, "receive", error);
        if (frame.channel >= MAX_CHANNELS)
            continue;
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            memset(event, 0, sizeof *event);
            if (!take_method(connection, frame.channel, &frame.payload.method, event, error))
                return FALSE;
            complete = event->type != OM_EVENT_NONE;
        } else {
            complete = take_content(connection, &frame, event);
        }
        if (complete)
            return TRUE;
    }
}
