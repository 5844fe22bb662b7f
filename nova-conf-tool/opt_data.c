#include "nova-conf-tool/opt_data.h"

#include <jansson.h>
#include <string.h>

#include "nova-conf-tool/document.h"

#define MAX_OPTIONS 100000u

G_DEFINE_QUARK(nct - opt - data - error, nct_opt_data_error)

static void
add_option(const char *group, json_t *option, GPtrArray *options)
{
    const char *name = json_string_value(json_object_get(option, "dest"));
    json_t *old;
    size_t i;

    if (!name)
        name = json_string_value(json_object_get(option, "name"));
    if (name)
        g_ptr_array_add(options, g_strdelimit(g_strdup_printf("%s/%s", group, name), "-", '_'));
    json_array_foreach(json_object_get(option, "deprecated_opts"), i, old)
    {
        const char *old_group = json_string_value(json_object_get(old, "group"));
        const char *old_name = json_string_value(json_object_get(old, "name"));

        g_ptr_array_add(options, g_strdup_printf("%s/%s", old_group ? old_group : group,
                                                 old_name ? old_name
                                                 : name   ? name
                                                          : ""));
    }
}

gboolean
nct_opt_data_read(const char *path, GPtrArray *groups, GPtrArray *options, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    json_error_t failure;
    json_t *root;
    const char *name;
    json_t *value;
    gboolean found = FALSE;

    if (!g_file_get_contents(path, &text, &length, NULL)) {
        g_set_error(error, NCT_OPT_DATA_ERROR, NCT_OPT_DATA_ERROR_READ, "%s cannot be read", path);
        return FALSE;
    }
    root = json_loadb(text, length, 0, &failure);
    json_object_foreach(json_object_get(root, "options"), name, value)
    {
        g_autofree char *group = nct_group_normalize(name, strlen(name));
        size_t i;
        json_t *option;

        found = TRUE;
        g_ptr_array_add(groups, g_strdup(group));
        json_array_foreach(json_object_get(value, "opts"), i, option)
        {
            if (options->len < MAX_OPTIONS)
                add_option(group, option, options);
        }
    }
    json_decref(root);
    if (!found)
        g_set_error(error, NCT_OPT_DATA_ERROR, NCT_OPT_DATA_ERROR_FORMAT,
                    "%s is not what 'oslo-config-generator --format json' prints", path);
    return found;
}
