/* A complete oslo.messaging RPC server: Target(topic, server). Any Python RPCClient can call it.
 *   server rabbit://user:password@host:port// EXCHANGE TOPIC SERVER
 * Methods: echo(value) returns value; fail(text) raises ValueError(text) at the caller. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "rpc/bus.h"

static void
requested(OmRequest *request, gpointer user_data)
{
    OmMessage *message = om_request_message(request);

    if (g_str_equal(message->method, "echo"))
        om_request_reply(request, json_object_get(om_message_args(message), "value"));
    else
        om_request_fail(request, "ValueError", "builtins",
                        json_string_value(json_object_get(om_message_args(message), "text")));
}

static void
state_changed(const OmBusState *state, gpointer user_data)
{
    printf("%s %s\n", state->server_ready ? "ready" : "not ready", state->last_error);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    static const char *const methods[] = { "echo", "fail", NULL };
    const OmBusEvents events = { .requested = requested, .state_changed = state_changed };
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = argc == 5 ? om_transport_url_parse(argv[1], &error) : NULL;
    g_auto(OmRabbitOptions) rabbit;
    g_autoptr(OmBus) bus = NULL;

    om_rabbit_options_init(&rabbit);
    if (url) {
        OmBusConfig config = { .url = url, .rabbit = &rabbit, .exchange = argv[2] };

        config.connection_name = "example-server";
        config.host = argv[4];
        config.server = (OmServerConfig){ .topic = argv[3], .server = argv[4], .methods = methods };
        bus = om_bus_new(&config, &events, NULL, &error);
    }
    if (bus == NULL || !om_bus_start(bus, &error)) {
        fprintf(stderr, "%s\n", error ? error->message : "server URL EXCHANGE TOPIC SERVER");
        return 2;
    }
    signal(SIGTERM, SIG_IGN);
    getchar(); /* until standard input ends */
    om_bus_stop(bus, 5000);
    return 0;
}
