/* What libvirt here would say to the running guest: its CPU, machine type, emulator, firmware. */
#include <string.h>

#include "agent/core/check_internal.h"

/* ---- CPU ---- */

/* libvirt compares at the destination only where the domain says check='partial' or 'full'. */
static gboolean
is_compared(const NmaGuest *guest)
{
    return guest->cpu_check != NULL && strcmp(guest->cpu_check, "none") != 0;
}

static gboolean
passes_host(const NmaGuest *guest)
{
    return g_strcmp0(guest->cpu_mode, "host-passthrough") == 0 ||
           g_strcmp0(guest->cpu_mode, "maximum") == 0;
}

void
nma_judge_cpu(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaAcceptance *here = &facts->acceptance;
    const NmaGuest *guest = demand->guest;

    if (!nma_check_has_guest(demand, facts, result))
        return;
    if (guest->cpu_xml == NULL) {
        nma_check_ok(result, "the guest has QEMU's default CPU, which every host has");
        return;
    }
    if (passes_host(guest)) {
        nma_check_warn(
            result, NMA_REASON_CPU_UNCHECKED,
            "the guest was given the source's own CPU (cpu_mode %s), which libvirt does "
            "not compare: between hosts that are not of one CPU, microcode and kernel it "
            "may crash after it has moved; use cpu_mode custom or host-model",
            guest->cpu_mode);
        return;
    }
    if (here->unknown_model != NULL && !(here->cpu == NMA_CPU_INCOMPATIBLE && is_compared(guest))) {
        nma_check_refuse(result, NMA_REASON_CPU_INCOMPATIBLE,
                         "this host's QEMU does not know the guest's CPU model %s: it is older, or "
                         "so much newer that the model was dropped; choose another host",
                         here->unknown_model);
    } else if (here->cpu == NMA_CPU_UNKNOWN) {
        nma_check_unknown(result, here->no_emulator || here->no_machine
                                      ? "needs an emulator and a machine type that this host does "
                                        "not have (see machine): libvirt compares CPUs for them"
                                  : here->cpu_needs != NULL ? here->cpu_needs
                                  : here->needs != NULL
                                      ? here->needs
                                      : "needs a comparison by libvirt, which was not made");
    } else if (here->cpu == NMA_CPU_COMPATIBLE) {
        nma_check_ok(result, "this host's CPU has everything that the guest's has");
    } else if (is_compared(guest) && here->other_vendor) {
        nma_check_refuse(result, NMA_REASON_CPU_INCOMPATIBLE,
                         "the guest was started for a CPU of another vendor (%s), which libvirt "
                         "refuses in both directions: choose another host, or use cpu_mode custom "
                         "with cpu_models that both have and restart the guest",
                         here->missing);
    } else if (is_compared(guest)) {
        nma_check_refuse(
            result, NMA_REASON_CPU_INCOMPATIBLE,
            "this host's CPU does not have what the guest was started with: %s; an "
            "older CPU cannot take a guest of a newer one (the other direction works): "
            "choose another host, or give the fleet a common cpu_models and restart "
            "the guest",
            here->missing != NULL ? here->missing : "libvirt names nothing");
    } else {
        nma_check_warn(result, NMA_REASON_CPU_UNCHECKED,
                       "this host's CPU does not have what the guest asks for (%s), and libvirt "
                       "will not stop it, because its domain says check='none'",
                       here->missing != NULL ? here->missing : "libvirt names nothing");
    }
}

/* ---- machine ---- */

void
nma_judge_machine(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaAcceptance *here = &facts->acceptance;
    const NmaGuest *guest = demand->guest;

    if (!nma_check_has_guest(demand, facts, result))
        return;
    if (here->no_emulator) {
        nma_check_refuse(result, NMA_REASON_EMULATOR_MISSING,
                         "the guest runs in %s, which this host does not have (%s); install the "
                         "same QEMU on both",
                         guest->emulator, here->refusal != NULL ? here->refusal : "no such file");
    } else if (here->no_machine) {
        nma_check_refuse(result, NMA_REASON_MACHINE_TYPE_MISSING,
                         "the guest's machine type %s is not known to this host's QEMU (%s): it is "
                         "older, another vendor's or another architecture's; upgrade it, or choose "
                         "another host",
                         guest->machine, here->refusal != NULL ? here->refusal : "unsupported");
    } else if (here->no_loader) {
        nma_check_refuse(result, NMA_REASON_FIRMWARE_MISSING,
                         "the guest's firmware %s is not on this host; install the same package "
                         "as on the source",
                         guest->loader);
    } else if (here->needs != NULL || guest->machine == NULL || guest->emulator == NULL) {
        nma_check_unknown(result, here->needs != NULL
                                      ? here->needs
                                      : "needs the guest's machine type and emulator, which "
                                        "libvirt on the source did not tell");
    } else if (here->loader_unknown) {
        g_autofree char *needs =
            g_strdup_printf("needs to see whether the firmware %s is on this host", guest->loader);

        nma_check_unknown(result, needs);
    } else {
        nma_check_ok(result, "machine type %s, %s%s%s are here", guest->machine, guest->emulator,
                     guest->loader != NULL ? ", " : "", guest->loader != NULL ? guest->loader : "");
    }
}

/* ---- versions ---- */

static char *
version(gint64 number)
{
    return g_strdup_printf("%d.%d.%d", (int)(number / 1000000), (int)(number / 1000 % 1000),
                           (int)(number % 1000));
}

/* QEMU 10.1: before it a guest that is migrated with both ends shut off on the destination
 * (nova/conf/libvirt.py, live_migration_permit_post_copy). */
void
nma_judge_versions(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaSourceFacts *source = facts->source;
    const NmaVirtFacts *here = &facts->virt;
    g_autofree char *there_qemu = NULL, *here_qemu = NULL, *there_libvirt = NULL,
                    *here_libvirt = NULL;

    if (source == NULL || source->qemu_version <= 0 || source->libvirt_version <= 0) {
        nma_check_unknown(result, facts->source_needs != NULL
                                      ? facts->source_needs
                                      : "needs the source's agent, to compare versions");
        return;
    }
    if (here->qemu_version <= 0 || here->libvirt_version <= 0) {
        nma_check_unknown(result,
                          here->needs != NULL ? here->needs : "needs libvirt's versions here");
        return;
    }
    result->needed = source->qemu_version;
    result->available = here->qemu_version;
    there_qemu = version(source->qemu_version);
    here_qemu = version(here->qemu_version);
    there_libvirt = version(source->libvirt_version);
    here_libvirt = version(here->libvirt_version);
    if (here->qemu_version < source->qemu_version)
        nma_check_warn(result, NMA_REASON_OLDER_HYPERVISOR,
                       "QEMU %s is older here than on the source (%s): only from older to newer is "
                       "supported, and Nova refuses it unless told otherwise; upgrade this host "
                       "first",
                       here_qemu, there_qemu);
    else if (here->libvirt_version < source->libvirt_version)
        nma_check_warn(result, NMA_REASON_OLDER_HYPERVISOR,
                       "libvirt %s is older here than on the source (%s): it may not understand "
                       "the guest's definition; upgrade this host first",
                       here_libvirt, there_libvirt);
    else
        nma_check_ok(result, "QEMU %s and libvirt %s here, %s and %s on the source", here_qemu,
                     here_libvirt, there_qemu, there_libvirt);
}
