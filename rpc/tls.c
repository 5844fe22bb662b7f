#include "rpc/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "rpc/connection.h"

static gboolean
fail(GError **error, const char *what, const char *which)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    g_set_error(error, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_TLS, "%s %s%s%s", what,
                which ? which : "", reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return FALSE;
}

/* Python's ssl.PROTOCOL_TLSv1_2 and so on are that version only. */
static gboolean
set_version(SSL_CTX *ctx, const char *name, GError **error)
{
    static const struct {
        const char *name;
        int version;
    } versions[] = {
        { "sslv23", 0 },
        { "tlsv1", TLS1_VERSION },
        { "tlsv1_1", TLS1_1_VERSION },
        { "tlsv1_2", TLS1_2_VERSION },
        { "tlsv1_3", TLS1_3_VERSION },
    };
    int version = -1;

    if (name == NULL || *name == '\0')
        return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
        if (g_ascii_strcasecmp(name, versions[i].name) == 0)
            version = versions[i].version;
    }
    if (version < 0)
        return fail(error, "ssl_version is not known:", name);
    if (SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version) != 1)
        return fail(error, "ssl_version cannot be used:", name);
    return TRUE;
}

gboolean
om_tls_configure(void *ctx_, const OmRabbitOptions *options, const char *host, GError **error)
{
    SSL_CTX *ctx = ctx_;
    const char *ca = options->ssl_ca_file;
    const char *certificate = options->ssl_cert_file;
    const char *key = options->ssl_key_file;

    ERR_clear_error();
    if (!set_version(ctx, options->ssl_version, error))
        return FALSE;
    if (certificate && *certificate) {
        if (key == NULL || *key == '\0')
            key = certificate;
        if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
            return fail(error, "cannot use ssl_cert_file", certificate);
        if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
            return fail(error, "cannot use ssl_key_file", key);
    }
    if (ca == NULL || *ca == '\0') {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return TRUE;
    }
    if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
        return fail(error, "cannot read ssl_ca_file", ca);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (options->ssl_enforce_hostname_verification) {
        X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
        guint8 address[16];
        gboolean is_address =
            inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

        if (is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1
                       : X509_VERIFY_PARAM_set1_host(param, host, 0) != 1)
            return fail(error, "cannot verify the name", host);
    }
    return TRUE;
}
