#include "agent/json/value.h"

#include <math.h>
#include <string.h>

#include "agent/core/now.h"

/* Year 2200: what is later is no time but nonsense. */
#define MAX_WALL_US (G_GINT64_CONSTANT(7258118400) * NMA_US_PER_S)

char *
nma_json_dup_name(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    guint n = 0;

    if (text == NULL || *text == '\0' || !g_utf8_validate(text, -1, NULL)) {
        return NULL;
    }
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        if (++n > NMA_NAME_MAX_CHARS || !g_unichar_isgraph(g_utf8_get_char(p))) {
            return NULL;
        }
    }
    return g_strdup(text);
}

char *
nma_clean_text(const char *text, gsize max_bytes)
{
    g_autofree char *valid = NULL;
    GString *clean = NULL;

    if (text == NULL || *text == '\0') {
        return NULL;
    }
    valid = g_utf8_make_valid(text, (gssize)strnlen(text, max_bytes));
    clean = g_string_sized_new(64);
    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        gsize before = clean->len;

        g_string_append_unichar(clean, g_unichar_iscntrl(c) ? ' ' : c);
        if (clean->len > max_bytes) {
            g_string_truncate(clean, before);
            break;
        }
    }
    return g_string_free(clean, FALSE);
}

char *
nma_json_dup_text(const json_t *object, const char *key, gsize max_bytes)
{
    return nma_clean_text(json_string_value(json_object_get(object, key)), max_bytes);
}

gboolean
nma_json_get_uuid(const json_t *object, const char *key, char uuid[NMA_UUID_LEN + 1])
{
    const char *text = json_string_value(json_object_get(object, key));

    uuid[0] = '\0';
    if (text == NULL || !nma_uuid_is_valid(text)) {
        return FALSE;
    }
    for (guint i = 0; i < NMA_UUID_LEN; i++) {
        uuid[i] = g_ascii_tolower(text[i]);
    }
    uuid[NMA_UUID_LEN] = '\0';
    return TRUE;
}

gint64
nma_json_get_int(const json_t *object, const char *key, gint64 least, gint64 most)
{
    const json_t *value = json_object_get(object, key);
    gint64 number;

    if (!json_is_integer(value)) {
        return NMA_UNKNOWN;
    }
    number = json_integer_value(value);
    return number < least || number > most ? NMA_UNKNOWN : number;
}

gboolean
nma_json_get_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

json_t *
nma_json_time(gint64 wall_us)
{
    g_autoptr(GDateTime) whole = NULL;
    g_autofree char *seconds = NULL;
    g_autofree char *text = NULL;

    if (wall_us < 0 || wall_us > MAX_WALL_US) {
        return json_null();
    }
    whole = g_date_time_new_from_unix_utc(wall_us / NMA_US_PER_S);
    seconds = g_date_time_format(whole, "%Y-%m-%dT%H:%M:%S");
    text = g_strdup_printf("%s.%06dZ", seconds, (int)(wall_us % NMA_US_PER_S));
    return json_string(text);
}

gint64
nma_json_get_time(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    g_autoptr(GTimeZone) utc = NULL;
    g_autoptr(GDateTime) time = NULL;
    gint64 wall_us;

    if (text == NULL || strlen(text) > 40) {
        return NMA_UNKNOWN;
    }
    utc = g_time_zone_new_utc();
    time = g_date_time_new_from_iso8601(text, utc);
    if (time == NULL) {
        return NMA_UNKNOWN;
    }
    wall_us = g_date_time_to_unix(time) * NMA_US_PER_S + g_date_time_get_microsecond(time);
    return wall_us < 0 || wall_us > MAX_WALL_US ? NMA_UNKNOWN : wall_us;
}

json_t *
nma_json_text(const char *text)
{
    return text != NULL && *text != '\0' ? json_string(text) : json_null();
}

json_t *
nma_json_integer(gint64 value)
{
    return value == NMA_UNKNOWN ? json_null() : json_integer(value);
}

json_t *
nma_json_milliseconds(gint64 value_us)
{
    return value_us < 0 ? json_null() : json_real((double)value_us / NMA_US_PER_MS);
}

gint64
nma_json_get_milliseconds(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double ms;

    if (!json_is_number(value)) {
        return NMA_UNKNOWN;
    }
    ms = json_number_value(value);
    /* a hundred years: beyond it a double no longer counts microseconds */
    return ms >= 0 && ms < 3.2e12 ? (gint64)llround(ms * NMA_US_PER_MS) : NMA_UNKNOWN;
}

char *
nma_json_to_text(json_t *value)
{
    /* 15 digits: enough for microseconds, and no 0.1000000000000001 */
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    char *owned = g_strdup(text);

    free(text);
    json_decref(value);
    return owned;
}
