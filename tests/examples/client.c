/* A complete oslo.messaging RPC client: one call, its answer on standard output.
 *   client rabbit://user:password@host:port// EXCHANGE TOPIC SERVER METHOD JSON-ARGUMENTS
 * Exit: 0 answered, 1 raised, 2 usage, 3 nobody there, 4 no answer in time. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/bus.h"

static void
call_finished(OmCallResult *result, gpointer user_data)
{
    /* a bus thread must not block: hand over */
    if (write(*(int *)user_data, &result, sizeof result) != sizeof result)
        abort();
}

int
main(int argc, char **argv)
{
    static const int exits[] = { 0, 1, 4, 3, 4 };
    const OmBusEvents events = { .call_finished = call_finished };
    int answers[2];
    g_autoptr(OmCallResult) result = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(OmTransportUrl) url = argc == 7 ? om_transport_url_parse(argv[1], &error) : NULL;
    json_t *args = argc == 7 ? json_loads(argv[6], 0, NULL) : NULL;
    g_auto(OmRabbitOptions) rabbit;
    g_autoptr(OmBus) bus = NULL;

    om_rabbit_options_init(&rabbit);
    if (url && args && pipe(answers) == 0) {
        OmBusConfig config = { .url = url, .rabbit = &rabbit, .exchange = argv[2] };
        OmTarget target = { .topic = argv[3], .server = argv[4] };
        OmCallOptions options = { .timeout_ms = 5000 };

        config.connection_name = "example-client";
        config.host = "example";
        bus = om_bus_new(&config, &events, &answers[1], &error);
        if (bus && om_bus_start(bus, &error) &&
            om_bus_call(bus, &target, argv[5], args, &options, 1, &error) &&
            read(answers[0], &result, sizeof result) == sizeof result) {
            g_autofree char *text = json_dumps(result->result, JSON_ENCODE_ANY);
            g_autoptr(GError) raised = om_call_result_to_error(result);

            puts(raised ? raised->message : text ? text : "null");
            om_bus_stop(bus, 5000);
            json_decref(args);
            return exits[result->status];
        }
    }
    fprintf(stderr, "%s\n",
            error ? error->message : "client URL EXCHANGE TOPIC SERVER METHOD JSON");
    return 2;
}
