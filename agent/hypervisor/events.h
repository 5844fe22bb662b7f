/*
 * libvirt's events of all domains, turned into core's. The callbacks run on the event loop's
 * thread: they copy and post, nothing else.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent/core/event.h"

#define NMA_N_EVENT_CALLBACKS 3

/* Must stay where it is while its callbacks are registered. */
typedef struct {
    void (*post)(NmaEvent *event, gpointer user_data); /* takes the event */
    gpointer user_data;
    int ids[NMA_N_EVENT_CALLBACKS]; /* libvirt's; -1: not registered */
} NmaEvents;

void nma_events_init(NmaEvents *events, void (*post)(NmaEvent *event, gpointer user_data),
                     gpointer user_data);

/* All or none. */
gboolean nma_events_register(NmaEvents *events, virConnectPtr connection, GError **error);
void nma_events_deregister(NmaEvents *events, virConnectPtr connection);

/* event and detail: virDomainEventType and its detail. FALSE: not one that matters. */
gboolean nma_lifecycle_from_libvirt(int event, int detail, NmaLifecycle *what);
