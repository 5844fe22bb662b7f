/*
 * What checks ask libvirt, each a few blocking calls on a connection that the calling thread has to
 * itself. No call here takes a job on a domain of this host while it is a destination: reading
 * definitions and infos does not.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent/hypervisor/inspection.h"

/* Versions and CPUs, and what the guests that run here may take where that is asked for; virt is
 * cleared before. A call for each guest, two with pins. */
void nma_inspect_host(virConnectPtr connection, NmaInspectGuests guests, NmaVirtFacts *virt);

/* The guest as it runs here; NULL with needs (owned): why it could not be read. */
NmaGuest *nma_inspect_guest(virConnectPtr connection, const char *instance_uuid, char **needs);

/* Whether this host would take the guest; acceptance is cleared before. */
void nma_inspect_acceptance(virConnectPtr connection, const NmaGuest *guest,
                            NmaAcceptance *acceptance);
