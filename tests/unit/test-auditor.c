/* The audit of real files: what it finds and never tells, when it is made again, and its thread. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/auditor.h"
#include "agent/json/config_audit.h"
#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/mask.h"
#include "tests/unit/tap.h"

#define SECRET "hunter2-hunter2"

static void
write_file(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *beside = g_strconcat(path, ".new", NULL);
    g_autoptr(GError) error = NULL;

    /* as careful people and tools do: beside it, then over it */
    g_file_set_contents(beside, text, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(g_rename(beside, path), ==, 0);
}

/* dir/nova.conf and, if it is there, dir/conf.d */
static NmaAuditTask *
task_for(const char *dir, const char *release, const char *ignore)
{
    g_autofree char *file = g_build_filename(dir, "nova.conf", NULL);
    g_autofree char *conf_d = g_build_filename(dir, "conf.d", NULL);
    char *files[] = { file, NULL }, *dirs[] = { conf_d, NULL }, *none[] = { NULL };
    char *rules[] = { (char *)ignore, NULL };
    const NmaSettings settings = {
        .nova_config_files = files,
        .nova_config_dirs = g_file_test(conf_d, G_FILE_TEST_EXISTS) ? dirs : none,
        .host = (char *)"host-a",
        .audit_release = (char *)release,
        .audit_ignore = rules,
    };

    return nma_audit_task_new(&settings);
}

static const NmaFinding *
find(const NmaAudit *audit, const char *rule)
{
    for (guint i = 0; i < audit->findings->len; i++) {
        const NmaFinding *finding = audit->findings->pdata[i];

        if (strcmp(finding->rule, rule) == 0)
            return finding;
    }
    return NULL;
}

static const NmaConfigValue *
value_of(const NmaAudit *audit, const char *option)
{
    for (guint i = 0; i < audit->values->len; i++) {
        const NmaConfigValue *value = audit->values->pdata[i];

        if (strcmp(value->option, option) == 0)
            return value;
    }
    return NULL;
}

static void
test_findings_and_values(void)
{
    const char *dir = nma_test_dir();
    g_autoptr(NmaAuditTask) task = NULL;
    g_autoptr(NmaAudit) audit = NULL;
    const NmaFinding *unknown;

    write_file(dir, "nova.conf",
               "[DEFAULT]\nmy_ip = 10.0.0.1\nmy_ipp = 10.0.0.1\n[libvirt]\n"
               "live_migration_inbound_addr = $my_ip\ncpu_mode = bogus\n");
    task = task_for(dir, "2023.1", NULL);
    audit = nma_audit_run(task, 77);
    g_assert_cmpuint(audit->release, ==, 27);
    g_assert_cmpstr(audit->release_reason, ==, "by [audit] release");
    g_assert_cmpint(audit->audited_wall_us, ==, 77);
    g_assert_cmpuint(audit->files->len, ==, 1);
    unknown = find(audit, "NC101");
    g_assert_nonnull(unknown);
    g_assert_cmpuint(unknown->line, ==, 3);
    g_assert_cmpuint(audit->counts[NMA_SEVERITY_ERROR], ==, 1);
    g_assert_cmpint(((const NmaFinding *)audit->findings->pdata[0])->severity, ==,
                    NMA_SEVERITY_ERROR);
    g_assert_cmpstr(value_of(audit, "live_migration_inbound_addr")->value, ==, "10.0.0.1");
    g_assert_true(g_str_has_suffix(value_of(audit, "live_migration_inbound_addr")->origin, ":5"));
    /* an illegal one is a finding, and no value */
    g_assert_null(value_of(audit, "cpu_mode"));
    g_assert_cmpstr(value_of(audit, "virt_type")->value, ==, "kvm");
    g_assert_cmpstr(value_of(audit, "virt_type")->origin, ==, "default");
    /* not in this release */
    g_assert_null(value_of(audit, "live_migration_parallel_connections"));
}

static void
test_ignored(void)
{
    const char *dir = nma_test_dir();
    g_autoptr(NmaAuditTask) task = NULL;
    g_autoptr(NmaAudit) audit = NULL;

    write_file(dir, "nova.conf", "[DEFAULT]\nmy_ipp = 10.0.0.1\n");
    task = task_for(dir, "zed", "NC1");
    audit = nma_audit_run(task, 0);
    g_assert_null(find(audit, "NC101"));
}

static void
test_what_cannot_be_read_is_a_finding(void)
{
    const char *dir = nma_test_dir();
    g_autoptr(NmaAuditTask) task = task_for(dir, "zed", NULL);
    g_autoptr(NmaAudit) missing = nma_audit_run(task, 0), broken = NULL, binary = NULL;

    g_assert_cmpuint(missing->counts[NMA_SEVERITY_ERROR], >, 0);
    write_file(dir, "nova.conf", "[DEFAULT]\nno assignment\n");
    broken = nma_audit_run(task, 0);
    g_assert_cmpuint(broken->counts[NMA_SEVERITY_ERROR], >, 0);
    write_file(dir, "nova.conf", "[DEFAULT]\nhost = \xff\xfe\n");
    binary = nma_audit_run(task, 0);
    g_assert_cmpuint(binary->counts[NMA_SEVERITY_ERROR], >, 0);
}

/* ---- secrets ---- */

/* Every option that there is, set to a secret if it is one, else to a URL with a password; and what
 * people do to secrets. */
static char *
secrets_everywhere(guint release)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n_nct_options; i++) {
        const char *group = nct_options[i].group, *name = nct_options[i].name;

        g_string_append_printf(
            text, "[%s]\n%s = %s\n", group, name,
            nct_is_secret(release, group, name) ? SECRET : "http://user:" SECRET "@host:1/path");
    }
    g_string_append(
        text, "[keystone_authtoken]\npasswrd = " SECRET "\nadmin_token: " SECRET "\n"
              "password " SECRET "\n password = " SECRET "\n[vault]\napproll_secret_id = " SECRET
              "\n[DEFAULT]\ntransport_url = rabbit://a:" SECRET "@h1:1,b:" SECRET
              "@h2:2/\n  , c:" SECRET "@h3\ntransport_url=\"" SECRET "\n" SECRET "\n[" SECRET
              "\n[libvirt]\nlive_migration_uri = qemu+tcp://root:" SECRET "@%s/system\n"
              "rbd_secret_uuid = $" SECRET "\npassword = " SECRET "\n");
    return g_string_free(text, FALSE);
}

static void
assert_no_secret(const char *text, const char *where)
{
    const char *at = strstr(text, SECRET);

    if (at != NULL)
        g_error("%s holds the secret: %.300s", where, MAX(text, at - 200));
}

static void
test_no_secret_is_told(void)
{
    static const char *const releases[] = { "mitaka", "train", "2023.1", "2026.1" };

    for (guint i = 0; i < G_N_ELEMENTS(releases); i++) {
        const char *dir = nma_test_dir();
        g_autofree char *text = secrets_everywhere(nct_release_parse(releases[i]));
        /* one finding a file is left where there are thousands: all of them, piece by piece */
        g_auto(GStrv) pieces = g_strsplit(text, "\n[", -1);
        guint n = g_strv_length(pieces);

        for (guint first = 0; first < n; first += 40) {
            GString *part = g_string_new("[DEFAULT]\n");
            g_autoptr(NmaAuditTask) task = NULL;
            g_autoptr(NmaAudit) audit = NULL;
            g_autofree char *report = NULL, *answer = NULL;
            json_t *result;

            for (guint j = first; j < n && j < first + 40; j++)
                g_string_append_printf(part, "%s%s\n", j == 0 ? "" : "[", pieces[j]);
            write_file(dir, "nova.conf", part->str);
            g_string_free(part, TRUE);
            task = task_for(dir, releases[i], NULL);
            audit = nma_audit_run(task, 0);
            const NmaAuditReport made = { .audit = audit };
            report = nma_audit_report_to_json(&made, "host-a");
            result = nma_result_audit(audit, "host-a", TRUE);
            answer = json_dumps(result, 0);
            json_decref(result);
            assert_no_secret(report, "the report");
            assert_no_secret(answer, "the answer");
            g_assert_cmpuint(strlen(report), <, 128 * 1024);
        }
    }
}

/* ---- changes ---- */

static void
assert_changed(const NmaAuditTask *task, char **fingerprint, gboolean changed, const char *what)
{
    char *now = nma_audit_fingerprint(task);

    g_test_message("%s", what);
    if (changed)
        g_assert_cmpstr(now, !=, *fingerprint);
    else
        g_assert_cmpstr(now, ==, *fingerprint);
    g_free(*fingerprint);
    *fingerprint = now;
}

static void
test_fingerprint(void)
{
    const char *dir = nma_test_dir();
    g_autofree char *conf_d = g_build_filename(dir, "conf.d", NULL);
    g_autofree char *nova_conf = g_build_filename(dir, "nova.conf", NULL);
    g_autofree char *target = g_build_filename(dir, "target", NULL);
    g_autofree char *piece = g_build_filename(conf_d, "50.conf", NULL);
    g_autofree char *seen = NULL;
    g_autoptr(NmaAuditTask) task = NULL;

    g_assert_cmpint(g_mkdir(conf_d, 0700), ==, 0);
    write_file(dir, "nova.conf", "[DEFAULT]\n");
    task = task_for(dir, "", NULL);
    seen = nma_audit_fingerprint(task);
    assert_changed(task, &seen, FALSE, "nothing");
    /* as long, and within the same second */
    write_file(dir, "nova.conf", "[DEFAULU]\n");
    assert_changed(task, &seen, TRUE, "renamed over");
    write_file(conf_d, "50.conf", "[DEFAULT]\n");
    assert_changed(task, &seen, TRUE, "a file more");
    write_file(conf_d, "README", "nothing\n");
    assert_changed(task, &seen, FALSE, "a file that nobody reads");
    g_assert_cmpint(g_unlink(piece), ==, 0);
    assert_changed(task, &seen, TRUE, "a file less");
    write_file(dir, "target", "[DEFAULT]\n");
    g_assert_cmpint(g_unlink(nova_conf), ==, 0);
    assert_changed(task, &seen, TRUE, "gone");
    g_assert_cmpint(symlink(target, nova_conf), ==, 0);
    assert_changed(task, &seen, TRUE, "a link");
    write_file(dir, "target", "[DEFAULU]\n");
    assert_changed(task, &seen, TRUE, "behind the link");
    g_assert_cmpint(g_chmod(target, 0), ==, 0);
    assert_changed(task, &seen, TRUE, "may not be read any more");
}

/* ---- the thread ---- */

typedef struct {
    GMutex mutex;
    GCond condition;
    guint n;    /* calls of done */
    guint made; /* audits among them */
    guint64 asked;
    guint warnings; /* of the newest */
} Heard;

static void
on_done(NmaAudit *audit, guint64 asked, gpointer user_data)
{
    Heard *heard = user_data;

    g_mutex_lock(&heard->mutex);
    heard->n++;
    heard->asked = asked;
    if (audit != NULL) {
        heard->made++;
        heard->warnings = audit->counts[NMA_SEVERITY_WARNING];
    }
    nma_audit_free(audit);
    g_cond_signal(&heard->condition);
    g_mutex_unlock(&heard->mutex);
}

/* until there were so many calls; what is known then */
static Heard
wait_for(Heard *heard, guint n)
{
    gint64 deadline_us = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    Heard now = { .n = 0 };

    g_mutex_lock(&heard->mutex);
    while (heard->n < n)
        g_assert_true(g_cond_wait_until(&heard->condition, &heard->mutex, deadline_us));
    now.n = heard->n;
    now.made = heard->made;
    now.asked = heard->asked;
    now.warnings = heard->warnings;
    g_mutex_unlock(&heard->mutex);
    return now;
}

static void
test_thread(void)
{
    const char *dir = nma_test_dir();
    Heard heard = { .n = 0 }, now;
    g_autoptr(GError) error = NULL;
    NmaAuditor *auditor;

    g_mutex_init(&heard.mutex);
    g_cond_init(&heard.condition);
    write_file(dir, "nova.conf", "[DEFAULT]\nmy_ipp = 10.0.0.1\n");
    auditor = nma_auditor_new(task_for(dir, "zed", NULL), 20000, on_done, &heard, &error);
    g_assert_no_error(error);
    now = wait_for(&heard, 1);
    g_assert_cmpuint(now.made, ==, 1);
    g_assert_cmpuint(now.warnings, ==, 1);

    /* nothing has changed: an answer all the same, to whoever asked */
    g_assert_cmpuint(nma_auditor_ask(auditor), ==, 1);
    now = wait_for(&heard, 2);
    g_assert_cmpuint(now.made, ==, 1);
    g_assert_cmpuint(now.asked, ==, 1);

    /* a change is seen unasked */
    write_file(dir, "nova.conf", "[DEFAULT]\nmy_ipp = 10.0.0.1\nmy_ippp = 1\n");
    now = wait_for(&heard, 3);
    g_assert_cmpuint(now.made, ==, 2);
    g_assert_cmpuint(now.warnings, ==, 2);

    /* and asked, at once */
    write_file(dir, "nova.conf", "[DEFAULT]\nmy_ip = 10.0.0.1\n");
    g_assert_cmpuint(nma_auditor_ask(auditor), ==, 2);
    now = wait_for(&heard, 4);
    g_assert_cmpuint(now.made, ==, 3);
    g_assert_cmpuint(now.asked, ==, 2);
    g_assert_cmpuint(now.warnings, ==, 0);

    /* other settings: the same files once more */
    nma_auditor_set(auditor, task_for(dir, "train", NULL), 20000);
    now = wait_for(&heard, 5);
    g_assert_cmpuint(now.made, ==, 4);

    g_assert_true(nma_auditor_stop(auditor, g_get_monotonic_time() + 10 * G_USEC_PER_SEC));
    g_assert_cmpuint(heard.n, ==, 5);
    g_mutex_clear(&heard.mutex);
    g_cond_clear(&heard.condition);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/auditor/findings-and-values", test_findings_and_values);
    g_test_add_func("/auditor/ignored", test_ignored);
    g_test_add_func("/auditor/unreadable", test_what_cannot_be_read_is_a_finding);
    g_test_add_func("/auditor/no-secret", test_no_secret_is_told);
    g_test_add_func("/auditor/fingerprint", test_fingerprint);
    g_test_add_func("/auditor/thread", test_thread);
    return g_test_run();
}
