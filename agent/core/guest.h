/*
 * The running guest as its source knows it: libvirt's live domain, not what Nova's flavor says.
 * Told to the destination's agent by the source's; plain data. Strings are owned, NULL where
 * libvirt does not say it; numbers are NMA_UNKNOWN then.
 */
#pragma once

#include <glib.h>

#include "agent/core/job_stats.h"
#include "agent/core/resources.h"

#define NMA_MAX_GUEST_CELLS   64
#define NMA_MAX_GUEST_DISKS   64
#define NMA_MAX_GUEST_DEVICES 64

/* A NUMA cell of the guest; a guest without topology is one cell. */
typedef struct {
    gint64 memory_bytes;
    gint64 page_bytes; /* of the huge pages that back it; 0: ordinary memory */
    NmaCores nodes;    /* of the source that its memory is bound to; none: to no node */
} NmaGuestCell;

/* A disk that is a file, which Nova copies in a block migration. Disks on block devices and on the
 * network are reached from everywhere, and are not listed. */
typedef struct {
    char *target; /* "vda" */
    char *path;
    gint64 virtual_bytes;   /* what the guest sees: what the copy may grow to */
    gint64 allocated_bytes; /* on the source's disk: what is copied */
    guint64 inode;          /* of the file on the source; 0: not learnt */
    char *backing_path;     /* of the image that it stands on; NULL: none */
    gint64 backing_bytes;
    gboolean read_only; /* a CD-ROM: its file is copied whole, before the memory */
} NmaGuestDisk;

/* What may stand in a migration's way; the table with their words is in check_devices.c. */
typedef enum {
    NMA_DEVICE_PCI,
    NMA_DEVICE_MDEV,
    NMA_DEVICE_USB,
    NMA_DEVICE_SCSI_HOST,
    NMA_DEVICE_SRIOV_PORT,
    NMA_DEVICE_VDPA_PORT,
    NMA_DEVICE_VHOST_USER_PORT,
    NMA_DEVICE_9P,
    NMA_DEVICE_VIRTIOFS,
    NMA_DEVICE_TPM_EMULATOR,
    NMA_DEVICE_TPM_PASSTHROUGH,
    NMA_DEVICE_NVDIMM,
    NMA_DEVICE_SHMEM,
    NMA_DEVICE_ENCRYPTED_MEMORY, /* SEV, TDX, Secure Execution: <launchSecurity> */
    NMA_N_DEVICES
} NmaDeviceKind;

typedef struct {
    NmaDeviceKind kind;
    char *name; /* alias or address, for people; may be NULL */
} NmaGuestDevice;

typedef struct {
    gint64 memory_bytes; /* what it may take at most */
    gint64 vcpus;
    gint64 pinned_vcpus; /* to one CPU each: Nova's dedicated policy */
    NmaGuestCell cells[NMA_MAX_GUEST_CELLS];
    guint n_cells;        /* 0: not known */
    gboolean cells_bound; /* each to nodes of its own, as Nova does it: <memnode> */
    char *arch, *machine, *emulator, *virt_type;
    char *cpu_xml;   /* <cpu> of the migratable, updated domain XML; NULL: the guest has none */
    char *cpu_mode;  /* custom, host-passthrough, maximum … */
    char *cpu_check; /* how libvirt compares at the destination: none, partial, full */
    char *loader;    /* firmware file; NULL: QEMU's own BIOS */
    NmaGuestDisk disks[NMA_MAX_GUEST_DISKS];
    guint n_disks;
    NmaGuestDevice devices[NMA_MAX_GUEST_DEVICES];
    guint n_devices;
} NmaGuest;

/* everything unknown */
NmaGuest *nma_guest_new(void);
void nma_guest_free(NmaGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaGuest, nma_guest_free)

/* the next free entry, with what is unknown in it; NULL: there are too many */
NmaGuestDisk *nma_guest_add_disk(NmaGuest *guest);
NmaGuestDevice *nma_guest_add_device(NmaGuest *guest, NmaDeviceKind kind, const char *name);

const char *nma_device_kind_to_string(NmaDeviceKind kind); /* as on the wire; static */
gboolean nma_device_kind_from_string(const char *text, NmaDeviceKind *kind);
