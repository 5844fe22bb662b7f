/* Whether a host name can be looked up, within a deadline. Internal to rpc/.
 *
 * getaddrinfo() waits as long as resolv.conf has it wait for each name server and each search
 * domain (5 s, twice, and so on: minutes where none answers), and nothing interrupts it. */
#pragma once

#include <glib.h>

/* TRUE: it has an address, or is one. OM_CONNECTION_ERROR_TIMEOUT or _IO otherwise. Any thread. */
gboolean om_resolve_check(const char *host, guint timeout_ms, GError **error);
