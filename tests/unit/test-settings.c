/* nova-migration-agent.conf and nova.conf to NmaSettings. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/settings.h"
#include "tests/unit/tap.h"

#define SECRET "s3cr3t"

typedef struct {
    char *dir, *own, *nova;
} Fixture;

static void
write_file(const Fixture *f, const char *name, const char *text, gssize length)
{
    g_autofree char *path = g_build_filename(f->dir, name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, length, NULL));
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("settings-XXXXXX", NULL);
    f->own = g_build_filename(f->dir, "agent.conf", NULL);
    f->nova = g_build_filename(f->dir, "nova.conf", NULL);
    write_file(f, "nova.conf",
               "[DEFAULT]\ntransport_url = rabbit://nova:" SECRET "@10.0.0.1:5672/\nhost = c1\n",
               -1);
}

static void
remove_tree(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        remove_tree(child);
    }
    if (dir != NULL)
        g_dir_close(dir);
    (void)g_remove(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    remove_tree(f->dir);
    g_free(f->dir);
    g_free(f->own);
    g_free(f->nova);
}

/* own: what stands in our file beside [nova] config_files */
static NmaSettings *
load(Fixture *f, const char *own, GError **error)
{
    g_autofree char *text = g_strdup_printf("[nova]\nconfig_files = %s\n%s", f->nova, own);

    write_file(f, "agent.conf", text, -1);
    return nma_settings_load(f->own, error);
}

static NmaSettings *
load_good(Fixture *f, const char *own)
{
    g_autoptr(GError) error = NULL;
    NmaSettings *settings = load(f, own, &error);

    g_assert_no_error(error);
    return settings;
}

static void
test_defaults(Fixture *f, gconstpointer data)
{
    g_autoptr(NmaSettings) s = load_good(f, "");

    g_assert_cmpint(s->mode, ==, NMA_MODE_ADVISE);
    g_assert_cmpstr(s->topic, ==, "nova_migration_agent");
    g_assert_cmpstr(s->state_dir, ==, "/var/lib/nova-migration-agent");
    g_assert_cmpstr(s->run_dir, ==, "/run/nova-migration-agent");
    g_assert_cmpstr(s->log_level, ==, "info");
    g_assert_cmpstr(s->metrics_file, ==, "");
    g_assert_cmpint(s->conductor_interval_ms, ==, 30000);
    g_assert_cmpstr(s->libvirt_uri, ==, "qemu:///system");
    g_assert_cmpint(s->libvirt_access, ==, NMA_ACCESS_READ_WRITE);
    g_assert_cmpstr(s->tap_queue_type, ==, "auto");
    g_assert_cmpstr(s->report_topics[0], ==, "live_migration_reports");
    g_assert_null(s->report_topics[1]);
    g_assert_cmpint(s->progress_interval_ms, ==, 1000);

    g_assert_cmpstr(s->host, ==, "c1");
    g_assert_cmpstr(s->control_exchange, ==, "nova");
    g_assert_cmpstr(s->transport_url, ==, "rabbit://nova:" SECRET "@10.0.0.1:5672/");
    g_assert_cmpstr(s->report_transport_url, ==, s->transport_url);
    g_assert_cmpint(s->reserved_host_memory_mib, ==, 512);
    g_assert_false(s->rabbit_quorum_queue);
    g_assert_cmpint(s->rabbit_transient_queues_ttl_s, ==, 1800);
    g_assert_cmpint(s->heartbeat_timeout_threshold_s, ==, 60);
    g_assert_false(s->ssl);

    g_assert_cmpstr(s->files_read[0], ==, f->own);
    g_assert_cmpstr(s->files_read[1], ==, f->nova);
    g_assert_null(s->files_read[2]);
}

static void
test_own_values(Fixture *f, gconstpointer data)
{
    g_autoptr(NmaSettings) s = load_good(
        f, "# a comment\n; another\n\n[agent]\nmode=steer\nstate_dir =/s\nlog_level= error\n"
           "metrics_file = /m/a b.prom\r\n[reports]\ntopics = a , b.c\n"
           "transport_url = rabbit://u:p%23=@h:1/v?a=b\nprogress_interval_ms = 250\n"
           "[agent]\nmax_open_migrations = 7\n[libvirt]\nuri = test:///default\n"
           "access = read-only\n[tap]\nqueue_type = off\n");

    g_assert_cmpint(s->mode, ==, NMA_MODE_STEER);
    g_assert_cmpstr(s->state_dir, ==, "/s");
    g_assert_cmpstr(s->log_level, ==, "error");
    g_assert_cmpstr(s->metrics_file, ==, "/m/a b.prom");
    g_assert_cmpstr(s->report_topics[0], ==, "a");
    g_assert_cmpstr(s->report_topics[1], ==, "b.c");
    g_assert_cmpstr(s->report_transport_url, ==, "rabbit://u:p%23=@h:1/v?a=b");
    g_assert_cmpint(s->progress_interval_ms, ==, 250);
    g_assert_cmpint(s->max_open_migrations, ==, 7);
    g_assert_cmpstr(s->libvirt_uri, ==, "test:///default");
    g_assert_cmpint(s->libvirt_access, ==, NMA_ACCESS_READ_ONLY);
    g_assert_cmpstr(s->tap_queue_type, ==, "off");
}

/* ---- what is refused, and how it is called; line 3 is the first of text ---- */

static const struct {
    const char *name, *text, *expected;
} refused[] = {
    { "unknown-option", "[agent]\nmood = good\n", ":4: [agent] mood: unknown option" },
    { "unknown-group", "[agents]\nmode = steer\n",
      ":4: [agents] mode: unknown option in an unknown group" },
    { "case-of-name", "[agent]\nMode = steer\n", ":4: [agent] Mode: unknown option" },
    { "case-of-group", "[Agent]\nmode = steer\n",
      ":4: [Agent] mode: unknown option in an unknown group" },
    { "choice", "[agent]\nmode = brave\n",
      ":4: [agent] mode: \"brave\" is not observe, advise or steer" },
    { "case-of-choice", "[agent]\nmode = Steer\n",
      ":4: [agent] mode: \"Steer\" is not observe, advise or steer" },
    { "too-small", "[reports]\nprogress_interval_ms = 99\n",
      ":4: [reports] progress_interval_ms: \"99\" is not a number from 100 to 3600000 ms" },
    { "too-large", "[reports]\nprogress_interval_ms = 99999999999999999999\n",
      ":4: [reports] progress_interval_ms: \"99999999999999999999\" is not a number from 100 to "
      "3600000 ms" },
    { "no-number", "[reports]\nprogress_interval_ms = 1e3\n",
      ":4: [reports] progress_interval_ms: \"1e3\" is not a number from 100 to 3600000 ms" },
    { "empty-number", "[reports]\nprogress_interval_ms =\n",
      ":4: [reports] progress_interval_ms: \"\" is not a number from 100 to 3600000 ms" },
    { "empty-path", "[agent]\nstate_dir =\n", ":4: [agent] state_dir: the value is missing" },
    { "relative-path", "[agent]\nstate_dir = var\n",
      ":4: [agent] state_dir: \"var\" is no absolute path" },
    { "topic", "[agent]\ntopic = a b\n",
      ":4: [agent] topic: \"a b\" is no name of letters, digits, dots, dashes and underscores" },
    { "no-topics", "[reports]\ntopics =\n", ":4: [reports] topics: 0 values; want 1 to 8" },
    { "many-topics", "[reports]\ntopics = a,b,c,d,e,f,g,h,i\n",
      ":4: [reports] topics: 9 values; want 1 to 8" },
    { "empty-topic", "[reports]\ntopics = a,,b\n",
      ":4: [reports] topics: \"\" is no name of letters, digits, dots, dashes and underscores" },
    { "topic-twice", "[reports]\ntopics = a,b,a\n",
      ":4: [reports] topics: \"a\" stands there twice" },
    { "long-run-dir",
      "[agent]\nrun_dir = "
      "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
      ":4: [agent] run_dir: the path is longer than 99 bytes" },
    { "value-with-hash", "[reports]\ntransport_url = rabbit://u:" SECRET "#x@h/\n",
      ":4: [reports] transport_url: a value must not contain # or ;*%23*" },
    { "value-with-semicolon", "[reports]\ntransport_url = rabbit://u:" SECRET ";x@h/\n",
      ":4: [reports] transport_url: a value must not contain # or ;*" },
    { "comment-behind-value", "[agent]\nmode = steer # brave\n",
      ":4: [agent] mode: a value must not contain # or ;*lines of their own*" },
    { "quotes", "[agent]\nmode = \"steer\"\n", ":4: [agent] mode: a value stands without quotes" },
    { "twice", "[agent]\nmode = steer\nmode = steer\n",
      ":5: [agent] mode stands already on line 4" },
    { "twice-apart", "[agent]\nmode = steer\n[tap]\nqueue_type = off\n[agent]\nmode = steer\n",
      ":8: [agent] mode stands already on line 4" },
    { "twins-in-iniparser", "[agent]\nmode = steer\nMODE = observe\n",
      ":4: the line can be read in two ways" },
    { "colon", "[agent]\nmode: steer\n", ":4: neither [group] nor name = value" },
    { "continued", "[agent]\nmode =\n steer\n", ":5: a line must not begin with a blank*" },
    { "backslash", "[agent]\nstate_dir = /a\\\n", ":4: a line must not end with a backslash" },
    { "section-open", "[agent\nmode = steer\n", ":3: the section does not end with ]" },
    { "section-empty", "[]\nmode = steer\n", ":3: the section has no name" },
    { "no-name", "[agent]\n= steer\n", ":4: the option has no name" },
    { "control-character", "[agent]\nmode = ste\033er\n", ":4: a control character" },
};

static void
assert_refused(const GError *error, const char *path, const char *expected)
{
    g_autofree char *pattern = g_strconcat(path, expected, NULL);

    g_assert_nonnull(error);
    if (!g_pattern_match_simple(pattern, error->message))
        g_error("\"%s\" is not \"%s\"", error->message, pattern);
    g_assert_null(strstr(error->message, SECRET));
}

static void
test_refused(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("%s", refused[i].name);
        g_assert_null(load(f, refused[i].text, &error));
        g_assert_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID);
        assert_refused(error, f->own, refused[i].expected);
    }
}

/* What the options come to; a ladder holds remedies and nothing else. */
static void
test_policies(Fixture *f, gconstpointer data)
{
    g_autoptr(NmaSettings) shipped = load_good(f, "");
    g_autoptr(NmaSettings) own = load_good(f, "[policy]\nname = must-finish\n"
                                              "[policy-must-finish]\nladder = pause, speed\n"
                                              "max_pause_ms = 7000\nmax_post_copy_s = 3\n"
                                              "[policy-careful]\nhopeless_s = 60\n");
    g_autoptr(GError) error = NULL;
    guint n;
    const NmaPolicy *policies = nma_policies(&n);

    g_assert_cmpuint(n, ==, NMA_N_POLICIES);
    g_assert_cmpint(shipped->policy, ==, NMA_POLICY_CAREFUL);
    /* as they are in core, where the simulator holds them */
    for (guint i = 0; i < n; i++) {
        const NmaPolicy *ours = &shipped->policies[i];

        g_assert_cmpstr(ours->name, ==, policies[i].name);
        g_assert_cmpmem(ours->ladder, sizeof ours->ladder, policies[i].ladder, sizeof ours->ladder);
        g_assert_cmpint(ours->max_downtime_ms, ==, policies[i].max_downtime_ms);
        g_assert_cmpint(ours->max_pause_ms, ==, policies[i].max_pause_ms);
        g_assert_cmpint(ours->max_post_copy_ms, ==, policies[i].max_post_copy_ms);
        g_assert_cmpint(ours->max_total_ms, ==, policies[i].max_total_ms);
        g_assert_cmpint(ours->hopeless_ms, ==, policies[i].hopeless_ms);
    }
    g_assert_cmpint(own->policy, ==, NMA_POLICY_MUST_FINISH);
    g_assert_cmpint(own->policies[NMA_POLICY_MUST_FINISH].ladder[0], ==, NMA_REMEDY_PAUSE);
    g_assert_cmpint(own->policies[NMA_POLICY_MUST_FINISH].ladder[1], ==, NMA_REMEDY_SPEED);
    g_assert_cmpint(own->policies[NMA_POLICY_MUST_FINISH].ladder[2], ==, NMA_REMEDY_NONE);
    g_assert_cmpint(own->policies[NMA_POLICY_MUST_FINISH].max_pause_ms, ==, 7000);
    g_assert_cmpint(own->policies[NMA_POLICY_MUST_FINISH].max_post_copy_ms, ==, 3000);
    g_assert_cmpint(own->policies[NMA_POLICY_CAREFUL].hopeless_ms, ==, 60000);
    /* whatever the file says, careful has no such caps */
    g_assert_cmpint(own->policies[NMA_POLICY_CAREFUL].max_pause_ms, ==, 0);
    g_assert_cmpint(own->policies[NMA_POLICY_CAREFUL].max_post_copy_ms, ==, 0);
    g_assert_null(load(f, "[policy-careful]\nladder = speed,throttle\n", &error));
    g_assert_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "[policy-careful] ladder: \"throttle\""));
}

static void
test_hostile_files(Fixture *f, gconstpointer data)
{
    g_autofree char *line = g_strnfill(1001, 'x');
    g_autofree char *comment = g_strconcat("# ", line, "\n", NULL);
    g_autofree char *large = g_strnfill(300000, '\n');
    g_autoptr(GError) error = NULL;
    const struct {
        const char *text;
        gssize length;
        const char *expected;
    } cases[] = {
        { "mode = steer\n", -1, ":1: the option stands before the first [group]" },
        { "\xef\xbb\xbf[agent]\n", -1, ":1: neither *" },
        { "[agent]\nmode = \xff\n", -1, ": not UTF-8 text" },
        { "[agent]\n\0\n", 10, ": not UTF-8 text" },
        { comment, -1, ":1: the line is longer than 1000 bytes" },
        { large, -1, ": larger than 262144 bytes" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        write_file(f, "agent.conf", cases[i].text, cases[i].length);
        g_assert_null(nma_settings_load(f->own, &error));
        assert_refused(error, f->own, cases[i].expected);
        g_clear_error(&error);
    }
    g_assert_null(nma_settings_load("/nowhere/agent.conf", &error));
    g_assert_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_READ);
    g_assert_nonnull(strstr(error->message, "/nowhere/agent.conf"));
    g_clear_error(&error);
    g_assert_null(nma_settings_load("/dev/zero", &error));
    g_assert_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_READ);
}

/* ---- nova.conf ---- */

static void
test_nova_as_nova_reads_it(Fixture *f, gconstpointer data)
{
    g_autoptr(NmaSettings) s = NULL;
    g_autofree char *own = g_strdup_printf("config_dirs = %s/nova.conf.d\n", f->dir);

    write_file(f, "nova.conf",
               "[DEFAULT]\nmy_ip: 10.0.0.9\nhost = c-$my_ip\nreserved_host_memory_mb = 4096\n"
               "transport_url = rabbit://nova:" SECRET ";1@a,nova:x@b/cell\n"
               "[libvirt]\nconnection_uri = qemu+tcp://$my_ip/system\n"
               "[oslo_messaging_notifications]\ntransport_url = rabbit://n:o@c/\n"
               "[oslo_messaging_rabbit]\nrabbit_use_ssl = yes\nkombu_ssl_ca_certs = /old\n"
               "ssl_cert_file = /cert\nheartbeat_timeout_threshold = 30\n",
               -1);
    write_file(f, "nova.conf.d/10.conf",
               "[DEFAULT]\ncontrol_exchange = openstack\n[oslo_messaging_rabbit]\n"
               "rabbit_quorum_queue = True\nssl_ca_file = /new\n",
               -1);
    s = load_good(f, own);
    g_assert_cmpstr(s->host, ==, "c-10.0.0.9");
    g_assert_cmpint(s->reserved_host_memory_mib, ==, 4096);
    g_assert_nonnull(strstr(s->transport_url, ";1@a,"));
    g_assert_cmpstr(s->report_transport_url, ==, "rabbit://n:o@c/");
    g_assert_cmpstr(s->libvirt_uri, ==, "qemu+tcp://10.0.0.9/system");
    g_assert_cmpstr(s->control_exchange, ==, "openstack");
    g_assert_true(s->rabbit_quorum_queue);
    g_assert_true(s->ssl);
    g_assert_cmpstr(s->ssl_ca_file, ==, "/new");
    g_assert_cmpstr(s->ssl_cert_file, ==, "/cert");
    g_assert_cmpstr(s->ssl_key_file, ==, "");
    g_assert_cmpint(s->heartbeat_timeout_threshold_s, ==, 30);
    g_assert_cmpuint(g_strv_length(s->files_read), ==, 3);
}

static void
test_host_of_the_machine(Fixture *f, gconstpointer data)
{
    g_autoptr(NmaSettings) s = NULL;
    char name[256];

    write_file(f, "nova.conf", "[DEFAULT]\ntransport_url = rabbit://h/\n", -1);
    s = load_good(f, "");
    g_assert_cmpint(gethostname(name, sizeof name), ==, 0);
    g_assert_cmpstr(s->host, ==, name);
}

static void
test_connection_file(Fixture *f, gconstpointer data)
{
    g_autofree char *own = g_strdup_printf("connection_file = %s/own.conf\n", f->dir);
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaSettings) s = NULL, fallback = NULL;

    write_file(f, "own.conf", "[DEFAULT]\ntransport_url = rabbit://agent:x@h/\nhost = no\n", -1);
    s = load_good(f, own);
    g_assert_cmpstr(s->transport_url, ==, "rabbit://agent:x@h/");
    g_assert_cmpstr(s->report_transport_url, ==, "rabbit://nova:" SECRET "@10.0.0.1:5672/");
    g_assert_cmpstr(s->host, ==, "c1");
    g_assert_cmpuint(g_strv_length(s->files_read), ==, 3);

    write_file(f, "own.conf", "[DEFAULT]\n", -1);
    fallback = load_good(f, own);
    g_assert_cmpstr(fallback->transport_url, ==, "rabbit://nova:" SECRET "@10.0.0.1:5672/");

    own[strlen(own) - 2] = 'x';
    g_assert_null(load(f, own, &error));
    g_assert_true(g_str_has_prefix(error->message, "[nova] connection_file: "));
}

static void
test_nova_refused(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "[DEFAULT]\nhost = c1\n", "no [DEFAULT] transport_url in nova.conf*" },
        { "[DEFAULT]\ntransport_url = rabbit://u:$" SECRET "@h/\n",
          "*:2: [DEFAULT] transport_url*" },
        { "transport_url = rabbit://u:" SECRET "@h/\n", "*nova.conf:*" },
        { "[DEFAULT]\ntransport_url = rabbit://h/\nreserved_host_memory_mb = much\n",
          "*:3: [DEFAULT] reserved_host_memory_mb*" },
        { "[DEFAULT]\ntransport_url = rabbit://h/\nreserved_host_memory_mb = -1\n",
          "*:3: [DEFAULT] reserved_host_memory_mb: -1 is not a number from 0 to *" },
        { "[DEFAULT]\ntransport_url = rabbit://h/\nhost = a b\n", "*host is no host name" },
        { "[DEFAULT]\ntransport_url = rabbit://u:" SECRET "#@h/\n", "broker: *" },
        { "[DEFAULT]\ntransport_url = rabbit://h/\n[oslo_messaging_notifications]\n"
          "transport_url = kafka://u:" SECRET "@h/\n",
          "reports: *" },
        { "[DEFAULT]\ntransport_url = rabbit://h/\nhost = $my_ip\n", "*host names $my_ip*" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        write_file(f, "nova.conf", cases[i].text, -1);
        g_assert_null(load(f, "", &error));
        assert_refused(error, "", cases[i].expected);
    }
}

static void
test_own_alone(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaSettings) s = NULL;

    write_file(f, "agent.conf", "[agent]\nrun_dir = /r\n[nova]\nconfig_files = /nowhere\n", -1);
    s = nma_settings_load_own(f->own, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(s->run_dir, ==, "/r");
    g_assert_null(s->host);
    g_assert_null(nma_settings_load(f->own, &error));
    g_assert_nonnull(strstr(error->message, "/nowhere"));
}

static void
test_modes(void)
{
    NmaMode mode = NMA_MODE_OBSERVE;

    g_assert_true(nma_mode_from_string("steer", &mode));
    g_assert_cmpstr(nma_mode_to_string(mode), ==, "steer");
    g_assert_false(nma_mode_from_string("", &mode));
    g_assert_cmpint(mode, ==, NMA_MODE_STEER);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Fixture *, gconstpointer);
    } tests[] = {
        { "/settings/defaults", test_defaults },
        { "/settings/own-values", test_own_values },
        { "/settings/refused", test_refused },
        { "/settings/policies", test_policies },
        { "/settings/hostile-files", test_hostile_files },
        { "/settings/nova/as-nova-reads-it", test_nova_as_nova_reads_it },
        { "/settings/nova/host-of-the-machine", test_host_of_the_machine },
        { "/settings/nova/connection-file", test_connection_file },
        { "/settings/nova/refused", test_nova_refused },
        { "/settings/own-alone", test_own_alone },
    };

    nma_test_init(argc, argv);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
    g_test_add_func("/settings/modes", test_modes);
    return g_test_run();
}
