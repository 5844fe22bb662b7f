#include "agent/watch/attempt.h"

#include <string.h>

/* One row is one attribute of the identity: the word of the highest rank that knows it counts. */
typedef enum { FIELD_UUID, FIELD_NUMBER, FIELD_NAME } FieldKind;

static const struct {
    FieldKind kind;
    gsize offset;
} identity_fields[NMA_WATCH_N_IDENTITY_FIELDS] = {
    { FIELD_UUID, G_STRUCT_OFFSET(NmaIdentity, migration_uuid) },
    { FIELD_NUMBER, G_STRUCT_OFFSET(NmaIdentity, migration_id) },
    { FIELD_NAME, G_STRUCT_OFFSET(NmaIdentity, source) },
    { FIELD_NAME, G_STRUCT_OFFSET(NmaIdentity, destination) },
    { FIELD_NAME, G_STRUCT_OFFSET(NmaIdentity, instance_name) },
    { FIELD_NAME, G_STRUCT_OFFSET(NmaIdentity, flavor) },
    { FIELD_NAME, G_STRUCT_OFFSET(NmaIdentity, request_id) },
    { FIELD_NUMBER, G_STRUCT_OFFSET(NmaIdentity, memory_mib) },
    { FIELD_NUMBER, G_STRUCT_OFFSET(NmaIdentity, vcpus) },
};

/* A cut in the middle of a character is harmless: what is shown is cleaned first. */
static void
replace_text(char **to, const char *from, gsize max_bytes)
{
    g_free(*to);
    *to = g_strndup(from, max_bytes);
}

static int
rank_compare(NmaWatchRank a, NmaWatchRank b)
{
    if (a.sequence != b.sequence)
        return a.sequence < b.sequence ? -1 : 1;
    return a.progress == b.progress ? 0 : a.progress < b.progress ? -1 : 1;
}

/* TRUE, and the rank is taken, when this word is newer than the one we have */
static gboolean
outranks(NmaWatchRank rank, NmaWatchRank *held)
{
    if (rank_compare(rank, *held) <= 0)
        return FALSE;
    *held = rank;
    return TRUE;
}

static void
fold_identity(NmaWatchAttempt *attempt, const NmaIdentity *from, NmaWatchRank rank)
{
    for (guint i = 0; i < NMA_WATCH_N_IDENTITY_FIELDS; i++) {
        const void *theirs = (const char *)from + identity_fields[i].offset;
        void *ours = (char *)&attempt->identity + identity_fields[i].offset;
        NmaWatchRank *held = &attempt->identity_rank[i];

        switch (identity_fields[i].kind) {
        case FIELD_UUID:
            if (*(const char *)theirs && outranks(rank, held))
                g_strlcpy(ours, theirs, NMA_UUID_LEN + 1);
            break;
        case FIELD_NUMBER:
            if (*(const gint64 *)theirs != NMA_UNKNOWN && outranks(rank, held))
                *(gint64 *)ours = *(const gint64 *)theirs;
            break;
        case FIELD_NAME:
            if (*(char *const *)theirs && outranks(rank, held))
                replace_text(ours, *(char *const *)theirs, NMA_WATCH_MAX_NAME_BYTES);
            break;
        }
    }
}

static void
fold_phase(NmaWatchAttempt *attempt, const NmaReport *report)
{
    NmaWatchPhase *phase = &attempt->phases[report->phase];
    gboolean inferred = report->evidence == NMA_EVIDENCE_INFERRED;

    phase->heard = TRUE;
    switch (report->kind) {
    case NMA_REPORT_START:
        if (report->sequence > phase->start_sequence) {
            phase->start_sequence = report->sequence;
            phase->start_wall_us = report->occurred_wall_us;
            phase->inferred |= inferred;
        }
        break;
    case NMA_REPORT_PROGRESS:
        break;
    case NMA_REPORT_END:
    case NMA_REPORT_ERROR:
        if (report->sequence > phase->close_sequence) {
            phase->close_sequence = report->sequence;
            phase->failed = report->kind == NMA_REPORT_ERROR;
            phase->skipped = report->skipped;
            phase->reason = report->reason;
            phase->duration_us = report->phase_duration_us;
            phase->inferred |= inferred;
        }
        break;
    }
    if (report->cause != NMA_CAUSE_NONE)
        phase->cause = MAX(phase->cause, report->cause);
}

static void
fold_last_word(NmaWatchAttempt *attempt, const NmaReport *report, gint64 now_us)
{
    attempt->phase = report->phase;
    attempt->kind = report->kind;
    attempt->step = report->step;
    attempt->inferred = report->evidence == NMA_EVIDENCE_INFERRED;
    attempt->guest_place = report->guest_place;
    attempt->guest_state = report->guest_state;
    attempt->occurred_wall_us = report->occurred_wall_us;
    attempt->heard_us = now_us;
}

/* libvirt's figures of a job that broke off are all zero: the last real ones say how far it came */
static gboolean
stats_say_something(const NmaReport *report)
{
    return report->has_stats &&
           (report->stats.memory_total_bytes > 0 || report->stats.disk_total_bytes > 0);
}

static void
fold_optional_words(NmaWatchAttempt *attempt, const NmaReport *report, NmaWatchRank rank)
{
    if (stats_say_something(report) && outranks(rank, &attempt->stats_rank)) {
        attempt->stats = report->stats;
        /* of a finished job: it alone has a net downtime, and it is over once the guest moved */
        attempt->stats_final =
            report->stats.downtime_net_ms != NMA_UNKNOWN || report->phase == NMA_PHASE_COMMITMENT ||
            (report->kind == NMA_REPORT_END && report->phase >= NMA_PHASE_STOP_AND_COPY);
    }
    if (report->text && outranks(rank, &attempt->text_rank))
        replace_text(&attempt->text, report->text, NMA_WATCH_MAX_TEXT_BYTES);
    if (report->nova_status && outranks(rank, &attempt->nova_status_rank))
        replace_text(&attempt->nova_status, report->nova_status, NMA_WATCH_MAX_NAME_BYTES);
    if (report->peer && outranks(rank, &attempt->peer_rank))
        replace_text(&attempt->peer, report->peer, NMA_WATCH_MAX_NAME_BYTES);
    if (report->clock_offset_ms != NMA_OFFSET_UNKNOWN && outranks(rank, &attempt->clock_rank)) {
        attempt->clock_offset_ms = report->clock_offset_ms;
        attempt->clock_offset_error_ms = report->clock_offset_error_ms;
    }
    if (report->kind == NMA_REPORT_ERROR && report->sequence > attempt->error_sequence) {
        attempt->error_sequence = report->sequence;
        attempt->error_reason = report->reason;
        attempt->error_phase = report->phase;
    }
}

static gint64
earlier_wall(gint64 held, gint64 other)
{
    return held == NMA_UNKNOWN ? other : MIN(held, other);
}

static gboolean
is_seen(const NmaWatchAttempt *attempt, guint64 sequence)
{
    return attempt->seen[sequence / 64] >> (sequence % 64) & 1;
}

NmaWatchAttempt *
nma_watch_attempt_new(const char *cell, const char *host, const NmaReport *first)
{
    NmaWatchAttempt *attempt = g_new0(NmaWatchAttempt, 1);

    attempt->cell = g_strdup(cell);
    attempt->host = g_strndup(host, NMA_WATCH_MAX_NAME_BYTES);
    attempt->role = first->role;
    attempt->first_wall_us = NMA_UNKNOWN;
    attempt->clock_offset_ms = NMA_OFFSET_UNKNOWN;
    attempt->clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
    g_strlcpy(attempt->attempt_id, first->attempt_id, sizeof(attempt->attempt_id));
    nma_identity_init(&attempt->identity);
    g_strlcpy(attempt->identity.instance_uuid, first->identity.instance_uuid,
              sizeof(attempt->identity.instance_uuid));
    nma_job_stats_clear(&attempt->stats);
    nma_forecast_clear(&attempt->forecast);
    attempt->forecast_wall_us = NMA_UNKNOWN;
    for (guint i = 0; i < NMA_N_PHASES; i++)
        attempt->phases[i].start_wall_us = attempt->phases[i].duration_us = NMA_UNKNOWN;
    for (guint i = 0; i < NMA_N_STEPS; i++)
        attempt->step_first_wall_us[i] = NMA_UNKNOWN;
    return attempt;
}

void
nma_watch_attempt_free(NmaWatchAttempt *attempt)
{
    if (!attempt)
        return;
    nma_identity_clear(&attempt->identity);
    g_free(attempt->cell);
    g_free(attempt->host);
    g_free(attempt->text);
    g_free(attempt->nova_status);
    g_free(attempt->peer);
    g_free(attempt);
}

gboolean
nma_watch_attempt_add(NmaWatchAttempt *attempt, const NmaReport *report, gint64 now_us)
{
    gboolean is_progress = report->kind == NMA_REPORT_PROGRESS;
    /* a start, end or error counts above every progress that names the sequence before it, and
     * below those that name its own; plus one keeps the very first progress above "none" */
    NmaWatchRank rank = { report->sequence, is_progress ? report->progress_count + 1 : 0 };
    gboolean counted = report->sequence < NMA_WATCH_COUNTED_SEQUENCES, is_news, step_is_known;

    if (!is_progress && counted && is_seen(attempt, report->sequence))
        return FALSE;
    if (!is_progress && counted)
        attempt->seen[report->sequence / 64] |= G_GUINT64_CONSTANT(1) << (report->sequence % 64);
    attempt->told = MAX(attempt->told, report->sequence);

    is_news = outranks(rank, &attempt->last);
    if (is_news)
        fold_last_word(attempt, report, now_us);
    fold_identity(attempt, &report->identity, rank);
    fold_phase(attempt, report);
    fold_optional_words(attempt, report, rank);
    attempt->first_wall_us = earlier_wall(attempt->first_wall_us, report->occurred_wall_us);
    step_is_known = report->step != NMA_STEP_NONE;
    if (step_is_known)
        attempt->step_first_wall_us[report->step] =
            earlier_wall(attempt->step_first_wall_us[report->step], report->occurred_wall_us);
    return is_news || (!is_progress && counted);
}

gboolean
nma_watch_attempt_add_forecast(NmaWatchAttempt *attempt, const NmaForecastReport *report)
{
    if (report->occurred_wall_us <= attempt->forecast_wall_us)
        return FALSE;
    attempt->forecast = report->forecast;
    attempt->forecast_wall_us = report->occurred_wall_us;
    return TRUE;
}

/* The first sequence heard (0: only progress was), and the last one known of, both countable. */
static void
known_range(const NmaWatchAttempt *attempt, guint64 *first, guint64 *last)
{
    *last = MIN(attempt->told, NMA_WATCH_COUNTED_SEQUENCES - 1);
    *first = 0;
    for (guint64 i = 1; i <= *last; i++) {
        if (is_seen(attempt, i)) {
            *first = i;
            return;
        }
    }
}

guint
nma_watch_attempt_unheard(const NmaWatchAttempt *attempt)
{
    guint64 first, last;

    known_range(attempt, &first, &last);
    return (guint)(first ? first - 1 : last);
}

guint
nma_watch_attempt_missing(const NmaWatchAttempt *attempt)
{
    guint64 first, last;
    guint missing = 0;

    known_range(attempt, &first, &last);
    for (guint64 i = first; first && i <= last; i++)
        missing += !is_seen(attempt, i);
    return missing;
}

char *
nma_watch_attempt_missing_text(const NmaWatchAttempt *attempt)
{
    GString *out = g_string_new(NULL);
    guint64 first, last;

    known_range(attempt, &first, &last);
    for (guint64 i = first; first && i <= last; i++) {
        guint64 from = i;

        if (is_seen(attempt, i))
            continue;
        while (i < last && !is_seen(attempt, i + 1))
            i++;
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, out->len ? ", " : "", from);
        if (i > from)
            g_string_append_printf(out, "-%" G_GUINT64_FORMAT, i);
    }
    return g_string_free(out, FALSE);
}

gboolean
nma_watch_phase_is_open(const NmaWatchPhase *phase)
{
    return phase->heard && phase->close_sequence == 0;
}
