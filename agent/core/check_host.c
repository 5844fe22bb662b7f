/* What this host is set to, and able to, whatever the guest. */
#include "agent/core/check_internal.h"

/* Two hosts of one cloud that are further apart: logs, leases and tokens go wrong. */
#define CLOCKS_APART_MS 2000

void
nma_judge_incoming(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    if (facts->max_incoming == 0) {
        nma_check_ok(result, "[checks] max_incoming sets no limit here");
        return;
    }
    if (facts->max_incoming < 0 || facts->arriving < 0) {
        nma_check_unknown(result, "needs the ledger of reservations");
        return;
    }
    result->needed = facts->arriving < G_MAXINT64 ? facts->arriving + 1 : facts->arriving;
    result->available = facts->max_incoming;
    if (facts->arriving >= facts->max_incoming)
        nma_check_refuse(result, NMA_REASON_INCOMING_LIMIT,
                         "%" G_GINT64_FORMAT " guests are arriving here already, and [checks] "
                         "max_incoming allows %" G_GINT64_FORMAT
                         "; wait for them, or choose another host",
                         facts->arriving, facts->max_incoming);
    else
        nma_check_ok(result,
                     "%" G_GINT64_FORMAT " other guests are arriving here, %" G_GINT64_FORMAT
                     " may at a time",
                     facts->arriving, facts->max_incoming);
}

void
nma_judge_maintenance(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    if (!facts->maintenance_known)
        nma_check_unknown(result, "needs to see [checks] maintenance_file, and may not look there");
    else if (facts->maintenance)
        nma_check_refuse(result, NMA_REASON_HOST_IN_MAINTENANCE,
                         "this host is set apart for maintenance: [checks] maintenance_file is "
                         "there; remove it when the host is to take guests again");
    else
        nma_check_ok(result, "this host is not set apart for maintenance");
}

void
nma_judge_post_copy(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    gboolean permitted =
        facts->post_copy_permitted || (facts->source != NULL && facts->source->post_copy_permitted);

    if (!permitted && facts->source == NULL)
        nma_check_unknown(result, facts->source_needs != NULL
                                      ? facts->source_needs
                                      : "needs the source's agent, to learn whether post-copy is "
                                        "permitted there");
    else if (!permitted)
        nma_check_ok(result, "live_migration_permit_post_copy is off: post-copy is not used");
    else if (facts->userfaultfd == 0)
        nma_check_warn(result, NMA_REASON_POST_COPY_NOT_POSSIBLE,
                       "nova.conf permits post-copy, and this host's kernel does not let QEMU have "
                       "it unless it runs as root: set vm.unprivileged_userfaultfd=1 with sysctl, "
                       "or the migration fails where it would begin");
    else
        nma_check_ok(result, "post-copy is permitted, and this host's kernel allows it");
}

void
nma_judge_clocks(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaSourceFacts *source = facts->source;
    gint64 apart, sure;

    if (source == NULL || source->clock_offset_ms == NMA_OFFSET_UNKNOWN) {
        nma_check_unknown(result, facts->source_needs != NULL
                                      ? facts->source_needs
                                      : "needs the source's agent, to learn its clock");
        return;
    }
    apart = ABS(source->clock_offset_ms);
    sure = apart - MIN(apart, MAX(source->clock_offset_error_ms, 0));
    result->needed = CLOCKS_APART_MS;
    result->available = apart;
    if (sure > CLOCKS_APART_MS)
        nma_check_warn(result, NMA_REASON_CLOCKS_APART,
                       "the source's clock is %" G_GINT64_FORMAT " ms %s of this host's: a guest "
                       "that takes the host's time jumps, and logs cannot be compared; synchronize "
                       "both",
                       apart, source->clock_offset_ms > 0 ? "ahead" : "behind");
    else
        nma_check_ok(result, "the clocks of the two hosts are %" G_GINT64_FORMAT " ms apart",
                     apart);
}
