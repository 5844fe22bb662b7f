/* Devices that cannot move, or that need a counterpart at the destination. */
#include "agent/core/check_internal.h"

static const struct {
    gboolean refused; /* else it needs something there, and may go well */
    const char *words;
} devices[NMA_N_DEVICES] = {
    [NMA_DEVICE_PCI] = { FALSE, "PCI device: moves only where its driver can (a VFIO variant "
                                "driver) and its alias in nova.conf says live_migratable" },
    [NMA_DEVICE_MDEV] = { FALSE, "mediated device: needs one of the same type there, and libvirt "
                                 "8.6, QEMU 8.1 and a driver that can migrate it" },
    [NMA_DEVICE_USB] = { TRUE,
                         "USB device of the host: it stays where it is plugged in; detach it" },
    [NMA_DEVICE_SCSI_HOST] = { TRUE, "SCSI device of the host: it stays where it is; detach it" },
    [NMA_DEVICE_SRIOV_PORT] = { FALSE, "SR-IOV port: Nova detaches it before and attaches another "
                                       "after, and the guest is off that network meanwhile" },
    [NMA_DEVICE_VDPA_PORT] = { FALSE,
                               "vDPA port: Nova unplugs it before and plugs it in after, and "
                               "the guest is off that network meanwhile" },
    [NMA_DEVICE_VHOST_USER_PORT] = { FALSE, "vhost-user port: needs the same virtual switch there, "
                                            "with the features that the guest has negotiated" },
    [NMA_DEVICE_9P] = { TRUE, "shared folder over 9p: QEMU does not migrate while it is mounted; "
                              "unmount and detach it" },
    [NMA_DEVICE_VIRTIOFS] = { FALSE,
                              "shared folder over virtiofs: needs the same folder there, and "
                              "libvirt, QEMU and virtiofsd that can migrate it" },
    [NMA_DEVICE_TPM_EMULATOR] = { FALSE,
                                  "virtual TPM: needs swtpm there, and Nova moves its secret "
                                  "only with hw:tpm_secret_security host or deployment" },
    [NMA_DEVICE_TPM_PASSTHROUGH] = { TRUE, "TPM of the host: it cannot move; shut the guest down" },
    [NMA_DEVICE_NVDIMM] = { FALSE, "persistent memory: it is copied as memory is, needs room on "
                                   "such memory there, and rules post-copy out" },
    [NMA_DEVICE_SHMEM] = { FALSE, "memory shared between guests: what is in it does not move" },
    [NMA_DEVICE_ENCRYPTED_MEMORY] = { TRUE, "encrypted memory: a guest that the host cannot read "
                                            "cannot be moved while it runs" },
};

void
nma_judge_devices(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaGuest *guest = demand->guest;
    const NmaGuestDevice *worst = NULL;

    if (!nma_check_has_guest(demand, facts, result))
        return;
    for (guint i = 0; i < guest->n_devices; i++)
        if (worst == NULL ||
            (devices[guest->devices[i].kind].refused && !devices[worst->kind].refused))
            worst = &guest->devices[i];
    if (worst == NULL) {
        nma_check_ok(result, "no device of the guest is tied to its host");
        return;
    }

    g_autofree char *others =
        guest->n_devices > 1 ? g_strdup_printf(" (and %u more)", guest->n_devices - 1) : NULL;
    const char *name = worst->name != NULL ? worst->name : "one";

    if (devices[worst->kind].refused)
        nma_check_refuse(result, NMA_REASON_DEVICE_CANNOT_MOVE, "%s%s: %s", name,
                         others != NULL ? others : "", devices[worst->kind].words);
    else
        nma_check_warn(result, NMA_REASON_DEVICE_NEEDS_COUNTERPART, "%s%s: %s", name,
                       others != NULL ? others : "", devices[worst->kind].words);
}
