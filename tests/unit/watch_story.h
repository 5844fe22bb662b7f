/* Reports of both sides of one migration, as short rows, for the tests of nova-migration-watch. */
#pragma once

#include "agent/core/report.h"
#include "agent/watch/merge.h"

#define STORY_INSTANCE  "4f2a1c3e-0000-4000-8000-000000000001"
#define STORY_MIGRATION "0b0f3d52-0000-4000-8000-00000000000a"
#define STORY_A_ATTEMPT "aaaaaaaa-0000-4000-8000-000000000001"
#define STORY_B_ATTEMPT "bbbbbbbb-0000-4000-8000-000000000001"

typedef struct {
    char side; /* 'A' source cmp-a, 'B' destination cmp-b, whose clock is an hour ahead */
    NmaPhase phase;
    NmaReportKind kind;
    guint64 sequence, progress;
    gint64 at_ms; /* since the story began, on a true clock */
    NmaStep step;
    NmaGuestPlace place;
    NmaGuestState state;
    NmaReason reason;
    gint64 remaining_mib; /* 0: no statistics */
    gint64 pass;
    gint64 downtime_ms; /* with commitment: the real one */
    gint64 duration_ms; /* 0: not told */
    const char *text, *nova_status;
    gboolean skipped, inferred, forced;
    gboolean unnamed; /* Nova's migration is not yet known */
} StoryRow;

/* a migration that succeeds: 8 reports of A with progress, 6 of B */
extern const StoryRow story_success[];
extern const guint story_success_rows;

NmaReport *story_report(const StoryRow *row);
const char *story_host(const StoryRow *row);
/* adds rows [from, to) at now_us = heard_us */
void story_tell(NmaWatchModel *model, const StoryRow *rows, guint from, guint to, gint64 heard_us);
/* the only picture; asserts that there is one. Free with g_free. */
NmaWatchPicture *story_picture(const NmaWatchModel *model, gint64 now_us);
