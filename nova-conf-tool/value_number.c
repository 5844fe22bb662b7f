#include "nova-conf-tool/value_types.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* CPython refuses to convert longer ones since 3.10.7 */
#define MAX_INTEGER_DIGITS 4300

/*
 * Digits with single underscores between them, from *at on; appended to out without underscores.
 * Returns the number of digits, 0 if there is none, and leaves *at after the last.
 */
static guint
take_digits(const char **at, GString *out)
{
    const char *p = *at;
    guint count = 0;

    while (g_ascii_isdigit(*p) || (*p == '_' && count > 0 && g_ascii_isdigit(p[1]))) {
        if (*p != '_') {
            g_string_append_c(out, *p);
            count++;
        }
        p++;
    }
    *at = p;
    return count;
}

static gboolean
check_range(const NctType *type, double number, char **reason)
{
    gboolean port = type->kind == NCT_TYPE_PORT;
    double min = type->flags & NCT_HAS_MIN ? type->min : port ? 0 : -INFINITY;
    double max = type->flags & NCT_HAS_MAX ? type->max : port ? 65535 : INFINITY;

    /* comparisons with NaN are false, so it passes, as in Python */
    if (number < min) {
        nct_refuse(reason, "is below the minimum of %.17g", min);
        return FALSE;
    }
    if (number > max) {
        nct_refuse(reason, "is above the maximum of %.17g", max);
        return FALSE;
    }
    return TRUE;
}

/* a few digits without anything, as integers mostly are written */
static gboolean
is_plain_number(NctSpan text)
{
    if (text.n == 0 || text.n > 18 || (text.s[0] == '0' && text.n > 1))
        return FALSE;
    for (gsize i = 0; i < text.n; i++)
        if (!g_ascii_isdigit(text.s[i]))
            return FALSE;
    return TRUE;
}

static NctValue *
read_plain_number(NctSpan text)
{
    NctValue *value = nct_value_new(NCT_VALUE_INTEGER);

    value->text = g_strndup(text.s, text.n);
    value->length = text.n;
    for (gsize i = 0; i < text.n; i++)
        value->integer = value->integer * 10 + (text.s[i] - '0');
    value->fits = TRUE;
    return value;
}

/* int(): a sign, digits of any script, single underscores between them. NULL if it is none. */
static NctValue *
read_integer(NctSpan text)
{
    g_autoptr(GString) digits = g_string_new(NULL);
    g_autofree char *ascii = nct_ascii_number(text);
    const char *p = ascii ? ascii : "";
    const char *significant;
    gboolean negative = *p == '-';
    guint count;
    NctValue *value;

    if (*p == '-' || *p == '+')
        p++;
    count = take_digits(&p, digits);
    if (count == 0 || *p != '\0' || count > MAX_INTEGER_DIGITS)
        return NULL;
    significant = digits->str + strspn(digits->str, "0");
    if (*significant == '\0') {
        significant = "0";
        negative = FALSE;
    }
    value = nct_value_new(NCT_VALUE_INTEGER);
    value->text = g_strconcat(negative ? "-" : "", significant, NULL);
    value->length = strlen(value->text);
    errno = 0;
    value->integer = g_ascii_strtoll(value->text, NULL, 10);
    value->fits = errno == 0;
    return value;
}

NctValue *
nct_convert_integer(const NctType *type, NctSpan text, char **reason)
{
    g_autoptr(NctValue) value = NULL;

    text = nct_strip(text);
    if (text.n == 0)
        return nct_value_new(NCT_VALUE_NONE);
    value = is_plain_number(text) ? read_plain_number(text) : read_integer(text);
    if (!value) {
        nct_refuse(reason, "is not an integer");
        return NULL;
    }
    if (type->choices) {
        if (!g_strv_contains(type->choices, value->text)) {
            g_autofree char *legal = g_strjoinv(", ", (char **)type->choices);

            nct_refuse(reason, "is none of: %s", legal);
            return NULL;
        }
    } else if (!check_range(type,
                            value->fits             ? (double)value->integer
                            : value->text[0] == '-' ? -INFINITY
                                                    : INFINITY,
                            reason)) {
        return NULL;
    }
    return g_steal_pointer(&value);
}

/* float(): decimal, inf, infinity, nan; no hexadecimal. FALSE if it is none of these. */
static gboolean
read_float(const char *ascii, double *number)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    const char *p = ascii;
    guint digits;

    if (*p == '-' || *p == '+')
        g_string_append_c(plain, *p++);
    if (g_ascii_strcasecmp(p, "inf") == 0 || g_ascii_strcasecmp(p, "infinity") == 0) {
        *number = *ascii == '-' ? -INFINITY : INFINITY;
        return TRUE;
    }
    if (g_ascii_strcasecmp(p, "nan") == 0) {
        *number = NAN;
        return TRUE;
    }
    digits = take_digits(&p, plain);
    if (*p == '.') {
        g_string_append_c(plain, *p++);
        digits += take_digits(&p, plain);
    }
    if (digits == 0)
        return FALSE;
    if (*p == 'e' || *p == 'E') {
        g_string_append_c(plain, *p++);
        if (*p == '-' || *p == '+')
            g_string_append_c(plain, *p++);
        if (take_digits(&p, plain) == 0)
            return FALSE;
    }
    *number = g_ascii_strtod(plain->str, NULL);
    return *p == '\0';
}

NctValue *
nct_convert_float(const NctType *type, NctSpan text, const NctDialect *dialect, char **reason)
{
    g_autofree char *ascii = NULL;
    NctValue *value;
    double number;

    text = nct_strip(text);
    if (text.n == 0 && dialect->blank_float_is_none)
        return nct_value_new(NCT_VALUE_NONE);
    ascii = nct_ascii_number(text);
    if (!ascii || !read_float(ascii, &number)) {
        nct_refuse(reason, "is not a number");
        return NULL;
    }
    if (!check_range(type, number, reason))
        return NULL;
    value = nct_value_new(NCT_VALUE_FLOAT);
    value->real = number;
    return value;
}

void
nct_append_float_repr(double number, GString *out)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    char format[8];
    int exponent = 0;
    char *e;

    if (isnan(number)) {
        g_string_append(out, "nan");
        return;
    }
    if (isinf(number)) {
        g_string_append(out, number < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 0; digits < 17; digits++) {
        g_snprintf(format, sizeof(format), "%%.%de", digits);
        g_ascii_formatd(text, sizeof(text), format, number);
        if (g_ascii_strtod(text, NULL) >= number && g_ascii_strtod(text, NULL) <= number)
            break;
    }
    /* text is d.ddde±xx; Python writes it without exponent from 1e-4 up to below 1e16 */
    e = strchr(text, 'e');
    exponent = (int)g_ascii_strtoll(e + 1, NULL, 10);
    if (exponent >= -4 && exponent < 16) {
        int decimals = (int)(e - text) - (text[0] == '-' ? 1 : 0) - 2 - exponent;

        g_snprintf(format, sizeof(format), "%%.%df", MAX(decimals, 1));
        g_ascii_formatd(text, sizeof(text), format, number);
    }
    g_string_append(out, text);
}
