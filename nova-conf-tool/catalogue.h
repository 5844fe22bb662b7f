/*
 * What each release of Nova knows of its options. The tables are generated from
 * schemas/nova-options.json; nothing is read at run time. Any thread may ask.
 */
#pragma once

#include "nova-conf-tool/catalogue_tables.h"

/* ---- releases ---- */

/* "mitaka", "antelope", "2023.1", "13", "26.2.2", in any case -> major number; 0 = no such release
 */
guint nct_release_parse(const char *text);
guint nct_release_oldest(void);
guint nct_release_newest(void);
/* NULL = not in the catalogue */
const NctReleaseRow *nct_release_row(guint release);
/* "2023.1 (27, antelope)"; newly allocated */
char *nct_release_describe(guint release);
gboolean nct_release_in(NctReleaseMask mask, guint release);
/* "26.2.1" as a number that can be compared; 0 if it is NULL or has no point */
guint nct_version_number(const char *version);
/*
 * The point release that brought an option which its series did not have from the start, if version
 * (nct_version_number) is of that series and older; NULL otherwise.
 */
const NctPointRow *nct_catalogue_not_yet(guint version, const char *group, const char *name);

/* ---- options; group normalised as by nct_group_normalize ---- */

/* FNV-1a of "group/name" */
guint nct_name_hash(const char *group, const char *name);
/* the row of an option that some release has, or NULL */
const NctCatalogueRow *nct_catalogue_row(const char *group, const char *name);
/* the first row of a group; the others follow it as long as nct_catalogue_is_of */
const NctCatalogueRow *nct_catalogue_group(const char *group);
gboolean nct_catalogue_is_of(const NctCatalogueRow *row, const char *group);
/* the option as the release has it, or NULL if it has not (or row is NULL); lives as long as the
 * program */
const NctOption *nct_catalogue_row_option(const NctCatalogueRow *row, guint release);
const NctOption *nct_catalogue_option(guint release, const char *group, const char *name);
/* the option that reads group/name as an old name, or NULL */
const NctOption *nct_catalogue_by_old_name(guint release, const char *group, const char *name);
/* the i-th of them: some old names are read by several ([DEFAULT] sql_connection) */
const NctOption *nct_catalogue_reader_of(guint release, const char *group, const char *name,
                                         guint i);
/*
 * An option of a group that exists only at run time (mdev_NAME and the like), or NULL. Its group is
 * the pattern, so it describes and judges, but reads nothing.
 */
const NctOption *nct_catalogue_pattern(guint release, const char *group, const char *name);
/* a group that Nova registers; DEFAULT is none */
gboolean nct_catalogue_has_group(guint release, const char *group);
/* also groups of run-time patterns, and groups that only old names live in */
gboolean nct_catalogue_knows_group(guint release, const char *group);
/* whether any release registers options in it */
gboolean nct_catalogue_ever_had_group(const char *group);

/* the release as a schema for the reader; static, release 0 = newest */
const NctSchema *nct_catalogue_schema(guint release);
