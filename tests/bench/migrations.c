/*
 * Plays migrations through all of the agent but its foreign connections: Nova's recorded messages
 * as bytes, both sides' state machines, SQLite, reports as JSON, the outbox and its publisher. The
 * bus is a fake that confirms everything, libvirt and the conductor answer at once, time is
 * virtual.
 *
 *     migrations TAP_JSONL N
 *
 * Prints, every N/10 migrations, how many were played and what the process holds: resident and
 * anonymous memory, and what malloc has given out, each in KiB.
 */
#include <glib/gstdio.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_private.h"
#include "agent/json/nova_objects.h"
#include "agent/json/reports.h"

#define RECORDED_INSTANCE "96fb22dc-0efe-4251-b167-e651db6d5fb0"
#define STEP_US           (200 * NMA_US_PER_MS)
#define WALL_AT_BOOT      (G_GINT64_CONSTANT(1795000000) * NMA_US_PER_S)
#define MIB               (G_GINT64_CONSTANT(1) << 20)

/* ---- the fake bus ---- */

static GArray *cookies; /* published, not yet confirmed */
static guint64 n_published;

gboolean
om_bus_publish(OmBus *bus, const char *exchange, const char *key, GBytes *body, gboolean mandatory,
               guint64 cookie, GError **error)
{
    g_array_append_val(cookies, cookie);
    n_published++;
    return TRUE;
}

/* ---- one agent without its connections ---- */

typedef struct {
    NmaAgent agent;
    NmaSettings settings;
    char *state_dir;
} Side;

static gint64 boot_us = 1000 * NMA_US_PER_S;

static NmaNow
now(void)
{
    return (NmaNow){ .boot_us = boot_us, .wall_us = WALL_AT_BOOT + boot_us };
}

static void
side_open(Side *side, char *host)
{
    static const char *const topics[] = { "live_migration_reports", NULL };
    g_autoptr(GError) error = NULL;
    g_autofree char *moved_aside = NULL;
    const NmaHostConfig config = {
        .host = host,
        .progress_interval_us = NMA_US_PER_S,
        .conductor_interval_us = 30 * NMA_US_PER_S,
        .max_open = 100,
        .new_attempt_id = g_uuid_string_random,
    };

    side->settings.host = host;
    side->state_dir = g_dir_make_tmp("nma-bench-XXXXXX", &error);
    side->agent.settings = &side->settings;
    side->agent.host = nma_host_new(&config);
    side->agent.unsaved = g_ptr_array_new_with_free_func(nma_unsaved_free);
    if (side->state_dir != NULL)
        side->agent.store = nma_store_open(side->state_dir, &moved_aside, &error);
    if (side->agent.store == NULL)
        g_error("%s", error->message);
    side->agent.publisher = nma_publisher_new(side->agent.store, NULL, "nova", host, topics);
}

static void
side_close(Side *side)
{
    static const char *const files[] = { "agent.db", "agent.db-wal", "agent.db-shm", "agent.lock" };

    nma_publisher_free(side->agent.publisher);
    nma_store_close(side->agent.store);
    nma_host_free(side->agent.host);
    g_ptr_array_unref(side->agent.unsaved);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(side->state_dir, files[i], NULL);

        g_unlink(path);
    }
    g_rmdir(side->state_dir);
    g_free(side->state_dir);
}

static void
confirm_all(Side *side)
{
    for (guint i = 0; i < cookies->len; i++)
        nma_publisher_published(side->agent.publisher, g_array_index(cookies, guint64, i),
                                OM_PUBLISH_CONFIRMED, now());
    g_array_set_size(cookies, 0);
}

/* what the agent's loop does with one event; the event is taken */
static void
happen(Side *side, NmaEvent *event)
{
    g_autoptr(NmaEvent) owned = event;
    g_autoptr(GPtrArray) effects = nma_effects_new();

    boot_us += STEP_US;
    event->seen_boot_us = boot_us;
    event->seen_wall_us = now().wall_us;
    nma_host_step(side->agent.host, event, now(), effects);
    nma_agent_collect_reports(&side->agent, effects);
    nma_publisher_pump(side->agent.publisher, nma_agent_save(&side->agent, now()), now());
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = effects->pdata[i];

        if (effect->type == NMA_EFFECT_REPORT && effect->report->kind == NMA_REPORT_PROGRESS) {
            g_autofree char *event_type = nma_report_event_type(effect->report);

            nma_publisher_send_progress(side->agent.publisher, event_type,
                                        nma_report_to_json(effect->report, side->settings.host),
                                        now());
        }
    }
    confirm_all(side);
}

/* ---- what happens ---- */

/* the inner messages of a recording, by method */
static GHashTable *
read_recording(const char *path)
{
    GHashTable *messages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error))
        g_error("%s", error->message);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        json_t *row = json_loads(*line, 0, NULL);
        const json_t *message = json_object_get(json_object_get(row, "body"), "oslo.message");
        const char *method = json_string_value(json_object_get(message, "method"));

        if (method != NULL)
            g_hash_table_replace(messages, g_strdup(method), json_dumps(message, JSON_COMPACT));
        json_decref(row);
    }
    return messages;
}

static void
nova_calls(Side *side, GHashTable *messages, const char *method, const char *instance)
{
    g_autoptr(GString) inner = g_string_new(g_hash_table_lookup(messages, method));
    g_autoptr(GError) error = NULL;

    g_string_replace(inner, RECORDED_INSTANCE, instance, 0);
    json_t *outer = json_pack("{s:s, s:s}", "oslo.version", "2.0", "oslo.message", inner->str);
    char *body = json_dumps(outer, 0);
    g_autoptr(OmMessage) message = om_envelope_decode(body, strlen(body), &error);
    NmaEvent *event =
        message != NULL ? nma_nova_call_decode(message, om_message_args(message), &error) : NULL;

    if (event == NULL)
        g_error("%s: %s", method, error != NULL ? error->message : "not decoded");
    happen(side, event);
    free(body);
    json_decref(outer);
}

static void
lifecycle(Side *side, const char *instance, NmaLifecycle what)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_LIFECYCLE);

    g_strlcpy(event->lifecycle.instance_uuid, instance, sizeof event->lifecycle.instance_uuid);
    event->lifecycle.what = what;
    happen(side, event);
}

static NmaJobStats
job(gint64 remaining_bytes)
{
    NmaJobStats stats;

    nma_job_stats_clear(&stats);
    stats.kind = NMA_JOB_MIGRATION_OUT;
    stats.elapsed_ms = 100;
    stats.data_total_bytes = stats.memory_total_bytes = 1024 * MIB;
    stats.memory_remaining_bytes = remaining_bytes;
    stats.memory_processed_bytes = stats.memory_total_bytes - remaining_bytes;
    stats.memory_bps = 100 * MIB;
    stats.memory_page_size_bytes = 4096;
    stats.memory_dirty_rate_pages_s = 1000;
    stats.memory_iteration = 1;
    stats.downtime_ms = 300;
    return stats;
}

static void
reading(Side *side, const char *instance, gint64 remaining_bytes)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);

    g_strlcpy(event->reading.instance_uuid, instance, sizeof event->reading.instance_uuid);
    event->reading.state = NMA_DOMAIN_RUNNING;
    event->reading.stats = job(remaining_bytes);
    event->reading.stats_known = TRUE;
    happen(side, event);
}

static void
facts(Side *side, const char *instance)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);

    g_strlcpy(event->facts.instance_uuid, instance, sizeof event->facts.instance_uuid);
    nma_facts_clear(&event->facts.facts);
    event->facts.facts.memory_available_bytes = event->facts.facts.memory_total_bytes =
        64 * 1024 * MIB;
    event->facts.facts.memory_reserved_host_bytes = 512 * MIB;
    happen(side, event);
}

static void
completed(Side *side, const char *instance)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_JOB_COMPLETED);

    g_strlcpy(event->job_completed.instance_uuid, instance,
              sizeof event->job_completed.instance_uuid);
    event->job_completed.stats = job(0);
    event->job_completed.stats.downtime_net_ms = 250;
    happen(side, event);
}

static void
conductor_says(Side *side, const char *instance, const char *status)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_CONDUCTOR);
    NmaNovaMigration *migration = nma_nova_migration_new();

    g_strlcpy(migration->identity.instance_uuid, instance,
              sizeof migration->identity.instance_uuid);
    migration->status = g_strdup(status);
    migration->created_wall_us = now().wall_us;
    event->conductor.answered = TRUE;
    g_clear_pointer(&event->conductor.migrations, g_ptr_array_unref);
    event->conductor.migrations =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
    g_ptr_array_add(event->conductor.migrations, migration);
    happen(side, event);
}

static void
play(Side *source, Side *destination, GHashTable *messages, guint number)
{
    g_autofree char *instance = g_strdup_printf("33333333-0000-4000-8000-%012u", number);

    nova_calls(destination, messages, "check_can_live_migrate_destination", instance);
    facts(destination, instance);
    nova_calls(source, messages, "check_can_live_migrate_source", instance);
    nova_calls(source, messages, "live_migration", instance);
    nova_calls(destination, messages, "pre_live_migration", instance);
    lifecycle(destination, instance, NMA_LIFECYCLE_STARTED_MIGRATED);
    for (guint pass = 0; pass < 5; pass++)
        reading(source, instance, (1000 - 200 * pass) * MIB);
    lifecycle(source, instance, NMA_LIFECYCLE_SUSPENDED_MIGRATED);
    lifecycle(destination, instance, NMA_LIFECYCLE_RESUMED_MIGRATED);
    lifecycle(source, instance, NMA_LIFECYCLE_STOPPED_MIGRATED);
    completed(source, instance);
    nova_calls(destination, messages, "post_live_migration_at_destination", instance);
    conductor_says(source, instance, "completed");
    conductor_says(destination, instance, "completed");
}

/* ---- what the process holds ---- */

static gint64
smaps_kib(const char *rollup, const char *what)
{
    const char *line = strstr(rollup, what);

    return line != NULL ? g_ascii_strtoll(line + strlen(what), NULL, 10) : -1;
}

static void
tell(guint played)
{
    g_autofree char *rollup = NULL;

    if (!g_file_get_contents("/proc/self/smaps_rollup", &rollup, NULL, NULL))
        g_error("cannot read smaps_rollup");
    printf("%u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %zu\n", played,
           smaps_kib(rollup, "\nRss:"), smaps_kib(rollup, "\nAnonymous:"),
           mallinfo2().uordblks / 1024);
    fflush(stdout);
}

static void
expect_nothing_open(const NmaMigration *migration, gpointer host)
{
    g_error("%s: %s is still open", (const char *)host, migration->identity.instance_uuid);
}

int
main(int argc, char **argv)
{
    Side source = { 0 }, destination = { 0 };
    guint64 total;

    if (argc != 3 || !g_ascii_string_to_unsigned(argv[2], 10, 1, G_MAXUINT32, &total, NULL))
        return 2;
    GHashTable *messages = read_recording(argv[1]);

    cookies = g_array_new(FALSE, FALSE, sizeof(guint64));
    side_open(&source, "rnlab-a");
    side_open(&destination, "rnlab-b");
    for (guint64 i = 1; i <= total; i++) {
        play(&source, &destination, messages, (guint)i);
        nma_store_idle(source.agent.store);
        nma_store_idle(destination.agent.store);
        nma_host_foreach_migration(source.agent.host, expect_nothing_open, "source");
        nma_host_foreach_migration(destination.agent.host, expect_nothing_open, "destination");
        if (i % MAX(total / 10, 1) == 0)
            tell((guint)i);
    }
    side_close(&source);
    side_close(&destination);
    g_array_unref(cookies);
    g_hash_table_unref(messages);
    printf("reports %" G_GUINT64_FORMAT "\n", n_published);
    return 0;
}
