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

/* the guest as far as its resources say: one cell of ordinary memory, and those of huge pages */
static const NmaGuest *
describe(const NmaResources *wanted, NmaGuest *guest)
{
    *guest = (NmaGuest){ .memory_bytes = whole_memory(wanted),
                         .vcpus = wanted->amount[NMA_AMOUNT_VCPUS],
                         .n_cells = 1 };
    guest->cells[0].memory_bytes = MAX(wanted->amount[NMA_AMOUNT_MEMORY], 0);
    for (guint i = 0; i < wanted->n_pages; i++) {
        const NmaPages *pages = &wanted->pages[i];

        guest->cells[guest->n_cells++] = (NmaGuestCell){
            .memory_bytes = pages->count > G_MAXINT64 / pages->size_bytes
                                ? G_MAXINT64
                                : pages->count * pages->size_bytes,
            .page_bytes = pages->size_bytes,
        };
    }
    return guest;
}

void
nma_admission_judge(NmaAdmission *admission, const char *instance_uuid, const NmaResources *wanted,
                    const NmaFacts *facts, const NmaCapacity *capacity, const NmaLedger *ledger)
{
    NmaFacts known = *facts;
    NmaGuest guest;
    g_autofree NmaHugePool *pools =
        facts->n_huge_pools > 0
            ? g_memdup2(facts->huge_pools, facts->n_huge_pools * sizeof *facts->huge_pools)
            : NULL;
    const NmaDemand demand = {
        .memory_bytes = whole_memory(wanted),
        .vcpus = wanted->amount[NMA_AMOUNT_VCPUS],
        .guest = wanted->pages_known ? describe(wanted, &guest) : NULL,
    };
    const Judging judging = { admission, instance_uuid, &known, capacity, ledger };

    known.memory_promised_bytes = nma_ledger_promised(ledger, NMA_AMOUNT_MEMORY, instance_uuid);
    known.arriving = nma_ledger_arriving(ledger, instance_uuid);
    known.huge_pools = pools;
    for (guint i = 0; i < known.n_huge_pools; i++) {
        NmaHugePool *pool = &known.huge_pools[i];

        pool->free_pages -=
            MIN(nma_ledger_promised_pages(ledger, pool->node, pool->size_bytes, instance_uuid),
                MAX(pool->free_pages, 0));
    }
    *admission = (NmaAdmission){
        .results = nma_check_all(&demand, &known),
        .measured = demand.memory_bytes >= 0 && facts->memory_available_bytes >= 0,
        .resources = *wanted,
    };
    judge_amount(&judging, NMA_AMOUNT_DISK, "reserved_disk", capacity->disk_bytes,
                 "needs the free disk space here, which could not be read",
                 NMA_REASON_DISK_INSUFFICIENT);
    judge_amount(&judging, NMA_AMOUNT_PORTS, "reserved_ports", capacity->ports,
                 "needs libvirt's range of migration ports, which is not known",
                 NMA_REASON_PORTS_INSUFFICIENT);
    for (guint i = 0; i < wanted->n_pages; i++)
        judge_pages(&judging, i);
    judge_cores(&judging);
    admission->verdict = nma_check_verdict(admission->results, &admission->worst);
}
