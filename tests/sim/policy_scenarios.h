/* The migrations on which policies are compared: 1 GiB to 6 TiB, four speeds of link, idle guests
 * to such that dirty twice what the link carries, saturating and not, in bursts and not, links that
 * change. */
#pragma once

#include "tests/sim/qemu_precopy.h"

typedef enum { KIND_STEADY, KIND_BANDWIDTH_CHANGES, KIND_BURSTS, N_POLICY_KINDS } PolicyKind;

PolicyKind policy_scenario(guint32 seed, QpScenario *scenario);
