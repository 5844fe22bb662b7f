/* oslo.messaging's transport_url, parsed as oslo.messaging parses it (transport.py,
 * TransportURL.parse; defaults from _drivers/impl_rabbit.py):
 *
 *   rabbit://user:pass@host:port,user2:pass2@[2001:db8::1]:port2/vhost?option=value
 *
 * Hosts are split by comma before anything else, credentials belong to one host and are
 * percent-decoded; a missing, empty or "/" virtual host means "/". Query items override
 * [oslo_messaging_rabbit].
 *
 * Pure. Passwords stay in the struct: print only what om_transport_url_mask() or om_host_describe()
 * give. */
#pragma once

#include <glib.h>

#define OM_TRANSPORT_URL_MAX_BYTES 16384
#define OM_TRANSPORT_URL_MAX_HOSTS 64

typedef struct {
    char *user;     /* "guest" when the URL names none */
    char *password; /* "guest" when the URL names none; never printed */
    char *host;   /* name or address, IPv6 without brackets; "localhost" when the URL names none */
    guint16 port; /* 5672 when the URL names none, TLS or not */
} OmHost;

typedef struct {
    char *transport; /* "rabbit" */
    OmHost *hosts;   /* at least one */
    guint n_hosts;
    char *vhost; /* what goes into connection.open: "/", "cell1", … */
    GHashTable
        *query; /* char* to char*; several values of a key are joined by commas, as oslo does */
} OmTransportUrl;

typedef enum {
    OM_TRANSPORT_URL_ERROR_SYNTAX, /* not such a URL; the text says where, never with the secret */
    OM_TRANSPORT_URL_ERROR_UNSUPPORTED, /* another driver than RabbitMQ, e.g. "fake", "kafka" */
} OmTransportUrlError;

#define OM_TRANSPORT_URL_ERROR (om_transport_url_error_quark())
GQuark om_transport_url_error_quark(void);

/* NULL with an error that names what is wrong and contains no part of the credentials. */
OmTransportUrl *om_transport_url_parse(const char *text, GError **error);
OmTransportUrl *om_transport_url_copy(const OmTransportUrl *url);
/* Same hosts in the same order, credentials, virtual host and options. */
gboolean om_transport_url_equal(const OmTransportUrl *a, const OmTransportUrl *b);
void om_transport_url_free(OmTransportUrl *url);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmTransportUrl, om_transport_url_free)

/* For people: "rabbit://nova:***@host:5672,…/vhost", no query values. Caller frees. */
char *om_transport_url_mask(const OmTransportUrl *url);

/* "host:port", IPv6 in brackets. Caller frees. */
char *om_host_describe(const OmHost *host);

/* Value of a query option or NULL. */
const char *om_transport_url_option(const OmTransportUrl *url, const char *name);

/* oslo's booleans ("1", "true", "yes", "on", …); fallback when the option is missing or no boolean.
 */
gboolean om_transport_url_option_bool(const OmTransportUrl *url, const char *name,
                                      gboolean fallback);
