#include "agent/hypervisor/inspect.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

#include "agent/hypervisor/cpu_models.h"
#include "agent/hypervisor/guest_xml.h"
#include "agent/hypervisor/libvirt_error.h"

/* virDomainGetVcpuPinInfo wants a bitmap a vCPU: of as many CPUs as one machine has */
#define MAX_CPUS  4096
#define MAX_VCPUS 1024
#define MAP_BYTES (MAX_CPUS / 8)

/* "needs …: libvirt's text", or that the connection is read-only */
static char *
describe_need(const char *what)
{
    int code;
    g_autofree char *text = nma_libvirt_error_text(&code);

    if (code == VIR_ERR_OPERATION_DENIED)
        return g_strdup_printf("needs [libvirt] access = read-write, %s", what);
    return g_strdup_printf("needs %s, and libvirt answered: %s", what, text);
}

/* ---- this host ---- */

/* the one CPU in it; -1: there are none or several */
static int
only_bit_in(const unsigned char *map, int length)
{
    int found = -1;

    for (int i = 0; i < length * 8; i++) {
        if ((map[i / 8] >> (i % 8) & 1) == 0)
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

static void
add_pins(virDomainPtr domain, int vcpus, NmaVirtFacts *virt)
{
    g_autofree unsigned char *maps = NULL;
    int n;

    vcpus = MIN(vcpus, MAX_VCPUS);
    maps = g_malloc0((gsize)vcpus * MAP_BYTES);
    n = virDomainGetVcpuPinInfo(domain, vcpus, maps, MAP_BYTES, VIR_DOMAIN_AFFECT_LIVE);
    for (int i = 0; i < n; i++) {
        int cpu = only_bit_in(maps + (gsize)i * MAP_BYTES, MAP_BYTES);

        virt->guests_pinned_vcpus += cpu >= 0;
        if (cpu >= 0 && cpu < NMA_MAX_CORES)
            nma_cores_add(&virt->pinned, (guint)cpu);
    }
}

static gboolean
add_guests(virConnectPtr connection, gboolean with_pins, NmaVirtFacts *virt)
{
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

    if (n < 0)
        return FALSE;
    virt->guests_memory_bytes = virt->guests_vcpus = 0;
    virt->guests_pinned_vcpus = with_pins ? 0 : NMA_UNKNOWN;
    for (int i = 0; i < n; i++) {
        virDomainInfo info;

        /* one that ended meanwhile takes nothing */
        if (virDomainGetInfo(domains[i], &info) == 0) {
            virt->guests_memory_bytes += (gint64)(MIN(info.maxMem, G_MAXINT32) * 1024);
            virt->guests_vcpus += info.nrVirtCpu;
            if (with_pins)
                add_pins(domains[i], info.nrVirtCpu, virt);
        }
        virDomainFree(domains[i]);
    }
    free(domains);
    return TRUE;
}

static gint64
memory_of(virConnectPtr connection, int node)
{
    virNodeMemoryStats stats[16];
    int n = 0; /* libvirt wants the exact number: first it is asked for that */

    if (virNodeGetMemoryStats(connection, node, NULL, &n, 0) < 0 || n > (int)G_N_ELEMENTS(stats) ||
        virNodeGetMemoryStats(connection, node, stats, &n, 0) < 0)
        return NMA_UNKNOWN;
    for (int i = 0; i < n; i++)
        if (strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL) == 0)
            return (gint64)(MIN(stats[i].value, G_MAXINT64 / 1024) * 1024);
    return NMA_UNKNOWN;
}

/* Their numbers need not follow on one another. */
static void
add_nodes(virConnectPtr connection, NmaVirtFacts *virt)
{
    virNodeInfo info;

    if (virNodeGetInfo(connection, &info) < 0)
        return;
    virt->nodes = g_new(NmaHostNode, NMA_MAX_HOST_NODES);
    for (int node = 0; node < NMA_MAX_HOST_NODES && virt->n_nodes < info.nodes; node++) {
        gint64 memory_bytes = memory_of(connection, node);

        if (memory_bytes >= 0)
            virt->nodes[virt->n_nodes++] = (NmaHostNode){ node, memory_bytes };
    }
}

void
nma_inspect_host(virConnectPtr connection, NmaInspectGuests guests, NmaVirtFacts *virt)
{
    unsigned long libvirt_version, qemu_version;
    unsigned int online;

    nma_virt_facts_clear(virt);
    if (virConnectGetLibVersion(connection, &libvirt_version) == 0)
        virt->libvirt_version = (gint64)libvirt_version;
    if (virConnectGetVersion(connection, &qemu_version) == 0)
        virt->qemu_version = (gint64)qemu_version;
    if (virNodeGetCPUMap(connection, NULL, &online, 0) >= 0)
        virt->online_cpus = online;
    if (guests == NMA_INSPECT_NO_GUESTS)
        return;
    add_nodes(connection, virt);
    if (!add_guests(connection, guests == NMA_INSPECT_GUESTS_AND_PINS, virt))
        virt->needs = describe_need("the list of guests that run here");
}

/* ---- the guest on its source ---- */

static void
add_sizes(virDomainPtr domain, NmaGuest *guest)
{
    for (guint i = 0; i < guest->n_disks; i++) {
        virDomainBlockInfo info;

        if (guest->disks[i].target == NULL ||
            virDomainGetBlockInfo(domain, guest->disks[i].target, &info, 0) != 0)
            continue;
        guest->disks[i].virtual_bytes = (gint64)MIN(info.capacity, G_MAXINT64 / 4);
        guest->disks[i].allocated_bytes = (gint64)MIN(info.allocation, G_MAXINT64 / 4);
    }
}

NmaGuest *
nma_inspect_guest(virConnectPtr connection, const char *instance_uuid, char **needs)
{
    virDomainPtr domain = virDomainLookupByUUIDString(connection, instance_uuid);
    NmaGuest *guest = NULL;
    char *xml;

    if (!domain) {
        *needs = describe_need("the guest's domain on the source");
        return NULL;
    }
    xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_UPDATE_CPU);
    if (!xml) {
        *needs = describe_need("the guest's definition on the source");
    } else {
        guest = nma_guest_from_xml(xml);
        if (!guest)
            *needs = g_strdup("needs the guest's definition, and what libvirt on the source gave "
                              "is none");
    }
    if (guest)
        add_sizes(domain, guest);
    free(xml);
    virDomainFree(domain);
    return guest;
}

/* ---- would it be taken ---- */

/* libvirt names the features behind a colon: "… required features: x, y" */
static char *
missing_features(const char *text)
{
    const char *colon = strrchr(text, ':');

    return g_strdup(colon != NULL && colon[1] == ' ' ? colon + 2 : text);
}

static void
compare_cpu(virConnectPtr connection, const NmaGuest *guest, const char *capabilities,
            NmaAcceptance *acceptance)
{
    int code, result;

    if (!guest->cpu_xml)
        return;
    acceptance->unknown_model = nma_unknown_cpu_model(guest->cpu_xml, capabilities);
    result = virConnectCompareHypervisorCPU(connection, guest->emulator, guest->arch,
                                            guest->machine, guest->virt_type, guest->cpu_xml,
                                            VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
    if (result == VIR_CPU_COMPARE_IDENTICAL || result == VIR_CPU_COMPARE_SUPERSET) {
        acceptance->cpu = NMA_CPU_COMPATIBLE;
        return;
    }

    g_autofree char *text = nma_libvirt_error_text(&code);

    if (code == VIR_ERR_CPU_INCOMPATIBLE) {
        acceptance->cpu = NMA_CPU_INCOMPATIBLE;
        acceptance->missing = missing_features(text);
        /* src/cpu/cpu_x86.c: "host CPU vendor does not match required CPU vendor …", and no list */
        acceptance->other_vendor = strstr(text, "vendor does not match") != NULL;
    } else {
        acceptance->cpu_needs = describe_need("a comparison of the guest's CPU with this host's");
    }
}

/* A file that cannot be seen says nothing where the emulator cannot be seen either: libvirt may run
 * in another file system than we do. */
static void
look_for_files(const NmaGuest *guest, NmaAcceptance *acceptance)
{
    if (guest->loader == NULL || access(guest->loader, F_OK) == 0)
        return;
    if (errno == ENOENT && access(guest->emulator, F_OK) == 0)
        acceptance->no_loader = TRUE;
    else
        acceptance->loader_unknown = TRUE;
}

void
nma_inspect_acceptance(virConnectPtr connection, const NmaGuest *guest, NmaAcceptance *acceptance)
{
    int code;
    char *capabilities;

    nma_acceptance_clear(acceptance);
    if (!guest->emulator || !guest->machine || !guest->arch || !guest->virt_type) {
        acceptance->needs = g_strdup("needs the guest's emulator, machine type and architecture, "
                                     "which the source did not tell");
        return;
    }
    capabilities = virConnectGetDomainCapabilities(connection, guest->emulator, guest->arch,
                                                   guest->machine, guest->virt_type, 0);
    if (!capabilities) {
        g_autofree char *text = nma_libvirt_error_text(&code);

        /* src/qemu/qemu_capabilities.c: an unknown machine is an invalid argument, and so is
         * another architecture (one path of QEMU serves several hosts' own); a binary that cannot
         * be run, a system error or an internal one */
        acceptance->no_machine =
            code == VIR_ERR_INVALID_ARG &&
            (strstr(text, "machine") != NULL || strstr(text, "architecture") != NULL);
        acceptance->no_emulator = !acceptance->no_machine && code != VIR_ERR_OPERATION_DENIED &&
                                  strstr(text, guest->emulator) != NULL;
        if (acceptance->no_machine || acceptance->no_emulator)
            acceptance->refusal = g_steal_pointer(&text);
        else
            acceptance->needs = describe_need("to know which machines this host has");
        if (!acceptance->no_machine)
            return;
    }
    look_for_files(guest, acceptance);
    if (!acceptance->no_machine)
        compare_cpu(connection, guest, capabilities, acceptance);
    free(capabilities);
}
