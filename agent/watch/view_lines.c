#include "agent/watch/view.h"

#include <string.h>

#include "agent/watch/text.h"

/* One row is one column of the list. Where the terminal is narrow, those of the lowest importance
 * are left out, whole, so that what stands there stands there unbroken. */
typedef enum {
    COLUMN_CELL,
    COLUMN_INSTANCE,
    COLUMN_PATH,
    COLUMN_PHASE,
    COLUMN_BAR,
    COLUMN_RATE,
    COLUMN_REMAINING,
    COLUMN_DOWNTIME,
    COLUMN_TIME,
    COLUMN_NOTES,
    N_COLUMNS
} Column;

#define BAR_CELLS 9

static const struct {
    const char *heading;
    guint width;
    guint importance; /* 0: always there */
} columns[N_COLUMNS] = {
    [COLUMN_CELL] = { "CELL", 8, 6 },
    [COLUMN_INSTANCE] = { "INSTANCE", 16, 0 },
    [COLUMN_PATH] = { "FROM -> TO", 22, 4 },
    [COLUMN_PHASE] = { "PHASE", 23, 0 },
    [COLUMN_BAR] = { "PROGRESS", BAR_CELLS + 7, 1 },
    [COLUMN_RATE] = { "RATE", 12, 2 },
    [COLUMN_REMAINING] = { "REMAINING", 9, 3 },
    [COLUMN_DOWNTIME] = { "DOWNTIME", 15, 5 },
    [COLUMN_TIME] = { "TIME", 12, 7 },
    [COLUMN_NOTES] = { "NOTES", 30, 8 },
};

/* the columns that fit, as bits */
static guint
shown_columns(const NmaWatchStyle *style)
{
    guint shown = 0, used = 0;

    for (guint importance = 0; importance < N_COLUMNS; importance++) {
        for (guint i = 0; i < N_COLUMNS; i++) {
            guint width = columns[i].width + 1;

            if (columns[i].importance != importance || (i == COLUMN_CELL && !style->show_cell))
                continue;
            if (importance > 0 && used + width - 1 > style->columns)
                continue;
            shown |= 1u << i;
            used += width;
        }
    }
    return shown;
}

static char *
instance_text(const NmaWatchPicture *picture)
{
    const NmaIdentity *identity = &picture->identity;
    g_autofree char *name = nma_watch_text_clean(identity->instance_name, 48);

    /* two instances may have one name: the beginning of the uuid tells them apart */
    return g_strdup_printf("%.8s%s%s", identity->instance_uuid, *name ? " " : "", name);
}

static char *
path_text(const NmaWatchPicture *picture)
{
    const NmaIdentity *identity = &picture->identity;
    g_autofree char *from = nma_watch_text_clean(identity->source ? identity->source : "?", 24);
    g_autofree char *to =
        nma_watch_text_clean(identity->destination ? identity->destination : "?", 24);

    return g_strconcat(from, " -> ", to, NULL);
}

static char *
phase_text(const NmaWatchPicture *picture)
{
    const char *phase = nma_phase_to_string(picture->phase);

    if (picture->outcome != NMA_WATCH_RUNNING)
        return nma_watch_result_text(picture);
    if (picture->phase == NMA_PHASE_PRE_COPY && picture->step == NMA_STEP_MEMORY &&
        picture->stats.memory_iteration > 0)
        return g_strdup_printf("%s pass %" G_GINT64_FORMAT, phase, picture->stats.memory_iteration);
    if (picture->phase_open && picture->step != NMA_STEP_NONE)
        return g_strdup_printf("%s %s", phase, nma_step_to_string(picture->step));
    return g_strconcat(phase,
                       picture->phase_open     ? ""
                       : picture->phase_failed ? " error"
                                               : " done",
                       NULL);
}

static char *
bar_text(const NmaWatchPicture *picture)
{
    int permille = nma_watch_permille(picture);
    GString *out = g_string_new(NULL);

    if (permille >= 0) {
        nma_watch_append_bar(out, permille, BAR_CELLS);
        g_string_append_printf(out, "%4d%%", permille / 10);
    }
    return g_string_free(out, FALSE);
}

/* while bytes flow; before and after, the figures would be those of another moment */
static gboolean
is_copying(const NmaWatchPicture *picture)
{
    return picture->outcome == NMA_WATCH_RUNNING && picture->phase_open &&
           picture->phase >= NMA_PHASE_PRE_COPY && picture->phase <= NMA_PHASE_POST_COPY;
}

static char *
rate_text(const NmaWatchPicture *picture)
{
    return is_copying(picture) ? nma_watch_format_rate(nma_watch_bandwidth(picture)) : g_strdup("");
}

static char *
remaining_text(const NmaWatchPicture *picture)
{
    gint64 remaining, total;

    if (!is_copying(picture))
        return g_strdup("");
    nma_watch_remaining(picture, &remaining, &total);
    return nma_watch_format_bytes(remaining);
}

static char *
downtime_text(const NmaWatchPicture *picture)
{
    return is_copying(picture) || picture->outcome == NMA_WATCH_COMPLETED
               ? nma_watch_downtime_text(picture)
               : g_strdup("");
}

static char *
time_text(const NmaWatchPicture *picture)
{
    if (picture->outcome != NMA_WATCH_RUNNING || picture->phase_us == NMA_UNKNOWN)
        return g_strdup("");
    return nma_watch_format_duration_us(picture->phase_us);
}

static char *
notes_text(const NmaWatchPicture *picture)
{
    GString *out = g_string_new(NULL);

    if (picture->outcome != NMA_WATCH_RUNNING && picture->outcome != NMA_WATCH_COMPLETED) {
        g_autofree char *guest = nma_watch_guest_text(picture);

        g_string_append_printf(out, "guest %s", guest);
    }
    if (picture->outcome == NMA_WATCH_RUNNING && picture->refused)
        g_string_append_printf(out, "%s!%s", out->len ? "; " : "",
                               nma_reason_to_string(picture->reason));
    if (picture->forecast && picture->forecast->verdict != NMA_FORECAST_UNKNOWN)
        g_string_append_printf(out, "%s%s", out->len ? "; " : "",
                               nma_forecast_verdict_to_string(picture->forecast->verdict));
    else if (picture->forecast && picture->forecast->cause != NMA_HINDRANCE_NONE)
        g_string_append_printf(out, "%s%s", out->len ? "; " : "",
                               nma_hindrance_to_string(picture->forecast->cause));
    if (picture->missing)
        g_string_append_printf(out, "%sgap: %u", out->len ? "; " : "", picture->missing);
    if (is_copying(picture) && picture->silent_us >= 10 * NMA_US_PER_S) {
        g_autofree char *silent = nma_watch_format_duration_us(picture->silent_us);

        g_string_append_printf(out, "%sno word for %s", out->len ? "; " : "", silent);
    }
    return g_string_free(out, FALSE);
}

static char *
cell_text(const NmaWatchPicture *picture)
{
    return nma_watch_text_clean(picture->cell, 64);
}

static char *(*const contents[N_COLUMNS])(const NmaWatchPicture *) = {
    [COLUMN_CELL] = cell_text,
    [COLUMN_INSTANCE] = instance_text,
    [COLUMN_PATH] = path_text,
    [COLUMN_PHASE] = phase_text,
    [COLUMN_BAR] = bar_text,
    [COLUMN_RATE] = rate_text,
    [COLUMN_REMAINING] = remaining_text,
    [COLUMN_DOWNTIME] = downtime_text,
    [COLUMN_TIME] = time_text,
    [COLUMN_NOTES] = notes_text,
};

static char *
compose(const NmaWatchPicture *picture, const NmaWatchStyle *style)
{
    GString *out = g_string_new(NULL);
    guint shown = shown_columns(style), used = 0;

    for (guint i = 0; i < N_COLUMNS; i++) {
        g_autofree char *text = NULL;
        guint width = columns[i].width;

        if (!(shown >> i & 1))
            continue;
        text = picture ? contents[i](picture) : g_strdup(columns[i].heading);
        if (out->len)
            g_string_append_c(out, ' ');
        if (picture && i == COLUMN_PHASE)
            g_string_append(out, nma_watch_colour(picture, style));
        if (i == COLUMN_NOTES && used + width < style->columns) /* the last takes what is left */
            width = style->columns - used;
        nma_watch_text_append_cell(out, text, width);
        used += width + 1;
        if (picture && i == COLUMN_PHASE)
            g_string_append(out, nma_watch_colour_end(style));
    }
    while (out->len && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    return g_string_free(out, FALSE);
}

char *
nma_watch_line(const NmaWatchPicture *picture, const NmaWatchStyle *style)
{
    return compose(picture, style);
}

char *
nma_watch_line_heading(const NmaWatchStyle *style)
{
    return compose(NULL, style);
}
