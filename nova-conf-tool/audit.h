/*
 * An audit: every rule over one configuration.
 */
#pragma once

#include "nova-conf-tool/rule.h"

/* What a caller asks for; all zero is an audit of nova-compute for the newest release. */
typedef struct {
    guint release;       /* Nova's major number; 0 = newest */
    const char *version; /* "26.2.0", if the point release is known; else NULL */
    const char *program; /* NULL = nova-compute */
    gboolean fragment;   /* only a piece of a configuration: nothing counts as missing */
    /* codes or their beginnings ("NC3"); NULL-terminated or NULL */
    const char *const *select;
    const char *const *ignore;
    /* out-of-tree options and groups that are not to be called unknown; NULL-terminated or NULL */
    const char *const *known_groups;
    const char *const *known_options; /* "group/name" */
} NctAuditOptions;

/*
 * Audits a configuration (best loaded tolerantly). Returns findings (NctFinding, sorted) without
 * those that comments in the files suppress. They point into the configuration, which must outlive
 * them.
 */
GPtrArray *nct_audit_run(const NctConfig *config, const NctAuditOptions *options);

/* ---- for rules ---- */

struct NctAudit {
    const NctConfig *config;
    const NctAuditOptions *options;
    guint release;
    guint version; /* nct_version_number */
    gboolean compute;
    GPtrArray *findings;
    GArray *lines;          /* NctLineClass (classify.h): every assignment, and what it is */
    guint8 *mentioned;      /* a bit for each row of the catalogue whose own name is assigned */
    guint suggestions_left; /* looking for similar names is slow: bounded */
    guint searches_left;    /* for the same name in other groups */
};

/* the option as the release has it, or NULL */
const NctOption *nct_audit_option(const NctAudit *audit, const char *group, const char *name);

/* where an option's value comes from; UNSET if the release has no such option */
NctOrigin nct_audit_origin(const NctAudit *audit, const char *group, const char *name);
gboolean nct_audit_is_set(const NctAudit *audit, const char *group, const char *name);

/* Effective values; FALSE or NULL when unset, illegal, or not in this release. */
gboolean nct_audit_number(const NctAudit *audit, const char *group, const char *name,
                          double *number);
gboolean nct_audit_true(const NctAudit *audit, const char *group, const char *name);
char *nct_audit_text(const NctAudit *audit, const char *group, const char *name);
/* a list's items, or one item; never NULL */
GStrv nct_audit_list(const NctAudit *audit, const char *group, const char *name);
gboolean nct_audit_holds(const NctAudit *audit, const NctCondition *condition);
/* whether all conditions of a rule hold; number is its place in nct_rule_at */
gboolean nct_audit_all_hold(const NctAudit *audit, const NctRule *rule, guint number);

/*
 * Adds a finding at an assignment (NULL: at the configuration as a whole), or NULL if there are too
 * many already. advice may be NULL. The caller may fill in more.
 */
NctFinding *nct_audit_report(NctAudit *audit, const NctRule *rule, const NctEntry *entry,
                             const char *advice, const char *format, ...) G_GNUC_PRINTF(5, 6);
/* at a line of a document */
NctFinding *nct_audit_report_line(NctAudit *audit, const NctRule *rule, const NctDocument *document,
                                  guint line, const char *format, ...) G_GNUC_PRINTF(5, 6);
/* at the line where the option is set; at the configuration as a whole if it is not in a file */
NctFinding *nct_audit_report_option(NctAudit *audit, const NctRule *rule, const char *group,
                                    const char *name, const char *advice, const char *format, ...)
    G_GNUC_PRINTF(6, 7);

/* adds an edit to a finding's fix; takes text and group */
void nct_finding_add_edit(NctFinding *finding, NctEditKind kind, guint first, guint last,
                          char *text, char *group);
