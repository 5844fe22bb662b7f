/*
 * The thread virt-events: libvirt's default event loop. libvirt has one loop a process, so there
 * is at most one NmaLoop at a time. Callbacks that libvirt calls from it must not block.
 */
#pragma once

#include <glib.h>

typedef struct NmaLoop NmaLoop;

/* libvirt's library, its silence on stderr and its loop: once a process, before the first
 * connection. Safe to call again. */
gboolean nma_loop_prepare(GError **error);

/* tick: called on the thread after each turn, at least every 250 ms */
NmaLoop *nma_loop_new(void (*tick)(gpointer user_data), gpointer user_data, GError **error);

/* CLOCK_BOOTTIME of the newest turn, in µs */
gint64 nma_loop_last_alive_boot_us(NmaLoop *loop);

/* Ends the thread once libvirt has freed what was taken off the loop, then frees loop. FALSE:
 * it did not end by the deadline (g_get_monotonic_time); thread and loop are left behind. */
gboolean nma_loop_stop(NmaLoop *loop, gint64 deadline_us);
