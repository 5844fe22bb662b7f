/*
 * One receiver of messages that counts them, and the callers' stopwatch:
 *
 *     receive URL EXCHANGE bare    KEY    COUNTER   librabbitmq alone: takes frames, parses nothing
 *     receive URL EXCHANGE ignored KEY    COUNTER   our tap, waiting for other methods
 *     receive URL EXCHANGE used    KEY    COUNTER   our tap, waiting for this method
 *     receive URL EXCHANGE server  TOPIC  COUNTER   our server, Target(TOPIC, "bench")
 *     receive URL EXCHANGE reader  TOPIC  COUNTER   the same, and it looks at the arguments
 *     receive URL EXCHANGE calls   TOPIC  NUMBER    so many calls of echo one after the other
 *
 * COUNTER is a file of eight bytes, mapped: how many have come. Says "ready"; ends at the end of
 * standard input. `calls` prints the round trip of each in µs.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_RABBITMQ_C_AMQP_H
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

#include "rpc/bus.h"

#define METHOD   "live_migration"
#define PREFETCH 1024 /* as our tap */
#define BATCH    256

static guint64 *counter;
static gboolean reads_args;

static void
say_ready(void)
{
    puts("ready");
    fflush(stdout);
}

static guint64 *
map_counter(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED
                      : mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        g_error("%s: cannot be mapped", path);
    close(fd);
    return at;
}

/* ---- the least that a consumer can do ---- */

static void
check(amqp_connection_state_t state, const char *step)
{
    if (amqp_get_rpc_reply(state).reply_type != AMQP_RESPONSE_NORMAL)
        g_error("bare: %s", step);
}

/* The same queue, prefetch and way to acknowledge as our tap's. */
static void
consume(amqp_connection_state_t state, const char *exchange, const char *key)
{
    const struct timeval at_once = { 0, 0 };
    amqp_table_entry_t bounds[] = {
        { amqp_cstring_bytes("x-message-ttl"), { AMQP_FIELD_KIND_I32, { .i32 = 120000 } } },
        { amqp_cstring_bytes("x-max-length"), { AMQP_FIELD_KIND_I32, { .i32 = 4096 } } },
        { amqp_cstring_bytes("x-overflow"),
          { AMQP_FIELD_KIND_UTF8, { .bytes = amqp_cstring_bytes("drop-head") } } },
    };
    const amqp_table_t arguments = { G_N_ELEMENTS(bounds), bounds };
    amqp_queue_declare_ok_t *queue =
        amqp_queue_declare(state, 1, amqp_empty_bytes, 0, 0, 1, 1, arguments);
    amqp_bytes_t name = queue ? amqp_bytes_malloc_dup(queue->queue) : amqp_empty_bytes;

    check(state, "queue");
    amqp_queue_bind(state, 1, name, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key),
                    amqp_empty_table);
    check(state, "bind");
    amqp_basic_qos(state, 1, 0, PREFETCH, 0);
    amqp_basic_consume(state, 1, name, amqp_empty_bytes, 0, 0, 1, amqp_empty_table);
    check(state, "consume");
    say_ready();
    for (guint64 unacked = 0;;) {
        amqp_envelope_t envelope;
        amqp_rpc_reply_t reply;

        amqp_maybe_release_buffers(state);
        reply = amqp_consume_message(state, &envelope, unacked ? &at_once : NULL, 0);
        if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
            unacked = envelope.delivery_tag;
            amqp_destroy_envelope(&envelope);
            ++*counter;
        }
        if (unacked && (reply.reply_type != AMQP_RESPONSE_NORMAL || unacked % BATCH == 0)) {
            amqp_basic_ack(state, 1, unacked, 1);
            unacked = 0;
        } else if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
            g_error("bare: the connection is gone");
        }
    }
}

typedef struct {
    const OmTransportUrl *url;
    const char *exchange, *key;
} Bare;

static gpointer
run_bare(gpointer data)
{
    const Bare *bare = data;
    const OmHost *host = bare->url->hosts;
    amqp_connection_state_t state = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(state);

    if (amqp_socket_open(socket, host->host, host->port) != AMQP_STATUS_OK ||
        amqp_login(state, bare->url->vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, host->user,
                   host->password)
                .reply_type != AMQP_RESPONSE_NORMAL)
        g_error("bare: no connection");
    amqp_channel_open(state, 1);
    check(state, "channel");
    consume(state, bare->exchange, bare->key);
    return NULL;
}

/* ---- ours ---- */

static void
on_tapped(OmMessage *message, gpointer unused)
{
    om_message_args(message);
    om_message_free(message);
}

/* What the tap ignores is told by nobody but its counter. Until the end of standard input. */
static void
watch_tap(OmBus *bus)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    OmBusStats stats;

    while (poll(&input, 1, 5) == 0) {
        om_bus_get_stats(bus, &stats);
        *counter = stats.tap_seen;
    }
}

static void
on_requested(OmRequest *request, gpointer unused)
{
    OmMessage *message = om_request_message(request);
    const json_t *value = NULL;

    /* a handler that is called `echo` wants its argument, the one that only counts does not */
    if (reads_args || message->msg_id)
        value = json_object_get(om_message_args(message), "value");
    om_request_reply(request, value);
    if (counter)
        ++*counter;
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    gboolean ready;
    gint64 answered_us; /* 0: not yet */
} Calls;

static Calls calls = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, FALSE, 0 };

static void
on_finished(OmCallResult *result, gpointer unused)
{
    pthread_mutex_lock(&calls.lock);
    if (result->status != OM_CALL_OK)
        g_error("call: %s", om_call_status_to_string(result->status));
    calls.answered_us = result->round_trip_us;
    pthread_cond_signal(&calls.changed);
    pthread_mutex_unlock(&calls.lock);
    om_call_result_free(result);
}

static void
on_state(const OmBusState *state, gpointer unused)
{
    pthread_mutex_lock(&calls.lock);
    if (!calls.ready && state->out_connected && state->replies_ready &&
        (state->tap_bound || state->server_ready || counter == NULL)) {
        calls.ready = TRUE;
        say_ready();
        pthread_cond_signal(&calls.changed);
    }
    pthread_mutex_unlock(&calls.lock);
}

static void
make_calls(OmBus *bus, const char *topic, guint64 number)
{
    const OmTarget target = { .topic = topic, .server = "bench", .version = "6.0" };
    json_t *args = json_pack("{s:s}", "value", "x");

    pthread_mutex_lock(&calls.lock);
    while (!calls.ready)
        pthread_cond_wait(&calls.changed, &calls.lock);
    for (guint64 n = 0; n < number; n++) {
        calls.answered_us = 0;
        if (!om_bus_call(bus, &target, "echo", args, NULL, n, NULL))
            g_error("call: refused");
        while (calls.answered_us == 0)
            pthread_cond_wait(&calls.changed, &calls.lock);
        printf("%" G_GINT64_FORMAT "\n", calls.answered_us);
    }
    fflush(stdout);
    pthread_mutex_unlock(&calls.lock);
    json_decref(args);
}

static OmBus *
start_bus(const OmTransportUrl *url, const char *exchange, const char *mode, const char *key)
{
    const char *const wanted[] = { strcmp(mode, "used") == 0 ? METHOD : "pre_" METHOD, NULL };
    const char *const served[] = { METHOD, "echo", NULL };
    const char *const keys[] = { key, NULL };
    const OmBusEvents events = { .tapped = on_tapped,
                                 .requested = on_requested,
                                 .call_finished = on_finished,
                                 .state_changed = on_state };
    g_auto(OmRabbitOptions) rabbit = { 0 };
    g_autoptr(GError) error = NULL;
    OmBusConfig config = {
        .url = url,
        .rabbit = &rabbit,
        .exchange = exchange,
        .connection_name = "receive",
        .queue_prefix = "nma_bench",
        .host = mode,
        .probe_off = TRUE,
    };
    OmBus *bus;

    om_rabbit_options_init(&rabbit);
    reads_args = strcmp(mode, "reader") == 0;
    if (strcmp(mode, "server") == 0 || reads_args) {
        config.server = (OmServerConfig){
            .topic = key, .server = "bench", .version = "6.0", .methods = served
        };
    } else if (strcmp(mode, "calls") != 0) {
        config.tap = (OmTapConfig){ OM_TAP_CLASSIC, keys, wanted };
    }
    bus = om_bus_new(&config, &events, NULL, &error);
    if (bus == NULL || !om_bus_start(bus, &error))
        g_error("%s", error->message);
    return bus;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = argc == 6 ? om_transport_url_parse(argv[1], &error) : NULL;
    OmBus *bus = NULL;

    if (url == NULL)
        return 2;
    if (strcmp(argv[3], "calls") == 0) {
        bus = start_bus(url, argv[2], argv[3], argv[4]);
        make_calls(bus, argv[4], g_ascii_strtoull(argv[5], NULL, 10));
    } else {
        counter = map_counter(argv[5]);
        if (strcmp(argv[3], "bare") == 0) {
            const Bare bare = { url, argv[2], argv[4] };

            /* ends with the process */
            g_thread_unref(g_thread_new("bare", run_bare, (gpointer)&bare));
        } else {
            bus = start_bus(url, argv[2], argv[3], argv[4]);
        }
        if (strcmp(argv[3], "ignored") == 0 || strcmp(argv[3], "used") == 0)
            watch_tap(bus);
        while (getchar() != EOF)
            continue;
        if (bus == NULL)
            _exit(0); /* that thread still runs */
    }
    om_bus_stop(bus, 2000);
    om_bus_unref(bus);
    return 0;
}
