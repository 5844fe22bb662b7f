/* When and where to connect next. Pure: time is an argument, chance comes from a seed.
 *
 * Hosts are shuffled once and then tried in a round without pause (a dead first host costs
 * nothing); a round in which every host failed is followed by a random pause from a window that
 * doubles up to max_us, so that a fleet that lost its broker comes back spread over a minute. A
 * connection that was lost waits a random part of the first window before the next round. */
#pragma once

#include <glib.h>

typedef struct {
    gint64 min_us;   /* no pause is shorter; 500 ms */
    gint64 first_us; /* upper end of the first window; 5 s */
    gint64 max_us;   /* upper end of the largest window; 60 s */
    gint64
        stable_us; /* a connection that lived this long starts over with the first window; 30 s */
} OmReconnectOptions;

typedef enum {
    OM_RECONNECT_WAITING, /* until om_reconnect_next_us() */
    OM_RECONNECT_CONNECTING,
    OM_RECONNECT_CONNECTED,
} OmReconnectState;

typedef struct {
    OmReconnectOptions options;
    OmReconnectState state;
    guint64 random;
    guint order[64]; /* permutation of the hosts */
    guint n_hosts;
    guint position;     /* in order: the host of this attempt */
    guint failed_round; /* hosts that failed in this round */
    guint backoff;      /* how often the window doubled */
    gint64 next_us;
    gint64 connected_us;
    guint attempts; /* since the last connection */
} OmReconnect;

/* The first attempt is due at once. n_hosts from 1 to OM_TRANSPORT_URL_MAX_HOSTS. */
void om_reconnect_init(OmReconnect *reconnect, const OmReconnectOptions *options, guint n_hosts,
                       guint64 seed, gint64 now_us);

/* Other hosts (URL reloaded): due at once; a living connection stays counted as connected. */
void om_reconnect_set_hosts(OmReconnect *reconnect, guint n_hosts, gint64 now_us);

/* TRUE when an attempt is due: the state becomes CONNECTING and *host is the index to try. */
gboolean om_reconnect_due(OmReconnect *reconnect, gint64 now_us, guint *host);

/* The monotonic time of the next attempt, G_MAXINT64 unless WAITING. */
gint64 om_reconnect_next_us(const OmReconnect *reconnect);

void om_reconnect_connected(OmReconnect *reconnect, gint64 now_us);
/* The attempt failed. skip_round: the next host would answer the same (wrong password), so pause
 * now. */
void om_reconnect_failed(OmReconnect *reconnect, gboolean skip_round, gint64 now_us);
/* A connection ended. */
void om_reconnect_lost(OmReconnect *reconnect, gint64 now_us);

void om_reconnect_options_init(OmReconnectOptions *options);
