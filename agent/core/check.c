#include "agent/core/check.h"

#include "agent/core/check_internal.h"

typedef struct {
    const char *name;
    const char *unit; /* of the numbers; NULL: it compares none */
    NmaJudge judge;
} Check;

static const Check checks[] = {
    { "memory", "bytes", nma_judge_memory },
    { "huge_pages", "pages", nma_judge_huge_pages },
    { "numa", "nodes", nma_judge_numa },
    { "memory_pressure", NULL, nma_judge_memory_pressure },
    { "disk", "bytes", nma_judge_disk },
    { "cpu", NULL, nma_judge_cpu },
    { "machine", NULL, nma_judge_machine },
    { "versions", "version", nma_judge_versions },
    { "vcpus", "vcpus", nma_judge_vcpus },
    { "incoming", "guests", nma_judge_incoming },
    { "maintenance", NULL, nma_judge_maintenance },
    { "devices", NULL, nma_judge_devices },
    { "path", NULL, nma_judge_path },
    { "tls", NULL, nma_judge_tls },
    { "link", "Mbit/s", nma_judge_link },
    { "post_copy", NULL, nma_judge_post_copy },
    { "clocks", "ms", nma_judge_clocks },
};

/* ---- what judges say ---- */

static void G_GNUC_PRINTF(4, 0) say(NmaCheckResult *result, NmaVerdict verdict, NmaReason reason,
                                    const char *format, va_list words)
{
    result->verdict = verdict;
    result->reason = reason;
    g_free(result->text);
    result->text = g_strdup_vprintf(format, words);
}

void
nma_check_unknown(NmaCheckResult *result, const char *needs)
{
    result->verdict = NMA_VERDICT_UNKNOWN;
    result->reason = NMA_REASON_CHECK_UNKNOWN;
    g_free(result->text);
    result->text = g_strdup(needs);
}

void
nma_check_ok(NmaCheckResult *result, const char *format, ...)
{
    va_list words;

    va_start(words, format);
    say(result, NMA_VERDICT_OK, NMA_REASON_NONE, format, words);
    va_end(words);
}

void
nma_check_warn(NmaCheckResult *result, NmaReason reason, const char *format, ...)
{
    va_list words;

    va_start(words, format);
    say(result, NMA_VERDICT_WARNING, reason, format, words);
    va_end(words);
}

void
nma_check_refuse(NmaCheckResult *result, NmaReason reason, const char *format, ...)
{
    va_list words;

    va_start(words, format);
    say(result, NMA_VERDICT_REFUSED, reason, format, words);
    va_end(words);
}

gboolean
nma_check_has_guest(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    if (facts->source != NULL && facts->source->guest != NULL)
        return TRUE;
    nma_check_unknown(result, facts->source != NULL && facts->source->guest_needs != NULL
                                  ? facts->source->guest_needs
                              : facts->source_needs != NULL
                                  ? facts->source_needs
                                  : "needs the source's agent, to learn what the guest is");
    return FALSE;
}

gint64
nma_sum(gint64 a, gint64 b)
{
    a = MAX(a, 0);
    b = MAX(b, 0);
    return b > G_MAXINT64 - a ? G_MAXINT64 : a + b;
}

/* ---- the table, judged ---- */

GPtrArray *
nma_check_all(const NmaDemand *demand, const NmaFacts *facts)
{
    GPtrArray *results = g_ptr_array_new_with_free_func((GDestroyNotify)nma_check_result_free);
    NmaDemand full = *demand;

    if (facts->source != NULL && facts->source->guest != NULL)
        full.guest = facts->source->guest;
    for (guint i = 0; i < G_N_ELEMENTS(checks); i++) {
        NmaCheckResult *result = g_new0(NmaCheckResult, 1);

        result->check = checks[i].name;
        result->unit = checks[i].unit;
        result->verdict = NMA_VERDICT_OK;
        result->reason = NMA_REASON_NONE;
        result->needed = NMA_UNKNOWN;
        result->available = NMA_UNKNOWN;
        checks[i].judge(&full, facts, result);
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
