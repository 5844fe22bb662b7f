#include "agent/settings_file.h"

#include "config.h"

#include <errno.h>
#include <string.h>
#ifdef HAVE_INIPARSER_INIPARSER_H
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#include "agent/settings.h"

static void
entry_free(gpointer data)
{
    NmaSettingsEntry *entry = data;

    g_free(entry->group);
    g_free(entry->name);
    g_free(entry->value);
    g_free(entry);
}

static gboolean
refuse(GError **error, const char *path, guint line, const char *reason)
{
    g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s:%u: %s", path, line,
                reason);
    return FALSE;
}

/* NULL when the line is one that both readers understand alike, else why not. */
static const char *
line_fault(const char *line)
{
    if (strlen(line) > NMA_SETTINGS_LINE_MAX_BYTES)
        return "the line is longer than 1000 bytes";
    if (line[0] == ' ' || line[0] == '\t')
        return "a line must not begin with a blank: values cannot be continued, comments begin in "
               "the first column";
    if (g_str_has_suffix(line, "\\"))
        return "a line must not end with a backslash";
    for (const char *c = line; *c != '\0'; c++)
        if (g_ascii_iscntrl(*c) && *c != '\t')
            return "a control character";
    return NULL;
}

static const char *
value_fault(const char *value)
{
    if (strpbrk(value, "#;") != NULL)
        return "a value must not contain # or ; (what follows would be cut off): comments stand on "
               "lines of their own, and in a transport_url %23 stands for # and %3B for ;";
    if (value[0] == '"' || value[0] == '\'')
        return "a value stands without quotes";
    return NULL;
}

static gboolean
scan_section(const char *path, guint number, const char *line, char **group, GError **error)
{
    gsize length = strlen(line);

    if (line[length - 1] != ']')
        return refuse(error, path, number, "the section does not end with ]");
    if (length < 3)
        return refuse(error, path, number, "the section has no name");
    g_free(*group);
    *group = g_strndup(line + 1, length - 2);
    return TRUE;
}

static gboolean
scan_assignment(const char *path, guint number, const char *line, const char *group,
                GPtrArray *entries, GError **error)
{
    const char *equals = strchr(line, '='), *fault;
    g_autofree char *name = NULL, *value = NULL;
    NmaSettingsEntry *entry;

    if (equals == NULL)
        return refuse(error, path, number, "neither [group] nor name = value");
    if (group == NULL)
        return refuse(error, path, number, "the option stands before the first [group]");
    name = g_strchomp(g_strndup(line, (gsize)(equals - line)));
    value = g_strstrip(g_strdup(equals + 1));
    if (name[0] == '\0')
        return refuse(error, path, number, "the option has no name");
    fault = value_fault(value);
    if (fault != NULL) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s:%u: [%s] %s: %s",
                    path, number, group, name, fault);
        return FALSE;
    }
    for (guint i = 0; i < entries->len; i++) {
        const NmaSettingsEntry *other = entries->pdata[i];

        if (strcmp(other->group, group) == 0 && strcmp(other->name, name) == 0) {
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                        "%s:%u: [%s] %s stands already on line %u", path, number, group, name,
                        other->line);
            return FALSE;
        }
    }
    entry = g_new0(NmaSettingsEntry, 1);
    entry->group = g_strdup(group);
    entry->name = g_steal_pointer(&name);
    entry->value = g_steal_pointer(&value);
    entry->line = number;
    g_ptr_array_add(entries, entry);
    return TRUE;
}

static GPtrArray *
scan(const char *path, const char *text, GError **error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *group = NULL;

    for (guint i = 0; lines[i] != NULL; i++) {
        char *line = g_strchomp(lines[i]);
        const char *fault = line_fault(line);

        if (fault != NULL) {
            refuse(error, path, i + 1, fault);
            return NULL;
        }
        if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
            continue;
        if (line[0] == '[' ? !scan_section(path, i + 1, line, &group, error)
                           : !scan_assignment(path, i + 1, line, group, entries, error))
            return NULL;
    }
    return g_steal_pointer(&entries);
}

static char *
read_text(const char *path, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = NULL;
    gsize length;

    /* a regular file only: neither a fifo nor a device may hold us up */
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR) && g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_READ, "%s: not a file", path);
        return NULL;
    }
    if (!g_file_get_contents(path, &text, &length, &cause)) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_READ, "%s", cause->message);
        return NULL;
    }
    if (length > NMA_SETTINGS_FILE_MAX_BYTES) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                    "%s: larger than %d bytes", path, NMA_SETTINGS_FILE_MAX_BYTES);
        return NULL;
    }
    if (!g_utf8_validate_len(text, length, NULL)) { /* refuses NUL bytes too */
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s: not UTF-8 text",
                    path);
        return NULL;
    }
    return g_steal_pointer(&text);
}

static int
say_nothing(const char *format, ...)
{
    return 0;
}

/* iniparser looks names up in lower case, so two that differ in case only are one to it */
static gboolean
agrees(const dictionary *ini, const NmaSettingsEntry *entry)
{
    g_autofree char *key = g_strdup_printf("%s:%s", entry->group, entry->name);
    const char *value = iniparser_getstring(ini, key, NULL);

    return value != NULL && strcmp(value, entry->value) == 0;
}

GPtrArray *
nma_settings_file_read(const char *path, GError **error)
{
    g_autofree char *text = read_text(path, error);
    g_autoptr(GPtrArray) entries = text != NULL ? scan(path, text, error) : NULL;
    gboolean agreed = TRUE;
    dictionary *ini;

    if (entries == NULL)
        return NULL;
    iniparser_set_error_callback(say_nothing); /* else it prints lines of the file to stderr */
    ini = iniparser_load(path);
    if (ini == NULL) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s: not an INI file",
                    path);
        return NULL;
    }
    for (guint i = 0; i < entries->len && agreed; i++) {
        const NmaSettingsEntry *entry = entries->pdata[i];

        agreed = agrees(ini, entry);
        if (!agreed)
            refuse(error, path, entry->line, "the line can be read in two ways");
    }
    iniparser_freedict(ini);
    return agreed ? g_steal_pointer(&entries) : NULL;
}
