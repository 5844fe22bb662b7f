/* A host with something to tell, for the tests of the RPC results. */
#pragma once

#include "agent/core/host.h"

#define HOST_SAMPLE_INSTANCE "11111111-2222-4333-8444-555555555555"

/* one migration leaving, one arriving, and a reservation; owned */
NmaHost *host_sample(void);
NmaHost *host_sample_empty(void);
