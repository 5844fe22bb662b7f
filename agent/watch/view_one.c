#include "agent/watch/view.h"

#include <string.h>

#include "agent/watch/text.h"

#define LABEL_COLUMNS 12
#define SIDE_COLUMNS  31
#define BAR_CELLS     30
#define NAME_COLUMNS  64

static void G_GNUC_PRINTF(3, 4) add_line(GString *out, const char *label, const char *format, ...)
{
    va_list args;

    nma_watch_text_append_cell(out, label, LABEL_COLUMNS);
    va_start(args, format);
    g_string_append_vprintf(out, format, args);
    va_end(args);
    g_string_append_c(out, '\n');
}

static char *
host_text(const char *host)
{
    return nma_watch_text_clean(host ? host : "?", NAME_COLUMNS);
}

/* ---- who ---- */

static void
add_identity(GString *out, const NmaWatchPicture *picture, const NmaWatchStyle *style)
{
    const NmaIdentity *identity = &picture->identity;
    g_autofree char *name = nma_watch_text_clean(identity->instance_name, NAME_COLUMNS);
    g_autofree char *flavor =
        nma_watch_text_clean(identity->flavor ? identity->flavor : "?", NAME_COLUMNS);
    g_autofree char *from = host_text(identity->source);
    g_autofree char *to = host_text(identity->destination);
    g_autoptr(GString) line = g_string_new(NULL);

    add_line(out, "instance", "%s%s%s", identity->instance_uuid, *name ? "  " : "", name);
    g_string_append(line, flavor);
    if (identity->vcpus != NMA_UNKNOWN)
        g_string_append_printf(line, ", %" G_GINT64_FORMAT " vCPU", identity->vcpus);
    if (identity->memory_mib != NMA_UNKNOWN)
        g_string_append_printf(line, ", %" G_GINT64_FORMAT " MiB", identity->memory_mib);
    add_line(out, "flavor", "%s", line->str);

    g_string_truncate(line, 0);
    if (identity->migration_id != NMA_UNKNOWN)
        g_string_append_printf(line, "%" G_GINT64_FORMAT "  ", identity->migration_id);
    g_string_append(line, *identity->migration_uuid ? identity->migration_uuid
                          : line->len               ? "(uuid not yet known)"
                                                    : "not yet known");
    add_line(out, "migration", "%s", line->str);
    if (identity->request_id) {
        g_autofree char *request = nma_watch_text_clean(identity->request_id, NAME_COLUMNS);

        add_line(out, "request", "%s", request);
    }
    add_line(out, "path", "%s -> %s", from, to);
    if (style->show_cell) {
        g_autofree char *cell = nma_watch_text_clean(picture->cell, NAME_COLUMNS);

        add_line(out, "cell", "%s", cell);
    }
}

/* ---- what it waits for ---- */

/* A row without step holds for every step of the phase. */
static const struct {
    NmaPhase phase;
    NmaStep step;
    const char *text;
} waits[] = {
    { NMA_PHASE_PRE_MIGRATION, NMA_STEP_WAITING,
      "Nova to begin: nova-compute on the source runs max_concurrent_live_migrations at a time" },
    { NMA_PHASE_PRE_MIGRATION, NMA_STEP_PREPARING,
      "the destination to prepare volumes and networks (pre_live_migration)" },
    { NMA_PHASE_PRE_MIGRATION, NMA_STEP_NONE, "the checks of the destination" },
    { NMA_PHASE_RESERVATION, NMA_STEP_SOFT, "Nova to send the guest's host the order to migrate" },
    { NMA_PHASE_RESERVATION, NMA_STEP_HELD,
      "memory to flow: libvirt on the source starts the job" },
    { NMA_PHASE_RESERVATION, NMA_STEP_IN_USE, "the guest to run here: its memory arrives" },
    { NMA_PHASE_PRE_COPY, NMA_STEP_DISK, "the disks to be mirrored; memory follows" },
    { NMA_PHASE_PRE_COPY, NMA_STEP_NONE,
      "a pass that leaves no more than fits into the allowed downtime" },
    { NMA_PHASE_STOP_AND_COPY, NMA_STEP_NONE, "the rest to be copied; the guest stands still" },
    { NMA_PHASE_POST_COPY, NMA_STEP_NONE,
      "the rest to be fetched from the source; the guest already runs on the destination" },
    { NMA_PHASE_COMMITMENT, NMA_STEP_NONE,
      "Nova to finish (post_live_migration_at_destination) and record it" },
};

static const char *
wait_text(NmaPhase phase, NmaStep step)
{
    for (guint i = 0; i < G_N_ELEMENTS(waits); i++)
        if (waits[i].phase == phase && (waits[i].step == step || waits[i].step == NMA_STEP_NONE))
            return waits[i].text;
    return "";
}

/* Before memory flows both sides wait, and the source is the one that knows for what. */
static const char *
waits_for(const NmaWatchPicture *picture)
{
    const NmaWatchAttempt *source = picture->source;

    if (picture->phase == NMA_PHASE_STOP_AND_COPY &&
        picture->teller->phases[picture->phase].cause == NMA_CAUSE_FORCED)
        return "the rest to be copied; the guest was paused on request";
    if (picture->phase <= NMA_PHASE_RESERVATION && source &&
        nma_watch_phase_is_open(&source->phases[NMA_PHASE_PRE_MIGRATION]))
        return wait_text(NMA_PHASE_PRE_MIGRATION,
                         source->phase == NMA_PHASE_PRE_MIGRATION ? source->step : NMA_STEP_NONE);
    if (!picture->phase_open)
        return "the next word of an agent";
    return wait_text(picture->phase, picture->step);
}

/* ---- where it stands ---- */

static void
add_time(GString *line, gint64 time_us)
{
    g_autofree char *text = NULL;

    if (time_us == NMA_UNKNOWN) {
        g_string_append(line, ", since before we listened");
        return;
    }
    text = nma_watch_format_duration_us(time_us);
    g_string_append_printf(line, ", %s", text);
}

static void
add_phase(GString *out, const NmaWatchPicture *picture, const NmaWatchStyle *style)
{
    g_autofree char *result = nma_watch_result_text(picture);
    g_autoptr(GString) line = g_string_new(nma_phase_to_string(picture->phase));

    if (picture->phase_open) {
        add_time(line, picture->phase_us);
        if (picture->step != NMA_STEP_NONE) {
            g_string_append_printf(line, "; step %s", nma_step_to_string(picture->step));
            add_time(line, picture->step_us);
        }
    } else {
        g_string_append(line, picture->phase_failed ? " ended with an error" : " has ended");
    }
    if (picture->teller->inferred)
        g_string_append(line, " (inferred)");
    if (picture->outcome == NMA_WATCH_RUNNING) {
        add_line(out, "phase", "%s%s%s", nma_watch_colour(picture, style), line->str,
                 nma_watch_colour_end(style));
        add_line(out, "waits for", "%s", waits_for(picture));
    } else {
        add_line(out, "phase", "%s", line->str);
        add_line(out, "result", "%s%s%s", nma_watch_colour(picture, style), result,
                 nma_watch_colour_end(style));
    }
}

static void
add_copying(GString *out, const NmaWatchPicture *picture)
{
    const NmaJobStats *stats = &picture->stats;
    int permille = nma_watch_permille(picture);
    g_autofree char *bandwidth = nma_watch_format_rate(nma_watch_bandwidth(picture));
    g_autofree char *dirty = nma_watch_format_rate(nma_watch_dirty_rate(picture));
    g_autofree char *downtime = nma_watch_downtime_text(picture);
    g_autofree char *rest = NULL;
    g_autofree char *all = NULL;
    gint64 remaining, total;

    if (!picture->source || !picture->source->stats_rank.sequence)
        return;
    if (permille >= 0) {
        g_autoptr(GString) line = g_string_new(NULL);

        nma_watch_append_bar(line, permille, BAR_CELLS);
        g_string_append_printf(line, "%4d%%", permille / 10);
        if (stats->memory_iteration > 0)
            g_string_append_printf(line, "  pass %" G_GINT64_FORMAT, stats->memory_iteration);
        add_line(out, "progress", "%s", line->str);
    }
    nma_watch_remaining(picture, &remaining, &total);
    rest = nma_watch_format_bytes(remaining);
    all = nma_watch_format_bytes(total);
    add_line(out, "remaining", "%s of %s", rest, all);
    add_line(out, "bandwidth", "%s, dirty rate %s", bandwidth, dirty);
    if (stats->throttle_percent > 0)
        add_line(out, "throttle", "%" G_GINT64_FORMAT " %%", stats->throttle_percent);
    if (*downtime)
        add_line(out, "downtime", "%s", downtime);
}

static void
add_forecast(GString *out, const NmaWatchPicture *picture)
{
    g_autofree char *diagnosis = NULL;
    g_autofree char *nova = NULL;

    if (!picture->forecast)
        return;
    nova = nma_nova_plan_sentence(&picture->forecast->nova);
    diagnosis = nma_forecast_diagnosis(picture->forecast);
    add_line(out, "forecast", "%s: %s", nma_forecast_verdict_to_string(picture->forecast->verdict),
             diagnosis);
    if (nova)
        add_line(out, "Nova", "%s", nova);
}

static void
add_reason(GString *out, const NmaWatchPicture *picture)
{
    if (picture->reason != NMA_REASON_NONE)
        add_line(out, "reason", "%s: %s%s", nma_reason_to_string(picture->reason),
                 nma_reason_meaning(picture->reason),
                 picture->outcome == NMA_WATCH_RUNNING && picture->refused ? " (Nova may go on)"
                                                                           : "");
    if (picture->text) {
        g_autofree char *text = nma_watch_text_clean(picture->text, 400);

        add_line(out, "", "%s", text);
    }
}

/* ---- both sides ---- */

static char *
phase_of_side(const NmaWatchAttempt *attempt, NmaPhase at)
{
    const NmaWatchPhase *phase = attempt ? &attempt->phases[at] : NULL;
    g_autofree char *duration = NULL;

    if (!phase || !phase->heard)
        return g_strdup("-");
    if (phase->skipped)
        return g_strdup("skipped");
    if (nma_watch_phase_is_open(phase))
        return g_strdup(phase->inferred ? "open, inferred" : "open");
    if (phase->duration_us != NMA_UNKNOWN)
        duration = nma_watch_format_duration_us(phase->duration_us);
    return g_strconcat(phase->failed ? "error" : "done", duration ? " " : "",
                       duration ? duration : "", phase->inferred ? ", inferred" : "", NULL);
}

static void
add_row(GString *out, const char *label, const char *left, const char *right)
{
    nma_watch_text_append_cell(out, label, LABEL_COLUMNS + 4);
    nma_watch_text_append_cell(out, left, SIDE_COLUMNS);
    g_string_append_printf(out, " %s\n", right);
}

static char *
side_heading(const NmaWatchAttempt *attempt, const char *host, const char *role)
{
    g_autofree char *name = host_text(attempt ? attempt->host : host);

    return g_strdup_printf("%s %s", role, name);
}

static char *
last_word(const NmaWatchPicture *picture, const NmaWatchAttempt *attempt)
{
    static const char *const kinds[] = { "start", "progress", "end", "error" };

    if (!attempt)
        return g_strdup(picture->source && g_strcmp0(picture->source->peer, "absent") == 0
                            ? "no agent there"
                            : "nothing heard");
    return g_strdup_printf("%s %s", nma_phase_to_string(attempt->phase), kinds[attempt->kind]);
}

static char *
age_text(const NmaWatchAttempt *attempt, gint64 newest_us, gint64 silent_us)
{
    g_autofree char *age = NULL;

    if (!attempt)
        return g_strdup("");
    if (silent_us == NMA_UNKNOWN) { /* a recording: by that host's own clock */
        g_autoptr(GDateTime) at =
            g_date_time_new_from_unix_utc(attempt->occurred_wall_us / NMA_US_PER_S);

        age = at ? g_date_time_format(at, "%F %TZ") : g_strdup("?");
        return g_strdup_printf("%s, nr %" G_GUINT64_FORMAT, age, attempt->last.sequence);
    }
    age = nma_watch_format_duration_us(silent_us + newest_us - attempt->heard_us);
    return g_strdup_printf("%s ago, nr %" G_GUINT64_FORMAT, age, attempt->last.sequence);
}

static char *
gap_text(const NmaWatchAttempt *attempt)
{
    g_autofree char *missing = NULL;
    guint unheard;

    if (!attempt)
        return g_strdup("");
    missing = nma_watch_attempt_missing_text(attempt);
    if (*missing)
        return g_strdup_printf("GAP: missing %s", missing);
    unheard = nma_watch_attempt_unheard(attempt);
    return unheard ? g_strdup_printf("first %u before we listened", unheard) : g_strdup("none");
}

static void
add_sides(GString *out, const NmaWatchPicture *picture)
{
    const NmaWatchAttempt *a = picture->source, *b = picture->destination;
    gint64 newest_us = MAX(a ? a->heard_us : G_MININT64, b ? b->heard_us : G_MININT64);
    g_autofree char *a_name = side_heading(a, picture->identity.source, "source");
    g_autofree char *b_name = side_heading(b, picture->identity.destination, "destination");
    g_autofree char *a_last = last_word(picture, a), *b_last = last_word(picture, b);
    g_autofree char *a_age = age_text(a, newest_us, picture->silent_us);
    g_autofree char *b_age = age_text(b, newest_us, picture->silent_us);
    g_autofree char *a_gap = gap_text(a), *b_gap = gap_text(b);

    g_string_append_c(out, '\n');
    add_row(out, "", a_name, b_name);
    for (guint at = 0; at < NMA_N_PHASES; at++) {
        g_autofree char *left = phase_of_side(a, (NmaPhase)at);
        g_autofree char *right = phase_of_side(b, (NmaPhase)at);

        if (strcmp(left, "-") != 0 || strcmp(right, "-") != 0)
            add_row(out, nma_phase_to_string((NmaPhase)at), left, right);
    }
    add_row(out, "last word", a_last, b_last);
    add_row(out, "", a_age, b_age);
    add_row(out, "gaps", a_gap, b_gap);
    if (a && a->clock_offset_ms != NMA_OFFSET_UNKNOWN)
        g_string_append_printf(out,
                               "clocks          destination %+" G_GINT64_FORMAT
                               " ms (to %" G_GINT64_FORMAT " ms)\n",
                               a->clock_offset_ms, MAX(a->clock_offset_error_ms, 0));
    if (picture->attempts > 2)
        g_string_append_printf(out,
                               "attempts        %u agents' stories heard; the last are shown\n",
                               picture->attempts);
}

char *
nma_watch_screen(const NmaWatchPicture *picture, const NmaWatchStyle *style)
{
    GString *out = g_string_new(NULL);
    g_autofree char *guest = nma_watch_guest_text(picture);

    add_identity(out, picture, style);
    add_phase(out, picture, style);
    add_reason(out, picture);
    add_copying(out, picture);
    add_forecast(out, picture);
    add_line(out, "guest", "%s", guest);
    add_sides(out, picture);
    return g_string_free(out, FALSE);
}
