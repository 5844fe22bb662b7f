/* The network card over which a migration would leave this host. Cheap and never blocking. */
#pragma once

#include <glib.h>

/* Speed in bytes/s of the card (bridge, bond) of the IPv4 default route: <proc>/net/route and
 * <sys>/class/net/<name>/speed, in Mbit/s. NMA_UNKNOWN where the kernel does not say it (no default
 * route, a virtual card, link down). */
gint64 nma_probe_link_bytes_s(const char *proc, const char *sys);
