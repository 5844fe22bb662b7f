#include "agent/calls.h"

#include "agent/json/nova_objects.h"
#include "agent/json/requests.h"

/* Nova's conductor manager answers version 3.0 in every release (nova/conductor/rpcapi.py) */
#define CONDUCTOR_TOPIC      "conductor"
#define CONDUCTOR_VERSION    "3.0"
#define CONDUCTOR_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS      5000

typedef struct {
    gboolean peer;
    GStrv instances;     /* conductor */
    char *instance_uuid; /* peer */
    gint64 sent_wall_us; /* peer */
} Question;

struct NmaCalls {
    OmBus *bus;
    char *topic;
    GHashTable *open; /* cookie -> Question */
    guint64 next_cookie;
};

static void
question_free(gpointer data)
{
    Question *question = data;

    g_strfreev(question->instances);
    g_free(question->instance_uuid);
    g_free(question);
}

NmaCalls *
nma_calls_new(OmBus *bus, const char *topic)
{
    NmaCalls *calls = g_new0(NmaCalls, 1);

    calls->bus = bus;
    calls->topic = g_strdup(topic);
    calls->open = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, question_free);
    calls->next_cookie = 1;
    return calls;
}

void
nma_calls_free(NmaCalls *calls)
{
    if (calls == NULL)
        return;
    g_hash_table_destroy(calls->open);
    g_free(calls->topic);
    g_free(calls);
}

static NmaEvent *
peer_event(const char *instance_uuid, NmaPeerState state)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_PEER);

    g_strlcpy(event->peer.instance_uuid, instance_uuid, sizeof event->peer.instance_uuid);
    event->peer.state = state;
    event->peer.clock_offset_ms = event->peer.clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
    return event;
}

static guint64
remember(NmaCalls *calls, Question *question)
{
    guint64 cookie = calls->next_cookie++;

    g_hash_table_insert(calls->open, g_memdup2(&cookie, sizeof cookie), question);
    return cookie;
}

NmaEvent *
nma_calls_ask_conductor(NmaCalls *calls, const char *const *instances)
{
    const OmTarget target = { .topic = CONDUCTOR_TOPIC, .version = CONDUCTOR_VERSION };
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = CONDUCTOR_TIMEOUT_MS, .context = context };
    json_t *args = nma_conductor_question(instances);
    Question *question = g_new0(Question, 1);
    NmaEvent *event = NULL;

    question->instances = g_strdupv((GStrv)instances);
    guint64 cookie = remember(calls, question);
    if (!om_bus_call(calls->bus, &target, "object_class_action_versions", args, &options, cookie,
                     NULL)) {
        event = nma_conductor_answer_decode(NULL, instances);
        g_hash_table_remove(calls->open, &cookie);
    }
    json_decref(args);
    json_decref(context);
    return event;
}

NmaEvent *
nma_calls_ask_peer(NmaCalls *calls, const char *instance_uuid, const char *host)
{
    const OmTarget target = { .topic = calls->topic,
                              .server = host,
                              .rpc_namespace = NMA_RPC_NAMESPACE,
                              .version = NMA_RPC_VERSION };
    const OmCallOptions options = { .timeout_ms = PEER_TIMEOUT_MS };
    Question *question = g_new0(Question, 1);
    NmaEvent *event = NULL;

    question->peer = TRUE;
    question->instance_uuid = g_strdup(instance_uuid);
    question->sent_wall_us = g_get_real_time();
    json_t *args = json_pack("{s:I}", "caller_wall_us", (json_int_t)question->sent_wall_us);
    guint64 cookie = remember(calls, question);
    if (!om_bus_call(calls->bus, &target, nma_request_names()[NMA_REQUEST_HELLO], args, &options,
                     cookie, NULL)) {
        event = peer_event(instance_uuid, NMA_PEER_ABSENT);
        g_hash_table_remove(calls->open, &cookie);
    }
    json_decref(args);
    return event;
}

static NmaEvent *
peer_answered(const Question *question, const OmCallResult *result)
{
    NmaEvent *event;

    if (result->status == OM_CALL_REMOTE)
        return peer_event(question->instance_uuid, NMA_PEER_VERSION);
    if (result->status != OM_CALL_OK)
        return peer_event(question->instance_uuid, NMA_PEER_ABSENT);
    event = peer_event(question->instance_uuid, NMA_PEER_AGENT);
    if (!nma_hello_answer_decode(result->result, question->sent_wall_us,
                                 question->sent_wall_us + result->round_trip_us,
                                 &event->peer.clock_offset_ms, &event->peer.clock_offset_error_ms))
        event->peer.state = NMA_PEER_VERSION;
    return event;
}

NmaEvent *
nma_calls_finished(NmaCalls *calls, const OmCallResult *result)
{
    const Question *question = g_hash_table_lookup(calls->open, &result->cookie);
    NmaEvent *event;

    if (question == NULL)
        return NULL;
    if (question->peer)
        event = peer_answered(question, result);
    else
        event = nma_conductor_answer_decode(result->status == OM_CALL_OK ? result->result : NULL,
                                            (const char *const *)question->instances);
    g_hash_table_remove(calls->open, &result->cookie);
    return event;
}
