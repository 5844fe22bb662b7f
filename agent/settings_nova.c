#include "agent/settings_nova.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/job_stats.h"
#include "nova-conf-tool/effective.h"
#include "rpc/transport_url.h"

/* Old names are listed newest first. Defaults: oslo.messaging's _drivers/impl_rabbit.py and
 * amqp.py, Nova's conf/. */
typedef struct {
    const char *group, *name, *old_name;
    enum { TEXT, HINT, FLAG, NUMBER, RATIO } kind; /* HINT: a text that checks alone need */
    const char *fallback;                          /* NULL: none */
    gint64 min, max;
    gsize offset;
} NovaOption;

#define AT(member) G_STRUCT_OFFSET(NmaSettings, member)
/* where packages of Nova put it: its own default is the directory of its source */
#define STATE_PATH "/var/lib/nova"
#define RABBIT     "oslo_messaging_rabbit"

static const NovaOption nova_options[] = {
    /* Nova sets the library's default with set_transport_defaults(control_exchange='nova') */
    { "DEFAULT", "control_exchange", NULL, TEXT, "nova", .offset = AT(control_exchange) },
    { "DEFAULT", "reserved_host_memory_mb", NULL, NUMBER, "512", 0, G_MAXINT32,
      AT(reserved_host_memory_mib) },
    { "DEFAULT", "ram_allocation_ratio", NULL, RATIO, .offset = AT(ram_ratio_permille) },
    { "DEFAULT", "cpu_allocation_ratio", NULL, RATIO, .offset = AT(cpu_ratio_permille) },
    { "DEFAULT", "disk_allocation_ratio", NULL, RATIO, .offset = AT(disk_ratio_permille) },
    { "DEFAULT", "reserved_host_disk_mb", NULL, NUMBER, "0", 0, G_MAXINT32,
      AT(reserved_host_disk_mib) },
    { "compute", "cpu_shared_set", NULL, HINT, "", .offset = AT(cpu_shared_set) },
    { "compute", "cpu_dedicated_set", NULL, HINT, "", .offset = AT(cpu_dedicated_set) },
    { "DEFAULT", "vcpu_pin_set", NULL, HINT, "", .offset = AT(vcpu_pin_set) },
    { "DEFAULT", "instances_path", NULL, HINT, "$state_path/instances",
      .offset = AT(instances_path) },
    { "libvirt", "live_migration_inbound_addr", NULL, HINT, "",
      .offset = AT(live_migration_inbound_addr) },
    { "libvirt", "live_migration_uri", NULL, HINT, "", .offset = AT(live_migration_uri) },
    { "libvirt", "live_migration_scheme", NULL, HINT, "", .offset = AT(live_migration_scheme) },
    { "libvirt", "live_migration_permit_post_copy", NULL, FLAG, "0",
      .offset = AT(live_migration_permit_post_copy) },
    { "libvirt", "live_migration_permit_auto_converge", NULL, FLAG, "0",
      .offset = AT(live_migration_permit_auto_converge) },
    { "libvirt", "live_migration_with_native_tls", NULL, FLAG, "0",
      .offset = AT(live_migration_with_native_tls) },
    { "libvirt", "live_migration_downtime", NULL, NUMBER, "500", 0, G_MAXINT32,
      AT(live_migration_downtime_ms) },
    { "libvirt", "live_migration_downtime_steps", NULL, NUMBER, "10", 0, G_MAXINT32,
      AT(live_migration_downtime_steps) },
    { "libvirt", "live_migration_downtime_delay", NULL, NUMBER, "75", 0, G_MAXINT32,
      AT(live_migration_downtime_delay_s) },
    { "libvirt", "live_migration_completion_timeout", NULL, NUMBER, "800", 0, G_MAXINT32,
      AT(live_migration_completion_timeout_s) },
    { "libvirt", "live_migration_timeout_action", NULL, TEXT, "abort",
      .offset = AT(live_migration_timeout_action) },
    { "libvirt", "live_migration_bandwidth", NULL, NUMBER, "0", 0, G_MAXINT32,
      AT(live_migration_bandwidth_mib_s) },
    { RABBIT, "amqp_durable_queues", NULL, FLAG, "0", .offset = AT(amqp_durable_queues) },
    { RABBIT, "amqp_auto_delete", NULL, FLAG, "0", .offset = AT(amqp_auto_delete) },
    { RABBIT, "rabbit_quorum_queue", NULL, FLAG, "0", .offset = AT(rabbit_quorum_queue) },
    { RABBIT, "rabbit_transient_quorum_queue", NULL, FLAG, "0",
      .offset = AT(rabbit_transient_quorum_queue) },
    { RABBIT, "rabbit_transient_queues_ttl", NULL, NUMBER, "1800", 0, G_MAXINT32 / 1000,
      AT(rabbit_transient_queues_ttl_s) },
    { RABBIT, "heartbeat_timeout_threshold", NULL, NUMBER, "60", 0, 3600,
      AT(heartbeat_timeout_threshold_s) },
    { RABBIT, "ssl", "rabbit_use_ssl", FLAG, "0", .offset = AT(ssl) },
    { RABBIT, "ssl_version", "kombu_ssl_version", TEXT, "", .offset = AT(ssl_version) },
    { RABBIT, "ssl_ca_file", "kombu_ssl_ca_certs", TEXT, "", .offset = AT(ssl_ca_file) },
    { RABBIT, "ssl_cert_file", "kombu_ssl_certfile", TEXT, "", .offset = AT(ssl_cert_file) },
    { RABBIT, "ssl_key_file", "kombu_ssl_keyfile", TEXT, "", .offset = AT(ssl_key_file) },
    { RABBIT, "ssl_enforce_hostname_verification", NULL, FLAG, "0",
      .offset = AT(ssl_enforce_hostname_verification) },
    { RABBIT, "rabbit_login_method", NULL, TEXT, "AMQPLAIN", .offset = AT(rabbit_login_method) },
};

/* ---- what "$name" may name in these values, and which of them are secret ---- */

static const NctType text_type = { .kind = NCT_TYPE_STRING };
static const NctOption named_options[] = {
    { "DEFAULT", "host", &text_type },
    { "DEFAULT", "my_ip", &text_type },
    { "DEFAULT", "my_block_storage_ip", &text_type },
    { "DEFAULT", "state_path", &text_type },
    { "DEFAULT", "transport_url", &text_type, NCT_OPTION_SECRET },
    { "oslo_messaging_notifications", "transport_url", &text_type, NCT_OPTION_SECRET },
};

static const NctOption *
find_named(const NctSchema *schema, const char *group, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(named_options); i++)
        if (strcmp(named_options[i].group, group) == 0 && strcmp(named_options[i].name, name) == 0)
            return &named_options[i];
    return NULL;
}

static gboolean
has_group(const NctSchema *schema, const char *group)
{
    return strcmp(group, "oslo_messaging_notifications") == 0 || strcmp(group, "libvirt") == 0 ||
           strcmp(group, "compute") == 0 || strcmp(group, RABBIT) == 0;
}

static const NctSchema schema = { .find = find_named, .has_group = has_group };

/* ---- reading ---- */

/* Nova takes 0.0 as not set: Placement's own ratio then holds, which no file says. */
static gboolean
read_ratio(const NctConfig *config, const NovaOption *option, gint64 *permille, GError **error)
{
    double ratio;

    if (!nct_config_get_float(config, option->group, option->name, 0, &ratio, error))
        return FALSE;
    *permille = ratio > 0 && ratio < 1e6 ? (gint64)(ratio * 1000 + 0.5) : NMA_UNKNOWN;
    return TRUE;
}

static gboolean
read_option(const NctConfig *config, const NovaOption *option, NmaSettings *settings,
            GError **error)
{
    gpointer at = G_STRUCT_MEMBER_P(settings, option->offset);
    const char *name = option->name;
    g_autofree char *origin = NULL;
    g_autoptr(GError) cause = NULL;
    gint64 number;
    char *text;

    if (option->old_name != NULL && !nct_config_is_set(config, option->group, name) &&
        nct_config_is_set(config, option->group, option->old_name))
        name = option->old_name;

    switch (option->kind) {
    case FLAG:
        return nct_config_get_boolean(config, option->group, name, option->fallback[0] == '1', at,
                                      error);
    case NUMBER:
        if (!nct_config_get_integer(config, option->group, name,
                                    g_ascii_strtoll(option->fallback, NULL, 10), &number, error))
            return FALSE;
        if (number < option->min || number > option->max) {
            origin = nct_config_describe_origin(config, option->group, name);
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                        "%s: [%s] %s: %" G_GINT64_FORMAT " is not a number from %" G_GINT64_FORMAT
                        " to %" G_GINT64_FORMAT,
                        origin, option->group, name, number, option->min, option->max);
            return FALSE;
        }
        *(gint64 *)at = number;
        return TRUE;
    case RATIO:
        return read_ratio(config, option, at, error);
    default:
        text = nct_config_get_string(config, option->group, name, option->fallback, &cause);
        if (cause != NULL && option->kind == HINT) {
            text =
                g_strdup(""); /* e.g. $my_ip, which Nova computes: the check says what it needs */
        } else if (cause != NULL) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return FALSE;
        }
        g_free(*(char **)at);
        *(char **)at = text;
        return TRUE;
    }
}

/* *value: the option's value, NULL where it is not set or empty; owned */
static gboolean
read_text(const NctConfig *config, const char *group, const char *name, char **value,
          GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = nct_config_get_string(config, group, name, NULL, &cause);

    if (cause != NULL) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    *value = text != NULL && text[0] != '\0' ? g_steal_pointer(&text) : NULL;
    return TRUE;
}

GArray *
nma_nova_args(const char *const *config_files, const char *const *config_dirs)
{
    GArray *args = g_array_new(FALSE, FALSE, sizeof(NctArg));

    for (; config_files != NULL && *config_files != NULL; config_files++) {
        NctArg arg = { .kind = NCT_ARG_CONFIG_FILE, .value = *config_files };

        g_array_append_val(args, arg);
    }
    for (; config_dirs != NULL && *config_dirs != NULL; config_dirs++) {
        NctArg arg = { .kind = NCT_ARG_CONFIG_DIR, .value = *config_dirs };

        g_array_append_val(args, arg);
    }
    return args;
}

static NctConfig *
load(const char *const *config_files, const char *const *config_dirs, GPtrArray *files,
     GError **error)
{
    g_autoptr(GArray) args = nma_nova_args(config_files, config_dirs);
    g_autoptr(NctConfig) config = NULL;
    NctLoad request = { .schema = &schema };

    request.sources.args = (const NctArg *)(const void *)args->data;
    request.sources.n_args = args->len;
    /* our own environment is not nova-compute's, so OS_… in it does not count */
    config = nct_config_load(&request, error);
    if (config == NULL)
        return NULL;
    nct_config_set_default(config, "DEFAULT", "state_path", STATE_PATH);
    for (const char *const *file = nct_config_files(config); file != NULL && *file != NULL; file++)
        g_ptr_array_add(files, g_strdup(*file));
    return g_steal_pointer(&config);
}

/* Nova: [DEFAULT] host, whose default is socket.gethostname(). */
static gboolean
read_host(const NctConfig *config, NmaSettings *settings, GError **error)
{
    const NctEntry *entry = nct_config_first(config, "DEFAULT", "host");
    char name[256] = "";

    /* Nova then takes the address of the default route */
    if (entry != NULL && strstr(entry->value, "my_ip") != NULL &&
        !nct_config_is_set(config, "DEFAULT", "my_ip")) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                    "nova.conf's [DEFAULT] host names $my_ip, which is not set there");
        return FALSE;
    }
    if (!read_text(config, "DEFAULT", "host", &settings->host, error))
        return FALSE;
    if (settings->host == NULL) {
        if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') {
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                        "neither nova.conf's [DEFAULT] host nor the machine's host name is set");
            return FALSE;
        }
        settings->host = g_strdup(name);
    }
    /* it becomes part of queue names and routing keys, which hold 255 bytes */
    if (strlen(settings->host) > 150 || !g_str_is_ascii(settings->host) ||
        strpbrk(settings->host, " \t\n*#/") != NULL) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                    "nova.conf's [DEFAULT] host is no host name");
        return FALSE;
    }
    return TRUE;
}

static gboolean
read_transport_url(const NctConfig *config, NmaSettings *settings, GPtrArray *files, GError **error)
{
    const char *const own[] = { settings->connection_file, NULL };
    g_autoptr(NctConfig) connection = NULL;

    if (settings->connection_file[0] != '\0') {
        connection = load(own, NULL, files, error);
        if (connection == NULL ||
            !read_text(connection, "DEFAULT", "transport_url", &settings->transport_url, error)) {
            g_prefix_error(error, "[nova] connection_file: ");
            return FALSE;
        }
    }
    if (settings->transport_url == NULL &&
        !read_text(config, "DEFAULT", "transport_url", &settings->transport_url, error))
        return FALSE;
    if (settings->transport_url == NULL) {
        g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                    "no [DEFAULT] transport_url in nova.conf%s: where is the broker?",
                    connection != NULL ? " and [nova] connection_file" : "");
        return FALSE;
    }
    return TRUE;
}

static gboolean
read_report_transport_url(const NctConfig *config, NmaSettings *settings, GError **error)
{
    char *url = NULL;

    if (settings->report_transport_url[0] != '\0')
        return TRUE;
    if (!read_text(config, "oslo_messaging_notifications", "transport_url", &url, error) ||
        (url == NULL && !read_text(config, "DEFAULT", "transport_url", &url, error)))
        return FALSE;
    g_free(settings->report_transport_url);
    /* nova.conf may leave it all to connection_file */
    settings->report_transport_url = url != NULL ? url : g_strdup(settings->transport_url);
    return TRUE;
}

static gboolean
read_libvirt_uri(const NctConfig *config, NmaSettings *settings, GError **error)
{
    char *uri = NULL;

    if (settings->libvirt_uri[0] != '\0')
        return TRUE;
    if (!read_text(config, "libvirt", "connection_uri", &uri, error))
        return FALSE;
    g_free(settings->libvirt_uri);
    settings->libvirt_uri = uri != NULL ? uri : g_strdup("qemu:///system");
    return TRUE;
}

static gboolean
read_huge_pages(const NctConfig *config, NmaSettings *settings, GError **error)
{
    settings->reserved_huge_pages =
        nct_config_get_multi(config, "DEFAULT", "reserved_huge_pages", error);
    return settings->reserved_huge_pages != NULL;
}

/* Both brokers' URLs must be readable: a wrong one is a configuration error, not one of the
 * network. */
static gboolean
check_urls(const NmaSettings *settings, GError **error)
{
    const struct {
        const char *what, *text;
    } urls[] = {
        { "broker", settings->transport_url },
        { "reports", settings->report_transport_url },
    };

    for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autoptr(GError) cause = NULL;
        g_autoptr(OmTransportUrl) url = om_transport_url_parse(urls[i].text, &cause);

        if (url == NULL) {
            g_set_error(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, "%s: %s",
                        urls[i].what, cause->message);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
nma_settings_read_nova(NmaSettings *settings, GPtrArray *files, GError **error)
{
    g_autoptr(NctConfig) config =
        load((const char *const *)settings->nova_config_files,
             (const char *const *)settings->nova_config_dirs, files, error);

    if (config == NULL)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(nova_options); i++)
        if (!read_option(config, &nova_options[i], settings, error))
            return FALSE;
    return read_host(config, settings, error) &&
           read_transport_url(config, settings, files, error) &&
           read_report_transport_url(config, settings, error) &&
           read_libvirt_uri(config, settings, error) && read_huge_pages(config, settings, error) &&
           check_urls(settings, error);
}

void
nma_settings_clear_nova(NmaSettings *settings)
{
    for (guint i = 0; i < G_N_ELEMENTS(nova_options); i++)
        if (nova_options[i].kind == TEXT || nova_options[i].kind == HINT)
            g_free(*(char **)G_STRUCT_MEMBER_P(settings, nova_options[i].offset));
    g_free(settings->host);
    g_free(settings->transport_url);
    g_strfreev(settings->reserved_huge_pages);
}
