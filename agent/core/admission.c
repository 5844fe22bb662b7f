#include "agent/core/admission.h"

#include "agent/core/job_stats.h"

void
nma_capacity_clear(NmaCapacity *capacity)
{
    *capacity = (NmaCapacity){ .disk_bytes = NMA_UNKNOWN, .ports = NMA_UNKNOWN };
}

void
nma_admission_clear(NmaAdmission *admission)
{
    g_clear_pointer(&admission->results, g_ptr_array_unref);
}

typedef struct {
    NmaAdmission *admission;
    const char *instance_uuid;
    const NmaFacts *facts; /* less what is promised to others */
    const NmaCapacity *capacity;
    const NmaLedger *ledger;
} Judging;

static NmaCheckResult *
add(const Judging *judging, const char *check, const char *unit, gint64 needed, gint64 available)
{
    NmaCheckResult *result = g_new0(NmaCheckResult, 1);

    result->check = check;
    result->unit = unit;
    result->needed = needed;
    result->available = available;
    result->verdict = NMA_VERDICT_OK;
    result->reason = NMA_REASON_NONE;
    g_ptr_array_add(judging->admission->results, result);
    return result;
}

static void
set(NmaCheckResult *result, NmaVerdict verdict, NmaReason reason, char *text /* taken */)
{
    result->verdict = verdict;
    result->reason = reason;
    result->text = text;
}

static void
cannot_tell(const Judging *judging, NmaCheckResult *result, const char *needs)
{
    judging->admission->measured = FALSE;
    result->available = NMA_UNKNOWN;
    set(result, NMA_VERDICT_UNKNOWN, NMA_REASON_CHECK_UNKNOWN, g_strdup(needs));
}

/* ---- disk and ports ---- */

static void
judge_amount(const Judging *judging, NmaAmount amount, const char *check, gint64 has,
             const char *needs, NmaReason reason)
{
    gint64 needed = judging->admission->resources.amount[amount];
    gint64 promised = nma_ledger_promised(judging->ledger, amount, judging->instance_uuid);
    gint64 left = MAX(has - MIN(promised, has), 0);
    NmaCheckResult *result;

    if (needed <= 0)
        return;
    result = add(judging, check, nma_amount_unit(amount), needed, left);
    if (has < 0)
        cannot_tell(judging, result, needs);
    else if (needed > left)
        set(result, NMA_VERDICT_REFUSED, reason,
            g_strdup_printf("%" G_GINT64_FORMAT " %s of %s are needed, %" G_GINT64_FORMAT
                            " are left here: %" G_GINT64_FORMAT " are free and %" G_GINT64_FORMAT
                            " promised to other arriving guests; wait, or choose another host",
                            needed, nma_amount_unit(amount), nma_amount_name(amount), left, has,
                            promised));
    else
        result->text = g_strdup_printf(
            "%" G_GINT64_FORMAT " are needed, %" G_GINT64_FORMAT " are left here", needed, left);
}

/* ---- huge pages ---- */

/* in a pool, from which what is promised to others is gone already */
static gint64
left_in(const Judging *judging, const NmaHugePool *pool, guint before)
{
    const NmaResources *ours = &judging->admission->resources;
    gint64 left = MAX(pool->free_pages - MAX(pool->reserved_pages, 0), 0);
    gint64 taken = 0;

    /* what the guest's own cells before this one take */
    for (guint i = 0; i < before; i++)
        if (ours->pages[i].node == pool->node && ours->pages[i].size_bytes == pool->size_bytes)
            taken = nma_add_sizes(taken, ours->pages[i].count);
    return left - MIN(taken, left);
}

static void
judge_pages(const Judging *judging, guint i)
{
    const NmaFacts *facts = judging->facts;
    NmaPages *wanted = &judging->admission->resources.pages[i];
    const NmaHugePool *best = NULL;
    gint64 most = 0;
    NmaCheckResult *result =
        add(judging, "reserved_huge_pages", "pages", wanted->count, NMA_UNKNOWN);

    if (!facts->huge_pools_known) {
        cannot_tell(judging, result, "needs the host's free huge pages, which could not be read");
        return;
    }
    for (guint p = 0; p < facts->n_huge_pools; p++) {
        const NmaHugePool *pool = &facts->huge_pools[p];

        if (pool->size_bytes != wanted->size_bytes ||
            (wanted->node != NMA_ANY_NODE && wanted->node != pool->node))
            continue;
        if (best == NULL || left_in(judging, pool, i) > most) {
            best = pool;
            most = left_in(judging, pool, i);
        }
    }
    result->available = most;
    if (best == NULL || most < wanted->count) {
        set(result, NMA_VERDICT_REFUSED, NMA_REASON_HUGE_PAGES_INSUFFICIENT,
            g_strdup_printf("%" G_GINT64_FORMAT " huge pages of %" G_GINT64_FORMAT
                            " KiB are needed on one NUMA node, at most %" G_GINT64_FORMAT
                            " are left on one here after what is promised to other arriving "
                            "guests; give the host more of them, or choose another one",
                            wanted->count, wanted->size_bytes / 1024, most));
        return;
    }
    wanted->node = best->node;
    result->text =
        g_strdup_printf("%" G_GINT64_FORMAT " huge pages of %" G_GINT64_FORMAT
                        " KiB are needed, %" G_GINT64_FORMAT " are left on node %" G_GINT64_FORMAT,
                        wanted->count, wanted->size_bytes / 1024, most, best->node);
}

/* ---- pinned cores ---- */

static void
judge_cores(const Judging *judging)
{
    const NmaCores *wanted = &judging->admission->resources.cores;
    NmaCores promised, taken = { { 0 } };
    g_autofree char *names = NULL;
    NmaCheckResult *result;
    guint left = 0;

    if (!nma_cores_any(wanted))
        return;
    nma_ledger_promised_cores(judging->ledger, judging->instance_uuid, &promised);
    for (guint core = 0; core < NMA_MAX_CORES; core++) {
        if (!nma_cores_has(wanted, core))
            continue;
        if (nma_cores_has(&promised, core) ||
            (judging->capacity->cores_known && !nma_cores_has(&judging->capacity->cores, core)))
            nma_cores_add(&taken, core);
        else
            left++;
    }
    result = add(judging, "reserved_cores", "cores", nma_cores_count(wanted), left);
    names = nma_cores_to_string(&taken);
    if (nma_cores_any(&taken))
        set(result, NMA_VERDICT_REFUSED, NMA_REASON_CORES_TAKEN,
            g_strdup_printf("cores %s are pinned, promised to another arriving guest, or not for "
                            "pinned guests here; choose other cores or another host",
                            names));
    else if (!judging->capacity->cores_known)
        cannot_tell(judging, result,
                    "needs the cores that guests here are pinned to, which could not be learnt; no "
                    "other arriving guest was promised these");
    else
        result->text = g_strdup_printf("all %u cores are left here", left);
}

/* ---- all of it ---- */

/* the flavor's, what huge pages back too */
static gint64
whole_memory(const NmaResources *wanted)
{
    gint64 ordinary = wanted->amount[NMA_AMOUNT_MEMORY];

    return ordinary < 0 ? NMA_UNKNOWN : nma_add_sizes(ordinary, nma_pages_bytes(wanted));
}

/* What the source's agent says of the guest's memory, where nobody has said what backs it. */
static void
learn_pages(NmaResources *wanted, const NmaGuest *guest)
{
    gint64 *memory = &wanted->amount[NMA_AMOUNT_MEMORY];

    if (wanted->pages_known || guest == NULL || guest->n_cells == 0)
        return;
    for (guint i = 0; i < guest->n_cells && wanted->n_pages < NMA_MAX_PAGES; i++) {
        const NmaGuestCell *cell = &guest->cells[i];

        if (cell->page_bytes <= 0 || cell->memory_bytes <= 0)
            continue;
        wanted->pages[wanted->n_pages++] = (NmaPages){
            .node = NMA_ANY_NODE,
            .size_bytes = cell->page_bytes,
            .count = cell->memory_bytes / cell->page_bytes +
                     (cell->memory_bytes % cell->page_bytes != 0),
        };
    }
    wanted->pages_known = TRUE;
    if (*memory >= 0)
        *memory = MAX(*memory - nma_pages_bytes(wanted), 0);
}

/* what guests may be pinned to, and is promised to none but this one */
static NmaCores
free_cores(const Judging *judging)
{
    NmaCores promised, left = judging->capacity->cores;

    nma_ledger_promised_cores(judging->ledger, judging->instance_uuid, &promised);
    nma_cores_remove(&left, &promised);
    return left;
}

/* Which of them Nova will choose it does not say: these stand for as many. */
static void
learn_cores(const Judging *judging, const NmaGuest *guest)
{
    NmaCores *wanted = &judging->admission->resources.cores;
    NmaCores left = free_cores(judging);
    gint64 missing = guest != NULL ? guest->pinned_vcpus : 0;

    if (nma_cores_any(wanted) || !judging->capacity->cores_known)
        return;
    for (guint core = 0; core < NMA_MAX_CORES && missing > 0; core++) {
        if (!nma_cores_has(&left, core))
            continue;
        nma_cores_add(wanted, core);
        missing--;
    }
}

/* What will be copied, as the check has counted it. */
static void
learn_disk(const Judging *judging)
{
    gint64 *wanted = &judging->admission->resources.amount[NMA_AMOUNT_DISK];
    const GPtrArray *results = judging->admission->results;

    for (guint i = 0; i < results->len && *wanted < 0; i++) {
        const NmaCheckResult *result = results->pdata[i];

        if (g_str_equal(result->check, "disk"))
            *wanted = result->needed;
    }
}

void
nma_admission_judge(NmaAdmission *admission, const char *instance_uuid, const NmaResources *wanted,
                    const NmaFacts *facts, const NmaCapacity *capacity, const NmaLedger *ledger)
{
    NmaFacts known = *facts; /* what it owns stays the caller's, but for the pools */
    g_autofree NmaHugePool *pools =
        g_memdup2(facts->huge_pools, facts->n_huge_pools * sizeof *facts->huge_pools);
    const Judging judging = { admission, instance_uuid, &known, capacity, ledger };
    NmaDemand demand = { .vcpus = wanted->amount[NMA_AMOUNT_VCPUS] };

    *admission = (NmaAdmission){ .resources = *wanted };
    learn_pages(&admission->resources, facts->source != NULL ? facts->source->guest : NULL);
    demand.memory_bytes = whole_memory(&admission->resources);
    known.huge_pools = pools;
    known.memory_promised_bytes = nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, instance_uuid);
    known.disk_promised_bytes = nma_ledger_promised(ledger, NMA_AMOUNT_DISK, instance_uuid);
    if (capacity->cores_known) {
        const NmaCores left = free_cores(&judging);

        known.free_dedicated_cpus = nma_cores_count(&left);
    }
    known.arriving = nma_ledger_arriving(ledger, instance_uuid);
    for (guint i = 0; i < known.n_huge_pools; i++)
        pools[i].free_pages -= MIN(
            nma_ledger_promised_pages(ledger, pools[i].node, pools[i].size_bytes, instance_uuid),
            MAX(pools[i].free_pages, 0));
    admission->results = nma_check_all(&demand, &known);
    admission->measured = demand.memory_bytes >= 0 && facts->memory_available_bytes >= 0;
    judge_amount(&judging, NMA_AMOUNT_DISK, "reserved_disk", capacity->disk_bytes,
                 "needs the free disk space here, which could not be read",
                 NMA_REASON_DISK_INSUFFICIENT);
    judge_amount(&judging, NMA_AMOUNT_PORTS, "reserved_ports", capacity->ports,
                 "needs libvirt's range of migration ports, which is not known",
                 NMA_REASON_PORTS_INSUFFICIENT);
    for (guint i = 0; i < admission->resources.n_pages; i++)
        judge_pages(&judging, i);
    judge_cores(&judging);
    /* after what was asked for in numbers is judged: the checks have judged these */
    learn_cores(&judging, facts->source != NULL ? facts->source->guest : NULL);
    learn_disk(&judging);
    admission->verdict = nma_check_verdict(admission->results, &admission->worst);
}
