/* Two hosts' configurations, side by side: one row is one option, and how it may not differ. */
#include <string.h>

#include "agent/core/audit.h"

/* One rule, that is one thing that goes wrong, may concern several options. Codes are stable. */
typedef struct {
    const char *code, *name;
    NmaSeverity severity;
    const char *why; /* the end of the message */
    const char *advice;
} Rule;

/* Sources: nova/virt/libvirt/driver.py and migration.py, nova/conf/libvirt.py; which host's value
 * counts is read there. */
static const Rule paths = {
    "NP101",
    "paths-differ",
    NMA_SEVERITY_WARNING,
    "a guest keeps the paths of its disks and of its console log when it moves",
    "give all hosts that exchange guests the same value",
};
static const Rule disks = {
    "NP102",
    "disks-differ",
    NMA_SEVERITY_WARNING,
    "the destination looks for the guest's disks in another place, or with another key",
    "give all hosts that exchange guests the same value",
};
static const Rule hypervisor = {
    "NP103",
    "hypervisor-differs",
    NMA_SEVERITY_WARNING,
    "a guest that was started with one cannot go on with the other",
    "give all hosts that exchange guests the same value",
};
static const Rule cpu = {
    "NP104",
    "cpu-differs",
    NMA_SEVERITY_WARNING,
    "guests that are started on these hosts get different CPUs, and those of one may not fit the "
    "other; running guests keep the CPU that they were started with",
    "give both the same mode, models and flags, which the older of the two CPUs can give",
};
static const Rule machine = {
    "NP105",
    "machine-type-differs",
    NMA_SEVERITY_INFO,
    "guests started before Nova recorded the machine type change it with a cold restart",
    "name the same versioned machine type on both",
};
static const Rule transport = {
    "NP110",
    "transport-differs",
    NMA_SEVERITY_WARNING,
    "the source's value counts, so that guests leave the two hosts in different ways: what is "
    "encrypted or possible in one direction is not in the other",
    "give all hosts that exchange guests the same value",
};
static const Rule pace = {
    "NP111",
    "pace-differs",
    NMA_SEVERITY_INFO,
    "the source's value counts, so that the same guest migrates otherwise on its way back",
    "give all hosts that exchange guests the same value, unless their links differ",
};
static const Rule inbound = {
    "NP112",
    "inbound-on-one-side",
    NMA_SEVERITY_INFO,
    "the destination's value counts, so that guests take the migration network in one direction "
    "and the one of the host's name in the other",
    "set each host's own address of the migration network on both",
};
static const Rule address = {
    "NP113",
    "same-address",
    NMA_SEVERITY_WARNING,
    "but it can be the address of one of them only",
    "set each host's own address, for example with $my_ip",
};
static const Rule console = {
    "NP120",
    "serial-console-differs",
    NMA_SEVERITY_WARNING,
    "Nova refuses to move a guest with a serial console to a host where it is off",
    "give all hosts that exchange guests the same value",
};
static const Rule graphics = {
    "NP121",
    "graphics-differ",
    NMA_SEVERITY_INFO,
    "a guest keeps its display when it moves, and the destination has no proxy for it",
    "give all hosts that exchange guests the same value",
};
static const Rule pinned = {
    "NP130",
    "rpc-pins-differ",
    NMA_SEVERITY_INFO,
    "while an upgrade goes on, one may send what the other does not understand yet",
    "set auto on both, or the same release until the upgrade is done",
};

typedef enum {
    ANY,
    EQUAL,    /* both have the same value, or neither has one */
    BOTH_SET, /* both have one, or neither */
} Relation;

static const struct {
    NmaComparedOption option;
    Relation relation;
    const Rule *rule;
    const char *unset;    /* what unset means to Nova with KVM on x86; NULL: nothing else */
    const Rule *distinct; /* both may have a value, but not the same; NULL: they may */
} rows[] = {
    { { "DEFAULT", "instances_path" }, EQUAL, &paths },
    { { "libvirt", "images_type" }, EQUAL, &disks },
    { { "libvirt", "images_rbd_pool" }, EQUAL, &disks },
    { { "libvirt", "images_rbd_ceph_conf" }, EQUAL, &disks },
    { { "libvirt", "images_volume_group" }, EQUAL, &disks },
    { { "libvirt", "rbd_user" }, EQUAL, &disks },
    { { "libvirt", "rbd_secret_uuid" }, EQUAL, &disks },
    { { "libvirt", "virt_type" }, EQUAL, &hypervisor },
    { { "libvirt", "cpu_mode" }, EQUAL, &cpu, "host-model" },
    { { "libvirt", "cpu_model" }, EQUAL, &cpu },
    { { "libvirt", "cpu_models" }, EQUAL, &cpu },
    { { "libvirt", "cpu_model_extra_flags" }, EQUAL, &cpu },
    { { "libvirt", "hw_machine_type" }, EQUAL, &machine },
    { { "libvirt", "live_migration_scheme" }, EQUAL, &transport, "tcp" },
    { { "libvirt", "live_migration_uri" }, EQUAL, &transport },
    { { "libvirt", "live_migration_tunnelled" }, EQUAL, &transport },
    { { "libvirt", "live_migration_with_native_tls" }, EQUAL, &transport },
    { { "libvirt", "live_migration_permit_post_copy" }, EQUAL, &pace },
    { { "libvirt", "live_migration_permit_auto_converge" }, EQUAL, &pace },
    { { "libvirt", "live_migration_parallel_connections" }, EQUAL, &pace },
    { { "libvirt", "live_migration_bandwidth" }, EQUAL, &pace },
    { { "libvirt", "live_migration_downtime" }, EQUAL, &pace },
    { { "libvirt", "live_migration_downtime_steps" }, EQUAL, &pace },
    { { "libvirt", "live_migration_downtime_delay" }, EQUAL, &pace },
    { { "libvirt", "live_migration_completion_timeout" }, EQUAL, &pace },
    { { "libvirt", "live_migration_timeout_action" }, EQUAL, &pace },
    { { "compute", "live_migration_wait_for_vif_plug" }, EQUAL, &pace },
    { { "libvirt", "live_migration_inbound_addr" }, BOTH_SET, &inbound, .distinct = &address },
    { { "DEFAULT", "my_ip" }, .distinct = &address },
    { { "vnc", "server_listen" }, .distinct = &address },
    { { "vnc", "server_proxyclient_address" }, .distinct = &address },
    { { "spice", "server_listen" }, .distinct = &address },
    { { "spice", "server_proxyclient_address" }, .distinct = &address },
    { { "serial_console", "proxyclient_address" }, .distinct = &address },
    { { "serial_console", "enabled" }, EQUAL, &console },
    { { "vnc", "enabled" }, EQUAL, &graphics },
    { { "spice", "enabled" }, EQUAL, &graphics },
    { { "upgrade_levels", "compute" }, EQUAL, &pinned },
};

const NmaComparedOption *
nma_compared_option(guint i)
{
    return i < G_N_ELEMENTS(rows) ? &rows[i].option : NULL;
}

static const NmaConfigValue *
find(const GPtrArray *values, const NmaComparedOption *option)
{
    for (guint i = 0; i < values->len; i++) {
        const NmaConfigValue *value = values->pdata[i];

        if (strcmp(value->group, option->group) == 0 && strcmp(value->option, option->option) == 0)
            return value;
    }
    return NULL;
}

static gboolean
is_blank(const char *text)
{
    return text == NULL || text[0] == '\0';
}

/* an address that is right on every host */
static gboolean
is_of_no_host(const char *text)
{
    static const char *const addresses[] = { "0.0.0.0", "::", "::1", "localhost" };

    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++)
        if (strcmp(text, addresses[i]) == 0)
            return TRUE;
    return g_str_has_prefix(text, "127.");
}

/* Nova puts the destination's name, or what belongs to it, in place of %s */
static gboolean
is_pattern(const char *text)
{
    return strstr(text, "%s") != NULL;
}

static gboolean
holds(Relation relation, const char *source, const char *destination)
{
    switch (relation) {
    case EQUAL:
        return (is_blank(source) && is_blank(destination)) || g_strcmp0(source, destination) == 0;
    case BOTH_SET:
        return is_blank(source) == is_blank(destination);
    case ANY:
    default:
        return TRUE;
    }
}

static gboolean
are_distinct(const char *source, const char *destination)
{
    return is_blank(source) || is_blank(destination) || strcmp(source, destination) != 0 ||
           is_of_no_host(source) || is_pattern(source);
}

static char *
quoted(const char *value)
{
    return is_blank(value) ? g_strdup("not set") : g_strdup_printf("\"%s\"", value);
}

static NmaFinding *
add_finding(GPtrArray *findings, const Rule *rule, const NmaConfigValue *source,
            const NmaConfigValue *destination)
{
    NmaFinding *finding = nma_finding_new(rule->severity, rule->code, rule->name);

    finding->group = g_strdup(source->group);
    finding->option = g_strdup(source->option);
    finding->advice = g_strdup(rule->advice);
    finding->source_value = g_strdup(source->value);
    finding->destination_value = g_strdup(destination->value);
    g_ptr_array_add(findings, finding);
    return finding;
}

static void
compare_one(guint row, const NmaConfigValue *source, const NmaConfigValue *destination,
            GPtrArray *findings)
{
    const Rule *rule = rows[row].rule, *distinct = rows[row].distinct;
    const char *here = is_blank(source->value) ? rows[row].unset : source->value;
    const char *there = is_blank(destination->value) ? rows[row].unset : destination->value;
    g_autofree char *source_text = quoted(source->value);
    g_autofree char *destination_text = quoted(destination->value);

    if (!holds(rows[row].relation, here, there))
        add_finding(findings, rule, source, destination)->message = g_strdup_printf(
            "[%s] %s is %s on the source and %s on the destination: %s", source->group,
            source->option, source_text, destination_text, rule->why);
    if (distinct != NULL && !are_distinct(here, there))
        add_finding(findings, distinct, source, destination)->message =
            g_strdup_printf("[%s] %s is %s on source and destination, %s", source->group,
                            source->option, source_text, distinct->why);
}

static void
free_finding(gpointer finding)
{
    nma_finding_free(finding);
}

GPtrArray *
nma_config_compare(const GPtrArray *source, const GPtrArray *destination)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func(free_finding);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const NmaConfigValue *here = find(source, &rows[i].option);
        const NmaConfigValue *there = find(destination, &rows[i].option);

        if (here != NULL && there != NULL)
            compare_one(i, here, there, findings);
    }
    g_ptr_array_sort(findings, nma_finding_compare);
    return findings;
}
