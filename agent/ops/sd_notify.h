/* systemd's notification protocol (sd_notify(3)), without linking libsystemd. */
#pragma once

#include <glib.h>

/* "READY=1", "STATUS=…", "WATCHDOG=1", …; does nothing when NOTIFY_SOCKET is not set */
void nma_sd_notify(const char *state);
/* half of WATCHDOG_USEC when it is meant for us, else 0 */
gint64 nma_sd_watchdog_interval_us(void);
