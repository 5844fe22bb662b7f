#include "rpc/json_reader.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct {
    const char *at, *end;
    guint depth, max_depth;
    gboolean too_deep;
    OmJsonTreat treat;
} Reader;

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

/* Behind the backslash. */
static char *
take_escape(Reader *reader, char *out)
{
    static const char meant[G_MAXUINT8 + 1] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };

    if (reader->at == reader->end)
        return NULL;
    *out = meant[(guchar)*reader->at];
    if (*out) {
        reader->at++;
        return out + 1;
    }
    return take(reader, 'u') ? take_unicode(reader, out) : NULL;
}

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

/* A byte that stands for itself inside a string. */
static inline gboolean
is_plain(guchar c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define EACH_BYTE  G_GUINT64_CONSTANT(0x0101010101010101)
#define WORD_BYTES 8

/* The highest bit of each byte that is zero; of those above the lowest such byte perhaps more. */
static inline guint64
zero_bytes(guint64 word)
{
    return (word - EACH_BYTE) & ~word;
}

/* How many bytes stand for themselves before the first that does not. The first byte of the text is
 * the lowest of the word. */
static inline guint
count_plain(guint64 word)
{
    guint64 others = word | ((word - EACH_BYTE * 0x20) & ~word) |
                     zero_bytes(word ^ (EACH_BYTE * '"')) | zero_bytes(word ^ (EACH_BYTE * '\\'));

    others &= EACH_BYTE * 0x80;
    return others ? (guint)__builtin_ctzll(others) / 8 : WORD_BYTES;
}

/* Eight at a time: nearly all of a body is looked at here, and twice. */
static char *
take_plain(Reader *reader, char *out)
{
    while (reader->end - reader->at >= WORD_BYTES) {
        guint64 word;
        guint plain;

        memcpy(&word, reader->at, sizeof word);
        /* there is room: so much of the text is still to come */
        memcpy(out, &word, sizeof word);
        plain = count_plain(GUINT64_FROM_LE(word));
        reader->at += plain;
        out += plain;
        if (plain < WORD_BYTES)
            return out;
    }
    while (reader->at < reader->end && is_plain((guchar)*reader->at))
        *out++ = *reader->at++;
    return out;
}

/* Behind the opening quote; writes to `out` with a NUL and returns where that stands, NULL when it
 * is no string. */
static char *
take_string(Reader *reader, char *out)
{
    while (out) {
        out = take_plain(reader, out);
        if (take(reader, '"')) {
            *out = '\0';
            return out;
        }
        if (take(reader, '\\'))
            out = take_escape(reader, out);
        else if (reader->at < reader->end && (guchar)*reader->at >= 0x80)
            out = take_utf8(reader, out);
        else
            return NULL;
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

static json_t *read_value(Reader *reader, char *scratch, gboolean build);

/* Takes the member, also when it cannot be added. */
static gboolean
add_member(json_t *object, const char *key, json_t *value)
{
    gsize before = json_object_size(object);

    /* a key that was there already adds none */
    return json_object_set_new_nocheck(object, key, value) == 0 &&
           json_object_size(object) == before + 1;
}

static gboolean
read_member(Reader *reader, json_t *object, char *scratch, gboolean build)
{
    OmJsonTreatment treatment = build ? OM_JSON_BUILD : OM_JSON_SKIP;
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
    first = reader->at;
    value = read_value(reader, end + 1, treatment == OM_JSON_BUILD);
    if (value && treatment == OM_JSON_TEXT) {
        json_decref(value);
        value = json_stringn_nocheck(first, (gsize)(reader->at - first));
    }
    if (value == NULL || treatment == OM_JSON_SKIP) {
        json_decref(value);
        return value != NULL;
    }
    return add_member(object, scratch, value);
}

static gboolean
read_item(Reader *reader, json_t *array, char *scratch, gboolean build)
{
    json_t *value = read_value(reader, scratch, build);

    if (value == NULL || !build) {
        json_decref(value);
        return value != NULL;
    }
    return json_array_append_new(array, value) == 0;
}

/* Behind the opening bracket. */
static json_t *
read_container(Reader *reader, char close, char *scratch, gboolean build)
{
    gboolean is_object = close == '}';
    json_t *container = !build ? json_null() : is_object ? json_object() : json_array();

    reader->depth++;
    skip_space(reader);
    if (!take(reader, close)) {
        do {
            if (!(is_object ? read_member : read_item)(reader, container, scratch, build))
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

/* Without `build` null stands for whatever is there. */
static json_t *
read_value(Reader *reader, char *scratch, gboolean build)
{
    char *end;

    skip_space(reader);
    if (reader->at == reader->end)
        return NULL;
    switch (*reader->at) {
    case '{':
    case '[':
        if (reader->depth == reader->max_depth) {
            reader->too_deep = TRUE;
            return NULL;
        }
        reader->at++;
        return read_container(reader, reader->at[-1] == '{' ? '}' : ']', scratch, build);
    case '"':
        reader->at++;
        end = take_string(reader, scratch);
        if (end == NULL)
            return NULL;
        return build ? json_stringn_nocheck(scratch, (gsize)(end - scratch)) : json_null();
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

    skip_space(&reader);
    if (reader.at < reader.end && *reader.at == '{')
        value = read_value(&reader, scratch, TRUE);
    skip_space(&reader);
    if (value && reader.at == reader.end)
        return value;
    json_decref(value);
    fault->what = reader.too_deep ? OM_JSON_TOO_DEEP : OM_JSON_MALFORMED;
    fault->at = (gsize)(reader.at - text);
    return NULL;
}
