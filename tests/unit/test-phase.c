#include "agent/core/phase.h"
#include "tests/unit/tap.h"

static void
test_names_round_trip(void)
{
    for (guint i = 0; i < NMA_N_PHASES; i++) {
        NmaPhase phase;

        g_assert_true(nma_phase_from_string(nma_phase_to_string((NmaPhase)i), &phase));
        g_assert_cmpint(phase, ==, i);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/phase/names-round-trip", test_names_round_trip);
    return g_test_run();
}
