#include "nova-conf-tool/value_types.h"

#include <arpa/inet.h>
#include <string.h>

#define HOSTNAME_MAX_CHARS 253
#define LABEL_MAX_CHARS    63

static gboolean
is_ip(NctSpan text)
{
    struct in6_addr address;
    char plain[INET6_ADDRSTRLEN + 16];

    if (text.n == 0 || text.n >= sizeof(plain) || memchr(text.s, '\0', text.n))
        return FALSE;
    memcpy(plain, text.s, text.n);
    plain[text.n] = '\0';
    return inet_pton(AF_INET, plain, &address) == 1 || inet_pton(AF_INET6, plain, &address) == 1;
}

NctValue *
nct_convert_ip(NctSpan text, char **reason)
{
    if (is_ip(text))
        return nct_value_new_string(text.s, text.n);
    nct_refuse(reason, "is not an IP address");
    return NULL;
}

/*
 * [A-Z0-9-] without regard to case, which in Python takes in four characters beyond ASCII.
 */
static gboolean
is_label_char(gunichar c, gboolean underscore)
{
    return (c < 0x80 && g_ascii_isalnum((char)c)) || c == '-' || (underscore && c == '_') ||
           c == 0x130 || c == 0x131 || c == 0x17f || c == 0x212a;
}

static gboolean
is_label(NctSpan label, gboolean underscore)
{
    guint n = 0;

    /* Python's $ also matches before a newline at the end */
    if (label.n > 0 && label.s[label.n - 1] == '\n')
        label.n--;
    if (label.n == 0 || label.s[0] == '-' || label.s[label.n - 1] == '-')
        return FALSE;
    for (const char *p = label.s; p < label.s + label.n; p = g_utf8_next_char(p))
        if (!is_label_char(g_utf8_get_char(p), underscore) || ++n > LABEL_MAX_CHARS)
            return FALSE;
    return TRUE;
}

static gboolean
has_letter(NctSpan label)
{
    for (gsize i = 0; i < label.n; i++)
        if (g_ascii_isalpha(label.s[i]) || label.s[i] == '-')
            return TRUE;
    return FALSE;
}

NctValue *
nct_convert_hostname(NctSpan text, gboolean underscore, const NctDialect *dialect, char **reason)
{
    NctSpan label;
    const char *end;

    if (text.n == 0 || nct_span_chars(text) > HOSTNAME_MAX_CHARS) {
        nct_refuse(reason, text.n == 0 ? "is empty" : "is longer than 253 characters");
        return NULL;
    }
    if (text.s[text.n - 1] == '.')
        text.n--;
    end = text.s + text.n;
    for (const char *at = text.s; at <= end; at += label.n + 1) {
        const char *dot = memchr(at, '.', (gsize)(end - at));

        label = (NctSpan){ at, (gsize)((dot ? dot : end) - at) };
        if (!is_label(label, underscore)) {
            nct_refuse(reason, "is not a host name");
            return NULL;
        }
    }
    if (dialect->hostname_needs_letter && !has_letter(label)) {
        nct_refuse(reason, "has only digits in its last part, so it is no host name");
        return NULL;
    }
    return nct_value_new_string(text.s, text.n);
}

NctValue *
nct_convert_hostaddress(NctSpan text, gboolean underscore, const NctDialect *dialect, char **reason)
{
    NctValue *value = nct_convert_ip(text, NULL);

    if (!value)
        value = nct_convert_hostname(text, FALSE, dialect, NULL);
    if (!value && underscore)
        value = nct_convert_hostname(text, TRUE, dialect, NULL);
    if (!value)
        nct_refuse(reason, "is neither an IP address nor a host name");
    return value;
}

/*
 * URIs: oslo.config asks the rfc3986 library for a scheme, a host and a path that are valid. The
 * grammar is RFC 3986's, with that library's own habits: a zone may follow an IPv6 address only as
 * %25zone, a port may lack its colon, and every path passes unless a square bracket stands in it,
 * because the library escapes the path before it looks.
 */
#define H16       "[0-9A-Fa-f]{1,4}"
#define IPV4      "(?:[0-9]{1,3}\\.){3}[0-9]{1,3}"
#define LS32      "(?:" H16 ":" H16 "|" IPV4 ")"
#define CHARS     "A-Za-z0-9._~\\-"
#define SUBDELIMS "!$&'()*+,;="
#define PCT       "%[0-9A-Fa-f]{2}"
#define IPV6                                                                                       \
    "(?:(?:" H16 ":){6}" LS32 "|::(?:" H16 ":){5}" LS32 "|(?:" H16 ")?::(?:" H16 ":){4}" LS32      \
    "|(?:(?:" H16 ":)?" H16 ")?::(?:" H16 ":){3}" LS32 "|(?:(?:" H16 ":){0,2}" H16 ")?::(?:" H16   \
    ":){2}" LS32 "|(?:(?:" H16 ":){0,3}" H16 ")?::" H16 ":" LS32 "|(?:(?:" H16 ":){0,4}" H16       \
    ")?::" LS32 "|(?:(?:" H16 ":){0,5}" H16 ")?::" H16 "|(?:(?:" H16 ":){0,6}" H16 ")?::)"
#define AUTHORITY                                                                                  \
    "^(?:(?:[" CHARS SUBDELIMS ":]|" PCT ")+@)?"                                                   \
    "(?<host>(?:" PCT "|[" SUBDELIMS CHARS "])*|\\[(?:" IPV6 "(?:%25(?:[" CHARS "]|" PCT           \
    ")+)?|v[0-9A-Fa-f]+\\.[" CHARS SUBDELIMS ":]+)\\])"                                            \
    ":?(?:[0-9]{1,5})?$"

static gboolean
octets_fit(const char *host)
{
    g_auto(GStrv) parts = NULL;

    if (!g_regex_match_simple("^" IPV4 "$", host, 0, 0))
        return TRUE;
    parts = g_strsplit(host, ".", -1);
    for (char **part = parts; *part; part++)
        if (g_ascii_strtoull(*part, NULL, 10) > 255)
            return FALSE;
    return TRUE;
}

static gboolean
is_authority(NctSpan text)
{
    g_autoptr(GRegex) regex = g_regex_new(AUTHORITY, G_REGEX_OPTIMIZE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autofree char *host = NULL;

    g_return_val_if_fail(regex != NULL, TRUE);
    if (memchr(text.s, '\0', text.n) ||
        !g_regex_match_full(regex, text.s, (gssize)text.n, 0, 0, &match, NULL))
        return FALSE;
    host = g_match_info_fetch_named(match, "host");
    return octets_fit(host);
}

static gsize
scheme_length(NctSpan text)
{
    gsize n = 0;

    if (text.n == 0 || !g_ascii_isalpha(text.s[0]))
        return 0;
    while (n < text.n && (g_ascii_isalnum(text.s[n]) || strchr("+.-", text.s[n])) && text.s[n])
        n++;
    return n < text.n && text.s[n] == ':' ? n : 0;
}

static const char *
uri_mistake(const NctType *type, NctSpan text)
{
    gsize scheme = scheme_length(text);
    NctSpan rest = { text.s + scheme + 1, text.n - scheme - 1 };
    gsize n = 0;

    if (scheme == 0)
        return "has no scheme (as http://)";
    if (type->schemes) {
        g_autofree char *word = g_strndup(text.s, scheme);

        if (!g_strv_contains(type->schemes, word))
            return "has a scheme that is not allowed here";
    }
    if (rest.n < 2 || memcmp(rest.s, "//", 2) != 0)
        return "has no host";
    rest = (NctSpan){ rest.s + 2, rest.n - 2 };
    while (n < rest.n &&
           !(rest.s[n] == '/' || rest.s[n] == '\\' || rest.s[n] == '?' || rest.s[n] == '#'))
        n++;
    if (n == 0)
        return "has no host";
    if (!is_authority((NctSpan){ rest.s, n }))
        return "has an illegal host or port";
    for (; n < rest.n && rest.s[n] != '?' && rest.s[n] != '#'; n++)
        if (rest.s[n] == '[' || rest.s[n] == ']')
            return "has an illegal path";
    if (type->max_length > 0 && nct_span_chars(text) > type->max_length)
        return "is too long";
    return NULL;
}

NctValue *
nct_convert_uri(const NctType *type, NctSpan text, char **reason)
{
    const char *mistake = uri_mistake(type, text);

    if (!mistake)
        return nct_value_new_string(text.s, text.n);
    nct_refuse(reason, "%s", mistake);
    return NULL;
}
