/* Memory: what the guest may take, against what is really free here. */
#include "agent/core/check_internal.h"

/* Hundredths of a percent of a minute in which tasks waited for memory: where a host feels it. */
#define SOME_WAIT 1000
#define ALL_WAIT  200

/* ---- memory ---- */

/* Huge pages are set apart from the memory that MemAvailable counts. */
static gint64
ordinary_memory(const NmaDemand *demand)
{
    const NmaGuest *guest = demand->guest;
    gint64 needed = demand->memory_bytes;

    if (needed < 0 && guest != NULL)
        needed = guest->memory_bytes;
    for (guint i = 0; guest != NULL && needed >= 0 && i < guest->n_cells; i++)
        if (guest->cells[i].page_bytes > 0)
            needed -= CLAMP(guest->cells[i].memory_bytes, 0, needed);
    return needed;
}

/* Whether Nova's own ledger would take the guest: (total - reserved) * ratio, less what the guests
 * here may take and what is promised. */
static gboolean
ratio_allows(gint64 needed, const NmaFacts *facts)
{
    gint64 mib = (facts->memory_total_bytes - MAX(facts->memory_reserved_host_bytes, 0)) / NMA_MIB;
    gint64 taken = nma_sum(facts->guests_memory_bytes, facts->memory_promised_bytes);

    if (facts->memory_ratio_permille <= 1000 || facts->guests_memory_bytes < 0 || mib <= 0 ||
        mib > G_MAXINT64 / facts->memory_ratio_permille)
        return FALSE;
    return nma_sum(taken, needed) / NMA_MIB <= mib * facts->memory_ratio_permille / 1000;
}

void
nma_judge_memory(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    gint64 reserved = MAX(facts->memory_reserved_host_bytes, 0);
    gint64 promised = MAX(facts->memory_promised_bytes, 0);
    gint64 free_bytes = facts->memory_available_bytes;
    gint64 needed = ordinary_memory(demand);

    if (needed < 0) {
        nma_check_unknown(result,
                          "needs the memory of the guest's flavor, which Nova did not name");
        return;
    }
    result->needed = needed;
    if (free_bytes < 0) {
        nma_check_unknown(result, "needs MemAvailable of /proc/meminfo, which could not be read");
        return;
    }
    /* neither may push the difference below zero: "0 MiB free" says enough */
    free_bytes -= MIN(free_bytes, reserved);
    free_bytes -= MIN(free_bytes, promised);
    result->available = free_bytes;
    if (needed <= free_bytes) {
        nma_check_ok(result,
                     "the guest needs %" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
                     " MiB are free here",
                     needed / NMA_MIB, free_bytes / NMA_MIB);
    } else if (ratio_allows(needed, facts)) {
        nma_check_warn(result, NMA_REASON_MEMORY_OVERCOMMITTED,
                       "the guest needs %" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
                       " MiB are free here: it fits only because ram_allocation_ratio is %.3g, and "
                       "the host will have to swap if its guests use what they were given",
                       needed / NMA_MIB, free_bytes / NMA_MIB,
                       (double)facts->memory_ratio_permille / 1000);
    } else {
        nma_check_refuse(
            result, NMA_REASON_MEMORY_INSUFFICIENT,
            "the guest needs %" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
            " MiB are free here (%" G_GINT64_FORMAT " MiB available, less %" G_GINT64_FORMAT
            " MiB kept for the host and %" G_GINT64_FORMAT
            " MiB promised to other arriving guests); free memory here or choose "
            "another host",
            needed / NMA_MIB, free_bytes / NMA_MIB, facts->memory_available_bytes / NMA_MIB,
            reserved / NMA_MIB, promised / NMA_MIB);
    }
}

/* ---- huge pages ---- */

typedef struct {
    const NmaHugePool *pool;
    gint64 left;
} Stock;

static gint64
pages_of(const NmaGuestCell *cell)
{
    return cell->memory_bytes / cell->page_bytes + (cell->memory_bytes % cell->page_bytes != 0);
}

/* The fullest pool of that size that takes the cell: Nova puts a guest's cell on one host node, and
 * each on another while it can. NULL when none has room. */
static Stock *
place(Stock *stock, guint n, const NmaGuestCell *cell, guint64 *used_nodes)
{
    Stock *best = NULL;

    for (guint i = 0; i < n; i++) {
        gint64 node = stock[i].pool->node;
        gboolean used = node >= 0 && node < 64 && (*used_nodes >> node & 1) != 0;

        if (stock[i].pool->size_bytes == cell->page_bytes && !used &&
            stock[i].left >= pages_of(cell) && (best == NULL || stock[i].left > best->left))
            best = &stock[i];
    }
    if (best != NULL) {
        best->left -= pages_of(cell);
        if (best->pool->node >= 0 && best->pool->node < 64)
            *used_nodes |= G_GUINT64_CONSTANT(1) << best->pool->node;
    }
    return best;
}

static int
larger_first(gconstpointer a, gconstpointer b, gpointer user_data)
{
    gint64 left = ((const NmaGuestCell *)a)->memory_bytes;
    gint64 right = ((const NmaGuestCell *)b)->memory_bytes;

    return (left < right) - (left > right);
}

/* "node 0: 12, node 1: 3" of that size */
static char *
describe_pools(const NmaFacts *facts, gint64 size_bytes)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < facts->n_huge_pools; i++) {
        const NmaHugePool *pool = &facts->huge_pools[i];

        if (pool->size_bytes == size_bytes)
            g_string_append_printf(text, "%snode %" G_GINT64_FORMAT ": %" G_GINT64_FORMAT,
                                   text->len > 0 ? ", " : "", pool->node,
                                   MAX(pool->free_pages - MAX(pool->reserved_pages, 0), 0));
    }
    if (text->len == 0)
        g_string_append(text, "none of that size");
    return g_string_free(text, FALSE);
}

void
nma_judge_huge_pages(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    NmaGuestCell cells[NMA_MAX_GUEST_CELLS];
    Stock stock[NMA_MAX_HUGE_POOLS];
    guint n_cells = 0;
    guint64 used_nodes = 0;

    if (demand->guest == NULL || demand->guest->n_cells == 0) {
        nma_check_unknown(result,
                          "needs the source's agent, to learn what backs the guest's memory");
        return;
    }
    for (guint i = 0; i < demand->guest->n_cells; i++)
        if (demand->guest->cells[i].page_bytes > 0 && demand->guest->cells[i].memory_bytes > 0)
            cells[n_cells++] = demand->guest->cells[i];
    if (n_cells == 0) {
        nma_check_ok(result, "the guest uses no huge pages");
        return;
    }
    result->needed = result->available = 0;
    for (guint i = 0; i < n_cells; i++)
        result->needed = nma_sum(result->needed, pages_of(&cells[i]));
    if (!facts->huge_pools_known) {
        result->available = NMA_UNKNOWN;
        nma_check_unknown(result, "needs /sys/devices/system/node, which could not be read");
        return;
    }
    for (guint i = 0; i < facts->n_huge_pools; i++) {
        const NmaHugePool *pool = &facts->huge_pools[i];

        stock[i] = (Stock){ pool, MAX(pool->free_pages - MAX(pool->reserved_pages, 0), 0) };
        if (pool->size_bytes == cells[0].page_bytes)
            result->available = nma_sum(result->available, stock[i].left);
    }
    g_qsort_with_data(cells, (gint)n_cells, sizeof cells[0], larger_first, NULL);
    for (guint i = 0; i < n_cells; i++) {
        if (place(stock, facts->n_huge_pools, &cells[i], &used_nodes) == NULL) {
            g_autofree char *pools = describe_pools(facts, cells[i].page_bytes);

            nma_check_refuse(
                result, NMA_REASON_HUGE_PAGES_INSUFFICIENT,
                "a cell of the guest needs %" G_GINT64_FORMAT " huge pages of %" G_GINT64_FORMAT
                " KiB on one NUMA node of its own; free here: %s; give the host more of them or "
                "choose another one",
                pages_of(&cells[i]), cells[i].page_bytes / 1024, pools);
            return;
        }
    }
    nma_check_ok(result,
                 "the guest needs %" G_GINT64_FORMAT " huge pages, %" G_GINT64_FORMAT
                 " are free here",
                 result->needed, result->available);
}

/* ---- pressure ---- */

void
nma_judge_memory_pressure(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    gint64 swapped = facts->swap_total_bytes - facts->swap_free_bytes;

    if (facts->swap_total_bytes < 0 || facts->swap_free_bytes < 0) {
        nma_check_unknown(result, "needs SwapTotal and SwapFree of /proc/meminfo");
        return;
    }
    if (facts->pressure_some >= SOME_WAIT || facts->pressure_full >= ALL_WAIT) {
        nma_check_warn(result, NMA_REASON_MEMORY_PRESSURE,
                       "memory is short here already: in the last minute tasks waited for it %.1f "
                       "%% of the time, all of them at once %.1f %%; a guest that arrives makes it "
                       "worse",
                       (double)MAX(facts->pressure_some, 0) / 100,
                       (double)MAX(facts->pressure_full, 0) / 100);
    } else if (facts->swap_total_bytes > 0 && swapped > facts->swap_total_bytes / 2) {
        nma_check_warn(result, NMA_REASON_MEMORY_PRESSURE,
                       "more than half of the swap is in use here (%" G_GINT64_FORMAT
                       " of %" G_GINT64_FORMAT " MiB): guests have been swapped out",
                       swapped / NMA_MIB, facts->swap_total_bytes / NMA_MIB);
    } else if (facts->pressure_some < 0) {
        nma_check_ok(result,
                     "%" G_GINT64_FORMAT " MiB of swap in use; this kernel does not say "
                     "how long tasks wait for memory",
                     swapped / NMA_MIB);
    } else {
        nma_check_ok(result,
                     "%" G_GINT64_FORMAT " MiB of swap in use; in the last minute tasks waited for "
                     "memory %.1f %% of the time",
                     swapped / NMA_MIB, (double)facts->pressure_some / 100);
    }
}
