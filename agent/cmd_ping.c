/* ping: is an agent, or nova-compute itself, deaf? */
#include <stdio.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/commands.h"
#include "agent/json/requests.h"

#define ANSWER_TIMEOUT_MS 10000

static int
tell(const OmCallResult *result, const char *who, const char *host)
{
    gdouble ms = (gdouble)result->round_trip_us / 1000;

    switch (result->status) {
    case OM_CALL_OK:
        printf("%s on %s answers in %.1f ms\n", who, host, ms);
        return NMA_EXIT_OK;
    case OM_CALL_REMOTE: {
        g_autofree char *text = nma_printable(result->failure->message);

        printf("%s on %s hears (%.1f ms), but does not know the question: %s\n", who, host, ms,
               text);
        return NMA_EXIT_OK;
    }
    case OM_CALL_NOBODY:
        printf("nobody listens as %s on %s: it is not running, or not connected to this broker\n",
               who, host);
        return NMA_EXIT_FAILED;
    default:
        printf("%s on %s has a queue, but no answer came within %d s: it is deaf or overloaded\n",
               who, host, ANSWER_TIMEOUT_MS / 1000);
        return NMA_EXIT_FAILED;
    }
}

static int
ping(const NmaSettings *settings, const char *host, gboolean nova_compute, GError **error)
{
    /* Nova answers this on every service's own topic (nova/baserpc.py, BaseRPCAPI 1.1) */
    const OmTarget nova = {
        .topic = "compute", .server = host, .rpc_namespace = "baseapi", .version = "1.0"
    };
    const OmTarget agent = { .topic = settings->topic,
                             .server = host,
                             .rpc_namespace = NMA_RPC_NAMESPACE,
                             .version = NMA_RPC_HELLO_VERSION };
    g_autoptr(NmaAsker) asker = nma_asker_new(settings, "ping", error);
    g_autoptr(OmCallResult) result = NULL;

    if (asker == NULL ||
        !nma_asker_send(asker, nova_compute ? &nova : &agent,
                        nova_compute ? "ping" : nma_request_names()[NMA_REQUEST_HELLO],
                        nova_compute ? json_pack("{s:s}", "arg", "nova-migration-agent")
                                     : nma_request_hello_args(g_get_real_time()),
                        ANSWER_TIMEOUT_MS, 1, error))
        return NMA_EXIT_FAILED;
    result = nma_asker_wait(asker, 1);
    return tell(result, nova_compute ? "nova-compute" : "the agent", host);
}

int
nma_cmd_ping(int argc, char **argv)
{
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(GError) error = NULL;
    int status;

    if (!nma_command_line_parse(
            &line, argc, argv, NULL, 2, "HOST [nova-compute]",
            "Asks the agent of a host, or its nova-compute, for a sign of life.", &status))
        return status;
    guint n = line.rest != NULL ? g_strv_length(line.rest) : 0;
    if (n == 0 || (n == 2 && strcmp(line.rest[1], "nova-compute") != 0)) {
        fprintf(stderr, "%s: a host is needed, and then at most \"nova-compute\" (see --help)\n",
                g_get_prgname());
        return NMA_EXIT_USAGE;
    }
    g_autoptr(NmaSettings) settings = nma_settings_load(line.config_file, &error);
    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_USAGE;
    }
    status = ping(settings, line.rest[0], n == 2, &error);
    if (error != NULL)
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
    return status;
}
