/*
 * What is known of an option: enough to read it as oslo.config does.
 *
 * Tables of these are generated from Nova's option catalogue (catalogue.h); tests bring their own.
 */
#pragma once

#include <glib.h>

typedef enum {
    NCT_TYPE_STRING,
    NCT_TYPE_INTEGER,
    NCT_TYPE_FLOAT,
    NCT_TYPE_BOOLEAN,
    NCT_TYPE_LIST,
    NCT_TYPE_DICT,
    NCT_TYPE_PORT,
    NCT_TYPE_IP,
    NCT_TYPE_HOSTNAME,
    NCT_TYPE_HOSTADDRESS,
    NCT_TYPE_HOSTDOMAIN,
    NCT_TYPE_URI,
    NCT_TYPE_IGNORED, /* any value is accepted and thrown away */
    NCT_N_TYPES
} NctTypeKind;

typedef enum {
    NCT_HAS_MIN = 1 << 0,
    NCT_HAS_MAX = 1 << 1,
    NCT_IGNORE_CASE = 1 << 2,
    NCT_QUOTES = 1 << 3, /* a pair of quotes around the value is dropped, a lone one refused */
    NCT_BOUNDS = 1 << 4, /* a list must stand in [], a dict in {} */
} NctTypeFlags;

typedef struct NctType {
    NctTypeKind kind;
    NctTypeFlags flags;
    double min;
    double max;
    const char *const *choices; /* NULL-terminated; numbers as decimal text */
    const char *regex;          /* searched, not anchored */
    guint max_length;           /* characters; 0 = any */
    const char *const *schemes;
    const struct NctType *item; /* of a list, or values of a dict; NULL = plain string */
} NctType;

typedef struct {
    const char *group; /* of an old name: NULL = the option's own, declared without one */
    const char *name;
} NctName;

typedef enum {
    NCT_OPTION_MULTI = 1 << 0,  /* may repeat, all values count */
    NCT_OPTION_SECRET = 1 << 1, /* its value must never be shown */
    NCT_OPTION_CLI = 1 << 2, /* also an option of the command line: read while files are parsed */
    NCT_OPTION_DEFAULT_COMPUTED = 1 << 3, /* Nova computes the default on the host */
    NCT_OPTION_REMOVAL_PLANNED = 1 << 4,
    NCT_OPTION_REQUIRED = 1 << 5,
    NCT_OPTION_MUTABLE = 1 << 6,
    /* declared with a dash, which a file must not have: the spelling with a dash is ignored */
    NCT_OPTION_DECLARED_WITH_DASH = 1 << 7,
} NctOptionFlags;

typedef struct NctOption {
    const char *group;
    const char *name; /* as a file must spell it */
    const NctType *type;
    NctOptionFlags flags;
    /* NULL-terminated; a multi option may have several, others have one. NULL = unset */
    const char *const *defaults;
    const NctName *old_names; /* in the order in which oslo.config looks them up */
    guint n_old_names;
    const char *deprecated_since; /* a Nova version, or NULL */
} NctOption;

/* Where options are looked up. group is normalised (see nct_group_normalize). */
typedef struct NctSchema NctSchema;
struct NctSchema {
    const NctOption *(*find)(const NctSchema *schema, const char *group, const char *name);
    /*
     * The option that "$name" in this group means by an old name, or NULL. oslo.config finds old
     * names that are declared without a group in DEFAULT only.
     */
    const NctOption *(*find_by_old_name)(const NctSchema *schema, const char *group,
                                         const char *name);
    gboolean (*has_group)(const NctSchema *schema, const char *group);
    gconstpointer data;
};
