/* Applying the fixes of findings to the text of a file. */
#pragma once

#include "nova-conf-tool/finding.h"

/* The file's lines, each as it was and as it becomes. */
typedef struct NctEdited NctEdited;

/* takes the fixes of those findings (NctFinding) that are about this document */
NctEdited *nct_edits_apply(const NctDocument *document, const GPtrArray *findings, guint release);
void nct_edited_free(NctEdited *edited);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctEdited, nct_edited_free)

/* findings that were fixed */
guint nct_edited_n_fixes(const NctEdited *edited);
/* the new text, with the line ends of the old one */
GString *nct_edited_text(const NctEdited *edited);
/*
 * A unified diff without any secret in it: context ends where a line holds one, and changes of such
 * lines are left out; *n_left_out counts them. Applied by "patch -p0" in the directory that the
 * path starts from.
 */
GString *nct_edited_diff(const NctEdited *edited, guint *n_left_out);
