#include "nova-conf-tool/lexer.h"

#include <string.h>

static const struct {
    const char *word;
    const char *text;
} syntax_errors[NCT_N_SYNTAX_ERRORS] = {
    [NCT_SYNTAX_OK] = { "ok", "no error" },
    [NCT_SYNTAX_NO_SEPARATOR] = { "no_separator", "no '=' or ':' in this line" },
    [NCT_SYNTAX_EMPTY_KEY] = { "empty_key", "nothing stands before the '=' or ':'" },
    [NCT_SYNTAX_CONTINUATION_WITHOUT_KEY] = { "continuation_without_key",
                                              "an indented line, but no value above it to "
                                              "continue" },
    [NCT_SYNTAX_SECTION_NOT_CLOSED] = { "section_not_closed",
                                        "a section header must end with ']' and nothing after it" },
    [NCT_SYNTAX_SECTION_EMPTY] = { "section_empty", "a section header without a name" },
    [NCT_SYNTAX_KEY_BEFORE_SECTION] = { "key_before_section",
                                        "an option before the first section header" },
};

const char *
nct_syntax_error_word(NctSyntaxError error)
{
    return syntax_errors[error].word;
}

const char *
nct_syntax_error_text(NctSyntaxError error)
{
    return syntax_errors[error].text;
}

void
nct_lexer_init(NctLexer *lexer, const char *text, gsize length)
{
    *lexer = (NctLexer){ .at = text, .end = text + length };
}

/* Python's universal newlines: CR, LF and CRLF alike. */
static gboolean
take_line(NctLexer *lexer, NctSpan *raw)
{
    const char *stop;
    const char *cr;

    if (lexer->at == lexer->end)
        return FALSE;
    if (!lexer->newline || lexer->newline < lexer->at) {
        lexer->newline = memchr(lexer->at, '\n', (gsize)(lexer->end - lexer->at));
        if (!lexer->newline)
            lexer->newline = lexer->end;
    }
    stop = lexer->newline;
    cr = memchr(lexer->at, '\r', (gsize)(stop - lexer->at));
    if (cr)
        stop = cr;
    *raw = (NctSpan){ lexer->at, (gsize)(stop - lexer->at) };
    if (stop < lexer->end && *stop == '\r')
        stop++;
    if (stop < lexer->end && *stop == '\n')
        stop++;
    lexer->at = stop;
    lexer->number++;
    return TRUE;
}

static NctSyntaxError
split_assignment(NctSpan text, NctLine *line)
{
    gsize at = 0;
    NctSpan value;

    while (at < text.n && text.s[at] != '=' && text.s[at] != ':')
        at++;
    if (at == text.n)
        return NCT_SYNTAX_NO_SEPARATOR;

    value = nct_strip((NctSpan){ text.s + at + 1, text.n - at - 1 });
    if (value.n > 0 && (value.s[0] == '"' || value.s[0] == '\'') &&
        value.s[0] == value.s[value.n - 1]) {
        /* a lone quote is its own pair and becomes the empty string */
        line->quoted = TRUE;
        value = (NctSpan){ value.s + 1, value.n > 1 ? value.n - 2 : 0 };
    }
    line->name = nct_strip((NctSpan){ text.s, at });
    line->value = value;
    return line->name.n > 0 ? NCT_SYNTAX_OK : NCT_SYNTAX_EMPTY_KEY;
}

static NctSyntaxError
read_section(NctSpan text, NctLine *line)
{
    if (text.s[text.n - 1] != ']')
        return NCT_SYNTAX_SECTION_NOT_CLOSED;
    if (text.n <= 2)
        return NCT_SYNTAX_SECTION_EMPTY;
    line->name = (NctSpan){ text.s + 1, text.n - 2 };
    return NCT_SYNTAX_OK;
}

gboolean
nct_lexer_next(NctLexer *lexer, NctLine *line)
{
    NctSpan text;

    *line = (NctLine){ 0 };
    if (!take_line(lexer, &line->raw))
        return FALSE;
    line->number = lexer->number;

    text = nct_rstrip(line->raw);
    if (text.n == 0) {
        line->kind = NCT_LINE_BLANK;
    } else if (text.s[0] == ' ' || text.s[0] == '\t') {
        line->kind = NCT_LINE_CONTINUATION;
        line->value = nct_lstrip(text);
        if (!lexer->in_value)
            line->error = NCT_SYNTAX_CONTINUATION_WITHOUT_KEY;
    } else if (text.s[0] == '[') {
        line->kind = NCT_LINE_SECTION;
        line->error = read_section(text, line);
    } else if (text.s[0] == '#' || text.s[0] == ';') {
        line->kind = NCT_LINE_COMMENT;
        line->value = nct_lstrip((NctSpan){ text.s + 1, text.n - 1 });
    } else {
        line->kind = NCT_LINE_ASSIGNMENT;
        line->error = split_assignment(text, line);
    }

    if (line->error != NCT_SYNTAX_OK)
        line->kind = NCT_LINE_ERROR;
    lexer->in_value = line->kind == NCT_LINE_ASSIGNMENT || line->kind == NCT_LINE_CONTINUATION;
    return TRUE;
}
