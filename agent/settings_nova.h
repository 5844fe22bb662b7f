/*
 * What the agent takes from nova.conf, as Nova would read it.
 */
#pragma once

#include "agent/settings.h"

/* Reads settings->nova_config_files, nova_config_dirs and connection_file, fills the members "from
 * nova.conf", and those of our own options whose default is Nova's. Appends to files (char *). */
gboolean nma_settings_read_nova(NmaSettings *settings, GPtrArray *files, GError **error);

/* nova-compute's --config-file and --config-dir options for NctSources.args: an array of NctArg
 * whose texts are borrowed. Owned. */
GArray *nma_nova_args(const char *const *config_files, const char *const *config_dirs);

/* Frees what it filled. */
void nma_settings_clear_nova(NmaSettings *settings);
