/*
 * Policies side by side on the same simulated migrations, and how good the forecasts were. Prints
 * figures; exits with 1 when a goal is missed.
 *
 *     policies [SCENARIOS [FIRST-SEED]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/forecasting.h"
#include "tests/sim/policy_scenarios.h"
#include "tests/sim/steered.h"

#define GIB                   (1024 * QP_MIB)
#define NOVA_COMPLETION_S_GIB 800
#define SLOWER_MAX            1.02
#define QUARTER               0.25
#define MAX_PASSES            60

static const NmaNovaOptions nova_aborts = { .downtime_ms = 500,
                                            .downtime_steps = 10,
                                            .downtime_delay_s = 75,
                                            .completion_timeout_s = NOVA_COMPLETION_S_GIB };

typedef struct {
    const char *name;
    double downtime_s, pause_s, post_copy_s; /* caps */
    Rules hands[4];
    const char *names[4];
    guint n_hands; /* the first is ours */
} Contest;

static NmaNovaOptions
nova_forces(gboolean post_copy)
{
    NmaNovaOptions options = nova_aborts;

    options.forces = TRUE;
    options.post_copy = post_copy;
    return options;
}

static void
add_hand(Contest *contest, const char *name, Rules rules)
{
    contest->names[contest->n_hands] = name;
    contest->hands[contest->n_hands++] = rules;
}

static void
add_must_finish(Contest *contest, gboolean post_copy)
{
    const NmaPolicy *policy = nma_policy_find("must-finish");

    contest->downtime_s = (double)policy->max_downtime_ms / 1e3;
    contest->pause_s = (double)policy->max_pause_ms / 1e3;
    contest->post_copy_s = post_copy ? (double)policy->max_post_copy_ms / 1e3 : 0;
    add_hand(
        contest, "must-finish",
        (Rules){
            .hand = HAND_OURS, .nova = nova_aborts, .policy = policy, .post_copy = post_copy });
    add_hand(contest, post_copy ? "Nova, force_complete, post-copy" : "Nova, force_complete",
             (Rules){ .hand = HAND_NOVA, .nova = nova_forces(post_copy), .post_copy = post_copy });
    add_hand(contest, "Nova's ladder", (Rules){ .hand = HAND_NOVA, .nova = nova_aborts });
    add_hand(contest, "KubeVirt, may disrupt",
             (Rules){ .hand = HAND_KUBEVIRT,
                      .max_downtime_ms = 900,
                      .disrupts = TRUE,
                      .post_copy = post_copy });
}

static void
add_careful(Contest *contest)
{
    contest->downtime_s = 0.5;
    add_hand(
        contest, "careful",
        (Rules){ .hand = HAND_OURS, .nova = nova_aborts, .policy = nma_policy_find("careful") });
    add_hand(contest, "Nova's ladder", (Rules){ .hand = HAND_NOVA, .nova = nova_aborts });
    add_hand(contest, "virsh", (Rules){ .hand = HAND_VIRSH, .nova = nova_aborts });
    add_hand(contest, "KubeVirt", (Rules){ .hand = HAND_KUBEVIRT, .max_downtime_ms = 500 });
}

/* ---- figures ---- */

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
quantile(GArray *values, double share)
{
    if (values->len == 0)
        return 0;
    g_array_sort(values, compare_doubles);
    return g_array_index(values, double, (guint)(share * (values->len - 1)));
}

static GArray *
array_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(double));
}

static void
add(GArray *values, double value)
{
    g_array_append_val(values, value);
}

static gboolean
is_within(const Contest *contest, const QpScenario *scenario, const Outcome *outcome)
{
    return outcome->downtime_s <= contest->downtime_s + scenario->fixed_cost_s + 1e-3 &&
           outcome->paused_s <= contest->pause_s && outcome->post_copy_s <= contest->post_copy_s;
}

typedef struct {
    GArray *total_s, *sent_gib, *downtime_s, *paused_s, *post_copy_s, *helped_total_s;
    guint finished, within, aborted, over;
    double sent_bytes;
} Tally;

static void
count(Tally *tally, const Contest *contest, const QpScenario *scenario, const Outcome *outcome,
      gboolean needs_help)
{
    gboolean within = is_within(contest, scenario, outcome);

    tally->finished += outcome->finished;
    tally->within += outcome->finished && within;
    tally->over += !within;
    tally->sent_bytes += outcome->sent_bytes;
    add(tally->total_s, outcome->total_s);
    if (needs_help)
        add(tally->helped_total_s, outcome->total_s);
    if (outcome->finished && outcome->paused_s == 0)
        add(tally->downtime_s, outcome->downtime_s);
    if (outcome->paused_s > 0)
        add(tally->paused_s, outcome->paused_s);
    if (outcome->post_copy_s > 0)
        add(tally->post_copy_s, outcome->post_copy_s);
}

static void
print_tally(const char *name, const Tally *tally, guint n)
{
    printf(
        "  %-32s %5.1f %% %5.1f %% %5u %10.0f %10.0f %10.1f  %5.2f %5.2f  %3u %5.1f  %3u %5.1f\n",
        name, 100.0 * tally->finished / n, 100.0 * tally->within / n, tally->over,
        quantile(tally->total_s, 0.5), quantile(tally->helped_total_s, 0.5),
        tally->sent_bytes / GIB / 1024, quantile(tally->downtime_s, 0.5),
        quantile(tally->downtime_s, 1), tally->paused_s->len, quantile(tally->paused_s, 1),
        tally->post_copy_s->len, quantile(tally->post_copy_s, 1));
}

static gboolean
say_goal(const char *goal, gboolean met, const char *figure)
{
    printf("    %-58s %s (%s)\n", goal, figure, met ? "met" : "missed");
    return met;
}

static gboolean
hold(Contest *contest, guint n, guint32 first)
{
    Tally tallies[G_N_ELEMENTS(contest->hands)];
    guint missed = 0, over = 0, slower = 0, unhelped = 0, helped = 0;
    gboolean met = TRUE;
    double worst = 0;

    for (guint i = 0; i < contest->n_hands; i++)
        tallies[i] =
            (Tally){ array_new(), array_new(), array_new(), array_new(), array_new(), array_new() };
    for (guint32 seed = first; seed < first + n; seed++) {
        Outcome outcomes[G_N_ELEMENTS(contest->hands)], stock;
        Rules stock_rules = { .hand = HAND_NOVA, .nova = nova_aborts };
        QpScenario scenario;
        gboolean needs_help;
        double data_gib;

        policy_scenario(seed, &scenario);
        data_gib = MAX(scenario.memory_bytes / GIB, 2);
        stock_rules.give_up_s = 2 * NOVA_COMPLETION_S_GIB * data_gib;
        steered_run(&scenario, seed, &stock_rules, &stock);
        /* it does not end before Nova raises its limit for the first time */
        needs_help = !stock.finished || stock.total_s > 75 * data_gib;
        helped += needs_help;
        for (guint i = 0; i < contest->n_hands; i++) {
            contest->hands[i].give_up_s =
                (contest->hands[i].hand == HAND_VIRSH ? 1 : 2) * NOVA_COMPLETION_S_GIB * data_gib;
            steered_run(&scenario, seed, &contest->hands[i], &outcomes[i]);
            count(&tallies[i], contest, &scenario, &outcomes[i], needs_help);
        }
        over += !is_within(contest, &scenario, &outcomes[0]);
        for (guint i = 1; i < contest->n_hands; i++) {
            if (outcomes[i].finished && is_within(contest, &scenario, &outcomes[i]) &&
                !outcomes[0].finished) {
                missed++;
                printf("    seed %u: not finished by %s, but by %s after %.0f s (down %.2f s, "
                       "paused %.1f s)\n",
                       seed, contest->names[0], contest->names[i], outcomes[i].total_s,
                       outcomes[i].downtime_s, outcomes[i].paused_s);
                break;
            }
        }
        if (!needs_help) {
            unhelped++;
            worst = MAX(worst, outcomes[0].total_s / stock.total_s);
            slower += outcomes[0].total_s > SLOWER_MAX * stock.total_s;
        }
    }
    printf(
        "%s: caps: downtime %.1f s, pause %.0f s, post-copy %.0f s; %u migrations, %u need help\n",
        contest->name, contest->downtime_s, contest->pause_s, contest->post_copy_s, n, helped);
    printf("  %-32s %7s %7s %5s %10s %10s %10s  %11s  %9s  %9s\n", "", "ended", "in caps", "over",
           "median s", "helped s", "sent TiB", "downtime s", "paused s", "fetched s");
    for (guint i = 0; i < contest->n_hands; i++)
        print_tally(contest->names[i], &tallies[i], n);
    g_autofree char *a = g_strdup_printf("%u missed", missed);
    g_autofree char *b = g_strdup_printf("%u over", over);
    double ratio = quantile(tallies[0].helped_total_s, 0.5) /
                   quantile(tallies[contest->downtime_s > 0.5 ? 2 : 1].helped_total_s, 0.5);
    g_autofree char *c = g_strdup_printf("%.4f", ratio);
    g_autofree char *d = g_strdup_printf("%u of %u slower, worst %.3f", slower, unhelped, worst);

    met &= say_goal("ends all that any other ends within these caps", missed == 0, a);
    met &= say_goal("never above its caps", over == 0, b);
    met &=
        say_goal("a quarter of the ladder's median time where help is needed", ratio <= QUARTER, c);
    met &= say_goal("not slower by over 2 % where none is", slower == 0, d);
    return met;
}

/* ---- forecasts ---- */

static double
error_of(double said, double was)
{
    return fabs(said - was) / MAX(was, 1e-3);
}

/* Of migrations at a constant limit of 500 ms, that nobody helps: what the first verdict said
 * against what came. */
static void
score_forecasts(guint n, guint32 first)
{
    const NmaConvergenceLimits limits = { 500, 500, 35 };
    GArray *duration = array_new(), *downtime = array_new();
    guint ended = 0, converges = 0, hopeless = 0, false_converges = 0, false_hopeless = 0,
          unjudged = 0;

    for (guint32 seed = first; seed < first + n; seed++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        NmaForecast said = { .verdict = NMA_FORECAST_UNKNOWN };
        double said_at_s = 0;
        QpScenario scenario;
        Forecasting forecasting;
        gboolean was_hopeless = FALSE, ends;

        policy_scenario(seed, &scenario);
        scenario.limit_s = 0.5;
        forecasting_begin(&forecasting, &scenario, rand, &limits);
        for (guint i = 0; i < MAX_PASSES && forecasting_next(&forecasting); i++) {
            was_hopeless |= forecasting.model.forecast.verdict == NMA_FORECAST_HOPELESS;
            if (said.verdict == NMA_FORECAST_UNKNOWN) {
                said = forecasting.model.forecast;
                said_at_s = forecasting.migration.now_s;
            }
        }
        ends = forecasting.migration.state == QP_SWITCHED;
        ended += ends;
        converges += said.verdict == NMA_FORECAST_CONVERGES;
        hopeless += was_hopeless;
        false_converges += said.verdict == NMA_FORECAST_CONVERGES && !ends;
        false_hopeless += was_hopeless && ends;
        unjudged += !ends && said.verdict == NMA_FORECAST_UNKNOWN;
        if (ends && said.verdict == NMA_FORECAST_CONVERGES && said.finishes_in_ms.high > 0) {
            double mid_ms =
                sqrt((double)MAX(said.finishes_in_ms.low, 1) * (double)said.finishes_in_ms.high);

            add(duration, error_of(said_at_s + mid_ms / 1e3, forecasting.migration.now_s));
            add(downtime,
                error_of((double)said.downtime_ms.high / 1e3, forecasting.migration.downtime_s));
        }
    }
    printf("forecasts at a constant limit of 0.5 s: %u migrations, %u end within %d passes\n", n,
           ended, MAX_PASSES);
    printf("  error of the duration              median %.1f %%, p90 %.1f %% (of %u called so "
           "before)\n",
           100 * quantile(duration, 0.5), 100 * quantile(duration, 0.9), duration->len);
    printf("  error of the downtime, upper bound median %.1f %%, p90 %.1f %%\n",
           100 * quantile(downtime, 0.5), 100 * quantile(downtime, 0.9));
    printf("  false                              converges %u of %u, hopeless %u of %u; never "
           "judged %u\n",
           false_converges, converges, false_hopeless, hopeless, unjudged);
    g_array_unref(duration);
    g_array_unref(downtime);
}

int
main(int argc, char **argv)
{
    guint n = argc > 1 ? (guint)atoi(argv[1]) : 240;
    guint32 first = argc > 2 ? (guint32)atoi(argv[2]) : 1;
    Contest contests[] = { { .name = "gentle" },
                           { .name = "forced, without post-copy" },
                           { .name = "forced, post-copy permitted" } };
    gboolean met = TRUE;

    add_careful(&contests[0]);
    add_must_finish(&contests[1], FALSE);
    add_must_finish(&contests[2], TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(contests); i++)
        met &= hold(&contests[i], n, first);
    score_forecasts(n, first);
    return met ? 0 : 1;
}
