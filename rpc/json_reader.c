#include "rpc/json_reader.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "rpc/json_block.h"

typedef struct {
    const char *at, *end;
    const char *block; /* what `others` is of */
    guint64 others;    /* bit i: byte i does not stand for itself inside a string */
    guint depth, max_depth;
    gboolean too_deep;
    OmJsonTreat treat;
} Reader;

/* The block from here on: behind the end of the text there are zeros. */
static inline const char *
block_here(const Reader *reader, char *tail)
{
    gsize left = (gsize)(reader->end - reader->at);

    if (left >= OM_BLOCK_BYTES)
        return reader->at;
    memset(tail, 0, OM_BLOCK_BYTES);
    return memcpy(tail, reader->at, left);
}

/* ---- single bytes ---- */

static void
skip_space(Reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

/* Takes the byte if it comes next. */
static gboolean
take(Reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return FALSE;
    reader->at++;
    return TRUE;
}

/* ---- strings ---- */

/* All that is unescaped goes into one scratch buffer as long as the text, since each string is
 * shorter than what it came from. Keys of the objects that are open stay in it, one behind the
 * other. */

/* The four digits behind \u; -1: not four digits. */
static gint32
take_hex(Reader *reader)
{
    gint32 value = 0;

    if (reader->end - reader->at < 4)
        return -1;
    for (guint i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(reader->at[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    reader->at += 4;
    return value;
}

static gboolean
is_surrogate(gint32 value, gint32 first)
{
    return value >= first && value < first + 0x400;
}

/* Behind `\u`. NULL: no character, or half of one. */
static char *
take_unicode(Reader *reader, char *out)
{
    gint32 value = take_hex(reader);

    if (is_surrogate(value, 0xd800)) {
        gint32 low = take(reader, '\\') && take(reader, 'u') ? take_hex(reader) : -1;

        if (!is_surrogate(low, 0xdc00))
            return NULL;
        value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
    } else if (value <= 0 || is_surrogate(value, 0xdc00)) {
        return NULL;
    }
    return out + g_unichar_to_utf8((gunichar)value, out);
}

/* What a backslash makes of the next byte; 0: nothing. */
static const char unescaped[G_MAXUINT8 + 1] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

static char *
take_utf8(Reader *reader, char *out)
{
    gunichar c = g_utf8_get_char_validated(reader->at, reader->end - reader->at);
    gsize length;

    if (c == (gunichar)-1 || c == (gunichar)-2)
        return NULL;
    length = (gsize)(g_utf8_next_char(reader->at) - reader->at);
    memcpy(out, reader->at, length);
    reader->at += length;
    return out + length;
}

/* What is neither plain nor a simple escape. */
static char *
take_other(Reader *reader, char *out)
{
    if (take(reader, '\\'))
        return take(reader, 'u') ? take_unicode(reader, out) : NULL;
    return (guchar)*reader->at >= 0x80 ? take_utf8(reader, out) : NULL;
}

static void
load_block(Reader *reader)
{
    char tail[OM_BLOCK_BYTES];
    const char *block = block_here(reader, tail);

    reader->block = reader->at;
    reader->others = ~om_block_plain(block);
}

/* Whole words where there is room for them: so much of the text is still to come. */
static inline char *
copy_plain(char *out, const char *from, gsize size, const char *end)
{
    if (end - from < OM_BLOCK_BYTES) {
        memcpy(out, from, size);
    } else {
        memcpy(out, from, OM_WORD_BYTES); /* most runs are no longer */
        for (gsize i = OM_WORD_BYTES; i < size; i += OM_WORD_BYTES)
            memcpy(out + i, from + i, OM_WORD_BYTES);
    }
    return out + size;
}

/* Behind the opening quote; writes to `out` with a NUL and returns where that stands, NULL when it
 * is no string. Nearly all of a body is looked at here, so what changes with each run of plain
 * bytes is kept out of *reader: for all that the compiler knows, writing to `out` changes that. */
static char *
take_string(Reader *reader, char *out)
{
    const char *const end = reader->end;
    const char *block = reader->block;
    guint64 block_others = reader->others;
    const char *at = reader->at;

    while (out) {
        gsize place = (gsize)(at - block);
        guint64 others;
        gsize size;

        if (place >= OM_BLOCK_BYTES) {
            reader->at = block = at;
            load_block(reader);
            block_others = reader->others;
            place = 0;
        }
        others = block_others >> place;
        if (others == 0) {
            out = copy_plain(out, at, OM_BLOCK_BYTES - place, end);
            at = block + OM_BLOCK_BYTES;
            continue;
        }
        size = (gsize)__builtin_ctzll(others);
        out = copy_plain(out, at, size, end);
        at += size;
        if (at == end)
            return NULL;
        if (*at == '\\' && at + 1 < end && unescaped[(guchar)at[1]]) {
            *out++ = unescaped[(guchar)at[1]];
            at += 2;
            continue;
        }
        reader->at = at;
        if (take(reader, '"')) {
            *out = '\0';
            return out;
        }
        out = take_other(reader, out);
        at = reader->at;
    }
    return NULL;
}

/* ---- the rest ---- */

static gboolean
take_digits(Reader *reader)
{
    const char *first = reader->at;

    while (reader->at < reader->end && g_ascii_isdigit(*reader->at))
        reader->at++;
    return reader->at > first;
}

/* TRUE: it goes on like a real number, which is well formed. */
static gboolean
take_fraction(Reader *reader, gboolean *is_real)
{
    if (take(reader, '.')) {
        *is_real = TRUE;
        if (!take_digits(reader))
            return FALSE;
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        *is_real = TRUE;
        if (!take(reader, '+'))
            take(reader, '-');
        return take_digits(reader);
    }
    return TRUE;
}

static json_t *
read_number(Reader *reader, char *scratch)
{
    const char *first = reader->at;
    gboolean is_real = FALSE;
    gsize length;

    take(reader, '-');
    /* a zero is followed by no further digit */
    if ((!take(reader, '0') && !take_digits(reader)) || !take_fraction(reader, &is_real))
        return NULL;
    length = (gsize)(reader->at - first);
    memcpy(scratch, first, length);
    scratch[length] = '\0';
    errno = 0;
    if (is_real) {
        double value = g_ascii_strtod(scratch, NULL);

        return isinf(value) ? NULL : json_real(value);
    }
    gint64 value = g_ascii_strtoll(scratch, NULL, 10);

    return errno == ERANGE ? NULL : json_integer(value);
}

static json_t *
read_word(Reader *reader)
{
    static const char *const words[] = { "null", "true", "false" };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize length = strlen(words[i]);

        if ((gsize)(reader->end - reader->at) >= length &&
            memcmp(reader->at, words[i], length) == 0) {
            reader->at += length;
            return i == 0 ? json_null() : json_boolean(i == 1);
        }
    }
    return NULL;
}

static json_t *read_value(Reader *reader, char *scratch);

/* One level deeper. */
static gboolean
enter(Reader *reader)
{
    reader->too_deep = reader->depth == reader->max_depth;
    reader->depth += !reader->too_deep;
    return !reader->too_deep;
}

/* Takes the member, also when it cannot be added. */
static gboolean
add_member(json_t *object, const char *key, json_t *value)
{
    gsize before = json_object_size(object);

    /* a key that was there already adds none */
    return json_object_set_new_nocheck(object, key, value) == 0 &&
           json_object_size(object) == before + 1;
}

/* Finds the end of an object or array: judges nothing of what is in it. */
static gboolean
skip_container(Reader *reader)
{
    const guint outside = reader->depth;
    gboolean is_escaped = FALSE;
    gboolean is_inside = FALSE;

    while (reader->at < reader->end) {
        char tail[OM_BLOCK_BYTES];
        const char *block = block_here(reader, tail);
        guint64 escaped = om_block_escaped(om_block_equal(block, '\\'), &is_escaped);
        guint64 inside = om_block_inside(om_block_equal(block, '"') & ~escaped, &is_inside);
        guint64 brackets = om_block_brackets(block) & ~inside;

        for (; brackets; brackets &= brackets - 1) {
            guint i = (guint)__builtin_ctzll(brackets);

            if ((block[i] | 0x20) == '{') {
                if (!enter(reader))
                    return FALSE;
            } else if (--reader->depth == outside) {
                reader->at += i + 1;
                return TRUE;
            }
        }
        reader->at += MIN(OM_BLOCK_BYTES, reader->end - reader->at);
    }
    return FALSE;
}

static gboolean
skip_value(Reader *reader, char *scratch)
{
    json_t *scalar;

    if (reader->at < reader->end && (*reader->at == '{' || *reader->at == '['))
        return skip_container(reader);
    scalar = read_value(reader, scratch);
    json_decref(scalar);
    return scalar != NULL;
}

static gboolean
read_member(Reader *reader, json_t *object, char *scratch)
{
    OmJsonTreatment treatment = OM_JSON_BUILD;
    const char *first;
    json_t *value;
    char *end;

    skip_space(reader);
    if (!take(reader, '"') || (end = take_string(reader, scratch)) == NULL)
        return FALSE;
    skip_space(reader);
    if (!take(reader, ':'))
        return FALSE;
    skip_space(reader);
    if (reader->depth == 1 && reader->treat)
        treatment = reader->treat(scratch);
    if (treatment == OM_JSON_BUILD) {
        value = read_value(reader, end + 1);
        return value && add_member(object, scratch, value);
    }
    first = reader->at;
    if (!skip_value(reader, end + 1))
        return FALSE;
    if (treatment == OM_JSON_SKIP)
        return TRUE;
    value = json_stringn_nocheck(first, (gsize)(reader->at - first));
    return add_member(object, scratch, value);
}

static gboolean
read_item(Reader *reader, json_t *array, char *scratch)
{
    json_t *value = read_value(reader, scratch);

    return value && json_array_append_new(array, value) == 0;
}

/* Behind the opening bracket. */
static json_t *
read_container(Reader *reader, char close, char *scratch)
{
    gboolean is_object = close == '}';
    json_t *container = is_object ? json_object() : json_array();

    if (!enter(reader))
        goto refused;
    skip_space(reader);
    if (!take(reader, close)) {
        do {
            if (!(is_object ? read_member : read_item)(reader, container, scratch))
                goto refused;
            skip_space(reader);
        } while (take(reader, ','));
        if (!take(reader, close))
            goto refused;
    }
    reader->depth--;
    return container;
refused:
    json_decref(container);
    return NULL;
}

static json_t *
read_value(Reader *reader, char *scratch)
{
    char *end;

    skip_space(reader);
    if (reader->at == reader->end)
        return NULL;
    switch (*reader->at) {
    case '{':
    case '[':
        reader->at++;
        return read_container(reader, reader->at[-1] == '{' ? '}' : ']', scratch);
    case '"':
        reader->at++;
        end = take_string(reader, scratch);
        return end ? json_stringn_nocheck(scratch, (gsize)(end - scratch)) : NULL;
    case 'n':
    case 't':
    case 'f':
        return read_word(reader);
    default:
        return read_number(reader, scratch);
    }
}

json_t *
om_json_read(const char *text, gsize size, guint max_depth, OmJsonTreat treat, OmJsonFault *fault)
{
    /* one more for the NUL of a string that fills it all */
    g_autofree char *scratch = g_malloc(size + 1);
    Reader reader = { .at = text, .end = text + size, .max_depth = max_depth, .treat = treat };
    json_t *value = NULL;

    load_block(&reader);
    skip_space(&reader);
    if (reader.at < reader.end && *reader.at == '{')
        value = read_value(&reader, scratch);
    skip_space(&reader);
    if (value && reader.at == reader.end)
        return value;
    json_decref(value);
    fault->what = reader.too_deep ? OM_JSON_TOO_DEEP : OM_JSON_MALFORMED;
    fault->at = (gsize)(reader.at - text);
    return NULL;
}
