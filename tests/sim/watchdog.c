#include "tests/sim/watchdog.h"

struct Watchdog {
    GPtrArray *attempts;
    GHashTable *by_id;
};

#define BIT(phase) (1u << NMA_PHASE_##phase)

static void
attempt_free(gpointer data)
{
    Attempt *attempt = data;

    g_free(attempt->instance_uuid);
    g_free(attempt->last);
    g_string_free(attempt->transcript, TRUE);
    g_free(attempt);
}

Watchdog *
watchdog_new(void)
{
    Watchdog *watchdog = g_new0(Watchdog, 1);

    watchdog->attempts = g_ptr_array_new_with_free_func(attempt_free);
    watchdog->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return watchdog;
}

void
watchdog_free(Watchdog *watchdog)
{
    g_hash_table_unref(watchdog->by_id);
    g_ptr_array_unref(watchdog->attempts);
    g_free(watchdog);
}

const GPtrArray *
watchdog_attempts(const Watchdog *watchdog)
{
    return watchdog->attempts;
}

static Attempt *
find(Watchdog *watchdog, const NmaReport *report)
{
    Attempt *attempt = g_hash_table_lookup(watchdog->by_id, report->attempt_id);

    if (attempt == NULL) {
        attempt = g_new0(Attempt, 1);
        attempt->instance_uuid = g_strdup(report->identity.instance_uuid);
        attempt->role = report->role;
        attempt->transcript = g_string_new(NULL);
        attempt->phase = -1;
        g_hash_table_insert(watchdog->by_id, g_strdup(report->attempt_id), attempt);
        g_ptr_array_add(watchdog->attempts, attempt);
    }
    return attempt;
}

static void
record(Attempt *attempt, const NmaReport *report)
{
    g_string_append_printf(
        attempt->transcript, "  %" G_GUINT64_FORMAT " %s %s.%s%s %s %s\n", report->sequence,
        nma_role_to_string(report->role), nma_phase_to_string(report->phase),
        nma_report_kind_to_string(report->kind),
        report->evidence == NMA_EVIDENCE_INFERRED ? "?" : "", nma_reason_to_string(report->reason),
        report->nova_status != NULL ? report->nova_status : "");
}

#define must(condition)                                                                            \
    G_STMT_START                                                                                   \
    {                                                                                              \
        if (!(condition))                                                                          \
            g_error("seed %" G_GUINT64_FORMAT ": not %s:\n%s", seed, #condition,                   \
                    attempt->transcript->str);                                                     \
    }                                                                                              \
    G_STMT_END

/* What must lie behind an attempt that says commitment. */
static gboolean
is_complete(const Attempt *attempt)
{
    guint stopped = BIT(STOP_AND_COPY) | BIT(POST_COPY);

    if ((attempt->ended & BIT(PRE_MIGRATION)) == 0 || (attempt->ended & stopped) == 0)
        return FALSE;
    return attempt->role == NMA_ROLE_SOURCE ? (attempt->ended & BIT(PRE_COPY)) != 0
                                            : (attempt->ended & BIT(RESERVATION)) != 0;
}

static void
see_open(Attempt *attempt, const NmaReport *report, guint64 seed)
{
    must(!attempt->open);
    must((int)report->phase > attempt->phase);
    must(attempt->phase >= 0 || report->phase == NMA_PHASE_PRE_MIGRATION);
    attempt->phase = (int)report->phase;
    attempt->begun |= 1u << report->phase;
    must(report->phase != NMA_PHASE_COMMITMENT || is_complete(attempt));
}

/* phases that have no start of their own */
static gboolean
may_lack_start(const NmaReport *report)
{
    if (report->skipped)
        return report->role == NMA_ROLE_SOURCE && report->phase == NMA_PHASE_RESERVATION;
    if (report->role != NMA_ROLE_DESTINATION)
        return FALSE;
    if (report->kind == NMA_REPORT_END)
        return report->phase == NMA_PHASE_STOP_AND_COPY;
    return report->phase == NMA_PHASE_RESERVATION || report->phase == NMA_PHASE_PRE_COPY;
}

void
watchdog_see(Watchdog *watchdog, const NmaReport *report, guint64 seed)
{
    Attempt *attempt = find(watchdog, report);

    if (report->kind != NMA_REPORT_PROGRESS)
        record(attempt, report);
    must(!attempt->finished);
    must(report->role == attempt->role);
    must(g_str_equal(report->identity.instance_uuid, attempt->instance_uuid));
    if (report->evidence == NMA_EVIDENCE_INFERRED) {
        attempt->inferred++;
        must(report->phase_duration_us == NMA_UNKNOWN);
        must(report->not_after_wall_us != NMA_UNKNOWN);
        must(report->not_before_wall_us <= report->not_after_wall_us);
    }
    if (report->kind == NMA_REPORT_PROGRESS) {
        must(attempt->open && (int)report->phase == attempt->phase);
        must(report->sequence == attempt->sequence);
        return;
    }
    must(report->sequence == ++attempt->sequence);
    must(report->phase_duration_us >= 0 || report->phase_duration_us == NMA_UNKNOWN);
    if (report->kind == NMA_REPORT_START) {
        see_open(attempt, report, seed);
        attempt->open = TRUE;
    } else {
        if (!attempt->open) {
            must(may_lack_start(report));
            see_open(attempt, report, seed);
        }
        must((int)report->phase == attempt->phase);
        must(report->kind != NMA_REPORT_ERROR || report->reason != NMA_REASON_NONE);
        attempt->open = FALSE;
        attempt->ended |= 1u << report->phase;
        /* a refused reservation is not the end: Nova goes on */
        attempt->finished =
            (report->kind == NMA_REPORT_ERROR &&
             !(report->phase == NMA_PHASE_RESERVATION &&
               report->reason == NMA_REASON_MEMORY_INSUFFICIENT)) ||
            (report->kind == NMA_REPORT_END && report->phase == NMA_PHASE_COMMITMENT);
    }
    g_free(attempt->last);
    attempt->last = g_memdup2(report, sizeof *report);
}
