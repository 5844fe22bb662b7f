/* What the host's policy makes of a migration: advised, or done. */
#include "agent/core/source_internal.h"

/* what was asked for has no effect: it failed */
#define NO_EFFECT_US (60 * NMA_US_PER_S)
/* Nova drops an abort of what it has not put into its queue yet: two calls to its conductor after
 * the cast (nova/compute/manager.py, live_migration and live_migration_abort) */
#define NOVA_QUEUES_US NMA_US_PER_S
/* an advice is repeated when its figure has changed by so much */
#define CHANGED 0.15

void
nma_source_set_rules(NmaSource *source, const NmaRules *rules)
{
    source->rules = rules;
}

/* Once: by the flavor where the cast told of it. A migration that was found running is one of which
 * nothing is known. */
static void
begin(NmaSource *source, NmaNow now)
{
    const NmaRules *rules = source->rules;
    const char *wanted = source->base.identity.policy;
    guint chosen = source->policy_known ? rules->chosen : 0;

    for (guint i = 0; wanted != NULL && i < rules->n_policies; i++)
        if (g_str_equal(rules->policies[i].name, wanted))
            chosen = i;
    nma_steering_resume(&source->steering, &rules->policies[chosen], now.boot_us);
    source->steered = TRUE;
}

void
nma_source_resume_steering(NmaSource *source, NmaNow now)
{
    const NmaSteering *held = &source->steering;

    if (source->rules->n_policies > 0 &&
        (held->limit_ms > 0 || held->speed_bytes_s > 0 || held->paused_boot_us != NMA_NEVER))
        begin(source, now);
}

static gint64
started_boot_us(const NmaSource *source)
{
    const NmaJobStats *stats = &source->base.stats;

    if (!source->base.has_stats || stats->elapsed_ms < 0 || !source->convergence.has_last ||
        stats->elapsed_ms > source->convergence.last_boot_us / NMA_US_PER_MS)
        return NMA_NEVER;
    return source->convergence.last_boot_us - stats->elapsed_ms * NMA_US_PER_MS;
}

/* Nova goes by the flavor's memory; where that is not known, by what QEMU counts, which is a little
 * more. */
static void
plan(const NmaSource *source, const NmaJobStats *stats, NmaNovaPlan *plan)
{
    gint64 memory_mib = source->base.identity.memory_mib;

    if (memory_mib < 0 && stats->memory_total_bytes > 0)
        memory_mib = stats->memory_total_bytes / (1024 * 1024);
    nma_nova_plan(&source->rules->nova, nma_nova_data_gib(memory_mib, stats->disk_total_bytes),
                  stats->elapsed_ms, plan);
}

void
nma_source_plan_of_nova(const NmaSource *source, const NmaJobStats *stats, NmaForecast *forecast)
{
    forecast->elapsed_ms = stats->elapsed_ms;
    if (source->rules != NULL && source->rules->nova.downtime_ms > 0 && stats->elapsed_ms >= 0)
        plan(source, stats, &forecast->nova);
}

gint64
nma_source_allowed_ms(const NmaSource *source, const NmaJobStats *stats)
{
    NmaNovaPlan nova;

    if (source->rules == NULL || source->rules->nova.downtime_ms <= 0)
        return NMA_UNKNOWN;
    if (source->steered && source->steering.limit_ms > 0)
        return source->steering.limit_ms;
    plan(source, stats, &nova);
    return nova.downtime_ms;
}

gboolean
nma_source_is_paused(const NmaSource *source)
{
    return source->steered && source->steering.ending == NMA_REMEDY_PAUSE;
}

gboolean
nma_source_is_helped(const NmaSource *source)
{
    const NmaSteering *steering = &source->steering;

    return source->steered && (steering->limit_ms > source->convergence.limits.max_downtime_ms ||
                               steering->speed_bytes_s > 0 || steering->ending != NMA_REMEDY_NONE);
}

static void
look_around(const NmaSource *source, const NmaJobStats *stats, NmaNow at, NmaSituation *situation)
{
    const NmaRules *rules = source->rules;
    NmaNovaPlan nova;

    plan(source, stats, &nova);
    *situation = (NmaSituation){
        .forecast = &source->convergence.forecast,
        .iteration = stats->memory_iteration,
        .now_boot_us = at.boot_us,
        .elapsed_ms = stats->elapsed_ms,
        .limit_ms = nova.downtime_ms,
        .nova_downtime_ms = rules->nova.downtime_ms,
        .fixed_cost_ms = source->convergence.limits.fixed_cost_ms,
        .speed_bytes_s = MIN(rules->nova.bandwidth_mib_s, G_MAXINT32) * 1024 * 1024,
        .fair_speed_bytes_s = rules->max_speed_bytes_s / MAX(rules->running, 1),
        .post_copy_ready = rules->nova.post_copy && source->base.guest_state == NMA_GUEST_RUNNING,
        .nova_forces = rules->nova.forces && rules->nova.completion_timeout_s > 0,
    };
}

/* What Nova knows is done through Nova, so that its records stay right; where seconds count, and
 * for the knobs, through libvirt. */
static NmaRemedyWay
way_of(const NmaSource *source, const NmaRemedyOrder *order)
{
    gboolean through_nova =
        order->remedy == NMA_REMEDY_POST_COPY ||
        (order->remedy == NMA_REMEDY_ABORT && order->reason != NMA_REMEDY_REASON_PAUSE_TIME);

    return through_nova && source->base.identity.migration_id >= 0 ? NMA_WAY_NOVA : NMA_WAY_LIBVIRT;
}

static NmaRemedyReport *
say(NmaSource *source, NmaRemedyKind kind, const NmaRemedyOrder *order, NmaNow at,
    GPtrArray *effects)
{
    const NmaMigration *base = &source->base;
    NmaRemedyReport *report = nma_remedy_report_new();

    nma_identity_copy(&report->identity, &base->identity);
    g_strlcpy(report->attempt_id, base->attempt_id, sizeof report->attempt_id);
    g_strlcpy(report->policy, source->steering.policy.name, sizeof report->policy);
    report->kind = kind;
    report->order = *order;
    report->way = way_of(source, order);
    report->iteration = base->stats.memory_iteration;
    if (order->reason == NMA_REMEDY_REASON_REFUSED) {
        report->refused_for = source->refused_for;
        report->refusal = g_strdup(source->refusal);
    }
    report->occurred_wall_us = at.wall_us;
    nma_effects_add_remedy_report(effects, report);
    return report;
}

static gboolean
is_news(const NmaRemedyOrder *said, const NmaRemedyOrder *order)
{
    double change = (double)(order->value - said->value);

    return said->remedy != order->remedy ||
           (order->value != NMA_UNKNOWN && ABS(change) > CHANGED * (double)said->value);
}

static void
advise(NmaSource *source, const NmaRemedyOrder *order, NmaNow at, GPtrArray *effects)
{
    if (!is_news(&source->advised, order))
        return;
    source->advised = *order;
    say(source, NMA_REMEDY_ADVISED, order, at, effects);
}

static void
give(NmaSource *source, const NmaRemedyOrder *order, NmaNow at, GPtrArray *effects)
{
    nma_steering_ordered(&source->steering, order, source->base.stats.memory_iteration, at.boot_us);
    source->ordered = *order;
    nma_effects_add_remedy(effects, source->base.identity.instance_uuid,
                           source->base.identity.migration_id, order, way_of(source, order));
}

void
nma_source_steer(NmaSource *source, const NmaJobStats *stats, NmaNow at, GPtrArray *effects)
{
    NmaRemedyOrder order;
    NmaSituation situation;

    if (source->rules == NULL || source->rules->mode == NMA_MODE_OBSERVE ||
        source->rules->n_policies == 0 || source->base.guest_state != NMA_GUEST_RUNNING)
        return;
    if (!source->steered)
        begin(source, at);
    look_around(source, stats, at, &situation);
    nma_steering_observe(&source->steering, &situation);
    if (!nma_steering_choose(&source->steering, &situation, &order))
        return;
    if (source->rules->mode == NMA_MODE_STEER)
        give(source, &order, at, effects);
    else
        advise(source, &order, at, effects);
}

static const NmaRemedyOrder abort_refused = { .remedy = NMA_REMEDY_ABORT,
                                              .reason = NMA_REMEDY_REASON_REFUSED,
                                              .value = NMA_UNKNOWN,
                                              .expected_ms = NMA_UNKNOWN,
                                              .cap_ms = NMA_UNKNOWN };

/* Only Nova can end what has no job in libvirt yet, and it needs the migration's id. */
void
nma_source_act_on_refusal(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    if (source->rules == NULL || !source->rules->abort_refused ||
        source->rules->mode == NMA_MODE_OBSERVE || source->rules->n_policies == 0 ||
        source->base.identity.migration_id < 0)
        return;
    if (!source->steered)
        begin(source, now);
    if (source->steering.pending != NMA_REMEDY_NONE)
        return;
    if (source->rules->mode == NMA_MODE_STEER)
        source->refuse_boot_us = now.boot_us + NOVA_QUEUES_US;
    else
        advise(source, &abort_refused, now, effects);
}

/* Nova aborts what waits or is prepared, and a job that runs; an abort that comes between the two
 * it drops. So once more when data flows all the same. */
static gboolean
was_dropped_by_nova(const NmaSource *source)
{
    return source->steering.pending == NMA_REMEDY_ABORT &&
           source->ordered.reason == NMA_REMEDY_REASON_REFUSED &&
           source->base.phase == NMA_PHASE_PRE_COPY &&
           source->steering.pending_boot_us < source->base.phase_started_boot_us;
}

/* NMA_NEVER: nothing is pending, or it takes effect as late as Nova has prepared the destination */
static gint64
no_effect_boot_us(const NmaSource *source)
{
    return source->steering.pending == NMA_REMEDY_NONE ||
                   source->base.phase == NMA_PHASE_PRE_MIGRATION
               ? NMA_NEVER
               : source->steering.pending_boot_us + NO_EFFECT_US;
}

void
nma_source_steer_by_time(NmaSource *source, NmaNow now, GPtrArray *effects)
{
    NmaSteering *steering = &source->steering;
    NmaRemedyOrder order;

    if (!source->steered || source->rules == NULL || source->base.phase > NMA_PHASE_STOP_AND_COPY)
        return;
    if (now.boot_us >= source->refuse_boot_us) {
        source->refuse_boot_us = NMA_NEVER;
        if (source->rules->mode == NMA_MODE_STEER && steering->pending == NMA_REMEDY_NONE)
            give(source, &abort_refused, now, effects);
    }
    if (was_dropped_by_nova(source) && source->rules->mode == NMA_MODE_STEER) {
        order = source->ordered;
        give(source, &order, now, effects);
    }
    if (now.boot_us >= no_effect_boot_us(source)) {
        NmaRemedyReport *report = say(source, NMA_REMEDY_FAILED, &source->ordered, now, effects);

        report->text = g_strdup("no effect within 60 s");
        nma_steering_done(steering, steering->pending, FALSE);
    }
    /* a pause that we began is ours to end, whatever the mode is now */
    if (!nma_steering_choose_by_time(steering, started_boot_us(source), now.boot_us, &order) ||
        (source->rules->mode != NMA_MODE_STEER && order.reason != NMA_REMEDY_REASON_PAUSE_TIME))
        return;
    give(source, &order, now, effects);
}

gint64
nma_source_steer_deadline(const NmaSource *source)
{
    gint64 next;

    if (!source->steered || source->rules == NULL || source->base.phase > NMA_PHASE_STOP_AND_COPY)
        return NMA_NEVER;
    next = nma_steering_next_deadline(&source->steering, started_boot_us(source));
    if (source->rules->mode != NMA_MODE_STEER && source->steering.ending != NMA_REMEDY_PAUSE)
        next = NMA_NEVER;
    next = MIN(next, source->refuse_boot_us);
    return MIN(next, no_effect_boot_us(source));
}

/* libvirt or Nova has answered. */
void
nma_source_take_remedy(NmaSource *source, const NmaEvent *event, NmaNow now, GPtrArray *effects)
{
    NmaSteering *steering = &source->steering;
    const NmaRemedyOrder order = source->ordered;
    gboolean applied = event->remedy.applied;
    NmaRemedyReport *report;

    if (!source->steered || steering->pending != event->remedy.remedy)
        return;
    /* asserted again, and nobody had moved it: nothing was done */
    if (applied && order.reason == NMA_REMEDY_REASON_MOVED_BACK &&
        event->remedy.before == event->remedy.after) {
        nma_steering_done(steering, order.remedy, TRUE);
        return;
    }
    report = say(source, applied ? NMA_REMEDY_APPLIED : NMA_REMEDY_FAILED, &order,
                 nma_event_time(event, now), effects);
    report->before = event->remedy.before;
    report->after = event->remedy.after;
    report->text = g_strdup(event->remedy.text);
    /* that Nova was asked proves nothing yet: see NO_EFFECT_US */
    if (!applied || report->way == NMA_WAY_LIBVIRT)
        nma_steering_done(steering, order.remedy, applied);
}
