/* What a later release makes of a configuration that an earlier one runs with. */
#pragma once

#include "nova-conf-tool/audit.h"

/*
 * The findings of the later release that the earlier one did not have, and options whose default
 * changed and which nobody sets. before and after are the same files, loaded for the two releases;
 * the findings point into after.
 */
GPtrArray *nct_upgrade_findings(const NctConfig *before, guint from, const NctConfig *after,
                                guint to, const NctAuditOptions *options);
