/*
 * Disks and the room for them. statvfs and stat hang where a network file system does: call these
 * on a thread that may.
 */
#pragma once

#include <glib.h>

#include "agent/core/facts.h"
#include "agent/core/guest.h"

/* The destination's side: room in instances_path, and how each disk of the guest looks from here.
 * storage is cleared before. guest NULL: the room only. */
void nma_probe_storage(const char *instances_path, const NmaGuest *guest, NmaStorageFacts *storage);

/* The source's side: inodes, sizes that libvirt did not tell, and sizes of backing images. */
void nma_probe_guest_disks(NmaGuest *guest);
