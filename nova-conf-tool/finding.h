/*
 * What an audit found: one mistake or piece of advice, at one place, by one rule.
 */
#pragma once

#include "nova-conf-tool/document.h"

typedef enum {
    NCT_SEVERITY_INFO,    /* works, but is renamed, deprecated, overridden on purpose, or advice */
    NCT_SEVERITY_WARNING, /* does not do what it says, or is a hazard */
    NCT_SEVERITY_ERROR,   /* a service does not start, or a value is refused when read */
    NCT_N_SEVERITIES
} NctSeverity;

/* "info", "warning", "error"; static */
const char *nct_severity_to_string(NctSeverity severity);
gboolean nct_severity_from_string(const char *text, NctSeverity *severity);

/* One change to a file. Lines are those of the file as it was read. */
typedef enum {
    NCT_EDIT_REPLACE,      /* lines first to last become text */
    NCT_EDIT_COMMENT_OUT,  /* lines first to last get a "# " in front */
    NCT_EDIT_DELETE,       /* lines first to last go */
    NCT_EDIT_INSERT_AFTER, /* text after line last */
    NCT_EDIT_APPEND,       /* text at the end of the file, under a header for group */
} NctEditKind;

typedef struct {
    NctEditKind kind;
    guint first;
    guint last;
    char *text;  /* without a line end; NULL for COMMENT_OUT and DELETE */
    char *group; /* APPEND only */
} NctEdit;

/* characters of a message or a piece of advice: a value that it quotes may be of any length */
#define NCT_MAX_MESSAGE 1000

typedef struct {
    const struct NctRule *rule;
    NctSeverity severity;
    const NctDocument
        *document; /* NULL = about no file in particular (or one that cannot be read) */
    char *path;
    guint line; /* 0 = about the file as a whole: something that is missing */
    guint column;
    guint end_column; /* one past the last character meant; 0 = the rest of the line */
    char *group;
    char *option;
    char *message;          /* one sentence, holds no secret */
    char *advice;           /* what to write instead, or NULL */
    GArray *fix;            /* NctEdit, or NULL: keeps the configuration's values as they are */
    gboolean fix_is_secret; /* a line that the fix rewrites holds a secret or a credential */
} NctFinding;

void nct_finding_free(NctFinding *finding);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctFinding, nct_finding_free)

/* by file, line, column, then rule; for g_ptr_array_sort */
int nct_finding_compare(gconstpointer a, gconstpointer b);
