#include "agent/core/check.h"

#include "agent/core/job_stats.h"

typedef struct {
    const char *name;
    const char *unit;
    void (*judge)(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
} Check;

#define MIB (1024 * 1024)

static void
cannot_tell(NmaCheckResult *result, const char *needs)
{
    result->verdict = NMA_VERDICT_UNKNOWN;
    result->reason = NMA_REASON_CHECK_UNKNOWN;
    result->text = g_strdup(needs);
}

static void
judge_memory(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    gint64 reserved = MAX(facts->memory_reserved_host_bytes, 0);
    gint64 promised = MAX(facts->memory_promised_bytes, 0);
    gint64 free_bytes = facts->memory_available_bytes;

    if (demand->memory_bytes < 0) {
        cannot_tell(result, "needs the memory of the guest's flavor, which Nova did not name");
        return;
    }
    result->needed = demand->memory_bytes;
    if (free_bytes < 0) {
        cannot_tell(result, "needs MemAvailable of /proc/meminfo, which could not be read");
        return;
    }
    /* neither may push the difference below zero: "0 MiB free" says enough */
    free_bytes -= MIN(free_bytes, reserved);
    free_bytes -= MIN(free_bytes, promised);
    result->available = free_bytes;
    if (demand->memory_bytes <= free_bytes) {
        result->text = g_strdup_printf("the guest needs %" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
                                       " MiB are free here",
                                       demand->memory_bytes / MIB, free_bytes / MIB);
        return;
    }
    result->verdict = NMA_VERDICT_REFUSED;
    result->reason = NMA_REASON_MEMORY_INSUFFICIENT;
    result->text = g_strdup_printf(
        "the guest needs %" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
        " MiB are free here (%" G_GINT64_FORMAT " MiB available, less %" G_GINT64_FORMAT
        " MiB kept for the host and %" G_GINT64_FORMAT
        " MiB promised to other arriving guests); free memory here or choose another host",
        demand->memory_bytes / MIB, free_bytes / MIB, facts->memory_available_bytes / MIB,
        reserved / MIB, promised / MIB);
}

static const Check checks[] = {
    { "memory", "bytes", judge_memory },
};

void
nma_facts_clear(NmaFacts *facts)
{
    *facts = (NmaFacts){
        .memory_available_bytes = NMA_UNKNOWN,
        .memory_total_bytes = NMA_UNKNOWN,
        .memory_reserved_host_bytes = NMA_UNKNOWN,
        .memory_promised_bytes = NMA_UNKNOWN,
    };
}

GPtrArray *
nma_check_all(const NmaDemand *demand, const NmaFacts *facts)
{
    GPtrArray *results = g_ptr_array_new_with_free_func((GDestroyNotify)nma_check_result_free);

    for (guint i = 0; i < G_N_ELEMENTS(checks); i++) {
        NmaCheckResult *result = g_new0(NmaCheckResult, 1);

        result->check = checks[i].name;
        result->unit = checks[i].unit;
        result->verdict = NMA_VERDICT_OK;
        result->reason = NMA_REASON_NONE;
        result->needed = NMA_UNKNOWN;
        result->available = NMA_UNKNOWN;
        checks[i].judge(demand, facts, result);
        g_ptr_array_add(results, result);
    }
    return results;
}

NmaVerdict
nma_check_verdict(const GPtrArray *results, const NmaCheckResult **worst)
{
    static const int weight[] = {
        [NMA_VERDICT_OK] = 0,
        [NMA_VERDICT_WARNING] = 1,
        [NMA_VERDICT_UNKNOWN] = 2,
        [NMA_VERDICT_REFUSED] = 3,
    };
    const NmaCheckResult *found = NULL;

    for (guint i = 0; i < results->len; i++) {
        const NmaCheckResult *result = results->pdata[i];

        if (found == NULL || weight[result->verdict] > weight[found->verdict])
            found = result;
    }
    if (worst != NULL)
        *worst = found;
    return found == NULL ? NMA_VERDICT_OK : found->verdict;
}

NmaCheckResult *
nma_check_result_copy(const NmaCheckResult *result)
{
    NmaCheckResult *copy = g_new(NmaCheckResult, 1);

    *copy = *result;
    copy->text = g_strdup(result->text);
    return copy;
}

void
nma_check_result_free(NmaCheckResult *result)
{
    if (result == NULL)
        return;
    g_free(result->text);
    g_free(result);
}

const char *
nma_verdict_to_string(NmaVerdict verdict)
{
    static const char *const names[] = {
        [NMA_VERDICT_OK] = "ok",
        [NMA_VERDICT_WARNING] = "warning",
        [NMA_VERDICT_REFUSED] = "refused",
        [NMA_VERDICT_UNKNOWN] = "unknown",
    };

    g_return_val_if_fail((guint)verdict < G_N_ELEMENTS(names), "");
    return names[verdict];
}
