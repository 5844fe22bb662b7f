/*
 * One configuration file as it was read: every assignment with its place, and every syntax error.
 */
#pragma once

#include "nova-conf-tool/lexer.h"

/* oslo.config has no limits; these keep time and memory bounded whatever is fed in. */
#define NCT_DOCUMENT_MAX_BYTES   (16u << 20)
#define NCT_DOCUMENT_MAX_ENTRIES 200000u
#define NCT_DOCUMENT_MAX_ERRORS  100u

typedef enum {
    NCT_DOCUMENT_ERROR_NOT_FOUND,
    NCT_DOCUMENT_ERROR_PERMISSION,
    NCT_DOCUMENT_ERROR_IO,
    NCT_DOCUMENT_ERROR_TOO_LARGE,
    NCT_DOCUMENT_ERROR_DECODE, /* not UTF-8: oslo.config raises UnicodeDecodeError */
} NctDocumentError;

#define NCT_DOCUMENT_ERROR (nct_document_error_quark())
GQuark nct_document_error_quark(void);

typedef struct NctDocument NctDocument;

/* One assignment. Strings belong to the document; value may hold NUL bytes. */
typedef struct NctEntry {
    const NctDocument *document;
    const char *section; /* as written */
    const char *group;   /* as looked up: lower case, but DEFAULT as it is */
    const char *key;
    const char *value; /* continuation lines joined with newlines */
    gsize value_length;
    guint line;
    guint last_line;    /* of a continued value */
    guint column;       /* of the key; columns count characters from 1 */
    guint value_column; /* of the value's first character, without its quote */
    /* set by the configuration that reads the document */
    guint rank;            /* the document's place in it; a higher one wins */
    struct NctEntry *next; /* next assignment to the same group and key */
} NctEntry;

typedef struct {
    const char *section; /* as written */
    const char *group;
    guint line;
} NctSection;

typedef struct {
    NctSyntaxError kind;
    guint line;      /* where the mistake stands */
    guint oslo_line; /* the line that oslo.config names: for an option before the first section, the
                      * one where it had read the whole value */
} NctSyntaxIssue;

/* a comment that speaks to this program: "# nova-conf-tool: …" */
typedef struct {
    const char *text; /* what follows the colon, stripped */
    guint line;
} NctRemark;

/*
 * Reads a file (or a pipe) of at most NCT_DOCUMENT_MAX_BYTES. path is what messages call it.
 * Syntax errors do not make it fail; see nct_document_issues. Free with nct_document_free.
 */
NctDocument *nct_document_read(const char *path, GError **error);

/* The same from memory; text need not end with NUL and is copied. */
NctDocument *nct_document_parse(const char *path, const char *text, gsize length, GError **error);

void nct_document_free(NctDocument *document);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctDocument, nct_document_free)

const char *nct_document_path(const NctDocument *document);
NctEntry *nct_document_entries(const NctDocument *document, guint *n);
/* section headers, one for each, repeated ones too */
const NctSection *nct_document_sections(const NctDocument *document, guint *n);
/* in the order of lines; oslo.config stops at the first */
const NctSyntaxIssue *nct_document_issues(const NctDocument *document, guint *n);
const NctRemark *nct_document_remarks(const NctDocument *document, guint *n);
guint nct_document_n_lines(const NctDocument *document);
/* A line without its end; empty if there is no such line. Secrets are not masked. */
NctSpan nct_document_line(const NctDocument *document, guint line);
/* the whole text */
NctSpan nct_document_text(const NctDocument *document);

/* A section or group name as oslo.config looks it up; newly allocated. */
char *nct_group_normalize(const char *name, gsize length);
