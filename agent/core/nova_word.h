/*
 * What the conductor's answer says about one open migration.
 */
#pragma once

#include "agent/core/migration.h"

typedef enum {
    NMA_WORD_NONE,      /* nothing: not answered, not listed, or an older migration */
    NMA_WORD_IN_FLIGHT, /* accepted, queued, preparing, running, running (post-copy) */
    NMA_WORD_COMPLETED,
    NMA_WORD_FAILED, /* failed, error, cancelled */
    NMA_WORD_NEWER,  /* Nova lists another, newer migration of the instance: ours is over */
} NmaWord;

/* FALSE when the answer is to a question about other instances only. */
gboolean nma_nova_word_concerns(const NmaMigration *migration, const NmaEvent *event);

/* Finds our migration in the answer, learns identity and status from it, and says what it means.
 * entry: the listed migration, borrowed from the event; NULL with NMA_WORD_NONE. */
NmaWord nma_nova_word(NmaMigration *migration, const NmaEvent *event,
                      const NmaNovaMigration **entry);
