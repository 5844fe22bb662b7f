/* What the conductor's answer means to the source. */
#include "agent/core/nova_word.h"
#include "agent/core/source_internal.h"

#define EARLY_ASK_US (5 * NMA_US_PER_S)
#define ASK_US       (30 * NMA_US_PER_S)

/* While data flows libvirt tells all but who we are. */
static gboolean
needs_no_word(const NmaSource *source)
{
    const NmaMigration *base = &source->base;

    return base->phase > NMA_PHASE_PRE_MIGRATION && base->phase < NMA_PHASE_COMMITMENT &&
           !source->domain_gone && !base->blind && base->identity.migration_id >= 0;
}

static void
schedule_ask(NmaSource *source, NmaNow now)
{
    const NmaMigration *base = &source->base;

    if (needs_no_word(source))
        source->ask_due_boot_us = NMA_NEVER;
    else if (base->phase == NMA_PHASE_COMMITMENT &&
             now.boot_us - base->phase_started_boot_us < EARLY_ASK_US)
        source->ask_due_boot_us = now.boot_us + EARLY_ASK_US;
    else
        source->ask_due_boot_us = now.boot_us + ASK_US;
}

/* Nova has given up. Where libvirt can be seen to copy, only libvirt decides: a nova-compute that
 * is restarted in the middle writes error while the guest moves all the same. */
static void
on_nova_failed(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    g_autofree char *text = g_strdup_printf("Nova lists the migration as %s", base->nova_status);

    if (base->phase == NMA_PHASE_COMMITMENT) {
        NmaReport *report = nma_migration_fail(base, NMA_REASON_NOVA_FAILED, text, now, effects);

        report->nova_status = g_strdup(base->nova_status);
        base->ended = TRUE;
    } else if (source->domain_gone) {
        nma_source_fail_gone(source, text, now, effects);
    } else if (base->phase == NMA_PHASE_PRE_MIGRATION && !source->job_seen) {
        /* it may have run since the last look */
        source->given_up = TRUE;
        nma_source_look_now(source, now);
    }
}

/* The domain is gone, and Nova says that all is well: the guest moved while nobody looked. */
static void
infer_hand_over(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    NmaNow at = now;

    if (source->gone_wall_us != NMA_UNKNOWN)
        at.wall_us = MIN(source->gone_wall_us, now.wall_us);
    nma_source_hand_over(source, NMA_EVIDENCE_INFERRED, at, now, effects);
}

void
nma_source_take_conductor(NmaSource *source, const NmaEvent *event, gint64 progress_interval_us,
                          NmaNow now, GPtrArray *effects)
{
    NmaMigration *base = &source->base;
    const NmaNovaMigration *entry;
    NmaWord word;

    if (!nma_nova_word_concerns(base, event))
        return;
    word = nma_nova_word(base, event, &entry);
    schedule_ask(source, now);
    nma_source_ask_peer(source, effects);
    switch (word) {
    case NMA_WORD_NONE:
        break;
    case NMA_WORD_IN_FLIGHT:
        source->given_up = FALSE;
        if (base->phase == NMA_PHASE_PRE_MIGRATION && base->step == NMA_STEP_WAITING &&
            (g_str_equal(entry->status, "preparing") || g_str_equal(entry->status, "running")))
            nma_migration_progress(base, NMA_STEP_PREPARING, progress_interval_us, now, effects);
        /* still at it: wait on, but a dead nova-compute leaves "running" for ever */
        if ((base->phase == NMA_PHASE_COMMITMENT || source->domain_gone) &&
            now.boot_us - base->phase_started_boot_us < NMA_SOURCE_PATIENCE_US)
            source->give_up_boot_us = now.boot_us + NMA_SOURCE_PATIENCE_COMMIT_US;
        break;
    case NMA_WORD_COMPLETED:
        if (source->domain_gone || base->blind)
            infer_hand_over(source, now, effects);
        if (base->phase == NMA_PHASE_COMMITMENT)
            nma_source_commitment_end(source, base->nova_status, now, effects);
        else
            nma_source_look_now(source, now);
        break;
    case NMA_WORD_FAILED:
        on_nova_failed(source, now, effects);
        break;
    case NMA_WORD_NEWER:
        if (source->domain_gone)
            infer_hand_over(source, now, effects);
        if (base->phase == NMA_PHASE_COMMITMENT)
            nma_source_commitment_end(source, NULL, now, effects);
        else if (base->phase == NMA_PHASE_PRE_MIGRATION && !source->job_seen)
            nma_source_fail(source, NMA_REASON_SUPERSEDED, NULL, NMA_EVIDENCE_OBSERVED, now,
                            effects);
        break;
    }
}
