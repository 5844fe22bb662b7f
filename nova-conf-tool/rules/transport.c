/* NC30x to NC32x: how a live migration's data travels. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/classify.h"

#define L "libvirt"

/* "%s" exactly once, "%%" as often as you like, no other '%' */
static const char *
uri_mistake(const char *uri)
{
    guint places = 0;

    for (const char *p = strchr(uri, '%'); p; p = strchr(p + 2, '%')) {
        if (p[1] == 's')
            places++;
        else if (p[1] != '%')
            return "a '%' in it is neither %s nor %%";
    }
    if (places == 0)
        return "%s is missing, so the destination's name has nowhere to go";
    return places > 1 ? "%s stands in it more than once" : NULL;
}

static void
check_uri(NctAudit *audit, const NctRule *rule)
{
    g_autofree char *uri = nct_audit_text(audit, L, "live_migration_uri");
    const char *mistake = uri && *uri ? uri_mistake(uri) : NULL;

    if (mistake)
        nct_audit_report_option(
            audit, rule, L, "live_migration_uri", "write %s where the destination's name belongs",
            "live_migration_uri: %s; every live migration fails when it starts", mistake);
}

static void
check_inbound(NctAudit *audit, const NctRule *rule)
{
    static const char *const everywhere[] = { "0.0.0.0", "::", "::1", "localhost", NULL };
    g_autofree char *address = nct_audit_text(audit, L, "live_migration_inbound_addr");

    if (address && (g_strv_contains(everywhere, address) || g_str_has_prefix(address, "127.")))
        nct_audit_report_option(audit, rule, L, "live_migration_inbound_addr",
                                "give this host's own address on the migration network",
                                "live_migration_inbound_addr is what other hosts connect to in "
                                "order to send guests here; "
                                "%s leads them to themselves",
                                address);
}

/* ---- the flags of Mitaka and before ---- */

#define CONVERGE                                                                                   \
    "it slows the guest down until its memory can be copied; it does not permit a longer pause"

static const struct {
    const char *flag;
    const char *option; /* what says it later; NULL = nothing */
    guint first;        /* release of that option */
    const char *note;
} flags[] = {
    { "AUTO_CONVERGE", "live_migration_permit_auto_converge = true", 14,
      CONVERGE "; where post-copy is permitted, Nova drops it" },
    { "POSTCOPY", "live_migration_permit_post_copy = true", 14, NULL },
    { "TUNNELLED", "live_migration_tunnelled = true", 13,
      "deprecated since 23; live_migration_with_native_tls = true encrypts without its limits" },
    { "TLS", "live_migration_with_native_tls = true", 19, NULL },
    { "PARALLEL", "live_migration_parallel_connections = 2 or more", 33, NULL },
    { "LIVE", NULL, 0, "Nova sets it itself" },
    { "PEER2PEER", NULL, 0, "Nova sets it itself" },
    { "UNDEFINE_SOURCE", NULL, 0, "Nova sets it itself" },
    { "PERSIST_DEST", NULL, 0, "Nova sets it itself" },
    { "NON_SHARED_INC", NULL, 0, "Nova sets it itself for block migration" },
    { "NON_SHARED_DISK", NULL, 0, "Nova has no option for it" },
    { "COMPRESSED", NULL, 0, "Nova has no option for it" },
    { "UNSAFE", NULL, 0, "Nova has no option for it" },
};

static void
append_flag(GString *out, const char *name, guint release)
{
    for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (!g_str_equal(flags[i].flag, name))
            continue;
        g_string_append_printf(out, "%sVIR_MIGRATE_%s: ", out->len ? "; " : "", name);
        if (flags[i].option && release >= flags[i].first)
            g_string_append_printf(out, "write [libvirt] %s%s%s", flags[i].option,
                                   flags[i].note ? ", " : "", flags[i].note ? flags[i].note : "");
        else if (flags[i].option)
            g_string_append_printf(out, "no option before Nova %u", flags[i].first);
        else
            g_string_append(out, flags[i].note);
        return;
    }
    g_string_append_printf(out, "%sVIR_MIGRATE_%s: Nova has no option for it", out->len ? "; " : "",
                           name);
}

static char *
advice_for_flags(const NctEntry *entry, guint release)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) words = g_strsplit_set(entry->value, ", \t\n", 100);

    for (char **word = words; *word; word++)
        if (g_str_has_prefix(*word, "VIR_MIGRATE_") && strlen(*word) < 60 && g_str_is_ascii(*word))
            append_flag(out, *word + strlen("VIR_MIGRATE_"), release);
    return out->len ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

/* the key is one of the two flag options, perhaps with an operator behind it */
static const char *
flag_option(const NctEntry *entry)
{
    g_autofree char *base = nct_operator_base(entry->key);
    const char *name = base ? base : entry->key;

    if (g_str_equal(name, "live_migration_flag"))
        return "live_migration_flag";
    return g_str_equal(name, "block_migration_flag") ? "block_migration_flag" : NULL;
}

static void
check_flags_gone(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctEntry *entry = g_array_index(audit->lines, NctLineClass, i).entry;
        const char *name = flag_option(entry);
        g_autofree char *advice = NULL;
        NctFinding *finding;

        if (!name)
            continue;
        advice = advice_for_flags(entry, audit->release);
        finding = nct_audit_report(
            audit, rule, entry, advice,
            "%s exists up to Mitaka (13) only: Nova %u never looks at these flags and sets "
            "its own",
            name, audit->release);
        if (finding)
            nct_finding_add_edit(finding, NCT_EDIT_COMMENT_OUT, entry->line, entry->last_line, NULL,
                                 NULL);
    }
}

/* Mitaka: the option is there, but not with an operator */
static void
check_flags_appended(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctEntry *entry = g_array_index(audit->lines, NctLineClass, i).entry;
        const char *name = flag_option(entry);
        const NctOption *option = name ? nct_audit_option(audit, L, name) : NULL;
        g_autofree char *advice = NULL;

        if (!option || g_str_equal(entry->key, name))
            continue;
        advice = g_strdup_printf("under [libvirt], write the whole list: %s = %s, %s%s%s", name,
                                 option->defaults[0], entry->value,
                                 strstr(entry->value, "AUTO_CONVERGE") ? "; " CONVERGE : "",
                                 g_str_equal(name, "live_migration_flag")
                                     ? "; block migrations have block_migration_flag"
                                     : "");
        nct_audit_report(audit, rule, entry, advice,
                         "%s keeps its list; to add a flag, the whole list must be written", name);
    }
}

static void
check_flags_not_live(NctAudit *audit, const NctRule *rule)
{
    static const char *const names[] = { "live_migration_flag", "block_migration_flag" };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = nct_audit_text(audit, L, names[i]);

        if (text && nct_audit_is_set(audit, L, names[i]) && !strstr(text, "VIR_MIGRATE_LIVE"))
            nct_audit_report_option(
                audit, rule, L, names[i], "add VIR_MIGRATE_LIVE",
                "%s lacks VIR_MIGRATE_LIVE, and Nova does not add it: the guest is "
                "paused for the whole migration",
                names[i]);
    }
}

#define MITAKA_ORDER                                                                               \
    "Source: nova/virt/libvirt/driver.py, _parse_migration_flags (13.x); the option is gone from " \
    "14.0.0."

static const NctRule rules[] = {
    {
        .code = "NC301",
        .name = "tunnelled-and-native-tls",
        .severity = NCT_SEVERITY_ERROR,
        .first = 19,
        .flags = NCT_RULE_COMPUTE,
        .summary =
            "live_migration_tunnelled and live_migration_with_native_tls exclude each other; "
            "nova-compute does not start",
        .advice = "take out live_migration_tunnelled",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_tunnelled" },
                  { NCT_WHEN_TRUE, L, "live_migration_with_native_tls" } },
        .explain =
            "Both are ways to encrypt the data of a migration, and libvirt takes only one. Nova "
            "checks "
            "it in init_host and raises Invalid.\n\nNative TLS also carries disks and does not "
            "slow "
            "the stream down as much; it needs certificates for QEMU on every host "
            "(/etc/pki/qemu).\n\nSource: nova/virt/libvirt/driver.py, init_host, 19.0.0 to 33.0.2.",
        .example_release = 33,
        .bad =
            "[libvirt]\nlive_migration_tunnelled = true\nlive_migration_with_native_tls = true\n",
        .good = "[libvirt]\nlive_migration_with_native_tls = true\n",
    },
    {
        .code = "NC302",
        .name = "parallel-and-post-copy",
        .severity = NCT_SEVERITY_WARNING,
        .first = 33,
        .flags = NCT_RULE_COMPUTE,
        .summary = "parallel connections together with post-copy need QEMU 10.1; with an older one "
                   "nova-compute does not start",
        .advice = "set live_migration_parallel_connections = 1, or do without post-copy",
        .when = { { NCT_WHEN_ABOVE, L, "live_migration_parallel_connections", .number = 1 },
                  { NCT_WHEN_TRUE, L, "live_migration_permit_post_copy" } },
        .explain =
            "With QEMU before 10.1 a guest that switches to post-copy over parallel connections is "
            "lost: "
            "it ends shut off on the destination. Nova 33 therefore refuses to start with both on "
            "kvm "
            "and qemu. Other releases have no parallel connections.\n\nSource: "
            "nova/virt/libvirt/driver.py, init_host; help text of live_migration_permit_post_copy.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_parallel_connections = 4\n"
               "live_migration_permit_post_copy = true\n",
        .good = "[libvirt]\nlive_migration_parallel_connections = 4\n",
    },
    {
        .code = "NC303",
        .name = "parallel-and-tunnelled",
        .severity = NCT_SEVERITY_WARNING,
        .first = 33,
        .flags = NCT_RULE_COMPUTE,
        .summary =
            "a tunnelled migration cannot use parallel connections, so every live migration fails",
        .advice = "take out live_migration_tunnelled",
        .when = { { NCT_WHEN_ABOVE, L, "live_migration_parallel_connections", .number = 1 },
                  { NCT_WHEN_TRUE, L, "live_migration_tunnelled" } },
        .explain = "Nova does not check this: both flags reach libvirt, whose manual counts "
                   "parallel connections "
                   "among the things that a tunnel does not offer.",
        .example_release = 33,
        .bad =
            "[libvirt]\nlive_migration_parallel_connections = 4\nlive_migration_tunnelled = true\n",
        .good = "[libvirt]\nlive_migration_parallel_connections = 4\n",
    },
    {
        .code = "NC304",
        .name = "post-copy-and-tunnelled",
        .severity = NCT_SEVERITY_WARNING,
        .first = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "libvirt refuses post-copy over a tunnel, so every live migration fails",
        .advice = "take out live_migration_tunnelled, or do without post-copy",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_permit_post_copy" },
                  { NCT_WHEN_TRUE, L, "live_migration_tunnelled" } },
        .explain = "Nova does not check this; libvirt's QEMU driver refuses the combination of "
                   "flags when the "
                   "migration begins.",
        .example_release = 22,
        .bad =
            "[libvirt]\nlive_migration_permit_post_copy = true\nlive_migration_tunnelled = true\n",
        .good = "[libvirt]\nlive_migration_permit_post_copy = true\n",
    },
    {
        .code = "NC305",
        .name = "tunnelled",
        .severity = NCT_SEVERITY_WARNING,
        .first = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a tunnelled migration copies all data through libvirtd: slow, and block "
                   "migration of a "
                   "guest with volumes is refused",
        .advice =
            "from Nova 19 on, live_migration_with_native_tls = true encrypts without these limits",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_tunnelled" } },
        .explain =
            "Each byte passes libvirtd on both sides, which costs much of the speed and so makes "
            "busy "
            "guests fail to converge. Disks cannot be copied through the tunnel when volumes are "
            "attached, and post-copy and parallel connections are out.\n\nOpenStack-Ansible writes "
            "it "
            "where libvirt has no TLS. Native TLS needs certificates for QEMU on every "
            "host.\n\nSource: "
            "nova/conf/libvirt.py (deprecated since 23.0.0); check_can_live_migrate_source.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_tunnelled = true\n",
        .good = "[libvirt]\nlive_migration_with_native_tls = true\n",
    },
    {
        .code = "NC306",
        .name = "auto-converge-ignored",
        .severity = NCT_SEVERITY_WARNING,
        .first = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "with post-copy permitted, Nova does not use auto-converge",
        .advice = "choose one of the two",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_permit_auto_converge" },
                  { NCT_WHEN_TRUE, L, "live_migration_permit_post_copy" } },
        .explain = "Where post-copy is permitted and available, Nova drops the auto-converge flag, "
                   "with a line "
                   "at info level.\n\nSource: nova/virt/libvirt/driver.py, "
                   "_handle_live_migration_auto_converge, 14.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_permit_auto_converge = true\n"
               "live_migration_permit_post_copy = true\n",
        .good = "[libvirt]\nlive_migration_permit_post_copy = true\n",
    },
    {
        .code = "NC307",
        .name = "auto-converge",
        .severity = NCT_SEVERITY_INFO,
        .first = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "auto-converge slows the guest down until its memory can be copied; it does not "
                   "raise the "
                   "permitted downtime",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_permit_auto_converge" },
                  { NCT_WHEN_FALSE, L, "live_migration_permit_post_copy" } },
        .explain = "Guides say that auto-converge allows a longer downtime. It does not: QEMU "
                   "takes CPU time from "
                   "the guest. When the guest dirties more than half of what a pass sends, twice, "
                   "it throttles "
                   "by 20 %, then by 10 % more each time, up to 99 %. A guest with deadlines feels "
                   "that long "
                   "before it is moved. The permitted downtime is "
                   "live_migration_downtime.\n\nPost-copy bounds "
                   "the time without throttling, but a network failure in its last phase loses the "
                   "guest.\n\n"
                   "Source: QEMU qapi/migration.json (cpu-throttle-*), migration/ram.c.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_permit_auto_converge = true\n",
        .good = "[libvirt]\nlive_migration_permit_auto_converge = false\n",
    },
    {
        .code = "NC308",
        .name = "uri-pattern",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_uri must have %s exactly once",
        .when = { { NCT_WHEN_SET, L, "live_migration_uri" } },
        .check = check_uri,
        .explain = "Nova formats the text with the destination's name. Without %s, with two, or "
                   "with another '%' "
                   "that is not doubled, that is an error when a migration starts.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_uri = qemu+tls://compute2/system\n",
        .good = "[libvirt]\nlive_migration_uri = qemu+tls://%s/system\n",
    },
    {
        .code = "NC309",
        .name = "scheme-overridden",
        .severity = NCT_SEVERITY_WARNING,
        .first = 15,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_uri is set, so live_migration_scheme is ignored",
        .advice = "take out live_migration_uri, which is deprecated",
        .when = { { NCT_WHEN_SET, L, "live_migration_scheme" },
                  { NCT_WHEN_NOT_EMPTY, L, "live_migration_uri" } },
        .explain = "The URI brings its own scheme.\n\nSource: nova/virt/libvirt/driver.py, "
                   "_live_migration_uri, "
                   "15.0.0 to 33.0.2.",
        .example_release = 33,
        .bad =
            "[libvirt]\nlive_migration_scheme = tls\nlive_migration_uri = qemu+tcp://%s/system\n",
        .good = "[libvirt]\nlive_migration_scheme = tls\n",
    },
    {
        .code = "NC310",
        .name = "plain-tcp",
        .severity = NCT_SEVERITY_WARNING,
        .first = 15,
        .flags = NCT_RULE_COMPUTE,
        .summary = "the scheme tcp without TLS: guests' memory and libvirt's commands travel in "
                   "clear text, "
                   "unauthenticated unless SASL is set up",
        .advice =
            "live_migration_scheme = tls and live_migration_with_native_tls = true (from 19 on)",
        .when = { { NCT_WHEN_IS, L, "live_migration_scheme", "tcp" },
                  { NCT_WHEN_EMPTY, L, "live_migration_uri" },
                  { NCT_WHEN_FALSE, L, "live_migration_tunnelled" } },
        .explain = "Whoever reaches libvirt's TCP port rules the host, and whoever hears the "
                   "network reads the "
                   "memory of every guest that moves. TLS for libvirt needs certificates in "
                   "/etc/pki/libvirt, "
                   "native TLS for the data others in /etc/pki/qemu. The cost is some CPU: a core "
                   "encrypts "
                   "several GB/s with AES instructions.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_scheme = tcp\n",
        .good = "[libvirt]\nlive_migration_scheme = tls\nlive_migration_with_native_tls = true\n",
    },
    {
        .code = "NC311",
        .name = "plain-tcp-by-default",
        .severity = NCT_SEVERITY_INFO,
        .first = 15,
        .flags = (NctRuleFlags)(NCT_RULE_COMPUTE | NCT_RULE_ABSENCE),
        .summary = "live_migration_scheme is not set: live migrations go over plain tcp",
        .advice =
            "live_migration_scheme = tls and live_migration_with_native_tls = true (from 19 on)",
        .when = { { NCT_WHEN_EMPTY, L, "live_migration_scheme" },
                  { NCT_WHEN_EMPTY, L, "live_migration_uri" },
                  { NCT_WHEN_ONE_OF, L, "virt_type", "kvm|qemu" },
                  { NCT_WHEN_FALSE, L, "live_migration_tunnelled" },
                  { NCT_WHEN_SET, L, "virt_type" } },
        .explain =
            "For kvm and qemu Nova uses qemu+tcp://DESTINATION/system unless told otherwise. See "
            "plain-tcp (NC310). Said only of a configuration that sets [libvirt] virt_type, which "
            "is "
            "one of a compute host.",
        .example_release = 33,
        .bad = "[libvirt]\nvirt_type = kvm\n",
        .good = "[libvirt]\nvirt_type = kvm\nlive_migration_scheme = tls\n",
    },
    {
        .code = "NC312",
        .name = "unverified-uri",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_uri switches off the check of the other host's identity",
        .advice = "take out no_verify=1, and give the hosts each other's keys",
        .when = { { NCT_WHEN_CONTAINS, L, "live_migration_uri", "no_verify=1" } },
        .explain = "With no_verify=1 the source talks to whoever answers. For ssh, put every "
                   "host's key into "
                   "ssh_known_hosts; for TLS, certificates that name the hosts.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_uri = qemu+ssh://nova@%s/system?no_verify=1\n",
        .good = "[libvirt]\nlive_migration_uri = qemu+ssh://nova@%s/system\n",
    },
    {
        .code = "NC313",
        .name = "plain-tcp-uri",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_uri uses tcp without TLS: clear text, unauthenticated unless "
                   "SASL is set up",
        .advice = "use tls in place of tcp; from 15 on, live_migration_scheme = tls",
        .when = { { NCT_WHEN_CONTAINS, L, "live_migration_uri", "+tcp://" } },
        .explain = "See plain-tcp (NC310).",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_uri = qemu+tcp://%s/system\n",
        .good = "[libvirt]\nlive_migration_uri = qemu+tls://%s/system\n",
    },
    {
        .code = "NC314",
        .name = "inbound-address",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_inbound_addr that no other host can reach",
        .when = { { NCT_WHEN_SET, L, "live_migration_inbound_addr" } },
        .check = check_inbound,
        .explain = "The option is read on the destination and sent to the source, which connects "
                   "to it. A loopback "
                   "or wildcard address leads the source back to itself.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_inbound_addr = 0.0.0.0\n",
        .good = "[libvirt]\nlive_migration_inbound_addr = 192.0.2.11\n",
    },
    {
        .code = "NC315",
        .name = "migration-flags-gone",
        .severity = NCT_SEVERITY_WARNING,
        .first = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_flag and block_migration_flag exist up to Mitaka only",
        .check = check_flags_gone,
        .explain = "From Newton on Nova chooses the flags itself: always live, peer-to-peer and "
                   "undefine-source, "
                   "persist-dest from 15, non-shared-inc for block migration. Only tunnelled, "
                   "native TLS (19), "
                   "post-copy and auto-converge (14) and parallel connections (33) are left to "
                   "choose, each by an "
                   "option of its own. A line in the old style is ignored without a "
                   "word.\n\nMitaka's default "
                   "lists hold VIR_MIGRATE_TUNNELLED; later releases do not tunnel unless told "
                   "to.\n\n" MITAKA_ORDER,
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_flag += VIR_MIGRATE_AUTO_CONVERGE\n",
        .good = "[libvirt]\nlive_migration_permit_auto_converge = true\n",
    },
    {
        .code = "NC316",
        .name = "migration-flags-appended",
        .severity = NCT_SEVERITY_WARNING,
        .last = 13,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a flag cannot be added to live_migration_flag with '+='",
        .check = check_flags_appended,
        .explain = "In Mitaka the option is a comma separated list of libvirt's names, and a line "
                   "replaces it as "
                   "a whole. oslo.config knows no '+=' (see no-append-operator). Unknown names are "
                   "dropped with "
                   "a warning.\n\n" MITAKA_ORDER,
        .example_release = 13,
        .bad = "[libvirt]\nlive_migration_flag += VIR_MIGRATE_AUTO_CONVERGE\n",
        .good =
            "[libvirt]\nlive_migration_flag = VIR_MIGRATE_UNDEFINE_SOURCE, VIR_MIGRATE_PEER2PEER, "
            "VIR_MIGRATE_LIVE, VIR_MIGRATE_AUTO_CONVERGE\n",
    },
    {
        .code = "NC317",
        .name = "migration-flags-not-live",
        .severity = NCT_SEVERITY_WARNING,
        .last = 13,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a flag list without VIR_MIGRATE_LIVE",
        .check = check_flags_not_live,
        .explain = "Nova adds or removes most flags as needed, with a warning, but not this one: "
                   "the guest stands "
                   "still until all its memory is copied.\n\n" MITAKA_ORDER,
        .example_release = 13,
        .bad =
            "[libvirt]\nlive_migration_flag = VIR_MIGRATE_UNDEFINE_SOURCE, VIR_MIGRATE_PEER2PEER\n",
        .good =
            "[libvirt]\nlive_migration_flag = VIR_MIGRATE_UNDEFINE_SOURCE, VIR_MIGRATE_PEER2PEER, "
            "VIR_MIGRATE_LIVE\n",
    },
    {
        .code = "NC318",
        .name = "no-default-uri",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary =
            "this virt_type has no built-in live migration URI: live migration fails without "
            "live_migration_uri",
        .when = { { NCT_WHEN_ONE_OF, L, "virt_type", "lxc|uml" },
                  { NCT_WHEN_EMPTY, L, "live_migration_uri" } },
        .explain = "Nova knows the URI for kvm, qemu, xen (to 22) and parallels (from 15).",
        .example_release = 20,
        .bad = "[libvirt]\nvirt_type = uml\n",
        .good = "[libvirt]\nvirt_type = kvm\n",
    },
    {
        .code = "NC319",
        .name = "native-tls-may-be-dropped",
        .severity = NCT_SEVERITY_WARNING,
        .first = 19,
        .last = 22,
        .flags = NCT_RULE_COMPUTE,
        .summary = "with libvirt before 4.4 or QEMU before 2.11 this release leaves native TLS out "
                   "and migrates in "
                   "clear text, without a word",
        .advice = "check 'virsh version' on every host",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_with_native_tls" } },
        .explain =
            "From 23 on the flag is always set, and libvirt refuses what it cannot do.\n\nSource: "
            "nova/virt/libvirt/driver.py, _handle_native_tls, 19.0.0 to 22.4.0.",
        .example_release = 22,
        .bad = "[libvirt]\nlive_migration_with_native_tls = true\n",
        .good = "[libvirt]\nlive_migration_with_native_tls = false\n",
    },
};

const NctRuleTable nct_rules_transport = { rules, G_N_ELEMENTS(rules) };
