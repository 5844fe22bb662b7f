/*
 * What others may ask a host about a guest that is to come, and what they are answered.
 */
#pragma once

#include "agent/core/admission.h"

typedef enum {
    NMA_ASK_CHECK,   /* dry run: would it work? Nothing is promised. */
    NMA_ASK_RESERVE, /* promise it; what is promised already is renewed */
    NMA_ASK_RENEW,   /* only renew */
    NMA_ASK_RELEASE,
    NMA_N_ASKS
} NmaAskKind;

typedef struct {
    guint64 cookie; /* the asker's; comes back in the answer */
    NmaAskKind kind;
    char instance_uuid[NMA_UUID_LEN + 1];
    char migration_uuid[NMA_UUID_LEN + 1]; /* "" where not said */
    char *source;                          /* Nova's name of the host it runs on; NULL: not said */
    gboolean sized;                        /* resources were said */
    NmaResources resources;
} NmaAsk;

NmaAsk *nma_ask_new(NmaAskKind kind, const char *instance_uuid);
NmaAsk *nma_ask_copy(const NmaAsk *ask);
void nma_ask_free(NmaAsk *ask);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaAsk, nma_ask_free)

typedef struct {
    guint64 cookie;
    NmaAskKind kind;
    char instance_uuid[NMA_UUID_LEN + 1];
    gboolean granted; /* possible, reserved, renewed, released */
    gboolean fresh;   /* a reservation was made that was not there */
    NmaReason reason; /* of a refusal, or of a doubt: the worst check's; else none */
    char *text;       /* its numbers; NULL if none */
    NmaVerdict verdict;
    GPtrArray *checks;           /* of NmaCheckResult; NULL where none were made */
    NmaReservation *reservation; /* as it is after this; NULL: none */
} NmaAnswer;

NmaAnswer *nma_answer_new(const NmaAsk *ask);
void nma_answer_free(NmaAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaAnswer, nma_answer_free)

/* What was granted is not: the reason is this, the reservation is gone. */
void nma_answer_refuse(NmaAnswer *answer, NmaReason reason, const char *text);
