#include "agent/core/asking.h"

NmaAsk *
nma_ask_new(NmaAskKind kind, const char *instance_uuid)
{
    NmaAsk *ask = g_new0(NmaAsk, 1);

    ask->kind = kind;
    g_strlcpy(ask->instance_uuid, instance_uuid, sizeof ask->instance_uuid);
    nma_resources_clear(&ask->resources);
    return ask;
}

NmaAsk *
nma_ask_copy(const NmaAsk *ask)
{
    NmaAsk *copy = g_new(NmaAsk, 1);

    *copy = *ask;
    copy->source = g_strdup(ask->source);
    return copy;
}

void
nma_ask_free(NmaAsk *ask)
{
    if (ask == NULL)
        return;
    g_free(ask->source);
    g_free(ask);
}

NmaAnswer *
nma_answer_new(const NmaAsk *ask)
{
    NmaAnswer *answer = g_new0(NmaAnswer, 1);

    answer->cookie = ask->cookie;
    answer->kind = ask->kind;
    g_strlcpy(answer->instance_uuid, ask->instance_uuid, sizeof answer->instance_uuid);
    answer->reason = NMA_REASON_NONE;
    answer->verdict = NMA_VERDICT_OK;
    return answer;
}

void
nma_answer_free(NmaAnswer *answer)
{
    if (answer == NULL)
        return;
    g_free(answer->text);
    g_clear_pointer(&answer->checks, g_ptr_array_unref);
    nma_reservation_free(answer->reservation);
    g_free(answer);
}

void
nma_answer_refuse(NmaAnswer *answer, NmaReason reason, const char *text)
{
    answer->granted = FALSE;
    answer->fresh = FALSE;
    answer->reason = reason;
    g_free(answer->text);
    answer->text = g_strdup(text);
    g_clear_pointer(&answer->reservation, nma_reservation_free);
}
