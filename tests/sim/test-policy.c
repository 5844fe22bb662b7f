/*
 * Policies: what each rung asks for, and what must hold whatever a migration does. No cap is ever
 * exceeded, no knob is moved twice in a pass, nothing about dirtying is concluded inside one: of
 * seeded random migrations, and of statistics that make no sense.
 */
#include <math.h>
#include <string.h>

#include "tests/sim/campaign.h"
#include "tests/sim/policy_scenarios.h"
#include "tests/sim/steered.h"
#include "tests/unit/tap.h"

#define GIB          (1024 * QP_MIB)
#define GBIT_BYTES_S 117e6
#define SECONDS      2

static double
between(GRand *rand, double low, double high)
{
    return g_rand_double_range(rand, low, high);
}

static gboolean
chance(GRand *rand, double share)
{
    return g_rand_double(rand) < share;
}

/* ---- random migrations under random policies ---- */

static void
random_policy(GRand *rand, NmaPolicy *policy)
{
    NmaRemedy all[] = { NMA_REMEDY_SPEED, NMA_REMEDY_DOWNTIME, NMA_REMEDY_POST_COPY,
                        NMA_REMEDY_PAUSE, NMA_REMEDY_ABORT };
    guint n = 0;

    *policy = (NmaPolicy){ .name = "random" };
    for (guint i = G_N_ELEMENTS(all) - 1; i > 0; i--) {
        guint k = (guint)g_rand_int_range(rand, 0, (gint32)i + 1);
        NmaRemedy other = all[k];

        all[k] = all[i];
        all[i] = other;
    }
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        if (chance(rand, 0.8))
            policy->ladder[n++] = all[i];
    policy->max_downtime_ms = chance(rand, 0.3)   ? NMA_UNKNOWN
                              : chance(rand, 0.1) ? 0
                                                  : g_rand_int_range(rand, 50, 10000);
    policy->max_pause_ms = chance(rand, 0.3) ? 0 : g_rand_int_range(rand, 100, 60000);
    policy->max_post_copy_ms = chance(rand, 0.3) ? 0 : g_rand_int_range(rand, 100, 200000);
    policy->max_total_ms = chance(rand, 0.7) ? 0 : g_rand_int_range(rand, 1000, 3600000);
    policy->hopeless_ms = chance(rand, 0.5) ? 0 : g_rand_int_range(rand, 1000, 900000);
}

static void
random_rules(GRand *rand, const NmaPolicy *policy, const QpScenario *scenario, Rules *rules)
{
    double pass_s = scenario->nonzero_bytes / scenario->bandwidth_bytes_s;

    *rules = (Rules){
        .hand = HAND_OURS,
        .nova = { .downtime_ms = g_rand_int_range(rand, 100, 3000),
                  .downtime_steps = g_rand_int_range(rand, 3, 20),
                  .downtime_delay_s = g_rand_int_range(rand, 3, 100),
                  .completion_timeout_s = chance(rand, 0.3) ? g_rand_int_range(rand, 1, 800) : 0 },
        .policy = policy,
        .post_copy = chance(rand, 0.5),
        .give_up_s = 3 * pass_s + SECONDS,
    };
    if (chance(rand, 0.3)) {
        rules->nova.bandwidth_mib_s = g_rand_int_range(rand, 10, 1000);
        rules->fair_speed_bytes_s = between(rand, 1e6, 5e9);
        rules->give_up_s =
            3 * scenario->nonzero_bytes / QP_MIB / (double)rules->nova.bandwidth_mib_s + SECONDS;
    }
}

typedef struct {
    guint64 migrations, helped, moves, finished, paused, fetched;
} Seen;

static void
run_migration(guint64 seed, Seen *seen)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)seed);
    QpScenario scenario;
    PolicyKind kind = policy_scenario(g_rand_int(rand), &scenario);
    NmaPolicy policy;
    Outcome outcome;
    Rules rules;
    double cap_ms;

    random_policy(rand, &policy);
    random_rules(rand, &policy, &scenario, &rules);
    steered_run(&scenario, (guint32)seed, &rules, &outcome);
    cap_ms = (double)(policy.max_downtime_ms == NMA_UNKNOWN ? rules.nova.downtime_ms
                                                            : policy.max_downtime_ms);
    g_assert_cmpuint(outcome.inside, ==, 0);
    g_assert_cmpuint(outcome.crowded, ==, 0);
    /* Nova's ladder goes up to its own limit, whatever our policy says */
    g_assert_cmpfloat(outcome.limit_s, <=,
                      MAX(cap_ms, (double)rules.nova.downtime_ms) / 1e3 + 1e-9);
    if (outcome.paused_s > 0)
        g_assert_cmpfloat(outcome.paused_s * 1e3, <=, (double)policy.max_pause_ms);
    if (outcome.post_copy_s > 0) {
        g_assert_true(rules.post_copy);
        /* while pages are fetched nothing can be undone: where the link slows down then, so be it
         */
        if (kind != KIND_BANDWIDTH_CHANGES)
            g_assert_cmpfloat(outcome.post_copy_s * 1e3, <=, (double)policy.max_post_copy_ms);
    }
    seen->migrations++;
    seen->helped += outcome.helped_s >= 0;
    seen->moves += outcome.moves;
    seen->finished += outcome.finished;
    seen->paused += outcome.paused_s > 0;
    seen->fetched += outcome.post_copy_s > 0;
}

static void
test_caps(void)
{
    Campaign campaign = campaign_of(10000, 1000000);
    Seen seen = { 0 };

    for (guint64 i = 0; i < campaign.runs; i++)
        run_migration(campaign.first + i, &seen);
    g_test_message("%" G_GUINT64_FORMAT " migrations: %" G_GUINT64_FORMAT
                   " helped by %" G_GUINT64_FORMAT " moves, %" G_GUINT64_FORMAT
                   " ended; %" G_GUINT64_FORMAT " paused, %" G_GUINT64_FORMAT " fetched pages",
                   seen.migrations, seen.helped, seen.moves, seen.finished, seen.paused,
                   seen.fetched);
    if (campaign.runs < 1000)
        return;
    /* else nothing was shown */
    g_assert_cmpuint(seen.helped, >, campaign.runs / 20);
    g_assert_cmpuint(seen.paused, >, campaign.runs / 500);
    g_assert_cmpuint(seen.fetched, >, campaign.runs / 500);
}

/* ---- statistics and answers that make no sense ---- */

static gint64
absurd(GRand *rand, gint64 former)
{
    switch (g_rand_int_range(rand, 0, 9)) {
    case 0:
        return 0;
    case 1:
        return -1;
    case 2:
        return G_MAXINT64;
    case 3:
        return G_MININT64;
    case 4:
        return former / 2;
    case 5:
        return former & G_MAXUINT32; /* a counter that wrapped */
    case 6:
        return (gint64)((guint64)g_rand_int(rand) << 32 | g_rand_int(rand));
    default:
        return former;
    }
}

static void
check_order(const NmaSteering *steering, const NmaSituation *situation, const NmaRemedyOrder *order)
{
    const NmaPolicy *policy = &steering->policy;

    switch (order->remedy) {
    case NMA_REMEDY_DOWNTIME:
        g_assert_cmpint(order->value, >, 0);
        g_assert_cmpint(order->value, <=,
                        policy->max_downtime_ms == NMA_UNKNOWN ? situation->nova_downtime_ms
                                                               : policy->max_downtime_ms);
        break;
    case NMA_REMEDY_SPEED:
        g_assert_cmpint(order->value, >, 0);
        g_assert_cmpint(order->value, <=,
                        MAX(situation->fair_speed_bytes_s, situation->speed_bytes_s));
        break;
    case NMA_REMEDY_POST_COPY:
        g_assert_true(situation->post_copy_ready);
        g_assert_cmpint(order->expected_ms, <=, policy->max_post_copy_ms);
        break;
    case NMA_REMEDY_PAUSE:
        g_assert_cmpint(order->expected_ms, <=, policy->max_pause_ms);
        break;
    case NMA_REMEDY_ABORT:
        g_assert_cmpint(policy->hopeless_ms, >, 0);
        g_assert_false(situation->nova_forces);
        break;
    default:
        g_assert_not_reached();
    }
}

/* What time alone brings, at any moment: the caps of a pause and of the whole, whatever else. */
static void
check_time(const NmaSteering *steering, GRand *rand, gint64 now_us)
{
    const gint64 cap_us = steering->policy.max_pause_ms * NMA_US_PER_MS;
    gint64 started_us = absurd(rand, now_us);
    NmaRemedyOrder order;
    gboolean due = nma_steering_choose_by_time(steering, started_us, now_us, &order);

    g_assert_cmpint(due, ==, nma_steering_next_deadline(steering, started_us) <= now_us);
    if (due)
        g_assert_cmpint(order.remedy, ==, NMA_REMEDY_ABORT);
    if (steering->paused_boot_us != NMA_NEVER && now_us - steering->paused_boot_us >= cap_us) {
        g_assert_true(due);
        g_assert_cmpint(order.reason, ==, NMA_REMEDY_REASON_PAUSE_TIME);
    }
}

static gint64
run_absurd(guint64 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)seed);
    const NmaConvergenceLimits limits = { 500, 50, 50 };
    gint64 now_us = 1000 * NMA_US_PER_S, pass = 0, moved_in = -1, sent = 0, orders = 0;
    NmaConvergence model;
    NmaSteering steering;
    NmaPolicy policy;
    NmaJobStats stats;
    gboolean ended = FALSE;

    random_policy(rand, &policy);
    nma_convergence_init(&model, &limits);
    nma_steering_init(&steering, &policy);
    nma_job_stats_clear(&stats);
    for (gint64 i = 0; i < 40; i++) {
        NmaForecastVerdict before = model.forecast.verdict;
        gint64 *figures[] = { &stats.memory_remaining_bytes, &stats.memory_normal_bytes,
                              &stats.memory_zero_pages,      &stats.memory_total_bytes,
                              &stats.memory_page_size_bytes, &stats.memory_bps,
                              &stats.throttle_percent,       &stats.memory_iteration };
        NmaRemedyOrder order;

        /* a guest that will not end, looked at in a pass too; now and then nonsense in between */
        stats.kind = NMA_JOB_MIGRATION_OUT;
        pass += i == 0 || chance(rand, 0.75);
        stats.memory_iteration = pass;
        stats.memory_total_bytes = (gint64)GIB;
        stats.memory_page_size_bytes = 4096;
        stats.memory_zero_pages = 0;
        /* not a byte moves, now and then, or all counters began anew */
        sent = chance(rand, 0.02)
                   ? 0
                   : sent + (chance(rand, 0.05) ? 0 : g_rand_int_range(rand, 290, 310) << 20);
        stats.memory_normal_bytes = sent;
        stats.memory_remaining_bytes = (gint64)g_rand_int_range(rand, 290, 310) << 20;
        if (chance(rand, 0.2))
            *figures[g_rand_int_range(rand, 0, G_N_ELEMENTS(figures))] = absurd(rand, sent);
        now_us += chance(rand, 0.1) ? 0 : 3 * NMA_US_PER_S;

        NmaSituation situation = {
            .forecast = &model.forecast,
            .iteration = stats.memory_iteration,
            .now_boot_us = now_us,
            .elapsed_ms = chance(rand, 0.1) ? absurd(rand, 0) : now_us / 1000,
            .limit_ms = g_rand_int_range(rand, 0, 600),
            .nova_downtime_ms = 500,
            .fixed_cost_ms = g_rand_int_range(rand, 0, 500),
            .speed_bytes_s = chance(rand, 0.5) ? 0 : g_rand_int_range(rand, 1, 1 << 30),
            .fair_speed_bytes_s = chance(rand, 0.5) ? 0 : g_rand_int_range(rand, 1, 1 << 30),
            .post_copy_ready = chance(rand, 0.5),
            .nova_forces = chance(rand, 0.2),
        };

        gboolean synced = nma_convergence_take(&model, &stats, now_us, now_us, FALSE);
        check_time(&steering, rand, now_us);
        if (!synced) {
            /* nothing of dirtying is concluded inside a pass; what was may be withdrawn */
            if (model.forecast.verdict != NMA_FORECAST_UNKNOWN)
                g_assert_cmpint(model.forecast.verdict, ==, before);
            continue;
        }
        nma_steering_observe(&steering, &situation);
        if (!nma_steering_choose(&steering, &situation, &order))
            continue;
        check_order(&steering, &situation, &order);
        orders++;
        g_assert_false(ended);
        g_assert_cmpint(situation.iteration, !=, moved_in);
        moved_in = situation.iteration;
        nma_steering_ordered(&steering, &order, situation.iteration, now_us);
        if (chance(rand, 0.8)) {
            gboolean applied = chance(rand, 0.8);

            nma_steering_done(&steering, order.remedy, applied);
            ended = applied && order.remedy >= NMA_REMEDY_POST_COPY;
        } else {
            ended = order.remedy >= NMA_REMEDY_POST_COPY;
        }
    }
    return orders;
}

static void
test_absurd(void)
{
    Campaign campaign = campaign_of(10000, 1000000);
    gint64 orders = 0;

    for (guint64 i = 0; i < campaign.runs; i++)
        orders += run_absurd(campaign.first + i);
    g_test_message("%" G_GINT64_FORMAT " orders", orders);
    g_assert_cmpint(orders, >, (gint64)campaign.runs / 10);
}

/* ---- what each rung does for one guest that cannot end by itself ---- */

static const NmaNovaOptions nova = {
    .downtime_ms = 500, .downtime_steps = 10, .downtime_delay_s = 75, .completion_timeout_s = 800
};

/* 4 GiB, of which a part is written faster than 1 Gbit/s carries */
static QpScenario
busy_guest(double set_bytes)
{
    return (QpScenario){
        .memory_bytes = 4 * GIB,
        .nonzero_bytes = 2 * GIB,
        .writers = { { set_bytes, 3 * GBIT_BYTES_S, FALSE } },
        .n_writers = 1,
        .bandwidth_bytes_s = GBIT_BYTES_S,
        .limit_s = 0.3,
        .slice_s = 0.05,
        .fixed_cost_s = 0.05,
    };
}

static Outcome
run_under(const char *policy, const QpScenario *scenario, gboolean post_copy)
{
    const Rules rules = { .hand = HAND_OURS,
                          .nova = nova,
                          .policy = nma_policy_find(policy),
                          .post_copy = post_copy,
                          .give_up_s = 4000 };
    Outcome outcome;

    steered_run(scenario, 1, &rules, &outcome);
    return outcome;
}

/* The whole set fits into Nova's own 500 ms, which Nova would allow after 40 minutes. */
static void
test_downtime_to_the_need(void)
{
    QpScenario scenario = busy_guest(40 * QP_MIB);
    double least_s = qp_least_downtime_s(&scenario);
    Outcome outcome = run_under("careful", &scenario, FALSE);

    g_assert_true(outcome.finished);
    g_assert_cmpfloat(outcome.total_s, <, 25);
    g_assert_cmpuint(outcome.moves, ==, 1);
    g_assert_cmpfloat(outcome.limit_s, >=, least_s);
    g_assert_cmpfloat(outcome.limit_s, <=, 0.5);
    g_assert_cmpfloat(outcome.downtime_s, <=, outcome.limit_s + 0.05 + 1e-3);
}

static void
test_post_copy_where_it_may(void)
{
    QpScenario scenario = busy_guest(GIB);
    Outcome may = run_under("must-finish", &scenario, TRUE);
    Outcome may_not = run_under("must-finish", &scenario, FALSE);
    Outcome careful = run_under("careful", &scenario, TRUE);

    g_assert_true(may.finished);
    g_assert_cmpfloat(may.post_copy_s, >, 5);
    g_assert_cmpfloat(may.paused_s, ==, 0);
    g_assert_true(may_not.finished);
    g_assert_cmpfloat(may_not.post_copy_s, ==, 0);
    g_assert_cmpfloat(may_not.paused_s, >, 5);
    g_assert_cmpfloat(may_not.paused_s, <, 30);
    g_assert_false(careful.finished);
    g_assert_cmpfloat(careful.post_copy_s + careful.paused_s, ==, 0);
    /* 15 minutes after it was hopeless, and Nova would have gone on to 53 */
    g_assert_cmpfloat(careful.total_s, <, 1100);
    g_assert_cmpfloat(careful.total_s, >, 900);
}

static void
test_pause_over_the_cap(void)
{
    QpScenario scenario = busy_guest(GIB);
    NmaPolicy policy = *nma_policy_find("must-finish");
    Rules rules = { .hand = HAND_OURS, .nova = nova, .policy = &policy, .give_up_s = 600 };
    Outcome outcome;

    policy.max_pause_ms = 3000; /* it would take 9 s */
    steered_run(&scenario, 1, &rules, &outcome);
    g_assert_false(outcome.finished);
    g_assert_cmpfloat(outcome.paused_s, ==, 0);
    /* the link slows down while the guest stands still: ended before the cap */
    policy.max_pause_ms = 12000;
    scenario.n_changes = 1;
    scenario.changes[0] = (QpChange){ .at_s = 40, .bandwidth_bytes_s = GBIT_BYTES_S / 10 };
    scenario.burst_period_s = 0;
    steered_run(&scenario, 1, &rules, &outcome);
    if (outcome.paused_s > 0)
        g_assert_cmpfloat(outcome.paused_s, <=, 12);
}

/* The link goes down to a tenth in the midst of the pause. */
static void
test_pause_is_ended(void)
{
    QpScenario scenario = busy_guest(GIB);
    NmaPolicy policy = *nma_policy_find("must-finish");
    Rules rules = { .hand = HAND_OURS, .nova = nova, .policy = &policy, .give_up_s = 600 };
    Outcome undisturbed, outcome;

    policy.max_pause_ms = 12000;
    steered_run(&scenario, 1, &rules, &undisturbed);
    g_assert_true(undisturbed.finished);
    scenario.n_changes = 1;
    scenario.changes[0] = (QpChange){ .at_s = undisturbed.total_s - undisturbed.paused_s / 2,
                                      .bandwidth_bytes_s = GBIT_BYTES_S / 10 };
    steered_run(&scenario, 1, &rules, &outcome);
    g_assert_false(outcome.finished);
    g_assert_cmpfloat(outcome.paused_s, >, 9);
    g_assert_cmpfloat(outcome.paused_s, <=, 12);
}

/* Nova's limit of bandwidth is what holds it up, and the host has more to give. */
static void
test_speed(void)
{
    QpScenario scenario = busy_guest(60 * QP_MIB);
    Rules rules = { .hand = HAND_OURS,
                    .nova = nova,
                    .policy = nma_policy_find("careful"),
                    .give_up_s = 4000,
                    .fair_speed_bytes_s = GBIT_BYTES_S };
    Outcome outcome;

    scenario.writers[0].rate_bytes_s = GBIT_BYTES_S / 2;
    rules.nova.bandwidth_mib_s = 20;
    steered_run(&scenario, 1, &rules, &outcome);
    g_assert_true(outcome.finished);
    g_assert_cmpfloat(outcome.total_s, <, 250); /* the first pass takes 102 s at 20 MiB/s */
    rules.fair_speed_bytes_s = 0;
    steered_run(&scenario, 1, &rules, &outcome);
    g_assert_false(outcome.finished);
}

/* Nova's next step takes the knob back: it is held, and moved no more than once a pass. */
static void
test_moved_back(void)
{
    QpScenario scenario = busy_guest(GIB);
    NmaPolicy policy = *nma_policy_find("careful");
    Rules rules = { .hand = HAND_OURS, .nova = nova, .policy = &policy, .give_up_s = 1500 };
    Outcome outcome;

    policy.hopeless_ms = 0;
    rules.nova.downtime_delay_s = 30; /* a step each two minutes */
    steered_run(&scenario, 1, &rules, &outcome);
    g_assert_cmpuint(outcome.crowded, ==, 0);
    g_assert_cmpuint(outcome.moves, >=, 9);
    g_assert_cmpuint(outcome.moves, <=, 11);
}

static void
test_total_time(void)
{
    QpScenario scenario = busy_guest(GIB);
    NmaPolicy policy = *nma_policy_find("careful");
    Rules rules = { .hand = HAND_OURS, .nova = nova, .policy = &policy, .give_up_s = 1500 };
    Outcome outcome;

    policy.max_total_ms = 60000;
    steered_run(&scenario, 1, &rules, &outcome);
    g_assert_false(outcome.finished);
    g_assert_cmpfloat(outcome.total_s, >=, 60);
    g_assert_cmpfloat(outcome.total_s, <, 63);
}

/* ---- Nova's own plan ---- */

/* What Nova's documentation says of an 8 GiB guest, and the formula in whole seconds. */
static void
test_nova_plan(void)
{
    static const struct {
        gint64 elapsed_ms, downtime_ms, next_ms, next_at_s;
    } rows[] = {
        { 0, 50, 95, 600 },        { 600000, 50, 95, 600 },     { 600001, 95, 140, 1200 },
        { 601001, 95, 140, 1200 }, { 3599000, 275, 320, 3600 }, { 5999000, 455, 500, 6000 },
        { 6001001, 500, -1, -1 },  { 99999000, 500, -1, -1 },
    };
    NmaNovaPlan plan;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        nma_nova_plan(&nova, nma_nova_data_gib(8192, 0), rows[i].elapsed_ms, &plan);
        g_assert_cmpint(plan.downtime_ms, ==, rows[i].downtime_ms);
        g_assert_cmpint(plan.next_downtime_ms, ==, rows[i].next_ms);
        g_assert_cmpint(plan.next_downtime_at_ms, ==,
                        rows[i].next_at_s < 0 ? NMA_UNKNOWN : rows[i].next_at_s * 1000);
        g_assert_cmpint(plan.end_at_ms, ==, 6400000);
        g_assert_cmpint(plan.end, ==, NMA_NOVA_ENDS_ABORT);
    }
    nma_nova_plan(&nova, nma_nova_data_gib(8192, 0), 700000, &plan);
    g_autofree char *said = nma_nova_plan_sentence(&plan);
    g_assert_cmpstr(said, ==,
                    "allows 95 ms of downtime, 140 ms at 20:00, aborts at 1:46:40 "
                    "(timeout_action=abort)");
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/policy/caps", test_caps);
    g_test_add_func("/policy/absurd", test_absurd);
    g_test_add_func("/policy/downtime-to-the-need", test_downtime_to_the_need);
    g_test_add_func("/policy/post-copy-where-it-may", test_post_copy_where_it_may);
    g_test_add_func("/policy/pause-over-the-cap", test_pause_over_the_cap);
    g_test_add_func("/policy/pause-is-ended", test_pause_is_ended);
    g_test_add_func("/policy/speed", test_speed);
    g_test_add_func("/policy/moved-back", test_moved_back);
    g_test_add_func("/policy/total-time", test_total_time);
    g_test_add_func("/policy/nova-plan", test_nova_plan);
    return g_test_run();
}
