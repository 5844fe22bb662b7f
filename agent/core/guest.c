#include "agent/core/guest.h"

NmaGuest *
nma_guest_new(void)
{
    NmaGuest *guest = g_new0(NmaGuest, 1);

    guest->memory_bytes = NMA_UNKNOWN;
    guest->vcpus = NMA_UNKNOWN;
    return guest;
}

void
nma_guest_free(NmaGuest *guest)
{
    if (guest == NULL)
        return;
    g_free(guest);
}
