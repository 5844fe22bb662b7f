/* One migration under a policy: what its passes so far say, and which remedy that makes due. */
#include "agent/core/policy.h"

/* an answer that got lost must not stop us */
#define ANSWER_OVERDUE_US (60 * NMA_US_PER_S)
/* a rest is as small as the smallest one when it is at most so much larger */
#define AS_SMALL 1.1
/* for which that many passes are waited for, of a guest that writes in bursts */
#define WAIT_PASSES 3
/* the computed need, and a little for what cannot be computed */
#define DOWNTIME_MARGIN    1.05
#define DOWNTIME_MARGIN_MS 5
/* knobs are not moved for less */
#define WORTH_MOVING 1.05
/* so near to its limit of bandwidth, the limit is what holds it up */
#define SPEED_BOUND 0.8
/* A remedy that stops the guest is begun only when it is computed to be over within this share of
 * its cap: the link may slow down meanwhile. */
#define CAP_SHARE 0.95
/* passes that should have ended it, or of which nothing is known, until that counts */
#define OVERDUE_PASSES   8
#define UNDECIDED_PASSES 4
/* passes are waited for that long more before Nova's own limit is raised */
#define PATIENCE_MS    15000
#define PATIENCE_SHARE 0.1
/* a pause is ended before it exceeds its cap: an abort takes a moment */
#define ABORT_TAKES_MS 1000
/* and when that did not work, it is tried again */
#define ABORT_AGAIN_US (5 * NMA_US_PER_S)

void
nma_steering_init(NmaSteering *steering, const NmaPolicy *policy)
{
    *steering = (NmaSteering){
        .policy = *policy,
        .moved_iteration = NMA_UNKNOWN,
        .hopeless_since_boot_us = NMA_NEVER,
        .least_rest_bytes = G_MAXINT64,
        .paused_boot_us = NMA_NEVER,
    };
}

void
nma_steering_resume(NmaSteering *steering, const NmaPolicy *policy, gint64 now_boot_us)
{
    const NmaSteering held = *steering;

    nma_steering_init(steering, policy);
    steering->limit_ms = MAX(held.limit_ms, 0);
    steering->speed_bytes_s = MAX(held.speed_bytes_s, 0);
    if (held.paused_boot_us == NMA_NEVER)
        return;
    steering->ending = NMA_REMEDY_PAUSE;
    steering->paused_boot_us = CLAMP(held.paused_boot_us, 0, now_boot_us);
    steering->pending_boot_us = steering->paused_boot_us;
    steering->unsure = TRUE;
}

/* ---- what the forecast means for this policy ---- */

static gint64
cap_downtime_ms(const NmaSteering *steering, const NmaSituation *situation)
{
    gint64 cap_ms = steering->policy.max_downtime_ms;

    return cap_ms == NMA_UNKNOWN ? situation->nova_downtime_ms : cap_ms;
}

/* what QEMU is allowed */
static gint64
limit_ms(const NmaSteering *steering, const NmaSituation *situation)
{
    return steering->limit_ms > 0 ? steering->limit_ms : situation->limit_ms;
}

/* a bound of the least downtime, as QEMU counts it: without the switchover's own cost */
static gint64
need_ms(const NmaSituation *situation, gint64 least_ms)
{
    return MAX(least_ms - situation->fixed_cost_ms, 0);
}

typedef enum {
    STANDS_OPEN, /* nothing may be concluded yet: one more pass is waited for */
    STANDS_WELL, /* it ends at the present limit, and soon enough */
    STANDS_SLOW, /* it would end, were the limit raised to the need */
    STANDS_UNSURE,
    STANDS_HOPELESS, /* not at the cap either */
} Standing;

static gboolean
is_waiting(const NmaForecast *forecast)
{
    switch (forecast->why) {
    case NMA_DOUBT_TOO_FEW_PASSES:
    case NMA_DOUBT_BANDWIDTH_CHANGED:
    case NMA_DOUBT_THROTTLE_CHANGED:
    case NMA_DOUBT_DISK:
    case NMA_DOUBT_NOTHING_MOVES:
        return TRUE;
    default:
        return forecast->bandwidth_bytes_s <= 0 || forecast->rest_bytes < 0;
    }
}

/* It would end at the present limit: is it worth waiting for? */
static gboolean
is_soon(const NmaSituation *situation)
{
    const NmaForecast *forecast = situation->forecast;
    gint64 slow_ms = forecast->finishes_in_ms.high, fast_ms = forecast->finishes_in_ms.low;
    gint64 patience_ms =
        MAX(PATIENCE_MS, (gint64)(PATIENCE_SHARE * (double)MAX(situation->elapsed_ms, 0)));

    if (forecast->verdict != NMA_FORECAST_CONVERGES || slow_ms < 0 || fast_ms < 0)
        return FALSE;
    return slow_ms - fast_ms <= patience_ms;
}

static Standing
standing(const NmaSteering *steering, const NmaSituation *situation)
{
    const NmaForecast *forecast = situation->forecast;
    gint64 cap_ms = cap_downtime_ms(steering, situation);
    gint64 present_ms = limit_ms(steering, situation);
    gint64 low_ms, high_ms;

    if (is_waiting(forecast))
        return STANDS_OPEN;
    if (forecast->least_downtime_ms.high < 0)
        return STANDS_UNSURE;
    low_ms = need_ms(situation, forecast->least_downtime_ms.low);
    high_ms = need_ms(situation, forecast->least_downtime_ms.high);
    if (high_ms <= present_ms && (steering->limit_ms > 0 || is_soon(situation)))
        return STANDS_WELL;
    if (high_ms <= cap_ms)
        return STANDS_SLOW;
    return forecast->verdict == NMA_FORECAST_HOPELESS && low_ms > cap_ms ? STANDS_HOPELESS
                                                                         : STANDS_UNSURE;
}

/* ---- from sync to sync ---- */

void
nma_steering_observe(NmaSteering *steering, const NmaSituation *situation)
{
    Standing now = standing(steering, situation);
    gint64 rest_bytes = situation->forecast->rest_bytes;

    if (now == STANDS_OPEN)
        return;
    steering->overdue = now == STANDS_WELL ? steering->overdue + 1 : 0;
    steering->undecided = now == STANDS_UNSURE ? steering->undecided + 1 : 0;
    if (now != STANDS_HOPELESS)
        steering->hopeless_since_boot_us = NMA_NEVER;
    else if (steering->hopeless_since_boot_us == NMA_NEVER)
        steering->hopeless_since_boot_us = situation->now_boot_us;
    if (now == STANDS_WELL || now == STANDS_SLOW) {
        steering->least_rest_bytes = G_MAXINT64;
        steering->waited = 0;
    } else {
        steering->waited++;
        steering->least_rest_bytes = MIN(steering->least_rest_bytes, rest_bytes);
    }
}

/* ---- the rungs ---- */

typedef struct {
    const NmaSteering *steering;
    const NmaSituation *situation;
    Standing standing;
} View;

static gboolean
order_speed(const View *view, NmaRemedyOrder *order)
{
    const NmaSituation *situation = view->situation;
    gint64 present = view->steering->speed_bytes_s > 0 ? view->steering->speed_bytes_s
                                                       : situation->speed_bytes_s;
    gint64 fair = situation->fair_speed_bytes_s;

    if (fair <= 0 || present <= 0)
        return FALSE;
    /* what is held is given back when others came: but never below what Nova gave */
    fair = MAX(fair, situation->speed_bytes_s);
    if (view->steering->speed_bytes_s > 0 && (double)fair * WORTH_MOVING < (double)present) {
        *order = (NmaRemedyOrder){ NMA_REMEDY_SPEED, NMA_REMEDY_REASON_SPEED_LIMIT, fair,
                                   NMA_UNKNOWN, NMA_UNKNOWN };
        return TRUE;
    }
    if ((double)fair < (double)present * WORTH_MOVING ||
        (double)situation->forecast->bandwidth_bytes_s < SPEED_BOUND * (double)present)
        return FALSE;
    *order = (NmaRemedyOrder){ NMA_REMEDY_SPEED, NMA_REMEDY_REASON_SPEED_LIMIT, fair, NMA_UNKNOWN,
                               NMA_UNKNOWN };
    return TRUE;
}

static gboolean
order_downtime(const View *view, NmaRemedyOrder *order)
{
    const NmaForecast *forecast = view->situation->forecast;
    gint64 cap_ms = cap_downtime_ms(view->steering, view->situation);
    gint64 present_ms = limit_ms(view->steering, view->situation);
    gint64 wanted_ms = cap_ms;

    if (view->standing == STANDS_SLOW && view->steering->overdue < OVERDUE_PASSES) {
        double need = (double)need_ms(view->situation, forecast->least_downtime_ms.high);

        wanted_ms = MIN(cap_ms, (gint64)(need * DOWNTIME_MARGIN) + DOWNTIME_MARGIN_MS);
        /* it ends at the present limit, but late: only the cap makes a difference */
        if (wanted_ms <= present_ms)
            wanted_ms = cap_ms;
    }
    if (cap_ms <= 0 || (double)wanted_ms < (double)present_ms * WORTH_MOVING)
        return FALSE;
    *order = (NmaRemedyOrder){
        NMA_REMEDY_DOWNTIME,
        view->standing == STANDS_SLOW       ? NMA_REMEDY_REASON_NEEDS_DOWNTIME
        : view->standing == STANDS_HOPELESS ? NMA_REMEDY_REASON_HOPELESS
                                            : NMA_REMEDY_REASON_UNDECIDED,
        wanted_ms,
        wanted_ms + view->situation->fixed_cost_ms,
        cap_ms,
    };
    return TRUE;
}

/* Has the downtime been allowed that the policy permits, and a pass gone by with it? */
static gboolean
is_tried(const View *view)
{
    const NmaSteering *steering = view->steering;

    switch (view->standing) {
    case STANDS_HOPELESS:
        return TRUE;
    case STANDS_UNSURE:
        return steering->undecided >= UNDECIDED_PASSES;
    case STANDS_WELL:
        return steering->overdue >= OVERDUE_PASSES;
    default:
        return FALSE;
    }
}

/* The rest after this sync is no larger than what others were: bursts come and go. */
static gboolean
is_good_moment(const View *view)
{
    const NmaSteering *steering = view->steering;

    return (double)view->situation->forecast->rest_bytes <=
               AS_SMALL * (double)steering->least_rest_bytes ||
           steering->waited > WAIT_PASSES;
}

static NmaRemedyReason
why_forced(const View *view)
{
    return view->standing == STANDS_HOPELESS ? NMA_REMEDY_REASON_HOPELESS
                                             : NMA_REMEDY_REASON_UNDECIDED;
}

/* until all that is missing now is sent, at the present bandwidth */
static gint64
rest_ms(const View *view)
{
    const NmaForecast *forecast = view->situation->forecast;
    double rest_s = (double)forecast->rest_bytes / (double)forecast->bandwidth_bytes_s;

    return (gint64)MIN(rest_s * 1e3, 1e15);
}

static gboolean
order_forced(const View *view, NmaRemedy remedy, gint64 takes_ms, gint64 cap_ms,
             NmaRemedyOrder *order)
{
    if (cap_ms <= 0 || !is_tried(view) || !is_good_moment(view) ||
        (double)takes_ms > CAP_SHARE * (double)cap_ms)
        return FALSE;
    *order = (NmaRemedyOrder){ remedy, why_forced(view), NMA_UNKNOWN, takes_ms, cap_ms };
    return TRUE;
}

static gboolean
order_post_copy(const View *view, NmaRemedyOrder *order)
{
    return view->situation->post_copy_ready &&
           order_forced(view, NMA_REMEDY_POST_COPY, rest_ms(view),
                        view->steering->policy.max_post_copy_ms, order);
}

static gboolean
order_pause(const View *view, NmaRemedyOrder *order)
{
    return order_forced(view, NMA_REMEDY_PAUSE, rest_ms(view) + view->situation->fixed_cost_ms,
                        view->steering->policy.max_pause_ms, order);
}

static gboolean
order_abort(const View *view, NmaRemedyOrder *order)
{
    gint64 since_us = view->steering->hopeless_since_boot_us;
    gint64 for_ms = view->steering->policy.hopeless_ms;

    if (for_ms <= 0 || since_us == NMA_NEVER || view->situation->nova_forces ||
        view->standing != STANDS_HOPELESS ||
        view->situation->now_boot_us - since_us < for_ms * NMA_US_PER_MS)
        return FALSE;
    *order = (NmaRemedyOrder){ NMA_REMEDY_ABORT, NMA_REMEDY_REASON_HOPELESS, NMA_UNKNOWN,
                               NMA_UNKNOWN, for_ms };
    return TRUE;
}

static gboolean (*const rungs[NMA_N_REMEDIES])(const View *, NmaRemedyOrder *) = {
    [NMA_REMEDY_SPEED] = order_speed,         [NMA_REMEDY_DOWNTIME] = order_downtime,
    [NMA_REMEDY_POST_COPY] = order_post_copy, [NMA_REMEDY_PAUSE] = order_pause,
    [NMA_REMEDY_ABORT] = order_abort,
};

/* A knob that we hold may have been moved by Nova's ladder: it is asserted again. */
static gboolean
order_again(const View *view, NmaRemedyOrder *order)
{
    const NmaSteering *steering = view->steering;
    gint64 cap_ms = cap_downtime_ms(steering, view->situation);
    gint64 held_ms = MIN(steering->limit_ms, cap_ms); /* the cap may be a lower one since */

    if (held_ms <= 0 || steering->refused[NMA_REMEDY_DOWNTIME])
        return FALSE;
    *order = (NmaRemedyOrder){ NMA_REMEDY_DOWNTIME, NMA_REMEDY_REASON_MOVED_BACK, held_ms,
                               held_ms + view->situation->fixed_cost_ms, cap_ms };
    return TRUE;
}

static gboolean
may_act(const NmaSteering *steering, gint64 now_boot_us)
{
    return steering->ending == NMA_REMEDY_NONE &&
           (steering->pending == NMA_REMEDY_NONE ||
            now_boot_us - steering->pending_boot_us >= ANSWER_OVERDUE_US);
}

static gboolean
climb(const View *view, gboolean without_downtime, NmaRemedyOrder *order)
{
    const NmaSteering *steering = view->steering;

    for (guint i = 0; i < NMA_POLICY_MAX_RUNGS; i++) {
        NmaRemedy remedy = steering->policy.ladder[i];

        if (remedy == NMA_REMEDY_NONE)
            break;
        if (remedy == NMA_REMEDY_DOWNTIME && without_downtime)
            continue;
        if (!steering->refused[remedy] && rungs[remedy](view, order))
            return TRUE;
    }
    return FALSE;
}

gboolean
nma_steering_choose(const NmaSteering *steering, const NmaSituation *situation,
                    NmaRemedyOrder *order)
{
    View view = { steering, situation, standing(steering, situation) };
    gboolean helped = view.standing != STANDS_WELL || steering->overdue >= OVERDUE_PASSES;

    if (!may_act(steering, situation->now_boot_us) ||
        situation->iteration == steering->moved_iteration || view.standing == STANDS_OPEN)
        return FALSE;
    if (!helped)
        return order_again(&view, order);
    /* what is hopeless at the cap is not helped by the cap, so it is only for want of others */
    return climb(&view, view.standing == STANDS_HOPELESS, order) || climb(&view, FALSE, order) ||
           order_again(&view, order);
}

/* ---- what time alone brings ---- */

static gint64
total_over_us(const NmaSteering *steering, gint64 started_boot_us)
{
    gint64 cap_ms = steering->policy.max_total_ms;

    if (cap_ms <= 0 || started_boot_us > G_MAXINT64 / 2 || steering->ending != NMA_REMEDY_NONE ||
        steering->refused[NMA_REMEDY_ABORT])
        return NMA_NEVER;
    return started_boot_us + cap_ms * NMA_US_PER_MS;
}

static gint64
pause_over_us(const NmaSteering *steering)
{
    gint64 cap_ms = steering->policy.max_pause_ms;
    gint64 over_us;

    if (steering->paused_boot_us == NMA_NEVER || steering->unsure ||
        steering->pending == NMA_REMEDY_ABORT)
        return NMA_NEVER;
    over_us = steering->paused_boot_us +
              MAX(cap_ms - ABORT_TAKES_MS, (gint64)(CAP_SHARE * (double)cap_ms)) * NMA_US_PER_MS;
    /* nothing but an abort is ordered after the pause */
    return steering->pending_boot_us > steering->paused_boot_us
               ? MAX(over_us, steering->pending_boot_us + ABORT_AGAIN_US)
               : over_us;
}

gboolean
nma_steering_choose_by_time(const NmaSteering *steering, gint64 started_boot_us, gint64 now_boot_us,
                            NmaRemedyOrder *order)
{
    if (pause_over_us(steering) <= now_boot_us)
        *order = (NmaRemedyOrder){ NMA_REMEDY_ABORT, NMA_REMEDY_REASON_PAUSE_TIME, NMA_UNKNOWN,
                                   NMA_UNKNOWN, steering->policy.max_pause_ms };
    else if (total_over_us(steering, started_boot_us) <= now_boot_us)
        *order = (NmaRemedyOrder){ NMA_REMEDY_ABORT, NMA_REMEDY_REASON_TOTAL_TIME, NMA_UNKNOWN,
                                   NMA_UNKNOWN, steering->policy.max_total_ms };
    else
        return FALSE;
    return TRUE;
}

gint64
nma_steering_next_deadline(const NmaSteering *steering, gint64 started_boot_us)
{
    return MIN(total_over_us(steering, started_boot_us), pause_over_us(steering));
}

/* ---- orders and what came of them ---- */

static gboolean
ends_it(NmaRemedy remedy)
{
    return remedy >= NMA_REMEDY_POST_COPY;
}

void
nma_steering_ordered(NmaSteering *steering, const NmaRemedyOrder *order, gint64 iteration,
                     gint64 now_boot_us)
{
    steering->pending = order->remedy;
    steering->pending_boot_us = now_boot_us;
    steering->moved_iteration = iteration;
    if (order->remedy == NMA_REMEDY_DOWNTIME)
        steering->limit_ms = order->value;
    else if (order->remedy == NMA_REMEDY_SPEED)
        steering->speed_bytes_s = order->value;
    if (order->reason != NMA_REMEDY_REASON_MOVED_BACK)
        steering->overdue = steering->undecided = 0;
    if (ends_it(order->remedy))
        steering->ending = order->remedy;
    if (order->remedy == NMA_REMEDY_PAUSE)
        steering->paused_boot_us = now_boot_us;
}

void
nma_steering_done(NmaSteering *steering, NmaRemedy remedy, gboolean applied)
{
    if (steering->pending != remedy)
        return;
    steering->pending = NMA_REMEDY_NONE;
    if (applied)
        return;
    steering->refused[remedy] = TRUE;
    if (remedy == NMA_REMEDY_DOWNTIME)
        steering->limit_ms = 0;
    else if (remedy == NMA_REMEDY_SPEED)
        steering->speed_bytes_s = 0;
    else if (steering->ending == remedy)
        steering->ending = NMA_REMEDY_NONE;
    if (remedy == NMA_REMEDY_PAUSE)
        steering->paused_boot_us = NMA_NEVER;
}

void
nma_steering_seen(NmaSteering *steering, gboolean runs, gint64 now_boot_us)
{
    if (!steering->unsure)
        return;
    if (!runs) {
        steering->unsure = FALSE;
    } else if (now_boot_us - steering->paused_boot_us >= ANSWER_OVERDUE_US) {
        /* libvirt may have been slow to do it: not any more */
        steering->unsure = FALSE;
        steering->ending = NMA_REMEDY_NONE;
        steering->paused_boot_us = NMA_NEVER;
    }
}
