/* The pure parts of rpc/ beside the envelope. */
#include <bzlib.h>
#include <string.h>
#include <zlib.h>

#include "rpc/assembly.h"
#include "rpc/bus.h"
#include "rpc/compression.h"
#include "rpc/dedup.h"
#include "rpc/rabbit_options.h"
#include "rpc/reconnect.h"
#include "rpc/topology.h"
#include "rpc/transport_url.h"
#include "tests/unit/tap.h"

/* ---- transport_url ---- */

static void
test_urls(void)
{
    /* what Python's TransportURL.parse makes of them; user:password@host:port of each host, then
     * the vhost */
    static const struct {
        const char *url, *hosts, *vhost;
    } cases[] = {
        { "rabbit://", "guest:guest@localhost:5672", "/" },
        { "rabbit:///", "guest:guest@localhost:5672", "/" },
        { "rabbit://h", "guest:guest@h:5672", "/" },
        { "rabbit://u:p@h:1234/v", "u:p@h:1234", "v" },
        { "rabbit://u:p@h//", "u:p@h:5672", "/" },
        { "rabbit://u:p@h//cell1", "u:p@h:5672", "/cell1" },
        { "rabbit://u:p@h/%2Fcell%201", "u:p@h:5672", "/cell 1" },
        { "rabbit://u%40x:p%2Fw%3A%2c@h/", "u@x:p/w:,@h:5672", "/" },
        { "rabbit://user@domain:p@h", "user@domain:p@h:5672", "/" },
        { "rabbit://u:p:q@h", "u:p:q@h:5672", "/" },
        { "rabbit://a:b@h1:1,c:d@h2:2/v", "a:b@h1:1 c:d@h2:2", "v" },
        { "rabbit://a:b@h1,h2:7", "a:b@h1:5672 guest:guest@h2:7", "/" },
        { "rabbit://,a:b@h1,,", "a:b@h1:5672", "/" },
        { "rabbit://a:b@[2001:db8::1]:99,[::1]/v", "a:b@2001:db8::1:99 guest:guest@::1:5672", "v" },
        { "rabbit://u:p@h:/v", "u:p@h:5672", "v" },
        { "rabbit://u:p%zz@h", "u:p%zz@h:5672", "/" },
        { "RABBIT://u:p@h", "u:p@h:5672", "/" },
        { "rabbit://u:p@h/v?ssl=1#x", "u:p@h:5672", "v" },
        { "rabbit://u:p@h?ssl=1", "u:p@h:5672", "/" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(OmTransportUrl) url = om_transport_url_parse(cases[i].url, &error);
        g_autoptr(OmTransportUrl) copy = NULL;
        g_autoptr(GString) hosts = g_string_new(NULL);

        g_test_message("%s", cases[i].url);
        g_assert_no_error(error);
        for (guint h = 0; h < url->n_hosts; h++)
            g_string_append_printf(hosts, "%s%s:%s@%s:%u", h ? " " : "", url->hosts[h].user,
                                   url->hosts[h].password, url->hosts[h].host, url->hosts[h].port);
        g_assert_cmpstr(hosts->str, ==, cases[i].hosts);
        g_assert_cmpstr(url->vhost, ==, cases[i].vhost);
        copy = om_transport_url_copy(url);
        g_assert_true(om_transport_url_equal(copy, url));
        copy->hosts[0].password[0] = '#';
        g_assert_false(om_transport_url_equal(copy, url));
    }
}

static void
test_url_errors_keep_the_secret(void)
{
    static const struct {
        const char *url;
        OmTransportUrlError code;
    } cases[] = {
        { "", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "u:secret@h", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit:/u:secret@h", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "://u:secret@h", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "kafka://u:secret@h", OM_TRANSPORT_URL_ERROR_UNSUPPORTED },
        { "u:secret@h://x", OM_TRANSPORT_URL_ERROR_UNSUPPORTED },
        { "rabbit://u:secret@h:port", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:secret@h:70000", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:secret@h:0", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:se,cret:secret@h", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:secret@[::1", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:secret@[::1]x", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:secret%00@h", OM_TRANSPORT_URL_ERROR_SYNTAX },
        { "rabbit://u:secret@h/%00", OM_TRANSPORT_URL_ERROR_SYNTAX },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(OmTransportUrl) url = om_transport_url_parse(cases[i].url, &error);

        g_test_message("%s", cases[i].url);
        g_assert_null(url);
        g_assert_error(error, OM_TRANSPORT_URL_ERROR, (int)cases[i].code);
        g_assert_null(strstr(error->message, "secret"));
        g_assert_null(strstr(error->message, "cret"));
    }
}

static void
test_url_mask(void)
{
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(
        "rabbit://nova:secret@h1:1,n%2F:secret@[::1]:2/cell1?ssl_key_password=secret", NULL);
    g_autofree char *mask = om_transport_url_mask(url);

    g_assert_cmpstr(mask, ==, "rabbit://nova:***@h1:1,n%2F:***@[::1]:2/cell1");
}

static void
test_url_options(void)
{
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(
        "rabbit://h/?ssl=1&rabbit_quorum_queue=No&ssl_ca_file=%2Fetc%2Fca+1.pem&x=1&x=2&empty=&"
        "heartbeat_timeout_threshold=5&rabbit_transient_queues_ttl=abc",
        NULL);
    g_auto(OmRabbitOptions) given;
    g_auto(OmRabbitOptions) options;

    om_rabbit_options_init(&given);
    given.rabbit_quorum_queue = TRUE;
    given.amqp_durable_queues = TRUE;
    om_rabbit_options_copy(&options, &given, url);
    g_assert_true(options.ssl);
    g_assert_false(options.rabbit_quorum_queue);
    g_assert_true(options.amqp_durable_queues);
    g_assert_cmpstr(options.ssl_ca_file, ==, "/etc/ca 1.pem");
    g_assert_cmpuint(options.heartbeat_timeout_threshold_s, ==, 5);
    g_assert_cmpuint(options.rabbit_transient_queues_ttl_s, ==, 1800);
    g_assert_cmpstr(om_transport_url_option(url, "x"), ==, "1,2");
    g_assert_null(om_transport_url_option(url, "empty"));
    g_assert_false(om_rabbit_options_equal(&given, &options));
}

/* ---- reconnect ---- */

#define S G_USEC_PER_SEC

static void
test_rounds(void)
{
    OmReconnectOptions options;
    OmReconnect machine;
    gboolean seen[3] = { FALSE };
    gint64 now = 1000;
    guint host;

    om_reconnect_options_init(&options);
    om_reconnect_init(&machine, &options, 3, 7, now);
    /* a round tries every host once, without a pause */
    for (guint i = 0; i < 3; i++) {
        g_assert_true(om_reconnect_due(&machine, now, &host));
        g_assert_false(om_reconnect_due(&machine, now, &host));
        g_assert_false(seen[host]);
        seen[host] = TRUE;
        om_reconnect_failed(&machine, FALSE, now);
    }
    /* then comes a pause from the first window */
    g_assert_false(om_reconnect_due(&machine, now, &host));
    g_assert_cmpint(om_reconnect_next_us(&machine), >=, now + options.min_us);
    g_assert_cmpint(om_reconnect_next_us(&machine), <=, now + options.first_us);
    now = om_reconnect_next_us(&machine);
    g_assert_true(om_reconnect_due(&machine, now, &host));
    /* a wrong password would be wrong at the next host too */
    om_reconnect_failed(&machine, TRUE, now);
    g_assert_cmpint(om_reconnect_next_us(&machine), >=, now + options.min_us);
}

static void
test_windows_grow_and_stay_bounded(void)
{
    OmReconnectOptions options;
    gint64 longest[8] = { 0 };

    om_reconnect_options_init(&options);
    for (guint64 seed = 0; seed < 500; seed++) {
        OmReconnect machine;
        gint64 now = 0;
        guint host;

        om_reconnect_init(&machine, &options, 1, seed * 7919, now);
        for (guint i = 0; i < 8; i++) {
            gint64 pause;

            g_assert_true(om_reconnect_due(&machine, now, &host));
            om_reconnect_failed(&machine, FALSE, now);
            pause = om_reconnect_next_us(&machine) - now;
            g_assert_cmpint(pause, >=, options.min_us);
            g_assert_cmpint(pause, <=, MIN(options.first_us << i, options.max_us));
            longest[i] = MAX(longest[i], pause);
            now += pause;
        }
    }
    /* each window is used to its end */
    g_assert_cmpint(longest[0], >, 4.5 * S);
    g_assert_cmpint(longest[1], >, 9 * S);
    g_assert_cmpint(longest[7], >, 58 * S);
}

/* 1,500 agents that lost their broker for 45 s come back spread over about a minute. */
static void
test_fleet_is_spread(void)
{
    OmReconnectOptions options;
    guint per_second[200] = { 0 };
    guint most = 0;

    om_reconnect_options_init(&options);
    for (guint64 seed = 0; seed < 1500; seed++) {
        OmReconnect machine;
        gint64 now = 100 * S;
        guint host;

        om_reconnect_init(&machine, &options, 1, seed * 104729 + 1, 0);
        g_assert_true(om_reconnect_due(&machine, 0, &host));
        om_reconnect_connected(&machine, 0);
        om_reconnect_lost(&machine, now);
        for (;;) {
            now = om_reconnect_next_us(&machine);
            g_assert_true(om_reconnect_due(&machine, now, &host));
            if (now >= 145 * S)
                break;
            om_reconnect_failed(&machine, FALSE, now);
        }
        g_assert_cmpint(now, <=, (145 + 61) * S);
        per_second[MIN(now / S - 145, 199)]++;
    }
    for (guint i = 0; i < G_N_ELEMENTS(per_second); i++)
        most = MAX(most, per_second[i]);
    g_test_message("most in one second: %u of 1500", most);
    g_assert_cmpuint(most, <, 80);
}

static void
test_unstable_connection_counts_as_failing(void)
{
    OmReconnectOptions options;
    OmReconnect machine;
    gint64 now = 0;
    guint host;

    om_reconnect_options_init(&options);
    om_reconnect_init(&machine, &options, 2, 3, now);
    for (guint i = 0; i < 6; i++) {
        g_assert_true(om_reconnect_due(&machine, now, &host));
        om_reconnect_connected(&machine, now);
        g_assert_cmpint(om_reconnect_next_us(&machine), ==, G_MAXINT64);
        om_reconnect_lost(&machine, now + S);
        now = om_reconnect_next_us(&machine);
    }
    g_assert_cmpuint(machine.backoff, ==, 6);
    g_assert_true(om_reconnect_due(&machine, now, &host));
    om_reconnect_connected(&machine, now);
    om_reconnect_lost(&machine, now + options.stable_us);
    g_assert_cmpuint(machine.backoff, ==, 1);
}

static void
test_new_hosts(void)
{
    OmReconnectOptions options;
    OmReconnect machine;
    guint host;

    om_reconnect_options_init(&options);
    om_reconnect_init(&machine, &options, 1, 3, 0);
    g_assert_true(om_reconnect_due(&machine, 0, &host));
    om_reconnect_failed(&machine, FALSE, 0);
    g_assert_false(om_reconnect_due(&machine, 1, &host));
    om_reconnect_set_hosts(&machine, 4, 1);
    g_assert_true(om_reconnect_due(&machine, 1, &host));
    g_assert_cmpuint(host, <, 4);
}

/* ---- topology ---- */

static void
assert_bound(const OmRoleSpec *spec, const char *wanted)
{
    g_autoptr(GString) keys = g_string_new(NULL);

    for (guint i = 0; i < spec->bindings->len; i++) {
        const OmBindingSpec *binding = spec->bindings->pdata[i];

        g_string_append_printf(keys, "%s%s:%s", i ? " " : "", binding->exchange, binding->key);
    }
    g_assert_cmpstr(keys->str, ==, wanted);
}

static void
test_tap_topology(void)
{
    static const char *const keys[] = { "compute.h", "compute-alt.h", NULL };
    g_auto(OmRabbitOptions) options;
    g_autoptr(OmRoleSpec) classic = NULL;
    g_autoptr(OmRoleSpec) quorum = NULL;
    g_autoptr(OmRoleSpec) cluster = NULL;
    g_autoptr(OmRoleSpec) wished = NULL;

    om_rabbit_options_init(&options);
    classic = om_topology_tap(&options, OM_TAP_AUTO, "nova", keys, TRUE, "pre", "h", 0xabc, FALSE);
    g_assert_cmpstr(classic->queue.name, ==, "pre.tap.h.00000abc");
    g_assert_true(classic->queue.exclusive && classic->queue.auto_delete);
    g_assert_false(classic->queue.durable || classic->queue.quorum);
    g_assert_cmpint(classic->queue.max_length, >, 0);
    g_assert_cmpint(classic->queue.message_ttl_ms, >, 0);
    assert_bound(classic, "nova:compute.h.# nova:compute-alt.h.#");
    g_assert_null(classic->fanout_exchange);
    cluster = om_topology_tap(&options, OM_TAP_AUTO, "nova", keys, FALSE, "pre", "h", 1, TRUE);
    g_assert_true(cluster->queue.quorum);
    assert_bound(cluster, "nova:compute.h nova:compute-alt.h");
    wished = om_topology_tap(&options, OM_TAP_CLASSIC, "nova", keys, FALSE, "pre", "h", 1, TRUE);
    g_assert_false(wished->queue.quorum);

    options.rabbit_quorum_queue = TRUE;
    quorum = om_topology_tap(&options, OM_TAP_AUTO, "nova", keys, FALSE, "pre", "h", 1, FALSE);
    g_assert_true(quorum->queue.quorum && quorum->queue.durable);
    g_assert_false(quorum->queue.exclusive || quorum->queue.auto_delete);
    g_assert_cmpint(quorum->queue.expires_ms, >, 0);
    /* RabbitMQ before 3.10 refuses it on a quorum queue */
    g_assert_cmpint(quorum->queue.message_ttl_ms, ==, 0);
    g_assert_cmpint(quorum->queue.max_length, >, 0);
}

static void
test_server_and_reply_topology(void)
{
    g_auto(OmRabbitOptions) options;
    g_autoptr(OmRoleSpec) server = NULL;
    g_autoptr(OmRoleSpec) durable = NULL;
    g_autoptr(OmRoleSpec) reply = NULL;
    g_autoptr(OmRoleSpec) old = NULL;
    g_autoptr(OmRoleSpec) transient_quorum = NULL;

    om_rabbit_options_init(&options);
    server = om_topology_server(&options, "nova", "agent", "h", NULL);
    g_assert_cmpstr(server->queue.name, ==, "agent.h");
    g_assert_cmpint(server->queue.expires_ms, ==, 1800000);
    g_assert_false(server->queue.durable || server->queue.exclusive);
    g_assert_true(server->queue.auto_delete);
    assert_bound(server, "nova:agent.h");
    g_assert_cmpstr(server->fanout_key, ==, "agent");
    g_assert_cmpstr(server->fanout_exchange, ==, "agent_fanout");
    g_assert_false(server->fanout_durable);

    options.amqp_durable_queues = TRUE;
    durable = om_topology_server(&options, "nova", "agent", "h", "probe");
    g_assert_true(durable->queue.durable);
    assert_bound(durable, "nova:agent.h nova:probe");
    /* neither touches fanout nor reply queues */
    g_assert_false(durable->fanout_durable);
    reply = om_topology_reply(&options, "r", FALSE);
    g_assert_false(reply->queue.durable);
    g_assert_null(reply->direct_exchange);
    old = om_topology_reply(&options, "r", TRUE);
    g_assert_cmpstr(old->direct_exchange, ==, "r");

    options.rabbit_transient_quorum_queue = TRUE;
    options.rabbit_transient_queues_ttl_s = 4000000;
    transient_quorum = om_topology_reply(&options, "r", FALSE);
    g_assert_true(transient_quorum->queue.quorum && transient_quorum->queue.durable);
    g_assert_cmpint(transient_quorum->queue.expires_ms, ==, 2147483000);
}

/* ---- compression, memory of ids ---- */

static GBytes *
deflated(const char *text, gsize size)
{
    uLongf room = compressBound(size);
    guint8 *out = g_malloc(room);

    g_assert_cmpint(compress(out, &room, (const Bytef *)text, size), ==, Z_OK);
    return g_bytes_new_take(out, room);
}

static GBytes *
bzipped(const char *text, gsize size)
{
    unsigned room = (unsigned)(size + size / 100 + 600);
    char *out = g_malloc(room);

    g_assert_cmpint(BZ2_bzBuffToBuffCompress(out, &room, (char *)text, (unsigned)size, 9, 0, 0), ==,
                    BZ_OK);
    return g_bytes_new_take(out, room);
}

static void
check_inflate(const char *coding, GBytes *small)
{
    g_autoptr(GBytes) out = NULL;
    g_autoptr(GBytes) exact = NULL;
    GBytes *untouched = NULL;
    gsize size;
    const guint8 *data = g_bytes_get_data(small, &size);

    g_assert_cmpint(om_inflate(coding, data, size, 1 << 20, &out), ==, OM_INFLATE_OK);
    g_assert_cmpuint(g_bytes_get_size(out), ==, 100000);
    g_assert_cmpint(om_inflate(coding, data, size, 100000, &exact), ==, OM_INFLATE_OK);
    g_assert_cmpint(om_inflate(coding, data, size, 99999, &untouched), ==, OM_INFLATE_TOO_LARGE);
    g_assert_cmpint(om_inflate(coding, data, size - 5, 1 << 20, &untouched), ==, OM_INFLATE_BROKEN);
    g_assert_cmpint(om_inflate(coding, "plain", 5, 1 << 20, &untouched), ==, OM_INFLATE_BROKEN);
    g_assert_cmpint(om_inflate(coding, "", 0, 1 << 20, &untouched), ==, OM_INFLATE_BROKEN);
    g_assert_cmpint(om_inflate("application/zstd", data, size, 1 << 20, &untouched), ==,
                    OM_INFLATE_UNKNOWN);
    g_assert_null(untouched);
}

static void
test_inflate(void)
{
    g_autofree char *text = g_strnfill(100000, 'a');
    g_autoptr(GBytes) zlib = deflated(text, 100000);
    g_autoptr(GBytes) bzip2 = bzipped(text, 100000);

    check_inflate("application/x-gzip", zlib);
    check_inflate("zlib", zlib);
    check_inflate("application/x-bz2", bzip2);
    check_inflate("bzip2", bzip2);
}

static void
test_dedup(void)
{
    g_autoptr(OmDedup) dedup = om_dedup_new(3);

    g_assert_false(om_dedup_seen(dedup, NULL));
    g_assert_false(om_dedup_seen(dedup, NULL));
    g_assert_false(om_dedup_seen(dedup, "a"));
    g_assert_true(om_dedup_seen(dedup, "a"));
    g_assert_false(om_dedup_seen(dedup, "b"));
    g_assert_false(om_dedup_seen(dedup, "c"));
    g_assert_true(om_dedup_seen(dedup, "a"));
    g_assert_false(om_dedup_seen(dedup, "d")); /* the oldest goes */
    g_assert_false(om_dedup_seen(dedup, "a"));
    g_assert_true(om_dedup_seen(dedup, "d"));
}

/* ---- messages from frames ---- */

static void
test_assembly(void)
{
    OmAssembly a = { 0 };
    const OmEvent *event = &a.event;
    const char *whole = "ab";

    /* nothing has begun: frames of a channel that was closed meanwhile */
    g_assert_false(om_assembly_header(&a, 5, 100));
    g_assert_false(om_assembly_body(&a, "xxxxx", 5));

    om_assembly_begin(&a, OM_EVENT_DELIVERY, 3)->tag = 7;
    g_assert_false(om_assembly_header(&a, 5, 100));
    g_assert_false(om_assembly_body(&a, "ab", 2));
    /* a peer that sends more than it announced */
    g_assert_true(om_assembly_body(&a, "cdefgh", 6));
    g_assert_cmpmem(event->body, event->size, "abcde", 5);
    g_assert_cmpuint(event->tag, ==, 7);
    g_assert_cmpuint(event->channel, ==, 3);

    om_assembly_begin(&a, OM_EVENT_DELIVERY, 3);
    g_assert_true(om_assembly_header(&a, 0, 100));
    g_assert_cmpmem(event->body, event->size, "", 0);
    g_assert_nonnull(event->body);
    g_assert_cmpuint(event->tag, ==, 0);

    om_assembly_begin(&a, OM_EVENT_DELIVERY, 3);
    g_assert_false(om_assembly_header(&a, G_MAXUINT64, 100));
    g_assert_true(event->oversize);
    g_assert_false(om_assembly_body(&a, "ab", 2));
    om_assembly_reset(&a);

    om_assembly_begin(&a, OM_EVENT_DELIVERY, 3);
    g_assert_false(om_assembly_header(&a, 101, 100));
    for (guint i = 0; i < 101; i++)
        g_assert_cmpint(om_assembly_body(&a, "x", 1), ==, i == 100);
    g_assert_true(event->oversize);
    g_assert_null(event->body);
    g_assert_cmpuint(event->size, ==, 0);

    /* one frame is not copied, and what several needed is not kept for it */
    om_assembly_begin(&a, OM_EVENT_DELIVERY, 3);
    g_assert_false(om_assembly_header(&a, 1000000, 1000000));
    g_assert_null(a.body);
    g_assert_false(om_assembly_body(&a, "x", 1));
    g_assert_nonnull(a.body);
    om_assembly_begin(&a, OM_EVENT_DELIVERY, 3);
    g_assert_false(om_assembly_header(&a, 2, 1000000));
    g_assert_true(om_assembly_body(&a, whole, 2));
    g_assert_true(event->body == (const guint8 *)whole);
    g_assert_null(a.body);
    om_assembly_clear(&a);
}

/* ---- what came of a call, as a GError ---- */

static void
test_call_errors(void)
{
    static const struct {
        OmCallStatus status;
        const char *class_name, *module, *says;
    } cases[] = {
        { OM_CALL_REMOTE, "MigrationPreCheckError", "nova.exception",
          "nova.exception.MigrationPreCheckError: no room" },
        { OM_CALL_REMOTE, "KeyError", "", "KeyError: no room" },
        { OM_CALL_TIMEOUT, NULL, NULL, "no answer came in time" },
        { OM_CALL_NOBODY, NULL, NULL, "nobody listens there" },
        { OM_CALL_STOPPED, NULL, NULL, "the bus was stopped before an answer came" },
    };
    const OmCallResult answered = { .status = OM_CALL_OK };

    g_assert_null(om_call_result_to_error(&answered));
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(OmFailure) failure =
            cases[i].class_name != NULL
                ? om_failure_new(cases[i].class_name, cases[i].module, "no room")
                : NULL;
        const OmCallResult result = { .status = cases[i].status, .failure = failure };
        g_autoptr(GError) error = om_call_result_to_error(&result);

        g_assert_error(error, OM_CALL_ERROR, (gint)cases[i].status);
        g_assert_cmpstr(error->message, ==, cases[i].says);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/rpc/transport-url/parse", test_urls);
    g_test_add_func("/rpc/transport-url/errors-keep-the-secret", test_url_errors_keep_the_secret);
    g_test_add_func("/rpc/transport-url/mask", test_url_mask);
    g_test_add_func("/rpc/transport-url/options", test_url_options);
    g_test_add_func("/rpc/reconnect/rounds", test_rounds);
    g_test_add_func("/rpc/reconnect/windows", test_windows_grow_and_stay_bounded);
    g_test_add_func("/rpc/reconnect/fleet", test_fleet_is_spread);
    g_test_add_func("/rpc/reconnect/unstable", test_unstable_connection_counts_as_failing);
    g_test_add_func("/rpc/reconnect/new-hosts", test_new_hosts);
    g_test_add_func("/rpc/topology/tap", test_tap_topology);
    g_test_add_func("/rpc/topology/server-and-reply", test_server_and_reply_topology);
    g_test_add_func("/rpc/compression/inflate", test_inflate);
    g_test_add_func("/rpc/dedup", test_dedup);
    g_test_add_func("/rpc/assembly", test_assembly);
    g_test_add_func("/rpc/call-errors", test_call_errors);
    return g_test_run();
}
