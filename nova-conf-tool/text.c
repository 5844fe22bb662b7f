#include "nova-conf-tool/text.h"

#include <string.h>

gboolean
nct_char_is_space(gunichar c)
{
    if (c < 0x80)
        return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

NctSpan
nct_lstrip(NctSpan span)
{
    while (span.n > 0) {
        gunichar c = (guchar)span.s[0] < 0x80 ? (guchar)span.s[0] : g_utf8_get_char(span.s);
        gsize width;

        if (!nct_char_is_space(c))
            break;
        width = (gsize)(g_utf8_next_char(span.s) - span.s);
        span.s += width;
        span.n -= width;
    }
    return span;
}

NctSpan
nct_rstrip(NctSpan span)
{
    while (span.n > 0) {
        const char *last = span.s + span.n - 1;

        if ((guchar)*last >= 0x80)
            last = g_utf8_prev_char(span.s + span.n);
        if (!nct_char_is_space((guchar)*last < 0x80 ? (guchar)*last : g_utf8_get_char(last)))
            break;
        span.n = (gsize)(last - span.s);
    }
    return span;
}

NctSpan
nct_strip(NctSpan span)
{
    return nct_lstrip(nct_rstrip(span));
}

gboolean
nct_span_equal(NctSpan span, const char *text)
{
    return strlen(text) == span.n && memcmp(span.s, text, span.n) == 0;
}

gboolean
nct_span_equal_nocase(NctSpan span, const char *text)
{
    return strlen(text) == span.n && g_ascii_strncasecmp(span.s, text, span.n) == 0;
}

gsize
nct_span_chars(NctSpan span)
{
    gsize count = 0;

    for (gsize i = 0; i < span.n; i++)
        count += ((guchar)span.s[i] & 0xc0) != 0x80;
    return count;
}

char *
nct_ascii_number(NctSpan span)
{
    g_autoptr(GString) out = g_string_sized_new(span.n);

    for (const char *p = span.s; p < span.s + span.n; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == 0)
            return NULL;
        if (c < 0x80)
            g_string_append_c(out, (char)c);
        else if (g_unichar_type(c) == G_UNICODE_DECIMAL_NUMBER)
            g_string_append_c(out, (char)('0' + g_unichar_digit_value(c)));
        else
            return NULL;
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}
