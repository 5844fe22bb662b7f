#include "rpc/transport_url.h"

#include <string.h>

G_DEFINE_QUARK(om_transport_url_error_quark, om_transport_url_error)

/* Python's urllib.parse.unquote: a % that two hex digits do not follow stays as it is. */
static char *
unquote(const char *text, gsize size)
{
    g_autoptr(GString) out = g_string_sized_new(size);

    for (gsize i = 0; i < size; i++) {
        if (text[i] == '%' && i + 2 < size && g_ascii_isxdigit(text[i + 1]) &&
            g_ascii_isxdigit(text[i + 2])) {
            char byte =
                (char)(g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]));

            g_string_append_c(out, byte);
            i += 2;
        } else {
            g_string_append_c(out, text[i]);
        }
    }
    /* a NUL would cut the value short unseen; unquote() of Python replaces what is not UTF-8 */
    if (memchr(out->str, '\0', out->len) != NULL)
        return NULL;
    return g_utf8_make_valid(out->str, (gssize)out->len);
}

static void
host_clear(OmHost *host)
{
    g_free(host->user);
    g_free(host->password);
    g_free(host->host);
}

static gboolean
parse_port(const char *text, guint nth, guint16 *port, GError **error)
{
    guint64 value;

    if (*text == '\0')
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &value, NULL)) {
        g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                    "transport_url: the port of host %u is not a number from 1 to 65535 "
                    "(a comma, slash or colon in a password must be written as %%2C, %%2F, %%3A)",
                    nth);
        return FALSE;
    }
    *port = (guint16)value;
    return TRUE;
}

/* [user[:password]@]host[:port]; the last @ counts, the first colon of the credentials, as in oslo
 */
static gboolean
parse_host(const char *text, gsize size, guint nth, OmHost *host, GError **error)
{
    g_autofree char *part = g_strndup(text, size);
    g_autofree char *user = NULL;
    g_autofree char *password = NULL;
    g_autofree char *name = NULL;
    guint16 port = 5672;
    char *at = strrchr(part, '@');
    char *address = at ? at + 1 : part;
    char *colon;

    if (at) {
        *at = '\0';
        colon = strchr(part, ':');
        if (colon)
            *colon++ = '\0';
        user = unquote(part, strlen(part));
        password = colon ? unquote(colon, strlen(colon)) : NULL;
        if (user == NULL || (colon && password == NULL)) {
            g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                        "transport_url: the credentials of host %u contain %%00", nth);
            return FALSE;
        }
    }
    if (address[0] == '[') {
        char *end = strchr(address, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                        "transport_url: the address of host %u has no closing bracket", nth);
            return FALSE;
        }
        *end = '\0';
        name = g_strdup(address + 1);
        if (end[1] == ':' && !parse_port(end + 2, nth, &port, error))
            return FALSE;
    } else {
        colon = strchr(address, ':');
        if (colon)
            *colon++ = '\0';
        name = g_strdup(address);
        if (colon && !parse_port(colon, nth, &port, error))
            return FALSE;
    }
    if (!g_utf8_validate(name, -1, NULL)) {
        g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                    "transport_url: the name of host %u is not UTF-8", nth);
        return FALSE;
    }
    /* kombu's own defaults stand behind a missing user, password or name */
    host->user = user && *user ? g_steal_pointer(&user) : g_strdup("guest");
    host->password = password && *password ? g_steal_pointer(&password) : g_strdup("guest");
    host->host = *name ? g_steal_pointer(&name) : g_strdup("localhost");
    host->port = port;
    return TRUE;
}

static gboolean
parse_hosts(const char *text, gsize size, GArray *hosts, GError **error)
{
    const char *end = text + size;

    while (text < end) {
        const char *comma = memchr(text, ',', (gsize)(end - text));
        gsize length = (gsize)((comma ? comma : end) - text);
        OmHost host = { 0 };

        if (length > 0) {
            if (hosts->len == OM_TRANSPORT_URL_MAX_HOSTS) {
                g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                            "transport_url: more than %d hosts", OM_TRANSPORT_URL_MAX_HOSTS);
                return FALSE;
            }
            if (!parse_host(text, length, hosts->len + 1, &host, error))
                return FALSE;
            g_array_append_val(hosts, host);
        }
        text += length + 1;
    }
    if (hosts->len == 0) {
        OmHost host = { g_strdup("guest"), g_strdup("guest"), g_strdup("localhost"), 5672 };

        g_array_append_val(hosts, host);
    }
    return TRUE;
}

/* Python's parse_qs: pairs without a value are dropped, "+" is a blank */
static void
parse_query(const char *text, GHashTable *query)
{
    g_auto(GStrv) pairs = g_strsplit(text, "&", 64);

    for (guint i = 0; pairs[i]; i++) {
        char *equals = strchr(pairs[i], '=');
        g_autofree char *key = NULL;
        g_autofree char *value = NULL;
        const char *before;

        if (equals == NULL || equals[1] == '\0')
            continue;
        g_strdelimit(pairs[i], "+", ' ');
        *equals = '\0';
        key = unquote(pairs[i], strlen(pairs[i]));
        value = unquote(equals + 1, strlen(equals + 1));
        if (key == NULL || value == NULL)
            continue;
        before = g_hash_table_lookup(query, key);
        if (before) {
            char *joined = g_strdup_printf("%s,%s", before, value);

            g_free(g_steal_pointer(&value));
            value = joined;
        }
        g_hash_table_insert(query, g_steal_pointer(&key), g_steal_pointer(&value));
    }
}

OmTransportUrl *
om_transport_url_parse(const char *text, GError **error)
{
    g_autoptr(OmTransportUrl) url = NULL;
    g_autoptr(GArray) hosts = NULL;
    const char *scheme_end = strstr(text, "://");
    const char *netloc;
    const char *path;
    const char *query;
    const char *fragment;

    if (strlen(text) > OM_TRANSPORT_URL_MAX_BYTES) {
        g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                    "transport_url: longer than %d bytes", OM_TRANSPORT_URL_MAX_BYTES);
        return NULL;
    }
    if (scheme_end == NULL || scheme_end == text) {
        g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                    "transport_url: does not begin with rabbit://");
        return NULL;
    }
    if (g_ascii_strncasecmp(text, "rabbit", (gsize)(scheme_end - text)) != 0 ||
        scheme_end - text != 6) {
        gboolean plain = TRUE;

        for (const char *c = text; c < scheme_end; c++)
            plain = plain && (g_ascii_isalnum(*c) || strchr("+-.", *c));
        g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_UNSUPPORTED,
                    "transport_url: only rabbit:// is supported%s%.*s", plain ? ", not " : "",
                    plain ? (int)MIN(scheme_end - text, 32) : 0, text);
        return NULL;
    }
    netloc = scheme_end + 3;
    path = netloc + strcspn(netloc, "/?#");
    query = path + strcspn(path, "?#");
    fragment = query + strcspn(query, "#");

    hosts = g_array_new(FALSE, TRUE, sizeof(OmHost));
    g_array_set_clear_func(hosts, (GDestroyNotify)host_clear);
    if (!parse_hosts(netloc, (gsize)(path - netloc), hosts, error))
        return NULL;

    url = g_new0(OmTransportUrl, 1);
    url->query = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    url->transport = g_strdup("rabbit");
    url->vhost = *path == '/' ? unquote(path + 1, (gsize)(query - path - 1)) : g_strdup("");
    if (url->vhost == NULL) {
        g_set_error(error, OM_TRANSPORT_URL_ERROR, OM_TRANSPORT_URL_ERROR_SYNTAX,
                    "transport_url: the virtual host contains %%00");
        return NULL;
    }
    if (*url->vhost == '\0') {
        g_free(url->vhost);
        url->vhost = g_strdup("/");
    }
    if (*query == '?') {
        g_autofree char *items = g_strndup(query + 1, (gsize)(fragment - query - 1));

        parse_query(items, url->query);
    }
    url->n_hosts = hosts->len;
    g_array_set_clear_func(hosts, NULL);
    url->hosts = (OmHost *)(void *)g_array_free(g_steal_pointer(&hosts), FALSE);
    return g_steal_pointer(&url);
}

OmTransportUrl *
om_transport_url_copy(const OmTransportUrl *url)
{
    OmTransportUrl *copy = g_new0(OmTransportUrl, 1);
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    copy->transport = g_strdup(url->transport);
    copy->vhost = g_strdup(url->vhost);
    copy->n_hosts = url->n_hosts;
    copy->hosts = g_new0(OmHost, url->n_hosts);
    for (guint i = 0; i < url->n_hosts; i++) {
        const OmHost *from = &url->hosts[i];
        OmHost host = { g_strdup(from->user), g_strdup(from->password), g_strdup(from->host),
                        from->port };

        copy->hosts[i] = host;
    }
    copy->query = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_iter_init(&iter, url->query);
    while (g_hash_table_iter_next(&iter, &key, &value))
        g_hash_table_insert(copy->query, g_strdup(key), g_strdup(value));
    return copy;
}

gboolean
om_transport_url_equal(const OmTransportUrl *a, const OmTransportUrl *b)
{
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    if (a->n_hosts != b->n_hosts || strcmp(a->vhost, b->vhost) != 0 ||
        g_hash_table_size(a->query) != g_hash_table_size(b->query))
        return FALSE;
    for (guint i = 0; i < a->n_hosts; i++) {
        const OmHost *x = &a->hosts[i];
        const OmHost *y = &b->hosts[i];

        if (strcmp(x->user, y->user) != 0 || strcmp(x->password, y->password) != 0 ||
            strcmp(x->host, y->host) != 0 || x->port != y->port)
            return FALSE;
    }
    g_hash_table_iter_init(&iter, a->query);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (g_strcmp0(g_hash_table_lookup(b->query, key), value) != 0)
            return FALSE;
    }
    return TRUE;
}

void
om_transport_url_free(OmTransportUrl *url)
{
    if (url == NULL)
        return;
    for (guint i = 0; i < url->n_hosts; i++)
        host_clear(&url->hosts[i]);
    g_free(url->hosts);
    g_free(url->transport);
    g_free(url->vhost);
    g_clear_pointer(&url->query, g_hash_table_unref);
    g_free(url);
}

char *
om_host_describe(const OmHost *host)
{
    gboolean bracket = strchr(host->host, ':') != NULL;

    return g_strdup_printf("%s%s%s:%u", bracket ? "[" : "", host->host, bracket ? "]" : "",
                           host->port);
}

char *
om_transport_url_mask(const OmTransportUrl *url)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "%s://", url->transport);
    for (guint i = 0; i < url->n_hosts; i++) {
        g_autofree char *host = om_host_describe(&url->hosts[i]);

        if (i > 0)
            g_string_append_c(out, ',');
        g_string_append_uri_escaped(out, url->hosts[i].user, NULL, FALSE);
        g_string_append_printf(out, ":***@%s", host);
    }
    g_string_append_c(out, '/');
    if (strcmp(url->vhost, "/") != 0)
        g_string_append_uri_escaped(out, url->vhost, "/", TRUE);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

const char *
om_transport_url_option(const OmTransportUrl *url, const char *name)
{
    return g_hash_table_lookup(url->query, name);
}

gboolean
om_transport_url_option_bool(const OmTransportUrl *url, const char *name, gboolean fallback)
{
    /* oslo.config types.Boolean */
    static const char *const yes[] = { "true", "1", "on", "yes", NULL };
    static const char *const no[] = { "false", "0", "off", "no", NULL };
    const char *value = om_transport_url_option(url, name);

    for (guint i = 0; value && yes[i]; i++) {
        if (g_ascii_strcasecmp(value, yes[i]) == 0)
            return TRUE;
        if (g_ascii_strcasecmp(value, no[i]) == 0)
            return FALSE;
    }
    return fallback;
}
