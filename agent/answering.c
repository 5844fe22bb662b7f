#include "config.h"

#include "agent/agent_private.h"

#include "agent/json/history.h"
#include "agent/json/requests.h"
#include "agent/store/history.h"

#define HISTORY_LIMIT 20 /* migrations told, unless asked for more */

static json_t *
serve(NmaAgent *agent, const NmaRequest *request)
{
    switch (request->method) {
    case NMA_REQUEST_HELLO:
        return nma_result_hello(agent->settings->host, PACKAGE_VERSION,
                                nma_mode_to_string(agent->settings->mode), g_get_real_time());
    case NMA_REQUEST_LIST:
        return nma_result_list(agent->host);
    case NMA_REQUEST_SHOW:
        return nma_result_show(agent->host, request->instance_uuid);
    case NMA_REQUEST_RESERVATIONS:
        return nma_result_reservations(agent->host);
    case NMA_REQUEST_SET_MODE:
        nma_mode_from_string(request->mode, &agent->settings->mode);
        return json_pack("{s:s}", "mode", nma_mode_to_string(agent->settings->mode));
    case NMA_REQUEST_FORECAST:
    case NMA_REQUEST_GUESTS: /* answer_later */
    case NMA_N_REQUESTS:
        break;
    }
    return json_null();
}

static void
answer_later(NmaAgent *agent, OmRequest *om_request, const NmaRequest *request)
{
    const NmaForetellingQuery query = { request->instance_uuid, request->destination };

    if (request->method == NMA_REQUEST_FORECAST)
        nma_foretelling_answer_later(agent->foretelling, om_request, &query, nma_agent_now());
    else
        nma_foretelling_list_later(agent->foretelling, om_request, nma_agent_now());
}

void
nma_agent_answer(NmaAgent *agent, OmRequest *om_request)
{
    const OmMessage *message = om_request_message(om_request);
    g_autoptr(GError) error = NULL;
    NmaRequest *request = nma_request_decode(message->method, message->args, &error);

    if (request == NULL) {
        om_request_fail(om_request, "InvalidArgument", NMA_RPC_NAMESPACE, error->message);
        return;
    }
    if (request->method == NMA_REQUEST_FORECAST || request->method == NMA_REQUEST_GUESTS) {
        answer_later(agent, om_request, request);
        nma_request_free(request);
        return;
    }
    if (request->method == NMA_REQUEST_SET_MODE)
        g_message("mode %s asked by request %s", request->mode,
                  message->request_id != NULL ? message->request_id : "-");
    json_t *result = serve(agent, request);
    om_request_reply(om_request, result);
    json_decref(result);
    nma_request_free(request);
}

void
nma_agent_fill_status(NmaAgent *agent, NmaStatus *status)
{
    *status = (NmaStatus){
        .settings = agent->settings,
        .host = agent->host,
        .started_boot_us = agent->started_boot_us,
        .now = nma_agent_now(),
        .reports_dropped_total = agent->reports_dropped,
        .malformed_total = (guint64)g_atomic_int_get(&agent->malformed),
        .store_error = agent->store_error,
    };
    om_bus_get_state(agent->bus, &status->bus);
    om_bus_get_stats(agent->bus, &status->bus_stats);
    status->tap_dropped_total = agent->inbox_dropped + status->bus_stats.tap_oversize;
    status->malformed_total += status->bus_stats.tap_malformed + status->bus_stats.tap_undecodable;
    nma_hypervisor_get_status(agent->hypervisor, &status->libvirt);
    nma_publisher_get_stats(agent->publisher, &status->publisher);
    nma_outbox_stat(agent->store, &status->outbox_rows, &status->outbox_oldest_wall_us, NULL);
}

static json_t *
tell_history(NmaAgent *agent, const json_t *args, GError **error)
{
    g_autoptr(GPtrArray) outcomes = NULL;
    const json_t *wanted = json_object_get(args, "limit");
    json_int_t limit = json_is_integer(wanted) ? json_integer_value(wanted) : HISTORY_LIMIT;
    guint skipped;

    if (!nma_history_load(agent->store, &outcomes, &skipped, error))
        return NULL;
    return nma_history_to_json(agent->settings->host, nma_host_experiences(agent->host), outcomes,
                               (guint)CLAMP(limit, 0, NMA_HISTORY_MAX_ROWS));
}

static json_t *
tell_forecast(NmaAgent *agent, const json_t *args, GError **error)
{
    g_autoptr(NmaRequest) request = nma_request_decode("forecast", args, error);
    const json_t *since = json_object_get(args, "since_ms");

    if (request == NULL)
        return NULL;
    return nma_foretelling_ask(
        agent->foretelling, &(NmaForetellingQuery){ request->instance_uuid, request->destination },
        json_is_integer(since) ? MAX(json_integer_value(since), 0) : -1, nma_agent_now(), error);
}

json_t *
nma_agent_control(const char *command, const json_t *args, gpointer user_data, GError **error)
{
    NmaAgent *agent = user_data;

    if (g_str_equal(command, "status")) {
        NmaStatus status;

        nma_agent_fill_status(agent, &status);
        json_t *result = nma_status_to_json(&status);
        nma_hypervisor_status_clear(&status.libvirt);
        return result;
    }
    if (g_str_equal(command, "log-level")) {
        const char *level = json_string_value(json_object_get(args, "level"));

        if (level != NULL && !nma_log_set_level(level)) {
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                        "no such level: use debug, info, warning or error");
            return NULL;
        }
        return json_pack("{s:s}", "level", nma_log_get_level());
    }
    if (g_str_equal(command, "forecast"))
        return tell_forecast(agent, args, error);
    if (g_str_equal(command, "history"))
        return tell_history(agent, args, error);
    g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                "unknown command; there are: status, log-level, forecast, history");
    return NULL;
}
