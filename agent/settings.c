#include "agent/settings.h"

#include "agent/settings_file.h"
#include "agent/settings_nova.h"
#include "agent/settings_options.h"
#include "agent/settings_policy.h"

G_DEFINE_QUARK(nma_settings_error_quark, nma_settings_error)

static gboolean
apply_entry(NmaSettings *settings, const char *file, const NmaSettingsEntry *entry, GError **error)
{
    const NmaOption *option = nma_settings_option(entry->group, entry->name);
    g_autoptr(GError) cause = NULL;

    if (option == NULL)
        g_set_error(&cause, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s",
                    nma_settings_has_group(entry->group) ? "unknown option"
                                                         : "unknown option in an unknown group");
    else if (nma_option_set(option, entry->value, settings, &cause))
        return TRUE;
    g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s:%u: [%s] %s: %s", file,
                entry->line, entry->group, entry->name, cause->message);
    return FALSE;
}

static gboolean
read_own(NmaSettings *settings, const char *file, GError **error)
{
    g_autoptr(GPtrArray) entries = nma_settings_file_read(file, error);

    if (entries == NULL)
        return FALSE;
    for (guint i = 0; i < entries->len; i++)
        if (!apply_entry(settings, file, entries->pdata[i], error))
            return FALSE;
    return TRUE;
}

/* Defaults and our own file; appends what was read to files (char *). */
static NmaSettings *
load_own(const char *file, GPtrArray *files, GError **error)
{
    g_autoptr(NmaSettings) settings = g_new0(NmaSettings, 1);

    nma_settings_set_defaults(settings);
    if (file == NULL && g_file_test(NMA_SETTINGS_DEFAULT_FILE, G_FILE_TEST_EXISTS))
        file = NMA_SETTINGS_DEFAULT_FILE;
    if ((file != NULL && !read_own(settings, file, error)) ||
        !nma_settings_read_policies(settings, error))
        return NULL;
    if (file != NULL)
        g_ptr_array_add(files, g_canonicalize_filename(file, NULL));
    return g_steal_pointer(&settings);
}

static GStrv
to_strv(const GPtrArray *strings)
{
    GStrv strv = g_new0(char *, strings->len + 1);

    for (guint i = 0; i < strings->len; i++)
        strv[i] = g_strdup(strings->pdata[i]);
    return strv;
}

NmaSettings *
nma_settings_load_own(const char *file, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    NmaSettings *settings = load_own(file, files, error);

    if (settings != NULL)
        settings->files_read = to_strv(files);
    return settings;
}

NmaSettings *
nma_settings_load(const char *file, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(NmaSettings) settings = load_own(file, files, error);

    if (settings == NULL || !nma_settings_read_nova(settings, files, error))
        return NULL;
    settings->files_read = to_strv(files);
    return g_steal_pointer(&settings);
}

void
nma_settings_free(NmaSettings *settings)
{
    if (settings == NULL)
        return;
    nma_settings_clear_options(settings);
    nma_settings_clear_nova(settings);
    g_strfreev(settings->files_read);
    g_free(settings);
}
