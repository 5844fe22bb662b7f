/*
 * The way to another host, tried without a listener of our own: a connection that is refused has
 * been there and back. Resolves names and waits: call it on a thread that may.
 */
#pragma once

#include <glib.h>

#include "agent/core/source_facts.h"

typedef struct {
    const char *what; /* static */
    gint64 port;
} NmaPortToTry;

/* path is filled in, with what it held freed. All ports are tried side by side for at most
 * timeout_ms; a resolver may take longer. */
void nma_probe_path(const char *address, const NmaPortToTry *ports, guint n_ports,
                    gint64 timeout_ms, const char *sys, NmaPath *path);
