/*
 * Hosts against each other: settings that must be alike, addresses that must not, and processors.
 * Takes little from each host, so that thousands of them need not be in memory at once.
 */
#pragma once

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/fleet_cpu.h"

/* codes of findings that only a comparison of hosts brings */
#define NCT_FLEET_PREFIX "NC7"

typedef struct NctFleet NctFleet;

/* options must outlive it */
NctFleet *nct_fleet_new(const NctAuditOptions *options);
void nct_fleet_free(NctFleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctFleet, nct_fleet_free)

/*
 * One more host: name is what messages call it. config may be freed afterwards. version is that of
 * the Nova installed on it, or NULL. Takes facts.
 */
void nct_fleet_add(NctFleet *fleet, const char *name, const NctConfig *config, const char *version,
                   NctCpuFacts *facts);

/*
 * What differs (NctFinding, sorted); empty for a single host, but for what its own facts say. They
 * have places in files, but no documents.
 */
GPtrArray *nct_fleet_findings(const NctFleet *fleet);
