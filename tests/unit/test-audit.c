/* Audits as data: bounds, digest, JSON; and two hosts' values side by side. */
#include <string.h>

#include "agent/core/audit.h"
#include "agent/json/config_audit.h"
#include "tests/unit/tap.h"

static NmaFinding *
finding(NmaSeverity severity, const char *rule, guint line)
{
    NmaFinding *made = nma_finding_new(severity, rule, "a-rule");

    made->file = g_strdup("/etc/nova/nova.conf");
    made->line = line;
    made->message = g_strdup("a message");
    return made;
}

static void
test_bounds(void)
{
    g_autoptr(NmaAudit) audit = nma_audit_new();
    g_autoptr(NmaAudit) large = nma_audit_new();

    for (guint i = 0; i < NMA_AUDIT_MAX_FINDINGS + 7; i++)
        nma_audit_add(audit, finding(NMA_SEVERITY_WARNING, "NC101", i));
    g_assert_cmpuint(audit->findings->len, ==, NMA_AUDIT_MAX_FINDINGS);
    g_assert_cmpuint(audit->left_out, ==, 7);
    g_assert_cmpuint(audit->counts[NMA_SEVERITY_WARNING], ==, NMA_AUDIT_MAX_FINDINGS + 7);

    for (guint i = 0; i < NMA_AUDIT_MAX_FINDINGS; i++) {
        NmaFinding *wordy = finding(NMA_SEVERITY_INFO, "NC101", i);

        g_free(wordy->message);
        wordy->message = g_strnfill(NMA_AUDIT_MAX_TEXT_BYTES, 'x');
        wordy->advice = g_strnfill(NMA_AUDIT_MAX_TEXT_BYTES, 'x');
        nma_audit_add(large, wordy);
    }
    g_assert_cmpuint(large->findings->len, <, NMA_AUDIT_MAX_FINDINGS);
    g_assert_cmpuint(large->findings->len + large->left_out, ==, NMA_AUDIT_MAX_FINDINGS);
}

static void
test_order(void)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    const struct {
        NmaSeverity severity;
        const char *rule;
        guint line;
    } expected[] = {
        { NMA_SEVERITY_ERROR, "NC200", 9 },   { NMA_SEVERITY_WARNING, "NC101", 2 },
        { NMA_SEVERITY_WARNING, "NC102", 2 }, { NMA_SEVERITY_WARNING, "NC101", 5 },
        { NMA_SEVERITY_INFO, "NC100", 1 },
    };

    for (guint i = G_N_ELEMENTS(expected); i > 0; i--)
        g_ptr_array_add(
            all, finding(expected[i - 1].severity, expected[i - 1].rule, expected[i - 1].line));
    g_ptr_array_sort(all, nma_finding_compare);
    for (guint i = 0; i < all->len; i++) {
        const NmaFinding *found = all->pdata[i];

        g_assert_cmpstr(found->rule, ==, expected[i].rule);
        g_assert_cmpuint(found->line, ==, expected[i].line);
    }
    for (guint i = 0; i < all->len; i++)
        nma_finding_free(all->pdata[i]);
}

static char *
digest_of(guint release, NmaSeverity severity, guint line, const char *message, gint64 when)
{
    g_autoptr(NmaAudit) audit = nma_audit_new();
    NmaFinding *only = finding(severity, "NC101", line);

    g_free(only->message);
    only->message = g_strdup(message);
    audit->release = release;
    audit->audited_wall_us = when;
    nma_audit_add(audit, only);
    return nma_audit_digest(audit);
}

static void
test_digest(void)
{
    g_autofree char *one = digest_of(33, NMA_SEVERITY_ERROR, 4, "m", 1);
    g_autofree char *later = digest_of(33, NMA_SEVERITY_ERROR, 4, "m", 2);
    g_autofree char *release = digest_of(32, NMA_SEVERITY_ERROR, 4, "m", 1);
    g_autofree char *severity = digest_of(33, NMA_SEVERITY_INFO, 4, "m", 1);
    g_autofree char *line = digest_of(33, NMA_SEVERITY_ERROR, 5, "m", 1);
    g_autofree char *message = digest_of(33, NMA_SEVERITY_ERROR, 4, "n", 1);
    g_autoptr(NmaAudit) empty = nma_audit_new();
    g_autofree char *none = nma_audit_digest(empty);

    g_assert_cmpuint(strlen(one), ==, 64);
    g_assert_cmpstr(one, ==, later);
    g_assert_cmpstr(one, !=, release);
    g_assert_cmpstr(one, !=, severity);
    g_assert_cmpstr(one, !=, line);
    g_assert_cmpstr(one, !=, message);
    g_assert_cmpstr(one, !=, none);
}

/* ---- two hosts ---- */

static void
free_value(gpointer value)
{
    nma_config_value_free(value);
}

/* "group.option=value", or "group.option" for one that is not set; by ";" */
static GPtrArray *
values_of(const char *text)
{
    GPtrArray *values = g_ptr_array_new_with_free_func(free_value);
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        char *value = strchr(parts[i], '='), *option;

        if (value != NULL)
            *value++ = '\0';
        option = strchr(parts[i], '.');
        *option++ = '\0';
        g_ptr_array_add(values, nma_config_value_new(parts[i], option, value, "nova.conf:1"));
    }
    return values;
}

/* codes of what is found, by blanks; owned */
static char *
codes(const char *source, const char *destination)
{
    g_autoptr(GPtrArray) here = values_of(source), there = values_of(destination);
    g_autoptr(GPtrArray) findings = nma_config_compare(here, there);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < findings->len; i++) {
        const NmaFinding *found = findings->pdata[i];

        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", found->rule);
    }
    return g_string_free(text, FALSE);
}

static void
test_compare(void)
{
    static const struct {
        const char *source, *destination, *codes;
    } cases[] = {
        { "DEFAULT.instances_path=/a", "DEFAULT.instances_path=/a", "" },
        { "DEFAULT.instances_path=/a", "DEFAULT.instances_path=/b", "NP101" },
        { "libvirt.images_type=rbd", "libvirt.images_type=qcow2", "NP102" },
        { "libvirt.rbd_secret_uuid", "libvirt.rbd_secret_uuid=x", "NP102" },
        { "libvirt.virt_type=kvm", "libvirt.virt_type=qemu", "NP103" },
        { "libvirt.cpu_mode=custom;libvirt.cpu_models=a,b",
          "libvirt.cpu_mode=custom;libvirt.cpu_models=b,a", "NP104" },
        /* what Nova makes of an unset one */
        { "libvirt.cpu_mode", "libvirt.cpu_mode=host-model", "" },
        { "libvirt.cpu_mode", "libvirt.cpu_mode=host-passthrough", "NP104" },
        { "libvirt.live_migration_scheme", "libvirt.live_migration_scheme=tcp", "" },
        { "libvirt.live_migration_scheme", "libvirt.live_migration_scheme=tls", "NP110" },
        /* "" and unset are the same */
        { "libvirt.rbd_user=", "libvirt.rbd_user", "" },
        { "libvirt.live_migration_with_native_tls=True",
          "libvirt.live_migration_with_native_tls=False", "NP110" },
        { "libvirt.live_migration_downtime=500", "libvirt.live_migration_downtime=300", "NP111" },
        { "libvirt.live_migration_inbound_addr=10.0.0.1",
          "libvirt.live_migration_inbound_addr=10.0.0.2", "" },
        { "libvirt.live_migration_inbound_addr=10.0.0.1", "libvirt.live_migration_inbound_addr",
          "NP112" },
        { "libvirt.live_migration_inbound_addr=10.0.0.1",
          "libvirt.live_migration_inbound_addr=10.0.0.1", "NP113" },
        { "libvirt.live_migration_inbound_addr=%s-mig",
          "libvirt.live_migration_inbound_addr=%s-mig", "" },
        { "vnc.server_listen=0.0.0.0", "vnc.server_listen=0.0.0.0", "" },
        { "vnc.server_listen=127.0.0.1", "vnc.server_listen=127.0.0.1", "" },
        { "vnc.server_listen=::", "vnc.server_listen=::", "" },
        { "vnc.server_listen=10.0.0.1", "vnc.server_listen=10.0.0.1", "NP113" },
        { "serial_console.enabled=True", "serial_console.enabled=False", "NP120" },
        { "spice.enabled=True", "spice.enabled=False", "NP121" },
        { "upgrade_levels.compute=auto", "upgrade_levels.compute=zed", "NP130" },
        /* worst first */
        { "libvirt.live_migration_downtime=500;serial_console.enabled=True",
          "libvirt.live_migration_downtime=300;serial_console.enabled=False", "NP120 NP111" },
        /* another release: one of them has it not */
        { "libvirt.live_migration_parallel_connections=4", "libvirt.cpu_mode", "" },
        /* nobody compares it */
        { "DEFAULT.debug=True", "DEFAULT.debug=False", "" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *found = codes(cases[i].source, cases[i].destination);

        g_test_message("%s | %s", cases[i].source, cases[i].destination);
        g_assert_cmpstr(found, ==, cases[i].codes);
    }
}

static void
test_difference(void)
{
    g_autoptr(GPtrArray) here = values_of("libvirt.virt_type=kvm");
    g_autoptr(GPtrArray) there = values_of("libvirt.virt_type=qemu");
    g_autoptr(GPtrArray) findings = nma_config_compare(here, there);
    const NmaFinding *found = findings->pdata[0];

    g_assert_cmpstr(found->source_value, ==, "kvm");
    g_assert_cmpstr(found->destination_value, ==, "qemu");
    g_assert_true(g_str_has_prefix(found->message, "[libvirt] virt_type is \"kvm\" on the source "
                                                   "and \"qemu\" on the destination: "));
}

static void
test_each_option_once(void)
{
    const NmaComparedOption *one, *other;
    guint n = 0;

    for (; (one = nma_compared_option(n)) != NULL; n++)
        for (guint i = 0; i < n; i++) {
            other = nma_compared_option(i);
            g_assert_false(strcmp(one->option, other->option) == 0 &&
                           strcmp(one->group, other->group) == 0);
        }
    g_assert_cmpuint(n, >, 30);
    g_assert_cmpuint(n, <=, NMA_AUDIT_MAX_VALUES);
}

/* ---- the peer's answer ---- */

static void
test_round_trip(void)
{
    g_autoptr(NmaAudit) audit = nma_audit_new();
    g_autoptr(GPtrArray) read = NULL;
    const NmaConfigValue *first;
    json_t *answer;

    g_ptr_array_add(audit->values,
                    nma_config_value_new("libvirt", "virt_type", "kvm", "nova.conf:3"));
    g_ptr_array_add(audit->values, nma_config_value_new("libvirt", "cpu_mode", NULL, "unset"));
    answer = nma_result_audit(audit, "host-b", FALSE);
    read = nma_audit_values_decode(answer);
    json_decref(answer);
    g_assert_cmpuint(read->len, ==, 2);
    first = read->pdata[0];
    g_assert_cmpstr(first->group, ==, "libvirt");
    g_assert_cmpstr(first->option, ==, "virt_type");
    g_assert_cmpstr(first->value, ==, "kvm");
    g_assert_cmpstr(first->origin, ==, "nova.conf:3");
    g_assert_null(((const NmaConfigValue *)read->pdata[1])->value);
}

static void
test_hostile_answers(void)
{
    const char *const none[] = { "null", "{}", "[]", "5", "{\"values\": 7}", "{\"values\": {}}" };
    const char *const empty[] = {
        "{\"values\": []}",
        "{\"values\": [7, null, [], {}, {\"group\": 7, \"option\": []}]}",
        "{\"values\": [{\"group\": \"DEFAULT\", \"option\": \"debug\", \"value\": \"x\"}]}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(none); i++) {
        json_t *answer = json_loads(none[i], JSON_DECODE_ANY, NULL);

        g_assert_null(nma_audit_values_decode(answer));
        json_decref(answer);
    }
    for (guint i = 0; i < G_N_ELEMENTS(empty); i++) {
        json_t *answer = json_loads(empty[i], 0, NULL);
        g_autoptr(GPtrArray) values = nma_audit_values_decode(answer);

        g_assert_cmpuint(values->len, ==, 0);
        json_decref(answer);
    }
}

static void
test_flood(void)
{
    g_autofree char *long_text = g_strnfill(100000, 'x');
    json_t *list = json_array(), *answer = json_pack("{s:o}", "values", list);
    g_autoptr(GPtrArray) values = NULL;

    for (guint i = 0; i < 5000; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "group", "libvirt", "option",
                                              "virt_type", "value", long_text));
    values = nma_audit_values_decode(answer);
    json_decref(answer);
    g_assert_cmpuint(values->len, ==, NMA_AUDIT_MAX_VALUES);
    g_assert_cmpuint(strlen(((const NmaConfigValue *)values->pdata[0])->value), <=,
                     NMA_AUDIT_MAX_TEXT_BYTES);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/audit/bounds", test_bounds);
    g_test_add_func("/audit/order", test_order);
    g_test_add_func("/audit/digest", test_digest);
    g_test_add_func("/audit/compare", test_compare);
    g_test_add_func("/audit/difference", test_difference);
    g_test_add_func("/audit/each-option-once", test_each_option_once);
    g_test_add_func("/audit/round-trip", test_round_trip);
    g_test_add_func("/audit/hostile-answers", test_hostile_answers);
    g_test_add_func("/audit/flood", test_flood);
    return g_test_run();
}
