#include "agent/watch/cell.h"

#include "nova-conf-tool/effective.h"

#define RABBIT_GROUP "oslo_messaging_rabbit"

G_DEFINE_QUARK(nma_watch_cell_error_quark, nma_watch_cell_error)

/* One row is one option of [oslo_messaging_rabbit] that touches us. */
static const struct {
    const char *name;
    gsize offset;
} booleans[] = {
    { "amqp_durable_queues", G_STRUCT_OFFSET(OmRabbitOptions, amqp_durable_queues) },
    { "amqp_auto_delete", G_STRUCT_OFFSET(OmRabbitOptions, amqp_auto_delete) },
    { "rabbit_quorum_queue", G_STRUCT_OFFSET(OmRabbitOptions, rabbit_quorum_queue) },
    { "rabbit_transient_quorum_queue",
      G_STRUCT_OFFSET(OmRabbitOptions, rabbit_transient_quorum_queue) },
    { "rabbit_use_ssl", G_STRUCT_OFFSET(OmRabbitOptions, ssl) },
    { "ssl", G_STRUCT_OFFSET(OmRabbitOptions, ssl) },
    { "ssl_enforce_hostname_verification",
      G_STRUCT_OFFSET(OmRabbitOptions, ssl_enforce_hostname_verification) },
};

static const struct {
    const char *name;
    gsize offset;
    guint max;
} numbers[] = {
    { "rabbit_transient_queues_ttl",
      G_STRUCT_OFFSET(OmRabbitOptions, rabbit_transient_queues_ttl_s), 86400 },
    { "heartbeat_timeout_threshold",
      G_STRUCT_OFFSET(OmRabbitOptions, heartbeat_timeout_threshold_s), 3600 },
};

/* the first name that is set wins: the newer ones stand first */
static const struct {
    const char *name;
    gsize offset;
} texts[] = {
    { "ssl_ca_file", G_STRUCT_OFFSET(OmRabbitOptions, ssl_ca_file) },
    { "kombu_ssl_ca_certs", G_STRUCT_OFFSET(OmRabbitOptions, ssl_ca_file) },
    { "ssl_cert_file", G_STRUCT_OFFSET(OmRabbitOptions, ssl_cert_file) },
    { "kombu_ssl_certfile", G_STRUCT_OFFSET(OmRabbitOptions, ssl_cert_file) },
    { "ssl_key_file", G_STRUCT_OFFSET(OmRabbitOptions, ssl_key_file) },
    { "kombu_ssl_keyfile", G_STRUCT_OFFSET(OmRabbitOptions, ssl_key_file) },
    { "ssl_version", G_STRUCT_OFFSET(OmRabbitOptions, ssl_version) },
    { "kombu_ssl_version", G_STRUCT_OFFSET(OmRabbitOptions, ssl_version) },
};

static gboolean
read_rabbit(const NctConfig *config, OmRabbitOptions *options, GError **error)
{
    g_autofree char *method = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(booleans); i++) {
        gboolean *at = (gboolean *)((char *)options + booleans[i].offset);

        if (!nct_config_get_boolean(config, RABBIT_GROUP, booleans[i].name, *at, at, error))
            return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        guint *at = (guint *)((char *)options + numbers[i].offset);
        gint64 value;

        if (!nct_config_get_integer(config, RABBIT_GROUP, numbers[i].name, *at, &value, error))
            return FALSE;
        *at = (guint)CLAMP(value, 0, (gint64)numbers[i].max);
    }
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        char **at = (char **)((char *)options + texts[i].offset);
        g_autoptr(GError) failure = NULL;
        g_autofree char *text = NULL;

        text = nct_config_get_string(config, RABBIT_GROUP, texts[i].name, NULL, &failure);
        if (failure) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        if (text && *text && !*at)
            *at = g_steal_pointer(&text);
    }
    method = nct_config_get_string(config, RABBIT_GROUP, "rabbit_login_method", "AMQPLAIN", NULL);
    options->login_external = g_strcmp0(method, "EXTERNAL") == 0;
    return TRUE;
}

static char *
find_url(const NctConfig *config, GError **error)
{
    static const struct {
        const char *group, *name;
    } places[] = {
        { "oslo_messaging_notifications", "transport_url" },
        { "DEFAULT", "notification_transport_url" }, /* its name before Newton */
        { "DEFAULT", "transport_url" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(GError) failure = NULL;
        char *text = nct_config_get_string(config, places[i].group, places[i].name, NULL, &failure);

        if (failure) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
        if (text && *text)
            return text;
        g_free(text);
    }
    g_set_error_literal(error, NMA_WATCH_CELL_ERROR, NMA_WATCH_CELL_ERROR_INVALID,
                        "[DEFAULT] transport_url is not set");
    return NULL;
}

static gboolean
read_rpc_url(const NctConfig *config, NmaWatchCell *cell, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *text =
        nct_config_get_string(config, "DEFAULT", "transport_url", NULL, &failure);

    if (failure) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (text && *text)
        cell->rpc_url = om_transport_url_parse(text, error);
    return cell->rpc_url || !text || !*text;
}

NmaWatchCell *
nma_watch_cell_load(const char *name, const char *nova_conf, GError **error)
{
    const char *const files[] = { nova_conf, NULL };
    g_autoptr(NctConfig) config = nct_config_load_files(files, NULL, error);
    g_autoptr(NmaWatchCell) cell = g_new0(NmaWatchCell, 1);
    g_autofree char *url = NULL;

    if (!config)
        return NULL;
    cell->name = g_strdup(name);
    cell->nova_conf = g_strdup(nova_conf);
    om_rabbit_options_init(&cell->rabbit);
    url = find_url(config, error);
    if (url)
        cell->url = om_transport_url_parse(url, error);
    if (!cell->url || !read_rabbit(config, &cell->rabbit, error)) {
        g_prefix_error(error, "%s: ", nova_conf);
        return NULL;
    }
    if (!read_rpc_url(config, cell, error)) {
        g_prefix_error(error, "%s: ", nova_conf);
        return NULL;
    }
    cell->exchange = nct_config_get_string(config, "DEFAULT", "control_exchange", "nova", error);
    if (!cell->exchange) {
        g_prefix_error(error, "%s: ", nova_conf);
        return NULL;
    }
    return g_steal_pointer(&cell);
}

void
nma_watch_cell_free(NmaWatchCell *cell)
{
    if (!cell)
        return;
    om_transport_url_free(cell->url);
    om_transport_url_free(cell->rpc_url);
    om_rabbit_options_clear(&cell->rabbit);
    g_free(cell->name);
    g_free(cell->nova_conf);
    g_free(cell->exchange);
    g_free(cell);
}
