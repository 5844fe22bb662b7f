#include "nova-conf-tool/document.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMARK_MARK "nova-conf-tool:"

struct NctDocument {
    char *path;
    char *text;
    gsize length;
    char *arena; /* keys, values and section names, NUL-terminated; cannot outgrow the text */
    gsize arena_used;
    GStringChunk *groups;
    GArray *entries;
    GArray *sections;
    GArray *issues;
    GArray *remarks;
    guint n_lines;
    GArray *line_offsets; /* guint: where each line begins */
};

G_DEFINE_QUARK(nct_document_error_quark, nct_document_error)

char *
nct_group_normalize(const char *name, gsize length)
{
    if (length == 7 && memcmp(name, "DEFAULT", 7) == 0)
        return g_strndup(name, length);
    for (gsize i = 0; i < length; i++)
        if ((guchar)name[i] >= 0x80)
            return g_utf8_strdown(name, (gssize)length);
    return g_ascii_strdown(name, (gssize)length);
}

/*
 * Room: a line "k=v" needs k + v + 2 NULs, which is one more than itself and so no more than itself
 * with its end; the last line may lack an end.
 */
static char *
arena_put(NctDocument *document, NctSpan text)
{
    char *copy = document->arena + document->arena_used;

    memcpy(copy, text.s, text.n);
    copy[text.n] = '\0';
    document->arena_used += text.n + 1;
    return copy;
}

/*
 * A name. Behind a NUL byte C would not see the rest, and "my_ip\0x" would pass for my_ip: it
 * becomes another byte that no name has.
 */
static char *
arena_put_name(NctDocument *document, NctSpan name)
{
    char *copy = arena_put(document, name);

    for (gsize i = 0; i < name.n; i++)
        if (copy[i] == '\0')
            copy[i] = '\001';
    return copy;
}

static void
add_issue(NctDocument *document, NctSyntaxError kind, guint line, guint oslo_line)
{
    NctSyntaxIssue issue = { kind, line, oslo_line };

    if (document->issues->len < NCT_DOCUMENT_MAX_ERRORS)
        g_array_append_val(document->issues, issue);
}

static guint
column_of(const NctLine *line, NctSpan part)
{
    return 1 + (guint)nct_span_chars((NctSpan){ line->raw.s, (gsize)(part.s - line->raw.s) });
}

static void
add_section(NctDocument *document, const NctLine *line)
{
    NctSection section = { .line = line->number };
    g_autofree char *group = NULL;

    section.section = arena_put_name(document, line->name);
    group = nct_group_normalize(section.section, line->name.n);
    section.group = g_string_chunk_insert_const(document->groups, group);
    g_array_append_val(document->sections, section);
}

static void
add_entry(NctDocument *document, const NctLine *line)
{
    NctEntry entry = {
        .document = document,
        .key = arena_put_name(document, line->name),
        .value = arena_put(document, line->value),
        .value_length = line->value.n,
        .line = line->number,
        .last_line = line->number,
        .column = column_of(line, line->name),
        .value_column = column_of(line, line->value),
    };

    if (document->sections->len > 0) {
        const NctSection *section =
            &g_array_index(document->sections, NctSection, document->sections->len - 1);

        entry.section = section->section;
        entry.group = section->group;
    }
    g_array_append_val(document->entries, entry);
}

static void
continue_entry(NctDocument *document, const NctLine *line)
{
    NctEntry *entry = &g_array_index(document->entries, NctEntry, document->entries->len - 1);
    char *end = document->arena + document->arena_used - 1;

    *end = '\n';
    arena_put(document, line->value);
    entry->value_length += 1 + line->value.n;
    entry->last_line = line->number;
}

static void
add_remark(NctDocument *document, const NctLine *line)
{
    gsize mark = strlen(REMARK_MARK);

    if (line->value.n > mark && memcmp(line->value.s, REMARK_MARK, mark) == 0) {
        NctSpan text = nct_strip((NctSpan){ line->value.s + mark, line->value.n - mark });
        NctRemark remark = { .text = arena_put(document, text), .line = line->number };

        g_array_append_val(document->remarks, remark);
    }
}

static gboolean
parse(NctDocument *document, GError **error)
{
    NctLexer lexer;
    NctLine line;
    gboolean has_section = FALSE;
    gboolean homeless_seen = FALSE; /* the first is enough: they all lack the same header */
    guint homeless = 0; /* line of an assignment before the first section, until it is complete */

    nct_lexer_init(&lexer, document->text, document->length);
    while (nct_lexer_next(&lexer, &line)) {
        guint offset = (guint)(line.raw.s - document->text);

        g_array_append_val(document->line_offsets, offset);
        if (homeless && line.kind != NCT_LINE_CONTINUATION) {
            add_issue(document, NCT_SYNTAX_KEY_BEFORE_SECTION, homeless, line.number);
            homeless = 0;
        }
        switch (line.kind) {
        case NCT_LINE_BLANK:
            break;
        case NCT_LINE_COMMENT:
            add_remark(document, &line);
            break;
        case NCT_LINE_SECTION:
            add_section(document, &line);
            has_section = TRUE;
            break;
        case NCT_LINE_ASSIGNMENT:
            add_entry(document, &line);
            if (!has_section && !homeless_seen)
                homeless = line.number;
            homeless_seen |= !has_section;
            break;
        case NCT_LINE_CONTINUATION:
            continue_entry(document, &line);
            break;
        case NCT_LINE_ERROR:
            add_issue(document, line.error, line.number, line.number);
            /* what follows a broken header stands in a section, though we cannot say in which */
            has_section |= line.error == NCT_SYNTAX_SECTION_NOT_CLOSED ||
                           line.error == NCT_SYNTAX_SECTION_EMPTY;
            break;
        }
        if (document->entries->len + document->sections->len + document->remarks->len >
            NCT_DOCUMENT_MAX_ENTRIES) {
            g_set_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_TOO_LARGE,
                        "%s: more than %u sections and options", document->path,
                        NCT_DOCUMENT_MAX_ENTRIES);
            return FALSE;
        }
    }
    document->n_lines = lexer.number;
    if (homeless)
        add_issue(document, NCT_SYNTAX_KEY_BEFORE_SECTION, homeless, lexer.number);
    return TRUE;
}

/* g_utf8_validate_len calls a NUL byte invalid; Python does not. Returns the first bad byte, or
 * NULL. */
static const char *
find_undecodable(const char *text, gsize length)
{
    const char *end = text + length;
    const char *bad;

    while (!g_utf8_validate_len(text, (gsize)(end - text), &bad)) {
        if (bad == end || *bad != '\0')
            return bad;
        text = bad + 1;
    }
    return NULL;
}

static guint
line_of_offset(const char *text, gsize offset)
{
    guint line = 1;

    for (gsize i = 0; i < offset; i++)
        line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return line;
}

/* takes text, which must be NUL-terminated beyond its length */
static NctDocument *
parse_taken(const char *path, char *text, gsize length, GError **error)
{
    g_autoptr(NctDocument) document = g_new0(NctDocument, 1);
    const char *bad;

    document->path = g_strdup(path);
    document->text = text;
    document->length = length;
    document->entries = g_array_new(FALSE, FALSE, sizeof(NctEntry));
    document->sections = g_array_new(FALSE, FALSE, sizeof(NctSection));
    document->issues = g_array_new(FALSE, FALSE, sizeof(NctSyntaxIssue));
    /* lines are about this long */
    document->line_offsets =
        g_array_sized_new(FALSE, FALSE, sizeof(guint), (guint)(length / 32 + 16));
    document->remarks = g_array_new(FALSE, FALSE, sizeof(NctRemark));

    bad = find_undecodable(text, length);
    if (bad) {
        g_set_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_DECODE,
                    "%s:%u: not UTF-8 text (byte 0x%02x)", path,
                    line_of_offset(text, (gsize)(bad - text)), (guchar)*bad);
        return NULL;
    }
    document->arena = g_malloc(length + 8);
    document->groups = g_string_chunk_new(256);
    if (!parse(document, error))
        return NULL;
    return g_steal_pointer(&document);
}

static gboolean
too_large(const char *path, GError **error)
{
    g_set_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_TOO_LARGE, "%s: larger than %u MiB",
                path, NCT_DOCUMENT_MAX_BYTES >> 20);
    return FALSE;
}

static gboolean
read_all(const char *path, int fd, GByteArray *bytes, GError **error)
{
    gsize chunk = 64 << 10;
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if (st.st_size > (off_t)NCT_DOCUMENT_MAX_BYTES)
            return too_large(path, error);
        chunk = (gsize)st.st_size + 1;
    }
    for (;;) {
        guint used = bytes->len;
        ssize_t n;

        g_byte_array_set_size(bytes, (guint)(used + chunk));
        n = read(fd, bytes->data + used, chunk);
        g_byte_array_set_size(bytes, used + (guint)MAX(n, 0));
        if (n == 0)
            return TRUE;
        if (n < 0 && errno != EINTR) {
            g_set_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_IO, "%s: %s", path,
                        g_strerror(errno));
            return FALSE;
        }
        if (bytes->len > NCT_DOCUMENT_MAX_BYTES)
            return too_large(path, error);
    }
}

static NctDocumentError
code_of_errno(int number)
{
    if (number == ENOENT)
        return NCT_DOCUMENT_ERROR_NOT_FOUND;
    return number == EACCES ? NCT_DOCUMENT_ERROR_PERMISSION : NCT_DOCUMENT_ERROR_IO;
}

NctDocument *
nct_document_read(const char *path, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    gboolean ok;
    gsize length;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        g_set_error(error, NCT_DOCUMENT_ERROR, code_of_errno(errno), "%s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    ok = read_all(path, fd, bytes, error);
    close(fd);
    if (!ok)
        return NULL;
    length = bytes->len;
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return parse_taken(path, (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE), length,
                       error);
}

NctDocument *
nct_document_parse(const char *path, const char *text, gsize length, GError **error)
{
    char *copy;

    if (length > NCT_DOCUMENT_MAX_BYTES) {
        too_large(path, error);
        return NULL;
    }
    copy = g_malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return parse_taken(path, copy, length, error);
}

void
nct_document_free(NctDocument *document)
{
    if (!document)
        return;
    g_free(document->path);
    g_free(document->text);
    g_free(document->arena);
    g_clear_pointer(&document->groups, g_string_chunk_free);
    g_array_unref(document->entries);
    g_array_unref(document->sections);
    g_array_unref(document->issues);
    g_array_unref(document->remarks);
    g_array_unref(document->line_offsets);
    g_free(document);
}

const char *
nct_document_path(const NctDocument *document)
{
    return document->path;
}

NctEntry *
nct_document_entries(const NctDocument *document, guint *n)
{
    *n = document->entries->len;
    return (NctEntry *)(void *)document->entries->data;
}

const NctSection *
nct_document_sections(const NctDocument *document, guint *n)
{
    *n = document->sections->len;
    return (const NctSection *)(const void *)document->sections->data;
}

const NctSyntaxIssue *
nct_document_issues(const NctDocument *document, guint *n)
{
    *n = document->issues->len;
    return (const NctSyntaxIssue *)(const void *)document->issues->data;
}

const NctRemark *
nct_document_remarks(const NctDocument *document, guint *n)
{
    *n = document->remarks->len;
    return (const NctRemark *)(const void *)document->remarks->data;
}

guint
nct_document_n_lines(const NctDocument *document)
{
    return document->n_lines;
}

NctSpan
nct_document_text(const NctDocument *document)
{
    return (NctSpan){ document->text, document->length };
}

NctSpan
nct_document_line(const NctDocument *document, guint line)
{
    NctLexer lexer;
    NctLine found;
    gsize first, next;

    if (line == 0 || line > document->n_lines)
        return (NctSpan){ "", 0 };
    first = g_array_index(document->line_offsets, guint, line - 1);
    next = line < document->n_lines ? g_array_index(document->line_offsets, guint, line)
                                    : document->length;
    nct_lexer_init(&lexer, document->text + first, next - first);
    nct_lexer_next(&lexer, &found);
    return found.raw;
}
