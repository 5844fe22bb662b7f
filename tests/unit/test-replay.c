/*
 * The recordings of a real Nova (tests/data/real-nova) through decoder and core: what two agents
 * would have reported, against the phases that one reads in timeline.txt.
 *
 * Messages, events and job statistics come at their recorded times; a read is answered with the
 * newest recorded statistics, the conductor with the Migration.save calls of timeline.txt.
 */
#include <jansson.h>
#include <string.h>

#include "agent/json/nova_objects.h"
#include "rpc/envelope.h"
#include "tests/unit/story.h"
#include "tests/unit/tap.h"

#define READ_TAKES_US     (5 * NMA_US_PER_MS)
#define ANSWER_TAKES_US   (8 * NMA_US_PER_MS)
#define BOOT_AT_WALL_US   (G_GINT64_CONSTANT(1795200000) * NMA_US_PER_S)
#define PROGRESS_INTERVAL NMA_US_PER_S

enum { A, B, N_HOSTS };
static const char *const host_names[] = { "rnlab-a", "rnlab-b" };

typedef struct {
    gint64 wall_us;
    guint to;
    NmaEvent *event;
} Letter;

typedef struct {
    gint64 wall_us;
    NmaDomainReading *reading;
} Look;

typedef struct {
    gint64 wall_us;
    char *status;
} Saved;

typedef struct {
    char *folder;
    char instance[NMA_UUID_LEN + 1], migration_uuid[NMA_UUID_LEN + 1];
    gint64 migration_id;
    guint source, destination;
    gint64 now_us;
    gint64 rest_us; /* wall time of timeline.txt's zero */
    NmaHost *hosts[N_HOSTS];
    GPtrArray *letters, *looks[N_HOSTS], *saved;
    GString *told[N_HOSTS];
    NmaReport *ends[N_HOSTS][NMA_N_PHASES]; /* fields only */
    gint64 starts[N_HOSTS][NMA_N_PHASES];
} Replay;

/* ---- the recordings ---- */

static char **
lines_of(const Replay *replay, const char *name)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_DIST, "data", "real-nova", replay->folder, name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error))
        g_error("%s", error->message);
    return g_strsplit(g_strchomp(text), "\n", -1);
}

static gint64
time_of(const json_t *line)
{
    return (gint64)(json_number_value(json_object_get(line, "t")) * NMA_US_PER_S);
}

static gint64
number(const json_t *stats, const char *key)
{
    const json_t *value = json_object_get(stats, key);

    return json_is_integer(value) ? json_integer_value(value) : NMA_UNKNOWN;
}

/* libvirt's operations: 5 is an outgoing migration, 4 an incoming one */
static NmaJobStats
stats_of(const json_t *stats)
{
    NmaJobStats to;
    gint64 operation = number(stats, "operation");

    nma_job_stats_clear(&to);
    if (operation == NMA_UNKNOWN)
        return to;
    to.kind = operation == 5   ? NMA_JOB_MIGRATION_OUT
              : operation == 4 ? NMA_JOB_MIGRATION_IN
                               : NMA_JOB_OTHER;
    to.elapsed_ms = number(stats, "time_elapsed");
    to.data_total_bytes = number(stats, "data_total");
    to.memory_total_bytes = number(stats, "memory_total");
    to.memory_processed_bytes = number(stats, "memory_processed");
    to.memory_remaining_bytes = number(stats, "memory_remaining");
    to.memory_iteration = number(stats, "memory_iteration");
    to.disk_total_bytes = number(stats, "disk_total");
    to.downtime_ms = number(stats, "downtime");
    return to;
}

static void
letter_free(gpointer data)
{
    Letter *letter = data;

    nma_event_free(letter->event);
    g_free(letter);
}

static void
look_free(gpointer data)
{
    Look *look = data;

    nma_domain_reading_free(look->reading);
    g_free(look);
}

static void
saved_free(gpointer data)
{
    Saved *saved = data;

    g_free(saved->status);
    g_free(saved);
}

static void
send(Replay *replay, gint64 wall_us, guint to, NmaEvent *event)
{
    Letter *letter = g_new(Letter, 1);

    *letter = (Letter){ wall_us, to, event };
    g_ptr_array_add(replay->letters, letter);
}

/* What the tap receives, decoded as the agent does it. */
static void
load_tap(Replay *replay)
{
    g_auto(GStrv) lines = lines_of(replay, "tap.jsonl");

    for (guint i = 0; lines[i] != NULL; i++) {
        json_t *line = json_loads(lines[i], 0, NULL);
        const json_t *body = json_object_get(line, "body");
        char *text = json_dumps(json_object_get(body, "oslo.message"), 0);
        g_autoptr(GError) error = NULL;
        g_autoptr(OmMessage) message = om_envelope_decode(text, strlen(text), &error);
        const char *key = json_string_value(json_object_get(line, "key"));
        guint to = g_str_has_suffix(key, host_names[A]) ? A : B;
        NmaEvent *event;

        g_assert_no_error(error);
        event = nma_nova_call_decode(message, om_message_args(message), &error);
        g_assert_no_error(error);
        if (event != NULL) {
            const NmaIdentity *identity = &event->nova_call.identity;

            g_strlcpy(replay->instance, identity->instance_uuid, sizeof replay->instance);
            if (event->nova_call.method == NMA_NOVA_CHECK_DESTINATION)
                replay->destination = to;
            if (event->nova_call.method == NMA_NOVA_LIVE_MIGRATION) {
                replay->source = to;
                replay->migration_id = identity->migration_id;
                g_strlcpy(replay->migration_uuid, identity->migration_uuid,
                          sizeof replay->migration_uuid);
            }
            send(replay, time_of(line), to, event);
        }
        free(text);
        json_decref(line);
    }
    g_assert_cmpuint(replay->letters->len, >=, 5);
}

static const struct {
    const char *event, *detail;
    NmaLifecycle what;
} lifecycles[] = {
    { "started", "migrated", NMA_LIFECYCLE_STARTED_MIGRATED },
    { "suspended", "migrated", NMA_LIFECYCLE_SUSPENDED_MIGRATED },
    { "resumed", "migrated", NMA_LIFECYCLE_RESUMED_MIGRATED },
    { "stopped", "migrated", NMA_LIFECYCLE_STOPPED_MIGRATED },
};

static NmaEvent *
event_of(const Replay *replay, const char *name, const json_t *args)
{
    NmaEvent *event;

    if (strcmp(name, "migration_iteration") == 0) {
        event = nma_event_new(NMA_EVENT_ITERATION);
        g_strlcpy(event->iteration.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
        event->iteration.iteration = json_integer_value(json_array_get(args, 0));
        return event;
    }
    if (strcmp(name, "job_completed") == 0) {
        event = nma_event_new(NMA_EVENT_JOB_COMPLETED);
        g_strlcpy(event->job_completed.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
        event->job_completed.stats = stats_of(json_array_get(args, 0));
        return event;
    }
    for (guint i = 0; strcmp(name, "lifecycle") == 0 && i < G_N_ELEMENTS(lifecycles); i++) {
        if (strcmp(json_string_value(json_array_get(args, 0)), lifecycles[i].event) != 0 ||
            strcmp(json_string_value(json_array_get(args, 1)), lifecycles[i].detail) != 0)
            continue;
        event = nma_event_new(NMA_EVENT_LIFECYCLE);
        g_strlcpy(event->lifecycle.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
        event->lifecycle.what = lifecycles[i].what;
        return event;
    }
    return NULL;
}

static void
load_events(Replay *replay, guint host)
{
    g_auto(GStrv) lines = lines_of(replay, host == A ? "events-A.jsonl" : "events-B.jsonl");

    for (guint i = 0; lines[i] != NULL; i++) {
        json_t *line = json_loads(lines[i], 0, NULL);
        NmaEvent *event = event_of(replay, json_string_value(json_object_get(line, "event")),
                                   json_object_get(line, "args"));

        if (event != NULL)
            send(replay, time_of(line), host, event);
        json_decref(line);
    }
}

static void
load_jobs(Replay *replay, guint host)
{
    g_auto(GStrv) lines = lines_of(replay, host == A ? "jobs-A.jsonl" : "jobs-B.jsonl");

    for (guint i = 0; lines[i] != NULL; i++) {
        json_t *line = json_loads(lines[i], 0, NULL);
        const json_t *stats = json_object_get(line, "stats");
        const json_t *state = json_object_get(line, "state");
        Look *look;

        if (json_object_get(line, "job") == NULL && json_object_get(line, "completed") == NULL &&
            json_object_get(line, "completed_error") == NULL) {
            look = g_new0(Look, 1);
            look->wall_us = time_of(line);
            look->reading = nma_domain_reading_new(replay->instance);
            look->reading->state = NMA_DOMAIN_ABSENT;
            if (state != NULL && stats != NULL) {
                gboolean paused = json_integer_value(json_array_get(state, 0)) == 3;

                look->reading->state = paused ? NMA_DOMAIN_PAUSED_MIGRATION : NMA_DOMAIN_RUNNING;
                look->reading->stats = stats_of(stats);
                look->reading->stats_known = TRUE;
            }
            g_ptr_array_add(replay->looks[host], look);
        }
        json_decref(line);
    }
}

/* "    0.403 rpc      call object_action[Migration.save] changes=status=queued …" */
static void
load_statuses(Replay *replay)
{
    g_auto(GStrv) lines = lines_of(replay, "timeline.txt");

    for (guint i = 0; lines[i] != NULL; i++) {
        const char *at = strstr(lines[i], "[Migration.save] changes=status=");
        double seconds = g_ascii_strtod(lines[i], NULL);

        if (strstr(lines[i], "call check_can_live_migrate_destination") != NULL)
            replay->rest_us =
                ((Letter *)replay->letters->pdata[0])->wall_us - (gint64)(seconds * NMA_US_PER_S);
        if (at != NULL) {
            Saved *saved = g_new0(Saved, 1);

            at = strrchr(at, '=') != NULL ? strstr(at, "status=") + strlen("status=") : at;
            saved->wall_us = replay->rest_us + (gint64)(seconds * NMA_US_PER_S);
            saved->status = g_strndup(at, strcspn(at, " ,"));
            g_ptr_array_add(replay->saved, saved);
        }
    }
    g_assert_cmpuint(replay->saved->len, ==, 4); /* queued, preparing, running, completed */
}

/* ---- the agents ---- */

static char *
attempt_id(void)
{
    static guint n;

    return g_strdup_printf("00000000-0000-4000-8000-%012u", ++n);
}

static NmaNow
now_of(const Replay *replay)
{
    return (NmaNow){ .boot_us = replay->now_us - BOOT_AT_WALL_US, .wall_us = replay->now_us };
}

static void
answer_read(Replay *replay, guint host)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);

    g_strlcpy(event->reading.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
    for (guint i = 0; i < replay->looks[host]->len; i++) {
        const Look *look = replay->looks[host]->pdata[i];

        if (look->wall_us <= replay->now_us + READ_TAKES_US)
            event->reading = *look->reading;
    }
    send(replay, replay->now_us + READ_TAKES_US, host, event);
}

static void
answer_conductor(Replay *replay, guint host)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_CONDUCTOR);
    NmaNovaMigration *record = nma_nova_migration_new();
    const char *status = "accepted";

    for (guint i = 0; i < replay->saved->len; i++) {
        const Saved *saved = replay->saved->pdata[i];

        if (saved->wall_us <= replay->now_us)
            status = saved->status;
    }
    event->conductor.answered = TRUE;
    event->conductor.migrations =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
    g_strlcpy(record->identity.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
    g_strlcpy(record->identity.migration_uuid, replay->migration_uuid, NMA_UUID_LEN + 1);
    record->identity.migration_id = replay->migration_id;
    record->identity.source = g_strdup(host_names[replay->source]);
    record->identity.destination = g_strdup(host_names[replay->destination]);
    record->status = g_strdup(status);
    g_ptr_array_add(event->conductor.migrations, record);
    send(replay, replay->now_us + ANSWER_TAKES_US, host, event);
}

static void
answer_facts(Replay *replay, guint host)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);

    g_strlcpy(event->facts.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
    event->facts.facts.memory_available_bytes = G_GINT64_CONSTANT(2) << 30;
    send(replay, replay->now_us + NMA_US_PER_MS, host, event);
}

static void
answer_peer(Replay *replay, guint host, const char *asked)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_PEER);

    g_assert_cmpstr(asked, ==, host_names[replay->destination]);
    g_strlcpy(event->peer.instance_uuid, replay->instance, NMA_UUID_LEN + 1);
    event->peer.state = NMA_PEER_AGENT;
    send(replay, replay->now_us + ANSWER_TAKES_US, host, event);
}

static void
hear(Replay *replay, guint host, const NmaReport *report)
{
    if (report->kind == NMA_REPORT_START)
        replay->starts[host][report->phase] = report->occurred_wall_us;
    if (report->kind == NMA_REPORT_END) {
        g_free(replay->ends[host][report->phase]);
        replay->ends[host][report->phase] = g_memdup2(report, sizeof *report);
    }
    g_assert_cmpstr(report->identity.instance_uuid, ==, replay->instance);
    g_assert_cmpint(report->identity.migration_id, ==, replay->migration_id);
    g_assert_cmpint(report->identity.memory_mib, ==, 256);
    if (report->kind == NMA_REPORT_PROGRESS && report->step != NMA_STEP_HELD)
        return;
    g_string_append_printf(replay->told[host], "%s.%s%s%s%s%s%s\n",
                           nma_phase_to_string(report->phase),
                           nma_report_kind_to_string(report->kind),
                           report->evidence == NMA_EVIDENCE_INFERRED ? "?" : "",
                           report->step != NMA_STEP_NONE ? " " : "",
                           nma_step_to_string(report->step), report->nova_status != NULL ? " " : "",
                           report->nova_status != NULL ? report->nova_status : "");
}

static void
step(Replay *replay, guint host, NmaEvent *event)
{
    g_autoptr(GPtrArray) effects = nma_effects_new();

    event->seen_boot_us = now_of(replay).boot_us;
    event->seen_wall_us = replay->now_us;
    nma_host_step(replay->hosts[host], event, now_of(replay), effects);
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = effects->pdata[i];

        switch (effect->type) {
        case NMA_EFFECT_REPORT:
            hear(replay, host, effect->report);
            break;
        case NMA_EFFECT_FORECAST: /* both recorded migrations have ended */
            g_assert_cmpint(effect->forecast->forecast.verdict, !=, NMA_FORECAST_HOPELESS);
            break;
        case NMA_EFFECT_REMEDY_REPORT:
        case NMA_EFFECT_REMEDY: /* there are no policies here */
            g_assert_not_reached();
        case NMA_EFFECT_READ_DOMAIN:
            answer_read(replay, host);
            break;
        case NMA_EFFECT_GATHER_FACTS:
            answer_facts(replay, host);
            break;
        case NMA_EFFECT_ASK_CONDUCTOR:
            answer_conductor(replay, host);
            break;
        case NMA_EFFECT_ASK_PEER:
            answer_peer(replay, host, effect->host);
            break;
        case NMA_EFFECT_ASK_RESERVATION: /* an agent that does not answer */
        case NMA_EFFECT_ANSWER:
        case NMA_N_EFFECTS:
            break;
        }
    }
}

static void
count(const NmaMigration *migration, gpointer user_data)
{
    ++*(guint *)user_data;
}

/* FALSE when all letters are read and nothing is open any more */
static gboolean
turn(Replay *replay)
{
    NmaEvent tick = { .type = NMA_EVENT_TICK };
    gint64 next = NMA_NEVER, deadline;
    guint index = G_MAXUINT, open = 0;

    for (guint i = 0; i < replay->letters->len; i++) {
        const Letter *letter = replay->letters->pdata[i];

        if (letter->wall_us < next) {
            next = letter->wall_us;
            index = i;
        }
    }
    for (guint host = 0; host < N_HOSTS; host++) {
        nma_host_foreach_migration(replay->hosts[host], count, &open);
        deadline = nma_host_next_deadline(replay->hosts[host]);
        if (deadline != NMA_NEVER && deadline + BOOT_AT_WALL_US < next) {
            next = deadline + BOOT_AT_WALL_US;
            index = G_MAXUINT;
        }
    }
    if (replay->letters->len == 0 && open == 0)
        return FALSE;
    g_assert_cmpint(next, !=, NMA_NEVER);
    replay->now_us = MAX(replay->now_us, next);
    if (index != G_MAXUINT) {
        Letter *letter = g_ptr_array_steal_index(replay->letters, index);

        step(replay, letter->to, letter->event);
        letter_free(letter);
    }
    for (guint host = 0; host < N_HOSTS; host++)
        step(replay, host, &tick);
    return TRUE;
}

static void
replay_begin(Replay *replay, const char *folder)
{
    *replay = (Replay){ .folder = g_strdup(folder) };
    replay->letters = g_ptr_array_new_with_free_func(letter_free);
    replay->saved = g_ptr_array_new_with_free_func(saved_free);
    load_tap(replay);
    load_statuses(replay);
    for (guint host = 0; host < N_HOSTS; host++) {
        const NmaHostConfig config = { .host = host_names[host],
                                       .limits = { 500, 50, 30 },
                                       .progress_interval_us = PROGRESS_INTERVAL,
                                       .conductor_interval_us = 30 * NMA_US_PER_S,
                                       .max_open = 10,
                                       .new_attempt_id = attempt_id };

        replay->hosts[host] = nma_host_new(&config);
        replay->looks[host] = g_ptr_array_new_with_free_func(look_free);
        replay->told[host] = g_string_new(NULL);
        load_events(replay, host);
        load_jobs(replay, host);
    }
    replay->now_us = replay->rest_us;
    while (turn(replay))
        ;
}

static void
replay_end(Replay *replay)
{
    for (guint host = 0; host < N_HOSTS; host++) {
        nma_host_free(replay->hosts[host]);
        g_ptr_array_unref(replay->looks[host]);
        g_string_free(replay->told[host], TRUE);
        for (guint phase = 0; phase < NMA_N_PHASES; phase++)
            g_free(replay->ends[host][phase]);
    }
    g_ptr_array_unref(replay->letters);
    g_ptr_array_unref(replay->saved);
    g_free(replay->folder);
}

/* ---- what timeline.txt says ---- */

static const char *const source_phases = "pre_migration.start waiting\n"
                                         "pre_migration.end waiting\n"
                                         "pre_copy.start memory\n"
                                         "pre_copy.end memory\n"
                                         "stop_and_copy.start\n"
                                         "stop_and_copy.end\n"
                                         "commitment.start\n"
                                         "commitment.end completed\n";

static const char *const destination_phases = "pre_migration.start\n"
                                              "pre_migration.end\n"
                                              "reservation.start soft\n"
                                              "reservation.progress held\n"
                                              "reservation.end in_use\n"
                                              "stop_and_copy.end\n"
                                              "commitment.start\n"
                                              "commitment.end completed\n";

/* at: seconds of timeline.txt */
static void
assert_started(const Replay *replay, guint host, NmaPhase phase, double at, double within)
{
    double told = (double)(replay->starts[host][phase] - replay->rest_us) / NMA_US_PER_S;

    g_assert_cmpfloat_with_epsilon(told, at, within);
}

static void
assert_ended(const Replay *replay, guint host, NmaPhase phase, double at, double within)
{
    double told =
        (double)(replay->ends[host][phase]->occurred_wall_us - replay->rest_us) / NMA_US_PER_S;

    g_assert_cmpfloat_with_epsilon(told, at, within);
}

static void
test_block_fast(void)
{
    Replay replay;

    replay_begin(&replay, "block-fast");
    g_assert_cmpuint(replay.source, ==, B);
    g_assert_cmpuint(replay.destination, ==, A);
    g_assert_cmpint(replay.migration_id, ==, 2);
    g_assert_cmpstr(replay.told[B]->str, ==, source_phases);
    g_assert_cmpstr(replay.told[A]->str, ==, destination_phases);

    assert_started(&replay, A, NMA_PHASE_PRE_MIGRATION, 0.347, 0.005);
    assert_started(&replay, B, NMA_PHASE_PRE_MIGRATION, 0.473, 0.005);
    assert_ended(&replay, A, NMA_PHASE_RESERVATION, 1.994, 0.005);
    /* iteration 1 at 2.109; the first recorded figures that flow are of 2.213 */
    assert_started(&replay, B, NMA_PHASE_PRE_COPY, 2.213, 0.25);
    assert_started(&replay, B, NMA_PHASE_STOP_AND_COPY, 2.418, 0.005);
    assert_ended(&replay, A, NMA_PHASE_STOP_AND_COPY, 2.502, 0.005);
    assert_started(&replay, B, NMA_PHASE_COMMITMENT, 2.724, 0.005);
    assert_started(&replay, A, NMA_PHASE_COMMITMENT, 2.502, 0.005);
    g_assert_cmpint(replay.ends[B][NMA_PHASE_STOP_AND_COPY]->stats.downtime_ms, ==, 88);
    g_assert_cmpint(replay.ends[B][NMA_PHASE_STOP_AND_COPY]->cause, ==, NMA_CAUSE_SWITCHOVER);
    g_assert_cmpint(replay.ends[A][NMA_PHASE_COMMITMENT]->guest_state, ==, NMA_GUEST_RUNNING);
    replay_end(&replay);
}

static void
test_block_slow(void)
{
    Replay replay;

    replay_begin(&replay, "block-slow");
    g_assert_cmpuint(replay.source, ==, A);
    g_assert_cmpuint(replay.destination, ==, B);
    g_assert_cmpint(replay.migration_id, ==, 11);
    g_assert_cmpstr(replay.told[A]->str, ==, source_phases);
    g_assert_cmpstr(replay.told[B]->str, ==, destination_phases);

    assert_started(&replay, B, NMA_PHASE_PRE_MIGRATION, 0.278, 0.005);
    assert_started(&replay, A, NMA_PHASE_PRE_MIGRATION, 0.393, 0.005);
    assert_ended(&replay, B, NMA_PHASE_RESERVATION, 3.395, 0.005);
    assert_started(&replay, A, NMA_PHASE_PRE_COPY, 3.568, 1.0);
    assert_started(&replay, A, NMA_PHASE_STOP_AND_COPY, 20.773, 0.005);
    assert_ended(&replay, B, NMA_PHASE_STOP_AND_COPY, 20.832, 0.005);
    assert_ended(&replay, A, NMA_PHASE_STOP_AND_COPY, 21.050, 0.005);
    assert_started(&replay, A, NMA_PHASE_COMMITMENT, 21.050, 0.005);
    /* 14 passes, the last two within the switchover: not a forced pause */
    g_assert_cmpint(replay.ends[A][NMA_PHASE_STOP_AND_COPY]->cause, ==, NMA_CAUSE_SWITCHOVER);
    g_assert_cmpint(replay.ends[A][NMA_PHASE_STOP_AND_COPY]->stats.downtime_ms, ==, 60);
    g_assert_cmpint(replay.ends[A][NMA_PHASE_STOP_AND_COPY]->stats.memory_iteration, ==, 14);
    /* Nova's own status is known soon: 21.837 */
    assert_ended(&replay, A, NMA_PHASE_COMMITMENT, 23.0, 0.3);
    assert_ended(&replay, B, NMA_PHASE_COMMITMENT, 22.2, 0.3);
    replay_end(&replay);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/replay/block-fast", test_block_fast);
    g_test_add_func("/replay/block-slow", test_block_slow);
    return g_test_run();
}
