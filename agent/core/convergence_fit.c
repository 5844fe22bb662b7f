/*
 * Which guests explain the passes seen, and what holds for all of them.
 *
 * A guest is a working set W and a time tau: W*(1-exp(-t/tau)) bytes are dirtied in t. The set of
 * guests is searched on a grid of W; tau then follows from one pass, give or take its noise, and
 * the others must agree.
 */
#include <math.h>

#include "agent/core/convergence_internal.h"
#include "agent/core/course.h"

#define GRID         28
#define FIT_PASSES   3    /* tau is taken from each of the newest ones */
#define BAND         0.05 /* so much worse than the best fit still counts */
#define BEST_BAND    0.015
#define TOLERANCE    0.12           /* of what a steady guest dirties from pass to pass */
#define SLACK_BYTES  (256.0 * 1024) /* short passes: pages are counted whole */
#define IDLE_BYTES   4096.0
#define CHORD_NOISE  0.04
#define CHORD_LONGER 1.2 /* a pass that is so much longer tells of the shorter ones */
#define BULK_LOW     0.5 /* the first pass may meet the working set late */
#define BULK_HIGH    1.15
#define SATURATED    0.985 /* nearer to W nothing can be told of tau */
#define MARGIN       0.1   /* of the limit, on both sides */
#define STAYS        0.97
#define FALLS_LESS   0.04
/* The first write to each huge page splits it, and slows the guest: later it may dirty more than
 * the passes have shown. A guess: no guest with huge pages was measured. */
#define HUGE_WIDER      1.5
#define GIGABIT_BYTES_S 125e6
#define MOST_THROTTLE   0.99 /* QEMU's max-cpu-throttle, which Nova leaves alone */
#define MAX_FIGURE      9e15 /* what a JSON reader holds exactly */

typedef struct {
    double set_bytes, tau_s;
    double off; /* by how much at most a pass differs from what it would have dirtied */
} Guest;

typedef struct {
    Guest easiest, hardest; /* by the downtime that they need, of those that fit best */
    double need_easiest_s, need_hardest_s;
    double least_low_s, least_high_s;
    double set_low, set_high, rate_low, rate_high, bandwidth_low, bandwidth_high;
    double throttle_low, throttle_high; /* shares */
    guint n;
} Fit;

static double
dirtied_in(const Guest *guest, double time_s, double left_bytes)
{
    return nma_course_dirtied(guest->set_bytes, guest->tau_s, time_s, left_bytes);
}

/* The first pass: between what a guest dirties after its pages were sent and all that it dirties.
 */
static gboolean
explains_bulk(const Guest *guest, const NmaPass *bulk)
{
    double share = -expm1(-bulk->duration_s / guest->tau_s);
    double late = 1 - guest->tau_s / bulk->duration_s * share;

    return bulk->dirtied_bytes <= BULK_HIGH * guest->set_bytes * share + SLACK_BYTES &&
           bulk->dirtied_bytes >= BULK_LOW * guest->set_bytes * late - SLACK_BYTES;
}

/* INFINITY: it does not explain them */
static double
off_by(const Guest *guest, const NmaConvergence *convergence)
{
    double off = 0;

    if (convergence->has_bulk && !explains_bulk(guest, &convergence->bulk))
        return INFINITY;
    for (guint i = 0; i < convergence->n_passes && off <= TOLERANCE; i++) {
        const NmaPass *pass = &convergence->passes[i];
        double expected = dirtied_in(guest, pass->duration_s, pass->left_bytes);
        double difference = fabs(expected - pass->dirtied_bytes);

        if (difference > SLACK_BYTES)
            off = MAX(off, difference / MAX(pass->dirtied_bytes, 1));
    }
    return off <= TOLERANCE ? off : INFINITY;
}

/* What auto-converge must take of the guest's processor time, and so of the rate at which it
 * writes, for it to end within limit_s: of a throttled guest tau is longer by as much as it is
 * slower. */
static double
throttle_needed(const Guest *guest, const NmaConvergence *convergence, double limit_s)
{
    double taken = CLAMP((double)convergence->sync_throttle / 100, 0, MOST_THROTTLE);
    double tau_s = guest->tau_s * (1 - taken);
    double needed_s = guest->set_bytes / convergence->bandwidth_bytes_s - limit_s;

    return needed_s > tau_s ? 1 - tau_s / needed_s : 0;
}

static void
add_guest(Fit *fit, const Guest *guest, double best_off, const NmaConvergence *convergence)
{
    const NmaConvergenceLimits *limits = &convergence->limits;
    double cost_s = (double)limits->fixed_cost_ms / 1e3;
    double limit_s = (double)limits->max_downtime_ms / 1e3;
    double bandwidth_now = convergence->bandwidth_bytes_s;
    double low_s =
        nma_course_needed_s(guest->set_bytes, guest->tau_s, bandwidth_now, NMA_SLICE_HIGH_S);
    double high_s =
        nma_course_needed_s(guest->set_bytes, guest->tau_s, bandwidth_now, NMA_SLICE_LOW_S);
    double rate = guest->set_bytes / guest->tau_s;
    double memory_s = MAX(limit_s - cost_s, 0); /* of the limit, for memory */
    double bandwidth = guest->set_bytes / (memory_s + guest->tau_s);
    double throttle = throttle_needed(guest, convergence, memory_s);
    gboolean fits_best = guest->off <= best_off + BEST_BAND;

    if (fit->n++ == 0) {
        *fit = (Fit){ .n = 1, .need_easiest_s = INFINITY, .need_hardest_s = -INFINITY };
        fit->least_low_s = low_s;
        fit->least_high_s = high_s;
        fit->set_low = fit->set_high = guest->set_bytes;
        fit->rate_low = fit->rate_high = rate;
        fit->bandwidth_low = fit->bandwidth_high = bandwidth;
        fit->throttle_low = fit->throttle_high = throttle;
    }
    if (fits_best && low_s < fit->need_easiest_s) {
        fit->easiest = *guest;
        fit->need_easiest_s = low_s;
    }
    if (fits_best && low_s > fit->need_hardest_s) {
        fit->hardest = *guest;
        fit->need_hardest_s = low_s;
    }
    fit->least_low_s = MIN(fit->least_low_s, low_s);
    fit->least_high_s = MAX(fit->least_high_s, high_s);
    fit->set_low = MIN(fit->set_low, guest->set_bytes);
    fit->set_high = MAX(fit->set_high, guest->set_bytes);
    fit->rate_low = MIN(fit->rate_low, rate);
    fit->rate_high = MAX(fit->rate_high, rate);
    fit->bandwidth_low = MIN(fit->bandwidth_low, bandwidth);
    fit->bandwidth_high = MAX(fit->bandwidth_high, bandwidth);
    fit->throttle_low = MIN(fit->throttle_low, throttle);
    fit->throttle_high = MAX(fit->throttle_high, throttle);
}

/* tau of a guest of that working set, so that this pass is explained when it was off by `noise` */
static gboolean
guest_from_pass(double set_bytes, const NmaPass *pass, double noise, Guest *guest)
{
    double open = set_bytes - pass->left_bytes;
    double share;

    if (open <= 0)
        return FALSE;
    /* an idle guest dirties a page now and then */
    share = MIN(noise * MAX(pass->dirtied_bytes, IDLE_BYTES) / open, SATURATED);
    *guest = (Guest){ set_bytes, -pass->duration_s / log1p(-share), 0 };
    return isfinite(guest->tau_s) && guest->tau_s > 0;
}

static void
find_guests(const NmaConvergence *convergence, Fit *fit)
{
    static const double noises[] = { 0.95, 1, 1.05 };
    Guest guests[GRID * FIT_PASSES * G_N_ELEMENTS(noises)];
    guint n = 0;
    double best_off = INFINITY;
    guint first = convergence->n_passes > FIT_PASSES ? convergence->n_passes - FIT_PASSES : 0;
    double low = SLACK_BYTES, high = (double)convergence->last.memory_total_bytes;

    *fit = (Fit){ .n = 0 };
    for (guint i = 0; i < convergence->n_passes; i++)
        low = MAX(low, 0.97 * convergence->passes[i].rest_bytes);
    if (convergence->has_bulk)
        low = MAX(low, convergence->bulk.dirtied_bytes / BULK_HIGH);
    high = MAX(high, low * 1.01);
    for (guint step = 0; step < GRID; step++) {
        double set_bytes = low * pow(high / low, (double)step / (GRID - 1));

        for (guint i = first; i < convergence->n_passes; i++) {
            for (guint k = 0; k < G_N_ELEMENTS(noises); k++) {
                Guest *guest = &guests[n];

                if (!guest_from_pass(set_bytes, &convergence->passes[i], noises[k], guest))
                    continue;
                guest->off = off_by(guest, convergence);
                best_off = MIN(best_off, guest->off);
                n++;
            }
        }
    }
    for (guint i = 0; i < n; i++)
        if (isfinite(guests[i].off) && guests[i].off <= best_off + BAND)
            add_guest(fit, &guests[i], best_off, convergence);
}

/* ---- how it goes on ---- */

static gboolean
run_on(const Guest *guest, const NmaConvergence *convergence, double limit_s, NmaCourse *course)
{
    const NmaLadder constant = { .most_s = limit_s };

    return nma_course_run(guest->set_bytes, guest->tau_s, (double)convergence->forecast.rest_bytes,
                          convergence->bandwidth_bytes_s,
                          (double)convergence->limits.fixed_cost_ms / 1e3, &constant, course);
}

static gint64
figure(double value)
{
    return (gint64)CLAMP(value, 0, MAX_FIGURE);
}

static gint64
milliseconds(double value_s)
{
    return figure(value_s * 1e3);
}

typedef struct {
    double low_s, high_s, down_low_s, down_high_s;
} Courses;

static void
add_courses(const NmaConvergence *convergence, const Fit *fit, double limit_s, Courses *courses)
{
    const Guest *guests[] = { &fit->easiest, &fit->hardest };

    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        NmaCourse course;

        if (!run_on(guests[i], convergence, limit_s, &course)) {
            courses->high_s = INFINITY;
            courses->down_high_s = ((double)convergence->limits.max_downtime_ms +
                                    (double)convergence->limits.fixed_cost_ms) /
                                   1e3;
            continue;
        }
        courses->low_s = MIN(courses->low_s, course.time_s);
        courses->high_s = MAX(courses->high_s, course.time_s);
        courses->down_low_s = MIN(courses->down_low_s, course.downtime_s);
        courses->down_high_s = MAX(courses->down_high_s, course.downtime_s);
    }
}

static void
say_course(NmaConvergence *convergence, const Fit *fit)
{
    NmaForecast *forecast = &convergence->forecast;
    const NmaConvergenceLimits *limits = &convergence->limits;
    double left_s = (double)(limits->step_ms - MAX(convergence->last.elapsed_ms, 0)) / 1e3;
    Courses courses = { INFINITY, 0, INFINITY, 0 };

    add_courses(convergence, fit, (double)limits->first_downtime_ms / 1e3, &courses);
    /* unless it has ended before Nova permits more */
    if (courses.high_s > left_s)
        add_courses(convergence, fit, (double)limits->max_downtime_ms / 1e3, &courses);
    forecast->finishes_in_ms.low =
        isfinite(courses.low_s) ? milliseconds(courses.low_s) : NMA_UNKNOWN;
    forecast->finishes_in_ms.high =
        isfinite(courses.high_s) ? milliseconds(courses.high_s) : NMA_UNKNOWN;
    forecast->downtime_ms.low =
        isfinite(courses.down_low_s) ? milliseconds(courses.down_low_s) : NMA_UNKNOWN;
    forecast->downtime_ms.high = milliseconds(courses.down_high_s);
}

/* ---- the verdict ---- */

/* Sure, without any fit: at a limit that holds the largest rest it would have ended. Where each
 * rest was smaller than the one before, that is the newest: what follows is smaller still. */
static double
largest_rest(const NmaConvergence *convergence)
{
    double largest = (double)convergence->forecast.rest_bytes;
    gboolean falling = TRUE;

    for (guint i = 1; i < convergence->n_passes; i++)
        falling = falling &&
                  convergence->passes[i].rest_bytes < 0.9 * convergence->passes[i - 1].rest_bytes;
    if (falling && convergence->n_passes >= 2)
        return largest;
    for (guint i = 0; i < convergence->n_passes; i++)
        largest = MAX(largest, convergence->passes[i].rest_bytes);
    return largest;
}

/* What is dirtied in t grows ever slower with t, whatever the guest writes where. So below the
 * shortest pass it lies under the line through two passes: where that line meets t = 0 is the most
 * that could be hidden in a small set written all the time, which no longer pass shows. */
static double
hidden_bytes(const NmaConvergence *convergence)
{
    const NmaPass *newest = &convergence->passes[convergence->n_passes - 1];
    double hidden = newest->dirtied_bytes;

    for (guint i = 0; i < convergence->n_passes; i++) {
        const NmaPass *pass = i + 1 < convergence->n_passes ? &convergence->passes[i]
                              : convergence->has_bulk       ? &convergence->bulk
                                                            : newest;
        double more_s = pass->duration_s - newest->duration_s, slope;

        if (pass->duration_s < CHORD_LONGER * newest->duration_s)
            continue;
        slope = ((1 - CHORD_NOISE) * pass->dirtied_bytes - newest->dirtied_bytes) / more_s;
        hidden = MIN(hidden, newest->dirtied_bytes - MAX(slope, 0) * newest->duration_s);
    }
    return MAX(hidden, 0);
}

static void
say_ways_out(NmaConvergence *convergence, const Fit *fit)
{
    NmaForecast *forecast = &convergence->forecast;
    double bandwidth = convergence->bandwidth_bytes_s;
    double cost_s = (double)convergence->limits.fixed_cost_ms / 1e3;

    forecast->needed_bandwidth_bytes_s =
        (NmaRange){ figure(fit->bandwidth_low), figure(fit->bandwidth_high) };
    if (fit->throttle_high <= MOST_THROTTLE)
        forecast->needed_throttle_percent = (NmaRange){ figure(floor(fit->throttle_low * 100)),
                                                        figure(ceil(fit->throttle_high * 100)) };
    forecast->post_copy_ms = milliseconds(largest_rest(convergence) / bandwidth);
    forecast->pause_ms.low = milliseconds((double)forecast->rest_bytes / bandwidth + cost_s);
    forecast->pause_ms.high = milliseconds(largest_rest(convergence) / bandwidth + cost_s);
}

/* The rest after each sync falls by the same share: so it does under a guest that sweeps through
 * its memory a little slower than the link sends, for which no W and tau stand, and which ends at
 * last. Towards a rest that stays, it falls by less each time. */
static gboolean
falls_steadily(const NmaConvergence *convergence)
{
    double rests[NMA_CONVERGENCE_PASSES + 1];
    double newest, before;
    guint n = 0;

    if (convergence->has_bulk)
        rests[n++] = convergence->bulk.rest_bytes;
    for (guint i = 0; i < convergence->n_passes; i++)
        rests[n++] = MAX(convergence->passes[i].rest_bytes, 1);
    if (n < 2)
        return FALSE;
    newest = rests[n - 1] / MAX(rests[n - 2], 1);
    if (newest >= STAYS || n < 3)
        return newest < STAYS;
    before = rests[n - 2] / MAX(rests[n - 3], 1);
    return newest < before + FALLS_LESS;
}

static void
say_fit(NmaConvergence *convergence, const Fit *fit)
{
    NmaForecast *forecast = &convergence->forecast;
    double cost_s = (double)convergence->limits.fixed_cost_ms / 1e3;
    double limit_s = (double)convergence->limits.max_downtime_ms / 1e3;
    double sure_s = largest_rest(convergence) / convergence->bandwidth_bytes_s;
    double wider = convergence->limits.huge_pages ? HUGE_WIDER : 1;
    double hidden_s = MIN(hidden_bytes(convergence) / convergence->bandwidth_bytes_s, sure_s);
    double most_s = MAX(MIN(fit->least_high_s, sure_s), 0);
    double low_s = MIN(MAX(fit->least_low_s, 0), most_s) / wider + cost_s;
    double high_s = MAX(most_s, hidden_s) * wider + cost_s;

    forecast->true_dirty_rate_bytes_s = (NmaRange){ figure(fit->rate_low), figure(fit->rate_high) };
    forecast->working_set_bytes = (NmaRange){ figure(fit->set_low), figure(fit->set_high) };
    forecast->why = NMA_DOUBT_NONE;
    forecast->least_downtime_ms = (NmaRange){ milliseconds(low_s), milliseconds(high_s) };
    if (high_s <= (1 - MARGIN) * limit_s) {
        forecast->verdict = NMA_FORECAST_CONVERGES;
        say_course(convergence, fit);
        return;
    }
    say_ways_out(convergence, fit);
    if (low_s > (1 + MARGIN) * limit_s && !falls_steadily(convergence)) {
        forecast->verdict = NMA_FORECAST_HOPELESS;
        forecast->cause = fit->bandwidth_high <= GIGABIT_BYTES_S ? NMA_HINDRANCE_SLOW_LINK
                                                                 : NMA_HINDRANCE_DIRTYING;
    } else {
        forecast->why = NMA_DOUBT_BORDERLINE;
    }
}

void
nma_convergence_judge(NmaConvergence *convergence)
{
    NmaForecast *forecast = &convergence->forecast;
    gint64 rest_bytes = forecast->rest_bytes;
    const NmaPass *newest =
        convergence->n_passes > 0 ? &convergence->passes[convergence->n_passes - 1] : NULL;
    Fit fit;

    nma_forecast_clear(forecast);
    forecast->rest_bytes = rest_bytes;
    forecast->max_downtime_ms = convergence->limits.max_downtime_ms;
    forecast->passes = convergence->n_measured;
    if (convergence->bandwidth_bytes_s > 0)
        forecast->bandwidth_bytes_s = figure(convergence->bandwidth_bytes_s);
    forecast->throttle_percent = MAX(convergence->sync_throttle, 0);
    if (convergence->nonzero_bytes > 0)
        forecast->nonzero_bytes = figure(convergence->nonzero_bytes);
    if (newest != NULL)
        forecast->dirty_rate_bytes_s = figure(newest->dirtied_bytes / newest->duration_s);
    if (convergence->withheld != NMA_DOUBT_NONE) {
        forecast->why = convergence->withheld;
        if (forecast->why == NMA_DOUBT_BANDWIDTH_CHANGED)
            forecast->cause = NMA_HINDRANCE_BANDWIDTH_CHANGED;
        return;
    }
    if (newest == NULL || convergence->bandwidth_bytes_s <= 0 ||
        convergence->n_passes + (convergence->has_bulk ? 1u : 0u) < 2)
        return;
    find_guests(convergence, &fit);
    if (fit.n == 0)
        forecast->why = NMA_DOUBT_UNSTEADY;
    else
        say_fit(convergence, &fit);
}
