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
    NmaGuest *guest;
} Case;

static void
begin(Case *given)
{
    given->guest = nma_guest_new();
    given->guest->memory_bytes = 4 * GIB;
    given->guest->vcpus = 2;
    given->guest->n_cells = 1;
    given->guest->cells[0] = (NmaGuestCell){ 4 * GIB, 0 };
    given->demand = (NmaDemand){ .memory_bytes = 4 * GIB, .vcpus = 2, .guest = given->guest };
    nma_facts_clear(&given->facts);
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
    nma_guest_free(given->guest);
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
    given.demand.guest = NULL;
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
    given.facts.guests_memory_bytes = 60 * GIB;
    given.facts.memory_ratio_permille = 1500; /* 63 GiB * 1.5 = 94.5 GiB */
    expect(&given, "memory", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_OVERCOMMITTED,
           "only because ram_allocation_ratio is 1.5");
    given.facts.memory_promised_bytes = 30 * GIB; /* 60 + 30 + 4 */
    expect(&given, "memory", NMA_VERDICT_WARNING, NMA_REASON_MEMORY_OVERCOMMITTED, "swap");
    given.facts.memory_promised_bytes = 31 * GIB;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "choose");
    given.facts.memory_promised_bytes = 0;
    given.facts.guests_memory_bytes = NMA_UNKNOWN;
    expect(&given, "memory", NMA_VERDICT_REFUSED, NMA_REASON_MEMORY_INSUFFICIENT, "choose");
    given.facts.guests_memory_bytes = 0;
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
    given->facts.n_huge_pools = 2;
    given->facts.huge_pools[0] = (NmaHugePool){ 0, size_kib * 1024, node_0, 0 };
    given->facts.huge_pools[1] = (NmaHugePool){ 1, size_kib * 1024, node_1, 0 };
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
        given.guest->cells[0] = (NmaGuestCell){ rows[i].cell_0_mib * MIB, 2048 * 1024 };
        given.guest->cells[1] = (NmaGuestCell){ rows[i].cell_1_mib * MIB, 2048 * 1024 };
        put_pools(&given, rows[i].size_kib, rows[i].node_0, rows[i].node_1);
        expect(&given, "huge_pages", rows[i].verdict,
               refused ? NMA_REASON_HUGE_PAGES_INSUFFICIENT : NMA_REASON_NONE,
               refused ? "2048 KiB on one NUMA node" : "are free here");
        end(&given);
    }
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
    given.demand.guest = NULL;
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
    g_test_add_func("/checks/huge-pages/reserved", test_reserved_huge_pages);
    g_test_add_func("/checks/pressure", test_pressure);
    return g_test_run();
}
