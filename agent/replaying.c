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

/* A host that is told of the migration. Two of them: one lets it be as it was; the other has the
 * policy, and so thinks of a migration with other knobs than the recorded one had. */
typedef struct {
    NmaReplay *replay;
    NmaHost *host;
    const NmaReplayTold *told;
    gpointer user_data;
    gboolean acts, over; /* over: what was done ends it */
} Run;

static void step(Run *run, const NmaEvent *event, gint64 boot_us);

/* As if it had been done at once. */
static void
carry_out(Run *run, const NmaEffect *remedy, gint64 boot_us)
{
    g_autoptr(NmaEvent) event = nma_event_new(NMA_EVENT_REMEDY);

    g_strlcpy(event->remedy.instance_uuid, remedy->instance_uuid,
              sizeof event->remedy.instance_uuid);
    event->remedy.remedy = remedy->order.remedy;
    event->remedy.applied = TRUE;
    event->remedy.before = NMA_UNKNOWN;
    /* one that was asserted again had not been moved: the recording cannot tell */
    event->remedy.after =
        remedy->order.reason == NMA_REMEDY_REASON_MOVED_BACK ? NMA_UNKNOWN : remedy->order.value;
    step(run, event, boot_us);
    run->over = remedy->order.remedy >= NMA_REMEDY_POST_COPY;
}

static void
take_effect(Run *run, const NmaEffect *effect, gint64 boot_us)
{
    gint64 at_ms = (boot_us - BEGIN_US) / NMA_US_PER_MS;

    if (effect->type == NMA_EFFECT_FORECAST && !run->acts)
        run->told->forecast(at_ms, effect->forecast, run->user_data);
    else if (effect->type == NMA_EFFECT_REMEDY_REPORT && !run->over)
        run->told->remedy(at_ms, effect->remedy_report, run->user_data);
    else if (effect->type == NMA_EFFECT_REMEDY && !run->over)
        carry_out(run, effect, boot_us);
}

static void
step(Run *run, const NmaEvent *event, gint64 boot_us)
{
    NmaNow now = { boot_us, run->replay->head.begun_wall_us + boot_us - BEGIN_US };
    g_autoptr(GPtrArray) effects = nma_effects_new();

    nma_host_step(run->host, event, now, effects);
    for (guint i = 0; i < effects->len; i++)
        take_effect(run, g_ptr_array_index(effects, i), boot_us);
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

static NmaHost *
host_of(const NmaReplay *replay, const NmaPolicy *policy, gint64 max_speed_bytes_s)
{
    NmaHostConfig config = {
        .host = replay->head.host,
        .progress_interval_us = NMA_US_PER_S,
        .conductor_interval_us = 30 * NMA_US_PER_S,
        .limits = replay->head.limits,
        .rules = { .mode = policy != NULL ? NMA_MODE_STEER : NMA_MODE_OBSERVE,
                   .nova = replay->head.nova,
                   .max_speed_bytes_s = max_speed_bytes_s },
        .max_open = 16,
        .new_attempt_id = g_uuid_string_random,
    };

    /* the only one: whatever the flavor said, and also where the cast was not seen */
    if (policy != NULL)
        config.rules.policies[config.rules.n_policies++] = *policy;
    return nma_host_new(&config);
}

static void
step_all(Run *runs, guint n, const NmaEvent *event, gint64 boot_us)
{
    for (guint i = 0; i < n; i++)
        step(&runs[i], event, boot_us);
}

void
nma_replay_run(NmaReplay *replay, const NmaPolicy *policy, gint64 max_speed_bytes_s,
               const NmaReplayTold *told, gpointer user_data)
{
    g_autoptr(NmaHost) as_it_was = host_of(replay, NULL, 0);
    g_autoptr(NmaHost) steered = policy != NULL ? host_of(replay, policy, max_speed_bytes_s) : NULL;
    g_autoptr(NmaEvent) tick = nma_event_new(NMA_EVENT_TICK);
    Run runs[] = { { replay, as_it_was, told, user_data, FALSE, FALSE },
                   { replay, steered, told, user_data, TRUE, FALSE } };
    guint n = policy != NULL ? 2 : 1;
    gint64 last_us = BEGIN_US;
    gboolean handed_over = FALSE;

    for (guint i = 0; i < replay->events->len; i++) {
        const NmaEvent *event = g_ptr_array_index(replay->events, i);

        last_us = event->seen_boot_us;
        step_all(runs, n, event, last_us);
    }
    /* final statistics that never came are no longer waited for */
    step_all(runs, n, tick, last_us + NMA_US_PER_S);
    nma_host_foreach_migration(as_it_was, find_handed_over, &handed_over);
    if (handed_over)
        conclude(&runs[0], last_us + LONG_ENOUGH);
    told->outcome(outcome_of(as_it_was), user_data);
}
