/*
 * The lines of an oslo.config file, each with what it is.
 *
 * Source: oslo_config/iniparser.py, unchanged in behaviour from oslo.config 3.9.0 to 10.3.0. There
 * is no inline comment, no append operator, no escape; a line that starts with a blank or a tab
 * continues the value above, whatever it says. CR, LF and CRLF end a line.
 */
#pragma once

#include "nova-conf-tool/text.h"

typedef enum {
    NCT_LINE_BLANK,
    NCT_LINE_COMMENT,
    NCT_LINE_SECTION,
    NCT_LINE_ASSIGNMENT,
    NCT_LINE_CONTINUATION,
    NCT_LINE_ERROR,
} NctLineKind;

/* Each of these keeps the service from starting. */
typedef enum {
    NCT_SYNTAX_OK,
    NCT_SYNTAX_NO_SEPARATOR,
    NCT_SYNTAX_EMPTY_KEY,
    NCT_SYNTAX_CONTINUATION_WITHOUT_KEY,
    NCT_SYNTAX_SECTION_NOT_CLOSED,
    NCT_SYNTAX_SECTION_EMPTY,
    NCT_SYNTAX_KEY_BEFORE_SECTION,
    NCT_N_SYNTAX_ERRORS
} NctSyntaxError;

/* a word for programs, and a sentence for people that quotes nothing of the line; static */
const char *nct_syntax_error_word(NctSyntaxError error);
const char *nct_syntax_error_text(NctSyntaxError error);

typedef struct {
    NctLineKind kind;
    NctSyntaxError error;
    guint number; /* from 1 */
    NctSpan raw;  /* the whole line without its end */
    NctSpan name; /* section name or key */
    /* assignment: the value's first line, one pair of quotes dropped; continuation: its text;
     * comment: what follows the sign */
    NctSpan value;
    gboolean quoted;
} NctLine;

typedef struct {
    const char *at;
    const char *end;
    const char *newline; /* the next LF, found once: a file of many CR stays linear */
    guint number;
    gboolean in_value; /* a continuation may follow */
} NctLexer;

/* text must be valid UTF-8 and outlive the lexer and its lines */
void nct_lexer_init(NctLexer *lexer, const char *text, gsize length);

/*
 * The next line, FALSE at the end. After a line of kind NCT_LINE_ERROR (where oslo.config stops) it
 * goes on with the next, so that a reader can name all mistakes at once.
 */
gboolean nct_lexer_next(NctLexer *lexer, NctLine *line);
