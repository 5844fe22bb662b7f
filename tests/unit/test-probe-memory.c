/* /proc as it may look, well or badly. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/job_stats.h"
#include "agent/probe/memory.h"
#include "tests/unit/tap.h"

#define UUID  "0f7c2f7a-5c2b-4d1e-9a55-0a1b2c3d4e5f"
#define OTHER "11111111-2222-4333-8444-555555555555"
#define KIB   G_GINT64_CONSTANT(1024)

static void
put(const char *proc, const char *name, const char *bytes, gssize length)
{
    g_autofree char *path = g_build_filename(proc, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, bytes, length, NULL));
}

/* arguments: separated by |, written with NUL after each as the kernel does */
static void
put_process(const char *proc, const char *pid, const char *arguments, const char *status,
            guint64 started)
{
    g_autofree char *cmdline_name = g_build_filename(pid, "cmdline", NULL);
    g_autofree char *status_name = g_build_filename(pid, "status", NULL);
    g_autofree char *stat_name = g_build_filename(pid, "stat", NULL);
    g_autofree char *cmdline = g_strdup(arguments);
    /* a name as a hostile process might choose it */
    g_autofree char *stat = g_strdup_printf(
        "%s (a) S 1 2 3) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 %" G_GUINT64_FORMAT " 0 0\n", pid,
        started);
    gsize length = strlen(cmdline);

    g_strdelimit(cmdline, "|", '\0');
    put(proc, cmdline_name, cmdline, (gssize)length + 1);
    put(proc, status_name, status, -1);
    put(proc, stat_name, stat, -1);
}

static void
test_meminfo(void)
{
    const char *proc = nma_test_dir();
    g_autoptr(GError) error = NULL;
    NmaFacts facts;

    nma_facts_clear(&facts);
    put(proc, "meminfo",
        "MemTotal:       16314532 kB\nMemFree:          200000 kB\nMemAvailable:    9876543 kB\n"
        "HugePages_Total:       0\n",
        -1);
    g_assert_true(nma_probe_memory(proc, &facts, &error));
    g_assert_no_error(error);
    g_assert_cmpint(facts.memory_total_bytes, ==, 16314532 * KIB);
    g_assert_cmpint(facts.memory_available_bytes, ==, 9876543 * KIB);
    g_assert_cmpint(facts.memory_reserved_host_bytes, ==, NMA_UNKNOWN);
}

static void
test_meminfo_without_available(void)
{
    const char *proc = nma_test_dir();
    NmaFacts facts;

    nma_facts_clear(&facts);
    put(proc, "meminfo", "MemTotal: 1024 kB\n", -1);
    g_assert_true(nma_probe_memory(proc, &facts, NULL));
    g_assert_cmpint(facts.memory_total_bytes, ==, KIB * KIB);
    g_assert_cmpint(facts.memory_available_bytes, ==, NMA_UNKNOWN);
}

static void
test_swap_and_pressure(void)
{
    static const struct {
        const char *text;
        gint64 some, full;
    } rows[] = {
        { "some avg10=0.00 avg60=12.34 avg300=1.00 total=5\n"
          "full avg10=0.00 avg60=0.50 avg300=0.00 total=3\n",
          1234, 50 },
        { "some avg10=0.00 avg60=100.00 avg300=1.00 total=5\n", 10000, NMA_UNKNOWN },
        /* the figure of the other line is not taken */
        { "some avg10=0.00\nfull avg10=0.00 avg60=0.50\n", NMA_UNKNOWN, 50 },
        { "some avg60=nan\n", NMA_UNKNOWN, NMA_UNKNOWN },
        { "some avg60=-1\n", NMA_UNKNOWN, NMA_UNKNOWN },
        { "some avg60=101\n", NMA_UNKNOWN, NMA_UNKNOWN },
        { "some avg60=\nfull avg60=x", NMA_UNKNOWN, NMA_UNKNOWN },
        { "", NMA_UNKNOWN, NMA_UNKNOWN },
    };
    const char *proc = nma_test_dir();
    NmaFacts facts;

    nma_facts_clear(&facts);
    put(proc, "meminfo", "MemTotal: 1024 kB\nSwapTotal: 8 kB\nSwapFree: 5 kB\n", -1);
    g_assert_true(nma_probe_memory(proc, &facts, NULL));
    g_assert_cmpint(facts.swap_total_bytes, ==, 8 * KIB);
    g_assert_cmpint(facts.swap_free_bytes, ==, 5 * KIB);
    nma_probe_memory_pressure(proc, &facts); /* no such file */
    g_assert_cmpint(facts.pressure_some, ==, NMA_UNKNOWN);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        put(proc, "pressure/memory", rows[i].text, -1);
        nma_probe_memory_pressure(proc, &facts);
        g_assert_cmpint(facts.pressure_some, ==, rows[i].some);
        g_assert_cmpint(facts.pressure_full, ==, rows[i].full);
    }
}

static const NmaHugePool *
find_pool(const NmaFacts *facts, gint64 node, gint64 size_kib)
{
    for (guint i = 0; i < facts->n_huge_pools; i++)
        if (facts->huge_pools[i].node == node && facts->huge_pools[i].size_bytes == size_kib * KIB)
            return &facts->huge_pools[i];
    return NULL;
}

static void
test_huge_pages(void)
{
    const char *sys = nma_test_dir();
    NmaFacts facts;
    g_autoptr(GError) error = NULL;

    nma_facts_clear(&facts);
    g_assert_false(nma_probe_huge_pages(sys, &facts, &error));
    g_assert_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_READ);
    g_assert_false(facts.huge_pools_known);

    put(sys, "devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "12\n", -1);
    put(sys, "devices/system/node/node0/hugepages/hugepages-1048576kB/free_hugepages", "0\n", -1);
    put(sys, "devices/system/node/node17/hugepages/hugepages-2048kB/free_hugepages", "5\n", -1);
    /* none of them is one */
    put(sys, "devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "many\n", -1);
    put(sys, "devices/system/node/node2/hugepages/hugepages-kB/free_hugepages", "1\n", -1);
    put(sys, "devices/system/node/nodeX/hugepages/hugepages-2048kB/free_hugepages", "1\n", -1);
    put(sys, "devices/system/node/online", "0-1\n", -1);
    g_assert_true(nma_probe_huge_pages(sys, &facts, NULL));
    g_assert_true(facts.huge_pools_known);
    g_assert_cmpuint(facts.n_huge_pools, ==, 3);
    g_assert_cmpint(find_pool(&facts, 0, 2048)->free_pages, ==, 12);
    g_assert_cmpint(find_pool(&facts, 0, 1048576)->free_pages, ==, 0);
    g_assert_cmpint(find_pool(&facts, 17, 2048)->free_pages, ==, 5);
}

static void
test_meminfo_hostile(void)
{
    static const char *const contents[] = {
        "",
        "\n\n\n",
        "MemTotal",
        "MemTotal:",
        "MemTotal: kB",
        "MemTotal 12 kB",
        "MemTotal: 12",
        "MemTotal: 12 MB",
        "MemTotal: -12 kB",
        "MemTotal: 12x kB",
        "MemTotal: 0x12 kB",
        "MemTotal: 1 2 kB",
        "MemTotal: 99999999999999999999 kB",
        "MemTotal: 9223372036854775807 kB",
        "XMemTotal: 12 kB\n",
        "MemTotalX: 12 kB\n",
        " MemTotal: 12 kB\n",
    };
    const char *proc = nma_test_dir();

    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autoptr(GError) error = NULL;
        NmaFacts facts;

        nma_facts_clear(&facts);
        put(proc, "meminfo", contents[i], -1);
        g_assert_false(nma_probe_memory(proc, &facts, &error));
        g_assert_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_FORMAT);
        g_assert_cmpint(facts.memory_total_bytes, ==, NMA_UNKNOWN);
        g_assert_cmpint(facts.memory_available_bytes, ==, NMA_UNKNOWN);
    }
}

static void
test_meminfo_missing(void)
{
    const char *proc = nma_test_dir();
    g_autofree char *nowhere = g_build_filename(proc, "nowhere", NULL);
    g_autofree char *as_folder = g_build_filename(proc, "meminfo", NULL);
    const char *const procs[] = { proc, nowhere };
    NmaFacts facts;

    for (guint i = 0; i < G_N_ELEMENTS(procs); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(nma_probe_memory(procs[i], &facts, &error));
        g_assert_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_READ);
    }

    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir(as_folder, 0700), ==, 0);
    g_assert_false(nma_probe_memory(proc, &facts, &error));
    g_assert_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_READ);
}

static void
test_resident(void)
{
    const char *proc = nma_test_dir();

    put_process(proc, "17",
                "/usr/bin/qemu-system-x86_64|-name|guest=instance-00000001|-m|128|-uuid|" OTHER,
                "Name:\tqemu\nVmRSS:\t  77 kB\n", 500);
    put_process(proc, "18",
                "/usr/bin/qemu-system-x86_64|-name|guest=instance-00000002|-uuid|" UUID "|-S",
                "Name:\tqemu\nVmPeak:\t 999999 kB\nVmRSS:\t  123456 kB\nRssAnon:\t 1 kB\n", 400);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, UUID), ==, 123456 * KIB);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, OTHER), ==, 77 * KIB);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, "22222222-2222-4333-8444-555555555555"), ==,
                    NMA_UNKNOWN);
}

static void
test_resident_counts_huge_pages(void)
{
    const char *proc = nma_test_dir();

    put_process(proc, "18", "/usr/libexec/qemu-kvm|-uuid|" UUID,
                "VmRSS:\t 1000 kB\nHugetlbPages:\t 2048 kB\n", 1);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, UUID), ==, 3048 * KIB);
}

static void
test_resident_of_the_youngest(void)
{
    const char *proc = nma_test_dir();

    put_process(proc, "300", "/usr/bin/qemu-system-x86_64|-uuid|" UUID, "VmRSS: 1 kB\n", 1000);
    put_process(proc, "200", "/usr/bin/qemu-system-x86_64|-uuid|" UUID, "VmRSS: 2 kB\n", 3000);
    put_process(proc, "400", "/usr/bin/qemu-system-x86_64|-uuid|" UUID, "VmRSS: 3 kB\n", 2000);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, UUID), ==, 2 * KIB);
}

static void
test_resident_not_fooled(void)
{
    static const char *const command_lines[] = {
        "",
        "-uuid",
        "-uuid|" UUID,
        "/usr/bin/vim|-uuid|" UUID,
        "/tmp/qemu-system-x86_64/evil|-uuid|" UUID,
        "/usr/bin/qemu-system-x86_64|" UUID,
        "/usr/bin/qemu-system-x86_64|-uuid",
        "/usr/bin/qemu-system-x86_64|-uuid|",
        "/usr/bin/qemu-system-x86_64|-uuid||" UUID,
        "/usr/bin/qemu-system-x86_64|-uuid=" UUID,
        "/usr/bin/qemu-system-x86_64|-uuid|" UUID "0",
        "/usr/bin/qemu-system-x86_64|-name|-uuid " UUID,
    };
    const char *proc = nma_test_dir();

    for (guint i = 0; i < G_N_ELEMENTS(command_lines); i++) {
        put_process(proc, "18", command_lines[i], "VmRSS: 5 kB\n", 1);
        g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, UUID), ==, NMA_UNKNOWN);
    }
}

static void
test_resident_hostile_tree(void)
{
    const char *proc = nma_test_dir();
    g_autofree char *fifo = NULL;
    GString *endless = g_string_new("/usr/bin/qemu-system-x86_64");

    /* a process without files, a file where a folder is expected, names that are no pids */
    put(proc, "self/cmdline", "qemu-x\0-uuid\0" UUID, 6 + 1 + 5 + 1 + 36);
    put(proc, "19", "a file", -1);
    put(proc, "20/other", "x", -1);
    /* no NUL at the end, no numbers in stat, no VmRSS (a kernel thread, a zombie) */
    put(proc, "21/cmdline", "qemu-x\0-uuid\0" UUID, 6 + 1 + 5 + 1 + 36);
    put(proc, "21/stat", ")", -1);
    put(proc, "21/status", "Name: VmRSS: 7 kB\nVmRSS: many kB\n", -1);
    /* a command line beyond the bound */
    g_string_append_c(endless, '\0');
    while (endless->len < 1024 * 1024)
        g_string_append_len(endless, "-uuid\0x", 8);
    put(proc, "22/cmdline", endless->str, (gssize)endless->len);
    put(proc, "22/status", "VmRSS: 9 kB\n", -1);
    g_string_free(endless, TRUE);
    /* one that would hang who opens it */
    put(proc, "23/other", "x", -1);
    fifo = g_build_filename(proc, "23", "cmdline", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, UUID), ==, NMA_UNKNOWN);

    put_process(proc, "24", "qemu-system-x86_64|-uuid|" UUID, "VmRSS: 8 kB\n", 1);
    g_assert_cmpint(nma_probe_qemu_resident_bytes(proc, UUID), ==, 8 * KIB);
    g_assert_cmpint(nma_probe_qemu_resident_bytes("/nowhere", UUID), ==, NMA_UNKNOWN);
}

/* the real /proc: a process of our own that looks like QEMU */
static void
test_resident_real(void)
{
    char *argv[] = { (char *)"qemu-like", (char *)"-c", (char *)"read x",
                     (char *)"-uuid",     (char *)UUID, NULL };
    g_autofree char *link = g_build_filename(nma_test_dir(), "qemu-like", NULL);
    GPid pid;
    gint in;

    g_assert_cmpint(symlink("/bin/sh", link), ==, 0);
    argv[0] = link;
    g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &pid, &in,
                                           NULL, NULL, NULL));

    gint64 resident = NMA_UNKNOWN;

    /* between fork and exec it is still called as we are, and then it has to load */
    for (int i = 0; i < 500 && resident <= 100 * KIB; i++, g_usleep(10 * 1000))
        resident = nma_probe_qemu_resident_bytes("/proc", UUID);
    close(in);
    g_assert_cmpint(resident, >, 100 * KIB);
    g_assert_cmpint(resident, <, 1024 * 1024 * KIB);
}

static void
test_boot_id(void)
{
    const char *proc = nma_test_dir();
    g_autoptr(GError) error = NULL;
    g_autofree char *boot_id = NULL;

    put(proc, "sys/kernel/random/boot_id", UUID "\n", -1);
    boot_id = nma_probe_boot_id(proc, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(boot_id, ==, UUID);
}

static void
test_boot_id_bad(void)
{
    static const char *const contents[] = { "", "\n", "not a uuid", UUID "0", UUID "\n" UUID };
    const char *proc = nma_test_dir();
    g_autoptr(GError) missing = NULL;

    g_assert_null(nma_probe_boot_id(proc, &missing));
    g_assert_error(missing, NMA_PROBE_ERROR, NMA_PROBE_ERROR_READ);
    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autoptr(GError) error = NULL;

        put(proc, "sys/kernel/random/boot_id", contents[i], -1);
        g_assert_null(nma_probe_boot_id(proc, &error));
        g_assert_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_FORMAT);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/probe/meminfo", test_meminfo);
    g_test_add_func("/probe/meminfo/without-available", test_meminfo_without_available);
    g_test_add_func("/probe/meminfo/swap-and-pressure", test_swap_and_pressure);
    g_test_add_func("/probe/huge-pages", test_huge_pages);
    g_test_add_func("/probe/meminfo/hostile", test_meminfo_hostile);
    g_test_add_func("/probe/meminfo/missing", test_meminfo_missing);
    g_test_add_func("/probe/resident", test_resident);
    g_test_add_func("/probe/resident/huge-pages", test_resident_counts_huge_pages);
    g_test_add_func("/probe/resident/youngest", test_resident_of_the_youngest);
    g_test_add_func("/probe/resident/not-fooled", test_resident_not_fooled);
    g_test_add_func("/probe/resident/hostile-tree", test_resident_hostile_tree);
    g_test_add_func("/probe/resident/real", test_resident_real);
    g_test_add_func("/probe/boot-id", test_boot_id);
    g_test_add_func("/probe/boot-id/bad", test_boot_id_bad);
    return g_test_run();
}
