#include "agent/settings_rabbit.h"

static char *
set_or_null(const char *text)
{
    return text != NULL && *text != '\0' ? g_strdup(text) : NULL;
}

void
nma_settings_fill_rabbit(const NmaSettings *settings, OmRabbitOptions *rabbit)
{
    om_rabbit_options_init(rabbit);
    rabbit->amqp_durable_queues = settings->amqp_durable_queues;
    rabbit->amqp_auto_delete = settings->amqp_auto_delete;
    rabbit->rabbit_quorum_queue = settings->rabbit_quorum_queue;
    rabbit->rabbit_transient_quorum_queue = settings->rabbit_transient_quorum_queue;
    rabbit->rabbit_transient_queues_ttl_s = (guint)settings->rabbit_transient_queues_ttl_s;
    rabbit->heartbeat_timeout_threshold_s = (guint)settings->heartbeat_timeout_threshold_s;
    rabbit->ssl = settings->ssl;
    rabbit->ssl_version = set_or_null(settings->ssl_version);
    rabbit->ssl_ca_file = set_or_null(settings->ssl_ca_file);
    rabbit->ssl_cert_file = set_or_null(settings->ssl_cert_file);
    rabbit->ssl_key_file = set_or_null(settings->ssl_key_file);
    rabbit->ssl_enforce_hostname_verification = settings->ssl_enforce_hostname_verification;
    rabbit->login_external = g_strcmp0(settings->rabbit_login_method, "EXTERNAL") == 0;
}
