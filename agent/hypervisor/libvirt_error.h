/*
 * libvirt's last error of the calling thread: copied at once, and made safe to print and to send.
 * nma_loop_prepare first: libvirt's errors, like all of it, need virInitialize.
 */
#pragma once

#include <glib.h>

/* One line of valid UTF-8 of at most 1024 bytes; owned. code (may be NULL): VIR_ERR_*, or
 * VIR_ERR_OK when libvirt holds no error. */
char *nma_libvirt_error_text(int *code);

/* NMA_HYPERVISOR_ERROR_LIBVIRT, "what: libvirt's text" */
void nma_libvirt_error_set(GError **error, const char *what);
