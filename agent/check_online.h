/*
 * check-config --online: tries, once and without touching what runs, what the agent will do.
 */
#pragma once

#include "agent/settings.h"

/* Each trial's result is handed to say: what was tried, and error NULL with detail, or error with
 * what is wrong. Returns whether all went well. Blocks at most about 30 s. */
typedef void (*NmaCheckSay)(const char *what, const char *detail, const char *error,
                            gpointer user_data);
gboolean nma_check_online(const NmaSettings *settings, NmaCheckSay say, gpointer user_data);
