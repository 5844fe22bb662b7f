/*
 * Every case of the dialect corpus: what our reader makes of it against what real oslo.configs made
 * of it.
 */
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "nova-conf-tool/effective.h"
#include "tests/unit/conf-probe-json.h"
#include "tests/unit/conf-probe.h"
#include "tests/unit/tap.h"

/* the oslo.config that was recorded, and a Nova release that runs with it */
static const struct {
    const char *version;
    guint release;
} recorded[] = {
    { "9.0.0", 26 }, { "3.9.0", 13 }, { "4.11.2", 16 },
    { "5.2.1", 17 }, { "6.4.2", 18 }, { "10.3.0", 33 },
};

typedef struct {
    char *name;
    guint version;
    json_t *other_versions;
} Case;

static json_t *
load_json(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_ALLOW_NUL, &error);

    /* an integer beyond 64 bits */
    if (!json)
        json = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!json)
        g_error("%s: %s", path, error.text);
    return json;
}

/*
 * The recording program reads [DEFAULT] options as attributes of the configuration, which turns
 * every failure but an illegal value into NoSuchOptError of the option that was read.
 */
static const char *
word_of_result(const NctOption *option, NctResultKind kind)
{
    if (g_str_equal(option->group, "DEFAULT") && kind != NCT_RESULT_ILLEGAL)
        return "NoSuchOptError";
    return conf_word_of_result(kind);
}

/* as the option would be read without files: what the recording leaves out */
static NctValue *
default_value(const NctOption *option, guint release)
{
    g_autoptr(NctDocument) empty = nct_document_parse("empty", "", 0, NULL);
    g_autoptr(NctConfig) config =
        nct_config_from_document(g_steal_pointer(&empty), &conf_probe_schema, release);
    NctResult result = nct_config_read(config, option);

    g_assert_cmpint(result.kind, ==, NCT_RESULT_OK);
    return result.value;
}

static json_t *
json_of_options(const NctConfig *config, guint release)
{
    json_t *json = json_object();
    guint n;
    const NctOption *options = conf_probe_options(&n);

    for (guint i = 0; i < n; i++) {
        const NctOption *option = nct_config_schema(config)->find(
            nct_config_schema(config), options[i].group, options[i].name);
        g_autofree char *name = g_strdup_printf("%s/%s", options[i].group, options[i].name);
        g_auto(NctResult) result = { 0 };
        g_autoptr(NctValue) unset = NULL;

        if (!option)
            continue;
        result = nct_config_read(config, option);
        unset = default_value(option, release);
        if (result.kind != NCT_RESULT_OK)
            json_object_set_new(json, name,
                                json_pack("{s:s}", "error", word_of_result(option, result.kind)));
        else if (!nct_value_equal(result.value, unset))
            json_object_set_new(json, name,
                                json_pack("{s:o}", "value", conf_json_of_value(result.value)));
    }
    return json;
}

static json_t *
json_of_load_error(const GError *error, const NctLoad *load)
{
    g_autofree char *base = NULL;
    g_autoptr(NctDocument) document = NULL;
    const NctSyntaxIssue *issues;
    char *colon;
    guint n;

    switch ((NctConfigError)error->code) {
    case NCT_CONFIG_ERROR_SYNTAX: {
        g_autofree char *path = g_strdup(error->message);

        colon = strchr(path, ':');
        *colon = '\0';
        document = nct_document_read(path, NULL);
        issues = nct_document_issues(document, &n);
        g_assert_cmpuint(n, >, 0);
        base = g_path_get_basename(path);
        return json_pack("{s:s, s:s, s:s, s:i}", "error", "parse", "kind",
                         nct_syntax_error_word(issues[0].kind), "file", base, "line",
                         (int)issues[0].oslo_line);
    }
    case NCT_CONFIG_ERROR_DECODE:
        return json_pack("{s:s}", "error", "decode");
    case NCT_CONFIG_ERROR_FILE_NOT_FOUND: {
        g_autofree char *path = g_strdup(error->message);

        colon = strchr(path, ':');
        *colon = '\0';
        base = g_path_get_basename(path);
        return json_pack("{s:s, s:[s]}", "error", "file_not_found", "files", base);
    }
    case NCT_CONFIG_ERROR_DIR_NOT_FOUND:
        return json_pack("{s:s}", "error", "dir_not_found");
    case NCT_CONFIG_ERROR_CLI_VALUE:
        return json_pack("{s:s, s:o}", "error", "exit", "code",
                         load->release >= 33 ? json_integer(1) : json_null());
    default:
        return json_string(error->message);
    }
}

static json_t *
json_of_paths(const char *const *paths, const char *directory)
{
    json_t *json = json_array();

    for (; *paths; paths++) {
        const char *path = *paths;

        if (g_str_has_prefix(path, directory))
            path += strlen(directory) + 1;
        json_array_append_new(json, json_string(path));
    }
    return json;
}

static json_t *
json_of_dirs(const NctSources *sources)
{
    json_t *json = json_array();

    for (guint i = 0; i < sources->n_args; i++)
        if (sources->args[i].kind == NCT_ARG_CONFIG_DIR)
            json_array_append_new(json, json_string(sources->args[i].value));
    return json;
}

static GArray *
args_of(json_t *spec)
{
    GArray *args = g_array_new(FALSE, TRUE, sizeof(NctArg));
    json_t *words = json_object_get(spec, "args");

    for (size_t i = 0; i + 1 < json_array_size(words) + !words; i += 2) {
        const char *word = json_string_value(json_array_get(words, i));
        NctArg arg = { .value = json_string_value(json_array_get(words, i + 1)) };

        if (g_str_equal(word, "--config-file"))
            arg.kind = NCT_ARG_CONFIG_FILE;
        else if (g_str_equal(word, "--config-dir"))
            arg.kind = NCT_ARG_CONFIG_DIR;
        else
            arg = (NctArg){ NCT_ARG_OPTION, word + 2, arg.value };
        g_array_append_val(args, arg);
    }
    if (!words) {
        NctArg arg = { .kind = NCT_ARG_CONFIG_FILE, .value = "nova.conf" };

        g_array_append_val(args, arg);
    }
    return args;
}

static GStrv
environment_of(json_t *spec, const char *directory, char **home)
{
    GPtrArray *environment = g_ptr_array_new();
    const char *name;
    json_t *value;

    *home = NULL;
    json_object_foreach(json_object_get(spec, "env"), name, value)
    {
        g_auto(GStrv) parts = g_strsplit(json_string_value(value), "@CASE@", -1);
        g_autofree char *text = g_strjoinv(directory, parts);

        g_ptr_array_add(environment, g_strdup_printf("%s=%s", name, text));
        if (g_str_equal(name, "HOME"))
            *home = g_steal_pointer(&text);
    }
    g_ptr_array_add(environment, NULL);
    return (GStrv)g_ptr_array_free(environment, FALSE);
}

static GPtrArray *
strings_of(json_t *list)
{
    GPtrArray *strings = g_ptr_array_new();
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        g_ptr_array_add(strings, (gpointer)json_string_value(item));
    }
    g_ptr_array_add(strings, NULL);
    return strings;
}

static json_t *
observe(json_t *spec, const char *directory, guint release)
{
    g_autofree char *home = NULL;
    g_autoptr(GArray) args = args_of(spec);
    g_auto(GStrv) environment = environment_of(spec, directory, &home);
    g_autoptr(GPtrArray) defaults = strings_of(json_object_get(spec, "default_config_files"));
    gboolean cli = json_is_true(json_object_get(spec, "cli"));
    NctLoad load = {
        .release = release,
        .schema = cli             ? &conf_probe_cli_schema
                  : release == 13 ? &conf_probe_old_schema
                                  : &conf_probe_schema,
        .sources = {
            .args = (const NctArg *)(const void *)args->data,
            .n_args = args->len,
            .program = json_string_value(json_object_get(spec, "prog")),
            .home = home ? home : "/nonexistent",
            .root = "/nonexistent",
            .environment = json_is_false(json_object_get(spec, "use_env"))
                               ? NULL
                               : (const char *const *)environment,
            .default_files = json_object_get(spec, "default_config_files")
                                 ? (const char *const *)defaults->pdata
                                 : NULL,
        },
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(NctConfig) config = nct_config_load(&load, &error);
    json_t *sections = json_object();
    json_t *out = json_object();
    size_t i;
    json_t *file;

    json_array_foreach(json_object_get(spec, "files"), i, file)
    {
        json_object_set_new(sections, json_string_value(file),
                            conf_json_of_sections(json_string_value(file)));
    }
    json_object_set_new(out, "sections", sections);
    json_object_set_new(out, "load", config ? json_string("ok") : json_of_load_error(error, &load));
    if (!config)
        return out;
    json_object_set_new(out, "options", json_of_options(config, release));
    if (json_is_true(json_object_get(spec, "show_files"))) {
        json_object_set_new(out, "config_file",
                            json_of_paths(nct_config_main_files(config), directory));
        json_object_set_new(out, "config_dir", json_of_dirs(&load.sources));
    }
    return out;
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_autofree char *directory =
        g_test_build_filename(G_TEST_DIST, "data/oslo-config-dialect/cases", c->name, NULL);
    json_t *spec;
    json_t *expected;
    json_t *seen;
    json_t *other =
        json_object_get(json_object_get(c->other_versions, recorded[c->version].version), c->name);

    /* that oslo.config's call had no such argument: nothing of ours to compare */
    if (other && json_is_object(json_object_get(other, "load")) &&
        g_strcmp0(json_string_value(json_object_get(json_object_get(other, "load"), "error")),
                  "TypeError") == 0) {
        g_test_skip("the program itself fails with this version");
        return;
    }
    g_assert_cmpint(g_chdir(directory), ==, 0);
    spec = load_json("case.json");
    expected = load_json("expected.json");
    if (other)
        json_object_update(expected, other);
    if (!g_str_equal(json_string_value(json_object_get(expected, "load"))
                         ? json_string_value(json_object_get(expected, "load"))
                         : "",
                     "ok"))
        json_object_del(expected, "options");
    seen = observe(spec, directory, recorded[c->version].release);
    if (!json_equal(seen, expected)) {
        g_autofree char *a = json_dumps(expected, JSON_SORT_KEYS);
        g_autofree char *b = json_dumps(seen, JSON_SORT_KEYS);

        g_test_message("oslo.config %s read\n  %s\nwe read\n  %s", recorded[c->version].version, a,
                       b);
        g_test_fail();
    }
    json_decref(spec);
    json_decref(expected);
    json_decref(seen);
}

int
main(int argc, char **argv)
{
    g_autofree char *cases = NULL;
    g_autofree char *others = NULL;
    const char *name;
    GDir *dir;
    json_t *other_versions;
    int failed;

    nma_test_init(argc, argv);
    cases = g_test_build_filename(G_TEST_DIST, "data/oslo-config-dialect/cases", NULL);
    others =
        g_test_build_filename(G_TEST_DIST, "data/oslo-config-dialect/other-versions.json", NULL);
    other_versions = load_json(others);
    dir = g_dir_open(cases, 0, NULL);
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        for (guint i = 0; i < G_N_ELEMENTS(recorded); i++) {
            g_autofree char *path =
                g_strdup_printf("/conf/dialect/%s/%s", recorded[i].version, name);
            Case *c = g_new(Case, 1);

            *c = (Case){ g_strdup(name), i, other_versions };
            g_test_add_data_func(path, c, test_case);
        }
    }
    g_dir_close(dir);
    failed = g_test_run();
    json_decref(other_versions);
    return failed;
}
