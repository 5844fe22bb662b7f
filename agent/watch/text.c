#include "agent/watch/text.h"

#include <string.h>

#define KIB    G_GINT64_CONSTANT(1024)
#define MS     G_GINT64_CONSTANT(1000)
#define S      (1000 * MS)
#define MINUTE (60 * S)
#define H      (60 * MINUTE)
#define D      (24 * H)

static guint
char_columns(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

char *
nma_watch_text_clean(const char *text, guint max_columns)
{
    GString *out = g_string_new(NULL);
    guint columns = 0;
    gsize fits = 0; /* length of what still leaves room for "..." */

    /* characters without width cost no column: bytes are bounded too */
    gsize max_bytes = (gsize)max_columns * 6;

    while (text && *text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        char escape[16];
        guint width;
        gsize before = out->len;

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_snprintf(escape, sizeof(escape), "\\x%02x", (guchar)*text);
            text += 1;
        } else {
            text = g_utf8_next_char(text);
            if (g_unichar_isprint(c)) {
                int n = g_unichar_to_utf8(c, escape);
                escape[n] = '\0';
            } else if (c < 0x100) {
                g_snprintf(escape, sizeof(escape), "\\x%02x", c);
            } else {
                g_snprintf(escape, sizeof(escape), "\\u{%x}", c);
            }
        }
        width = escape[0] == '\\' && escape[1] ? (guint)strlen(escape)
                                               : char_columns(g_utf8_get_char(escape));
        if (columns + width > max_columns || before + strlen(escape) > max_bytes) {
            g_string_truncate(out, fits);
            g_string_append_len(out, "...", (gssize)MIN(3, max_columns));
            break;
        }
        g_string_append(out, escape);
        columns += width;
        if (columns + 3 <= max_columns)
            fits = out->len;
    }
    return g_string_free(out, FALSE);
}

guint
nma_watch_text_columns(const char *text)
{
    guint columns = 0;

    for (; *text; text = g_utf8_next_char(text))
        columns += char_columns(g_utf8_get_char(text));
    return columns;
}

void
nma_watch_text_append_cell(GString *out, const char *text, guint columns)
{
    guint total = nma_watch_text_columns(text), used = 0;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);
        guint width = char_columns(c);

        if (total > columns && used + width > columns - 1) {
            if (columns > 0) {
                g_string_append_c(out, '~');
                used++;
            }
            break;
        }
        g_string_append_unichar(out, c);
        used += width;
    }
    for (; used < columns; used++)
        g_string_append_c(out, ' ');
}

char *
nma_watch_format_bytes(gint64 bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    guint unit = 0;

    if (bytes < 0)
        return g_strdup("?");
    if (bytes < KIB)
        return g_strdup_printf("%d B", (int)bytes);
    for (value /= KIB; value >= 1023.995 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= KIB;
    return g_strdup_printf("%.*f %s",
                           value < 9.995   ? 2
                           : value < 99.95 ? 1
                                           : 0,
                           value, units[unit]);
}

char *
nma_watch_format_rate(gint64 bytes_per_s)
{
    if (bytes_per_s < 0)
        return g_strdup("?");
    return g_strdup_printf("%.1f MiB/s", (double)bytes_per_s / (KIB * KIB));
}

char *
nma_watch_format_duration_us(gint64 us)
{
    if (us < 0)
        return g_strdup("?");
    if (us < S)
        return g_strdup_printf("%d ms", (int)(us / MS));
    if (us < 10 * S)
        return g_strdup_printf("%d.%d s", (int)(us / S), (int)(us % S / (100 * MS)));
    if (us < MINUTE)
        return g_strdup_printf("%d s", (int)(us / S));
    if (us < H)
        return g_strdup_printf("%d min %02d s", (int)(us / MINUTE), (int)(us % MINUTE / S));
    if (us < D)
        return g_strdup_printf("%d h %02d min", (int)(us / H), (int)(us % H / MINUTE));
    return g_strdup_printf("%" G_GINT64_FORMAT " d %02d h", us / D, (int)(us % D / H));
}
