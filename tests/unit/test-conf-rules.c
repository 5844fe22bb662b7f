/*
 * Every rule by its own examples: the bad one brings the finding, the good one (the bad one
 * repaired) does not. And the answers to a well-known guide, release by release.
 */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/rules/cpu_set.h"
#include "tests/unit/tap.h"

typedef struct {
    NctConfig *config;
    GPtrArray *findings;
} Audited;

static void
audited_clear(Audited *audited)
{
    g_clear_pointer(&audited->findings, g_ptr_array_unref);
    g_clear_pointer(&audited->config, nct_config_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Audited, audited_clear)

static Audited
audit(const char *text, guint release)
{
    NctAuditOptions options = { .release = release };
    NctDocument *document = nct_document_parse("nova.conf", text, strlen(text), NULL);
    Audited audited = { nct_config_from_document(document, NULL, release), NULL };

    audited.findings = nct_audit_run(audited.config, &options);
    return audited;
}

static const NctFinding *
find(const Audited *audited, const char *code)
{
    for (guint i = 0; i < audited->findings->len; i++) {
        const NctFinding *finding = g_ptr_array_index(audited->findings, i);

        if (g_str_equal(finding->rule->code, code))
            return finding;
    }
    return NULL;
}

static guint
count(const Audited *audited, const char *code)
{
    guint n = 0;

    for (guint i = 0; i < audited->findings->len; i++)
        n += g_str_equal(((NctFinding *)audited->findings->pdata[i])->rule->code, code);
    return n;
}

static void
print_findings(const Audited *audited)
{
    for (guint i = 0; i < audited->findings->len; i++) {
        const NctFinding *finding = g_ptr_array_index(audited->findings, i);

        g_test_message("%u: %s %s", finding->line, finding->rule->code, finding->message);
    }
}

static void
test_examples(gconstpointer data)
{
    const NctRule *rule = data;
    g_auto(Audited) bad = audit(rule->bad, rule->example_release);
    g_auto(Audited) good = audit(rule->good, rule->example_release);
    const NctFinding *finding = find(&bad, rule->code);

    if (!finding || find(&good, rule->code)) {
        g_test_message("%s, bad example:", rule->code);
        print_findings(&bad);
        g_test_message("%s, good example:", rule->code);
        print_findings(&good);
        g_test_fail();
        return;
    }
    g_assert_cmpint(finding->severity, ==, rule->severity);
    /* a repaired example has no other error either */
    for (guint i = 0; i < good.findings->len; i++) {
        const NctFinding *other = g_ptr_array_index(good.findings, i);

        if (other->severity == NCT_SEVERITY_ERROR) {
            g_test_message("%s: the good example has an error: %s %s", rule->code,
                           other->rule->code, other->message);
            g_test_fail();
        }
    }
}

/* outside of its releases a rule says nothing, whatever stands there */
static void
test_releases_of_rules(void)
{
    const NctRule *rule;

    for (guint i = 0; (rule = nct_rule_at(i)); i++) {
        if (!rule->bad)
            continue;
        for (guint release = nct_release_oldest(); release <= nct_release_newest(); release++) {
            g_auto(Audited) audited = { 0 };

            if ((!rule->first || release >= rule->first) && (!rule->last || release <= rule->last))
                continue;
            audited = audit(rule->bad, release);
            g_assert_null(find(&audited, rule->code));
        }
    }
}

static void
test_table(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    const NctRule *rule;
    const NctRule *previous = NULL;

    for (guint i = 0; (rule = nct_rule_at(i)); i++) {
        g_assert_true(g_hash_table_add(seen, (gpointer)rule->code));
        g_assert_true(g_hash_table_add(seen, (gpointer)rule->name));
        g_assert_cmpuint(strlen(rule->code), ==, 5);
        g_assert_nonnull(rule->summary);
        g_assert_nonnull(rule->explain);
        g_assert_true(nct_rule_find(rule->code) == rule);
        g_assert_true(nct_rule_find(rule->name) == rule);
        if (previous && strcmp(previous->code, rule->code) >= 0)
            g_error("%s stands after %s", rule->code, previous->code);
        previous = rule;
        for (guint k = 0; k < NCT_MAX_CONDITIONS && rule->when[k].test; k++)
            if (!nct_catalogue_row(rule->when[k].group, rule->when[k].name))
                g_error("%s asks for [%s] %s, which no release has", rule->code,
                        rule->when[k].group, rule->when[k].name);
    }
    g_assert_null(nct_rule_find("NC999"));
}

/* ---- the guide ---- */

static void
assert_finding(const Audited *audited, const char *code, const char *message, const char *advice)
{
    const NctFinding *finding = find(audited, code);

    if (!finding || !strstr(finding->message, message) ||
        (advice && (!finding->advice || !strstr(finding->advice, advice)))) {
        print_findings(audited);
        g_error("wanted %s with '%s' and advice '%s', got '%s' and '%s'", code, message,
                advice ? advice : "", finding ? finding->message : "nothing",
                finding && finding->advice ? finding->advice : "");
    }
}

static void
test_guide_flag(void)
{
    static const char *const texts[] = {
        "[DEFAULT]\nlive_migration_flag += VIR_MIGRATE_AUTO_CONVERGE\n",
        "[libvirt]\nlive_migration_flag += VIR_MIGRATE_AUTO_CONVERGE\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        for (guint release = nct_release_oldest(); release <= nct_release_newest(); release++) {
            g_auto(Audited) audited = audit(texts[i], release);

            g_assert_cmpuint(audited.findings->len, ==, 2);
            assert_finding(&audited, "NC107", "an option called \"live_migration_flag +\"", NULL);
            if (release == 13)
                assert_finding(
                    &audited, "NC316", "the whole list must be written",
                    "under [libvirt], write the whole list: live_migration_flag = "
                    "VIR_MIGRATE_UNDEFINE_SOURCE, VIR_MIGRATE_PEER2PEER, VIR_MIGRATE_LIVE, "
                    "VIR_MIGRATE_TUNNELLED, VIR_MIGRATE_AUTO_CONVERGE; it slows the guest down");
            else
                assert_finding(&audited, "NC315", "exists up to Mitaka (13) only",
                               "VIR_MIGRATE_AUTO_CONVERGE: write [libvirt] "
                               "live_migration_permit_auto_converge = true, it slows the guest "
                               "down until its memory can be copied");
        }
    }
}

static void
test_guide_kvm64_in_default(void)
{
    for (guint release = nct_release_oldest(); release <= nct_release_newest(); release++) {
        g_auto(Audited) audited =
            audit("[DEFAULT]\ncpu_mode = custom\ncpu_model = kvm64\n", release);

        assert_finding(&audited, "NC110",
                       "[DEFAULT] has no option cpu_mode; it belongs into [libvirt]",
                       "under [libvirt] it would be read");
        g_assert_cmpuint(count(&audited, "NC110"), ==, 2);
        g_assert_null(find(&audited, "NC101"));
        assert_finding(&audited, "NC410",
                       "(guests get [libvirt] cpu_mode, unset: host-model on KVM), and should not "
                       "be moved either",
                       release >= 20 ? "[libvirt] cpu_models =" : "[libvirt] cpu_model =");
    }
}

static void
test_guide_kvm64_in_libvirt(void)
{
    for (guint release = nct_release_oldest(); release <= nct_release_newest(); release++) {
        g_auto(Audited) audited =
            audit("[libvirt]\ncpu_mode = custom\ncpu_model = kvm64\n", release);

        assert_finding(&audited, "NC410", "no AES, SSE4, AVX or PCID", "baseline");
        if (release >= 20)
            assert_finding(&audited, "NC104", "is now called [libvirt] cpu_models",
                           "write [libvirt] cpu_models");
        else
            g_assert_null(find(&audited, "NC104"));
        g_assert_cmpuint(audited.findings->len, ==, release >= 20 ? 2 : 1);
    }
}

/* ---- names ---- */

static void
test_names(void)
{
    g_auto(Audited) audited = audit("[libvirt]\n"
                                    "live_migration_downtme = 500\n"
                                    "vncserver_listen = 0.0.0.0\n"
                                    "my_ip = 192.0.2.1\n"
                                    "use_usb_tablet = true\n"
                                    "[novalibvirt]\n"
                                    "cpu_mode = bogus\n"
                                    "[mdev_nvidia-35]\n"
                                    "device_addresses = 0000:84:00.0\n"
                                    "[neutron]\n"
                                    "auth_strategy = keystone\n"
                                    "force_config_drive = true\n"
                                    "[oslo_messaging_rabbit]\n"
                                    "rabbit_hosts = a:5672\n",
                                    33);

    assert_finding(&audited, "NC101", "no option live_migration_downtme",
                   "did you mean live_migration_downtime?");
    assert_finding(&audited, "NC110", "it belongs into [DEFAULT]",
                   "under [DEFAULT] it would be read, as my_ip");
    assert_finding(&audited, "NC102", "was removed in Nova 23", "[DEFAULT] pointer_model");
    assert_finding(&audited, "NC106", "has no group [novalibvirt]", NULL);
    g_assert_cmpuint(count(&audited, "NC110"), ==, 1);
    /* a group that is not read has nothing to be judged */
    g_assert_null(find(&audited, "NC201"));
}

/* the other name of a line that the release does not read: of before, and of after */
static void
test_other_names(void)
{
    static const char text[] = "[DEFAULT]\nsql_connection = sqlite://\n"
                               "[vnc]\nserver_listen = 192.0.2.1\n";
    g_auto(Audited) new = audit(text, 33);
    g_auto(Audited) old = audit(text, 13);

    assert_finding(&new, "NC102", "was removed in Nova 29",
                   "write [api_database] connection and [database] connection");
    assert_finding(&old, "NC103", "only from Nova 17 on", "write [vnc] vncserver_listen");
}

static void
test_order_of_files(void)
{
    g_auto(Audited) audited = audit("[libvirt]\ncpu_mode = none\nvirt_type = qemu\n[LIBVIRT]\n"
                                    "cpu_mode = host-model\n",
                                    33);
    const NctFinding *finding = find(&audited, "NC111");

    g_assert_nonnull(finding);
    g_assert_cmpuint(finding->line, ==, 2);
    g_assert_cmpstr(finding->path, ==, "nova.conf");
}

static void
test_suppression(void)
{
    g_auto(Audited) audited = audit("[libvirt]\n"
                                    "# nova-conf-tool: ignore=NC101,NC201 tested by hand\n"
                                    "live_migration_downtme = 500\n"
                                    "nonsense = 1\n",
                                    33);
    g_auto(Audited) whole = audit("# nova-conf-tool: ignore-file=NC101 out of tree\n"
                                  "[libvirt]\nnonsense = 1\nnonsense2 = 1\n",
                                  33);

    g_assert_cmpuint(audited.findings->len, ==, 2);
    assert_finding(&audited, "NC101", "no option nonsense", NULL);
    assert_finding(&audited, "NC901", "silences NC201", NULL);
    g_assert_cmpuint(whole.findings->len, ==, 0);
}

/* ---- sets of CPUs ---- */

static void
test_cpu_sets(void)
{
    static const struct {
        const char *text;
        guint n; /* 0 = refused */
        guint has, lacks;
    } cases[] = {
        { "4-15,^8", 11, 15, 8 },  { "^8,4-15", 11, 4, 8 },   { " 1 , ,3 - 5 ", 4, 5, 2 },
        { "0-3,^1-2,9", 3, 9, 2 }, { "^4-15,4-15", 0, 0, 0 }, { "5-4", 0, 0, 0 },
        { "a", 0, 0, 0 },          { "", 0, 0, 0 },           { "1-", 0, 0, 0 },
        { "1-2-3", 0, 0, 0 },      { "-1", 0, 0, 0 },         { "0-4000000000", 0, 0, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GHashTable) set = nct_cpu_set_parse(cases[i].text, NULL);

        g_assert_cmpuint(set ? g_hash_table_size(set) : 0, ==, cases[i].n);
        if (set) {
            g_assert_true(g_hash_table_contains(set, GUINT_TO_POINTER(cases[i].has)));
            g_assert_false(g_hash_table_contains(set, GUINT_TO_POINTER(cases[i].lacks)));
        }
    }
}

/* ---- secrets ---- */

static void
test_no_secret_in_findings(void)
{
    static const char text[] = "[DEFAULT]\n"
                               "transport_url = rabbit://nova:s3cr3t/@x@h:5672,u:s3cr3t@h2:5672/\n"
                               "transport_url rabbit://nova:s3cr3t@h/\n"
                               "transport_url: rabbit://nova:s3cr3t@h/\n"
                               "my_pasword = s3cr3t\n"
                               "password s3cr3t: x\n"
                               "[keystone_authtoken]\n"
                               "password = s3cr3t$nope\n"
                               "memcache_secret_key = a\n"
                               "  s3cr3t = 3\n"
                               "memcache_secret_key = s3cr3t # old\n"
                               "auth_url = http://u:s3cr3t@h # x\n"
                               "username = 's3cr3t\n"
                               "[database]\n"
                               "connection = mysql+pymysql://nova:s3cr3t@db/nova ; x\n"
                               "max_pool_size = 1 s3cr3t\n";
    g_auto(Audited) audited = audit(text, 33);

    g_assert_cmpuint(audited.findings->len, >, 5);
    for (guint i = 0; i < audited.findings->len; i++) {
        const NctFinding *finding = g_ptr_array_index(audited.findings, i);
        g_autofree char *line =
            finding->line ? nct_mask_line(finding->document, finding->line, 33) : NULL;

        /* these two stand where no secret belongs, and are quoted */
        if (strstr(finding->message, "max_pool_size") || (line && strstr(line, "username")))
            continue;
        if (strstr(finding->message, "s3cr3t") ||
            (finding->advice && strstr(finding->advice, "s3cr3t")) ||
            (finding->option && strstr(finding->option, "s3cr3t")) ||
            (line && strstr(line, "s3cr3t")))
            g_error("%s: %s | %s", finding->rule->code, finding->message, line ? line : "");
    }
}

int
main(int argc, char **argv)
{
    const NctRule *rule;

    nma_test_init(argc, argv);
    g_test_add_func("/conf/rules/table", test_table);
    for (guint i = 0; (rule = nct_rule_at(i)); i++) {
        g_autofree char *path = g_strdup_printf("/conf/rules/example/%s", rule->code);

        if (rule->bad)
            g_test_add_data_func(path, rule, test_examples);
    }
    g_test_add_func("/conf/rules/releases", test_releases_of_rules);
    g_test_add_func("/conf/rules/guide/flag", test_guide_flag);
    g_test_add_func("/conf/rules/guide/kvm64-in-default", test_guide_kvm64_in_default);
    g_test_add_func("/conf/rules/guide/kvm64-in-libvirt", test_guide_kvm64_in_libvirt);
    g_test_add_func("/conf/rules/names", test_names);
    g_test_add_func("/conf/rules/other-names", test_other_names);
    g_test_add_func("/conf/rules/order-of-files", test_order_of_files);
    g_test_add_func("/conf/rules/suppression", test_suppression);
    g_test_add_func("/conf/rules/cpu-sets", test_cpu_sets);
    g_test_add_func("/conf/rules/no-secret", test_no_secret_in_findings);
    return g_test_run();
}
