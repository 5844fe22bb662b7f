#include "rpc/rabbit_options.h"

#include <string.h>

void
om_rabbit_options_init(OmRabbitOptions *options)
{
    memset(options, 0, sizeof *options);
    options->rabbit_transient_queues_ttl_s = 1800;
    options->heartbeat_timeout_threshold_s = 60;
}

void
om_rabbit_options_clear(OmRabbitOptions *options)
{
    g_clear_pointer(&options->ssl_ca_file, g_free);
    g_clear_pointer(&options->ssl_cert_file, g_free);
    g_clear_pointer(&options->ssl_key_file, g_free);
    g_clear_pointer(&options->ssl_version, g_free);
}

static void
override_string(const OmTransportUrl *url, const char *name, char **value)
{
    const char *given = om_transport_url_option(url, name);

    if (given) {
        g_free(*value);
        *value = g_strdup(given);
    }
}

static void
override_uint(const OmTransportUrl *url, const char *name, guint *value)
{
    const char *given = om_transport_url_option(url, name);
    guint64 number;

    if (given && g_ascii_string_to_unsigned(given, 10, 0, G_MAXINT32, &number, NULL))
        *value = (guint)number;
}

void
om_rabbit_options_copy(OmRabbitOptions *to, const OmRabbitOptions *from, const OmTransportUrl *url)
{
    *to = *from;
    to->ssl_ca_file = g_strdup(from->ssl_ca_file);
    to->ssl_cert_file = g_strdup(from->ssl_cert_file);
    to->ssl_key_file = g_strdup(from->ssl_key_file);
    to->ssl_version = g_strdup(from->ssl_version);
    if (url == NULL)
        return;

    struct {
        const char *name;
        gboolean *value;
    } flags[] = {
        { "amqp_durable_queues", &to->amqp_durable_queues },
        { "amqp_auto_delete", &to->amqp_auto_delete },
        { "rabbit_quorum_queue", &to->rabbit_quorum_queue },
        { "rabbit_transient_quorum_queue", &to->rabbit_transient_quorum_queue },
        { "ssl", &to->ssl },
        { "ssl_enforce_hostname_verification", &to->ssl_enforce_hostname_verification },
    };

    for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
        *flags[i].value = om_transport_url_option_bool(url, flags[i].name, *flags[i].value);
    override_uint(url, "rabbit_transient_queues_ttl", &to->rabbit_transient_queues_ttl_s);
    override_uint(url, "heartbeat_timeout_threshold", &to->heartbeat_timeout_threshold_s);
    override_string(url, "ssl_ca_file", &to->ssl_ca_file);
    override_string(url, "ssl_cert_file", &to->ssl_cert_file);
    override_string(url, "ssl_key_file", &to->ssl_key_file);
    override_string(url, "ssl_version", &to->ssl_version);
    if (om_transport_url_option(url, "rabbit_login_method"))
        to->login_external =
            strcmp(om_transport_url_option(url, "rabbit_login_method"), "EXTERNAL") == 0;
}

gboolean
om_rabbit_options_equal(const OmRabbitOptions *a, const OmRabbitOptions *b)
{
    return a->amqp_durable_queues == b->amqp_durable_queues &&
           a->amqp_auto_delete == b->amqp_auto_delete &&
           a->rabbit_quorum_queue == b->rabbit_quorum_queue &&
           a->rabbit_transient_quorum_queue == b->rabbit_transient_quorum_queue &&
           a->rabbit_transient_queues_ttl_s == b->rabbit_transient_queues_ttl_s &&
           a->heartbeat_timeout_threshold_s == b->heartbeat_timeout_threshold_s &&
           a->ssl == b->ssl && a->login_external == b->login_external &&
           a->ssl_enforce_hostname_verification == b->ssl_enforce_hostname_verification &&
           g_strcmp0(a->ssl_ca_file, b->ssl_ca_file) == 0 &&
           g_strcmp0(a->ssl_cert_file, b->ssl_cert_file) == 0 &&
           g_strcmp0(a->ssl_key_file, b->ssl_key_file) == 0 &&
           g_strcmp0(a->ssl_version, b->ssl_version) == 0;
}
