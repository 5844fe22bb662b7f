/*
 * Findings for people and for machines. Each format writes as it goes, so that ten thousand files
 * need no more memory than one.
 */
#pragma once

#include <stdio.h>

#include "nova-conf-tool/finding.h"
#include "nova-conf-tool/rule.h"

typedef struct {
    FILE *out;
    gboolean colour;
    guint release;
    const char *release_reason; /* "--release", "the newest" and so on */
    /* counted by nct_output_findings */
    guint counts[NCT_N_SEVERITIES];
    guint n_configurations;
    guint n_files;
    guint n_baseline; /* findings that the baseline holds, and that are not shown */
    gboolean started; /* for separators between items */
} NctOutput;

typedef struct {
    const char *name;
    void (*begin)(NctOutput *output);
    void (*finding)(NctOutput *output, const NctFinding *finding);
    void (*end)(NctOutput *output);
} NctFormat;

extern const NctFormat nct_format_text;
extern const NctFormat nct_format_json;
extern const NctFormat nct_format_sarif;
extern const NctFormat nct_format_gitlab;
extern const NctFormat nct_format_gcc;
extern const NctFormat nct_format_junit;

/* NULL if there is no such format */
const NctFormat *nct_format_find(const char *name);
/* "text, json, …" */
const char *nct_format_names(void);

/* a path as valid UTF-8; newly allocated */
char *nct_output_path(const char *path);
/* "1 error, 2 warnings, 3 infos in 2 files; Nova 2026.1 (33, gazpacho), the newest"; newly
 * allocated */
char *nct_output_summary(const NctOutput *output);
/* a word for the finding that stays the same when lines move; newly allocated */
char *nct_finding_fingerprint(const NctFinding *finding);
