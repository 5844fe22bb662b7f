#include "agent/calls.h"

#include "agent/json/asking.h"
#include "agent/json/config_audit.h"
#include "agent/json/nova_objects.h"
#include "agent/json/requests.h"

#define CONDUCTOR_TOPIC      "conductor"
#define CONDUCTOR_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS      5000
#define COMPUTE_TOPIC        "compute" /* both casts go there, also where there is compute-alt */
#define NOVA_RPC_MAJOR       6         /* Wallaby on (nova/compute/rpcapi.py) */

typedef enum {
    ASK_CONDUCTOR,
    ASK_PEER,
    ASK_PEER_AUDIT,
    ASK_INSTANCE,    /* to be sent on with an order */
    ASK_DESTINATION, /* reserve */
} Kind;

/* what nova-compute is to do */
typedef struct {
    NmaRemedy remedy;
    gint64 migration_id;
    gint nova_rpc_major;
} Order;

typedef struct {
    Kind kind;
    char *instance_uuid;
    char *host; /* a peer's; NULL: the conductor */
    gint64 sent_wall_us;
    Order order; /* ASK_INSTANCE */
} Question;

struct NmaCalls {
    OmBus *bus;
    char *topic, *compute;
    gboolean audits;
    GHashTable *open; /* cookie -> Question */
    guint64 next_cookie;
};

static void
question_free(gpointer data)
{
    Question *question = data;

    g_free(question->instance_uuid);
    g_free(question->host);
    g_free(question);
}

NmaCalls *
nma_calls_new(OmBus *bus, const char *topic, const char *compute)
{
    NmaCalls *calls = g_new0(NmaCalls, 1);

    calls->bus = bus;
    calls->topic = g_strdup(topic);
    calls->compute = g_strdup(compute);
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
    g_free(calls->compute);
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
ask(NmaCalls *calls, Kind kind, const char *instance_uuid, const OmTarget *target,
    const char *method, json_t *args /* taken */, const OmCallOptions *options,
    const Order *order /* or NULL */)
{
    Question *question = g_new0(Question, 1);
    guint64 cookie = calls->next_cookie++;

    question->kind = kind;
    if (order != NULL)
        question->order = *order;
    question->instance_uuid = g_strdup(instance_uuid);
    question->host = g_strdup(target->server);
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
    gboolean taken = ask(calls, ASK_CONDUCTOR, instance_uuid, &target, NMA_CONDUCTOR_METHOD,
                         nma_conductor_question(instance_uuid), &options, NULL);

    json_decref(context);
    return taken ? NULL : conductor_event(instance_uuid, NULL);
}

/* a method of another agent's */
static gboolean
ask_agent(NmaCalls *calls, Kind kind, const char *instance_uuid, const char *host,
          NmaRequestMethod method, const char *version, json_t *args /* taken */)
{
    const OmTarget target = { .topic = calls->topic,
                              .server = host,
                              .rpc_namespace = NMA_RPC_NAMESPACE,
                              .version = version };
    const OmCallOptions options = { .timeout_ms = PEER_TIMEOUT_MS };

    return ask(calls, kind, instance_uuid, &target, nma_request_names()[method], args, &options,
               NULL);
}

NmaEvent *
nma_calls_ask_peer(NmaCalls *calls, const char *instance_uuid, const char *host)
{
    return ask_agent(calls, ASK_PEER, instance_uuid, host, NMA_REQUEST_HELLO, NMA_RPC_HELLO_VERSION,
                     nma_request_hello_args(g_get_real_time()))
               ? NULL
               : peer_event(instance_uuid, NMA_PEER_ABSENT);
}

static NmaEvent *
reserved_event(const char *instance_uuid, NmaReservedState state)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_RESERVED);

    g_strlcpy(event->reserved.instance_uuid, instance_uuid, sizeof event->reserved.instance_uuid);
    event->reserved.state = state;
    event->reserved.reason = NMA_REASON_NONE;
    return event;
}

NmaEvent *
nma_calls_ask_reservation(NmaCalls *calls, const NmaAsk *ask, const char *host)
{
    if (ask->kind == NMA_ASK_RELEASE) {
        const OmTarget target = { .topic = calls->topic,
                                  .server = host,
                                  .rpc_namespace = NMA_RPC_NAMESPACE,
                                  .version = NMA_RPC_RESERVE_VERSION };
        json_t *args = nma_ask_encode(ask);

        /* lost: the lease ends it */
        om_bus_cast(calls->bus, &target, nma_request_names()[NMA_REQUEST_RELEASE], args, NULL,
                    NULL);
        json_decref(args);
        return NULL;
    }
    return ask_agent(calls, ASK_DESTINATION, ask->instance_uuid, host, NMA_REQUEST_RESERVE,
                     NMA_RPC_RESERVE_VERSION, nma_ask_encode(ask))
               ? NULL
               : reserved_event(ask->instance_uuid, NMA_RESERVED_UNANSWERED);
}

/* what oslo's dispatcher, and ours, raises at a method of a later version */
static gboolean
is_unknown_there(const OmFailure *failure)
{
    return g_strcmp0(failure->class_name, OM_CLASS_UNSUPPORTED) == 0 ||
           g_strcmp0(failure->class_name, OM_CLASS_NO_SUCH_METHOD) == 0;
}

static NmaEvent *
reserved_answered(const Question *question, const OmCallResult *result)
{
    NmaEvent *event = reserved_event(question->instance_uuid, NMA_RESERVED_UNANSWERED);

    if (result->status == OM_CALL_REMOTE && is_unknown_there(result->failure))
        event->reserved.state = NMA_RESERVED_UNSUPPORTED;
    if (result->status == OM_CALL_OK)
        nma_reserved_decode(result->result, &event->reserved);
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

void
nma_calls_set_audits(NmaCalls *calls, gboolean audits)
{
    calls->audits = audits;
}

void
nma_peer_audit_free(NmaPeerAudit *audit)
{
    if (audit == NULL)
        return;
    g_free(audit->instance_uuid);
    g_ptr_array_unref(audit->values);
    g_free(audit);
}

NmaPeerAudit *
nma_calls_audit_finished(NmaCalls *calls, const OmCallResult *result)
{
    const Question *question = g_hash_table_lookup(calls->open, &result->cookie);
    GPtrArray *values;
    NmaPeerAudit *audit;

    if (question == NULL || question->kind != ASK_PEER_AUDIT || result->status != OM_CALL_OK)
        return NULL;
    values = nma_audit_values_decode(result->result);
    if (values == NULL)
        return NULL;
    audit = g_new0(NmaPeerAudit, 1);
    audit->instance_uuid = g_strdup(question->instance_uuid);
    audit->values = values;
    return audit;
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
    const Order order = { remedy, migration_id, nova_rpc_major };
    json_t *context = om_context_admin(NULL);
    const OmCallOptions options = { .timeout_ms = CONDUCTOR_TIMEOUT_MS, .context = context };
    gboolean taken = ask(calls, ASK_INSTANCE, instance_uuid, &target, NMA_CONDUCTOR_METHOD,
                         nma_instance_question(instance_uuid), &options, &order);

    json_decref(context);
    return taken
               ? NULL
               : remedy_event(instance_uuid, remedy, "the bus takes no question for the conductor");
}

/* The context has no project: with one nova-compute would look the request up first, and fail. */
static NmaEvent *
act_with(NmaCalls *calls, const Question *question, const OmCallResult *result)
{
    const Order *order = &question->order;
    g_autofree char *version =
        g_strdup_printf("%d.0", order->nova_rpc_major > 0 ? order->nova_rpc_major : NOVA_RPC_MAJOR);
    const OmTarget target = { .topic = COMPUTE_TOPIC,
                              .server = calls->compute,
                              .version = version };
    gboolean is_abort = order->remedy == NMA_REMEDY_ABORT;
    const char *why_not = NULL;
    json_t *args, *context;

    if (result->status != OM_CALL_OK || !nma_instance_is(result->result, question->instance_uuid))
        return remedy_event(question->instance_uuid, order->remedy,
                            "the conductor did not give the instance");
    args = json_pack("{s:O}", "instance", result->result);
    if (is_abort)
        json_object_set_new(args, "migration_id", json_integer((json_int_t)order->migration_id));
    context = om_context_admin(NULL);
    if (!om_bus_cast(calls->bus, &target,
                     nma_nova_method_name(is_abort ? NMA_NOVA_ABORT : NMA_NOVA_FORCE_COMPLETE),
                     args, context, NULL))
        why_not = "the bus takes no message for nova-compute";
    json_decref(context);
    json_decref(args);
    return remedy_event(question->instance_uuid, order->remedy, why_not);
}

static NmaEvent *
answered(NmaCalls *calls, const Question *question, const OmCallResult *result)
{
    NmaEvent *event;

    switch (question->kind) {
    case ASK_PEER:
        event = peer_answered(question, result);
        /* one that does not know the question says so, and that is all */
        if (event->peer.state == NMA_PEER_AGENT && calls->audits)
            ask_agent(calls, ASK_PEER_AUDIT, question->instance_uuid, question->host,
                      NMA_REQUEST_AUDIT, NMA_RPC_HELLO_VERSION, nma_request_audit_args(FALSE));
        return event;
    case ASK_PEER_AUDIT:
        return NULL;
    case ASK_INSTANCE:
        return act_with(calls, question, result);
    case ASK_DESTINATION:
        return reserved_answered(question, result);
    case ASK_CONDUCTOR:
    default:
        return conductor_event(question->instance_uuid,
                               result->status == OM_CALL_OK ? result->result : NULL);
    }
}

NmaEvent *
nma_calls_finished(NmaCalls *calls, const OmCallResult *result)
{
    gpointer key, question;
    NmaEvent *event;

    if (!g_hash_table_steal_extended(calls->open, &result->cookie, &key, &question))
        return NULL;
    event = answered(calls, question, result);
    g_free(key);
    question_free(question);
    return event;
}
