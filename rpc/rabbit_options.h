/* What [oslo_messaging_rabbit] of nova.conf says, as far as it touches us. The caller fills it
 * (nova.conf's values after om_rabbit_options_init's defaults); query items of the transport_url
 * override, see om_rabbit_options_apply_url(). Defaults and spellings: oslo.messaging,
 * _drivers/impl_rabbit.py and amqp.py. */
#pragma once

#include <glib.h>

#include "rpc/transport_url.h"

typedef struct {
    gboolean amqp_durable_queues;           /* false */
    gboolean amqp_auto_delete;              /* false */
    gboolean rabbit_quorum_queue;           /* false */
    gboolean rabbit_transient_quorum_queue; /* false; since 2024.1 */
    guint rabbit_transient_queues_ttl_s;    /* 1800; 0 is taken as 1800: our queues always expire */
    guint heartbeat_timeout_threshold_s;    /* 60; 0 switches AMQP heartbeats off */
    gboolean ssl;                           /* false; rabbit_use_ssl before Pike */
    char *ssl_ca_file;                      /* NULL: the peer is not verified, as oslo does it */
    char *ssl_cert_file;                    /* client certificate, with */
    char *ssl_key_file;                     /* its key */
    char *ssl_version; /* "" or NULL: the library's choice; "TLSv1_2", "TLSv1_3" … */
    gboolean ssl_enforce_hostname_verification; /* false up to 2026.1, see WIRE: default true with a
                                                   CA after */
    gboolean login_external;                    /* rabbit_login_method = EXTERNAL; else PLAIN */
} OmRabbitOptions;

void om_rabbit_options_init(OmRabbitOptions *options);
void om_rabbit_options_clear(OmRabbitOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OmRabbitOptions, om_rabbit_options_clear)

/* A deep copy with the URL's query items applied; `to` is overwritten, not cleared. */
void om_rabbit_options_copy(OmRabbitOptions *to, const OmRabbitOptions *from,
                            const OmTransportUrl *url);
gboolean om_rabbit_options_equal(const OmRabbitOptions *a, const OmRabbitOptions *b);
