/*
 * What an assignment is to a release: an option, an old name, or one of the ways to be ignored.
 * Each is exactly one, so that a line is reported once for what it is.
 */
#pragma once

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/catalogue.h"

typedef enum {
    NCT_CLASS_OPTION,
    NCT_CLASS_OLD_NAME,      /* read as option */
    NCT_CLASS_PATTERN,       /* an option of a run-time group */
    NCT_CLASS_TOLD,          /* the caller says that it is known */
    NCT_CLASS_GROUP_UNKNOWN, /* its group is unknown or misspelt: reported at the header */
    NCT_CLASS_OPERATOR,      /* "name +" */
    NCT_CLASS_DASH,          /* option with a dash for an underscore */
    NCT_CLASS_REMOVED,       /* .release is the first without it */
    NCT_CLASS_NOT_YET,       /* .release is the first with it */
    NCT_CLASS_WRONG_GROUP,   /* option is in another group */
    NCT_CLASS_UNKNOWN, /* .option: one that has or had the name in some other group, or NULL */
} NctClassKind;

typedef struct {
    NctClassKind kind;
    const NctOption *option;    /* OPTION, OLD_NAME, PATTERN, DASH, WRONG_GROUP */
    const NctCatalogueRow *row; /* REMOVED, NOT_YET: may be NULL (an old name once read) */
    guint release;
    const NctPointRow *point; /* NOT_YET: the point release that brought it, or NULL */
} NctClass;

typedef struct {
    const NctEntry *entry;
    NctClass what;
    /* FALSE: this assignment counts, and what comes of it is not legal */
    gboolean readable;
} NctLineClass;

/* what comes of an assignment that counts for an option; see nct_config_read */
NctResult nct_line_result(const NctAudit *audit, const NctLineClass *line);

/* fills audit->lines: every assignment under a header, in the order read */
void nct_classify_all(NctAudit *audit);

typedef void (*NctLineCheck)(NctAudit *audit, const NctRule *rule, const NctEntry *entry,
                             const NctClass *what);

/* calls check for every line, in the order read */
void nct_for_each_line(NctAudit *audit, const NctRule *rule, NctLineCheck check);

typedef enum {
    NCT_GROUP_KNOWN,
    NCT_GROUP_TOLD,
    NCT_GROUP_OF_OTHER_RELEASE, /* its options are reported one by one */
    NCT_GROUP_DEFAULT_MISSPELT,
    NCT_GROUP_UNKNOWN,
} NctGroupKind;

NctGroupKind nct_classify_group(const NctAudit *audit, const char *group);

/* "name" of "name +"; newly allocated, NULL if the key is not of that form */
char *nct_operator_base(const char *key);
