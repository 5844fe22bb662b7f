#include "tests/unit/story.h"

#include <stdarg.h>

#define WALL_AT_BOOT (G_GINT64_CONSTANT(1795000000) * NMA_US_PER_S)

static char *
counted_attempt_id(void)
{
    static guint n;

    return g_strdup_printf("00000000-0000-4000-8000-%012u", ++n);
}

static NmaHost *
new_host(void)
{
    const NmaHostConfig config = {
        .host = STORY_HOST,
        .progress_interval_us = NMA_US_PER_S,
        .conductor_interval_us = 30 * NMA_US_PER_S,
        .max_open = 100,
        .limits = { 500, 50, 30 },
        .new_attempt_id = counted_attempt_id,
    };

    return nma_host_new(&config);
}

void
story_begin(Story *story)
{
    *story =
        (Story){ .host = new_host(), .boot_us = 1000 * NMA_US_PER_S, .effects = nma_effects_new() };
}

void
story_end(Story *story)
{
    nma_host_free(story->host);
    g_ptr_array_unref(story->effects);
}

NmaNow
story_now(const Story *story)
{
    return (NmaNow){ .boot_us = story->boot_us, .wall_us = WALL_AT_BOOT + story->boot_us };
}

static void
step(Story *story, const NmaEvent *event)
{
    guint first = story->effects->len;

    nma_host_step(story->host, event, story_now(story), story->effects);
    for (guint i = first; i < story->effects->len; i++)
        story->counted[((NmaEffect *)story->effects->pdata[i])->type]++;
}

void
story_step(Story *story, NmaEvent *event)
{
    event->seen_boot_us = story->boot_us;
    event->seen_wall_us = story_now(story).wall_us;
    step(story, event);
    nma_event_free(event);
}

void
story_wait(Story *story, double seconds)
{
    const NmaEvent tick = { .type = NMA_EVENT_TICK };
    gint64 until = story->boot_us + (gint64)(seconds * NMA_US_PER_S);
    gint64 next;

    while ((next = nma_host_next_deadline(story->host)) <= until) {
        story->boot_us = MAX(next, story->boot_us); /* after a restart some lie in the past */
        step(story, &tick);
        g_assert_cmpint(nma_host_next_deadline(story->host), >, story->boot_us); /* it moves on */
    }
    story->boot_us = until;
}

void
story_call(Story *story, NmaNovaMethod method, const char *migration_uuid_or_null,
           gint64 migration_id)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);
    NmaIdentity *identity = &event->nova_call.identity;

    event->nova_call.method = method;
    g_strlcpy(identity->instance_uuid, GUEST, sizeof identity->instance_uuid);
    if (migration_uuid_or_null != NULL)
        g_strlcpy(identity->migration_uuid, migration_uuid_or_null,
                  sizeof identity->migration_uuid);
    identity->migration_id = migration_id;
    identity->memory_mib = MEM_MIB;
    identity->vcpus = 1;
    if (method == NMA_NOVA_LIVE_MIGRATION) {
        identity->source = g_strdup(STORY_HOST);
        identity->destination = g_strdup(STORY_PEER);
    } else if (method == NMA_NOVA_CHECK_DESTINATION) {
        identity->source = g_strdup(STORY_PEER);
    }
    story_step(story, event);
}

void
story_lifecycle(Story *story, NmaLifecycle what)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_LIFECYCLE);

    g_strlcpy(event->lifecycle.instance_uuid, GUEST, sizeof event->lifecycle.instance_uuid);
    event->lifecycle.what = what;
    story_step(story, event);
}

void
story_iteration(Story *story, gint64 iteration)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_ITERATION);

    g_strlcpy(event->iteration.instance_uuid, GUEST, sizeof event->iteration.instance_uuid);
    event->iteration.iteration = iteration;
    story_step(story, event);
}

NmaJobStats
story_job(NmaJobKind kind, gint64 memory_remaining)
{
    NmaJobStats stats;

    nma_job_stats_clear(&stats);
    stats.kind = kind;
    if (kind != NMA_JOB_MIGRATION_OUT)
        return stats;
    stats.elapsed_ms = 100;
    stats.data_total_bytes = memory_remaining < 0 ? 0 : 1000000;
    stats.memory_total_bytes = stats.data_total_bytes;
    stats.memory_remaining_bytes = MAX(memory_remaining, 0);
    stats.memory_processed_bytes = stats.memory_total_bytes - stats.memory_remaining_bytes;
    stats.memory_iteration = memory_remaining < 0 ? 0 : 1;
    return stats;
}

void
story_completed(Story *story, gint64 downtime_ms)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_JOB_COMPLETED);

    g_strlcpy(event->job_completed.instance_uuid, GUEST, sizeof event->job_completed.instance_uuid);
    event->job_completed.stats = story_job(NMA_JOB_MIGRATION_OUT, 0);
    event->job_completed.stats.downtime_ms = downtime_ms;
    story_step(story, event);
}

void
story_reading(Story *story, NmaDomainState state, NmaJobKind kind, gint64 remaining)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);

    g_strlcpy(event->reading.instance_uuid, GUEST, sizeof event->reading.instance_uuid);
    event->reading.state = state;
    event->reading.stats = story_job(kind, remaining);
    event->reading.stats_known = state != NMA_DOMAIN_ABSENT && state != NMA_DOMAIN_UNKNOWN;
    story_step(story, event);
}

void
story_absent(Story *story)
{
    story_reading(story, NMA_DOMAIN_ABSENT, NMA_JOB_NONE, 0);
}

void
story_resync(Story *story, NmaDomainReading *reading_or_null)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_RESYNC);

    event->readings = g_ptr_array_new_with_free_func((GDestroyNotify)nma_domain_reading_free);
    if (reading_or_null != NULL)
        g_ptr_array_add(event->readings, reading_or_null);
    story_step(story, event);
}

void
story_lost(Story *story)
{
    story_step(story, nma_event_new(NMA_EVENT_LIBVIRT_LOST));
}

void
story_facts(Story *story, gint64 available_mib)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);

    g_strlcpy(event->facts.instance_uuid, GUEST, sizeof event->facts.instance_uuid);
    event->facts.facts.memory_available_bytes = available_mib << 20;
    event->facts.facts.memory_total_bytes = G_GINT64_CONSTANT(64) << 30;
    event->facts.facts.memory_reserved_host_bytes = G_GINT64_CONSTANT(512) << 20;
    story_step(story, event);
}

void
story_conductor(Story *story, const char *status, const char *migration_uuid, gint64 migration_id,
                const char *source, const char *destination)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_CONDUCTOR);
    NmaNovaMigration *entry = nma_nova_migration_new();

    event->conductor.answered = status != NULL;
    event->conductor.migrations =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
    g_strlcpy(entry->identity.instance_uuid, GUEST, sizeof entry->identity.instance_uuid);
    if (migration_uuid != NULL)
        g_strlcpy(entry->identity.migration_uuid, migration_uuid,
                  sizeof entry->identity.migration_uuid);
    entry->identity.migration_id = migration_id;
    entry->identity.source = g_strdup(source);
    entry->identity.destination = g_strdup(destination);
    entry->status = g_strdup(status);
    g_ptr_array_add(event->conductor.migrations, entry);
    story_step(story, event);
}

void
story_peer(Story *story, NmaPeerState state)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_PEER);

    g_strlcpy(event->peer.instance_uuid, GUEST, sizeof event->peer.instance_uuid);
    event->peer.state = state;
    if (state == NMA_PEER_AGENT) {
        event->peer.clock_offset_ms = 7;
        event->peer.clock_offset_error_ms = 1;
    }
    story_step(story, event);
}

/* ---- restart ---- */

static NmaSource *
stored_source(const NmaSource *from, NmaNow now)
{
    NmaSource *to = nma_source_new(&from->base.identity, from->base.attempt_id, now);
    NmaIdentity identity = to->base.identity;

    to->base = from->base;
    to->base.identity = identity;
    to->base.nova_status = g_strdup(from->base.nova_status);
    to->domain_seen = from->domain_seen;
    to->iteration = from->iteration;
    to->stopped_boot_us = from->stopped_boot_us;
    to->domain_gone = from->domain_gone;
    to->ask_due_boot_us = from->ask_due_boot_us;
    to->give_up_boot_us = from->give_up_boot_us;
    to->peer_asked = from->peer_asked;
    to->peer = g_strdup(from->peer);
    to->clock_offset_ms = from->clock_offset_ms;
    to->clock_offset_error_ms = from->clock_offset_error_ms;
    to->policy_known = from->policy_known;
    to->steering.limit_ms = from->steering.limit_ms;
    to->steering.speed_bytes_s = from->steering.speed_bytes_s;
    to->steering.paused_boot_us = from->steering.paused_boot_us;
    return to;
}

static NmaDestination *
stored_destination(const NmaDestination *from, NmaNow now)
{
    NmaDestination *to = nma_destination_new(&from->base.identity, from->base.attempt_id, now);
    NmaIdentity identity = to->base.identity;

    to->base = from->base;
    to->base.identity = identity;
    to->base.nova_status = g_strdup(from->base.nova_status);
    to->facts_pending = from->facts_pending;
    to->reserved = from->reserved;
    to->arrived = from->arrived;
    to->runs = from->runs;
    to->post_seen = from->post_seen;
    to->ask_due_boot_us = from->ask_due_boot_us;
    to->give_up_boot_us = from->give_up_boot_us;
    return to;
}

void
story_carry_over(NmaHost *from, NmaHost *to, NmaNow now)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) destinations = g_ptr_array_new();
    g_autoptr(GPtrArray) reservations = g_ptr_array_new();
    NmaHostChanges all = { sources, destinations, reservations };

    nma_host_get_changes(from, &all);
    for (guint i = 0; i < reservations->len; i++) {
        if (nma_reservation_is_live(reservations->pdata[i]))
            nma_host_restore_reservation(to, reservations->pdata[i]);
    }
    for (guint i = 0; i < sources->len; i++) {
        const NmaSource *source = sources->pdata[i];

        if (!source->base.ended)
            nma_host_restore_source(to, stored_source(source, now), now);
    }
    for (guint i = 0; i < destinations->len; i++) {
        const NmaDestination *destination = destinations->pdata[i];

        if (!destination->base.ended)
            nma_host_restore_destination(to, stored_destination(destination, now), now);
    }
}

void
story_restart(Story *story, double seconds_away)
{
    NmaHost *fresh = new_host();

    story->boot_us += (gint64)(seconds_away * NMA_US_PER_S);
    story_carry_over(story->host, fresh, story_now(story));
    nma_host_free(story->host);
    story->host = fresh;
}

/* ---- the transcript ---- */

static char *
line(const NmaReport *report)
{
    GString *text = g_string_new(report->role == NMA_ROLE_SOURCE ? "S " : "D ");

    g_string_append_printf(text, "%s.%s%s", nma_phase_to_string(report->phase),
                           nma_report_kind_to_string(report->kind),
                           report->evidence == NMA_EVIDENCE_INFERRED ? "?" : "");
    if (report->step != NMA_STEP_NONE)
        g_string_append_printf(text, " %s", nma_step_to_string(report->step));
    if (report->skipped)
        g_string_append(text, " skipped");
    if (report->cause != NMA_CAUSE_NONE)
        g_string_append_printf(text, " cause=%s", nma_cause_to_string(report->cause));
    if (report->reason != NMA_REASON_NONE)
        g_string_append_printf(text, " reason=%s", nma_reason_to_string(report->reason));
    if (report->nova_status != NULL)
        g_string_append_printf(text, " nova=%s", report->nova_status);
    if (report->kind == NMA_REPORT_ERROR)
        g_string_append_printf(text, " guest=%s,%s", nma_guest_place_to_string(report->guest_place),
                               nma_guest_state_to_string(report->guest_state));
    return g_string_free(text, FALSE);
}

void
story_expect_lines(Story *story, const char *where, ...)
{
    g_autoptr(GString) wanted = g_string_new(NULL);
    g_autoptr(GString) got = g_string_new(NULL);
    const NmaReport *before = NULL;
    const char *each;
    va_list lines;

    va_start(lines, where);
    while ((each = va_arg(lines, const char *)) != NULL)
        g_string_append_printf(wanted, "  %s\n", each);
    va_end(lines);
    for (guint i = 0; i < story->effects->len; i++) {
        const NmaEffect *effect = story->effects->pdata[i];
        gboolean same_step;

        if (effect->type != NMA_EFFECT_REPORT)
            continue;
        same_step = before != NULL && before->phase == effect->report->phase &&
                    before->step == effect->report->step;
        before = effect->report;
        if (i >= story->told && !(effect->report->kind == NMA_REPORT_PROGRESS && same_step)) {
            g_autofree char *told = line(effect->report);

            g_string_append_printf(got, "  %s\n", told);
        }
    }
    story->told = story->effects->len;
    if (!g_str_equal(wanted->str, got->str))
        g_error("%s:\nexpected:\n%sgot:\n%s", where, wanted->str, got->str);
}

guint
story_count(Story *story, NmaEffectType type)
{
    guint count = story->counted[type];

    story->counted[type] = 0;
    return count;
}

const NmaReport *
story_last_report(const Story *story)
{
    for (guint i = story->effects->len; i > 0; i--) {
        const NmaEffect *effect = story->effects->pdata[i - 1];

        if (effect->type == NMA_EFFECT_REPORT)
            return effect->report;
    }
    return NULL;
}

gint64
story_promised_mib(const Story *story)
{
    return nma_ledger_promised(nma_host_ledger(story->host), NMA_AMOUNT_MEMORY, NULL) >> 20;
}

static void
count_one(const NmaMigration *migration, gpointer user_data)
{
    ++*(guint *)user_data;
}

guint
story_open(const Story *story)
{
    guint count = 0;

    nma_host_foreach_migration(story->host, count_one, &count);
    return count;
}
