/* Old findings that are not to be shown again: a file of their fingerprints and how often each
 * occurs. */
#pragma once

#include "nova-conf-tool/finding.h"

typedef struct NctBaseline NctBaseline;

typedef enum {
    NCT_BASELINE_ERROR_READ,
    NCT_BASELINE_ERROR_FORMAT,
    NCT_BASELINE_ERROR_WRITE,
} NctBaselineError;

#define NCT_BASELINE_ERROR (nct_baseline_error_quark())
GQuark nct_baseline_error_quark(void);

NctBaseline *nct_baseline_new(void);
NctBaseline *nct_baseline_read(const char *path, GError **error);
void nct_baseline_free(NctBaseline *baseline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctBaseline, nct_baseline_free)

/* whether the finding is an old one; each that was recorded counts once */
gboolean nct_baseline_takes(NctBaseline *baseline, const NctFinding *finding);
void nct_baseline_add(NctBaseline *baseline, const NctFinding *finding);
gboolean nct_baseline_write(const NctBaseline *baseline, const char *path, GError **error);
