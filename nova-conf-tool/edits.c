#include "nova-conf-tool/edits.h"

#include <string.h>

#include "nova-conf-tool/mask.h"

#define CONTEXT 3u

typedef struct {
    NctSpan raw;
    NctSpan end;       /* its line end; empty at the end of the file */
    char *replacement; /* NULL = stays */
    gboolean deleted;
    GPtrArray *after;    /* char *: lines to put behind it; NULL = none */
    gboolean hidden;     /* holds a secret */
    gboolean fix_hidden; /* so does what a fix makes of it, or puts behind it */
} NctEditedLine;

struct NctEdited {
    const NctDocument *document;
    GArray *lines; /* NctEditedLine; [0] stands before the first line of the file */
    GArray *tail;  /* NctTail: new sections at the end */
    guint n_fixes;
    const char *line_end;
};

typedef struct {
    char *group;
    GPtrArray *lines;
    gboolean hidden;
} NctTail;

static void
clear_line(gpointer data)
{
    NctEditedLine *line = data;

    g_free(line->replacement);
    g_clear_pointer(&line->after, g_ptr_array_unref);
}

static void
clear_tail(gpointer data)
{
    NctTail *tail = data;

    g_free(tail->group);
    g_ptr_array_unref(tail->lines);
}

void
nct_edited_free(NctEdited *edited)
{
    if (!edited)
        return;
    g_array_unref(edited->lines);
    g_array_unref(edited->tail);
    g_free(edited);
}

static NctEditedLine *
line_at(const NctEdited *edited, guint line)
{
    return &g_array_index(edited->lines, NctEditedLine, line);
}

static void
split_lines(NctEdited *edited, guint release)
{
    NctSpan text = nct_document_text(edited->document);
    NctEditedLine none = { { text.s, 0 }, { text.s, 0 } };
    NctLexer lexer;
    NctLine line;

    g_array_append_val(edited->lines, none);
    nct_lexer_init(&lexer, text.s, text.n);
    while (nct_lexer_next(&lexer, &line)) {
        const char *end = line.raw.s + line.raw.n;
        g_autofree char *masked = nct_mask_line(edited->document, line.number, release);
        NctEditedLine one = { line.raw, { end, (gsize)(lexer.at - end) } };

        /* a blank line or a comment is never masked; a comment may hold an old password, though */
        one.hidden = line.kind == NCT_LINE_ASSIGNMENT || line.kind == NCT_LINE_CONTINUATION ||
                             line.kind == NCT_LINE_ERROR
                         ? !masked || !nct_span_equal(line.raw, masked)
                         : line.kind == NCT_LINE_COMMENT;
        if (one.end.n > 0 && !edited->line_end)
            edited->line_end = one.end.n == 2 ? "\r\n" : *end == '\r' ? "\r" : "\n";
        g_array_append_val(edited->lines, one);
    }
    if (!edited->line_end)
        edited->line_end = "\n";
}

static void
put_after(NctEdited *edited, guint line, const char *text, gboolean secret)
{
    NctEditedLine *at = line_at(edited, line);

    at->fix_hidden |= secret;

    if (!at->after)
        at->after = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(at->after, g_strdup(text));
}

/* right below the group's first header, else in a new section at the end */
static void
append_to_group(NctEdited *edited, const char *group, const char *text, gboolean secret)
{
    guint n;
    const NctSection *sections = nct_document_sections(edited->document, &n);

    for (guint i = 0; i < n; i++) {
        if (g_str_equal(sections[i].group, group)) {
            put_after(edited, sections[i].line, text, secret);
            return;
        }
    }
    for (guint i = 0; i < edited->tail->len; i++) {
        NctTail *tail = &g_array_index(edited->tail, NctTail, i);

        if (g_str_equal(tail->group, group)) {
            g_ptr_array_add(tail->lines, g_strdup(text));
            tail->hidden |= secret;
            return;
        }
    }
    {
        NctTail tail = { g_strdup(group), g_ptr_array_new_with_free_func(g_free), secret };

        g_ptr_array_add(tail.lines, g_strdup(text));
        g_array_append_val(edited->tail, tail);
    }
}

/* two fixes of one line: the first is made, the other may be made in the next run */
static gboolean
is_free(const NctEdited *edited, const GArray *fix)
{
    for (guint i = 0; i < fix->len; i++) {
        const NctEdit *edit = &g_array_index(fix, NctEdit, i);

        for (guint line = edit->first; line > 0 && line <= edit->last; line++)
            if (line_at(edited, line)->replacement || line_at(edited, line)->deleted)
                return FALSE;
    }
    return TRUE;
}

static void
apply(NctEdited *edited, const NctEdit *edit, gboolean secret)
{
    switch (edit->kind) {
    case NCT_EDIT_REPLACE:
        line_at(edited, edit->first)->replacement = g_strdup(edit->text);
        break;
    case NCT_EDIT_COMMENT_OUT:
        for (guint i = edit->first; i <= edit->last; i++) {
            NctSpan raw = line_at(edited, i)->raw;
            g_autofree char *text = g_strndup(raw.s, raw.n);

            line_at(edited, i)->replacement = g_strconcat("# ", text, NULL);
        }
        break;
    case NCT_EDIT_DELETE:
        for (guint i = edit->first; i <= edit->last; i++)
            line_at(edited, i)->deleted = TRUE;
        break;
    case NCT_EDIT_INSERT_AFTER:
        put_after(edited, edit->last, edit->text, secret);
        break;
    case NCT_EDIT_APPEND:
        append_to_group(edited, edit->group, edit->text, secret);
        break;
    }
}

NctEdited *
nct_edits_apply(const NctDocument *document, const GPtrArray *findings, guint release)
{
    NctEdited *edited = g_new0(NctEdited, 1);

    edited->document = document;
    edited->lines = g_array_new(FALSE, FALSE, sizeof(NctEditedLine));
    g_array_set_clear_func(edited->lines, clear_line);
    edited->tail = g_array_new(FALSE, FALSE, sizeof(NctTail));
    g_array_set_clear_func(edited->tail, clear_tail);
    split_lines(edited, release);

    for (guint i = 0; i < findings->len; i++) {
        const NctFinding *finding = g_ptr_array_index(findings, i);

        if (finding->document != document || !finding->fix || !is_free(edited, finding->fix))
            continue;
        for (guint k = 0; k < finding->fix->len; k++)
            apply(edited, &g_array_index(finding->fix, NctEdit, k), finding->fix_is_secret);
        edited->n_fixes++;
    }
    return edited;
}

guint
nct_edited_n_fixes(const NctEdited *edited)
{
    return edited->n_fixes;
}

/* not strchr: a file may end with a NUL byte, which strchr finds in any text */
static gboolean
ends_line(const GString *text)
{
    return text->len == 0 || text->str[text->len - 1] == '\n' || text->str[text->len - 1] == '\r';
}

GString *
nct_edited_text(const NctEdited *edited)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < edited->lines->len; i++) {
        const NctEditedLine *line = line_at(edited, i);

        if (line->replacement)
            g_string_append(out, line->replacement);
        else if (!line->deleted)
            g_string_append_len(out, line->raw.s, (gssize)line->raw.n);
        if (!line->deleted)
            g_string_append_len(out, line->end.s, (gssize)line->end.n);
        for (guint k = 0; line->after && k < line->after->len; k++)
            g_string_append_printf(out, "%s%s%s", line->end.n || i == 0 ? "" : edited->line_end,
                                   (const char *)g_ptr_array_index(line->after, k),
                                   line->end.n || i == 0 ? edited->line_end : "");
    }
    for (guint i = 0; i < edited->tail->len; i++) {
        const NctTail *tail = &g_array_index(edited->tail, NctTail, i);

        if (!ends_line(out))
            g_string_append(out, edited->line_end);
        g_string_append_printf(out, "[%s]%s", tail->group, edited->line_end);
        for (guint k = 0; k < tail->lines->len; k++)
            g_string_append_printf(out, "%s%s", (const char *)g_ptr_array_index(tail->lines, k),
                                   edited->line_end);
    }
    return out;
}

/* ---- the diff ---- */

static gboolean
shows_tail(const NctEdited *edited)
{
    for (guint i = 0; i < edited->tail->len; i++)
        if (!g_array_index(edited->tail, NctTail, i).hidden)
            return TRUE;
    return FALSE;
}

/* sections at the end of the file belong to its last line, which may have lacked its end */
static gboolean
is_changed(const NctEdited *edited, guint i)
{
    const NctEditedLine *line = line_at(edited, i);

    return line->replacement || line->deleted || line->after ||
           (i + 1 == edited->lines->len && shows_tail(edited));
}

/* what is shown of an added line: a moved secret is one, too */
static gboolean
shows_secret(const NctEdited *edited, guint i)
{
    const NctEditedLine *line = line_at(edited, i);

    return (is_changed(edited, i) && line->hidden) || line->fix_hidden;
}

typedef struct {
    const NctEdited *edited;
    GString *body;
    guint old_count;
    guint new_count;
} NctHunk;

/* one line of a hunk, with the carriage return that is part of it for patch */
static void
hunk_line(NctHunk *hunk, char sign, NctSpan text, gboolean ends, gboolean with_cr)
{
    g_string_append_c(hunk->body, sign);
    g_string_append_len(hunk->body, text.s, (gssize)text.n);
    g_string_append(hunk->body, with_cr ? "\r\n" : "\n");
    if (!ends)
        g_string_append(hunk->body, "\\ No newline at end of file\n");
    hunk->old_count += sign != '+';
    hunk->new_count += sign != '-';
}

/* a new line, or one that gets an end only now */
static void
hunk_added(NctHunk *hunk, NctSpan text, gboolean ends)
{
    hunk_line(hunk, '+', text, ends, ends && g_str_equal(hunk->edited->line_end, "\r\n"));
}

static void
hunk_added_text(NctHunk *hunk, const char *text, gboolean ends)
{
    hunk_added(hunk, (NctSpan){ text, strlen(text) }, ends);
}

static void
hunk_tail(NctHunk *hunk)
{
    for (guint i = 0; i < hunk->edited->tail->len; i++) {
        const NctTail *tail = &g_array_index(hunk->edited->tail, NctTail, i);
        g_autofree char *header = g_strdup_printf("[%s]", tail->group);

        if (tail->hidden)
            continue;
        hunk_added_text(hunk, header, TRUE);
        for (guint k = 0; k < tail->lines->len; k++)
            hunk_added_text(hunk, g_ptr_array_index(tail->lines, k), TRUE);
    }
}

/* a line of the file, what becomes of it, and what follows it */
static void
hunk_take(NctHunk *hunk, guint i)
{
    const NctEditedLine *line = line_at(hunk->edited, i);
    gboolean last = i + 1 == hunk->edited->lines->len;
    gboolean tail = last && shows_tail(hunk->edited);
    gboolean ends = line->end.n > 0;
    gboolean cr = line->end.n == 2;
    guint n_after = line->after ? line->after->len : 0;
    /* what follows gives the line the end that it lacked */
    gboolean new_ends = ends || n_after > 0 || tail;

    hunk_line(hunk, line->replacement || line->deleted || ends != new_ends ? '-' : ' ', line->raw,
              ends, cr);
    if (line->replacement || (!line->deleted && ends != new_ends)) {
        NctSpan text = line->replacement ? (NctSpan){ line->replacement, strlen(line->replacement) }
                                         : line->raw;

        if (ends)
            hunk_line(hunk, '+', text, TRUE, cr);
        else
            hunk_added(hunk, text, new_ends);
    }
    for (guint k = 0; k < n_after; k++)
        hunk_added_text(hunk, g_ptr_array_index(line->after, k), ends || tail || k + 1 < n_after);
    if (tail)
        hunk_tail(hunk);
}

/* lines first to last (numbers of the file), some of them changed; added = lines put in before */
static void
append_hunk(const NctEdited *edited, GString *out, guint first, guint last, int *added)
{
    g_autoptr(GString) body = g_string_new(NULL);
    NctHunk hunk = { edited, body, 0, 0 };

    for (guint i = first; i <= last; i++)
        hunk_take(&hunk, i);
    g_string_append_printf(out, "@@ -%u,%u +%d,%u @@\n", first, hunk.old_count, (int)first + *added,
                           hunk.new_count);
    g_string_append_len(out, body->str, (gssize)body->len);
    *added += (int)hunk.new_count - (int)hunk.old_count;
}

/* sections at the end behind a line that must not be shown: nothing but themselves */
static void
append_tail_hunk(const NctEdited *edited, GString *out, int added)
{
    g_autoptr(GString) body = g_string_new(NULL);
    NctHunk hunk = { edited, body, 0, 0 };
    guint last = edited->lines->len - 1;

    hunk_tail(&hunk);
    g_string_append_printf(out, "@@ -%u,0 +%d,%u @@\n", last, (int)last + added + 1,
                           hunk.new_count);
    g_string_append_len(out, body->str, (gssize)body->len);
}

/* changes that stand close together make one hunk */
static guint
end_of_hunk(const NctEdited *edited, guint start)
{
    guint last = start;
    guint context = 0;

    for (guint i = start + 1; i < edited->lines->len; i++) {
        if (is_changed(edited, i) && !shows_secret(edited, i)) {
            last = i;
            context = 0;
        } else if (is_changed(edited, i) || line_at(edited, i)->hidden || context == CONTEXT) {
            break;
        } else {
            context++;
            last = i;
        }
    }
    return last;
}

/* sections at the end whose place cannot be shown; TRUE if they are in the diff all the same */
static gboolean
append_hidden_tail(const NctEdited *edited, GString *out, int added)
{
    const NctEditedLine *line = line_at(edited, edited->lines->len - 1);

    /* behind a line without an end they would become part of it */
    if (edited->lines->len > 1 && line->end.n == 0)
        return FALSE;
    append_tail_hunk(edited, out, added);
    return TRUE;
}

GString *
nct_edited_diff(const NctEdited *edited, guint *n_left_out)
{
    const char *name = nct_document_path(edited->document);
    g_autofree char *path = nct_printable(name, strlen(name), G_MAXSIZE);
    GString *out = g_string_new(NULL);
    guint n = edited->lines->len;
    guint written = 0; /* last line already in a hunk */
    int added = 0;

    *n_left_out = 0;
    for (guint i = 1; i < n; i++) {
        guint first = i;

        if (!is_changed(edited, i))
            continue;
        if (shows_secret(edited, i)) {
            const NctEditedLine *line = line_at(edited, i);

            if (line->replacement || line->deleted || line->after)
                (*n_left_out)++;
            if (i + 1 == n && shows_tail(edited) && !append_hidden_tail(edited, out, added))
                (*n_left_out)++;
            continue;
        }
        while (first > written + 1 && i - first < CONTEXT && !line_at(edited, first - 1)->hidden &&
               !is_changed(edited, first - 1))
            first--;
        i = written = end_of_hunk(edited, i);
        append_hunk(edited, out, first, written, &added);
    }
    if (out->len > 0) {
        g_autofree char *head = g_strdup_printf("--- %s\n+++ %s\n", path, path);

        g_string_prepend(out, head);
    }
    return out;
}
