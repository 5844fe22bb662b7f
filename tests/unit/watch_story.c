#include "tests/unit/watch_story.h"

#include <string.h>

#define MIB (G_GINT64_CONSTANT(1024) * 1024)
/* 2026-03-01 02:58:00 UTC */
#define BEGIN_WALL_US (G_GINT64_CONSTANT(1772333880) * NMA_US_PER_S)

#define PRE  NMA_PHASE_PRE_MIGRATION
#define RES  NMA_PHASE_RESERVATION
#define COPY NMA_PHASE_PRE_COPY
#define STOP NMA_PHASE_STOP_AND_COPY
#define DONE NMA_PHASE_COMMITMENT
#define ON_A NMA_GUEST_ON_SOURCE, NMA_GUEST_RUNNING
#define ON_B NMA_GUEST_ON_DESTINATION, NMA_GUEST_RUNNING

const StoryRow story_success[] = {
    { 'B', PRE, NMA_REPORT_START, 1, 0, 0, 0, NMA_GUEST_ON_SOURCE },
    { 'B', PRE, NMA_REPORT_END, 2, 0, 100, 0, NMA_GUEST_ON_SOURCE, .duration_ms = 100 },
    { 'B', RES, NMA_REPORT_START, 3, 0, 101, NMA_STEP_SOFT, NMA_GUEST_ON_SOURCE },
    { 'A', PRE, NMA_REPORT_START, 1, 0, 200, NMA_STEP_WAITING, ON_A },
    { 'B', RES, NMA_REPORT_PROGRESS, 3, 1, 1000, NMA_STEP_HELD, NMA_GUEST_ON_SOURCE },
    { 'A', PRE, NMA_REPORT_PROGRESS, 1, 1, 1100, NMA_STEP_PREPARING, ON_A },
    { 'A', PRE, NMA_REPORT_END, 2, 1, 3000, 0, ON_A, .duration_ms = 2800 },
    { 'A', COPY, NMA_REPORT_START, 3, 1, 3000, NMA_STEP_MEMORY, ON_A },
    { 'B', RES, NMA_REPORT_END, 4, 1, 3100, 0, NMA_GUEST_ON_SOURCE, .duration_ms = 3000 },
    { 'A', COPY, NMA_REPORT_PROGRESS, 3, 2, 4000, NMA_STEP_MEMORY, ON_A, .remaining_mib = 6144,
      .pass = 1 },
    { 'A', COPY, NMA_REPORT_PROGRESS, 3, 3, 64000, NMA_STEP_MEMORY, ON_A, .remaining_mib = 2048,
      .pass = 3, .downtime_ms = 4200 },
    { 'A', COPY, NMA_REPORT_END, 4, 3, 70000, 0, ON_A, .duration_ms = 67000 },
    { 'A', STOP, NMA_REPORT_START, 5, 3, 70000, 0, NMA_GUEST_ON_SOURCE, NMA_GUEST_PAUSED },
    { 'B', DONE, NMA_REPORT_START, 5, 1, 70200, 0, ON_B },
    { 'A', STOP, NMA_REPORT_END, 6, 3, 70300, 0, ON_B, .duration_ms = 300 },
    { 'A', DONE, NMA_REPORT_START, 7, 3, 70300, 0, ON_B, .remaining_mib = 1, .pass = 5,
      .downtime_ms = 243 },
    { 'B', DONE, NMA_REPORT_END, 6, 1, 72000, 0, ON_B, .duration_ms = 1800,
      .nova_status = "completed" },
    { 'A', DONE, NMA_REPORT_END, 8, 3, 72500, 0, ON_B, .duration_ms = 2200,
      .nova_status = "completed" },
};
const guint story_success_rows = G_N_ELEMENTS(story_success);

const char *
story_host(const StoryRow *row)
{
    return row->side == 'A' ? "cmp-a" : "cmp-b";
}

static void
fill_statistics(NmaReport *report, const StoryRow *row)
{
    NmaJobStats *stats = &report->stats;

    report->has_stats = row->remaining_mib || row->kind == NMA_REPORT_ERROR;
    if (row->kind == NMA_REPORT_ERROR) /* as libvirt has it once the job is gone */
        stats->memory_total_bytes = stats->memory_remaining_bytes = 0;
    if (!row->remaining_mib)
        return;
    stats->kind = NMA_JOB_MIGRATION_OUT;
    stats->memory_total_bytes = 8192 * MIB;
    stats->memory_remaining_bytes = row->remaining_mib * MIB;
    stats->memory_bps = 112 * MIB + MIB / 2;
    stats->memory_dirty_rate_pages_s = 6400;
    stats->memory_page_size_bytes = 4096;
    stats->memory_iteration = row->pass;
    if (row->downtime_ms)
        stats->downtime_ms = row->downtime_ms;
}

NmaReport *
story_report(const StoryRow *row)
{
    NmaReport *report = nma_report_new();
    NmaIdentity *identity = &report->identity;
    gint64 clock_error_us = row->side == 'B' ? 3600 * NMA_US_PER_S : 0;

    g_strlcpy(identity->instance_uuid, STORY_INSTANCE, sizeof(identity->instance_uuid));
    if (!row->unnamed) {
        g_strlcpy(identity->migration_uuid, STORY_MIGRATION, sizeof(identity->migration_uuid));
        identity->migration_id = 42;
        identity->source = g_strdup("cmp-a");
        identity->destination = g_strdup("cmp-b");
    }
    if (row->side == 'B') {
        identity->instance_name = g_strdup("web-7");
        identity->flavor = g_strdup("m1.large");
        identity->memory_mib = 8192;
        identity->vcpus = 4;
    }
    g_strlcpy(report->attempt_id, row->side == 'A' ? STORY_A_ATTEMPT : STORY_B_ATTEMPT,
              sizeof(report->attempt_id));
    report->role = row->side == 'A' ? NMA_ROLE_SOURCE : NMA_ROLE_DESTINATION;
    report->phase = row->phase;
    report->kind = row->kind;
    report->step = row->step;
    report->evidence = row->inferred ? NMA_EVIDENCE_INFERRED : NMA_EVIDENCE_OBSERVED;
    report->sequence = row->sequence;
    report->progress_count = row->progress;
    report->occurred_wall_us = BEGIN_WALL_US + row->at_ms * NMA_US_PER_MS + clock_error_us;
    if (row->duration_ms)
        report->phase_duration_us = row->duration_ms * NMA_US_PER_MS;
    report->reason = row->reason;
    report->text = g_strdup(row->text);
    report->guest_place = row->place;
    report->guest_state = row->state;
    report->cause = row->forced                              ? NMA_CAUSE_FORCED
                    : row->phase == STOP && row->side == 'A' ? NMA_CAUSE_SWITCHOVER
                                                             : NMA_CAUSE_NONE;
    report->skipped = row->skipped;
    report->nova_status = g_strdup(row->nova_status);
    fill_statistics(report, row);
    return report;
}

void
story_tell(NmaWatchModel *model, const StoryRow *rows, guint from, guint to, gint64 heard_us)
{
    for (guint i = from; i < to; i++) {
        g_autoptr(NmaReport) report = story_report(&rows[i]);

        nma_watch_model_add(model, "", story_host(&rows[i]), report, heard_us);
    }
}

NmaWatchPicture *
story_picture(const NmaWatchModel *model, gint64 now_us)
{
    g_autoptr(GPtrArray) pictures = nma_watch_model_pictures(model, now_us);

    g_assert_cmpuint(pictures->len, ==, 1);
    return g_memdup2(pictures->pdata[0], sizeof(NmaWatchPicture));
}
