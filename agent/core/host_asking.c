/* What others ask about guests that are to come. A question waits for libvirt after a start,
 * and for facts, of which its size may be one; none waits for longer than ten seconds. */
#include <string.h>

#include "agent/core/host_internal.h"

#define WAIT_US (10 * NMA_US_PER_S)

typedef enum {
    WAITS_FOR_LIBVIRT,
    WAITS_FOR_FACTS,
} Waiting;

typedef struct {
    NmaAsk *ask;
    Waiting waiting;
    gint64 due_boot_us;
} Question;

static void
question_free(gpointer data)
{
    Question *question = data;

    nma_ask_free(question->ask);
    g_free(question);
}

GPtrArray *
nma_host_questions_new(void)
{
    return g_ptr_array_new_with_free_func(question_free);
}

static NmaReservation *
live_entry(NmaHost *host, const char *instance_uuid)
{
    NmaReservation *entry = nma_ledger_get(host->ledger, instance_uuid);

    return entry != NULL && nma_reservation_is_live(entry) ? entry : NULL;
}

/* takes the answer; its reservation is as it is now */
static void
give(NmaHost *host, NmaAnswer *answer, GPtrArray *effects)
{
    const NmaReservation *entry = nma_ledger_get(host->ledger, answer->instance_uuid);

    if (entry != NULL && (nma_reservation_is_live(entry) || answer->kind == NMA_ASK_RELEASE))
        answer->reservation = nma_reservation_copy(entry);
    nma_effects_add_answer(effects, answer);
}

static void
refuse(NmaHost *host, const NmaAsk *ask, NmaReason reason, GPtrArray *effects)
{
    NmaAnswer *answer = nma_answer_new(ask);

    answer->verdict = NMA_VERDICT_REFUSED;
    answer->reason = reason;
    answer->text = g_strdup(nma_reason_meaning(reason));
    give(host, answer, effects);
}

static void
grant(NmaHost *host, const NmaAsk *ask, GPtrArray *effects)
{
    NmaAnswer *answer = nma_answer_new(ask);

    answer->granted = TRUE;
    give(host, answer, effects);
}

/* ---- renew and release ---- */

static void
renew_entry(NmaReservation *entry, const NmaAsk *ask, NmaNow now)
{
    if (entry->migration_uuid[0] == '\0')
        g_strlcpy(entry->migration_uuid, ask->migration_uuid, sizeof entry->migration_uuid);
    if (entry->source == NULL)
        entry->source = g_strdup(ask->source);
    nma_reservation_set_state(entry, entry->state, now);
}

static void
renew(NmaHost *host, const NmaAsk *ask, NmaNow now, GPtrArray *effects)
{
    NmaReservation *entry = live_entry(host, ask->instance_uuid);

    if (entry == NULL) {
        refuse(host, ask, NMA_REASON_NOT_RESERVED, effects);
        return;
    }
    renew_entry(entry, ask, now);
    grant(host, ask, effects);
}

static void
release(NmaHost *host, const NmaAsk *ask, NmaNow now, GPtrArray *effects)
{
    NmaReservation *entry = live_entry(host, ask->instance_uuid);
    NmaDestination *destination = nma_host_get_destination(host, ask->instance_uuid);

    /* of another migration of the instance, which whoever asks does not speak of */
    if (entry != NULL && entry->migration_uuid[0] != '\0' && ask->migration_uuid[0] != '\0' &&
        strcmp(entry->migration_uuid, ask->migration_uuid) != 0) {
        refuse(host, ask, NMA_REASON_NOT_RESERVED, effects);
        return;
    }
    if (entry != NULL && entry->state == NMA_RESERVATION_IN_USE) {
        refuse(host, ask, NMA_REASON_RESERVATION_IN_USE, effects);
        return;
    }
    if (entry != NULL && destination != NULL && destination->reserved) {
        /* whoever releases it may know that Nova has given up: then the conductor says so */
        destination->ask_due_boot_us = now.boot_us;
        refuse(host, ask, NMA_REASON_MIGRATION_OPEN, effects);
        return;
    }
    if (entry != NULL)
        nma_reservation_set_state(entry, NMA_RESERVATION_RELEASED, now);
    grant(host, ask, effects);
}

/* ---- check and reserve ---- */

static void
take_reservation(NmaHost *host, const NmaAsk *ask, const NmaAdmission *admission, NmaNow now,
                 NmaAnswer *answer)
{
    NmaReservation *entry = live_entry(host, ask->instance_uuid);

    if (entry == NULL) {
        NmaReservation fresh = {
            .source = ask->source,
            .state = NMA_RESERVATION_SOFT,
            .created_wall_us = now.wall_us,
        };

        g_strlcpy(fresh.instance_uuid, ask->instance_uuid, sizeof fresh.instance_uuid);
        entry = nma_ledger_put(host->ledger, &fresh);
        answer->fresh = TRUE;
    }
    if (entry->state == NMA_RESERVATION_SOFT)
        entry->resources = admission->resources;
    renew_entry(entry, ask, now);
}

/* Who asks, Nova's check, a reservation or the guest's source may have said it. */
static gboolean
know_size(NmaHost *host, const NmaAsk *ask, const NmaFacts *facts, NmaResources *resources)
{
    const NmaDestination *destination = nma_host_get_destination(host, ask->instance_uuid);
    const NmaReservation *entry = live_entry(host, ask->instance_uuid);
    const NmaGuest *guest = facts->source != NULL ? facts->source->guest : NULL;

    *resources = ask->resources;
    if (!ask->sized && destination != NULL && destination->base.identity.memory_mib >= 0)
        nma_destination_wants(destination, resources);
    if (entry != NULL)
        nma_reservation_fill_in(entry, resources);
    if (resources->amount[NMA_AMOUNT_MEMORY] < 0 && guest != NULL) {
        resources->amount[NMA_AMOUNT_MEMORY] = guest->memory_bytes;
        resources->amount[NMA_AMOUNT_VCPUS] = guest->vcpus;
    }
    return resources->amount[NMA_AMOUNT_MEMORY] >= 0;
}

static void
judge(NmaHost *host, const NmaAsk *ask, const NmaFacts *facts, const NmaCapacity *capacity,
      NmaNow now, GPtrArray *effects)
{
    NmaResources wanted;
    NmaAnswer *answer;
    NmaAdmission admission;

    if (!know_size(host, ask, facts, &wanted)) {
        refuse(host, ask, NMA_REASON_SIZE_UNKNOWN, effects);
        return;
    }
    answer = nma_answer_new(ask);
    nma_admission_judge(&admission, ask->instance_uuid, &wanted, facts, capacity, host->ledger);
    answer->verdict = admission.verdict;
    if (admission.worst != NULL) {
        answer->reason = admission.worst->reason;
        answer->text = admission.verdict == NMA_VERDICT_OK ? NULL : g_strdup(admission.worst->text);
    }
    answer->granted = admission.verdict != NMA_VERDICT_REFUSED &&
                      (admission.measured || ask->kind == NMA_ASK_CHECK);
    if (answer->granted && ask->kind == NMA_ASK_RESERVE)
        take_reservation(host, ask, &admission, now, answer);
    answer->checks = g_steal_pointer(&admission.results);
    nma_admission_clear(&admission);
    give(host, answer, effects);
}

static void
judge_blindly(NmaHost *host, const NmaAsk *ask, NmaNow now, GPtrArray *effects)
{
    NmaFacts facts;
    NmaCapacity capacity;

    nma_facts_clear(&facts);
    nma_capacity_clear(&capacity);
    judge(host, ask, &facts, &capacity, now, effects);
}

static void
gather(NmaHost *host, Question *question, GPtrArray *effects)
{
    question->waiting = host->libvirt_read ? WAITS_FOR_FACTS : WAITS_FOR_LIBVIRT;
    if (host->libvirt_read)
        nma_effects_add_gather_facts(effects, question->ask->instance_uuid, question->ask->source);
}

static void
open_question(NmaHost *host, const NmaAsk *asked, NmaNow now, GPtrArray *effects)
{
    const NmaReservation *entry = live_entry(host, asked->instance_uuid);
    Question *question;

    if (asked->kind == NMA_ASK_RESERVE && now.boot_us < host->lost_until_boot_us) {
        refuse(host, asked, NMA_REASON_PROMISES_LOST, effects);
        return;
    }
    if (host->asked->len >= NMA_MAX_ASKS ||
        (entry == NULL && asked->kind == NMA_ASK_RESERVE &&
         nma_ledger_live_count(host->ledger) >= NMA_MAX_RESERVATIONS)) {
        refuse(host, asked, NMA_REASON_AGENT_BUSY, effects);
        return;
    }
    question = g_new0(Question, 1);
    question->ask = nma_ask_copy(asked);
    question->due_boot_us = now.boot_us + WAIT_US;
    g_ptr_array_add(host->asked, question);
    gather(host, question, effects);
}

/* What is promised already stays so, whatever the host looks like now; more than that is judged. */
static gboolean
is_promised(NmaHost *host, const NmaAsk *ask)
{
    const NmaReservation *entry = live_entry(host, ask->instance_uuid);
    NmaResources wanted = ask->resources;

    if (entry == NULL)
        return FALSE;
    nma_reservation_fill_in(entry, &wanted);
    return entry->state > NMA_RESERVATION_SOFT || nma_resources_equal(&wanted, &entry->resources);
}

void
nma_host_take_ask(NmaHost *host, const NmaAsk *ask, NmaNow now, GPtrArray *effects)
{
    switch (ask->kind) {
    case NMA_ASK_CHECK:
        open_question(host, ask, now, effects);
        break;
    case NMA_ASK_RESERVE:
        if (is_promised(host, ask))
            renew(host, ask, now, effects);
        else
            open_question(host, ask, now, effects);
        break;
    case NMA_ASK_RENEW:
        renew(host, ask, now, effects);
        break;
    case NMA_ASK_RELEASE:
        release(host, ask, now, effects);
        break;
    default:
        break;
    }
}

/* ---- what they wait for ---- */

void
nma_host_take_facts(NmaHost *host, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    for (guint i = 0; i < host->asked->len;) {
        const Question *question = host->asked->pdata[i];

        if (question->waiting != WAITS_FOR_FACTS ||
            !g_str_equal(question->ask->instance_uuid, event->facts.instance_uuid)) {
            i++;
            continue;
        }
        judge(host, question->ask, &event->facts.facts, &event->facts.capacity, now, effects);
        g_ptr_array_remove_index(host->asked, i);
    }
}

void
nma_host_libvirt_was_read(NmaHost *host, GPtrArray *effects)
{
    host->libvirt_read = TRUE;
    for (guint i = 0; i < host->asked->len; i++) {
        Question *question = host->asked->pdata[i];

        if (question->waiting == WAITS_FOR_LIBVIRT)
            gather(host, question, effects);
    }
}

void
nma_host_end_overdue_asks(NmaHost *host, NmaNow now, GPtrArray *effects)
{
    for (guint i = 0; i < host->asked->len;) {
        const Question *question = host->asked->pdata[i];

        if (question->due_boot_us > now.boot_us) {
            i++;
            continue;
        }
        switch (question->waiting) {
        case WAITS_FOR_LIBVIRT:
            refuse(host, question->ask, NMA_REASON_NOT_READY, effects);
            break;
        case WAITS_FOR_FACTS:
            judge_blindly(host, question->ask, now, effects);
            break;
        }
        g_ptr_array_remove_index(host->asked, i);
    }
}

gint64
nma_host_asks_deadline(const NmaHost *host)
{
    gint64 next = NMA_NEVER;

    for (guint i = 0; i < host->asked->len; i++)
        next = MIN(next, ((const Question *)host->asked->pdata[i])->due_boot_us);
    return next;
}

void
nma_host_promises_lost(NmaHost *host, NmaNow now)
{
    host->lost_until_boot_us = now.boot_us + NMA_RESERVATION_SOFT_LEASE_US;
}

void
nma_host_withdraw(NmaHost *host, const char *instance_uuid)
{
    const NmaReservation *entry = nma_ledger_get(host->ledger, instance_uuid);

    if (entry != NULL && entry->state == NMA_RESERVATION_SOFT)
        nma_ledger_remove(host->ledger, instance_uuid);
}
