/* Names that look like one that does not exist. */
#pragma once

#include "nova-conf-tool/catalogue.h"

/* the release's option in this group that is spelt most like it, or NULL */
const NctOption *nct_suggest_in_group(guint release, const char *group, const char *name);

/* an option of exactly this name (letter case and dashes aside; also an old name) in another group,
 * or NULL */
const NctOption *nct_suggest_other_group(guint release, const char *group, const char *name);

/* a group spelt like it, or NULL */
const char *nct_suggest_group(guint release, const char *group);

/* how many letters must be changed, added, dropped or swapped; more than limit = limit + 1 */
guint nct_edit_distance(const char *a, const char *b, guint limit);
