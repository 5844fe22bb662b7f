/* TLS as nova.conf asks for it, on an OpenSSL context. Internal to rpc/.
 *
 * oslo.messaging (impl_rabbit.py): the peer is verified only if ssl_ca_file is set; its name only
 * with ssl_enforce_hostname_verification. A host given as an address is looked for among the
 * certificate's addresses. */
#pragma once

#include <glib.h>

#include "rpc/rabbit_options.h"

/* ctx is an SSL_CTX. Error text: what is wrong with which file. */
gboolean om_tls_configure(void *ctx, const OmRabbitOptions *options, const char *host,
                          GError **error);
