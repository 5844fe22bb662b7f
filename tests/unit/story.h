/*
 * Tests of the core read as a story: what happens at which second, and what is reported. One host,
 * virtual time, a transcript.
 *
 * A line of the transcript is one report:
 *   S pre_copy.start memory          role, phase, kind, step
 *   S stop_and_copy.end? reason=…    "?": inferred
 * Progress is left out unless the step changed.
 */
#pragma once

#include <glib.h>

#include "agent/core/host.h"

#define STORY_HOST "here"
#define STORY_PEER "there"
/* the guest of most stories */
#define GUEST   "11111111-1111-4111-8111-111111111111"
#define OTHER   "22222222-2222-4222-8222-222222222222"
#define MIG_1   "aaaaaaaa-0000-4000-8000-000000000001"
#define MIG_2   "aaaaaaaa-0000-4000-8000-000000000002"
#define MEM_MIB 1024
/* an impossible size marks an unknown one */
#define NOTHING ((const char *)NULL)

typedef struct {
    NmaHost *host;
    gint64 boot_us;
    GPtrArray *effects; /* all so far */
    guint told;         /* effects before this one were told already */
    guint counted[NMA_N_EFFECTS];
} Story;

void story_begin(Story *story);
void story_end(Story *story);

/* time */
NmaNow story_now(const Story *story);
void story_wait(Story *story, double seconds); /* ticks at every deadline on the way */

/* what happens */
void story_step(Story *story, NmaEvent *event); /* takes the event */
void story_call(Story *story, NmaNovaMethod method, const char *migration_uuid_or_null,
                gint64 migration_id);
void story_lifecycle(Story *story, NmaLifecycle what);
void story_iteration(Story *story, gint64 iteration);
void story_completed(Story *story, gint64 downtime_ms);
NmaJobStats story_job(NmaJobKind kind, gint64 memory_remaining); /* -1: set up, nothing flows */
/* the answer to a read; remaining as in story_job */
void story_reading(Story *story, NmaDomainState state, NmaJobKind kind, gint64 remaining);
void story_absent(Story *story);
void story_resync(Story *story, NmaDomainReading *reading_or_null); /* takes it */
void story_lost(Story *story);
void story_facts(Story *story, gint64 available_mib);
void story_conductor(Story *story, const char *status, const char *migration_uuid,
                     gint64 migration_id, const char *source, const char *destination);
void story_peer(Story *story, NmaPeerState state);
/* kill -9 and start again: what the store would hold is carried into a new host */
void story_restart(Story *story, double seconds_away);
/* what the store would hold of one host, into another; nothing of it may have been saved before,
 * for only what differs from what was saved is carried */
void story_carry_over(NmaHost *from, NmaHost *to, NmaNow now);

/* what came of it: the lines since the last look, compared */
#define story_expect(story, ...) story_expect_lines(story, G_STRLOC, __VA_ARGS__, NOTHING)
void story_expect_lines(Story *story, const char *where, ...) G_GNUC_NULL_TERMINATED;
#define story_expect_nothing(story) story_expect_lines(story, G_STRLOC, NOTHING)
/* how often such an effect was wanted since the last call of this */
guint story_count(Story *story, NmaEffectType type);
const NmaReport *story_last_report(const Story *story);
gint64 story_promised_mib(const Story *story);
guint story_open(const Story *story); /* migrations */
