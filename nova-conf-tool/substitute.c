/*
 * "$name" in values, and reading an option to the end.
 *
 * Source: ConfigOpts._substitute, StrSubWrapper and Template in oslo_config/cfg.py. A name is
 * looked up in the option's own group first, then in [DEFAULT]; what stands there is read like any
 * option, so its own $names count and its type decides how it is written.
 */
#include <string.h>

#include "nova-conf-tool/effective_internal.h"

/* Python stops at its recursion limit; these stop earlier, and bound what a value may grow to. */
#define MAX_DEPTH       50u
#define MAX_LOOKUPS     10000u
#define MAX_VALUE_BYTES (1u << 20)

typedef struct {
    const NctConfig *config;
    guint depth;
    guint lookups;
} NctReading;

static NctResult read_option(NctReading *reading, const NctOption *option);

void
nct_result_clear(NctResult *result)
{
    g_clear_pointer(&result->value, nct_value_free);
    g_clear_pointer(&result->reason, g_free);
}

char *
nct_result_describe(const NctResult *result, const NctOption *option)
{
    if (result->kind == NCT_RESULT_ILLEGAL) {
        if (result->culprit && result->culprit != option &&
            !(g_str_equal(result->culprit->name, option->name) &&
              g_str_equal(result->culprit->group, option->group)))
            return g_strdup_printf("uses [%s] %s, which %s", result->culprit->group,
                                   result->culprit->name, result->reason);
        return g_strdup(result->reason);
    }
    /* the "name" may be a piece of a password with a dollar in it */
    if (option->flags & NCT_OPTION_SECRET)
        return g_strdup("has a '$' that names no option; write a literal one as '$$'");
    switch (result->kind) {
    case NCT_RESULT_NO_SUCH_GROUP:
        return g_strdup_printf("names $%s, but there is no such group", result->reason);
    case NCT_RESULT_NAMES_A_GROUP:
        return g_strdup_printf("names $%s, which is a group and not an option", result->reason);
    case NCT_RESULT_COMPUTED:
        return g_strdup_printf("names $%s, which is not set and which Nova computes on the host",
                               result->reason);
    case NCT_RESULT_ENDLESS:
        return g_strdup_printf("names $%s, which leads on without end", result->reason);
    default:
        return g_strdup_printf("names $%s, but there is no such option", result->reason);
    }
}

static NctResult
failure(NctResultKind kind, NctSpan name)
{
    return (NctResult){ .kind = kind, .reason = g_strndup(name.s, name.n) };
}

/*
 * An option by an old name is read as if it belonged to the group where the name was looked up, not
 * to its own: its new name is not found there, only its old ones are. One declared with a dash is
 * not found at all, and the
 * "$name" stays as it is: an OK without a value.
 */
static NctResult
read_by_old_name(NctReading *reading, const NctOption *option, const char *group)
{
    NctOption moved = *option;
    NctResult result;

    if (option->flags & NCT_OPTION_DECLARED_WITH_DASH)
        return (NctResult){ .kind = NCT_RESULT_OK };
    moved.group = group;
    result = read_option(reading, &moved);
    if (result.culprit == &moved)
        result.culprit = option;
    return result;
}

/* ConfigOpts._get: an option, or (outside of groups) a group of that name */
static NctResult
get_by_name(NctReading *reading, const char *group, const char *name, NctSpan dollar_name)
{
    const NctSchema *schema = reading->config->schema;
    const NctOption *option;

    if (!group && schema->has_group(schema, name))
        return failure(NCT_RESULT_NAMES_A_GROUP, dollar_name);
    if (!group)
        group = "DEFAULT";
    option = schema->find(schema, group, name);
    if (!option && schema->find_by_old_name) {
        option = schema->find_by_old_name(schema, group, name);
        if (option)
            return read_by_old_name(reading, option, group);
    }
    if (!option)
        return failure(NCT_RESULT_NO_SUCH_OPTION, dollar_name);
    if ((option->flags & NCT_OPTION_DEFAULT_COMPUTED) &&
        nct_config_origin(reading->config, option).kind == NCT_ORIGIN_UNSET)
        return failure(NCT_RESULT_COMPUTED, dollar_name);
    return read_option(reading, option);
}

/* StrSubWrapper.__getitem__; group is that of the option that holds the "$name", NULL for DEFAULT
 */
static NctResult
lookup(NctReading *reading, const char *group, NctSpan dollar_name)
{
    g_autofree char *key = g_strndup(dollar_name.s, dollar_name.n);
    g_autofree char *named_group = NULL;
    const char *dot = strchr(key, '.');
    const char *name = key;
    NctResult result;

    if (++reading->lookups > MAX_LOOKUPS || reading->depth >= MAX_DEPTH)
        return failure(NCT_RESULT_ENDLESS, dollar_name);
    if (dot) {
        named_group = g_strndup(key, (gsize)(dot - key));
        name = dot + 1;
        group = named_group;
        if (!reading->config->schema->has_group(reading->config->schema, group))
            return failure(NCT_RESULT_NO_SUCH_GROUP, dollar_name);
    }
    result = get_by_name(reading, group, name, dollar_name);
    if (result.kind == NCT_RESULT_NO_SUCH_OPTION && group) {
        nct_result_clear(&result);
        result = get_by_name(reading, NULL, key, dollar_name);
    }
    return result;
}

/*
 * [_a-z][\._a-z0-9]* without regard to case, which in Python takes in four letters beyond ASCII.
 */
static gsize
name_length(const char *at, const char *end)
{
    const char *p = at;

    while (p < end) {
        gunichar c = g_utf8_get_char(p);
        gboolean letter = c < 0x80 ? g_ascii_isalpha((char)c) || c == '_'
                                   : c == 0x130 || c == 0x131 || c == 0x17f || c == 0x212a;

        if (!letter && (p == at || c >= 0x80 || !(g_ascii_isdigit((char)c) || c == '.')))
            break;
        p = g_utf8_next_char(p);
    }
    return (gsize)(p - at);
}

/* What follows a '$': sets *name and returns how much of the text it takes; 0 = a plain dollar. */
static gsize
dollar_name(const char *at, const char *end, NctSpan *name)
{
    gboolean braced = at < end && *at == '{';

    *name = (NctSpan){ at + braced, name_length(at + braced, end) };
    if (name->n == 0)
        return 0;
    if (!braced)
        return name->n;
    return name->s + name->n < end && name->s[name->n] == '}' ? name->n + 2 : 0;
}

/* Appends text with its names replaced; "$$" is a dollar, and a '$' that no name follows stays. */
static NctResult
substitute(NctReading *reading, const char *group, NctSpan text, GString *out)
{
    const char *end = text.s + text.n;

    for (const char *p = text.s; p < end;) {
        const char *dollar = memchr(p, '$', (gsize)(end - p));
        g_auto(NctResult) found = { 0 };
        NctSpan name;
        gsize taken;

        if (!dollar) {
            g_string_append_len(out, p, end - p);
            break;
        }
        g_string_append_len(out, p, dollar - p);
        p = dollar + 1;
        if (p < end && *p == '$') {
            g_string_append_c(out, '$');
            p++;
            continue;
        }
        taken = dollar_name(p, end, &name);
        if (taken == 0) {
            g_string_append_c(out, '$');
            continue;
        }
        found = lookup(reading, group, name);
        if (found.kind != NCT_RESULT_OK)
            return (NctResult){ .kind = found.kind,
                                .reason = g_steal_pointer(&found.reason),
                                .culprit = found.culprit };
        if (!found.value) {
            g_string_append_len(out, dollar, (gssize)taken + 1);
            p += taken;
            continue;
        }
        if (found.value->kind == NCT_VALUE_NONE && !reading->config->dialect->unset_is_empty)
            g_string_append(out, "None");
        nct_value_append_str(found.value, out);
        if (out->len > MAX_VALUE_BYTES)
            return failure(NCT_RESULT_ENDLESS, name);
        p += taken;
    }
    return (NctResult){ .kind = NCT_RESULT_OK };
}

/* oslo.config turns every "\$" into "$$" before it looks for names */
static GString *
unescape_dollars(NctSpan text)
{
    GString *out = g_string_sized_new(text.n);

    for (gsize i = 0; i < text.n; i++)
        g_string_append_c(
            out, i + 1 < text.n && text.s[i] == '\\' && text.s[i + 1] == '$' ? '$' : text.s[i]);
    return out;
}

/* *text is set to the text with names replaced, which lives in *buffer, made if it is needed */
static NctResult
replace_names(NctReading *reading, const NctOption *option, NctSpan *text, GString **buffer)
{
    const char *group = g_str_equal(option->group, "DEFAULT") ? NULL : option->group;
    g_autoptr(GString) unescaped = NULL;
    NctResult result;

    if (!memchr(text->s, '$', text->n))
        return (NctResult){ .kind = NCT_RESULT_OK };
    unescaped = unescape_dollars(*text);
    *buffer = g_string_new(NULL);
    result = substitute(reading, group, (NctSpan){ unescaped->str, unescaped->len }, *buffer);
    *text = (NctSpan){ (*buffer)->str, (*buffer)->len };
    return result;
}

static NctResult
convert_text(NctReading *reading, const NctOption *option, NctSpan text)
{
    g_autoptr(GString) buffer = NULL;
    NctResult result = replace_names(reading, option, &text, &buffer);

    if (result.kind != NCT_RESULT_OK)
        return result;
    result.value = nct_type_convert(option->type, text, reading->config->dialect, &result.reason);
    if (!result.value) {
        result.kind = NCT_RESULT_ILLEGAL;
        result.culprit = option;
    }
    return result;
}

static void
free_value(gpointer value)
{
    nct_value_free(value);
}

static NctResult
convert_texts(NctReading *reading, const NctOption *option, const NctSpan *texts, guint n)
{
    g_autoptr(NctValue) list = nct_value_new(NCT_VALUE_LIST);

    list->items = g_ptr_array_new_with_free_func(free_value);
    /* names are replaced in all of them before any is converted: a bad name comes before a bad
     * value */
    for (guint i = 0; n > 1 && i < n; i++) {
        g_autoptr(GString) buffer = NULL;
        NctSpan text = texts[i];
        NctResult replaced = replace_names(reading, option, &text, &buffer);

        if (replaced.kind != NCT_RESULT_OK)
            return replaced;
    }
    for (guint i = 0; i < n; i++) {
        NctResult one = convert_text(reading, option, texts[i]);

        if (one.kind != NCT_RESULT_OK)
            return one;
        g_ptr_array_add(list->items, one.value);
    }
    return (NctResult){ .kind = NCT_RESULT_OK, .value = g_steal_pointer(&list) };
}

/* Python walks over the characters of the one string that the environment gives a multi option. */
static NctResult
convert_characters(NctReading *reading, const NctOption *option, NctSpan text)
{
    g_autoptr(GString) buffer = NULL;
    g_autoptr(NctValue) list = nct_value_new(NCT_VALUE_LIST);
    NctResult result = replace_names(reading, option, &text, &buffer);

    list->items = g_ptr_array_new_with_free_func(free_value);
    for (const char *p = text.s; result.kind == NCT_RESULT_OK && p < text.s + text.n;
         p = g_utf8_next_char(p)) {
        NctSpan one = { p, (gsize)(g_utf8_next_char(p) - p) };
        NctValue *value =
            nct_type_convert(option->type, one, reading->config->dialect, &result.reason);

        if (value)
            g_ptr_array_add(list->items, value);
        else
            result = (NctResult){ NCT_RESULT_ILLEGAL, NULL, result.reason, option };
    }
    if (result.kind == NCT_RESULT_OK)
        result.value = g_steal_pointer(&list);
    return result;
}

static NctResult
read_multi(NctReading *reading, const NctOption *option, const NctOrigin *origin)
{
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(NctSpan));

    if (origin->kind == NCT_ORIGIN_ENVIRONMENT)
        return convert_characters(reading, option, (NctSpan){ origin->text, origin->length });
    if (origin->kind == NCT_ORIGIN_FILE) {
        g_autoptr(GPtrArray) entries = nct_config_multi_entries(reading->config, option);

        for (guint i = 0; i < entries->len; i++) {
            const NctEntry *entry = g_ptr_array_index(entries, i);
            NctSpan span = { entry->value, entry->value_length };

            g_array_append_val(spans, span);
        }
    }
    for (const char *const *text = option->defaults;
         origin->kind == NCT_ORIGIN_DEFAULT && text && *text; text++) {
        NctSpan span = { *text, strlen(*text) };

        g_array_append_val(spans, span);
    }
    return convert_texts(reading, option, (const NctSpan *)(const void *)spans->data, spans->len);
}

static NctResult
read_option(NctReading *reading, const NctOption *option)
{
    NctOrigin origin = nct_config_origin(reading->config, option);
    NctResult result;

    if (origin.kind == NCT_ORIGIN_UNSET)
        return (NctResult){ .kind = NCT_RESULT_OK, .value = nct_value_new(NCT_VALUE_NONE) };
    reading->depth++;
    if (option->flags & NCT_OPTION_MULTI)
        result = read_multi(reading, option, &origin);
    else
        result = convert_text(reading, option, (NctSpan){ origin.text, origin.length });
    reading->depth--;
    return result;
}

NctResult
nct_config_read(const NctConfig *config, const NctOption *option)
{
    NctReading reading = { .config = config };

    return read_option(&reading, option);
}

NctResult
nct_config_evaluate(const NctConfig *config, const NctOption *option, NctSpan text)
{
    NctReading reading = { .config = config };

    return convert_text(&reading, option, text);
}
