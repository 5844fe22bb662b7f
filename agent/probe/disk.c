#include "agent/probe/disk.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define BLOCK_BYTES 512 /* of st_blocks, whatever the file system's own are */

static gint64
product(guint64 a, guint64 b)
{
    return b > 0 && a > (guint64)G_MAXINT64 / b ? G_MAXINT64 : (gint64)(a * b);
}

/* The same file is here under the same name: both hosts see one storage. A file that was copied has
 * another inode; one that is not there is not shared. */
static void
look_at_disk(const NmaGuestDisk *disk, NmaDiskSight *sight)
{
    struct stat info;
    gboolean found = disk->path != NULL && stat(disk->path, &info) == 0;

    if (found && disk->inode != 0)
        sight->shared = (guint64)info.st_ino == disk->inode;
    else if (found || disk->path == NULL || errno != ENOENT)
        sight->unreadable = TRUE;
    sight->backing_here = disk->backing_path == NULL || stat(disk->backing_path, &info) == 0;
}

void
nma_probe_storage(const char *instances_path, const NmaGuest *guest, NmaStorageFacts *storage)
{
    struct statvfs room;

    nma_storage_facts_clear(storage);
    storage->path = g_strdup(instances_path);
    if (statvfs(instances_path, &room) != 0) {
        storage->needs = g_strdup_printf("needs to see the room in instances_path %s: %s",
                                         instances_path, g_strerror(errno));
        return;
    }
    storage->total_bytes = product(room.f_blocks, room.f_frsize);
    storage->free_bytes = product(room.f_bavail, room.f_frsize);
    if (guest == NULL)
        return;
    storage->disks = g_new0(NmaDiskSight, MAX(guest->n_disks, 1));
    for (guint i = 0; i < guest->n_disks; i++)
        look_at_disk(&guest->disks[i], &storage->disks[i]);
}

void
nma_probe_guest_disks(NmaGuest *guest)
{
    for (guint i = 0; i < guest->n_disks; i++) {
        NmaGuestDisk *disk = &guest->disks[i];
        struct stat info;

        if (stat(disk->path, &info) == 0) {
            disk->inode = (guint64)info.st_ino;
            if (disk->virtual_bytes < 0)
                disk->virtual_bytes = (gint64)info.st_size;
            if (disk->allocated_bytes < 0)
                disk->allocated_bytes = product((guint64)info.st_blocks, BLOCK_BYTES);
        }
        if (disk->backing_path != NULL && stat(disk->backing_path, &info) == 0)
            disk->backing_bytes = (gint64)info.st_size;
    }
}
