/*
 * Reservations on the destination and their arithmetic.
 *
 * soft (10 min, from the destination's check) -> held (pre_live_migration seen) -> in_use
 * (Started/Migrated; no lease any more, only libvirt ends it) -> committed | released | expired.
 * It holds between agents only: Nova's scheduler does not see it.
 */
#pragma once

#include <glib.h>

#include "agent/core/identity.h"
#include "agent/core/now.h"
#include "agent/core/resources.h"

typedef enum {
    NMA_RESERVATION_SOFT,
    NMA_RESERVATION_HELD,
    NMA_RESERVATION_IN_USE,
    NMA_RESERVATION_COMMITTED, /* the guest runs here */
    NMA_RESERVATION_RELEASED,
    NMA_RESERVATION_EXPIRED,
    NMA_N_RESERVATION_STATES
} NmaReservationState;

#define NMA_RESERVATION_SOFT_LEASE_US (600 * NMA_US_PER_S)
/* Nova's pre_live_migration may last long_rpc_timeout = 1800 s, then the job must start */
#define NMA_RESERVATION_HELD_LEASE_US (3600 * NMA_US_PER_S)

typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1];
    char migration_uuid[NMA_UUID_LEN + 1]; /* "" while unknown */
    char *source;                          /* NULL while unknown */
    NmaResources resources;
    gint64 resident_bytes; /* of the arriving QEMU, while in_use; 0 before */
    NmaReservationState state;
    gint64 created_wall_us;
    gint64 expires_boot_us; /* NMA_NEVER while in_use */
} NmaReservation;

/* The ledger: all reservations of this host that still hold, by instance uuid. */
typedef struct NmaLedger NmaLedger;

NmaLedger *nma_ledger_new(void);
void nma_ledger_free(NmaLedger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaLedger, nma_ledger_free)

/* Sum of what is promised and not yet taken; an instance named in `except` is left out. soft and
 * held count whole. Of a guest that is arriving (in_use) memory counts what it may still grow
 * (promised − resident, never below 0), disk and ports count whole, and vCPUs and huge pages no
 * more: the guest runs, and QEMU takes its huge pages before it starts, so the host's own figures
 * have them. */
gint64 nma_ledger_promised(const NmaLedger *ledger, NmaAmount amount, const char *except_or_null);
gint64 nma_ledger_promised_pages(const NmaLedger *ledger, gint64 node, gint64 size_bytes,
                                 const char *except_or_null);
/* all pinned cores that are promised, those of arriving guests too */
void nma_ledger_promised_cores(const NmaLedger *ledger, const char *except_or_null,
                               NmaCores *cores);

/* Bound on what may be asked for over RPC; what Nova begins is bounded by its open migrations. */
#define NMA_MAX_RESERVATIONS 1000

/* How many guests arrive or are prepared for it (in_use, held); soft ones may wait for hours. An
 * instance named in `except` is left out. */
guint nma_ledger_arriving(const NmaLedger *ledger, const char *except_or_null);

/* Idempotent by instance: a second soft reservation of one instance replaces the first; a live one
 * that is further on (held, in_use) stays as it is. Lease and state are those given.
 * Returns the ledger's own entry (borrowed). */
NmaReservation *nma_ledger_put(NmaLedger *ledger, const NmaReservation *reservation);
NmaReservation *nma_ledger_get(NmaLedger *ledger, const char *instance_uuid); /* or NULL */

/* What wanted does not say is as the reservation has it. Memory that was said without huge pages is
 * the whole guest's: what the reservation's huge pages back is taken off. */
void nma_reservation_fill_in(const NmaReservation *reservation, NmaResources *wanted);

/* The one setter: asserts that the transition is legal and sets the lease of the new state. The
 * same state again renews the lease. Only a live reservation may be changed: ask
 * nma_reservation_is_live first.
 * An ended reservation stays in the ledger until nma_ledger_drop_ended. */
void nma_reservation_set_state(NmaReservation *reservation, NmaReservationState state, NmaNow now);
gboolean nma_reservation_is_live(const NmaReservation *reservation);

/* Expires what is overdue; adds the changed entries (borrowed) to changed. */
void nma_ledger_expire(NmaLedger *ledger, NmaNow now, GPtrArray *changed);
gint64 nma_ledger_next_deadline(const NmaLedger *ledger); /* boot_us, or NMA_NEVER */
/* one that was never saved: forgotten, not ended */
void nma_ledger_remove(NmaLedger *ledger, const char *instance_uuid);
void nma_ledger_drop_ended(NmaLedger *ledger);
guint nma_ledger_live_count(const NmaLedger *ledger);
/* every entry, ended ones too; each must not add or drop any */
void nma_ledger_foreach(const NmaLedger *ledger, void (*each)(NmaReservation *, gpointer),
                        gpointer user_data);

NmaReservation *nma_reservation_copy(const NmaReservation *reservation);
void nma_reservation_free(NmaReservation *reservation);
const char *nma_reservation_state_to_string(NmaReservationState state);
gboolean nma_reservation_state_from_string(const char *text, NmaReservationState *state);
