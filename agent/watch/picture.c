#include "agent/watch/picture.h"

#include <string.h>

/* What an error with this reason says about the end. Without a row: the guest's place decides. */
typedef enum {
    MEANS_PLACE,
    MEANS_REFUSED,     /* our own check said no: Nova does not heed it */
    MEANS_NEVER_MOVED, /* nothing was ever moved: the guest runs where it ran */
    MEANS_CANCELLED,
    MEANS_PAUSED,
    MEANS_LOST,
    MEANS_UNRECORDED,
} ReasonMeaning;

static const ReasonMeaning meanings[NMA_N_REASONS] = {
    [NMA_REASON_MEMORY_INSUFFICIENT] = MEANS_REFUSED, [NMA_REASON_CHECK_UNKNOWN] = MEANS_REFUSED,
    [NMA_REASON_REFUSED_BY_NOVA] = MEANS_NEVER_MOVED, [NMA_REASON_CAST_LOST] = MEANS_NEVER_MOVED,
    [NMA_REASON_NEVER_STARTED] = MEANS_NEVER_MOVED,   [NMA_REASON_ROLLED_BACK] = MEANS_NEVER_MOVED,
    [NMA_REASON_SUPERSEDED] = MEANS_NEVER_MOVED,      [NMA_REASON_ABORTED] = MEANS_CANCELLED,
    [NMA_REASON_POST_COPY_FAILED] = MEANS_PAUSED,     [NMA_REASON_GUEST_GONE] = MEANS_LOST,
    [NMA_REASON_NOVA_FAILED] = MEANS_UNRECORDED,
};

/* Migration.status with which Nova says that it does not believe in the move
 * (nova/compute/manager.py, live migration and its rollback) */
static const char *const unrecorded_statuses[] = { "error", "failed", "cancelled", NULL };

static const struct {
    const char *name;
    int exit_code;
} outcomes[NMA_WATCH_N_OUTCOMES] = {
    [NMA_WATCH_RUNNING] = { "running", 124 },     [NMA_WATCH_COMPLETED] = { "completed", 0 },
    [NMA_WATCH_FAILED] = { "failed", 1 },         [NMA_WATCH_CANCELLED] = { "cancelled", 3 },
    [NMA_WATCH_PAUSED] = { "paused", 4 },         [NMA_WATCH_LOST] = { "lost", 4 },
    [NMA_WATCH_UNRECORDED] = { "unrecorded", 4 }, [NMA_WATCH_UNKNOWN] = { "unknown", 4 },
};

const char *
nma_watch_outcome_to_string(NmaWatchOutcome outcome)
{
    g_return_val_if_fail((guint)outcome < NMA_WATCH_N_OUTCOMES, "");
    return outcomes[outcome].name;
}

int
nma_watch_outcome_exit_code(NmaWatchOutcome outcome)
{
    g_return_val_if_fail((guint)outcome < NMA_WATCH_N_OUTCOMES, 4);
    return outcomes[outcome].exit_code;
}

/* ---- which attempt of a side counts ---- */

static gboolean
has_final_error(const NmaWatchAttempt *attempt)
{
    if (!attempt || !attempt->error_sequence)
        return FALSE;
    /* a reason of a newer agent: before the guest arrives it is most likely one more check */
    if (attempt->error_reason == NMA_REASON_UNRECOGNIZED && attempt->role == NMA_ROLE_DESTINATION &&
        attempt->error_phase <= NMA_PHASE_RESERVATION)
        return FALSE;
    return meanings[attempt->error_reason] != MEANS_REFUSED;
}

static gboolean
has_committed(const NmaWatchAttempt *attempt)
{
    const NmaWatchPhase *commitment;

    if (!attempt)
        return FALSE;
    commitment = &attempt->phases[NMA_PHASE_COMMITMENT];
    return commitment->close_sequence && !commitment->failed && !commitment->skipped;
}

static gboolean
has_ended(const NmaWatchAttempt *attempt)
{
    return !attempt || has_final_error(attempt) || has_committed(attempt);
}

/* TRUE when a is the one to show rather than b. Several attempts of one role in one migration are
 * a destination that refused before another was tried, or an agent that lost its memory. Times are
 * compared last, and then mostly those of one host. */
static gboolean
counts_more(const NmaWatchAttempt *a, const NmaWatchAttempt *b, const char *expected_host)
{
    gboolean a_named = g_strcmp0(a->host, expected_host) == 0;
    gboolean b_named = g_strcmp0(b->host, expected_host) == 0;

    if (a_named != b_named)
        return a_named;
    if (has_final_error(a) != has_final_error(b))
        return has_final_error(b);
    if (a->first_wall_us != b->first_wall_us)
        return a->first_wall_us > b->first_wall_us;
    return strcmp(a->attempt_id, b->attempt_id) > 0;
}

static const NmaWatchAttempt *
choose(const GPtrArray *attempts, NmaRole role, const char *expected_host)
{
    const NmaWatchAttempt *chosen = NULL;

    for (guint i = 0; i < attempts->len; i++) {
        const NmaWatchAttempt *attempt = attempts->pdata[i];

        if (attempt->role == role && (!chosen || counts_more(attempt, chosen, expected_host)))
            chosen = attempt;
    }
    return chosen;
}

/* ---- what the two sides know together ---- */

/* As nma_identity_learn, but the strings stay the attempt's. */
static void
learn(NmaIdentity *to, const NmaIdentity *from)
{
    if (!*to->migration_uuid)
        g_strlcpy(to->migration_uuid, from->migration_uuid, sizeof(to->migration_uuid));
    if (to->migration_id == NMA_UNKNOWN)
        to->migration_id = from->migration_id;
    if (!to->source)
        to->source = from->source;
    if (!to->destination)
        to->destination = from->destination;
    if (!to->instance_name)
        to->instance_name = from->instance_name;
    if (!to->flavor)
        to->flavor = from->flavor;
    if (!to->request_id)
        to->request_id = from->request_id;
    if (to->memory_mib == NMA_UNKNOWN)
        to->memory_mib = from->memory_mib;
    if (to->vcpus == NMA_UNKNOWN)
        to->vcpus = from->vcpus;
}

static void
merge_identity(NmaWatchPicture *picture)
{
    const NmaWatchAttempt *sides[] = { picture->source, picture->destination };

    picture->identity = (NmaIdentity){ .migration_id = NMA_UNKNOWN,
                                       .memory_mib = NMA_UNKNOWN,
                                       .vcpus = NMA_UNKNOWN };
    for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
        if (!sides[i])
            continue;
        g_strlcpy(picture->identity.instance_uuid, sides[i]->identity.instance_uuid,
                  sizeof(picture->identity.instance_uuid));
        learn(&picture->identity, &sides[i]->identity);
    }
    /* who reports as source is the source */
    if (picture->source)
        picture->identity.source = picture->source->host;
    if (!picture->identity.destination && picture->destination)
        picture->identity.destination = picture->destination->host;
}

/* ---- the phase ---- */

static gint64
since(const NmaWatchAttempt *teller, gint64 first_wall_us, gint64 now_us)
{
    gint64 told;

    if (first_wall_us == NMA_UNKNOWN)
        return NMA_UNKNOWN;
    /* up to the last word by that host's own clock, from there on by ours */
    told = MAX(teller->occurred_wall_us - first_wall_us, 0);
    return now_us == NMA_NEVER ? told : told + MAX(now_us - teller->heard_us, 0);
}

static void
merge_phase(NmaWatchPicture *picture, gint64 now_us)
{
    /* the source knows more of every phase that both see */
    const NmaWatchAttempt *sides[] = { picture->source, picture->destination };
    const NmaWatchPhase *phase = NULL;

    for (int at = NMA_N_PHASES - 1; at >= 0 && !phase; at--) {
        for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
            const NmaWatchPhase *own = sides[i] ? &sides[i]->phases[at] : NULL;

            if (!own || !own->heard || own->skipped)
                continue;
            if (!phase || (nma_watch_phase_is_open(own) && !nma_watch_phase_is_open(phase))) {
                phase = own;
                picture->phase = (NmaPhase)at;
                picture->teller = sides[i];
            }
        }
    }
    if (!phase) { /* only skipped phases were heard of */
        picture->teller = picture->source ? picture->source : picture->destination;
        picture->phase = picture->teller->phase;
        phase = &picture->teller->phases[picture->phase];
    }
    picture->phase_open = nma_watch_phase_is_open(phase);
    picture->phase_failed = phase->failed;
    picture->phase_us = phase->duration_us;
    picture->step_us = NMA_UNKNOWN;
    if (picture->phase_open) {
        if (picture->teller->phase == picture->phase)
            picture->step = picture->teller->step;
        picture->phase_us = since(picture->teller, phase->start_wall_us, now_us);
        if (picture->step != NMA_STEP_NONE)
            picture->step_us =
                since(picture->teller, picture->teller->step_first_wall_us[picture->step], now_us);
    }
}

/* ---- the guest ---- */

static NmaPhase
last_phase(const NmaWatchAttempt *attempt)
{
    for (int at = NMA_N_PHASES - 1; at > 0; at--)
        if (attempt->phases[at].heard && !attempt->phases[at].skipped)
            return (NmaPhase)at;
    return NMA_PHASE_PRE_MIGRATION;
}

/* Each side knows the guest that it has; of a guest that it has not it only says what it believes.
 * So the later phase speaks first, and with equal ones the side that has the guest. */
static void
merge_guest(NmaWatchPicture *picture)
{
    const NmaWatchAttempt *source = picture->source, *destination = picture->destination;
    const NmaWatchAttempt *speaker;

    if (!source || !destination) {
        speaker = source ? source : destination;
    } else if (destination->guest_place == NMA_GUEST_ON_DESTINATION &&
               !(source->guest_place == NMA_GUEST_ON_SOURCE && has_final_error(source) &&
                 last_phase(source) >= last_phase(destination))) {
        speaker = destination;
    } else {
        speaker = source->guest_place != NMA_GUEST_UNKNOWN ? source : destination;
    }
    picture->guest_place = speaker->guest_place;
    picture->guest_state = speaker->guest_state;
    /* the source no longer sees a guest that it handed over */
    if (speaker == source && picture->guest_place == NMA_GUEST_ON_DESTINATION && destination &&
        destination->guest_state != NMA_GUEST_STATE_UNKNOWN)
        picture->guest_state = destination->guest_state;
}

/* ---- the result ---- */

static gboolean
is_unrecorded(const NmaWatchAttempt *attempt)
{
    if (!attempt)
        return FALSE;
    if (attempt->error_sequence && meanings[attempt->error_reason] == MEANS_UNRECORDED)
        return TRUE;
    return has_committed(attempt) && attempt->nova_status &&
           g_strv_contains(unrecorded_statuses, attempt->nova_status);
}

static NmaWatchOutcome
outcome_by_place(const NmaWatchPicture *picture)
{
    if (picture->guest_state == NMA_GUEST_PAUSED)
        return NMA_WATCH_PAUSED;
    switch (picture->guest_place) {
    case NMA_GUEST_ON_SOURCE:
        return NMA_WATCH_FAILED;
    case NMA_GUEST_ON_DESTINATION:
        return NMA_WATCH_UNRECORDED;
    case NMA_GUEST_GONE:
        return NMA_WATCH_LOST;
    case NMA_GUEST_UNKNOWN:
        break;
    }
    return NMA_WATCH_UNKNOWN;
}

/* An error counts at once when it says where the guest is for sure; else the other side, if it
 * was heard and has not ended, is given time to say what it knows. */
static gboolean
waits_for_other(const NmaWatchAttempt *failed, const NmaWatchAttempt *other, gint64 now_us)
{
    if (has_ended(other))
        return FALSE;
    if (meanings[failed->error_reason] == MEANS_PAUSED)
        return FALSE;
    if (failed->role == NMA_ROLE_SOURCE && failed->guest_place == NMA_GUEST_ON_SOURCE)
        return FALSE;
    /* before memory flows silence means nothing: Nova's queue may take hours */
    if (now_us != NMA_NEVER && other->role == NMA_ROLE_SOURCE &&
        last_phase(other) < NMA_PHASE_PRE_COPY)
        return TRUE;
    return now_us != NMA_NEVER && now_us - other->heard_us < NMA_WATCH_PATIENCE_US;
}

static NmaWatchOutcome
outcome_of_error(NmaWatchPicture *picture, const NmaWatchAttempt *failed)
{
    gboolean elsewhere =
        picture->guest_place == NMA_GUEST_ON_DESTINATION || picture->guest_place == NMA_GUEST_GONE;
    NmaWatchOutcome by_place;

    switch (meanings[failed->error_reason]) {
    case MEANS_PAUSED:
        return NMA_WATCH_PAUSED;
    case MEANS_LOST:
        return picture->guest_place == NMA_GUEST_UNKNOWN ? NMA_WATCH_LOST
                                                         : outcome_by_place(picture);
    case MEANS_NEVER_MOVED:
        if (!elsewhere)
            picture->guest_place = NMA_GUEST_ON_SOURCE;
        break;
    default:
        break;
    }
    by_place = outcome_by_place(picture);
    return by_place == NMA_WATCH_FAILED && failed->error_reason == NMA_REASON_ABORTED
               ? NMA_WATCH_CANCELLED
               : by_place;
}

static void
take_error(NmaWatchPicture *picture, const NmaWatchAttempt *attempt)
{
    picture->reason = attempt->error_reason;
    if (attempt->text_rank.sequence >= attempt->error_sequence)
        picture->text = attempt->text;
}

static void
merge_outcome(NmaWatchPicture *picture, gint64 now_us)
{
    const NmaWatchAttempt *sides[] = { picture->source, picture->destination };
    const NmaWatchAttempt *failed;

    for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
        if (sides[i] && sides[i]->error_sequence && !has_final_error(sides[i])) {
            picture->refused = TRUE;
            take_error(picture, sides[i]);
        }
    }
    failed = has_final_error(picture->source)        ? picture->source
             : has_final_error(picture->destination) ? picture->destination
                                                     : NULL;
    if (is_unrecorded(picture->source) || is_unrecorded(picture->destination)) {
        picture->outcome = NMA_WATCH_UNRECORDED;
        if (failed)
            take_error(picture, failed);
    } else if (has_committed(picture->source) || has_committed(picture->destination)) {
        picture->outcome = NMA_WATCH_COMPLETED;
    } else if (failed) {
        const NmaWatchAttempt *other =
            failed == picture->source ? picture->destination : picture->source;

        take_error(picture, failed);
        if (!waits_for_other(failed, other, now_us))
            picture->outcome = outcome_of_error(picture, failed);
    }
}

void
nma_watch_picture_make(NmaWatchPicture *picture, const GPtrArray *attempts, gint64 now_us)
{
    const char *destination = NULL;
    gint64 heard_us = G_MININT64;

    memset(picture, 0, sizeof(*picture));
    nma_job_stats_clear(&picture->stats);
    picture->attempts = attempts->len;
    picture->source = choose(attempts, NMA_ROLE_SOURCE, NULL);
    if (picture->source)
        destination = picture->source->identity.destination;
    picture->destination = choose(attempts, NMA_ROLE_DESTINATION, destination);
    /* the story of a host that Nova left for another one says nothing of this migration */
    if (destination && picture->destination && strcmp(picture->destination->host, destination) != 0)
        picture->destination = NULL;
    merge_identity(picture);
    merge_phase(picture, now_us);
    picture->cell = picture->teller->cell;
    if (picture->source) {
        picture->stats = picture->source->stats;
        picture->stats_final = picture->source->stats_final;
    }
    merge_guest(picture);
    merge_outcome(picture, now_us);
    if (picture->source && picture->source->forecast_wall_us != NMA_UNKNOWN &&
        picture->outcome == NMA_WATCH_RUNNING && picture->phase == NMA_PHASE_PRE_COPY)
        picture->forecast = &picture->source->forecast;
    for (guint i = 0; i < attempts->len; i++) {
        const NmaWatchAttempt *attempt = attempts->pdata[i];

        picture->missing += nma_watch_attempt_missing(attempt);
        heard_us = MAX(heard_us, attempt->heard_us);
    }
    picture->settled = picture->outcome != NMA_WATCH_RUNNING && picture->source &&
                       picture->destination && has_ended(picture->source) &&
                       has_ended(picture->destination) && picture->missing == 0;
    picture->silent_us = now_us == NMA_NEVER ? NMA_UNKNOWN : MAX(now_us - heard_us, 0);
}
