/* Disks of a block migration: what will really be copied, against the room that there is. */
#include "agent/core/check_internal.h"

typedef struct {
    gint64 now_bytes;   /* copied, and on the destination's disk when the migration ends */
    gint64 later_bytes; /* what the guest may write beyond that */
    guint n_disks;
    const char *unknown; /* the target of a disk of which too little is known */
} Demanded;

static gint64
size_now(const NmaGuestDisk *disk)
{
    /* a file that is sparse nowhere, or of which only one size is known */
    return disk->allocated_bytes >= 0 ? disk->allocated_bytes : disk->virtual_bytes;
}

static void
count(const NmaGuestDisk *disk, const NmaDiskSight *sight, Demanded *demanded)
{
    if (sight->shared)
        return;
    if (sight->unreadable || size_now(disk) < 0) {
        demanded->unknown = disk->target != NULL ? disk->target : "?";
        return;
    }
    demanded->n_disks++;
    demanded->now_bytes = nma_sum(demanded->now_bytes, size_now(disk));
    demanded->later_bytes =
        nma_sum(demanded->later_bytes, disk->read_only ? 0 : disk->virtual_bytes - size_now(disk));
    if (disk->backing_path != NULL && !sight->backing_here)
        demanded->now_bytes = nma_sum(demanded->now_bytes, disk->backing_bytes);
}

static void
compare(const Demanded *demanded, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaStorageFacts *storage = &facts->storage;
    gint64 kept = MAX(facts->disk_reserved_host_bytes, 0);
    gint64 promised = MAX(facts->disk_promised_bytes, 0);
    gint64 room = MAX(storage->free_bytes - nma_sum(kept, promised), 0);
    gint64 all = nma_sum(demanded->now_bytes, demanded->later_bytes);
    double ratio = facts->disk_ratio_permille > 0 ? (double)facts->disk_ratio_permille / 1000 : 1;

    result->needed = demanded->now_bytes;
    result->available = room;
    if (demanded->now_bytes > room)
        nma_check_refuse(
            result, NMA_REASON_DISK_INSUFFICIENT,
            "%u disks with %" G_GINT64_FORMAT " MiB will be copied to %s, where %" G_GINT64_FORMAT
            " MiB are free (%" G_GINT64_FORMAT " MiB less %" G_GINT64_FORMAT
            " MiB of reserved_host_disk_mb and %" G_GINT64_FORMAT
            " MiB promised to other arriving guests); make room there or choose "
            "another host",
            demanded->n_disks, demanded->now_bytes / NMA_MIB, storage->path, room / NMA_MIB,
            storage->free_bytes / NMA_MIB, kept / NMA_MIB, promised / NMA_MIB);
    else if ((double)all > (double)room * ratio)
        nma_check_warn(result, NMA_REASON_DISK_OVERCOMMITTED,
                       "the %" G_GINT64_FORMAT " MiB of the guest's disks fit into %s, but not the "
                       "%" G_GINT64_FORMAT " MiB that they may grow to: %" G_GINT64_FORMAT
                       " MiB are free, and disk_allocation_ratio is %.3g",
                       demanded->now_bytes / NMA_MIB, storage->path, all / NMA_MIB, room / NMA_MIB,
                       ratio);
    else
        nma_check_ok(result,
                     "%u disks with %" G_GINT64_FORMAT
                     " MiB will be copied to %s, where %" G_GINT64_FORMAT " MiB are free",
                     demanded->n_disks, demanded->now_bytes / NMA_MIB, storage->path,
                     room / NMA_MIB);
}

void
nma_judge_disk(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaGuest *guest = demand->guest;
    const NmaStorageFacts *storage = &facts->storage;
    Demanded demanded = { 0 };

    if (!nma_check_has_guest(demand, facts, result))
        return;
    if (guest->n_disks == 0) {
        nma_check_ok(result, "no disk of the guest is a file that would be copied");
        return;
    }
    if (storage->needs != NULL || storage->path == NULL || storage->free_bytes < 0 ||
        storage->disks == NULL) {
        nma_check_unknown(result, storage->needs != NULL
                                      ? storage->needs
                                      : "needs a look at instances_path, which was not had");
        return;
    }
    for (guint i = 0; i < guest->n_disks; i++)
        count(&guest->disks[i], &storage->disks[i], &demanded);
    if (demanded.unknown != NULL) {
        g_autofree char *needs =
            g_strdup_printf("needs read access to the directory of the guest's disk %s, here and "
                            "on the source, to tell shared storage from a copy",
                            demanded.unknown);

        nma_check_unknown(result, needs);
    } else if (demanded.n_disks == 0) {
        nma_check_ok(result, "the guest's disks are on storage that both hosts share");
    } else {
        compare(&demanded, facts, result);
    }
}
