/*
 * Rules: what an audit looks for. One row is one rule; most are only data, a few have a function of
 * their own.
 */
#pragma once

#include "nova-conf-tool/effective.h"
#include "nova-conf-tool/finding.h"

typedef struct NctAudit NctAudit;
typedef struct NctRule NctRule;

typedef enum {
    NCT_WHEN_END = 0,
    NCT_WHEN_SET,   /* a file or the environment sets it */
    NCT_WHEN_UNSET, /* nobody sets it */
    NCT_WHEN_TRUE,  /* boolean, effective: the default counts */
    NCT_WHEN_FALSE,
    NCT_WHEN_IS,       /* the effective text is this, without regard to case */
    NCT_WHEN_IS_NOT,   /* ... is something else; unset is something else, too */
    NCT_WHEN_ONE_OF,   /* ... is one of these, which are separated by '|' */
    NCT_WHEN_CONTAINS, /* ... holds this */
    NCT_WHEN_LACKS,    /* is set, and does not hold this */
    NCT_WHEN_EMPTY,    /* unset, blank, or an empty list */
    NCT_WHEN_NOT_EMPTY,
    NCT_WHEN_EQUALS, /* numbers; unset or illegal is no number, and no test of a number holds */
    NCT_WHEN_NOT_EQUALS,
    NCT_WHEN_BELOW,
    NCT_WHEN_ABOVE,
} NctTest;

typedef struct {
    NctTest test;
    const char *group;
    const char *name;
    const char *text;
    double number;
} NctCondition;

#define NCT_MAX_CONDITIONS 5

typedef enum {
    NCT_RULE_ANY_PROGRAM = 0,
    NCT_RULE_COMPUTE = 1 << 0, /* only for nova-compute */
    /* says that something is missing: not asked of a fragment */
    NCT_RULE_ABSENCE = 1 << 1,
    /* found by comparing releases (upgrade), never by an audit of one */
    NCT_RULE_UPGRADE = 1 << 2,
    /* found by comparing hosts (fleet), never by an audit of one */
    NCT_RULE_FLEET = 1 << 3,
} NctRuleFlags;

struct NctRule {
    const char *code; /* "NC301": never changes its meaning, never used again */
    const char *name; /* "tunnelled-and-tls" */
    NctSeverity severity;
    guint first; /* first and last release it holds for; 0 = no bound */
    guint last;
    NctRuleFlags flags;
    const char *summary; /* one line; also the message, if check is NULL */
    const char *advice;  /* what to write instead, or NULL */
    /* Reported if all hold. The place is that of the first condition's option that a file sets. */
    NctCondition when[NCT_MAX_CONDITIONS];
    /* in place of conditions, or after they hold: reports by itself */
    void (*check)(NctAudit *audit, const NctRule *rule);
    /* paragraphs: why, on what evidence, what to do, what that costs */
    const char *explain;
    /* what the tests run: bad brings the finding, good (bad repaired) does not */
    guint example_release;
    const char *bad;
    const char *good;
};

/* NULL-terminated list of the tables, in the order of codes */
typedef struct {
    const NctRule *rules;
    guint n;
} NctRuleTable;

extern const NctRuleTable nct_rules_files;
extern const NctRuleTable nct_rules_names;
extern const NctRuleTable nct_rules_repeats;
extern const NctRuleTable nct_rules_values;
extern const NctRuleTable nct_rules_migration;
extern const NctRuleTable nct_rules_transport;
extern const NctRuleTable nct_rules_cpu;
extern const NctRuleTable nct_rules_host;
extern const NctRuleTable nct_rules_devices;
extern const NctRuleTable nct_rules_service;
extern const NctRuleTable nct_rules_fleet;
extern const NctRuleTable nct_rules_upgrade;
extern const NctRuleTable nct_rules_tool;

/* every rule, by number from 0; NULL after the last */
const NctRule *nct_rule_at(guint i);
const NctRule *nct_rule_find(const char *code);
/* "13 to 19", "20 and later", "all"; newly allocated */
char *nct_rule_releases(const NctRule *rule);
