#include "tests/sim/policy_scenarios.h"

#include <math.h>

#define GIB          (1024 * QP_MIB)
#define GBIT_BYTES_S 117e6

static double
between(GRand *rand, double low, double high)
{
    return g_rand_double_range(rand, low, high);
}

static double
log_between(GRand *rand, double low, double high)
{
    return low * pow(high / low, g_rand_double(rand));
}

PolicyKind
policy_scenario(guint32 seed, QpScenario *scenario)
{
    static const double links[] = { 1, 10, 25, 100 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    double share = g_rand_double(rand), rate;
    PolicyKind kind = share < 0.7   ? KIND_STEADY
                      : share < 0.8 ? KIND_BANDWIDTH_CHANGES
                                    : KIND_BURSTS;

    *scenario = (QpScenario){ .memory_bytes = log_between(rand, GIB, 6144 * GIB) };
    scenario->nonzero_bytes = scenario->memory_bytes * between(rand, 0.05, 1);
    scenario->bandwidth_bytes_s =
        links[g_rand_int_range(rand, 0, G_N_ELEMENTS(links))] * GBIT_BYTES_S;
    scenario->n_writers = (guint)g_rand_int_range(rand, 1, QP_MAX_WRITERS + 1);
    rate = scenario->bandwidth_bytes_s *
           (g_rand_double(rand) < 0.7 ? between(rand, 0.2, 2) : log_between(rand, 0.005, 2));
    for (guint i = 0; i < scenario->n_writers; i++)
        scenario->writers[i] = (QpWriter){
            log_between(rand, 16 * QP_MIB, scenario->nonzero_bytes / QP_MAX_WRITERS),
            rate / scenario->n_writers * between(rand, 0.2, 1.8),
            g_rand_double(rand) < 0.4,
        };
    scenario->clears_late = g_rand_boolean(rand);
    scenario->slice_s = 0.05;
    scenario->noise = between(rand, 0, 0.03);
    scenario->fixed_cost_s = between(rand, 0.01, 0.06);
    scenario->limit_s = 0.3;
    if (kind == KIND_BANDWIDTH_CHANGES) {
        double pass_s = scenario->nonzero_bytes / scenario->bandwidth_bytes_s;

        scenario->n_changes = 2;
        for (guint i = 0; i < scenario->n_changes; i++)
            scenario->changes[i] = (QpChange){
                .at_s = pass_s * (i + between(rand, 0.3, 1.2)),
                .bandwidth_bytes_s = scenario->bandwidth_bytes_s * log_between(rand, 0.3, 1),
            };
    } else if (kind == KIND_BURSTS) {
        scenario->burst_period_s = log_between(rand, 0.5, 300);
        scenario->burst_share = between(rand, 0.1, 0.9);
        scenario->burst_factor = log_between(rand, 0.1, 10);
    }
    return kind;
}
