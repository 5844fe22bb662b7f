/*
 * The running agent: ties the adapters to core. One thread owns everything here; the others only
 * put into the inbox.
 */
#pragma once

#include <glib.h>

#include "agent/settings.h"

typedef struct NmaAgent NmaAgent;

/* Opens the store, restores what it holds, starts the threads. The settings are taken.
 * config_file: read again on SIGHUP and when the broker refuses the credentials; copied. */
NmaAgent *nma_agent_new(NmaSettings *settings, const char *config_file, GError **error);

/* Runs until *stop_fd (a signalfd of SIGTERM, SIGINT, SIGHUP) says so; ends within 10 s. */
void nma_agent_run(NmaAgent *agent, int signal_fd);
void nma_agent_free(NmaAgent *agent);
