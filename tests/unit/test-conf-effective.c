/* The configuration as the agent reads it: Nova's own options, defaults, provenance, errors,
 * limits. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/effective.h"
#include "tests/unit/tap.h"

typedef struct {
    char *dir;
    char *file;
    char *later;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("nct-XXXXXX", NULL);
    f->file = g_build_filename(f->dir, "nova.conf", NULL);
    f->later = g_build_filename(f->dir, "later.conf", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_unlink(f->file);
    g_unlink(f->later);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->file);
    g_free(f->later);
}

static void
write_file(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}

static NctConfig *
load(const char *first, const char *second, GError **error)
{
    const char *files[] = { first, second, NULL };

    return nct_config_load_files(files, NULL, error);
}

static NctConfig *
load_text(Fixture *f, const char *text)
{
    g_autoptr(GError) error = NULL;
    NctConfig *config;

    write_file(f->file, text);
    config = load(f->file, NULL, &error);
    g_assert_no_error(error);
    return config;
}

static void
assert_string(const NctConfig *config, const char *group, const char *name, const char *fallback,
              const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = nct_config_get_string(config, group, name, fallback, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(value, ==, expected);
}

static void
test_strings(Fixture *f, gconstpointer data)
{
    g_autoptr(NctConfig) config =
        load_text(f, "[DEFAULT]\nstate_path = /srv\nmy_ip = 192.0.2.7\n[libvirt]\n"
                     "live_migration_inbound_addr = $my_ip\n[site]\nown = $my_ip!\n");

    assert_string(config, "DEFAULT", "state_path", NULL, "/srv");
    assert_string(config, "DEFAULT", "instances_path", "$state_path/instances", "/srv/instances");
    assert_string(config, "libvirt", "live_migration_inbound_addr", NULL, "192.0.2.7");
    assert_string(config, "libvirt", "connection_uri", "qemu:///system", "qemu:///system");
    assert_string(config, "libvirt", "connection_uri", NULL, NULL);
    /* a group that Nova does not know is read all the same */
    assert_string(config, "site", "own", NULL, "192.0.2.7!");
}

static void
test_typed(Fixture *f, gconstpointer data)
{
    g_autoptr(NctConfig) config =
        load_text(f, "[DEFAULT]\nreserved_host_memory_mb = 1024\nram_allocation_ratio = 1.5\n"
                     "[libvirt]\nlive_migration_permit_post_copy = On\n"
                     "live_migration_downtime = 90\nlive_migration_bandwidth =\n"
                     "[oslo_messaging_rabbit]\nrabbit_quorum_queue = maybe\n"
                     "[pci]\npassthrough_whitelist = old\ndevice_spec = a\ndevice_spec = b\n");
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) list = NULL;
    gint64 number = 0;
    double ratio = 0;
    gboolean truth = FALSE;

    g_assert_true(
        nct_config_get_integer(config, "DEFAULT", "reserved_host_memory_mb", 512, &number, &error));
    g_assert_cmpint(number, ==, 1024);
    g_assert_true(
        nct_config_get_float(config, "DEFAULT", "ram_allocation_ratio", 1, &ratio, &error));
    g_assert_cmpfloat(ratio, ==, 1.5);
    g_assert_true(nct_config_get_boolean(config, "libvirt", "live_migration_permit_post_copy",
                                         FALSE, &truth, &error));
    g_assert_true(truth);
    /* a number left blank is None */
    g_assert_true(
        nct_config_get_integer(config, "libvirt", "live_migration_bandwidth", 7, &number, &error));
    g_assert_cmpint(number, ==, 7);
    g_assert_no_error(error);

    g_assert_false(
        nct_config_get_integer(config, "libvirt", "live_migration_downtime", 500, &number, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_ILLEGAL_VALUE);
    g_assert_nonnull(strstr(error->message, "nova.conf:6: [libvirt] live_migration_downtime"));
    g_clear_error(&error);
    g_assert_false(nct_config_get_boolean(config, "oslo_messaging_rabbit", "rabbit_quorum_queue",
                                          FALSE, &truth, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_ILLEGAL_VALUE);
    g_clear_error(&error);

    list = nct_config_get_multi(config, "pci", "device_spec", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(list), ==, 3);
    g_assert_cmpstr(list[0], ==, "old");
    g_assert_cmpstr(list[2], ==, "b");
}

static void
test_origin(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NctConfig) config = NULL;
    g_autofree char *origin = NULL;
    g_autofree char *expected = NULL;
    const NctEntry *entry;

    write_file(f->file, "[libvirt]\ncpu_mode = none\n");
    write_file(f->later, "# one\n[LibVirt]\n  \ncpu_mode   =  'custom'\n");
    config = load(f->file, f->later, &error);
    g_assert_no_error(error);
    assert_string(config, "libvirt", "cpu_mode", NULL, "custom");
    origin = nct_config_describe_origin(config, "libvirt", "cpu_mode");
    expected = g_strdup_printf("%s:4", f->later);
    g_assert_cmpstr(origin, ==, expected);
    g_assert_true(nct_config_is_set(config, "libvirt", "cpu_mode"));
    g_assert_false(nct_config_is_set(config, "libvirt", "virt_type"));

    entry = nct_config_first(config, "libvirt", "cpu_mode");
    g_assert_cmpuint(entry->line, ==, 2);
    g_assert_cmpuint(entry->column, ==, 1);
    g_assert_cmpuint(entry->value_column, ==, 12);
    g_assert_cmpstr(entry->next->section, ==, "LibVirt");
    g_assert_cmpuint(entry->next->value_column, ==, 16);
    g_assert_null(entry->next->next);
    g_assert_cmpuint(g_strv_length((char **)nct_config_files(config)), ==, 2);
    g_assert_cmpstr(nct_config_files(config)[1], ==, f->later);
}

static void
test_old_names(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NctConfig) config = load_text(f, "[libvirt]\ncpu_model = kvm64\n");
    g_auto(GStrv) models = nct_config_get_list(config, "libvirt", "cpu_models", NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(models), ==, 1);
    g_assert_cmpstr(models[0], ==, "kvm64");
}

/* No message may hold what stands in the file. */
static void
test_errors_hold_no_secret(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *text;
        NctConfigError code;
        const char *place;
    } cases[] = {
        { "[DEFAULT]\ntransport_url rabbit//s3cr3t@h\n", NCT_CONFIG_ERROR_SYNTAX, ":2: " },
        { "[DEFAULT]\n\n  s3cr3t = 1\n", NCT_CONFIG_ERROR_SYNTAX, ":3: " },
        { "[s3cr3t\n", NCT_CONFIG_ERROR_SYNTAX, ":1: " },
        { "s3cr3t = 1\n\n[a]\n", NCT_CONFIG_ERROR_SYNTAX, ":1: " },
        { "[a]\n= s3cr3t\n", NCT_CONFIG_ERROR_SYNTAX, ":2: " },
        { "[a]\r\nb = s3cr3t\xff\n", NCT_CONFIG_ERROR_DECODE, ":2: " },
        { "[DEFAULT]\ndebug = s3cr3t\n", NCT_CONFIG_ERROR_CLI_VALUE, ":2: " },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NctConfig) config = NULL;

        write_file(f->file, cases[i].text);
        config = load(f->file, NULL, &error);
        g_assert_null(config);
        g_assert_error(error, NCT_CONFIG_ERROR, (int)cases[i].code);
        g_assert_null(strstr(error->message, "s3cr3t"));
        g_assert_true(g_str_has_prefix(error->message, f->file));
        g_assert_nonnull(strstr(error->message, cases[i].place));
    }
}

static void
test_password_with_dollar(Fixture *f, gconstpointer data)
{
    g_autoptr(NctConfig) config =
        load_text(f, "[keystone_authtoken]\npassword = s3$cret\n[libvirt]\nvirt_type = $cret\n");
    g_autoptr(GError) error = NULL;

    g_assert_null(nct_config_get_string(config, "keystone_authtoken", "password", NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_SUBSTITUTION);
    g_assert_null(strstr(error->message, "cret"));
    g_clear_error(&error);
    g_assert_null(nct_config_get_string(config, "libvirt", "virt_type", NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_SUBSTITUTION);
    g_assert_nonnull(strstr(error->message, "$cret"));
}

/* Nova finds its own address when my_ip is not set; nobody can replace $my_ip without knowing it */
static void
test_computed_default(Fixture *f, gconstpointer data)
{
    g_autoptr(NctConfig) config = load_text(f, "[libvirt]\nlive_migration_inbound_addr = $my_ip\n");
    g_autoptr(GError) error = NULL;

    g_assert_null(
        nct_config_get_string(config, "libvirt", "live_migration_inbound_addr", NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_COMPUTED);
    nct_config_set_default(config, "DEFAULT", "my_ip", "192.0.2.5");
    assert_string(config, "libvirt", "live_migration_inbound_addr", NULL, "192.0.2.5");
}

static void
test_missing(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    const char *dirs[] = { f->file, NULL };

    g_assert_null(load(f->file, NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_FILE_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(nct_config_load_files(NULL, dirs, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_DIR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(load(f->dir, NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_IO);
}

/* $names that lead in a circle, or double at each step, end in an error, soon */
static void
test_substitution_is_bounded(Fixture *f, gconstpointer data)
{
    static const char *const names[] = { "my_ip",
                                         "state_path",
                                         "instances_path",
                                         "transport_url",
                                         "control_exchange",
                                         "compute_driver",
                                         "my_block_storage_ip",
                                         "injected_network_template",
                                         "instance_name_template" };
    g_autoptr(GString) text = g_string_new("[DEFAULT]\ntempdir = $tempdir\n");
    g_autoptr(NctConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i + 1 < G_N_ELEMENTS(names); i++) {
        g_string_append_printf(text, "%s = ", names[i]);
        for (guint k = 0; k < 8; k++)
            g_string_append_printf(text, "$%s", names[i + 1]);
        g_string_append_c(text, '\n');
    }
    g_string_append(text, "instance_name_template = 0123456789\n");
    config = load_text(f, text->str);
    g_assert_null(nct_config_get_string(config, "DEFAULT", "my_ip", NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_SUBSTITUTION);
    g_clear_error(&error);
    g_assert_null(nct_config_get_string(config, "DEFAULT", "tempdir", NULL, &error));
    g_assert_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_SUBSTITUTION);
}

static void
test_size_is_bounded(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new("[a]\n");

    g_assert_null(nct_document_read("/dev/zero", &error));
    g_assert_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_TOO_LARGE);
    g_clear_error(&error);
    for (guint i = 0; i < NCT_DOCUMENT_MAX_ENTRIES; i++)
        g_string_append(text, "a=\n");
    g_assert_null(nct_document_parse("t", text->str, text->len, &error));
    g_assert_error(error, NCT_DOCUMENT_ERROR, NCT_DOCUMENT_ERROR_TOO_LARGE);
}

static void
test_lines(void)
{
    const char *text = "# a\r\n[libvirt]\rk = v\n   w\n\nlast";
    g_autoptr(NctDocument) document = nct_document_parse("t", text, strlen(text), NULL);
    static const char *const lines[] = { "# a", "[libvirt]", "k = v", "   w", "", "last" };

    g_assert_cmpuint(nct_document_n_lines(document), ==, G_N_ELEMENTS(lines));
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_assert_true(nct_span_equal(nct_document_line(document, i + 1), lines[i]));
    }
    g_assert_cmpuint(nct_document_line(document, 7).n, ==, 0);
    g_assert_cmpuint(nct_document_line(document, 0).n, ==, 0);
}

static void
test_releases(void)
{
    static const struct {
        const char *text;
        guint release;
    } cases[] = {
        { "mitaka", 13 },   { "13", 13 },
        { "Antelope", 27 }, { "2023.1", 27 },
        { "26.2.2", 26 },   { "2026.1", 33 },
        { "33", 33 },       { "12", 0 },
        { "34", 0 },        { "", 0 },
        { "zed ", 0 },      { "26.x", 0 },
        { "-13", 0 },       { "99999999999999999999", 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(nct_release_parse(cases[i].text), ==, cases[i].release);
}

static void
test_catalogue(void)
{
    const NctOption *option;

    g_assert_null(nct_catalogue_option(13, "libvirt", "cpu_models"));
    g_assert_nonnull(nct_catalogue_option(20, "libvirt", "cpu_models"));
    g_assert_nonnull(nct_catalogue_option(13, "libvirt", "live_migration_flag"));
    g_assert_null(nct_catalogue_option(14, "libvirt", "live_migration_flag"));
    option = nct_catalogue_by_old_name(26, "libvirt", "cpu_model");
    g_assert_cmpstr(option->name, ==, "cpu_models");
    g_assert_null(nct_catalogue_by_old_name(19, "libvirt", "cpu_model"));
    g_assert_true(nct_catalogue_has_group(26, "libvirt"));
    g_assert_false(nct_catalogue_has_group(26, "DEFAULT"));
    g_assert_false(nct_catalogue_has_group(33, "xenserver"));
    g_assert_nonnull(nct_catalogue_pattern(26, "mdev_nvidia-35", "device_addresses"));
    g_assert_null(nct_catalogue_pattern(26, "mdev_", "device_addresses"));
    option = nct_catalogue_option(26, "neutron", "password");
    g_assert_cmpint(option->flags & NCT_OPTION_SECRET, !=, 0);
    option = nct_catalogue_option(16, "libvirt", "live_migration_downtime");
    g_assert_cmpfloat(option->type->min, ==, 100);
    option = nct_catalogue_option(15, "libvirt", "live_migration_downtime");
    g_assert_cmpint(option->type->flags & NCT_HAS_MIN, ==, 0);
}

/* Every default of every release is legal, and every pattern compiles. */
static void
test_defaults_are_legal(void)
{
    for (guint release = nct_release_oldest(); release <= nct_release_newest(); release++) {
        g_autoptr(NctDocument) empty = nct_document_parse("empty", "", 0, NULL);
        g_autoptr(NctConfig) config =
            nct_config_from_document(g_steal_pointer(&empty), NULL, release);

        for (guint i = 0; i < n_nct_options; i++) {
            const NctOption *option = nct_catalogue_row_option(&nct_options[i], release);
            g_auto(NctResult) result = { 0 };

            if (!option)
                continue;
            result = nct_config_read(config, option);
            if (result.kind != NCT_RESULT_OK && result.kind != NCT_RESULT_COMPUTED) {
                g_test_message("%u [%s] %s %s", release, option->group, option->name,
                               result.reason);
                g_test_fail();
            }
        }
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
#define WITH_FILES(name, test)                                                                     \
    g_test_add("/conf/effective/" name, Fixture, NULL, set_up, test, tear_down)
    WITH_FILES("strings", test_strings);
    WITH_FILES("typed", test_typed);
    WITH_FILES("origin", test_origin);
    WITH_FILES("old-names", test_old_names);
    WITH_FILES("errors-hold-no-secret", test_errors_hold_no_secret);
    WITH_FILES("password-with-dollar", test_password_with_dollar);
    WITH_FILES("computed-default", test_computed_default);
    WITH_FILES("missing", test_missing);
    WITH_FILES("substitution-is-bounded", test_substitution_is_bounded);
    g_test_add_func("/conf/document/size-is-bounded", test_size_is_bounded);
    g_test_add_func("/conf/document/lines", test_lines);
    g_test_add_func("/conf/catalogue/releases", test_releases);
    g_test_add_func("/conf/catalogue/options", test_catalogue);
    g_test_add_func("/conf/catalogue/defaults-are-legal", test_defaults_are_legal);
    return g_test_run();
}
