#include "config.h"

#include "agent/agent_private.h"

#include "agent/json/config_audit.h"
#include "agent/json/requests.h"

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
        return nma_result_reservations(agent->host, nma_agent_now());
    case NMA_REQUEST_SET_MODE:
        nma_mode_from_string(request->mode, &agent->settings->mode);
        nma_agent_set_mode(agent, agent->settings->mode);
        return json_pack("{s:s}", "mode", nma_mode_to_string(agent->settings->mode));
    default: /* answered later */
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
nma_agent_answer(NmaAgent *agent, OmRequest *om_request, NmaNow now, GPtrArray *effects)
{
    OmMessage *message = om_request_message(om_request);
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaRequest) request =
        nma_request_decode(message->method, om_message_args(message), &error);

    if (request == NULL) {
        om_request_fail(om_request, "InvalidArgument", NMA_RPC_NAMESPACE, error->message);
        return;
    }
    if (request->method == NMA_REQUEST_FORECAST || request->method == NMA_REQUEST_GUESTS) {
        answer_later(agent, om_request, request);
        return;
    }
    if (request->method == NMA_REQUEST_GUEST_FACTS) {
        nma_gathering_tell(agent->gathering, agent->hypervisor, om_request, request,
                           nma_agent_now());
        return;
    }
    if (request->method == NMA_REQUEST_AUDIT) {
        nma_auditing_answer(agent, om_request, request->with_findings);
        return;
    }
    if (request->ask != NULL) {
        nma_agent_ask(agent, om_request, g_steal_pointer(&request->ask), now, effects);
        return;
    }
    if (request->method == NMA_REQUEST_SET_MODE)
        g_message("mode %s asked by request %s", request->mode,
                  message->request_id != NULL ? message->request_id : "-");
    json_t *result = serve(agent, request);
    om_request_reply(om_request, result);
    json_decref(result);
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
        .audit = nma_auditing_newest(agent->auditing),
    };
    om_bus_get_state(agent->bus, &status->bus);
    om_bus_get_stats(agent->bus, &status->bus_stats);
    status->tap_dropped_total = agent->inbox_dropped + status->bus_stats.tap_oversize;
    status->malformed_total += status->bus_stats.tap_malformed + status->bus_stats.tap_undecodable;
    nma_hypervisor_get_status(agent->hypervisor, &status->libvirt);
    nma_publisher_get_stats(agent->publisher, &status->publisher);
    nma_outbox_stat(agent->store, &status->outbox_rows, &status->outbox_oldest_wall_us, NULL);
}
