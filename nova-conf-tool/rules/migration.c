/* NC33x to NC35x: how long a live migration takes, and what ends it. */
#include "nova-conf-tool/audit.h"

#define L "libvirt"
#define D "DEFAULT"

static void
check_ladder(NctAudit *audit, const NctRule *rule)
{
    double timeout, delay, steps;

    if (!nct_audit_number(audit, L, "live_migration_completion_timeout", &timeout) ||
        !nct_audit_number(audit, L, "live_migration_downtime_delay", &delay) ||
        !nct_audit_number(audit, L, "live_migration_downtime_steps", &steps))
        return;
    if (timeout <= 0 || timeout > delay * steps)
        return;
    nct_audit_report_option(audit, rule, L,
                            nct_audit_is_set(audit, L, "live_migration_completion_timeout")
                                ? "live_migration_completion_timeout"
                            : nct_audit_is_set(audit, L, "live_migration_downtime_delay")
                                ? "live_migration_downtime_delay"
                                : "live_migration_downtime_steps",
                            "make the timeout larger than delay * steps",
                            "the timeout of %g s for each GiB comes before the full downtime is "
                            "permitted: %g steps of %g s "
                            "take %g s for each GiB",
                            timeout, steps, delay, delay * steps);
}

static void
check_below_minimum(NctAudit *audit, const NctRule *rule)
{
    static const struct {
        const char *name;
        double minimum;
    } floors[] = {
        { "live_migration_downtime", 100 },
        { "live_migration_downtime_steps", 3 },
        { "live_migration_downtime_delay", 10 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(floors); i++) {
        double number;

        if (nct_audit_number(audit, L, floors[i].name, &number) && number < floors[i].minimum)
            nct_audit_report_option(audit, rule, L, floors[i].name, NULL,
                                    "Nova raises %s to its minimum of %g", floors[i].name,
                                    floors[i].minimum);
    }
}

static void
check_rpc_timeouts(NctAudit *audit, const NctRule *rule)
{
    double together, alone;

    if (nct_audit_number(audit, D, "long_rpc_timeout", &together) &&
        nct_audit_number(audit, D, "rpc_response_timeout", &alone) && together <= alone)
        nct_audit_report_option(
            audit, rule, D,
            nct_audit_is_set(audit, D, "long_rpc_timeout") ? "long_rpc_timeout"
                                                           : "rpc_response_timeout",
            "leave long_rpc_timeout at 1800, or make it larger than rpc_response_timeout",
            "long_rpc_timeout (%g s) is not longer than rpc_response_timeout (%g s): the long "
            "calls of a "
            "live migration get no more time than any other",
            together, alone);
}

static void
check_listen(NctAudit *audit, const NctRule *rule)
{
    static const char *const anywhere[] = { "0.0.0.0", "127.0.0.1", "::", "::1", NULL };
    static const struct {
        NctName switched_on;
        NctName address;
    } consoles[] = {
        { { "vnc", "enabled" }, { "vnc", "vncserver_listen" } },
        { { "spice", "enabled" }, { "spice", "server_listen" } },
    };

    for (guint i = 0; i < G_N_ELEMENTS(consoles); i++) {
        const NctName *name = &consoles[i].address;
        g_autofree char *address = nct_audit_text(audit, name->group, name->name);

        if (address &&
            nct_audit_true(audit, consoles[i].switched_on.group, consoles[i].switched_on.name) &&
            !g_strv_contains(anywhere, address))
            nct_audit_report_option(
                audit, rule, name->group, name->name, "0.0.0.0, behind a firewall",
                "guests that listen on %s may be refused a live migration", address);
    }
}

static const NctRule rules[] = {
    {
        .code = "NC330",
        .name = "timeout-before-full-downtime",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "the timeout comes before the full downtime is permitted",
        .check = check_ladder,
        .explain = "Nova raises the permitted downtime step by step: after delay * steps seconds "
                   "for each GiB of "
                   "memory and copied disk it reaches live_migration_downtime. If "
                   "live_migration_completion_timeout, for each GiB as well, is not longer, the "
                   "migration is "
                   "given up before it ever had the full downtime.\n\nWith the defaults: 10 steps "
                   "of 75 s are "
                   "750 s, the timeout is 800 s.\n\nSource: nova/virt/libvirt/migration.py, "
                   "downtime_steps; "
                   "driver.py, _live_migration_monitor.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_completion_timeout = 600\n",
        .good = "[libvirt]\nlive_migration_completion_timeout = 600\nlive_migration_downtime_delay "
                "= 30\n",
    },
    {
        .code = "NC331",
        .name = "force-complete-never",
        .severity = NCT_SEVERITY_WARNING,
        .first = 19,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_timeout_action = force_complete never happens, since there is "
                   "no timeout",
        .advice = "set live_migration_completion_timeout",
        .when = { { NCT_WHEN_IS, L, "live_migration_timeout_action", "force_complete" },
                  { NCT_WHEN_EQUALS, L, "live_migration_completion_timeout", .number = 0 } },
        .explain = "live_migration_completion_timeout = 0 means no timeout, and only the timeout "
                   "brings the action.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_timeout_action = force_complete\n"
               "live_migration_completion_timeout = 0\nlive_migration_permit_post_copy = true\n",
        .good = "[libvirt]\nlive_migration_timeout_action = force_complete\n"
                "live_migration_permit_post_copy = true\n",
    },
    {
        .code = "NC332",
        .name = "force-complete-pauses",
        .severity = NCT_SEVERITY_WARNING,
        .first = 19,
        .flags = NCT_RULE_COMPUTE,
        .summary = "at the timeout the guest is paused until the rest of its memory is copied, "
                   "since post-copy "
                   "is not permitted",
        .advice =
            "live_migration_permit_post_copy = true, or live_migration_timeout_action = abort",
        .when = { { NCT_WHEN_IS, L, "live_migration_timeout_action", "force_complete" },
                  { NCT_WHEN_FALSE, L, "live_migration_permit_post_copy" } },
        .explain =
            "Forced completion uses post-copy if it is permitted, and pauses the guest if not. A "
            "guest that "
            "did not converge has much left: 10 GiB at 1 GB/s are ten seconds of silence, and "
            "clustered guests take that for a failure.\n\nPost-copy has its own price: if the "
            "network or "
            "a host fails in its last phase, the guest is lost.\n\nSource: "
            "nova/virt/libvirt/migration.py.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_timeout_action = force_complete\n",
        .good = "[libvirt]\nlive_migration_timeout_action = force_complete\n"
                "live_migration_permit_post_copy = true\n",
    },
    {
        .code = "NC333",
        .name = "post-copy-not-automatic",
        .severity = NCT_SEVERITY_WARNING,
        .first = 20,
        .flags = NCT_RULE_COMPUTE,
        .summary = "post-copy is permitted, but the timeout aborts: only the API's force-complete "
                   "ever switches "
                   "to it",
        .advice = "live_migration_timeout_action = force_complete",
        .when = { { NCT_WHEN_TRUE, L, "live_migration_permit_post_copy" },
                  { NCT_WHEN_IS, L, "live_migration_timeout_action", "abort" } },
        .explain =
            "Up to Train Nova switched by itself when memory passes made little progress. From 20 "
            "on the "
            "timeout does it, and only with live_migration_timeout_action = force_complete; the "
            "default "
            "is abort.\n\nSource: nova/virt/libvirt/migration.py; release notes of 19 and 20.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_permit_post_copy = true\n",
        .good = "[libvirt]\nlive_migration_permit_post_copy = true\n"
                "live_migration_timeout_action = force_complete\n",
    },
    {
        .code = "NC334",
        .name = "downtime-raised",
        .severity = NCT_SEVERITY_WARNING,
        .last = 15,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a downtime setting below Nova's minimum",
        .check = check_below_minimum,
        .explain =
            "Downtime below 100 ms, fewer than 3 steps and a delay below 10 s are raised to these, "
            "silently up to 14, with a warning in 15. From 16 on they are illegal values, and the "
            "floor "
            "of the delay is 3.",
        .example_release = 14,
        .bad = "[libvirt]\nlive_migration_downtime = 50\n",
        .good = "[libvirt]\nlive_migration_downtime = 100\n",
    },
    {
        .code = "NC335",
        .name = "progress-timeout",
        .severity = NCT_SEVERITY_WARNING,
        .last = 18,
        .flags = NCT_RULE_COMPUTE,
        .summary = "live_migration_progress_timeout aborts migrations that are going well",
        .advice = "live_migration_progress_timeout = 0",
        .when = { { NCT_WHEN_SET, L, "live_migration_progress_timeout" },
                  { NCT_WHEN_NOT_EQUALS, L, "live_migration_progress_timeout", .number = 0 } },
        .explain = "Progress was measured by samples of a saw-tooth, and of memory alone, so block "
                   "migrations always "
                   "looked stuck. It is off by default from 15 on, and gone from 19.\n\nSource: "
                   "LP#1644248.",
        .example_release = 18,
        .bad = "[libvirt]\nlive_migration_progress_timeout = 150\n",
        .good = "[libvirt]\nlive_migration_progress_timeout = 0\n",
    },
    {
        .code = "NC336",
        .name = "unlimited-migrations",
        .severity = NCT_SEVERITY_WARNING,
        .last = 17,
        .flags = NCT_RULE_COMPUTE,
        .summary =
            "max_concurrent_live_migrations = 0 lets any number of migrations share the link",
        .advice = "leave it at 1, or 2 for a fast link",
        .when = { { NCT_WHEN_EQUALS, D, "max_concurrent_live_migrations", .number = 0 } },
        .explain = "Each of n migrations gets an n-th of the bandwidth, so that busy guests no "
                   "longer converge. One "
                   "after the other is faster in sum.",
        .example_release = 17,
        .bad = "[DEFAULT]\nmax_concurrent_live_migrations = 0\n",
        .good = "[DEFAULT]\nmax_concurrent_live_migrations = 1\n",
    },
    {
        .code = "NC337",
        .name = "migrations-by-pool-size",
        .severity = NCT_SEVERITY_WARNING,
        .first = 18,
        .flags = NCT_RULE_COMPUTE,
        .summary = "max_concurrent_live_migrations = 0 is not 'unlimited': it is the size of a "
                   "thread pool",
        .advice = "give the number that you mean",
        .when = { { NCT_WHEN_EQUALS, D, "max_concurrent_live_migrations", .number = 0 } },
        .explain = "From 18 to 32 the pool has the executor's default size. From 33 on 0 is "
                   "deprecated and means 5 in "
                   "threading mode, 1000 in eventlet mode.\n\nSource: nova/compute/manager.py.",
        .example_release = 33,
        .bad = "[DEFAULT]\nmax_concurrent_live_migrations = 0\n",
        .good = "[DEFAULT]\nmax_concurrent_live_migrations = 2\n",
    },
    {
        .code = "NC338",
        .name = "many-migrations",
        .severity = NCT_SEVERITY_INFO,
        .flags = NCT_RULE_COMPUTE,
        .summary = "many live migrations at once share one link, and each takes longer to converge",
        .when = { { NCT_WHEN_ABOVE, D, "max_concurrent_live_migrations", .number = 4 } },
        .explain = "The limit holds for migrations that leave the host; nothing limits those that "
                   "come in.",
        .example_release = 33,
        .bad = "[DEFAULT]\nmax_concurrent_live_migrations = 10\n",
        .good = "[DEFAULT]\nmax_concurrent_live_migrations = 2\n",
    },
    {
        .code = "NC339",
        .name = "slow-bandwidth",
        .severity = NCT_SEVERITY_INFO,
        .flags = NCT_RULE_COMPUTE,
        .summary =
            "live_migration_bandwidth is in MiB/s, and this is less than a 1 Gbit/s link carries",
        .when = { { NCT_WHEN_ABOVE, L, "live_migration_bandwidth", .number = 0 },
                  { NCT_WHEN_BELOW, L, "live_migration_bandwidth", .number = 100 } },
        .explain = "It is set once when the migration starts, and nothing changes it later. A "
                   "guest that dirties "
                   "memory faster than this never converges. 0 leaves it to the hypervisor.",
        .example_release = 33,
        .bad = "[libvirt]\nlive_migration_bandwidth = 10\n",
        .good = "[libvirt]\nlive_migration_bandwidth = 0\n",
    },
    {
        .code = "NC340",
        .name = "long-rpc-timeout",
        .severity = NCT_SEVERITY_WARNING,
        .first = 18,
        .summary = "long_rpc_timeout is not longer than rpc_response_timeout",
        .check = check_rpc_timeouts,
        .explain =
            "pre_live_migration, check_can_live_migrate_destination and "
            "post_live_migration_at_destination are allowed long_rpc_timeout because they wait for "
            "volumes and networks.\n\nSource: nova/compute/rpcapi.py.",
        .example_release = 33,
        .bad = "[DEFAULT]\nlong_rpc_timeout = 60\n",
        .good = "[DEFAULT]\nlong_rpc_timeout = 1800\n",
    },
    {
        .code = "NC341",
        .name = "short-rpc-timeout",
        .severity = NCT_SEVERITY_WARNING,
        .summary = "rpc_response_timeout below its default of 60 s: slow answers become "
                   "MessagingTimeout, and "
                   "instances end in ERROR",
        .advice = "leave it at 60 or raise it",
        .when = { { NCT_WHEN_SET, D, "rpc_response_timeout" },
                  { NCT_WHEN_BELOW, D, "rpc_response_timeout", .number = 60 } },
        .explain =
            "The call to the source that is nested in the destination's check has only this time "
            "(LP#2044235).",
        .example_release = 33,
        .bad = "[DEFAULT]\nrpc_response_timeout = 30\n",
        .good = "[DEFAULT]\nrpc_response_timeout = 120\n",
    },
    {
        .code = "NC342",
        .name = "vif-plug-not-awaited",
        .severity = NCT_SEVERITY_WARNING,
        .first = 19,
        .flags = NCT_RULE_COMPUTE,
        .summary = "the migration does not wait until the destination's network is plugged: the "
                   "guest may be "
                   "without network when it arrives",
        .advice = "[compute] live_migration_wait_for_vif_plug = true",
        .when = { { NCT_WHEN_SET, "compute", "live_migration_wait_for_vif_plug" },
                  { NCT_WHEN_FALSE, "compute", "live_migration_wait_for_vif_plug" } },
        .explain =
            "Right only for networks that send no network-vif-plugged event before the guest runs "
            "on the "
            "destination; the option's help names the mechanism drivers. Default true from 19 on.",
        .example_release = 33,
        .bad = "[compute]\nlive_migration_wait_for_vif_plug = false\n",
        .good = "[compute]\nlive_migration_wait_for_vif_plug = true\n",
    },
    {
        .code = "NC343",
        .name = "vif-plug-not-fatal",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a network that is not plugged in time is not an error: guests are started or "
                   "moved without "
                   "network",
        .advice = "vif_plugging_is_fatal = true",
        .when = { { NCT_WHEN_SET, D, "vif_plugging_is_fatal" },
                  { NCT_WHEN_FALSE, D, "vif_plugging_is_fatal" } },
        .explain = "With false Nova logs a warning after vif_plugging_timeout and goes on, also in "
                   "a live migration "
                   "that waits for the plug.",
        .example_release = 33,
        .bad = "[DEFAULT]\nvif_plugging_is_fatal = false\n",
        .good = "[DEFAULT]\nvif_plugging_is_fatal = true\n",
    },
    {
        .code = "NC344",
        .name = "numa-not-recomputed",
        .severity = NCT_SEVERITY_WARNING,
        .first = 17,
        .last = 19,
        .summary = "guests with a NUMA topology are moved without recomputing it",
        .advice = "take it out; Train (20) recomputes the topology",
        .when = { { NCT_WHEN_TRUE, "workarounds", "enable_numa_live_migration" } },
        .explain =
            "Pinned CPUs and memory of the source are kept on the destination, where other guests "
            "may use "
            "them.\n\nSource: nova/conductor/tasks/live_migrate.py, _check_instance_has_no_numa.",
        .example_release = 19,
        .bad = "[workarounds]\nenable_numa_live_migration = true\n",
        .good = "[workarounds]\nenable_numa_live_migration = false\n",
    },
    {
        .code = "NC345",
        .name = "hypervisor-version-unchecked",
        .severity = NCT_SEVERITY_WARNING,
        .first = 25,
        .summary = "guests may be sent to a host with an older hypervisor",
        .when = { { NCT_WHEN_TRUE, "workarounds", "skip_hypervisor_version_check_on_lm" } },
        .advice = "take it out when all hosts have the same version",
        .explain =
            "A guest that runs with a machine type or CPU feature of the newer QEMU cannot go to "
            "the older "
            "one: the migration then fails late, after volumes and ports are prepared.\n\nSource: "
            "nova/conductor/tasks/live_migrate.py.",
        .example_release = 33,
        .bad = "[workarounds]\nskip_hypervisor_version_check_on_lm = true\n",
        .good = "[workarounds]\nskip_hypervisor_version_check_on_lm = false\n",
    },
    {
        .code = "NC346",
        .name = "serial-console-on-both-sides",
        .severity = NCT_SEVERITY_INFO,
        .flags = NCT_RULE_COMPUTE,
        .summary = "with the serial console on, guests can move only to hosts that have it on, too",
        .when = { { NCT_WHEN_TRUE, "serial_console", "enabled" } },
        .explain =
            "The destination must send the address that its serial consoles listen on; one where "
            "they are off "
            "sends none, and the migration is refused.\n\nSource: nova/virt/libvirt/driver.py, "
            "_verify_serial_console_is_disabled, 13.0.0 to 33.0.2.",
        .example_release = 33,
        .bad = "[serial_console]\nenabled = true\n",
        .good = "[serial_console]\nenabled = false\n",
    },
    {
        .code = "NC347",
        .name = "console-listen-address",
        .severity = NCT_SEVERITY_WARNING,
        .last = 14,
        .flags = NCT_RULE_COMPUTE,
        .summary = "a VNC or SPICE listen address of one host",
        .check = check_listen,
        .explain = "Guests keep the address when they move. This release refuses the migration "
                   "unless libvirt can give "
                   "a migratable description and the destination sends its own addresses. 0.0.0.0, "
                   "127.0.0.1, :: and "
                   "::1 are the same everywhere.\n\nSource: nova/virt/libvirt/driver.py, "
                   "_check_graphics_addresses_can_live_migrate, 13.0.0 to 14.1.0.",
        .example_release = 14,
        .bad = "[vnc]\nvncserver_listen = 192.0.2.11\n",
        .good = "[vnc]\nvncserver_listen = 0.0.0.0\n",
    },
};

const NctRuleTable nct_rules_migration = { rules, G_N_ELEMENTS(rules) };
