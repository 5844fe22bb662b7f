#include "tests/unit/conf-probe.h"

#include <string.h>

#define WORDS(...)    ((const char *const[]){ __VA_ARGS__, NULL })
#define TYPE(...)     (&(const NctType){ __VA_ARGS__ })
#define OLD(...)      .old_names = (const NctName[]){ __VA_ARGS__ }, .n_old_names = 1
#define N_OLD(n, ...) .old_names = (const NctName[]){ __VA_ARGS__ }, .n_old_names = (n)
#define DEFAULTS(...) .defaults = WORDS(__VA_ARGS__)
#define STRING        TYPE(NCT_TYPE_STRING)
#define BOOLEAN       TYPE(NCT_TYPE_BOOLEAN)
#define LIST          TYPE(NCT_TYPE_LIST)

static const NctOption options[] = {
    { "DEFAULT", "my_ip", STRING, DEFAULTS("192.0.2.1") },
    { "DEFAULT", "host", STRING, DEFAULTS("node1") },
    { "DEFAULT", "debug", BOOLEAN, DEFAULTS("False") },
    { "DEFAULT", "state_path", STRING, DEFAULTS("/var/lib/nova") },
    { "DEFAULT", "instances_path", STRING, DEFAULTS("$state_path/instances") },
    { "DEFAULT", "log_dir", STRING, NCT_OPTION_DECLARED_WITH_DASH },
    { "DEFAULT", "transport_url", STRING },
    { "DEFAULT", "enabled_apis", LIST, DEFAULTS("osapi_compute,metadata") },
    { "DEFAULT", "cpu_allocation_ratio", TYPE(NCT_TYPE_FLOAT, NCT_HAS_MIN) },
    { "DEFAULT", "reserved_host_memory_mb", TYPE(NCT_TYPE_INTEGER, NCT_HAS_MIN), DEFAULTS("512") },
    { "DEFAULT", "max_concurrent_live_migrations", TYPE(NCT_TYPE_INTEGER, NCT_HAS_MIN),
      DEFAULTS("1") },
    { "DEFAULT", "vcpu_pin_set", STRING },
    { "DEFAULT", "reserved_huge_pages", TYPE(NCT_TYPE_DICT), NCT_OPTION_MULTI },
    { "libvirt", "virt_type",
      TYPE(NCT_TYPE_STRING, .choices = WORDS("kvm", "lxc", "qemu", "parallels")), DEFAULTS("kvm") },
    { "libvirt", "cpu_mode",
      TYPE(NCT_TYPE_STRING, .choices = WORDS("host-model", "host-passthrough", "custom", "none")) },
    { "libvirt", "cpu_models", LIST, DEFAULTS(""), OLD({ NULL, "cpu_model" }) },
    { "libvirt", "cpu_model_extra_flags", LIST, DEFAULTS("") },
    { "libvirt", "live_migration_bandwidth", TYPE(NCT_TYPE_INTEGER), DEFAULTS("0") },
    { "libvirt", "live_migration_downtime", TYPE(NCT_TYPE_INTEGER, NCT_HAS_MIN, .min = 100),
      DEFAULTS("500") },
    { "libvirt", "live_migration_permit_post_copy", BOOLEAN, DEFAULTS("False") },
    { "libvirt", "live_migration_uri", STRING },
    { "libvirt", "live_migration_inbound_addr", STRING },
    { "libvirt", "rx_queue_size", TYPE(NCT_TYPE_INTEGER, .choices = WORDS("256", "512", "1024")) },
    { "libvirt", "probe_dict", TYPE(NCT_TYPE_DICT), DEFAULTS("") },
    { "libvirt", "probe_int_list", TYPE(NCT_TYPE_LIST, .item = TYPE(NCT_TYPE_INTEGER, NCT_HAS_MIN)),
      DEFAULTS("") },
    { "libvirt", "probe_quoted_list",
      TYPE(NCT_TYPE_LIST, .item = TYPE(NCT_TYPE_STRING, NCT_QUOTES)), DEFAULTS("") },
    { "libvirt", "probe_bounds_list", TYPE(NCT_TYPE_LIST, NCT_BOUNDS), DEFAULTS("[]") },
    { "libvirt", "probe_quotes", STRING },
    { "libvirt", "probe_quoted_string", TYPE(NCT_TYPE_STRING, NCT_QUOTES) },
    { "libvirt", "probe_nocase",
      TYPE(NCT_TYPE_STRING, NCT_IGNORE_CASE, .choices = WORDS("VIRTIO", "E1000")) },
    { "libvirt", "probe_regex", TYPE(NCT_TYPE_STRING, .regex = "^[a-z]+$") },
    { "libvirt", "probe_maxlen", TYPE(NCT_TYPE_STRING, .max_length = 5) },
    { "libvirt", "probe_port", TYPE(NCT_TYPE_PORT) },
    { "libvirt", "probe_ip", TYPE(NCT_TYPE_IP) },
    { "libvirt", "probe_hostname", TYPE(NCT_TYPE_HOSTNAME) },
    { "libvirt", "probe_uri", TYPE(NCT_TYPE_URI) },
    { "libvirt", "probe_float", TYPE(NCT_TYPE_FLOAT) },
    { "compute", "cpu_dedicated_set", STRING },
    { "compute", "cpu_shared_set", STRING },
    { "pci", "device_spec", STRING, NCT_OPTION_MULTI, DEFAULTS(NULL),
      N_OLD(2, { NULL, "passthrough_whitelist" }, { "DEFAULT", "pci_passthrough_whitelist" }) },
    { "vnc", "server_listen", STRING, DEFAULTS("127.0.0.1"),
      N_OLD(2, { "DEFAULT", "vncserver_listen" }, { "vnc", "vncserver_listen" }) },
    { "vnc", "enabled", BOOLEAN, DEFAULTS("True"), OLD({ "DEFAULT", "vnc_enabled" }) },
    { "neutron", "endpoint_override", STRING, NCT_OPTION_DECLARED_WITH_DASH,
      N_OLD(3, { NULL, "old-endpoint" }, { NULL, "old_two" }, { NULL, "old_endpoint" }) },
    { "neutron", "region_name", STRING },
    { "keystone_authtoken", "password", STRING, NCT_OPTION_SECRET },
    { "keystone_authtoken", "username", STRING },
    { "DEFAULT", "probe_cli", BOOLEAN, NCT_OPTION_CLI, DEFAULTS("False") },
    { "DEFAULT", "probe_cli_str", STRING, NCT_OPTION_CLI },
};

static const NctOption old_endpoint = { "neutron", "endpoint_override", STRING,
                                        NCT_OPTION_DECLARED_WITH_DASH,
                                        N_OLD(2, { NULL, "old-endpoint" }, { NULL, "old_two" }) };

const NctOption *
conf_probe_options(guint *n)
{
    *n = G_N_ELEMENTS(options);
    return options;
}

static const NctOption *
find(const NctSchema *schema, const char *group, const char *name)
{
    if (schema == &conf_probe_old_schema && g_str_equal(name, "endpoint_override"))
        return &old_endpoint;
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        if (g_str_equal(options[i].group, group) && g_str_equal(options[i].name, name) &&
            (schema == &conf_probe_cli_schema || !(options[i].flags & NCT_OPTION_CLI)))
            return &options[i];
    return NULL;
}

static const NctOption *
find_by_old_name(const NctSchema *schema, const char *group, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        for (guint k = 0; k < options[i].n_old_names; k++)
            if (g_str_equal(options[i].old_names[k].group ? options[i].old_names[k].group
                                                          : "DEFAULT",
                            group) &&
                g_str_equal(options[i].old_names[k].name, name))
                return &options[i];
    return NULL;
}

static gboolean
has_group(const NctSchema *schema, const char *group)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        if (g_str_equal(options[i].group, group) && !g_str_equal(group, "DEFAULT"))
            return TRUE;
    return FALSE;
}

const NctSchema conf_probe_schema = { find, find_by_old_name, has_group };
const NctSchema conf_probe_cli_schema = { find, find_by_old_name, has_group };
const NctSchema conf_probe_old_schema = { find, find_by_old_name, has_group };
