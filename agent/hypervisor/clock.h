/* The time stamps of events. */
#pragma once

#include <glib.h>
#include <time.h>

static inline gint64
nma_boot_time_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}
