/*
 * Where the reports of one cell are to be heard: what its nova.conf says.
 */
#pragma once

#include <glib.h>

#include "rpc/rabbit_options.h"
#include "rpc/transport_url.h"

#define NMA_WATCH_DEFAULT_NOVA_CONF "/etc/nova/nova.conf"

typedef struct {
    char *name; /* as the user calls it; "" for the only one */
    char *nova_conf;
    /* [oslo_messaging_notifications] transport_url, else [DEFAULT] transport_url: where the agents
     * send their reports unless they are told otherwise */
    OmTransportUrl *url;
    OmTransportUrl *rpc_url; /* [DEFAULT] transport_url, where agents answer; NULL: not set */
    OmRabbitOptions rabbit;
    char *exchange; /* control_exchange */
} NmaWatchCell;

#define NMA_WATCH_CELL_ERROR (nma_watch_cell_error_quark())
GQuark nma_watch_cell_error_quark(void);
typedef enum {
    NMA_WATCH_CELL_ERROR_READ,
    NMA_WATCH_CELL_ERROR_INVALID,
} NmaWatchCellError;

/* The error names file and option and holds no secret. */
NmaWatchCell *nma_watch_cell_load(const char *name, const char *nova_conf, GError **error);
void nma_watch_cell_free(NmaWatchCell *cell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaWatchCell, nma_watch_cell_free)
