/* Shapes of the generated tables (schemas/generate-options); use them through catalogue.h.
 * Internal. */
#pragma once

#include "nova-conf-tool/option.h"

/*
 * Rows refer to texts and to each other by number, never by address: so they are plain read-only
 * pages that need no work when the program starts.
 */

/* where a text begins in nct_texts; 0 = none, 1 = the empty text */
typedef guint32 NctText;

/* bit 0 = the first release of the catalogue */
typedef guint32 NctReleaseMask;

typedef struct {
    guint id; /* Nova's major number */
    const char *name;
    const char *codename; /* "" when it is the name */
    const char *tag;      /* the last point release, which the table describes */
    const char *oslo_config;
    const char *libvirt_min;
    const char *qemu_min; /* "" = no minimum */
} NctReleaseRow;

typedef struct {
    NctText group;
    NctText name;
} NctTextPair;

/* see NctType; lists of words are places in nct_words, 0 = none */
typedef struct {
    guint8 kind;
    guint8 flags;
    guint16 choices;
    guint16 schemes;
    guint16 item; /* a row of nct_types, 0 = none */
    NctText regex;
    guint32 max_length;
    double min;
    double max;
} NctTypeRow;

/* What is known of an option in some releases; see NctOption. */
typedef struct {
    NctReleaseMask releases;
    guint16 type; /* a row of nct_types */
    guint16 flags;
    gboolean has_defaults;
    guint16 defaults;  /* a place in nct_words; 0 = an empty list */
    guint16 old_names; /* the first of them in nct_names */
    guint16 n_old_names;
    NctText deprecated_since;
} NctFactRow;

typedef struct {
    NctText group;
    NctText name;
    guint16 first_fact;
    guint8 n_facts;
    guint8 added;      /* 0 = there from the first release on */
    guint8 removed;    /* first release without it; 0 = still there */
    guint8 deprecated; /* first release in which it is marked for removal; 0 = is not */
    guint8 auth;       /* boolean: read only by an authentication plugin, if auth_type names it */
    guint8 manual;     /* boolean: the successor does not read the old line */
    guint16 n_successors;
    guint16 successors; /* the first of them in nct_names */
    NctText source;     /* the repository that defines it */
} NctCatalogueRow;

/* an old name that is still read */
typedef struct {
    NctText group;
    NctText name;
    NctText to_group;
    NctText to_name;
    NctReleaseMask releases;
} NctAliasRow;

/* a word that [upgrade_levels] SERVICE may have */
typedef struct {
    NctText service;
    NctText word;
    NctReleaseMask releases;
} NctLevelRow;

typedef struct {
    NctText group;
    NctText name;
    guint8 major, minor, patch;
    gboolean added; /* else removed */
} NctPointRow;

extern const char nct_texts[];
extern const NctReleaseRow nct_releases[];
extern const NctCatalogueRow nct_options[];
/* FNV-1a of "group/name", modulo the size, then onwards -> number of the row from 1; 0 = free */
extern const guint16 nct_option_hash[];
extern const NctCatalogueRow nct_patterns[];
extern const NctAliasRow nct_aliases[];
extern const NctLevelRow nct_levels[];
extern const NctPointRow nct_points[];
extern const NctFactRow nct_facts[];
extern const NctTypeRow nct_types[];
extern const NctTextPair nct_names[];
extern const NctText nct_words[];
extern const guint n_nct_releases, n_nct_options, n_nct_option_hash, n_nct_patterns, n_nct_aliases,
    n_nct_levels, n_nct_points, n_nct_facts, n_nct_types, n_nct_names, n_nct_words;

/* What was made of rows so far: one place for each of nct_facts and nct_types; see catalogue.c. */
extern const NctOption *nct_made_options[];
extern const NctType *nct_made_types[];

static inline const char *
nct_text(NctText text)
{
    return nct_texts + text;
}
