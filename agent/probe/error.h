/* How a probe fails. */
#pragma once

#include <glib.h>

#define NMA_PROBE_ERROR (nma_probe_error_quark())
GQuark nma_probe_error_quark(void);
typedef enum {
    NMA_PROBE_ERROR_READ,
    NMA_PROBE_ERROR_FORMAT,
} NmaProbeError;
