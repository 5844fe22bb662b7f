/*
 * As many agents as one likes in one process, each with connections of its own: tap, server,
 * replies, reports.
 *
 *     fleet TRANSPORT_URL EXCHANGE NUMBER QUEUE_TYPE
 *
 * Agent n is host-n. When its tap hears live_migration it does what an agent does on the bus for
 * one migration: it calls the next host's agent and reports each second for half a minute. Each
 * line of standard input is answered with one of figures: in, out, tap, server, replies (how many
 * have it), tapped, answered, confirmed, failed. Ends at the end of standard input.
 */
#include <stdio.h>
#include <unistd.h>

#include "rpc/bus.h"

#define REPORTS    30
#define START_RATE 50 /* agents a second: more would be a storm of the test's own */

typedef struct {
    OmBus *bus;
    char *name, *next;
    gint reports_due; /* atomic */
} Agent;

static Agent *agents;
static guint n_agents;
static gint tapped, answered, confirmed, failed; /* atomic */
static gint stopping;

static void
on_tapped(OmMessage *message, gpointer data)
{
    const OmTarget target = { .topic = "nova_migration_agent", .version = "1.0" };
    OmTarget to = target;
    Agent *agent = data;

    to.server = agent->next;
    g_atomic_int_inc(&tapped);
    om_bus_call(agent->bus, &to, "reserve", NULL, NULL, 1, NULL);
    g_atomic_int_set(&agent->reports_due, REPORTS);
    om_message_free(message);
}

static void
on_requested(OmRequest *request, gpointer unused)
{
    om_request_reply(request, NULL);
}

static void
on_finished(OmCallResult *result, gpointer unused)
{
    g_atomic_int_inc(result->status == OM_CALL_OK ? &answered : &failed);
    om_call_result_free(result);
}

static void
on_published(guint64 cookie, OmPublishOutcome outcome, gpointer unused)
{
    g_atomic_int_inc(outcome == OM_PUBLISH_CONFIRMED ? &confirmed : &failed);
}

/* What the core thread of each agent would do. */
static gpointer
report(gpointer unused)
{
    g_autofree char *text = g_strnfill(1200, 'x');
    json_t *payload = json_pack("{s:s}", "progress", text);

    while (!g_atomic_int_get(&stopping)) {
        for (guint i = 0; i < n_agents; i++) {
            if (g_atomic_int_get(&agents[i].reports_due) <= 0)
                continue;
            g_autoptr(GBytes) body =
                om_envelope_notification(agents[i].name, "live_migration.pre_copy.progress", "info",
                                         payload, NULL, g_get_real_time());

            g_atomic_int_add(&agents[i].reports_due, -1);
            if (!om_bus_publish(agents[i].bus, NULL, "live_migration_reports.info", body, TRUE, 1,
                                NULL))
                g_atomic_int_inc(&failed);
        }
        g_usleep(G_USEC_PER_SEC);
    }
    json_decref(payload);
    return NULL;
}

static void
start(Agent *agent, guint n, const OmTransportUrl *url, const char *exchange, OmTapQueueType type)
{
    static const char *const methods[] = { "live_migration", "pre_live_migration", NULL };
    static const char *const served[] = { "reserve", NULL };
    const OmBusEvents events = { .tapped = on_tapped,
                                 .requested = on_requested,
                                 .call_finished = on_finished,
                                 .published = on_published };
    g_auto(OmRabbitOptions) rabbit = { 0 };
    g_autoptr(GError) error = NULL;
    g_autofree char *alt = NULL;
    g_autofree char *key = NULL;

    agent->name = g_strdup_printf("host-%u", n);
    agent->next = g_strdup_printf("host-%u", (n + 1) % n_agents);
    key = g_strdup_printf("compute.%s", agent->name);
    alt = g_strdup_printf("compute-alt.%s", agent->name);
    om_rabbit_options_init(&rabbit);

    const char *const keys[] = { key, alt, NULL };
    const OmBusConfig config = {
        .url = url,
        .rabbit = &rabbit,
        .exchange = exchange,
        .connection_name = agent->name,
        .host = agent->name,
        .tap = { type, keys, methods },
        .server = { .topic = "nova_migration_agent",
                    .server = agent->name,
                    .version = "1.0",
                    .methods = served },
    };

    agent->bus = om_bus_new(&config, &events, agent, &error);
    if (agent->bus == NULL || !om_bus_start(agent->bus, &error))
        g_error("agent %u: %s", n, error->message);
}

static void
tell(void)
{
    guint in = 0, out = 0, tap = 0, server = 0, replies = 0;

    for (guint i = 0; i < n_agents; i++) {
        OmBusState state;

        om_bus_get_state(agents[i].bus, &state);
        in += state.in_connected;
        out += state.out_connected;
        tap += state.tap_bound;
        server += state.server_ready;
        replies += state.replies_ready;
    }
    printf("%u %u %u %u %u %d %d %d %d\n", in, out, tap, server, replies, g_atomic_int_get(&tapped),
           g_atomic_int_get(&answered), g_atomic_int_get(&confirmed), g_atomic_int_get(&failed));
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = argc == 5 ? om_transport_url_parse(argv[1], &error) : NULL;
    OmTapQueueType type;
    GThread *reporter;
    char line[16];

    if (url == NULL || !om_tap_queue_type_from_string(argv[4], &type))
        return 2;
    n_agents = (guint)g_ascii_strtoull(argv[3], NULL, 10);
    agents = g_new0(Agent, n_agents);
    for (guint n = 0; n < n_agents; n++) {
        start(&agents[n], n, url, argv[2], type);
        g_usleep(G_USEC_PER_SEC / START_RATE);
    }
    reporter = g_thread_new("reports", report, NULL);
    puts("started");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        tell();
    /* the connections go with the process: what is left on the broker is its to clear away */
    g_atomic_int_set(&stopping, 1);
    g_thread_join(reporter);
    fflush(stdout);
    _exit(0);
}
