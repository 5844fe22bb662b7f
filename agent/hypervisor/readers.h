/*
 * A small pool for blocking reads of domains: each domain at most one at a time, each answer by a
 * deadline. Knows nothing of libvirt.
 *
 * A read that is still under way at its deadline is answered NMA_DOMAIN_UNKNOWN, once; its own
 * answer is then dropped. When the domain is asked for again meanwhile, it is read anew as soon
 * as the hanging read has returned.
 */
#pragma once

#include "agent/core/event.h"

typedef struct NmaReaders NmaReaders;

typedef struct {
    guint n_threads;
    gint64 deadline_us;
    /* Blocks. Called on thread number `thread` (0 … n_threads - 1), no lock held; never NULL. */
    NmaDomainReading *(*read)(guint thread, const char *instance_uuid, gpointer user_data);
    /* The last that is called on that thread; may block. */
    void (*leave)(guint thread, gpointer user_data);
    /* Both are called with the pool's lock held, so that they come in the order in which things
     * happened: they must not block or call back. They take what they are given. */
    void (*answer)(NmaDomainReading *reading, gpointer user_data);
    void (*batch_done)(GPtrArray *readings /* of NmaDomainReading */, gpointer user_data);
    gpointer user_data;
} NmaReadersConfig;

/* config is copied */
NmaReaders *nma_readers_new(const NmaReadersConfig *config, GError **error);

/* Merged into a read of the same domain that has not been answered. */
void nma_readers_request(NmaReaders *readers, const char *instance_uuid);

/* Reads all of them and answers once, at the latest at the deadline. Domains found absent are left
 * out. Replaces a batch that is not done. */
void nma_readers_request_batch(NmaReaders *readers, const char *const *uuids, gsize n_uuids);
/* No batch_done after this. */
void nma_readers_drop_batch(NmaReaders *readers);

/* Answers what is overdue at now_us (g_get_monotonic_time); to be called every now and then. */
void nma_readers_expire(NmaReaders *readers, gint64 now_us);

/* reads that have passed their deadline and not returned */
guint nma_readers_overdue(NmaReaders *readers);

/* No answers after this, and the other functions do nothing. FALSE: a read still hangs at the
 * deadline (g_get_monotonic_time); its thread is left behind, and readers must not be freed. */
gboolean nma_readers_stop(NmaReaders *readers, gint64 deadline_us);
void nma_readers_free(NmaReaders *readers); /* stopped before */
