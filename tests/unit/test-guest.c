/* The running guest: out of libvirt's XML, over the wire, and back. */
#include <jansson.h>
#include <string.h>

#include "agent/hypervisor/cpu_models.h"
#include "agent/hypervisor/guest_xml.h"
#include "agent/json/source_facts.h"
#include "tests/unit/tap.h"

#define MIB G_GINT64_CONSTANT(1048576)

static const char large[] =
    "<domain type='kvm' id='3'><name>instance-00000007</name>"
    "<metadata><x:instance xmlns:x='http://x'><vcpu>99</vcpu><memory>1</memory></x:instance>"
    "</metadata><memory unit='KiB'>8388608</memory><currentMemory unit='KiB'>4194304"
    "</currentMemory><memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='0'/>"
    "<page size='1' unit='GiB' nodeset='1-2'/></hugepages></memoryBacking>"
    "<vcpu placement='static' current='3'>8</vcpu>"
    "<numatune><memory mode='strict' nodeset='0-1'/><memnode cellid='1' mode='strict' "
    "nodeset='1'/></numatune>"
    "<cputune><vcpupin vcpu='0' cpuset='4'/><vcpupin vcpu='1' cpuset='5'/>"
    "<vcpupin vcpu='2' cpuset='0-3'/><emulatorpin cpuset='4'/></cputune>"
    "<os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type>"
    "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader></os>"
    "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Nehalem</model>"
    "<feature policy='require' name='vme'/><numa><cell id='0' cpus='0-1' memory='2097152' "
    "unit='KiB'/><cell id='1' cpus='2-3' memory='6' unit='GiB'/></numa></cpu>"
    "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>"
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
    "<source file='/var/lib/nova/instances/7/disk' index='2'/><backingStore type='file'>"
    "<format type='raw'/><source file='/var/lib/nova/instances/_base/abc'/></backingStore>"
    "<target dev='vda' bus='virtio'/></disk>"
    "<disk type='file' device='cdrom'><source file='/var/lib/nova/instances/7/disk.config'/>"
    "<backingStore/><target dev='sda'/><readonly/></disk>"
    "<disk type='file' device='cdrom'><target dev='sdb'/></disk>"
    "<disk type='network' device='disk'><source protocol='rbd' name='v/1'/><target dev='vdb'/>"
    "</disk><disk type='block' device='disk'><source dev='/dev/sdx'/><target dev='vdc'/></disk>"
    "<interface type='bridge'><target dev='tap1'/></interface>"
    "<interface type='hostdev'><alias name='hostdev0'/></interface>"
    "<interface type='vhostuser'><target dev='vhu7'/></interface>"
    "<hostdev mode='subsystem' type='pci'><alias name='hostdev1'/></hostdev>"
    "<hostdev mode='subsystem' type='mdev'/><hostdev type='usb'/>"
    "<filesystem type='mount'><driver type='virtiofs'/><target dir='share'/></filesystem>"
    "<filesystem type='mount'><source dir='/x'/></filesystem>"
    "<tpm model='tpm-crb'><backend type='emulator'/></tpm>"
    "<memory model='nvdimm'><target/></memory><shmem name='s'/></devices>"
    "<launchSecurity type='sev'/></domain>";

static void
check_large(const NmaGuest *guest)
{
    static const NmaDeviceKind kinds[] = {
        NMA_DEVICE_SRIOV_PORT,
        NMA_DEVICE_VHOST_USER_PORT,
        NMA_DEVICE_PCI,
        NMA_DEVICE_MDEV,
        NMA_DEVICE_USB,
        NMA_DEVICE_VIRTIOFS,
        NMA_DEVICE_9P,
        NMA_DEVICE_TPM_EMULATOR,
        NMA_DEVICE_NVDIMM,
        NMA_DEVICE_SHMEM,
        NMA_DEVICE_ENCRYPTED_MEMORY,
    };

    g_assert_nonnull(guest);
    g_assert_cmpint(guest->memory_bytes, ==, 8192 * MIB);
    g_assert_cmpint(guest->vcpus, ==, 3);
    g_assert_cmpint(guest->pinned_vcpus, ==, 2);
    g_assert_cmpuint(guest->n_cells, ==, 2);
    g_assert_cmpint(guest->cells[0].memory_bytes, ==, 2048 * MIB);
    g_assert_cmpint(guest->cells[0].page_bytes, ==, 2 * MIB);
    g_assert_cmpint(guest->cells[1].memory_bytes, ==, 6 * 1024 * MIB);
    g_assert_cmpint(guest->cells[1].page_bytes, ==, 1024 * MIB);
    g_assert_true(guest->cells_bound);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *nodes = nma_cores_to_string(&guest->cells[i].nodes);

        g_assert_cmpstr(nodes, ==, i == 0 ? "0-1" : "1");
    }
    g_assert_cmpstr(guest->virt_type, ==, "kvm");
    g_assert_cmpstr(guest->arch, ==, "x86_64");
    g_assert_cmpstr(guest->machine, ==, "pc-q35-8.2");
    g_assert_cmpstr(guest->emulator, ==, "/usr/bin/qemu-system-x86_64");
    g_assert_cmpstr(guest->loader, ==, "/usr/share/OVMF/OVMF_CODE.fd");
    g_assert_cmpstr(guest->cpu_mode, ==, "custom");
    g_assert_cmpstr(guest->cpu_check, ==, "full");
    g_assert_nonnull(strstr(guest->cpu_xml, "<model fallback=\"forbid\">Nehalem</model>"));
    g_assert_null(strstr(guest->cpu_xml, "numa"));
    g_assert_cmpuint(guest->n_disks, ==, 2);
    g_assert_cmpstr(guest->disks[0].target, ==, "vda");
    g_assert_cmpstr(guest->disks[0].path, ==, "/var/lib/nova/instances/7/disk");
    g_assert_cmpstr(guest->disks[0].backing_path, ==, "/var/lib/nova/instances/_base/abc");
    g_assert_false(guest->disks[0].read_only);
    g_assert_cmpstr(guest->disks[1].target, ==, "sda");
    g_assert_null(guest->disks[1].backing_path);
    g_assert_true(guest->disks[1].read_only);
    g_assert_cmpuint(guest->n_devices, ==, G_N_ELEMENTS(kinds));
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        g_assert_cmpstr(nma_device_kind_to_string(guest->devices[i].kind), ==,
                        nma_device_kind_to_string(kinds[i]));
    g_assert_cmpstr(guest->devices[0].name, ==, "hostdev0");
    g_assert_cmpstr(guest->devices[1].name, ==, "vhu7");
}

static void
test_xml(void)
{
    g_autoptr(NmaGuest) guest = nma_guest_from_xml(large);

    check_large(guest);
}

static void
test_xml_plain(void)
{
    g_autoptr(NmaGuest) guest = nma_guest_from_xml(
        "<domain type='qemu'><memory unit='KiB'>98304</memory><vcpu placement='static'>1</vcpu>"
        "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>"
        "<cpu><topology sockets='1' cores='1' threads='1'/></cpu><devices/></domain>");

    g_assert_cmpint(guest->memory_bytes, ==, 96 * MIB);
    g_assert_cmpint(guest->vcpus, ==, 1);
    g_assert_cmpint(guest->pinned_vcpus, ==, 0);
    g_assert_cmpuint(guest->n_cells, ==, 1);
    g_assert_cmpint(guest->cells[0].memory_bytes, ==, 96 * MIB);
    g_assert_cmpint(guest->cells[0].page_bytes, ==, 0);
    g_assert_false(nma_cores_any(&guest->cells[0].nodes) || guest->cells_bound);
    g_assert_null(guest->cpu_xml); /* it names no CPU */
    g_assert_null(guest->emulator);
    g_assert_cmpuint(guest->n_devices, ==, 0);
}

static void
test_xml_hostile(void)
{
    static const char *const bad[] = { "", "x", "<domain>", "<network/>", "<domain", "\xff\xfe<" };
    g_autofree char *huge = NULL;
    GString *many = g_string_new("<domain><memory unit='PiB'>99999999999999999999</memory>"
                                 "<vcpu>-4</vcpu><devices>");
    g_autoptr(NmaGuest) guest = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(nma_guest_from_xml(bad[i]));
    huge = g_strnfill(5 * 1024 * 1024, ' ');
    memcpy(huge, "<domain/>", 9);
    g_assert_null(nma_guest_from_xml(huge));
    for (guint i = 0; i < 200; i++)
        g_string_append(many, "<disk type='file'><source file='/x'/></disk><shmem/>");
    g_string_append(many, "</devices></domain>");
    guest = nma_guest_from_xml(many->str);
    g_string_free(many, TRUE);
    g_assert_cmpint(guest->memory_bytes, ==, NMA_UNKNOWN);
    g_assert_cmpint(guest->vcpus, ==, NMA_UNKNOWN);
    g_assert_cmpuint(guest->n_disks, ==, NMA_MAX_GUEST_DISKS);
    g_assert_cmpuint(guest->n_devices, ==, NMA_MAX_GUEST_DEVICES);
}

/* ---- over the wire ---- */

static NmaSourceFacts *
full_facts(void)
{
    NmaSourceFacts *facts = nma_source_facts_new();

    facts->guest = nma_guest_from_xml(large);
    facts->guest->disks[0].virtual_bytes = 10;
    facts->guest->disks[0].allocated_bytes = 7;
    facts->guest->disks[0].backing_bytes = 5;
    facts->guest->disks[0].inode = 4711;
    facts->libvirt_version = 9000000;
    facts->qemu_version = 7002000;
    facts->post_copy_permitted = TRUE;
    facts->path.tried = facts->path.resolved = TRUE;
    facts->path.address = g_strdup("192.0.2.1");
    facts->path.interface = g_strdup("eth0");
    facts->path.link_mbit_s = 25000;
    facts->path.n_ports = 2;
    facts->path.ports[0] = (NmaPathPort){ "libvirt", 16509, NMA_PORT_BLOCKED, FALSE, 1000000 };
    facts->path.ports[1] = (NmaPathPort){ "QEMU", 49152, NMA_PORT_OPEN, TRUE, 77 };
    facts->tls.looked = TRUE;
    facts->tls.n_certificates = 1;
    facts->tls.certificates[0] = (NmaCertificate){
        .file = g_strdup("/etc/pki/c.pem"), .not_before_s = 5, .not_after_s = 6, .untrusted = TRUE
    };
    return facts;
}

static void
test_wire(void)
{
    g_autoptr(NmaSourceFacts) facts = full_facts();
    json_t *value = nma_source_facts_to_value(facts, "host-a", 1000000 + 5000);
    g_autoptr(NmaSourceFacts) read = nma_source_facts_from_value(value, 1000000, 1002000);

    g_assert_nonnull(read);
    check_large(read->guest);
    g_assert_cmpint(read->guest->disks[0].virtual_bytes, ==, 10);
    g_assert_cmpint(read->guest->disks[0].allocated_bytes, ==, 7);
    g_assert_cmpint(read->guest->disks[0].backing_bytes, ==, 5);
    g_assert_cmpuint(read->guest->disks[0].inode, ==, 4711);
    g_assert_cmpint(read->guest->disks[1].virtual_bytes, ==, NMA_UNKNOWN);
    g_assert_cmpint(read->libvirt_version, ==, 9000000);
    g_assert_cmpint(read->qemu_version, ==, 7002000);
    g_assert_true(read->post_copy_permitted);
    g_assert_true(read->path.tried && read->path.resolved);
    g_assert_cmpstr(read->path.address, ==, "192.0.2.1");
    g_assert_cmpint(read->path.link_mbit_s, ==, 25000);
    g_assert_cmpuint(read->path.n_ports, ==, 2);
    g_assert_cmpstr(read->path.ports[0].what, ==, "libvirt");
    g_assert_cmpint(read->path.ports[0].state, ==, NMA_PORT_BLOCKED);
    g_assert_cmpstr(read->path.ports[1].what, ==, "QEMU");
    g_assert_cmpint(read->path.ports[1].state, ==, NMA_PORT_OPEN);
    g_assert_true(read->path.ports[1].accepted);
    g_assert_true(read->tls.looked);
    g_assert_cmpuint(read->tls.n_certificates, ==, 1);
    g_assert_cmpstr(read->tls.certificates[0].file, ==, "/etc/pki/c.pem");
    g_assert_cmpint(read->tls.certificates[0].not_after_s, ==, 6);
    g_assert_true(read->tls.certificates[0].untrusted);
    /* 5 ms ahead at the middle of a round trip of 2 ms */
    g_assert_cmpint(read->clock_offset_ms, ==, 4);
    g_assert_cmpint(read->clock_offset_error_ms, ==, 1);
    json_decref(value);
}

static void
test_wire_unknown(void)
{
    g_autoptr(NmaSourceFacts) facts = nma_source_facts_new();
    json_t *value;
    g_autoptr(NmaSourceFacts) read = NULL;

    facts->guest_needs = g_strdup("needs libvirt");
    value = nma_source_facts_to_value(facts, "host-a", 1);
    read = nma_source_facts_from_value(value, 1, 2);
    g_assert_null(read->guest);
    g_assert_cmpstr(read->guest_needs, ==, "needs libvirt");
    g_assert_false(read->path.tried);
    g_assert_false(read->tls.looked);
    g_assert_cmpint(read->libvirt_version, ==, NMA_UNKNOWN);
    json_decref(value);
}

/* Every value of a good answer replaced by each of these: nothing is believed that makes no sense.
 */
static void
test_wire_hostile(void)
{
    g_autoptr(NmaSourceFacts) facts = full_facts();
    json_t *good = nma_source_facts_to_value(facts, "host-a", 1);
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(good, "guest"), key, value)
    {
        json_t *const bad[] = { json_null(),      json_integer(-5), json_string("\x01../x"),
                                json_array(),     json_object(),    json_integer(G_MAXINT64),
                                json_real(1e300), json_true() };

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
            json_t *copy = json_deep_copy(good);
            g_autoptr(NmaSourceFacts) read = NULL;

            json_object_set_new(json_object_get(copy, "guest"), key, bad[i]);
            read = nma_source_facts_from_value(copy, 1, 2);
            g_assert_nonnull(read->guest);
            g_assert_true(read->guest->emulator == NULL || read->guest->emulator[0] == '/');
            json_decref(copy);
        }
    }
    json_decref(good);
    good = json_loads("{\"host\": \"a\", \"guest\": {\"disks\": [{\"path\": \"/a/../b\"}, 3], "
                      "\"devices\": [{\"kind\": \"rocket\"}, null]}, \"path\": [], \"tls\": 3}",
                      0, NULL);
    g_autoptr(NmaSourceFacts) odd = nma_source_facts_from_value(good, 1, 2);
    g_assert_cmpuint(odd->guest->n_disks, ==, 2);
    g_assert_null(odd->guest->disks[0].path);
    g_assert_cmpuint(odd->guest->n_devices, ==, 0);
    json_decref(good);
    g_assert_null(nma_source_facts_from_value(NULL, 1, 2));
}

static void
test_unknown_cpu_model(void)
{
    static const char capabilities[] =
        "<domainCapabilities><cpu><mode name='host-model'><model>Odd</model></mode>"
        "<mode name='custom' supported='yes'><model usable='no'>Nehalem</model>"
        "<model usable='yes'>qemu64</model></mode></cpu></domainCapabilities>";
    static const char none[] = "<domainCapabilities><cpu/></domainCapabilities>";
    static const struct {
        const char *cpu, *capabilities, *unknown;
    } rows[] = {
        { "<cpu><model fallback='forbid'>Nehalem</model></cpu>", capabilities, NULL },
        { "<cpu><model fallback='forbid'>Nehale</model></cpu>", capabilities, "Nehale" },
        { "<cpu><model fallback='forbid'>Odd</model></cpu>", capabilities, "Odd" },
        /* libvirt takes the nearest one */
        { "<cpu><model fallback='allow'>Odd</model></cpu>", capabilities, NULL },
        { "<cpu><model>Odd</model></cpu>", capabilities, NULL },
        { "<cpu mode='host-passthrough'/>", capabilities, NULL },
        { "<cpu><model fallback='forbid'>Odd</model></cpu>", none, NULL },
        { "<cpu><model fallback='forbid'>Odd</model></cpu>", "<domainCap", NULL },
        { "no xml", capabilities, NULL },
        { "", "", NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *unknown = nma_unknown_cpu_model(rows[i].cpu, rows[i].capabilities);

        g_assert_cmpstr(unknown, ==, rows[i].unknown);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/guest/xml", test_xml);
    g_test_add_func("/guest/xml/plain", test_xml_plain);
    g_test_add_func("/guest/xml/hostile", test_xml_hostile);
    g_test_add_func("/guest/unknown-cpu-model", test_unknown_cpu_model);
    g_test_add_func("/guest/wire", test_wire);
    g_test_add_func("/guest/wire/unknown", test_wire_unknown);
    g_test_add_func("/guest/wire/hostile", test_wire_hostile);
    return g_test_run();
}
