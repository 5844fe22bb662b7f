#include "rpc/reconnect.h"

#include <string.h>

#include "rpc/transport_url.h"

G_STATIC_ASSERT(G_N_ELEMENTS(((OmReconnect *)0)->order) >= OM_TRANSPORT_URL_MAX_HOSTS);

/* splitmix64 */
static guint64
next_random(OmReconnect *reconnect)
{
    guint64 z = (reconnect->random += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void
shuffle(OmReconnect *reconnect, guint n_hosts)
{
    reconnect->n_hosts = CLAMP(n_hosts, 1, (guint)G_N_ELEMENTS(reconnect->order));
    for (guint i = 0; i < reconnect->n_hosts; i++) {
        guint j = (guint)(next_random(reconnect) % (i + 1));

        reconnect->order[i] = reconnect->order[j];
        reconnect->order[j] = i;
    }
    reconnect->position = 0;
    reconnect->failed_round = 0;
}

static void
wait_window(OmReconnect *reconnect, gint64 now_us)
{
    const OmReconnectOptions *options = &reconnect->options;
    gint64 window = options->first_us;

    for (guint i = 0; i < reconnect->backoff && window < options->max_us; i++)
        window *= 2;
    window = MAX(MIN(window, options->max_us), options->min_us);
    reconnect->state = OM_RECONNECT_WAITING;
    reconnect->next_us = now_us + options->min_us +
                         (gint64)(next_random(reconnect) % (guint64)(window - options->min_us + 1));
    reconnect->failed_round = 0;
}

void
om_reconnect_options_init(OmReconnectOptions *options)
{
    options->min_us = G_USEC_PER_SEC / 2;
    options->first_us = 5 * G_USEC_PER_SEC;
    options->max_us = 60 * G_USEC_PER_SEC;
    options->stable_us = 30 * G_USEC_PER_SEC;
}

void
om_reconnect_init(OmReconnect *reconnect, const OmReconnectOptions *options, guint n_hosts,
                  guint64 seed, gint64 now_us)
{
    memset(reconnect, 0, sizeof *reconnect);
    reconnect->options = *options;
    reconnect->random = seed;
    reconnect->state = OM_RECONNECT_WAITING;
    reconnect->next_us = now_us;
    shuffle(reconnect, n_hosts);
}

void
om_reconnect_set_hosts(OmReconnect *reconnect, guint n_hosts, gint64 now_us)
{
    shuffle(reconnect, n_hosts);
    reconnect->backoff = 0;
    if (reconnect->state != OM_RECONNECT_CONNECTED) {
        reconnect->state = OM_RECONNECT_WAITING;
        reconnect->next_us = now_us;
    }
}

gboolean
om_reconnect_due(OmReconnect *reconnect, gint64 now_us, guint *host)
{
    if (reconnect->state != OM_RECONNECT_WAITING || now_us < reconnect->next_us)
        return FALSE;
    reconnect->state = OM_RECONNECT_CONNECTING;
    reconnect->attempts++;
    *host = reconnect->order[reconnect->position];
    return TRUE;
}

gint64
om_reconnect_next_us(const OmReconnect *reconnect)
{
    return reconnect->state == OM_RECONNECT_WAITING ? reconnect->next_us : G_MAXINT64;
}

void
om_reconnect_connected(OmReconnect *reconnect, gint64 now_us)
{
    reconnect->state = OM_RECONNECT_CONNECTED;
    reconnect->connected_us = now_us;
    reconnect->failed_round = 0;
    reconnect->attempts = 0;
}

void
om_reconnect_failed(OmReconnect *reconnect, gboolean skip_round, gint64 now_us)
{
    reconnect->position = (reconnect->position + 1) % reconnect->n_hosts;
    reconnect->failed_round++;
    if (!skip_round && reconnect->failed_round < reconnect->n_hosts) {
        reconnect->state = OM_RECONNECT_WAITING;
        reconnect->next_us = now_us;
        return;
    }
    wait_window(reconnect, now_us);
    if (reconnect->backoff < 30)
        reconnect->backoff++;
}

void
om_reconnect_lost(OmReconnect *reconnect, gint64 now_us)
{
    /* one that breaks again and again is a failing one: its windows grow */
    if (now_us - reconnect->connected_us >= reconnect->options.stable_us)
        reconnect->backoff = 0;
    /* the host that was lost comes last: its node may be the one that is ill */
    reconnect->position = (reconnect->position + 1) % reconnect->n_hosts;
    wait_window(reconnect, now_us);
    if (reconnect->backoff < 30)
        reconnect->backoff++;
}
