#include "agent/watch/output.h"

#include <stdio.h>
#include <string.h>

#include "agent/json/config_audit.h"
#include "agent/json/forecast.h"
#include "agent/json/reports.h"
#include "agent/watch/text.h"
#include "agent/watch/view.h"

/* of 2 kB for each attempt with its texts: some megabytes */
#define MAX_MIGRATIONS     1000
#define PLAIN_EVERY_US     (10 * NMA_US_PER_S)
#define PLAIN_PASS_US      (2 * NMA_US_PER_S) /* a new pass, where passes are short */
#define MAX_PRINTED        4096
#define TELL_MALFORMED     100
#define MAX_STATUS_COLUMNS 200

void
nma_watch_output_init(NmaWatchOutput *output, const NmaWatchOptions *options, gboolean many_cells)
{
    *output = (NmaWatchOutput){ .options = options, .many_cells = many_cells };
    output->model = nma_watch_model_new(MAX_MIGRATIONS);
    output->printed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    output->dirty = TRUE;
    nma_watch_terminal_init(&output->terminal);
}

void
nma_watch_output_clear(NmaWatchOutput *output)
{
    nma_watch_model_free(output->model);
    g_hash_table_unref(output->printed);
    g_free(output->status);
}

gboolean
nma_watch_output_draws(const NmaWatchOutput *output)
{
    const NmaWatchOptions *options = output->options;

    return output->terminal.is_terminal && !options->json && !options->once && !options->replay;
}

static NmaWatchStyle
style_of(const NmaWatchOutput *output)
{
    return (NmaWatchStyle){
        .columns =
            output->terminal.is_terminal ? output->terminal.columns : NMA_WATCH_PLAIN_COLUMNS,
        .colour = output->terminal.colour,
        .show_cell = output->many_cells,
    };
}

static void
print(NmaWatchOutput *output, const char *text)
{
    if (fputs(text, stdout) == EOF || fflush(stdout) != 0)
        output->closed = TRUE;
}

static gboolean
is_wanted(const NmaWatchOutput *output, const NmaWatchPicture *picture)
{
    const NmaWatchOptions *options = output->options;

    return (!options->host || nma_watch_picture_has_host(picture, options->host)) &&
           (!options->target || nma_watch_picture_is(picture, options->target));
}

NmaWatchPicture *
nma_watch_output_target(const NmaWatchOutput *output, gint64 now_us)
{
    g_autoptr(GPtrArray) pictures = nma_watch_model_pictures(output->model, now_us);

    for (guint i = 0; i < pictures->len; i++)
        if (is_wanted(output, pictures->pdata[i]))
            return g_memdup2(pictures->pdata[i], sizeof(NmaWatchPicture));
    return NULL;
}

/* ---- lines, as reports come ---- */

static void
print_json(NmaWatchOutput *output, const char *cell, json_t *payload)
{
    char *line;

    if (*cell)
        json_object_set_new(payload, "cell", json_string(cell));
    /* ASCII: no byte of it can do anything to a terminal */
    line = json_dumps(payload, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    if (!line)
        return;
    print(output, line);
    print(output, "\n");
    free(line);
}

/* what a plain line told last of an instance */
typedef struct {
    gint64 at_us;
    NmaWatchOutcome outcome;
    NmaPhase phase;
    NmaStep step;
    gboolean phase_open, refused;
    NmaForecastVerdict verdict;
    gint64 pass;
} Printed;

/* Whether one more line tells something: a change, or that it still goes on. */
static gboolean
is_worth_a_line(const Printed *last, const Printed *now)
{
    if (!last || last->outcome != now->outcome)
        return TRUE;
    if (now->outcome != NMA_WATCH_RUNNING)
        return FALSE;
    return last->phase != now->phase || last->phase_open != now->phase_open ||
           last->step != now->step || last->refused != now->refused ||
           last->verdict != now->verdict ||
           (last->pass != now->pass && now->at_us - last->at_us >= PLAIN_PASS_US) ||
           now->at_us - last->at_us >= PLAIN_EVERY_US;
}

static void
print_line(NmaWatchOutput *output, const NmaWatchPicture *picture, gint64 now_us)
{
    const char *uuid = picture->identity.instance_uuid;
    Printed printed = {
        .at_us = now_us,
        .outcome = picture->outcome,
        .phase = picture->phase,
        .step = picture->step,
        .phase_open = picture->phase_open,
        .refused = picture->refused,
        .verdict = picture->forecast ? picture->forecast->verdict : NMA_FORECAST_UNKNOWN,
        .pass = picture->stats.memory_iteration,
    };
    NmaWatchStyle style = style_of(output);
    g_autoptr(GDateTime) now = NULL;
    g_autofree char *line = NULL;
    g_autofree char *time = NULL;

    if (!is_worth_a_line(g_hash_table_lookup(output->printed, uuid), &printed))
        return;
    if (g_hash_table_size(output->printed) >= MAX_PRINTED)
        g_hash_table_remove_all(output->printed);
    g_hash_table_replace(output->printed, g_strdup(uuid), g_memdup2(&printed, sizeof(printed)));
    line = nma_watch_line(picture, &style);
    now = g_date_time_new_now_local();
    time = g_date_time_format(now, "%F %T ");
    print(output, time);
    print(output, line);
    print(output, "\n");
}

static void
count_malformed(NmaWatchOutput *output, const char *why)
{
    g_autofree char *text = NULL;

    output->malformed++;
    /* rate limited by number: who sends one sends many */
    if (output->malformed % TELL_MALFORMED != 1)
        return;
    text = g_strdup_printf("a report could not be read (number %" G_GUINT64_FORMAT "): %s",
                           output->malformed, why);
    nma_watch_output_status(output, text);
}

/* What it was of, when it brought something new. */
typedef struct {
    char instance_uuid[NMA_UUID_LEN + 1], attempt_id[NMA_UUID_LEN + 1];
} About;

static void
take_names(About *about, const char *instance_uuid, const char *attempt_id)
{
    g_strlcpy(about->instance_uuid, instance_uuid, sizeof(about->instance_uuid));
    g_strlcpy(about->attempt_id, attempt_id, sizeof(about->attempt_id));
}

static gboolean
take_forecast(NmaWatchOutput *output, const json_t *payload, About *about)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;
    g_autoptr(NmaForecastReport) forecast = nma_forecast_from_json(payload, &host, &error);

    if (!forecast) {
        count_malformed(output, error->message);
        return FALSE;
    }
    take_names(about, forecast->identity.instance_uuid, forecast->attempt_id);
    return nma_watch_model_add_forecast(output->model, host, forecast);
}

static gboolean
take_phase(NmaWatchOutput *output, const char *cell, const json_t *payload, gint64 now_us,
           About *about)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *host = NULL;
    g_autoptr(NmaReport) report = nma_report_from_json(payload, &host, &error);

    if (!report) {
        count_malformed(output, error->message);
        return FALSE;
    }
    take_names(about, report->identity.instance_uuid, report->attempt_id);
    return nma_watch_model_add(output->model, cell, host, report, now_us);
}

/* It belongs to no migration, so it is only told: where there are errors or warnings. */
static void
take_audit(NmaWatchOutput *output, const char *cell, json_t *payload)
{
    const NmaWatchOptions *options = output->options;
    const json_t *counts = json_object_get(payload, "counts");
    json_int_t errors = json_integer_value(json_object_get(counts, "error"));
    json_int_t warnings = json_integer_value(json_object_get(counts, "warning"));
    const char *host = json_string_value(json_object_get(payload, "host"));
    const char *peer = json_string_value(json_object_get(payload, "peer"));
    g_autofree char *text = NULL;

    if (options->target)
        return;
    if (options->json) {
        print_json(output, cell, payload);
        return;
    }
    if (options->once || options->replay || !host || (errors <= 0 && warnings <= 0))
        return;
    text = g_strdup_printf("%s%s%s: nova.conf: %" JSON_INTEGER_FORMAT
                           " errors, %" JSON_INTEGER_FORMAT " warnings",
                           host, peer ? " differs from " : "", peer ? peer : "", errors, warnings);
    nma_watch_output_status(output, text);
}

void
nma_watch_output_report(NmaWatchOutput *output, const char *cell, json_t *payload, gint64 now_us)
{
    const NmaWatchOptions *options = output->options;
    g_autofree NmaWatchPicture *picture = NULL;
    About about;

    if (nma_audit_report_is(payload)) {
        take_audit(output, cell, payload);
        return;
    }
    if (!(nma_forecast_is(payload) ? take_forecast(output, payload, &about)
                                   : take_phase(output, cell, payload, now_us, &about)))
        return;
    output->dirty = TRUE;
    picture =
        nma_watch_model_picture_of(output->model, about.instance_uuid, about.attempt_id, now_us);
    if (!picture || !is_wanted(output, picture))
        return;
    if (options->json)
        print_json(output, cell, payload);
    else if (!nma_watch_output_draws(output) && !options->once && !options->replay)
        print_line(output, picture, now_us);
}

void
nma_watch_output_status(NmaWatchOutput *output, const char *text)
{
    g_free(output->status);
    output->status = nma_watch_text_clean(text, MAX_STATUS_COLUMNS);
    output->dirty = TRUE;
    if (!nma_watch_output_draws(output))
        fprintf(stderr, "nova-migration-watch: %s\n", output->status);
}

/* ---- pictures ---- */

static void
append_list(const NmaWatchOutput *output, GString *out, guint max_lines, gint64 now_us)
{
    g_autoptr(GPtrArray) pictures = nma_watch_model_pictures(output->model, now_us);
    NmaWatchStyle style = style_of(output);
    g_autofree char *heading = nma_watch_line_heading(&style);
    guint shown = 0, left_out = 0;

    g_string_append_printf(out, "%s\n", heading);
    for (guint i = 0; i < pictures->len; i++) {
        g_autofree char *line = NULL;

        if (!is_wanted(output, pictures->pdata[i]))
            continue;
        if (shown >= max_lines) {
            left_out++;
            continue;
        }
        line = nma_watch_line(pictures->pdata[i], &style);
        g_string_append_printf(out, "%s\n", line);
        shown++;
    }
    if (left_out)
        g_string_append_printf(out, "... and %u more\n", left_out);
    if (nma_watch_model_dropped(output->model))
        g_string_append_printf(out, "(%" G_GUINT64_FORMAT " older ones forgotten)\n",
                               nma_watch_model_dropped(output->model));
    if (!shown)
        g_string_append(out, "(no live migration heard of)\n");
}

static void
append_target(const NmaWatchOutput *output, GString *out, gint64 now_us)
{
    g_autofree NmaWatchPicture *picture = nma_watch_output_target(output, now_us);
    NmaWatchStyle style = style_of(output);
    g_autofree char *screen = NULL;

    if (!picture) {
        g_string_append_printf(out, "%s: nothing heard of it yet\n", output->options->target);
        return;
    }
    screen = nma_watch_screen(picture, &style);
    g_string_append(out, screen);
}

void
nma_watch_output_draw(NmaWatchOutput *output, gint64 now_us)
{
    g_autoptr(GString) out = g_string_new(NULL);
    guint rows = output->terminal.rows;

    if (output->options->target)
        append_target(output, out, now_us);
    else /* heading, "and more", status and the line of the cursor need room too */
        append_list(output, out, rows > 6 ? rows - 6 : 1, now_us);
    if (output->status)
        g_string_append_printf(out, "\n%s\n", output->status);
    output->dirty = FALSE;
    if (!nma_watch_terminal_draw(&output->terminal, out->str))
        output->closed = TRUE;
}

void
nma_watch_output_final(NmaWatchOutput *output, gint64 now_us)
{
    const NmaWatchOptions *options = output->options;
    g_autoptr(GString) out = g_string_new(NULL);

    if (nma_watch_output_draws(output)) {
        nma_watch_output_draw(output, now_us);
        return;
    }
    if (options->json)
        return;
    if (options->target)
        append_target(output, out, now_us);
    else if (options->once || options->replay)
        append_list(output, out, G_MAXUINT, now_us);
    print(output, out->str);
}
