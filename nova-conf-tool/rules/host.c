/* NC50x to NC52x: the host's CPUs, memory and disks. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/classify.h"
#include "nova-conf-tool/rules/cpu_set.h"

#define L "libvirt"
#define C "compute"
#define D "DEFAULT"

/* ---- CPU sets ---- */

static const NctName cpu_sets[] = { { D, "vcpu_pin_set" },
                                    { C, "cpu_dedicated_set" },
                                    { C, "cpu_shared_set" } };

static GHashTable *
cpu_set_of(const NctAudit *audit, const char *group, const char *name)
{
    g_autofree char *text = nct_audit_text(audit, group, name);

    return text && *text ? nct_cpu_set_parse(text, NULL) : NULL;
}

static void
check_cpu_sets(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < G_N_ELEMENTS(cpu_sets); i++) {
        g_autofree char *text = nct_audit_text(audit, cpu_sets[i].group, cpu_sets[i].name);
        g_autoptr(GHashTable) set = NULL;
        const char *mistake = NULL;

        if (!text || !*text || !nct_audit_is_set(audit, cpu_sets[i].group, cpu_sets[i].name))
            continue;
        set = nct_cpu_set_parse(text, &mistake);
        if (!set)
            nct_audit_report_option(
                audit, rule, cpu_sets[i].group, cpu_sets[i].name,
                "numbers and ranges, separated by commas, '^' takes away: 2-15,^8", "%s %s",
                cpu_sets[i].name, mistake);
    }
}

static void
check_overlap(NctAudit *audit, const NctRule *rule)
{
    g_autoptr(GHashTable) dedicated = cpu_set_of(audit, C, "cpu_dedicated_set");
    g_autoptr(GHashTable) shared = cpu_set_of(audit, C, "cpu_shared_set");
    GHashTableIter iter;
    gpointer cpu;

    if (!dedicated || !shared || nct_audit_is_set(audit, D, "vcpu_pin_set"))
        return;
    g_hash_table_iter_init(&iter, dedicated);
    while (g_hash_table_iter_next(&iter, &cpu, NULL)) {
        if (g_hash_table_contains(shared, cpu)) {
            nct_audit_report_option(
                audit, rule, C, "cpu_dedicated_set", "give each CPU to one of the two",
                "cpu_dedicated_set and cpu_shared_set have CPUs in common; nova-compute "
                "does not start");
            return;
        }
    }
}

static void
check_cpu_zero(NctAudit *audit, const NctRule *rule)
{
    g_autoptr(GHashTable) dedicated = cpu_set_of(audit, C, "cpu_dedicated_set");

    if (dedicated && g_hash_table_contains(dedicated, GUINT_TO_POINTER(0)))
        nct_audit_report_option(
            audit, rule, C, "cpu_dedicated_set", NULL,
            "CPU 0 cannot be switched off; Nova leaves it out of power management");
}

static void
check_reserved_cpus(NctAudit *audit, const NctRule *rule)
{
    double reserved;

    if (!nct_audit_number(audit, D, "reserved_host_cpus", &reserved) || reserved <= 0 ||
        nct_audit_is_set(audit, D, "vcpu_pin_set"))
        return;
    if (nct_audit_is_set(audit, C, "cpu_dedicated_set") ||
        nct_audit_is_set(audit, C, "cpu_shared_set"))
        nct_audit_report_option(audit, rule, D, "reserved_host_cpus",
                                "take it out: CPUs in neither set are the host's",
                                "reserved_host_cpus cannot be used with cpu_dedicated_set or "
                                "cpu_shared_set; nova-compute does not start");
}

/* ---- memory ---- */

static void
check_file_backed(NctAudit *audit, const NctRule *rule)
{
    double ratio;

    if (nct_audit_number(audit, D, "ram_allocation_ratio", &ratio) && ratio >= 1.0 && ratio <= 1.0)
        return;
    nct_audit_report_option(
        audit, rule, L, "file_backed_memory", "[DEFAULT] ram_allocation_ratio = 1.0",
        "file_backed_memory needs ram_allocation_ratio = 1.0 (its default does not "
        "count); nova-compute does not start");
}

static void
check_file_backed_reserve(NctAudit *audit, const NctRule *rule)
{
    double backed, reserved;

    if (nct_audit_number(audit, L, "file_backed_memory", &backed) && backed > 0 &&
        nct_audit_number(audit, D, "reserved_host_memory_mb", &reserved) && reserved >= backed)
        nct_audit_report_option(
            audit, rule, L, "file_backed_memory", "[DEFAULT] reserved_host_memory_mb = 0",
            "reserved_host_memory_mb (%g) takes all of file_backed_memory (%g); "
            "nova-compute does not start",
            reserved, backed);
}

/* ---- lists whose entries are dropped ---- */

static void
check_cachemodes(NctAudit *audit, const NctRule *rule)
{
    static const char *const modes[] = { "default",   "none",       "writethrough",
                                         "writeback", "directsync", "unsafe",
                                         NULL };
    g_auto(GStrv) items = nct_audit_list(audit, L, "disk_cachemodes");

    for (char **item = items; *item; item++) {
        const char *equals = strchr(*item, '=');

        if (!equals || !g_strv_contains(modes, equals + 1))
            nct_audit_report_option(
                audit, rule, L, "disk_cachemodes",
                "type=mode, where mode is default, none, writethrough, writeback, "
                "directsync or unsafe",
                "the entry '%s' is dropped", *item);
    }
}

static void
check_machine_types(NctAudit *audit, const NctRule *rule)
{
    g_auto(GStrv) items = nct_audit_list(audit, L, "hw_machine_type");

    for (char **item = items; *item; item++) {
        const char *equals = strchr(*item, '=');

        if (**item && (!equals || equals == *item || !equals[1] || strchr(equals + 1, '=')))
            nct_audit_report_option(audit, rule, L, "hw_machine_type", "x86_64=q35 for instance",
                                    "the entry '%s' is not architecture=machine and is dropped",
                                    *item);
    }
}

#define COMPUTE   .flags = NCT_RULE_COMPUTE
#define IN_DRIVER "Source: nova/virt/libvirt/driver.py"

static const NctRule rules[] = {
    {
        .code = "NC501",
        .name = "cpu-set-syntax",
        .severity = NCT_SEVERITY_ERROR,
        COMPUTE,
        .summary = "a set of CPUs that cannot be read",
        .check = check_cpu_sets,
        .explain = "Elements are separated by commas: a number, a range a-b with a <= b, or one of "
                   "these after '^', "
                   "which takes CPUs away, wherever it stands. Nothing left is an error, too. From "
                   "20 on it is "
                   "checked at start, before when the set is first used.\n\nSource: "
                   "nova/virt/hardware.py, "
                   "parse_cpu_spec.",
        .example_release = 33,
        .bad = "[compute]\ncpu_dedicated_set = 15-4\n",
        .good = "[compute]\ncpu_dedicated_set = 4-15,^8\n",
    },
    {
        .code = "NC502",
        .name = "cpu-sets-overlap",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary = "cpu_dedicated_set and cpu_shared_set have CPUs in common",
        .when = { { NCT_WHEN_SET, C, "cpu_dedicated_set" }, { NCT_WHEN_SET, C, "cpu_shared_set" } },
        .check = check_overlap,
        .explain = IN_DRIVER ", _check_cpu_set_configuration, 20.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[compute]\ncpu_dedicated_set = 4-15\ncpu_shared_set = 0-4\n",
        .good = "[compute]\ncpu_dedicated_set = 4-15\ncpu_shared_set = 0-3\n",
    },
    {
        .code = "NC503",
        .name = "reserved-cpus-with-sets",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary = "reserved_host_cpus together with CPU sets",
        .when = { { NCT_WHEN_SET, D, "reserved_host_cpus" } },
        .check = check_reserved_cpus,
        .explain = IN_DRIVER ", _check_cpu_set_configuration, 20.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[DEFAULT]\nreserved_host_cpus = 2\n[compute]\ncpu_shared_set = 2-15\n",
        .good = "[compute]\ncpu_shared_set = 2-15\n",
    },
    {
        .code = "NC504",
        .name = "pin-set-and-dedicated-set",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary =
            "vcpu_pin_set and cpu_dedicated_set exclude each other; nova-compute does not start",
        .advice = "take out vcpu_pin_set, which is deprecated",
        .when = { { NCT_WHEN_NOT_EMPTY, D, "vcpu_pin_set" },
                  { NCT_WHEN_NOT_EMPTY, C, "cpu_dedicated_set" } },
        .explain = IN_DRIVER ", _check_cpu_set_configuration, 20.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[DEFAULT]\nvcpu_pin_set = 2-15\n[compute]\ncpu_dedicated_set = 2-15\n",
        .good = "[compute]\ncpu_dedicated_set = 2-15\n",
    },
    {
        .code = "NC505",
        .name = "pin-set-and-shared-set",
        .severity = NCT_SEVERITY_WARNING,
        .first = 20,
        COMPUTE,
        .summary = "with vcpu_pin_set, cpu_shared_set serves emulator threads only",
        .advice = "use cpu_dedicated_set and cpu_shared_set",
        .when = { { NCT_WHEN_NOT_EMPTY, D, "vcpu_pin_set" },
                  { NCT_WHEN_NOT_EMPTY, C, "cpu_shared_set" } },
        .explain = IN_DRIVER ", _check_cpu_set_configuration, 20.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[DEFAULT]\nvcpu_pin_set = 2-15\n[compute]\ncpu_shared_set = 0-1\n",
        .good = "[compute]\ncpu_dedicated_set = 2-15\ncpu_shared_set = 0-1\n",
    },
    {
        .code = "NC506",
        .name = "cpu-zero-dedicated",
        .severity = NCT_SEVERITY_INFO,
        .first = 27,
        COMPUTE,
        .summary = "CPU 0 in cpu_dedicated_set with power management",
        .when = { { NCT_WHEN_TRUE, L, "cpu_power_management" },
                  { NCT_WHEN_IS, L, "cpu_power_management_strategy", "cpu_state" },
                  { NCT_WHEN_SET, C, "cpu_dedicated_set" } },
        .check = check_cpu_zero,
        .explain = "Source: nova/virt/libvirt/cpu/api.py, 27.2.0 and 28.0.1 on.",
        .example_release = 33,
        .bad = "[libvirt]\ncpu_power_management = true\n[compute]\ncpu_dedicated_set = 0-7\n",
        .good = "[libvirt]\ncpu_power_management = true\n[compute]\ncpu_dedicated_set = 1-7\n",
    },
    {
        .code = "NC510",
        .name = "no-host-memory-reserved",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "reserved_host_memory_mb = 0: guests may be given all of the host's memory",
        .advice = "reserve what the host itself needs: some GiB, more with Ceph or large guests",
        .when = { { NCT_WHEN_SET, D, "reserved_host_memory_mb" },
                  { NCT_WHEN_EQUALS, D, "reserved_host_memory_mb", .number = 0 },
                  { NCT_WHEN_EQUALS, L, "file_backed_memory", .number = 0 } },
        .explain = "The kernel, QEMU's own memory for each guest and the agents need some. A live "
                   "migration into a "
                   "host that is full ends with the OOM killer choosing a guest.",
        .example_release = 33,
        .bad = "[DEFAULT]\nreserved_host_memory_mb = 0\n",
        .good = "[DEFAULT]\nreserved_host_memory_mb = 4096\n",
    },
    {
        .code = "NC511",
        .name = "overcommit-with-hugepages",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "huge pages cannot be overcommitted, but ram_allocation_ratio is above 1",
        .advice = "[DEFAULT] ram_allocation_ratio = 1.0",
        .when = { { NCT_WHEN_ABOVE, D, "ram_allocation_ratio", .number = 1 },
                  { NCT_WHEN_SET, D, "reserved_huge_pages" } },
        .explain = "Placement counts the memory of huge pages as if it could be promised more than "
                   "once, and the "
                   "scheduler sends guests that then find none.",
        .example_release = 33,
        .bad = "[DEFAULT]\nram_allocation_ratio = 1.5\nreserved_huge_pages = "
               "node:0,size:2048,count:64\n",
        .good = "[DEFAULT]\nram_allocation_ratio = 1.0\nreserved_huge_pages = "
                "node:0,size:2048,count:64\n",
    },
    {
        .code = "NC512",
        .name = "file-backed-memory-virt-type",
        .severity = NCT_SEVERITY_ERROR,
        .first = 18,
        COMPUTE,
        .summary = "file_backed_memory needs virt_type kvm or qemu; nova-compute does not start",
        .when = { { NCT_WHEN_ABOVE, L, "file_backed_memory", .number = 0 },
                  { NCT_WHEN_IS_NOT, L, "virt_type", "kvm" },
                  { NCT_WHEN_IS_NOT, L, "virt_type", "qemu" } },
        .explain = IN_DRIVER " (to 30), nova/virt/libvirt/host.py (31 on).",
        .example_release = 33,
        .bad = "[DEFAULT]\nram_allocation_ratio = 1.0\nreserved_host_memory_mb = 0\n[libvirt]\n"
               "virt_type = lxc\nfile_backed_memory = 1048576\n",
        .good = "[DEFAULT]\nram_allocation_ratio = 1.0\nreserved_host_memory_mb = 0\n[libvirt]\n"
                "virt_type = kvm\nfile_backed_memory = 1048576\n",
    },
    {
        .code = "NC513",
        .name = "file-backed-memory-ratio",
        .severity = NCT_SEVERITY_ERROR,
        .first = 18,
        COMPUTE,
        .summary = "file_backed_memory needs ram_allocation_ratio = 1.0",
        .when = { { NCT_WHEN_ABOVE, L, "file_backed_memory", .number = 0 } },
        .check = check_file_backed,
        .explain = IN_DRIVER " (to 30), nova/virt/libvirt/host.py (31 on).",
        .example_release = 33,
        .bad = "[DEFAULT]\nreserved_host_memory_mb = 0\n[libvirt]\nfile_backed_memory = 1048576\n",
        .good = "[DEFAULT]\nreserved_host_memory_mb = 0\nram_allocation_ratio = 1.0\n[libvirt]\n"
                "file_backed_memory = 1048576\n",
    },
    {
        .code = "NC514",
        .name = "file-backed-memory-reserve",
        .severity = NCT_SEVERITY_ERROR,
        .first = 21,
        COMPUTE,
        .summary = "reserved_host_memory_mb takes all of file_backed_memory",
        .when = { { NCT_WHEN_ABOVE, L, "file_backed_memory", .number = 0 } },
        .check = check_file_backed_reserve,
        .explain = IN_DRIVER " (to 30), nova/virt/libvirt/host.py (31 on), from 21.1.0.",
        .example_release = 33,
        .bad = "[DEFAULT]\nram_allocation_ratio = 1.0\n[libvirt]\nfile_backed_memory = 512\n",
        .good = "[DEFAULT]\nram_allocation_ratio = 1.0\nreserved_host_memory_mb = 0\n[libvirt]\n"
                "file_backed_memory = 512\n",
    },
    {
        .code = "NC520",
        .name = "rbd-without-raw",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary = "images_type = rbd needs force_raw_images = true; nova-compute does not start",
        .advice = "[DEFAULT] force_raw_images = true",
        .when = { { NCT_WHEN_IS, L, "images_type", "rbd" },
                  { NCT_WHEN_FALSE, D, "force_raw_images" } },
        .explain = IN_DRIVER ", init_host, 20.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[DEFAULT]\nforce_raw_images = false\n[libvirt]\nimages_type = rbd\n",
        .good = "[DEFAULT]\nforce_raw_images = true\n[libvirt]\nimages_type = rbd\n",
    },
    {
        .code = "NC521",
        .name = "lvm-without-volume-group",
        .severity = NCT_SEVERITY_ERROR,
        COMPUTE,
        .summary = "images_type = lvm needs images_volume_group: no guest can be built",
        .when = { { NCT_WHEN_IS, L, "images_type", "lvm" },
                  { NCT_WHEN_EMPTY, L, "images_volume_group" } },
        .explain = "Source: nova/virt/libvirt/imagebackend.py, 13.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\nimages_type = lvm\n",
        .good = "[libvirt]\nimages_type = lvm\nimages_volume_group = vg0\n",
    },
    {
        .code = "NC522",
        .name = "no-disk-devices",
        .severity = NCT_SEVERITY_ERROR,
        .first = 20,
        COMPUTE,
        .summary = "max_disk_devices_to_attach = 0: nova-compute does not start",
        .advice = "-1 means no limit",
        .when = { { NCT_WHEN_EQUALS, C, "max_disk_devices_to_attach", .number = 0 } },
        .explain = "No guest could have a disk.\n\nSource: nova/compute/manager.py, init_host, "
                   "20.6.0, 21.2.0, 22.2.0 "
                   "and later.",
        .example_release = 33,
        .bad = "[compute]\nmax_disk_devices_to_attach = 0\n",
        .good = "[compute]\nmax_disk_devices_to_attach = -1\n",
    },
    {
        .code = "NC523",
        .name = "swtpm-virt-type",
        .severity = NCT_SEVERITY_ERROR,
        .first = 22,
        COMPUTE,
        .summary = "swtpm_enabled needs virt_type kvm or qemu; nova-compute does not start",
        .when = { { NCT_WHEN_TRUE, L, "swtpm_enabled" },
                  { NCT_WHEN_IS_NOT, L, "virt_type", "kvm" },
                  { NCT_WHEN_IS_NOT, L, "virt_type", "qemu" } },
        .explain = IN_DRIVER ", _check_vtpm_support, 22.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\nvirt_type = parallels\nswtpm_enabled = true\n",
        .good = "[libvirt]\nvirt_type = kvm\nswtpm_enabled = true\n",
    },
    {
        .code = "NC524",
        .name = "multipath-enforced-but-unused",
        .severity = NCT_SEVERITY_ERROR,
        .first = 31,
        COMPUTE,
        .summary =
            "volume_enforce_multipath needs volume_use_multipath; nova-compute does not start",
        .advice = "volume_use_multipath = true",
        .when = { { NCT_WHEN_TRUE, L, "volume_enforce_multipath" },
                  { NCT_WHEN_FALSE, L, "volume_use_multipath" } },
        .explain = IN_DRIVER ", _check_multipath, 31.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\nvolume_enforce_multipath = true\n",
        .good = "[libvirt]\nvolume_enforce_multipath = true\nvolume_use_multipath = true\n",
    },
    {
        .code = "NC525",
        .name = "disk-cachemode-dropped",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "an entry of disk_cachemodes that Nova drops",
        .when = { { NCT_WHEN_SET, L, "disk_cachemodes" } },
        .check = check_cachemodes,
        .explain = IN_DRIVER
        ": entries with an unknown mode are dropped with a warning. Note that live migration "
        "with a cache mode other than none or directsync is safe only on coherent storage.",
        .example_release = 33,
        .bad = "[libvirt]\ndisk_cachemodes = network=writebak\n",
        .good = "[libvirt]\ndisk_cachemodes = network=writeback\n",
    },
    {
        .code = "NC526",
        .name = "machine-type-dropped",
        .severity = NCT_SEVERITY_WARNING,
        .first = 19,
        COMPUTE,
        .summary = "an entry of hw_machine_type that Nova drops",
        .when = { { NCT_WHEN_SET, L, "hw_machine_type" } },
        .check = check_machine_types,
        .explain = "Source: nova/virt/libvirt/utils.py, 19.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\nhw_machine_type = q35\n",
        .good = "[libvirt]\nhw_machine_type = x86_64=q35\n",
    },
    {
        .code = "NC527",
        .name = "lxc-without-id-maps",
        .severity = NCT_SEVERITY_WARNING,
        COMPUTE,
        .summary = "virt_type = lxc without uid_maps and gid_maps: root in a container is root on "
                   "the host",
        .when = { { NCT_WHEN_IS, L, "virt_type", "lxc" },
                  { NCT_WHEN_EMPTY, L, "uid_maps" },
                  { NCT_WHEN_EMPTY, L, "gid_maps" } },
        .explain = IN_DRIVER ", init_host.",
        .example_release = 33,
        .bad = "[libvirt]\nvirt_type = lxc\n",
        .good = "[libvirt]\nvirt_type = kvm\n",
    },
    {
        .code = "NC528",
        .name = "virt-type-deprecated",
        .severity = NCT_SEVERITY_INFO,
        .first = 22,
        COMPUTE,
        .summary = "virt_type other than kvm and qemu is deprecated",
        .when = { { NCT_WHEN_SET, L, "virt_type" },
                  { NCT_WHEN_IS_NOT, L, "virt_type", "kvm" },
                  { NCT_WHEN_IS_NOT, L, "virt_type", "qemu" } },
        .explain = IN_DRIVER ", _do_quality_warnings, 22.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\nvirt_type = parallels\n",
        .good = "[libvirt]\nvirt_type = kvm\n",
    },
};

const NctRuleTable nct_rules_host = { rules, G_N_ELEMENTS(rules) };
