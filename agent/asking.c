/* Requests that are answered later: those that core decides, and those that libvirt is asked for.
 */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/json/asking.h"
#include "agent/json/requests.h"

#define MAX_WAITING 64

struct NmaAsking {
    GHashTable *asked; /* cookie -> OmRequest: core owes each an answer */
    guint64 next_cookie;
    GPtrArray *guests; /* of GuestQuestion: the size of a guest here */
};

typedef struct {
    OmRequest *request;
    char *instance_uuid;
} GuestQuestion;

static void
end_request(gpointer request)
{
    om_request_fail(request, "AgentStopped", NMA_RPC_NAMESPACE, "the agent ends");
}

static void
guest_question_free(gpointer data)
{
    GuestQuestion *question = data;

    if (question->request != NULL)
        end_request(question->request);
    g_free(question->instance_uuid);
    g_free(question);
}

NmaAsking *
nma_asking_new(void)
{
    NmaAsking *asking = g_new0(NmaAsking, 1);

    asking->asked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, end_request);
    asking->guests = g_ptr_array_new_with_free_func(guest_question_free);
    return asking;
}

void
nma_asking_free(NmaAsking *asking)
{
    if (asking == NULL)
        return;
    g_hash_table_unref(asking->asked);
    g_ptr_array_unref(asking->guests);
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

/* ---- the size of a guest that runs here ---- */

static void
tell_guest(OmRequest *om_request, const char *instance_uuid, gint64 memory_bytes, gint64 vcpus)
{
    json_t *result = nma_result_guest(instance_uuid, memory_bytes, vcpus);

    om_request_reply(om_request, result);
    json_decref(result);
}

void
nma_agent_ask_guest(NmaAgent *agent, OmRequest *om_request, const char *instance_uuid)
{
    GuestQuestion *question;

    if (agent->asking->guests->len >= MAX_WAITING) {
        om_request_fail(om_request, "AgentBusy", NMA_RPC_NAMESPACE, "too many requests wait");
        return;
    }
    question = g_new0(GuestQuestion, 1);
    question->request = om_request;
    question->instance_uuid = g_strdup(instance_uuid);
    g_ptr_array_add(agent->asking->guests, question);
    nma_hypervisor_read_domain(agent->hypervisor, instance_uuid);
}

void
nma_agent_tell_guest(NmaAgent *agent, const NmaDomainReading *reading)
{
    GPtrArray *guests = agent->asking->guests;

    for (guint i = guests->len; i > 0; i--) {
        GuestQuestion *question = g_ptr_array_index(guests, i - 1);

        if (strcmp(question->instance_uuid, reading->instance_uuid) != 0)
            continue;
        tell_guest(g_steal_pointer(&question->request), reading->instance_uuid,
                   reading->memory_bytes, reading->vcpus);
        g_ptr_array_remove_index_fast(guests, i - 1);
    }
}
