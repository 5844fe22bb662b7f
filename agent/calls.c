#include "agent/calls.h"

#include "agent/json/nova_objects.h"
#include "agent/json/requests.h"

#define CONDUCTOR_TOPIC      "conductor"
#define CONDUCTOR_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS      5000
#define COMPUTE_TOPIC        "compute" /* both casts go there, also where there is compute-alt */
#define NOVA_RPC_MAJOR       6         /* Wallaby on (nova/compute/rpcapi.py) */

typedef struct {
    enum { TO_CONDUCTOR, TO_PEER, FOR_INSTANCE } kind;
    NmaRemedy remedy; /* FOR_INSTANCE: to be sent with it */
    gint64 migration_id;
    gint nova_rpc_major;
    char *instance_uuid;
    gint64 sent_wall_us;
} Question;

struct NmaCalls {
    OmBus *bus;
    char *topic, *host;
    GHashTable *open; /* cookie -> Question */
    guint64 next_cookie;
};

static void
question_free(gpointer data)
{
    Question *question = data;

    g_free(question->instance_uuid);
    g_free(question);
}

NmaCalls *
nma_calls_new(OmBus *bus, const char *topic, const char *host)
{
    NmaCalls *calls = g_new0(NmaCalls, 1);

    calls->bus = bus;
    calls->topic = g_strdup(topic);
    calls->host = g_strdup(host);
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
    g_free(calls->host);
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

static NmaEvent *
conductor_event(const char *instance_uuid, const json_t *result)
{
    const char *const instances[] = { instance_uuid, NULL };

    return nma_conductor_answer_decode(result, instances);
}

/* FALSE: the bus does not take it */
static gboolean
ask(NmaCalls *calls, const Question *what, const OmTarget *target, const char *method,
    json_t *args /* taken */, const OmCallOptions *options)
{
    Question *question = g_memdup2(what, sizeof *what);
    guint64 cookie = calls->next_cookie++;

    question->instance_uuid = g_strdup(what->instance_uuid);
    question->sent_wall_us = g_get_real_time();
    g_hash_table_insert(calls->open, g_memdup2(&cookie, sizeof cookie), question);
    gboolean taken = om_bus_call(calls->bus, target, method, args, options, cookie, NULL);
    if (!taken)
        g_hash_table_remove(calls->open, &cookie);
    json_decref(args);
    return taken;
}

NmaEvent *
nma_calls_ask_conductor(NmaCalls *calls, const char *instance_uuid)
{
    const OmTarget target = { .topic = CONDUCTOR_TOPIC, .version = NMA_CONDUCTOR_VERSION };
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = CONDUCTOR_TIMEOUT_MS, .context = context };
    const Question question = { .kind = TO_CONDUCTOR, .instance_uuid = (char *)instance_uuid };
    gboolean taken = ask(calls, &question, &target, NMA_CONDUCTOR_METHOD,
                         nma_conductor_question(instance_uuid), &options);

    json_decref(context);
    return taken ? NULL : conductor_event(instance_uuid, NULL);
}

NmaEvent *
nma_calls_ask_peer(NmaCalls *calls, const char *instance_uuid, const char *host)
{
    const OmTarget target = { .topic = calls->topic,
                              .server = host,
                              .rpc_namespace = NMA_RPC_NAMESPACE,
                              .version = NMA_RPC_VERSION };
    const OmCallOptions options = { .timeout_ms = PEER_TIMEOUT_MS };

    const Question question = { .kind = TO_PEER, .instance_uuid = (char *)instance_uuid };

    return ask(calls, &question, &target, nma_request_names()[NMA_REQUEST_HELLO],
               nma_request_hello_args(g_get_real_time()), &options)
               ? NULL
               : peer_event(instance_uuid, NMA_PEER_ABSENT);
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

/* ---- acting through Nova ---- */

static NmaEvent *
remedy_event(const char *instance_uuid, NmaRemedy remedy, const char *why_not)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_REMEDY);

    g_strlcpy(event->remedy.instance_uuid, instance_uuid, sizeof event->remedy.instance_uuid);
    event->remedy.remedy = remedy;
    event->remedy.applied = why_not == NULL;
    event->remedy.text = g_strdup(why_not);
    return event;
}

NmaEvent *
nma_calls_act(NmaCalls *calls, const char *instance_uuid, gint64 migration_id, NmaRemedy remedy,
              gint nova_rpc_major)
{
    const OmTarget target = { .topic = CONDUCTOR_TOPIC, .version = NMA_CONDUCTOR_VERSION };
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = CONDUCTOR_TIMEOUT_MS, .context = context };
    const Question question = { .kind = FOR_INSTANCE,
                                .remedy = remedy,
                                .migration_id = migration_id,
                                .nova_rpc_major = nova_rpc_major,
                                .instance_uuid = (char *)instance_uuid };
    gboolean taken = ask(calls, &question, &target, NMA_CONDUCTOR_METHOD,
                         nma_instance_question(instance_uuid), &options);

    json_decref(context);
    return taken
               ? NULL
               : remedy_event(instance_uuid, remedy, "the bus takes no question for the conductor");
}

static NmaEvent *
act_with(NmaCalls *calls, const Question *question, const OmCallResult *result)
{
    g_autofree char *version = g_strdup_printf(
        "%d.0", question->nova_rpc_major > 0 ? question->nova_rpc_major : NOVA_RPC_MAJOR);
    const OmTarget target = { .topic = COMPUTE_TOPIC, .server = calls->host, .version = version };
    gboolean is_abort = question->remedy == NMA_REMEDY_ABORT;
    const char *why_not = NULL;
    json_t *args, *context;

    if (result->status != OM_CALL_OK || !nma_instance_is(result->result, question->instance_uuid))
        return remedy_event(question->instance_uuid, question->remedy,
                            "the conductor did not give the instance");
    args = json_pack("{s:O}", "instance", result->result);
    if (is_abort)
        json_object_set_new(args, "migration_id", json_integer((json_int_t)question->migration_id));
    context = om_context_admin(NULL);
    if (!om_bus_cast(calls->bus, &target,
                     nma_nova_method_name(is_abort ? NMA_NOVA_ABORT : NMA_NOVA_FORCE_COMPLETE),
                     args, context, NULL))
        why_not = "the bus takes no message for nova-compute";
    json_decref(context);
    json_decref(args);
    return remedy_event(question->instance_uuid, question->remedy, why_not);
}

NmaEvent *
nma_calls_finished(NmaCalls *calls, const OmCallResult *result)
{
    const Question *question = g_hash_table_lookup(calls->open, &result->cookie);
    NmaEvent *event;

    if (question == NULL)
        return NULL;
    switch (question->kind) {
    case TO_PEER:
        event = peer_answered(question, result);
        break;
    case FOR_INSTANCE:
        event = act_with(calls, question, result);
        break;
    default:
        event = conductor_event(question->instance_uuid,
                                result->status == OM_CALL_OK ? result->result : NULL);
        break;
    }
    g_hash_table_remove(calls->open, &result->cookie);
    return event;
}
