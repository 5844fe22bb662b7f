#include "agent/watch/view.h"

#include <string.h>

#include "agent/watch/text.h"

/* what is to be copied now: the disks first, then the memory */
void
nma_watch_remaining(const NmaWatchPicture *picture, gint64 *remaining, gint64 *total)
{
    const NmaJobStats *stats = &picture->stats;
    gboolean disk = picture->step == NMA_STEP_DISK;

    *remaining = disk ? stats->disk_remaining_bytes : stats->memory_remaining_bytes;
    *total = disk ? stats->disk_total_bytes : stats->memory_total_bytes;
}

int
nma_watch_permille(const NmaWatchPicture *picture)
{
    gint64 remaining, total;

    if (picture->outcome == NMA_WATCH_COMPLETED || picture->phase == NMA_PHASE_COMMITMENT)
        return 1000;
    if (picture->phase < NMA_PHASE_PRE_COPY)
        return -1;
    nma_watch_remaining(picture, &remaining, &total);
    if (remaining < 0 || total <= 0)
        return -1;
    return (int)(1000 - CLAMP((double)remaining / (double)total, 0, 1) * 1000);
}

void
nma_watch_append_bar(GString *out, int permille, guint cells)
{
    guint full = permille < 0 ? 0 : (guint)permille * cells / 1000;

    g_string_append_c(out, '[');
    for (guint i = 0; i < cells; i++)
        g_string_append_c(out, permille < 0 ? ' ' : i < full ? '#' : '.');
    g_string_append_c(out, ']');
}

gint64
nma_watch_bandwidth(const NmaWatchPicture *picture)
{
    const NmaJobStats *stats = &picture->stats;

    return picture->step == NMA_STEP_DISK ? stats->disk_bps : stats->memory_bps;
}

gint64
nma_watch_dirty_rate(const NmaWatchPicture *picture)
{
    const NmaJobStats *stats = &picture->stats;
    double rate;

    if (stats->memory_dirty_rate_pages_s < 0 || stats->memory_page_size_bytes <= 0)
        return NMA_UNKNOWN;
    rate = (double)stats->memory_dirty_rate_pages_s * (double)stats->memory_page_size_bytes;
    return rate < (double)(G_MAXINT64 / 2) ? (gint64)rate : NMA_UNKNOWN;
}

char *
nma_watch_guest_text(const NmaWatchPicture *picture)
{
    const char *host = picture->guest_place == NMA_GUEST_ON_SOURCE ? picture->identity.source
                       : picture->guest_place == NMA_GUEST_ON_DESTINATION
                           ? picture->identity.destination
                           : NULL;
    const char *state = picture->guest_state == NMA_GUEST_RUNNING  ? "runs on "
                        : picture->guest_state == NMA_GUEST_PAUSED ? "is paused on "
                                                                   : "is on ";
    g_autofree char *name = NULL;

    if (picture->guest_place == NMA_GUEST_GONE)
        return g_strdup("is gone from the host that had it");
    if (picture->guest_place == NMA_GUEST_UNKNOWN)
        return g_strdup("is in an unknown place");
    name = nma_watch_text_clean(host ? host : "?", 64);
    return g_strconcat(state, name,
                       picture->guest_place == NMA_GUEST_ON_SOURCE ? " (source)" : " (destination)",
                       NULL);
}

char *
nma_watch_result_text(const NmaWatchPicture *picture)
{
    const char *outcome = nma_watch_outcome_to_string(picture->outcome);

    if (picture->outcome == NMA_WATCH_RUNNING)
        return g_strdup("");
    if (picture->outcome == NMA_WATCH_COMPLETED || picture->reason == NMA_REASON_NONE)
        return g_strdup(outcome);
    return g_strdup_printf("%s: %s", outcome, nma_reason_to_string(picture->reason));
}

char *
nma_watch_downtime_text(const NmaWatchPicture *picture)
{
    g_autofree char *duration = NULL;

    if (picture->stats.downtime_ms < 0 || picture->stats.downtime_ms > G_MAXINT64 / NMA_US_PER_MS)
        return g_strdup("");
    duration = nma_watch_format_duration_us(picture->stats.downtime_ms * NMA_US_PER_MS);
    return g_strconcat(duration, picture->stats_final ? "" : " expected", NULL);
}

const char *
nma_watch_colour(const NmaWatchPicture *picture, const NmaWatchStyle *style)
{
    if (!style->colour)
        return "";
    switch (picture->outcome) {
    case NMA_WATCH_RUNNING:
        return "\033[1m";
    case NMA_WATCH_COMPLETED:
        return "\033[32m";
    case NMA_WATCH_FAILED:
    case NMA_WATCH_CANCELLED:
        return "\033[33m";
    default:
        return "\033[31m";
    }
}

const char *
nma_watch_colour_end(const NmaWatchStyle *style)
{
    return style->colour ? "\033[0m" : "";
}
