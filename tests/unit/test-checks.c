/* The judges of the destination's checks: facts in, verdicts out, row by row. */
#include <string.h>

#include "agent/core/check.h"
#include "tests/unit/tap.h"

#define MIB G_GINT64_CONSTANT(1048576)
#define GIB (1024 * MIB)

/* What a test changes of a host and a guest with which all is well. */
typedef struct {
    NmaDemand demand;
    NmaFacts facts;
    NmaSourceFacts *source; /* the facts' */
    NmaGuest *guest;        /* the source's */
} Case;

#define NOW_S G_GINT64_CONSTANT(1800000000)
#define DAY_S 86400

static void
begin(Case *given)
{
    nma_facts_clear(&given->facts);
    given->source = given->facts.source = nma_source_facts_new();
    given->guest = given->source->guest = nma_guest_new();
    given->guest->memory_bytes = 4 * GIB;
    given->guest->vcpus = 2;
    given->guest->n_cells = 1;
    given->guest->cells[0] = (NmaGuestCell){ .memory_bytes = 4 * GIB };
    given->guest->pinned_vcpus = 0;
    given->guest->arch = g_strdup("x86_64");
    given->guest->machine = g_strdup("pc-q35-8.2");
    given->guest->emulator = g_strdup("/usr/bin/qemu-system-x86_64");
    given->guest->virt_type = g_strdup("kvm");
    given->guest->cpu_xml = g_strdup("<cpu/>");
    given->guest->cpu_mode = g_strdup("custom");
    given->guest->cpu_check = g_strdup("partial");
    given->demand = (NmaDemand){ .memory_bytes = 4 * GIB, .vcpus = 2 };
    given->source->libvirt_version = given->facts.virt.libvirt_version = 9000000;
    given->source->qemu_version = given->facts.virt.qemu_version = 8002000;
    given->source->clock_offset_ms = given->source->clock_offset_error_ms = 1;
    given->source->path.tried = given->source->path.resolved = TRUE;
    given->source->path.address = g_strdup("192.0.2.7");
    given->source->path.interface = g_strdup("eth1");
    given->source->path.link_mbit_s = 10000;
    given->source->path.n_ports = 2;
    given->source->path.ports[0] = (NmaPathPort){ "libvirt", 16509, NMA_PORT_OPEN, TRUE, 200 };
    given->source->path.ports[1] = (NmaPathPort){ "QEMU", 49152, NMA_PORT_OPEN, FALSE, 200 };
    given->source->tls.looked = given->facts.tls.looked = TRUE;
    given->facts.wall_s = NOW_S;
    given->facts.virt.online_cpus = 16;
    given->facts.virt.guests_memory_bytes = 0;
    given->facts.virt.guests_vcpus = 10;
    given->facts.acceptance.cpu = NMA_CPU_COMPATIBLE;
    given->facts.arriving = 0;
    given->facts.max_incoming = 0;
    given->facts.maintenance_known = TRUE;
    given->facts.userfaultfd = 0;
    given->facts.memory_total_bytes = 64 * GIB;
    given->facts.memory_available_bytes = 32 * GIB;
    given->facts.memory_reserved_host_bytes = GIB;
    given->facts.memory_promised_bytes = 0;
    given->facts.swap_total_bytes = given->facts.swap_free_bytes = 8 * GIB;
    given->facts.pressure_some = given->facts.pressure_full = 0;
    given->facts.huge_pools_known = TRUE;
}

static void
end(Case *given)
{
    nma_facts_release(&given->facts);
}

static void
forget_guest(Case *given)
{
    g_clear_pointer(&given->source->guest, nma_guest_free);
    given->guest = NULL;
}

static NmaCheckResult *
judge(const Case *given, const char *check)
{
    g_autoptr(GPtrArray) results = nma_check_all(&given->demand, &given->facts);

    for (guint i = 0; i < results->len; i++) {
        const NmaCheckResult *result = results->pdata[i];

        g_assert_nonnull(result->text);
        g_assert_true((result->verdict == NMA_VERDICT_OK) == (result->reason == NMA_REASON_NONE));
        if (strcmp(result->check, check) == 0)
            return nma_check_result_copy(result);
    }
    g_error("no check %s", check);
}

/* words: what its text must hold */
static void
expect(const Case *given, const char *check, NmaVerdict verdict, NmaReason reason,
       const char *words)
{
    g_autoptr(NmaCheckResult) result = judge(given, check);

    g_test_message("%s: %s: %s", check, nma_verdict_to_string(result->verdict), result->text);
    g_assert_cmpstr(nma_verdict_to_string(result->verdict), ==, nma_verdict_to_string(verdict));
    g_assert_cmpstr(nma_reason_to_string(result->reason), ==, nma_reason_to_string(reason));
    if (strstr(result->text, words) == NULL)
        g_error("\"%s\" does not hold \"%s\"", result->text, words);
}

static void
expect_unknown(const Case *given, const char *check, const char *words)
{
    expect(given, check, NMA_VERDICT_UNKNOWN, NMA_REASON_CHECK_UNKNOWN, words);
}

/* ---- all of them ---- */

/* Nothing is known: no check says ok, and each says what it needs. */
static void
test_nothing_known(void)
{
    NmaDemand demand = { .memory_bytes = NMA_UNKNOWN, .vcpus = NMA_UNKNOWN };
    NmaFacts facts;
    g_autoptr(GPtrArray) results = NULL;

    nma_facts_clear(&facts);
    results = nma_check_all(&demand, &facts);
    for (guint i = 0; i < results->len; i++) {
        const NmaCheckResult *result = results->pdata[i];

        g_test_message("%s: %s", result->check, result->text);
        g_assert_cmpstr(nma_verdict_to_string(result->verdict), ==, "unknown");
        g_assert_true(g_str_has_prefix(result->text, "needs "));
    }
}

static void
test_all_well(void)
{
    Case given;
    g_autoptr(GPtrArray) results = NULL;

    begin(&given);
    results = nma_check_all(&given.demand, &given.facts);
    for (guint i = 0; i < results->len; i++) {
        const NmaCheckResult *result = results->pdata[i];

        g_test_message("%s: %s", result->check, result->text);
        g_assert_cmpstr(nma_verdict_to_string(result->verdict), ==, "ok");
    }
    end(&given);
}

/* ---- memory ---- */

static void
test_memory(void)
{
    Case given;

    begin(&given);
    given.facts.memory_available_bytes = 5 * GIB;
    expect(&given, "memory", NMA_VERDICT_OK, NMA_REASON_NONE, "needs 4096 MiB, 4096 MiB are free");
    given.facts.memory_available_bytes -= 1;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT,
           "4095 MiB are free here (5119 MiB available, less 1024 MiB kept for the host");
    given.facts.memory_available_bytes = 8 * GIB;
    given.facts.memory_promised_bytes = 3 * GIB + 1;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT,
           "3072 MiB promised to other arriving guests");
    end(&given);
}

/* the flavor was not named, but the source knows the guest */
static void
test_memory_of_the_guest(void)
{
    Case given;

    begin(&given);
    given.demand.memory_bytes = NMA_UNKNOWN;
    given.facts.memory_available_bytes = 4 * GIB;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "needs 4096 MiB");
    forget_guest(&given);
    expect_unknown(&given, "memory", "needs the memory of the guest's flavor");
    given.demand.memory_bytes = GIB;
    given.facts.memory_available_bytes = NMA_UNKNOWN;
    expect_unknown(&given, "memory", "needs MemAvailable");
    end(&given);
}

static void
test_memory_overcommitted(void)
{
    Case given;

    begin(&given);
    given.facts.memory_available_bytes = 2 * GIB;
    given.facts.virt.guests_memory_bytes = 60 * GIB;
    given.facts.memory_ratio_permille = 1500; /* 63 GiB * 1.5 = 94.5 GiB */
    expect(&given, "memory", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_OVERCOMMITTED,
           "only because ram_allocation_ratio is 1.5");
    given.facts.memory_promised_bytes = 30 * GIB; /* 60 + 30 + 4 */
    expect(&given, "memory", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_OVERCOMMITTED, "swap");
    given.facts.memory_promised_bytes = 31 * GIB;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "choose");
    given.facts.memory_promised_bytes = 0;
    given.facts.virt.guests_memory_bytes = NMA_UNKNOWN;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "choose");
    given.facts.virt.guests_memory_bytes = 0;
    given.facts.memory_ratio_permille = 1000;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "choose");
    given.facts.memory_ratio_permille = G_MAXINT64;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "choose");
    end(&given);
}

/* ---- huge pages ---- */

static void
put_pools(Case *given, gint64 size_kib, gint64 node_0, gint64 node_1)
{
    nma_facts_add_huge_pool(&given->facts, 0, size_kib * 1024, node_0);
    nma_facts_add_huge_pool(&given->facts, 1, size_kib * 1024, node_1);
}

static void
test_huge_pages(void)
{
    static const struct {
        gint64 cell_0_mib, cell_1_mib; /* 0: no second cell */
        gint64 size_kib;
        gint64 node_0, node_1;
        NmaVerdict verdict;
    } rows[] = {
        { 4096, 0, 2048, 2048, 0, NMA_VERDICT_OK },
        { 4096, 0, 2048, 2047, 0, NMA_VERDICT_REFUSED },
        { 4096, 0, 2048, 0, 2048, NMA_VERDICT_OK },
        /* enough together, but no node has them */
        { 4096, 0, 2048, 1024, 1024, NMA_VERDICT_REFUSED },
        { 4096, 0, 1048576, 2048, 2048, NMA_VERDICT_REFUSED }, /* of another size */
        { 2048, 2048, 2048, 1024, 1024, NMA_VERDICT_OK },
        { 2048, 2048, 2048, 1024, 1023, NMA_VERDICT_REFUSED },
        /* each cell on a node of its own, as Nova does it */
        { 2048, 2048, 2048, 4096, 0, NMA_VERDICT_REFUSED },
        /* the larger cell gets the larger pool, in whatever order they come */
        { 1024, 3072, 2048, 1536, 512, NMA_VERDICT_OK },
        { 1024, 3072, 2048, 512, 1536, NMA_VERDICT_OK },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case given;
        gboolean refused = rows[i].verdict == NMA_VERDICT_REFUSED;

        begin(&given);
        given.guest->n_cells = rows[i].cell_1_mib > 0 ? 2 : 1;
        given.guest->cells[0] =
            (NmaGuestCell){ .memory_bytes = rows[i].cell_0_mib * MIB, .page_bytes = 2 * MIB };
        given.guest->cells[1] =
            (NmaGuestCell){ .memory_bytes = rows[i].cell_1_mib * MIB, .page_bytes = 2 * MIB };
        put_pools(&given, rows[i].size_kib, rows[i].node_0, rows[i].node_1);
        expect(&given, "huge_pages", rows[i].verdict,
               refused ? NMA_REASON_HUGE_PAGES_INSUFFICIENT : NMA_REASON_NONE,
               refused ? "2048 KiB on one NUMA node" : "are free here");
        end(&given);
    }
}

/* of the host, in GiB: "0:32,8:16" */
static void
add_nodes(Case *given, const char *nodes)
{
    g_auto(GStrv) parts = g_strsplit(nodes, ",", -1);

    given->facts.virt.nodes = g_new(NmaHostNode, NMA_MAX_HOST_NODES);
    for (char **part = parts; *part != NULL; part++) {
        char *size = NULL;
        gint64 node = g_ascii_strtoll(*part, &size, 10);

        given->facts.virt.nodes[given->facts.virt.n_nodes++] =
            (NmaHostNode){ node, g_ascii_strtoll(size + 1, NULL, 10) * GIB };
    }
}

static void
test_numa(void)
{
    static const struct {
        const char *host;     /* nodes and GiB */
        gboolean cells_bound; /* as Nova does it */
        gint64 gib[3];        /* of the guest's cells */
        const char *nodes[3]; /* that each is bound to */
        NmaVerdict verdict;
        NmaReason reason;
        const char *words;
    } rows[] = {
        { "0:32", FALSE, { 4 }, { "" }, NMA_VERDICT_OK, NMA_REASON_NONE, "bound to no NUMA node" },
        { "0:32", FALSE, { 4 }, { "0" }, NMA_VERDICT_OK, NMA_REASON_NONE, "NUMA node 0" },
        { "0:32",
          FALSE,
          { 4 },
          { "1" },
          NMA_VERDICT_REFUSED,
          NMA_REASON_NUMA_NODE_MISSING,
          "node 1, which this host does not have" },
        { "0:32,8:32",
          FALSE,
          { 4 },
          { "0-1,8" },
          NMA_VERDICT_REFUSED,
          NMA_REASON_NUMA_NODE_MISSING,
          "node 1," },
        { "0:32,1:32", TRUE, { 4, 8 }, { "0", "1" }, NMA_VERDICT_OK, NMA_REASON_NONE, "0-1" },
        { "0:32", TRUE, { 4, 8 }, { "0", "0" }, NMA_VERDICT_OK, NMA_REASON_NONE, "NUMA node 0" },
        { "0:64",
          TRUE,
          { 4, 8 },
          { "0", "1" },
          NMA_VERDICT_REFUSED,
          NMA_REASON_NUMA_NODES_INSUFFICIENT,
          "on 2 NUMA nodes, this host has 1" },
        /* Nova binds them anew, and any order will do */
        { "0:32,8:16",
          TRUE,
          { 12, 24 },
          { "0", "1" },
          NMA_VERDICT_WARNING,
          NMA_REASON_NUMA_NODE_MISSING,
          "node 1, which this host does not have: Nova" },
        { "0:32",
          TRUE,
          { 4 },
          { "3" },
          NMA_VERDICT_WARNING,
          NMA_REASON_NUMA_NODE_MISSING,
          "node 3" },
        { "0:32,1:16",
          TRUE,
          { 20, 24 },
          { "0", "1" },
          NMA_VERDICT_REFUSED,
          NMA_REASON_NUMA_NODES_INSUFFICIENT,
          "20480 MiB of the guest stand on one NUMA node" },
        { "0:32,1:16",
          TRUE,
          { 20, 4, 14 },
          { "0", "1", "0" },
          NMA_VERDICT_REFUSED,
          NMA_REASON_NUMA_NODES_INSUFFICIENT,
          "34816 MiB of the guest" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case given;

        begin(&given);
        add_nodes(&given, rows[i].host);
        given.guest->cells_bound = rows[i].cells_bound;
        for (guint n = 0; n < 3 && rows[i].gib[n] > 0; n++) {
            given.guest->cells[n] = (NmaGuestCell){ .memory_bytes = rows[i].gib[n] * GIB };
            g_assert_true(nma_cores_from_string(rows[i].nodes[n], &given.guest->cells[n].nodes));
            given.guest->n_cells = n + 1;
        }
        expect(&given, "numa", rows[i].verdict, rows[i].reason, rows[i].words);
        end(&given);
    }
}

static void
test_numa_unknown(void)
{
    Case given;

    begin(&given);
    nma_cores_add(&given.guest->cells[0].nodes, 0);
    expect_unknown(&given, "numa", "needs the NUMA nodes of this host");
    given.facts.virt.needs = g_strdup("needs libvirt's word");
    expect_unknown(&given, "numa", "needs libvirt's word");
    forget_guest(&given);
    expect_unknown(&given, "numa", "needs the source's agent");
    end(&given);
}

static void
test_huge_pages_aside(void)
{
    Case given;

    begin(&given);
    expect(&given, "huge_pages", NMA_VERDICT_OK, NMA_REASON_NONE, "uses no huge pages");
    given.guest->cells[0].page_bytes = 2 * MIB;
    put_pools(&given, 2048, 2048, 0);
    given.facts.memory_available_bytes = 0; /* its memory is not taken from there */
    expect(&given, "memory", NMA_VERDICT_OK, NMA_REASON_NONE, "needs 0 MiB");
    g_assert_true(nma_facts_keep_huge_pages(&given.facts, "node:0,size:2MB,count:1"));
    expect(&given, "huge_pages", NMA_VERDICT_REFUSED, NMA_REASON_HUGE_PAGES_INSUFFICIENT,
           "node 0: 2047, node 1: 0");
    given.facts.huge_pools_known = FALSE;
    expect_unknown(&given, "huge_pages", "needs /sys/devices/system/node");
    forget_guest(&given);
    expect_unknown(&given, "huge_pages", "needs the source's agent");
    end(&given);
}

static void
test_reserved_huge_pages(void)
{
    static const struct {
        const char *text;
        gint64 kept; /* of the 2 MiB pages of node 1; -1: not understood */
    } rows[] = {
        { "node:1,size:2048,count:64", 64 },
        { "node:1, size:2MB, count:7", 7 },
        { "node:1,size:2048KB,count:9", 9 },
        { "count:5,size:2048,node:1", 5 },
        { "node:0,size:2048,count:64", 0 },
        { "node:1,size:1GB,count:64", 0 },
        { "node:1,size:2048", -1 },
        { "node:1,size:x,count:1", -1 },
        { "node:-1,size:2048,count:1", -1 },
        { "", -1 },
        { "node", -1 },
        { "node:1,size:2048,count:99999999999", -1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case given;

        begin(&given);
        put_pools(&given, 2048, 100, 100);
        g_assert_cmpint(nma_facts_keep_huge_pages(&given.facts, rows[i].text), ==,
                        rows[i].kept >= 0);
        g_assert_cmpint(given.facts.huge_pools[1].reserved_pages, ==, MAX(rows[i].kept, 0));
        end(&given);
    }
}

/* ---- pressure ---- */

static void
test_pressure(void)
{
    Case given;

    begin(&given);
    given.facts.pressure_some = 999;
    given.facts.pressure_full = 199;
    expect(&given, "memory_pressure", NMA_VERDICT_OK, NMA_REASON_NONE, "10.0 % of the time");
    given.facts.pressure_some = 1000;
    expect(&given, "memory_pressure", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_PRESSURE,
           "tasks waited for it 10.0 %");
    given.facts.pressure_some = 0;
    given.facts.pressure_full = 200;
    expect(&given, "memory_pressure", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_PRESSURE, "2.0 %");
    given.facts.pressure_full = given.facts.pressure_some = NMA_UNKNOWN;
    expect(&given, "memory_pressure", NMA_VERDICT_OK, NMA_REASON_NONE, "does not say");
    given.facts.swap_free_bytes = 3 * GIB;
    expect(&given, "memory_pressure", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_PRESSURE,
           "5120 of 8192 MiB");
    given.facts.swap_total_bytes = given.facts.swap_free_bytes = 0;
    expect(&given, "memory_pressure", NMA_VERDICT_OK, NMA_REASON_NONE, "0 MiB of swap");
    given.facts.swap_total_bytes = NMA_UNKNOWN;
    expect_unknown(&given, "memory_pressure", "needs SwapTotal");
    end(&given);
}

/* ---- disk ---- */

static NmaGuestDisk *
put_disk(Case *given, const char *target, gint64 virtual_bytes, gint64 allocated_bytes)
{
    NmaGuestDisk *disk = nma_guest_add_disk(given->guest);

    disk->target = g_strdup(target);
    disk->path = g_strdup("/var/lib/nova/instances/x/disk");
    disk->virtual_bytes = virtual_bytes;
    disk->allocated_bytes = allocated_bytes;
    if (given->facts.storage.disks == NULL)
        given->facts.storage.disks = g_new0(NmaDiskSight, NMA_MAX_GUEST_DISKS);
    if (given->facts.storage.path == NULL)
        given->facts.storage.path = g_strdup("/var/lib/nova/instances");
    given->facts.storage.disks[given->guest->n_disks - 1].backing_here = TRUE;
    return disk;
}

static void
test_disk(void)
{
    Case given;

    begin(&given);
    expect(&given, "disk", NMA_VERDICT_OK, NMA_REASON_NONE, "no disk of the guest is a file");
    put_disk(&given, "vda", 10 * GIB, 3 * GIB);
    given.facts.storage.free_bytes = 10 * GIB;
    expect(&given, "disk", NMA_VERDICT_OK, NMA_REASON_NONE, "1 disks with 3072 MiB");
    given.facts.storage.free_bytes = 10 * GIB - 1;
    expect(&given, "disk", NMA_VERDICT_WARNING, NMA_REASON_DISK_OVERCOMMITTED,
           "not the 10240 MiB that they may grow to");
    given.facts.disk_ratio_permille = 2000;
    expect(&given, "disk", NMA_VERDICT_OK, NMA_REASON_NONE, "are free");
    given.facts.storage.free_bytes = 4 * GIB;
    given.facts.disk_reserved_host_bytes = GIB;
    expect(&given, "disk", NMA_VERDICT_WARNING, NMA_REASON_DISK_OVERCOMMITTED, "ratio is 2");
    given.facts.disk_reserved_host_bytes = GIB + 1;
    expect(&given, "disk", NMA_VERDICT_REFUSED, NMA_REASON_DISK_INSUFFICIENT,
           "3071 MiB are free (4096 MiB less 1024 MiB of reserved_host_disk_mb and 0 MiB");
    given.facts.storage.disks[0].shared = TRUE;
    expect(&given, "disk", NMA_VERDICT_OK, NMA_REASON_NONE, "storage that both hosts share");
    given.facts.storage.disks[0] = (NmaDiskSight){ .unreadable = TRUE };
    expect_unknown(&given, "disk", "needs read access to the directory of the guest's disk vda");
    end(&given);
}

/* what is copied beside the disk itself: its backing image, and a CD-ROM that cannot grow */
static void
test_disk_backing(void)
{
    Case given;
    NmaGuestDisk *disk;

    begin(&given);
    disk = put_disk(&given, "vda", 3 * GIB, GIB);
    disk->backing_path = g_strdup("/var/lib/nova/instances/_base/0123");
    disk->backing_bytes = 5 * GIB;
    given.facts.storage.free_bytes = 4 * GIB;
    expect(&given, "disk", NMA_VERDICT_OK, NMA_REASON_NONE, "1024 MiB will be copied");
    given.facts.storage.disks[0].backing_here = FALSE;
    expect(&given, "disk", NMA_VERDICT_REFUSED, NMA_REASON_DISK_INSUFFICIENT, "6144 MiB");
    given.facts.storage.free_bytes = 9 * GIB;
    disk = put_disk(&given, "hdd", 100 * GIB, GIB);
    disk->read_only = TRUE;
    expect(&given, "disk", NMA_VERDICT_OK, NMA_REASON_NONE, "2 disks with 7168 MiB");
    given.facts.disk_promised_bytes = 3 * GIB;
    expect(&given, "disk", NMA_VERDICT_REFUSED, NMA_REASON_DISK_INSUFFICIENT,
           "3072 MiB promised to other arriving guests");
    given.facts.storage.needs = g_strdup("needs a working disk");
    expect_unknown(&given, "disk", "needs a working disk");
    forget_guest(&given);
    given.source->guest_needs = g_strdup("needs what the source could not tell");
    expect_unknown(&given, "disk", "needs what the source could not tell");
    end(&given);
}

/* ---- CPU, machine, versions ---- */

static void
test_cpu(void)
{
    Case given;

    begin(&given);
    given.facts.acceptance.cpu = NMA_CPU_INCOMPATIBLE;
    given.facts.acceptance.missing = g_strdup("avx512f, pku");
    expect(&given, "cpu", NMA_VERDICT_REFUSED, NMA_REASON_CPU_INCOMPATIBLE, "avx512f, pku");
    given.facts.acceptance.other_vendor = TRUE;
    expect(&given, "cpu", NMA_VERDICT_REFUSED, NMA_REASON_CPU_INCOMPATIBLE, "in both directions");
    g_free(given.guest->cpu_check);
    given.guest->cpu_check = g_strdup("none");
    expect(&given, "cpu", NMA_VERDICT_WARNING, NMA_REASON_CPU_UNCHECKED,
           "libvirt will not stop it");
    /* whatever is compared, or is not */
    given.facts.acceptance.unknown_model = g_strdup("cpu64-rhel5");
    expect(&given, "cpu", NMA_VERDICT_REFUSED, NMA_REASON_CPU_INCOMPATIBLE, "cpu64-rhel5");
    given.facts.acceptance.cpu = NMA_CPU_COMPATIBLE;
    expect(&given, "cpu", NMA_VERDICT_REFUSED, NMA_REASON_CPU_INCOMPATIBLE, "cpu64-rhel5");
    g_clear_pointer(&given.facts.acceptance.unknown_model, g_free);
    given.facts.acceptance.cpu = NMA_CPU_UNKNOWN;
    given.facts.acceptance.cpu_needs = g_strdup("needs [libvirt] access = read-write");
    expect_unknown(&given, "cpu", "needs [libvirt] access = read-write");
    given.facts.acceptance.no_emulator = TRUE;
    expect_unknown(&given, "cpu", "that this host does not have (see machine)");
    g_free(given.guest->cpu_mode);
    given.guest->cpu_mode = g_strdup("host-passthrough");
    expect(&given, "cpu", NMA_VERDICT_WARNING, NMA_REASON_CPU_UNCHECKED, "may crash");
    g_clear_pointer(&given.guest->cpu_xml, g_free);
    expect(&given, "cpu", NMA_VERDICT_OK, NMA_REASON_NONE, "QEMU's default CPU");
    end(&given);
}

static void
test_machine(void)
{
    Case given;

    begin(&given);
    given.guest->loader = g_strdup("/usr/share/OVMF/OVMF_CODE.fd");
    expect(&given, "machine", NMA_VERDICT_OK, NMA_REASON_NONE, "OVMF_CODE.fd are here");
    given.facts.acceptance.loader_unknown = TRUE;
    expect_unknown(&given, "machine", "needs to see whether the firmware");
    given.facts.acceptance.no_loader = TRUE;
    expect(&given, "machine", NMA_VERDICT_REFUSED, NMA_REASON_FIRMWARE_MISSING, "OVMF_CODE.fd");
    given.facts.acceptance.no_machine = TRUE;
    given.facts.acceptance.refusal = g_strdup("the machine is not supported");
    expect(&given, "machine", NMA_VERDICT_REFUSED, NMA_REASON_MACHINE_TYPE_MISSING, "pc-q35-8.2");
    given.facts.acceptance.no_emulator = TRUE;
    expect(&given, "machine", NMA_VERDICT_REFUSED, NMA_REASON_EMULATOR_MISSING,
           "/usr/bin/qemu-system-x86_64");
    end(&given);

    begin(&given);
    given.facts.acceptance.needs = g_strdup("needs libvirt");
    expect_unknown(&given, "machine", "needs libvirt");
    end(&given);
}

static void
test_versions(void)
{
    Case given;

    begin(&given);
    given.facts.virt.qemu_version = 10001000;
    expect(&given, "versions", NMA_VERDICT_OK, NMA_REASON_NONE,
           "QEMU 10.1.0 and libvirt 9.0.0 here");
    given.facts.virt.qemu_version = 8001002;
    expect(&given, "versions", NMA_VERDICT_WARNING, NMA_REASON_OLDER_HYPERVISOR,
           "QEMU 8.1.2 is older here than on the source (8.2.0)");
    given.facts.virt.qemu_version = 8002000;
    given.facts.virt.libvirt_version = 8010000;
    expect(&given, "versions", NMA_VERDICT_WARNING, NMA_REASON_OLDER_HYPERVISOR,
           "libvirt 8.10.0 is older");
    given.facts.virt.qemu_version = NMA_UNKNOWN;
    expect_unknown(&given, "versions", "needs libvirt's versions here");
    end(&given);
}

/* ---- vCPUs ---- */

static void
test_vcpus(void)
{
    Case given;

    begin(&given);
    expect(&given, "vcpus", NMA_VERDICT_OK, NMA_REASON_NONE, "10 vCPUs run on 16 CPUs");
    given.facts.cpu_ratio_permille = 750; /* 12 */
    expect(&given, "vcpus", NMA_VERDICT_OK, NMA_REASON_NONE, "there is room for 2 here");
    given.facts.virt.guests_vcpus = 11;
    expect(&given, "vcpus", NMA_VERDICT_WARNING, NMA_REASON_VCPUS_OVERCOMMITTED,
           "room for 1 on 16");
    given.facts.virt.guests_pinned_vcpus = 1; /* which take no shared CPU */
    expect(&given, "vcpus", NMA_VERDICT_OK, NMA_REASON_NONE, "there is room for 2 here");
    given.facts.shared_cpus = 1;
    expect(&given, "vcpus", NMA_VERDICT_WARNING, NMA_REASON_VCPUS_OVERCOMMITTED,
           "2 vCPUs, more than the 1 CPUs");
    given.facts.shared_cpus = given.facts.virt.online_cpus = NMA_UNKNOWN;
    expect_unknown(&given, "vcpus", "needs the CPUs of this host");
    end(&given);
}

static void
test_vcpus_pinned(void)
{
    Case given;

    begin(&given);
    given.guest->pinned_vcpus = 2;
    expect(&given, "vcpus", NMA_VERDICT_REFUSED, NMA_REASON_DEDICATED_CPUS_INSUFFICIENT,
           "gives none away");
    given.facts.dedicated_cpus = 8;
    expect_unknown(&given, "vcpus", "needs the pins");
    given.facts.free_dedicated_cpus = 2;
    expect(&given, "vcpus", NMA_VERDICT_OK, NMA_REASON_NONE, "2 are free here");
    given.facts.free_dedicated_cpus = 1;
    expect(&given, "vcpus", NMA_VERDICT_REFUSED, NMA_REASON_DEDICATED_CPUS_INSUFFICIENT,
           "1 of the 8 dedicated ones");
    end(&given);
}

static void
test_count_cpus(void)
{
    static const struct {
        const char *set;
        gint64 count;
    } rows[] = {
        { "0-3", 4 },          { "4-12,^8,15", 9 },
        { "^8,4-12", 8 },      { " 1 , 2 - 3 ", 3 },
        { "1,1,1-1", 1 },      { "", NMA_UNKNOWN },
        { "a", NMA_UNKNOWN },  { "3-1", NMA_UNKNOWN },
        { "-1", NMA_UNKNOWN }, { "99999999", NMA_UNKNOWN },
        { "0-8191", 8192 },    { "1,", 1 },
        { "^1", NMA_UNKNOWN },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const NmaCores cores = nma_read_cpus(rows[i].set);

        g_assert_cmpint(nma_count_cpus(rows[i].set), ==, rows[i].count);
        g_assert_cmpint(nma_cores_count(&cores), ==, CLAMP(rows[i].count, 0, NMA_MAX_CORES));
    }
}

/* ---- this host ---- */

static void
test_host(void)
{
    Case given;

    begin(&given);
    given.facts.arriving = 3;
    expect(&given, "incoming", NMA_VERDICT_OK, NMA_REASON_NONE, "no limit");
    given.facts.max_incoming = 4;
    expect(&given, "incoming", NMA_VERDICT_OK, NMA_REASON_NONE, "3 other guests");
    given.facts.max_incoming = 3;
    expect(&given, "incoming", NMA_VERDICT_REFUSED, NMA_REASON_INCOMING_LIMIT,
           "3 guests are arriving here already");
    given.facts.arriving = NMA_UNKNOWN;
    expect_unknown(&given, "incoming", "needs the ledger");

    given.facts.maintenance = TRUE;
    expect(&given, "maintenance", NMA_VERDICT_REFUSED, NMA_REASON_HOST_IN_MAINTENANCE, "remove it");

    given.source->post_copy_permitted = TRUE;
    expect(&given, "post_copy", NMA_VERDICT_WARNING, NMA_REASON_POST_COPY_NOT_POSSIBLE,
           "vm.unprivileged_userfaultfd=1");
    given.facts.userfaultfd = 1;
    expect(&given, "post_copy", NMA_VERDICT_OK, NMA_REASON_NONE, "kernel allows it");
    given.facts.userfaultfd = NMA_UNKNOWN; /* a kernel that does not ask */
    expect(&given, "post_copy", NMA_VERDICT_OK, NMA_REASON_NONE, "kernel allows it");

    given.source->clock_offset_ms = -2100;
    given.source->clock_offset_error_ms = 100;
    expect(&given, "clocks", NMA_VERDICT_OK, NMA_REASON_NONE, "2100 ms apart");
    given.source->clock_offset_ms = -2101;
    expect(&given, "clocks", NMA_VERDICT_WARNING, NMA_REASON_CLOCKS_APART, "2101 ms behind");
    given.source->clock_offset_ms = G_MAXINT64;
    expect(&given, "clocks", NMA_VERDICT_WARNING, NMA_REASON_CLOCKS_APART, "ahead");
    end(&given);
}

static void
test_devices(void)
{
    for (guint kind = 0; kind < NMA_N_DEVICES; kind++) {
        Case given;
        g_autoptr(NmaCheckResult) result = NULL;

        begin(&given);
        nma_guest_add_device(given.guest, (NmaDeviceKind)kind, "hostdev0");
        result = judge(&given, "devices");
        g_assert_true(result->verdict == NMA_VERDICT_REFUSED ||
                      result->verdict == NMA_VERDICT_WARNING);
        g_assert_true(g_str_has_prefix(result->text, "hostdev0: "));
        end(&given);
    }

    Case given;

    begin(&given);
    nma_guest_add_device(given.guest, NMA_DEVICE_PCI, "hostdev0");
    nma_guest_add_device(given.guest, NMA_DEVICE_USB, "hostdev1");
    nma_guest_add_device(given.guest, NMA_DEVICE_MDEV, NULL);
    expect(&given, "devices", NMA_VERDICT_REFUSED, NMA_REASON_DEVICE_CANNOT_MOVE,
           "hostdev1 (and 2 more): USB device");
    end(&given);
}

/* ---- network ---- */

static void
test_path(void)
{
    Case given;

    begin(&given);
    expect(&given, "path", NMA_VERDICT_OK, NMA_REASON_NONE, "reaches 192.0.2.7: 2 ports");
    given.source->path.ports[1].state = NMA_PORT_BLOCKED;
    expect(&given, "path", NMA_VERDICT_REFUSED, NMA_REASON_PORT_BLOCKED,
           "QEMU's port 49152 of 192.0.2.7 does not answer the source");
    given.source->path.ports[0].state = NMA_PORT_UNREACHABLE;
    expect(&given, "path", NMA_VERDICT_REFUSED, NMA_REASON_PORT_BLOCKED,
           "libvirt's port 16509 of 192.0.2.7 cannot be reached");
    given.source->path.resolved = FALSE;
    given.source->path.error = g_strdup("Name or service not known");
    expect(&given, "path", NMA_VERDICT_REFUSED, NMA_REASON_NAME_NOT_RESOLVED,
           "cannot resolve 192.0.2.7 (Name or service not known)");
    given.source->path.tried = FALSE;
    expect_unknown(&given, "path", "needs the source's agent");
    expect_unknown(&given, "link", "needs the source's agent");
    end(&given);
}

static void
test_link(void)
{
    Case given;

    begin(&given);
    expect(&given, "link", NMA_VERDICT_OK, NMA_REASON_NONE, "eth1 has 10000 Mb/s");
    given.guest->memory_bytes = 1025 * 1024 * MIB;
    expect(&given, "link", NMA_VERDICT_WARNING, NMA_REASON_LINK_SLOW, "25 Gb/s");
    given.source->path.link_mbit_s = 25000;
    expect(&given, "link", NMA_VERDICT_OK, NMA_REASON_NONE, "25000 Mb/s");
    given.source->path.link_mbit_s = NMA_UNKNOWN;
    expect(&given, "link", NMA_VERDICT_OK, NMA_REASON_NONE, "does not say its speed: eth1");
    end(&given);
}

static NmaCertificate *
put_certificate(NmaTlsFacts *tls, const char *file)
{
    NmaCertificate *certificate = &tls->certificates[tls->n_certificates++];

    *certificate = (NmaCertificate){ .file = g_strdup(file),
                                     .not_before_s = NOW_S - DAY_S,
                                     .not_after_s = NOW_S + 365 * DAY_S };
    return certificate;
}

static void
test_tls(void)
{
    Case given;
    NmaCertificate *server, *client;

    begin(&given);
    expect(&given, "tls", NMA_VERDICT_OK, NMA_REASON_NONE, "asks for no TLS");
    server = put_certificate(&given.facts.tls, "server-cert.pem");
    client = put_certificate(&given.source->tls, "client-cert.pem");
    expect(&given, "tls", NMA_VERDICT_OK, NMA_REASON_NONE, "2 certificates are valid");
    client->not_after_s = NOW_S + 30 * DAY_S - 1;
    expect(&given, "tls", NMA_VERDICT_WARNING, NMA_REASON_CERTIFICATE_EXPIRES,
           "the source: client-cert.pem expires in 29 days");
    client->unreadable = TRUE;
    expect_unknown(&given, "tls", "needs read access to client-cert.pem (the source)");
    client->unreadable = FALSE;
    client->not_after_s = NOW_S - 1;
    expect(&given, "tls", NMA_VERDICT_REFUSED, NMA_REASON_CERTIFICATE_EXPIRED,
           "client-cert.pem has expired");
    client->not_after_s = NOW_S + 365 * DAY_S;
    client->not_before_s = NOW_S + 1;
    expect(&given, "tls", NMA_VERDICT_REFUSED, NMA_REASON_CERTIFICATE_EXPIRED, "not valid yet");
    client->not_before_s = 0;
    server->wrong_name = TRUE;
    server->names = g_strdup("other.example");
    expect(&given, "tls", NMA_VERDICT_REFUSED, NMA_REASON_CERTIFICATE_WRONG_NAME,
           "server-cert.pem is for other.example, and Nova will use 192.0.2.7");
    server->untrusted = TRUE;
    expect(&given, "tls", NMA_VERDICT_REFUSED, NMA_REASON_CERTIFICATE_UNTRUSTED, "not signed");
    server->malformed = TRUE;
    expect(&given, "tls", NMA_VERDICT_REFUSED, NMA_REASON_CERTIFICATE_MISSING, "no certificate");
    server->missing = TRUE;
    expect(&given, "tls", NMA_VERDICT_REFUSED, NMA_REASON_CERTIFICATE_MISSING, "is not there");
    end(&given);

    begin(&given);
    given.source->tls.looked = FALSE;
    expect_unknown(&given, "tls", "needs the source's agent");
    given.facts.tls.looked = FALSE;
    expect_unknown(&given, "tls", "needs a look at this host's certificates");
    end(&given);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/checks/nothing-known", test_nothing_known);
    g_test_add_func("/checks/all-well", test_all_well);
    g_test_add_func("/checks/memory", test_memory);
    g_test_add_func("/checks/memory/of-the-guest", test_memory_of_the_guest);
    g_test_add_func("/checks/memory/overcommitted", test_memory_overcommitted);
    g_test_add_func("/checks/huge-pages", test_huge_pages);
    g_test_add_func("/checks/huge-pages/aside", test_huge_pages_aside);
    g_test_add_func("/checks/numa", test_numa);
    g_test_add_func("/checks/numa/unknown", test_numa_unknown);
    g_test_add_func("/checks/huge-pages/reserved", test_reserved_huge_pages);
    g_test_add_func("/checks/pressure", test_pressure);
    g_test_add_func("/checks/disk", test_disk);
    g_test_add_func("/checks/disk/backing", test_disk_backing);
    g_test_add_func("/checks/cpu", test_cpu);
    g_test_add_func("/checks/machine", test_machine);
    g_test_add_func("/checks/versions", test_versions);
    g_test_add_func("/checks/vcpus", test_vcpus);
    g_test_add_func("/checks/vcpus/pinned", test_vcpus_pinned);
    g_test_add_func("/checks/count-cpus", test_count_cpus);
    g_test_add_func("/checks/host", test_host);
    g_test_add_func("/checks/devices", test_devices);
    g_test_add_func("/checks/path", test_path);
    g_test_add_func("/checks/link", test_link);
    g_test_add_func("/checks/tls", test_tls);
    return g_test_run();
}
