#include "agent/replaying.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/json/nova_objects.h"

#define MAX_LINES   1000000
#define BEGIN_US    (1000 * NMA_US_PER_S)
#define LONG_ENOUGH (30 * NMA_US_PER_S) /* until Nova has finished too */

struct NmaReplay {
    NmaTraceHead head;
    GPtrArray *events; /* of NmaEvent; seen_boot_us is set */
    guint skipped;
};

void
nma_replay_free(NmaReplay *replay)
{
    if (replay == NULL)
        return;
    nma_trace_head_clear(&replay->head);
    g_ptr_array_unref(replay->events);
    g_free(replay);
}

NmaTraceHead *
nma_replay_head(NmaReplay *replay)
{
    return &replay->head;
}

guint
nma_replay_skipped(const NmaReplay *replay)
{
    return replay->skipped;
}

/* ---- loading ---- */

static gboolean
take_line(NmaReplay *replay, guint number, const char *line, gint64 *last_us, GError **error)
{
    g_autoptr(NmaEvent) event = NULL;
    g_autoptr(GError) cause = NULL;
    gint64 at_us;

    if (number == 1)
        return nma_trace_head_from_line(line, &replay->head, error);
    event = nma_trace_event_from_line(line, replay->head.instance_uuid, &at_us, &cause);
    if (cause != NULL) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (event == NULL) {
        replay->skipped++;
        return TRUE;
    }
    *last_us = MAX(*last_us, at_us);
    event->seen_boot_us = BEGIN_US + *last_us;
    event->seen_wall_us = replay->head.begun_wall_us + *last_us;
    g_ptr_array_add(replay->events, g_steal_pointer(&event));
    return TRUE;
}

static gboolean
read_lines(NmaReplay *replay, FILE *file, GError **error)
{
    g_autofree char *line = g_malloc(NMA_TRACE_MAX_LINE + 2);
    gint64 last_us = 0;

    for (guint number = 1; fgets(line, NMA_TRACE_MAX_LINE + 2, file) != NULL; number++) {
        gsize length = strlen(line);

        if (length == 0 || line[length - 1] != '\n') {
            /* the end of a trace that was cut off, as by kill -9 */
            if (feof(file) && number > 1)
                break;
            g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                        "line %u is too long, or holds a NUL", number);
            return FALSE;
        }
        line[length - 1] = '\0';
        if (number > MAX_LINES) {
            g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "more than %d lines",
                        MAX_LINES);
            return FALSE;
        }
        if (!take_line(replay, number, line, &last_us, error)) {
            g_prefix_error(error, "line %u: ", number);
            return FALSE;
        }
    }
    if (ferror(file) || replay->head.host == NULL) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "%s",
                    ferror(file) ? g_strerror(errno) : "there is no trace in it");
        return FALSE;
    }
    return TRUE;
}

NmaReplay *
nma_replay_load(const char *path, GError **error)
{
    gboolean is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    g_autoptr(NmaReplay) replay = g_new0(NmaReplay, 1);
    gboolean good;

    replay->events = g_ptr_array_new_with_free_func((GDestroyNotify)nma_event_free);
    if (file == NULL) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED, "%s", g_strerror(errno));
        return NULL;
    }
    good = read_lines(replay, file, error);
    if (!is_stdin)
        fclose(file);
    return good ? g_steal_pointer(&replay) : NULL;
}

/* ---- running ---- */

typedef struct {
    NmaReplay *replay;
    NmaHost *host;
    void (*forecast)(gint64 at_ms, const NmaForecastReport *, gpointer user_data);
    gpointer user_data;
} Run;

static void
step(Run *run, const NmaEvent *event, gint64 boot_us)
{
    NmaNow now = { boot_us, run->replay->head.begun_wall_us + boot_us - BEGIN_US };
    g_autoptr(GPtrArray) effects = nma_effects_new();

    nma_host_step(run->host, event, now, effects);
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = g_ptr_array_index(effects, i);

        if (effect->type == NMA_EFFECT_FORECAST)
            run->forecast((boot_us - BEGIN_US) / NMA_US_PER_MS, effect->forecast, run->user_data);
    }
}

/* The conductor's last word stands in no trace. */
static void
conclude(Run *run, gint64 boot_us)
{
    g_autoptr(NmaEvent) event = nma_event_new(NMA_EVENT_CONDUCTOR);
    NmaNovaMigration *migration = nma_nova_migration_new();

    g_strlcpy(migration->identity.instance_uuid, run->replay->head.instance_uuid,
              sizeof migration->identity.instance_uuid);
    migration->status = g_strdup("completed");
    event->conductor.answered = TRUE;
    event->conductor.migrations =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
    g_ptr_array_add(event->conductor.migrations, migration);
    step(run, event, boot_us);
}

static void
find_handed_over(const NmaMigration *migration, gpointer user_data)
{
    gboolean *found = user_data;

    *found = *found || migration->phase == NMA_PHASE_COMMITMENT;
}

static const NmaOutcome *
outcome_of(NmaHost *host)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) destinations = g_ptr_array_new();
    g_autoptr(GPtrArray) reservations = g_ptr_array_new();
    NmaHostChanges changes = { sources, destinations, reservations };

    nma_host_get_changes(host, &changes);
    for (guint i = sources->len; i > 0; i--) {
        const NmaSource *source = g_ptr_array_index(sources, i - 1);

        if (source->base.ended && source->outcome.attempt_id[0] != '\0')
            return &source->outcome;
    }
    return NULL;
}

void
nma_replay_run(NmaReplay *replay,
               void (*forecast)(gint64 at_ms, const NmaForecastReport *, gpointer user_data),
               void (*outcome)(const NmaOutcome *, gpointer user_data), gpointer user_data)
{
    const NmaHostConfig config = {
        .host = replay->head.host,
        .progress_interval_us = NMA_US_PER_S,
        .conductor_interval_us = 30 * NMA_US_PER_S,
        .limits = replay->head.limits,
        .max_open = 16,
        .new_attempt_id = g_uuid_string_random,
    };
    g_autoptr(NmaHost) host = nma_host_new(&config);
    g_autoptr(NmaEvent) tick = nma_event_new(NMA_EVENT_TICK);
    Run run = { replay, host, forecast, user_data };
    gint64 last_us = BEGIN_US;
    gboolean handed_over = FALSE;

    for (guint i = 0; i < replay->events->len; i++) {
        const NmaEvent *event = g_ptr_array_index(replay->events, i);

        last_us = event->seen_boot_us;
        step(&run, event, last_us);
    }
    /* final statistics that never came are no longer waited for */
    step(&run, tick, last_us + NMA_US_PER_S);
    nma_host_foreach_migration(host, find_handed_over, &handed_over);
    if (handed_over)
        conclude(&run, last_us + LONG_ENOUGH);
    outcome(outcome_of(host), user_data);
}
