#include "agent/hypervisor/guest_xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#define MAX_XML_BYTES (4 * 1024 * 1024)
#define KIB           G_GINT64_CONSTANT(1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* ---- small tools over libxml2 ---- */

static gboolean
is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static xmlNode *
child(const xmlNode *parent, const char *name)
{
    for (xmlNode *node = parent != NULL ? parent->children : NULL; node != NULL; node = node->next)
        if (is_named(node, name))
            return node;
    return NULL;
}

/* "os", "loader": the first grandchild, and so on; names end with NULL */
static xmlNode *
below(xmlNode *node, const char *first, const char *second)
{
    return child(child(node, first), second);
}

static char *
attribute(const xmlNode *node, const char *name)
{
    xmlChar *value = node != NULL ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
    char *copy = value != NULL && value[0] != '\0' ? g_strdup((const char *)value) : NULL;

    if (value != NULL)
        xmlFree(value);
    return copy;
}

static gboolean
attribute_is(const xmlNode *node, const char *name, const char *wanted)
{
    g_autofree char *value = attribute(node, name);

    return g_strcmp0(value, wanted) == 0;
}

static char *
text_of(const xmlNode *node)
{
    xmlChar *value = node != NULL ? xmlNodeGetContent(node) : NULL;
    char *copy = value != NULL ? g_strstrip(g_strdup((const char *)value)) : NULL;

    if (value != NULL)
        xmlFree(value);
    if (copy != NULL && copy[0] == '\0')
        g_clear_pointer(&copy, g_free);
    return copy;
}

static gint64
number(const char *text, gint64 most)
{
    guint64 value;

    return text != NULL &&
                   g_ascii_string_to_unsigned(text, 10, 0, (guint64)MAX(most, 0), &value, NULL)
               ? (gint64)value
               : NMA_UNKNOWN;
}

/* libvirt writes KiB unless it says another unit */
static gint64
scale_of(const xmlNode *node)
{
    static const struct {
        const char *unit;
        gint64 bytes;
    } units[] = {
        { "b", 1 },
        { "bytes", 1 },
        { "KiB", KIB },
        { "k", KIB },
        { "MiB", KIB * KIB },
        { "M", KIB * KIB },
        { "GiB", KIB * KIB * KIB },
        { "G", KIB * KIB * KIB },
        { "TiB", KIB * KIB * KIB * KIB },
    };
    g_autofree char *unit = attribute(node, "unit");

    for (guint i = 0; unit != NULL && i < G_N_ELEMENTS(units); i++)
        if (strcmp(units[i].unit, unit) == 0)
            return units[i].bytes;
    return unit == NULL ? KIB : 0;
}

static gint64
scaled(const char *text, gint64 scale)
{
    gint64 value = scale > 0 ? number(text, G_MAXINT64 / 4 / scale) : NMA_UNKNOWN;

    return value < 0 ? NMA_UNKNOWN : value * scale;
}

static gint64
bytes_of(const xmlNode *node)
{
    g_autofree char *text = text_of(node);

    return scaled(text, scale_of(node));
}

/* ---- memory and CPUs ---- */

/* "0-2,4", as libvirt writes its sets; none where it is missing */
static NmaCores
set_of(const xmlNode *node)
{
    g_autofree char *text = attribute(node, "nodeset");
    NmaCores set = { { 0 } };

    if (text != NULL)
        nma_cores_from_string(text, &set);
    return set;
}

/* The page that backs a cell: <page> without nodeset is for all the others. */
static gint64
page_of_cell(xmlNode *domain, guint cell)
{
    const xmlNode *pages = below(domain, "memoryBacking", "hugepages");
    gint64 found = 0;
    gboolean any = FALSE;

    for (xmlNode *node = pages != NULL ? pages->children : NULL; node != NULL; node = node->next) {
        g_autofree char *size = NULL;
        NmaCores cells;

        if (!is_named(node, "page"))
            continue;
        any = TRUE;
        size = attribute(node, "size");
        cells = set_of(node);
        if (nma_cores_has(&cells, cell))
            return MAX(scaled(size, scale_of(node)), 0);
        if (!nma_cores_any(&cells))
            found = MAX(scaled(size, scale_of(node)), 0);
    }
    /* <hugepages/> alone: the host's default size, which is 2 MiB where nobody changed it */
    return pages != NULL && !any ? 2 * KIB * KIB : found;
}

/* The nodes that it is bound to: by a <memnode> of its own, else with the whole guest. */
static NmaCores
nodes_of_cell(xmlNode *domain, guint cell, NmaGuest *guest)
{
    const xmlNode *tune = child(domain, "numatune");

    for (xmlNode *node = tune != NULL ? tune->children : NULL; node != NULL; node = node->next) {
        g_autofree char *id = NULL;

        if (!is_named(node, "memnode"))
            continue;
        id = attribute(node, "cellid");
        if (number(id, G_MAXINT32) != cell)
            continue;
        guest->cells_bound = TRUE;
        return set_of(node);
    }
    return set_of(child(tune, "memory"));
}

static NmaGuestCell
make_cell(xmlNode *domain, gint64 memory_bytes, guint cell, NmaGuest *guest)
{
    return (NmaGuestCell){ memory_bytes, page_of_cell(domain, cell),
                           nodes_of_cell(domain, cell, guest) };
}

static void
read_cells(xmlNode *domain, NmaGuest *guest)
{
    const xmlNode *numa = below(domain, "cpu", "numa");

    for (xmlNode *node = numa != NULL ? numa->children : NULL;
         node != NULL && guest->n_cells < NMA_MAX_GUEST_CELLS; node = node->next) {
        g_autofree char *memory = NULL, *text = NULL;
        gint64 id;

        if (!is_named(node, "cell"))
            continue;
        memory = attribute(node, "memory");
        text = attribute(node, "id");
        id = number(text, NMA_MAX_CORES - 1);
        guest->cells[guest->n_cells] = make_cell(domain, MAX(scaled(memory, scale_of(node)), 0),
                                                 id >= 0 ? (guint)id : guest->n_cells, guest);
        guest->n_cells++;
    }
    if (guest->n_cells == 0 && guest->memory_bytes >= 0)
        guest->cells[guest->n_cells++] = make_cell(domain, guest->memory_bytes, 0, guest);
}

/* Nova's dedicated policy pins each vCPU to one CPU; a shared one floats over a set. */
static gint64
count_pinned(xmlNode *domain)
{
    const xmlNode *tune = child(domain, "cputune");
    gint64 count = 0;

    for (xmlNode *node = tune != NULL ? tune->children : NULL; node != NULL; node = node->next) {
        g_autofree char *cpus = NULL;

        if (!is_named(node, "vcpupin"))
            continue;
        cpus = attribute(node, "cpuset");
        count += number(cpus, G_MAXINT32) >= 0;
    }
    return count;
}

static void
read_cpu(xmlDoc *document, xmlNode *domain, NmaGuest *guest)
{
    xmlNode *cpu = child(domain, "cpu");
    xmlNode *numa = child(cpu, "numa");
    xmlBuffer *buffer;

    guest->cpu_mode = attribute(cpu, "mode");
    guest->cpu_check = attribute(cpu, "check");
    /* a topology alone names no CPU */
    if (cpu == NULL || (child(cpu, "model") == NULL && guest->cpu_mode == NULL))
        return;
    /* the guest's cells are no part of a comparison */
    if (numa != NULL) {
        xmlUnlinkNode(numa);
        xmlFreeNode(numa);
    }
    buffer = xmlBufferCreate();
    if (xmlNodeDump(buffer, document, cpu, 0, 0) > 0)
        guest->cpu_xml = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
}

/* ---- devices ---- */

static char *
alias_of(const xmlNode *device)
{
    const xmlNode *target = child(device, "target");
    char *name = attribute(target, "dev");

    return name != NULL ? name : attribute(child(device, "alias"), "name");
}

static void
read_disk(const xmlNode *node, NmaGuest *guest)
{
    const xmlNode *backing = child(node, "backingStore");
    g_autofree char *path = NULL;
    NmaGuestDisk *disk;

    if (!attribute_is(node, "type", "file"))
        return;
    path = attribute(child(node, "source"), "file");
    if (path == NULL) /* an empty drive */
        return;
    disk = nma_guest_add_disk(guest);
    if (disk == NULL)
        return;
    disk->path = g_steal_pointer(&path);
    disk->target = attribute(child(node, "target"), "dev");
    disk->read_only = child(node, "readonly") != NULL || attribute_is(node, "device", "cdrom");
    if (backing != NULL && attribute_is(backing, "type", "file"))
        disk->backing_path = attribute(child(backing, "source"), "file");
}

/* element, attribute and its value (NULL: any) → what it is */
static const struct {
    const char *element, *attribute, *value;
    NmaDeviceKind kind;
} kinds[] = {
    { "hostdev", "type", "pci", NMA_DEVICE_PCI },
    { "hostdev", "type", "mdev", NMA_DEVICE_MDEV },
    { "hostdev", "type", "usb", NMA_DEVICE_USB },
    { "hostdev", "type", "scsi", NMA_DEVICE_SCSI_HOST },
    { "hostdev", "type", "scsi_host", NMA_DEVICE_SCSI_HOST },
    { "interface", "type", "hostdev", NMA_DEVICE_SRIOV_PORT },
    { "interface", "type", "direct", NMA_DEVICE_SRIOV_PORT },
    { "interface", "type", "vdpa", NMA_DEVICE_VDPA_PORT },
    { "interface", "type", "vhostuser", NMA_DEVICE_VHOST_USER_PORT },
    { "memory", "model", "nvdimm", NMA_DEVICE_NVDIMM },
    { "memory", "model", "virtio-pmem", NMA_DEVICE_NVDIMM },
    { "shmem", NULL, NULL, NMA_DEVICE_SHMEM },
};

/* what the inner element of a device decides */
static const struct {
    const char *element, *inner, *attribute, *value;
    NmaDeviceKind kind;
} inner_kinds[] = {
    { "tpm", "backend", "type", "emulator", NMA_DEVICE_TPM_EMULATOR },
    { "tpm", "backend", "type", "passthrough", NMA_DEVICE_TPM_PASSTHROUGH },
    { "filesystem", "driver", "type", "virtiofs", NMA_DEVICE_VIRTIOFS },
};

static void
read_device(const xmlNode *node, NmaGuest *guest)
{
    g_autofree char *name = alias_of(node);

    for (guint i = 0; i < G_N_ELEMENTS(inner_kinds); i++) {
        if (is_named(node, inner_kinds[i].element) &&
            attribute_is(child(node, inner_kinds[i].inner), inner_kinds[i].attribute,
                         inner_kinds[i].value)) {
            nma_guest_add_device(guest, inner_kinds[i].kind, name);
            return;
        }
    }
    if (is_named(node, "filesystem")) { /* its driver is 9p's where none is named */
        nma_guest_add_device(guest, NMA_DEVICE_9P, name);
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (is_named(node, kinds[i].element) &&
            (kinds[i].attribute == NULL ||
             attribute_is(node, kinds[i].attribute, kinds[i].value))) {
            nma_guest_add_device(guest, kinds[i].kind, name);
            return;
        }
    }
}

static void
read_devices(xmlNode *domain, NmaGuest *guest)
{
    xmlNode *devices = child(domain, "devices");

    guest->emulator = text_of(child(devices, "emulator"));
    for (xmlNode *node = devices != NULL ? devices->children : NULL; node != NULL;
         node = node->next) {
        if (is_named(node, "disk"))
            read_disk(node, guest);
        else
            read_device(node, guest);
    }
    if (child(domain, "launchSecurity") != NULL)
        nma_guest_add_device(guest, NMA_DEVICE_ENCRYPTED_MEMORY, NULL);
}

/* ---- */

static gint64
read_vcpus(xmlNode *domain)
{
    xmlNode *vcpu = child(domain, "vcpu");
    g_autofree char *current = attribute(vcpu, "current");
    g_autofree char *all = text_of(vcpu);

    return number(current != NULL ? current : all, G_MAXINT32);
}

NmaGuest *
nma_guest_from_xml(const char *xml)
{
    gsize length = strlen(xml);
    g_autoptr(xmlDoc) document =
        length <= MAX_XML_BYTES
            ? xmlReadMemory(xml, (int)length, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
            : NULL;
    xmlNode *domain = document != NULL ? xmlDocGetRootElement(document) : NULL;
    NmaGuest *guest;

    if (domain == NULL || !is_named(domain, "domain"))
        return NULL;
    guest = nma_guest_new();
    guest->virt_type = attribute(domain, "type");
    guest->memory_bytes = bytes_of(child(domain, "memory"));
    guest->vcpus = read_vcpus(domain);
    guest->pinned_vcpus = count_pinned(domain);
    guest->arch = attribute(below(domain, "os", "type"), "arch");
    guest->machine = attribute(below(domain, "os", "type"), "machine");
    guest->loader = text_of(below(domain, "os", "loader"));
    read_cells(domain, guest);
    read_devices(domain, guest);
    read_cpu(document, domain, guest);
    return guest;
}
