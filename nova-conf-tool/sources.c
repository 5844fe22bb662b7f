#include "nova-conf-tool/sources.h"

#include <glob.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define PROJECT "nova"

/* glob() lists a directory before we can count; more files than this are not a configuration */
#define MAX_FILES 10000u

static void
input_free(gpointer data)
{
    NctInput *input = data;

    g_free(input->path);
    g_free(input->shown);
    g_free(input);
}

void
nct_inputs_free(NctInputs *inputs)
{
    if (!inputs)
        return;
    g_ptr_array_unref(inputs->inputs);
    g_ptr_array_unref(inputs->files);
    g_free(inputs->missing_dir);
    g_free(inputs);
}

const char *
nct_environment_get(const char *const *environment, const char *name)
{
    gsize length = strlen(name);

    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

/* os.path.expanduser */
static char *
expand_user(const NctSources *sources, const char *path)
{
    const char *rest;
    g_autofree char *user = NULL;
    const struct passwd *entry;

    if (path[0] != '~')
        return g_strdup(path);
    rest = strchrnul(path, '/');
    if (rest == path + 1)
        return g_strconcat(sources->home ? sources->home : g_get_home_dir(), rest, NULL);
    user = g_strndup(path + 1, (gsize)(rest - path - 1));
    entry = getpwnam(user);
    return entry ? g_strconcat(entry->pw_dir, rest, NULL) : g_strdup(path);
}

/* os.path.abspath(os.path.expanduser(path)) */
static char *
fix_path(const NctSources *sources, const char *path)
{
    g_autofree char *expanded = expand_user(sources, path);

    return g_canonicalize_filename(expanded, NULL);
}

/* the directories that are searched, first hit wins */
static GPtrArray *
search_path(const NctSources *sources)
{
    GPtrArray *dirs = g_ptr_array_new_with_free_func(g_free);
    static const char *const snaps[] = { "SNAP_COMMON", "SNAP" };

    g_ptr_array_add(dirs, fix_path(sources, "~/." PROJECT));
    g_ptr_array_add(dirs, fix_path(sources, "~"));
    g_ptr_array_add(dirs, g_strconcat(sources->root ? sources->root : "", "/etc/" PROJECT, NULL));
    g_ptr_array_add(dirs, g_strconcat(sources->root ? sources->root : "", "/etc", NULL));
    for (guint i = 0; i < G_N_ELEMENTS(snaps); i++) {
        const char *snap = nct_environment_get(sources->environment, snaps[i]);

        if (snap && *snap)
            g_ptr_array_add(dirs, g_build_filename(snap, "etc", PROJECT, NULL));
    }
    return dirs;
}

static char *
search(const NctSources *sources, GPtrArray *dirs, const char *name, const char *extension)
{
    g_autofree char *base = g_strconcat(name, extension, NULL);

    for (guint i = 0; i < dirs->len; i++) {
        g_autofree char *path = g_build_filename(g_ptr_array_index(dirs, i), base, NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&path);
    }
    return NULL;
}

static NctInput *
add_input(NctInputs *inputs, NctArgKind kind)
{
    NctInput *input = g_new0(NctInput, 1);

    input->kind = kind;
    g_ptr_array_add(inputs->inputs, input);
    return input;
}

static void
add_path(const NctSources *sources, NctInputs *inputs, const char *path)
{
    NctInput *input = add_input(inputs, NCT_ARG_CONFIG_FILE);

    input->shown = expand_user(sources, path);
    input->path = g_canonicalize_filename(input->shown, NULL);
}

static void
add_file(const NctSources *sources, NctInputs *inputs, const char *path)
{
    g_ptr_array_add(inputs->files, g_strdup(path));
    add_path(sources, inputs, path);
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* *.conf, no hidden files, in plain string order whatever the locale */
static void
add_dir(const NctSources *sources, NctInputs *inputs, const char *dir)
{
    g_autofree char *pattern = g_build_filename(dir, "*.conf", NULL);
    glob_t found;

    if (glob(pattern, GLOB_NOSORT | GLOB_NOESCAPE, NULL, &found) != 0)
        return;
    qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
    for (gsize i = 0; i < found.gl_pathc && i < MAX_FILES; i++)
        add_path(sources, inputs, found.gl_pathv[i]);
    globfree(&found);
}

static gboolean
has_arg(const NctSources *sources, NctArgKind kind)
{
    for (guint i = 0; i < sources->n_args; i++)
        if (sources->args[i].kind == kind)
            return TRUE;
    return FALSE;
}

static void
add_defaults(const NctSources *sources, const NctDialect *dialect, NctInputs *inputs)
{
    const char *names[] = { PROJECT, sources->program ? sources->program : "nova-compute" };
    g_autoptr(GPtrArray) dirs = search_path(sources);

    if (!has_arg(sources, NCT_ARG_CONFIG_FILE)) {
        for (guint i = 0; sources->default_files && sources->default_files[i]; i++)
            add_file(sources, inputs, sources->default_files[i]);
        for (guint i = 0; !sources->default_files && i < G_N_ELEMENTS(names); i++) {
            g_autofree char *path = search(sources, dirs, names[i], ".conf");

            if (path)
                add_file(sources, inputs, path);
        }
    }
    if (dialect->default_dirs && !has_arg(sources, NCT_ARG_CONFIG_DIR)) {
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
            g_autofree char *path = search(sources, dirs, names[i], ".conf.d");

            if (path)
                add_dir(sources, inputs, path);
        }
    }
}

NctInputs *
nct_sources_list(const NctSources *sources, const NctDialect *dialect)
{
    NctInputs *inputs = g_new0(NctInputs, 1);

    inputs->inputs = g_ptr_array_new_with_free_func(input_free);
    inputs->files = g_ptr_array_new_with_free_func(g_free);
    if (!sources->only_args)
        add_defaults(sources, dialect, inputs);

    for (guint i = 0; i < sources->n_args; i++) {
        const NctArg *arg = &sources->args[i];
        g_autofree char *dir = NULL;

        switch (arg->kind) {
        case NCT_ARG_CONFIG_FILE:
            add_file(sources, inputs, arg->value);
            break;
        case NCT_ARG_OPTION:
            add_input(inputs, NCT_ARG_OPTION)->arg = arg;
            break;
        case NCT_ARG_CONFIG_DIR:
            dir = expand_user(sources, arg->value);
            if (!g_file_test(dir, G_FILE_TEST_EXISTS)) {
                inputs->missing_dir = g_steal_pointer(&dir);
                return inputs;
            }
            add_dir(sources, inputs, dir);
            break;
        }
    }
    return inputs;
}
