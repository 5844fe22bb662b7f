/* Comments that silence findings: "# nova-conf-tool: ignore=NC101,NC203 reason". */
#pragma once

#include "nova-conf-tool/audit.h"

/*
 * Takes out of the audit's findings what comments in the files silence, and adds one for each
 * comment that silences nothing. "ignore=" speaks of the option below it, "ignore-file=" of the
 * whole file.
 */
void nct_suppress(NctAudit *audit);

/* what comments silence in a line of a document: "NC101 NC203"; newly allocated, NULL = nothing */
char *nct_silenced_codes(const NctDocument *document, guint line);

/* the two rules of its own, for nct_rules_tool */
#define NCT_CODE_UNUSED_SUPPRESSION  "NC901"
#define NCT_CODE_UNKNOWN_SUPPRESSION "NC902"
