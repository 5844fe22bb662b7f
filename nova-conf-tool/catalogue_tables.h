/* Shapes of the generated tables (schemas/generate-options); use them through catalogue.h.
 * Internal. */
#pragma once

#include "nova-conf-tool/option.h"

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

/* What is known of an option in some releases. */
typedef struct {
    NctReleaseMask releases;
    NctOption option;
} NctFactRow;

typedef struct {
    const char *group;
    const char *name;
    guint16 first_fact;
    guint8 n_facts;
    guint8 added;      /* 0 = there from the first release on */
    guint8 removed;    /* first release without it; 0 = still there */
    guint8 deprecated; /* first release in which it is marked for removal; 0 = is not */
    gboolean auth;     /* read only by an authentication plugin, if auth_type names it */
    gboolean manual;   /* the successor does not read the old line */
    const NctName *successors;
    guint n_successors;
    const char *source; /* the repository that defines it */
} NctCatalogueRow;

/* an old name that is still read */
typedef struct {
    const char *group;
    const char *name;
    const char *to_group;
    const char *to_name;
    NctReleaseMask releases;
} NctAliasRow;

/* a word that [upgrade_levels] SERVICE may have */
typedef struct {
    const char *service;
    const char *word;
    NctReleaseMask releases;
} NctLevelRow;

typedef struct {
    const char *group;
    const char *name;
    guint8 major, minor, patch;
    gboolean added; /* else removed */
} NctPointRow;

extern const NctReleaseRow nct_releases[];
extern const NctCatalogueRow nct_options[];
/* FNV-1a of "group/name", modulo the size, then onwards -> number of the row from 1; 0 = free */
extern const guint16 nct_option_hash[];
extern const NctCatalogueRow nct_patterns[];
extern const NctAliasRow nct_aliases[];
extern const NctLevelRow nct_levels[];
extern const NctPointRow nct_points[];
extern const NctFactRow nct_facts[];
extern const guint n_nct_releases, n_nct_options, n_nct_option_hash, n_nct_patterns, n_nct_aliases,
    n_nct_levels, n_nct_points, n_nct_facts;
