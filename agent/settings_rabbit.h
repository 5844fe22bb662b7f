/*
 * The settings as rpc wants them.
 */
#pragma once

#include "agent/settings.h"
#include "rpc/rabbit_options.h"

/* rabbit is initialised first; clear it with om_rabbit_options_clear. */
void nma_settings_fill_rabbit(const NmaSettings *settings, OmRabbitOptions *rabbit);
