#include "agent/core/guest.h"

static const char *const device_kinds[NMA_N_DEVICES] = {
    [NMA_DEVICE_PCI] = "pci",
    [NMA_DEVICE_MDEV] = "mdev",
    [NMA_DEVICE_USB] = "usb",
    [NMA_DEVICE_SCSI_HOST] = "scsi_host",
    [NMA_DEVICE_SRIOV_PORT] = "sriov_port",
    [NMA_DEVICE_VDPA_PORT] = "vdpa_port",
    [NMA_DEVICE_VHOST_USER_PORT] = "vhost_user_port",
    [NMA_DEVICE_9P] = "9p",
    [NMA_DEVICE_VIRTIOFS] = "virtiofs",
    [NMA_DEVICE_TPM_EMULATOR] = "tpm_emulator",
    [NMA_DEVICE_TPM_PASSTHROUGH] = "tpm_passthrough",
    [NMA_DEVICE_NVDIMM] = "nvdimm",
    [NMA_DEVICE_SHMEM] = "shmem",
    [NMA_DEVICE_ENCRYPTED_MEMORY] = "encrypted_memory",
};

NmaGuest *
nma_guest_new(void)
{
    NmaGuest *guest = g_new0(NmaGuest, 1);

    guest->memory_bytes = NMA_UNKNOWN;
    guest->vcpus = NMA_UNKNOWN;
    guest->pinned_vcpus = NMA_UNKNOWN;
    return guest;
}

void
nma_guest_free(NmaGuest *guest)
{
    if (guest == NULL)
        return;
    for (guint i = 0; i < guest->n_disks; i++) {
        g_free(guest->disks[i].target);
        g_free(guest->disks[i].path);
        g_free(guest->disks[i].backing_path);
    }
    for (guint i = 0; i < guest->n_devices; i++)
        g_free(guest->devices[i].name);
    g_free(guest->arch);
    g_free(guest->machine);
    g_free(guest->emulator);
    g_free(guest->virt_type);
    g_free(guest->cpu_xml);
    g_free(guest->cpu_mode);
    g_free(guest->cpu_check);
    g_free(guest->loader);
    g_free(guest);
}

NmaGuestDisk *
nma_guest_add_disk(NmaGuest *guest)
{
    NmaGuestDisk *disk;

    if (guest->n_disks == NMA_MAX_GUEST_DISKS)
        return NULL;
    disk = &guest->disks[guest->n_disks++];
    disk->virtual_bytes = disk->allocated_bytes = disk->backing_bytes = NMA_UNKNOWN;
    return disk;
}

NmaGuestDevice *
nma_guest_add_device(NmaGuest *guest, NmaDeviceKind kind, const char *name)
{
    NmaGuestDevice *device;

    if (guest->n_devices == NMA_MAX_GUEST_DEVICES)
        return NULL;
    device = &guest->devices[guest->n_devices++];
    device->kind = kind;
    device->name = g_strdup(name);
    return device;
}

const char *
nma_device_kind_to_string(NmaDeviceKind kind)
{
    g_return_val_if_fail((guint)kind < NMA_N_DEVICES, "");
    return device_kinds[kind];
}

gboolean
nma_device_kind_from_string(const char *text, NmaDeviceKind *kind)
{
    for (guint i = 0; i < NMA_N_DEVICES; i++) {
        if (g_strcmp0(text, device_kinds[i]) == 0) {
            *kind = (NmaDeviceKind)i;
            return TRUE;
        }
    }
    return FALSE;
}
