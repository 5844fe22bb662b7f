/*
 * One domain, read: its job first, then its state, so that "no job" stands beside the state that
 * was left when the job had ended.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent/core/event.h"

/* Blocks (libvirt waits up to 30 s for a domain's job lock). Never NULL; what went wrong is in its
 * text, and its state is NMA_DOMAIN_UNKNOWN when libvirt did not tell it. */
NmaDomainReading *nma_domain_read(virConnectPtr connection, const char *instance_uuid);

/* state and reason: virDomainState and its VIR_DOMAIN_*_REASON. incoming: libvirt said that the
 * domain is the destination of a migration under way. */
NmaDomainState nma_domain_state_from_libvirt(int state, int reason, gboolean incoming);
