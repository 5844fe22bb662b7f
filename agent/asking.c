/* Requests that core decides: they are answered later. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/json/asking.h"
#include "agent/json/requests.h"

struct NmaAsking {
    GHashTable *asked; /* cookie -> OmRequest: core owes each an answer */
    guint64 next_cookie;
};

static void
end_request(gpointer request)
{
    om_request_fail(request, "AgentStopped", NMA_RPC_NAMESPACE, "the agent ends");
}

NmaAsking *
nma_asking_new(void)
{
    NmaAsking *asking = g_new0(NmaAsking, 1);

    asking->asked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, end_request);
    return asking;
}

void
nma_asking_free(NmaAsking *asking)
{
    if (asking == NULL)
        return;
    g_hash_table_unref(asking->asked);
    g_free(asking);
}

/* ---- what core decides ---- */

void
nma_agent_ask(NmaAgent *agent, OmRequest *om_request, NmaAsk *ask, NmaNow now, GPtrArray *effects)
{
    g_autoptr(NmaEvent) event = nma_event_new(NMA_EVENT_ASKED);

    ask->cookie = ++agent->asking->next_cookie;
    g_hash_table_insert(agent->asking->asked, g_memdup2(&ask->cookie, sizeof ask->cookie),
                        om_request);
    event->asked = ask;
    nma_host_step(agent->host, event, now, effects);
}

void
nma_agent_give_answer(NmaAgent *agent, NmaAnswer *answer, NmaNow now)
{
    gpointer key, om_request;
    json_t *result;

    if (!g_hash_table_steal_extended(agent->asking->asked, &answer->cookie, &key, &om_request))
        return;
    g_free(key);
    result = nma_answer_to_value(answer, agent->settings->host, now);
    om_request_reply(om_request, result);
    json_decref(result);
    if (answer->kind == NMA_ASK_RESERVE || answer->kind == NMA_ASK_RELEASE)
        g_info("%s of %s asked over RPC: %s",
               answer->kind == NMA_ASK_RESERVE ? "reservation" : "release", answer->instance_uuid,
               answer->granted ? "granted" : nma_reason_to_string(answer->reason));
}

void
nma_agent_withdraw_unsaved(NmaAgent *agent, GPtrArray *effects, NmaNow now)
{
    if (agent->store_error == NULL)
        return;
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = g_ptr_array_index(effects, i);
        NmaAnswer *answer = effect->answer;

        if (effect->type != NMA_EFFECT_ANSWER || !answer->granted ||
            (answer->kind != NMA_ASK_RESERVE && answer->kind != NMA_ASK_RENEW))
            continue;
        if (answer->fresh)
            nma_host_withdraw(agent->host, answer->instance_uuid);
        nma_answer_refuse(answer, NMA_REASON_NOT_SAVED, agent->store_error);
    }
}
