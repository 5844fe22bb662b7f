#include "nova-conf-tool/value.h"

#include "nova-conf-tool/value_types.h"

#include <string.h>

NctValue *
nct_value_new(NctValueKind kind)
{
    NctValue *value = g_new0(NctValue, 1);

    value->kind = kind;
    return value;
}

NctValue *
nct_value_new_string(const char *text, gsize length)
{
    NctValue *value = nct_value_new(NCT_VALUE_STRING);

    value->text = g_malloc(length + 1);
    memcpy(value->text, text, length);
    value->text[length] = '\0';
    value->length = length;
    return value;
}

void
nct_value_free(NctValue *value)
{
    if (!value)
        return;
    g_free(value->text);
    g_clear_pointer(&value->items, g_ptr_array_unref);
    g_clear_pointer(&value->keys, g_ptr_array_unref);
    g_free(value);
}

static gboolean
items_equal(const NctValue *a, const NctValue *b)
{
    if (a->items->len != b->items->len)
        return FALSE;
    for (guint i = 0; i < a->items->len; i++) {
        if (!nct_value_equal(g_ptr_array_index(a->items, i), g_ptr_array_index(b->items, i)))
            return FALSE;
        if (a->keys && !g_str_equal(g_ptr_array_index(a->keys, i), g_ptr_array_index(b->keys, i)))
            return FALSE;
    }
    return TRUE;
}

gboolean
nct_value_equal(const NctValue *a, const NctValue *b)
{
    if (a->kind != b->kind)
        return FALSE;
    switch (a->kind) {
    case NCT_VALUE_NONE:
        return TRUE;
    case NCT_VALUE_BOOLEAN:
        return a->boolean == b->boolean;
    case NCT_VALUE_FLOAT:
        return memcmp(&a->real, &b->real, sizeof(a->real)) == 0 ||
               (a->real <= b->real && a->real >= b->real);
    case NCT_VALUE_INTEGER:
    case NCT_VALUE_STRING:
        return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
    case NCT_VALUE_LIST:
    case NCT_VALUE_DICT:
        return items_equal(a, b);
    }
    return FALSE;
}

/* repr() of a string: quotes chosen as Python does; printable text stays as it is */
static void
append_string_repr(const char *text, gsize length, GString *out)
{
    char quote = memchr(text, '\'', length) && !memchr(text, '"', length) ? '"' : '\'';

    g_string_append_c(out, quote);
    for (const char *p = text; p < text + length; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == (guchar)quote || c == '\\')
            g_string_append_printf(out, "\\%c", (char)c);
        else if (c == '\n')
            g_string_append(out, "\\n");
        else if (c == '\t')
            g_string_append(out, "\\t");
        else if (c == '\r')
            g_string_append(out, "\\r");
        else if (c == ' ' || (g_unichar_isprint(c) && !nct_char_is_space(c)))
            g_string_append_unichar(out, c);
        else
            g_string_append_printf(out,
                                   c < 0x100     ? "\\x%02x"
                                   : c < 0x10000 ? "\\u%04x"
                                                 : "\\U%08x",
                                   c);
    }
    g_string_append_c(out, quote);
}

static void
append_repr(const NctValue *value, GString *out)
{
    if (value->kind == NCT_VALUE_NONE)
        g_string_append(out, "None");
    else if (value->kind == NCT_VALUE_STRING)
        append_string_repr(value->text, value->length, out);
    else
        nct_value_append_str(value, out);
}

void
nct_value_append_str(const NctValue *value, GString *out)
{
    switch (value->kind) {
    case NCT_VALUE_NONE:
        break;
    case NCT_VALUE_BOOLEAN:
        g_string_append(out, value->boolean ? "True" : "False");
        break;
    case NCT_VALUE_FLOAT:
        nct_append_float_repr(value->real, out);
        break;
    case NCT_VALUE_INTEGER:
    case NCT_VALUE_STRING:
        g_string_append_len(out, value->text, (gssize)value->length);
        break;
    case NCT_VALUE_LIST:
    case NCT_VALUE_DICT:
        g_string_append_c(out, value->keys ? '{' : '[');
        for (guint i = 0; i < value->items->len; i++) {
            if (i > 0)
                g_string_append(out, ", ");
            if (value->keys) {
                const char *key = g_ptr_array_index(value->keys, i);

                append_string_repr(key, strlen(key), out);
                g_string_append(out, ": ");
            }
            append_repr(g_ptr_array_index(value->items, i), out);
        }
        g_string_append_c(out, value->keys ? '}' : ']');
        break;
    }
}

char *
nct_value_to_text(const NctValue *value)
{
    GString *out = g_string_new(NULL);

    if (!value->items)
        nct_value_append_str(value, out);
    for (guint i = 0; value->items && i < value->items->len; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        if (value->keys)
            g_string_append_printf(out, "%s:", (const char *)g_ptr_array_index(value->keys, i));
        nct_value_append_str(g_ptr_array_index(value->items, i), out);
    }
    return g_string_free(out, FALSE);
}

void
nct_refuse(char **reason, const char *format, ...)
{
    va_list args;

    if (!reason || *reason)
        return;
    va_start(args, format);
    *reason = g_strdup_vprintf(format, args);
    va_end(args);
}

static NctValue *
convert_boolean(NctSpan text, char **reason)
{
    static const char *const words[][2] = {
        { "false", "true" }, { "0", "1" }, { "off", "on" }, { "no", "yes" }
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        for (guint truth = 0; truth < 2; truth++) {
            if (nct_span_equal_nocase(text, words[i][truth])) {
                NctValue *value = nct_value_new(NCT_VALUE_BOOLEAN);

                value->boolean = truth == 1;
                return value;
            }
        }
    }
    nct_refuse(reason, "is not a boolean (true, 1, yes, on, false, 0, no, off)");
    return NULL;
}

static gboolean
is_choice(const NctType *type, NctSpan text)
{
    g_autofree char *lower = NULL;

    if (type->flags & NCT_IGNORE_CASE)
        lower = g_utf8_strdown(text.s, (gssize)text.n);
    for (const char *const *choice = type->choices; *choice; choice++) {
        g_autofree char *lower_choice = NULL;

        if (!lower) {
            if (nct_span_equal(text, *choice))
                return TRUE;
            continue;
        }
        lower_choice = g_utf8_strdown(*choice, -1);
        if (g_str_equal(lower, lower_choice))
            return TRUE;
    }
    return FALSE;
}

static gboolean
regex_finds(const NctType *type, NctSpan text)
{
    /* used once: making machine code of it would take longer than looking */
    GRegexCompileFlags flags = type->flags & NCT_IGNORE_CASE ? G_REGEX_CASELESS : 0;
    g_autoptr(GRegex) regex = g_regex_new(type->regex, flags, 0, NULL);

    /* the tables are ours: their patterns compile, which a test proves */
    g_return_val_if_fail(regex != NULL, TRUE);
    return g_regex_match_full(regex, text.s, (gssize)text.n, 0, 0, NULL, NULL);
}

static NctValue *
convert_string(const NctType *type, NctSpan text, char **reason)
{
    if ((type->flags & NCT_QUOTES) && text.n > 0 && (text.s[0] == '"' || text.s[0] == '\'')) {
        if (text.n == 1 || text.s[text.n - 1] != text.s[0]) {
            nct_refuse(reason, "has a quote that is not closed");
            return NULL;
        }
        text = (NctSpan){ text.s + 1, text.n - 2 };
    }
    if (type->max_length > 0 && nct_span_chars(text) > type->max_length) {
        nct_refuse(reason, "is longer than %u characters", type->max_length);
        return NULL;
    }
    if (type->regex && !regex_finds(type, text)) {
        nct_refuse(reason, "does not match the pattern %s", type->regex);
        return NULL;
    }
    if (type->choices && !is_choice(type, text)) {
        g_autofree char *legal = g_strjoinv(", ", (char **)type->choices);

        nct_refuse(reason, "is none of: %s", legal);
        return NULL;
    }
    return nct_value_new_string(text.s, text.n);
}

NctValue *
nct_type_convert(const NctType *type, NctSpan text, const NctDialect *dialect, char **reason)
{
    if (reason)
        *reason = NULL;
    switch (type->kind) {
    case NCT_TYPE_STRING:
        return convert_string(type, text, reason);
    case NCT_TYPE_INTEGER:
    case NCT_TYPE_PORT:
        return nct_convert_integer(type, text, reason);
    case NCT_TYPE_FLOAT:
        return nct_convert_float(type, text, dialect, reason);
    case NCT_TYPE_BOOLEAN:
        return convert_boolean(text, reason);
    case NCT_TYPE_LIST:
        return nct_convert_list(type, text, dialect, reason);
    case NCT_TYPE_DICT:
        return nct_convert_dict(type, text, dialect, reason);
    case NCT_TYPE_IP:
        return nct_convert_ip(text, reason);
    case NCT_TYPE_HOSTNAME:
        return nct_convert_hostname(text, FALSE, dialect, reason);
    case NCT_TYPE_HOSTADDRESS:
        return nct_convert_hostaddress(text, FALSE, dialect, reason);
    case NCT_TYPE_HOSTDOMAIN:
        return nct_convert_hostaddress(text, TRUE, dialect, reason);
    case NCT_TYPE_URI:
        return nct_convert_uri(type, text, reason);
    case NCT_TYPE_IGNORED:
    case NCT_N_TYPES:
        break;
    }
    return nct_value_new(NCT_VALUE_NONE);
}

char *
nct_type_describe(const NctType *type)
{
    static const char *const names[NCT_N_TYPES] = {
        [NCT_TYPE_STRING] = "string",
        [NCT_TYPE_INTEGER] = "integer",
        [NCT_TYPE_FLOAT] = "number",
        [NCT_TYPE_BOOLEAN] = "boolean (true or false)",
        [NCT_TYPE_LIST] = "list, separated by commas",
        [NCT_TYPE_DICT] = "key:value pairs, separated by commas",
        [NCT_TYPE_PORT] = "port (0 to 65535)",
        [NCT_TYPE_IP] = "IP address",
        [NCT_TYPE_HOSTNAME] = "host name",
        [NCT_TYPE_HOSTADDRESS] = "IP address or host name",
        [NCT_TYPE_HOSTDOMAIN] = "IP address or host name",
        [NCT_TYPE_URI] = "URI",
        [NCT_TYPE_IGNORED] = "anything; it is not used",
    };
    GString *out = g_string_new(names[type->kind]);

    if (type->choices) {
        g_autofree char *legal = g_strjoinv(", ", (char **)type->choices);

        g_string_append_printf(out, ", one of: %s", legal);
    }
    if (type->flags & NCT_HAS_MIN)
        g_string_append_printf(out, ", at least %.17g", type->min);
    if (type->flags & NCT_HAS_MAX)
        g_string_append_printf(out, ", at most %.17g", type->max);
    if (type->regex)
        g_string_append_printf(out, ", matching %s", type->regex);
    if (type->max_length)
        g_string_append_printf(out, ", at most %u characters", type->max_length);
    if (type->item && type->item->kind != NCT_TYPE_STRING)
        g_string_append_printf(out, " (of type %s)", names[type->item->kind]);
    else if (type->item && type->item->choices) {
        g_autofree char *legal = g_strjoinv(", ", (char **)type->item->choices);

        g_string_append_printf(out, ", each one of: %s", legal);
    }
    return g_string_free(out, FALSE);
}
