#include <string.h>

#include "nova-conf-tool/effective_internal.h"

static const NctType type_string = { .kind = NCT_TYPE_STRING };
static const NctType type_integer = { .kind = NCT_TYPE_INTEGER };
static const NctType type_float = { .kind = NCT_TYPE_FLOAT };
static const NctType type_boolean = { .kind = NCT_TYPE_BOOLEAN };
static const NctType type_list = { .kind = NCT_TYPE_LIST };

/*
 * The option as the schema knows it (old names), if need be one made up on the spot for a name that
 * it does not know. The caller's fallback stands in for the schema's default.
 */
static NctOption
option_for(const NctConfig *config, const char *group, const char *name, const NctType *type)
{
    const NctOption *known = config->schema->find(config->schema, group, name);
    NctOption option = { .group = group, .name = name };

    if (known)
        option = *known;
    if (!known || known->type->kind != type->kind)
        option.type = type;
    option.defaults = NULL;
    return option;
}

gboolean
nct_config_is_set(const NctConfig *config, const char *group, const char *name)
{
    NctOption option = option_for(config, group, name, &type_string);

    return nct_config_origin(config, &option).kind != NCT_ORIGIN_UNSET;
}

static char *
describe(const NctOption *option, const NctOrigin *origin)
{
    g_autofree char *variable = NULL;

    switch (origin->kind) {
    case NCT_ORIGIN_FILE:
        return g_strdup_printf("%s:%u", nct_document_path(origin->entry->document),
                               origin->entry->line);
    case NCT_ORIGIN_ENVIRONMENT:
        variable = nct_option_environment_name(option);
        return g_strdup_printf("environment %s", variable);
    case NCT_ORIGIN_DEFAULT:
        return g_strdup("default");
    case NCT_ORIGIN_UNSET:
        break;
    }
    return g_strdup("unset");
}

char *
nct_config_describe_origin(const NctConfig *config, const char *group, const char *name)
{
    const NctOption *known = config->schema->find(config->schema, group, name);
    NctOption option = known ? *known : option_for(config, group, name, &type_string);
    NctOrigin origin = nct_config_origin(config, &option);

    return describe(&option, &origin);
}

static void
set_error(const NctOption *option, const NctOrigin *origin, const NctResult *result, GError **error)
{
    g_autofree char *place = describe(option, origin);
    g_autofree char *what = nct_result_describe(result, option);

    NctConfigError code = result->kind == NCT_RESULT_ILLEGAL    ? NCT_CONFIG_ERROR_ILLEGAL_VALUE
                          : result->kind == NCT_RESULT_COMPUTED ? NCT_CONFIG_ERROR_COMPUTED
                                                                : NCT_CONFIG_ERROR_SUBSTITUTION;

    g_set_error(error, NCT_CONFIG_ERROR, code, "%s: [%s] %s %s", place, option->group, option->name,
                what);
}

/* FALSE on error; *value is NULL when there is nothing to read, not even a fallback */
static gboolean
read_typed(const NctConfig *config, const NctOption *option, const char *fallback, NctValue **value,
           GError **error)
{
    NctOrigin origin = nct_config_origin(config, option);
    g_auto(NctResult) result = { 0 };

    *value = NULL;
    if (origin.kind != NCT_ORIGIN_UNSET)
        result = nct_config_read(config, option);
    else if (fallback)
        result = nct_config_evaluate(config, option, (NctSpan){ fallback, strlen(fallback) });
    else
        return TRUE;
    if (result.kind != NCT_RESULT_OK) {
        set_error(option, &origin, &result, error);
        return FALSE;
    }
    if (result.value->kind != NCT_VALUE_NONE)
        *value = g_steal_pointer(&result.value);
    return TRUE;
}

static char *
text_of(const NctValue *value)
{
    GString *text = g_string_new(NULL);

    nct_value_append_str(value, text);
    return g_string_free(text, FALSE);
}

char *
nct_config_get_string(const NctConfig *config, const char *group, const char *name,
                      const char *fallback, GError **error)
{
    NctOption option = option_for(config, group, name, &type_string);
    g_autoptr(NctValue) value = NULL;

    if (!read_typed(config, &option, fallback, &value, error) || !value)
        return NULL;
    return text_of(value);
}

gboolean
nct_config_get_boolean(const NctConfig *config, const char *group, const char *name,
                       gboolean fallback, gboolean *out, GError **error)
{
    NctOption option = option_for(config, group, name, &type_boolean);
    g_autoptr(NctValue) value = NULL;

    if (!read_typed(config, &option, NULL, &value, error))
        return FALSE;
    *out = value ? value->boolean : fallback;
    return TRUE;
}

gboolean
nct_config_get_integer(const NctConfig *config, const char *group, const char *name,
                       gint64 fallback, gint64 *out, GError **error)
{
    NctOption option = option_for(config, group, name, &type_integer);
    g_autoptr(NctValue) value = NULL;

    if (!read_typed(config, &option, NULL, &value, error))
        return FALSE;
    *out = value ? value->integer : fallback;
    return TRUE;
}

gboolean
nct_config_get_float(const NctConfig *config, const char *group, const char *name, double fallback,
                     double *out, GError **error)
{
    NctOption option = option_for(config, group, name, &type_float);
    g_autoptr(NctValue) value = NULL;

    if (!read_typed(config, &option, NULL, &value, error))
        return FALSE;
    *out = value ? value->real : fallback;
    return TRUE;
}

static GStrv
vector_of(const NctValue *list)
{
    GPtrArray *texts = g_ptr_array_new();

    for (guint i = 0; list && i < list->items->len; i++)
        g_ptr_array_add(texts, text_of(g_ptr_array_index(list->items, i)));
    g_ptr_array_add(texts, NULL);
    return (GStrv)g_ptr_array_free(texts, FALSE);
}

GStrv
nct_config_get_list(const NctConfig *config, const char *group, const char *name,
                    const char *fallback, GError **error)
{
    NctOption option = option_for(config, group, name, &type_list);
    g_autoptr(NctValue) value = NULL;

    option.flags &= ~(guint)NCT_OPTION_MULTI;
    if (!read_typed(config, &option, fallback, &value, error))
        return NULL;
    return vector_of(value);
}

GStrv
nct_config_get_multi(const NctConfig *config, const char *group, const char *name, GError **error)
{
    NctOption option = option_for(config, group, name, &type_string);
    g_autoptr(NctValue) value = NULL;

    option.flags |= NCT_OPTION_MULTI;
    if (!read_typed(config, &option, NULL, &value, error))
        return NULL;
    return vector_of(value);
}
