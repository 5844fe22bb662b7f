/*
 * Sends one body again and again at a steady rate, each time with another _unique_id (receivers
 * drop repeats), in the process that costs the machine least:
 *
 *     publish TRANSPORT_URL EXCHANGE KEY BODY_FILE MESSAGES_PER_SECOND SECONDS
 *
 * Prints how many were sent and in how many seconds. No confirms: how many arrived is the
 * receiver's to say.
 */
#include <stdio.h>
#include <string.h>

#include "rpc/connection.h"

#define SLICE_US 5000

/* Where the 32 hexadecimal digits stand; NULL: nowhere. */
static char *
unique_id(char *body)
{
    char *at = strstr(body, "_unique_id");

    while (at && *at && strspn(at, "0123456789abcdef") < 32)
        at++;
    return at && *at ? at : NULL;
}

static gboolean
publish(OmConnection *connection, const OmPublishing *publishing, char *id, guint64 number,
        GError **error)
{
    char digits[33];

    if (id) {
        g_snprintf(digits, sizeof digits, "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                   (guint64)g_get_monotonic_time(), number);
        memcpy(id, digits, 32);
    }
    return om_connection_publish(connection, 1, publishing, error);
}

static gboolean
send(OmConnection *connection, const OmPublishing *publishing, char *id, guint64 rate,
     guint64 seconds, guint64 *sent, GError **error)
{
    gint64 begin_us = g_get_monotonic_time();
    OmEvent event;

    for (;;) {
        guint64 elapsed_us = (guint64)(g_get_monotonic_time() - begin_us);
        guint64 due = MIN(elapsed_us, seconds * G_USEC_PER_SEC) * rate / G_USEC_PER_SEC;

        for (; *sent < due; ++*sent) {
            if (!publish(connection, publishing, id, *sent, error))
                return FALSE;
        }
        if (elapsed_us >= seconds * G_USEC_PER_SEC)
            return TRUE;
        do { /* what the broker says is not of interest, but must be read */
            if (!om_connection_next(connection, &event, error))
                return FALSE;
        } while (event.type != OM_EVENT_NONE);
        g_usleep(SLICE_US);
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(OmRabbitOptions) rabbit = { 0 };
    char *body = NULL;
    gsize size;
    guint64 rate, seconds, sent = 0;

    if (argc != 7 || !g_ascii_string_to_unsigned(argv[5], 10, 1, 1000000, &rate, NULL) ||
        !g_ascii_string_to_unsigned(argv[6], 10, 1, 3600, &seconds, NULL))
        return 2;
    om_rabbit_options_init(&rabbit);
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(argv[1], &error);
    if (url == NULL || !g_file_get_contents(argv[4], &body, &size, &error)) {
        fprintf(stderr, "publish: %s\n", error->message);
        return 1;
    }
    const OmConnectionParams params = {
        .host = url->hosts,
        .vhost = url->vhost,
        .rabbit = &rabbit,
        .name = "publish",
        .handshake_ms = 10000,
        .rpc_ms = 10000,
        .max_body_bytes = 1 << 20,
    };
    OmConnection *connection = om_connection_open(&params, &error);
    g_autoptr(GBytes) bytes = g_bytes_new_take(body, size);
    const OmPublishing publishing = { .exchange = argv[2], .key = argv[3], .body = bytes };
    gint64 begin_us = g_get_monotonic_time();

    if (connection == NULL || !om_connection_channel_open(connection, 1, &error) ||
        !send(connection, &publishing, unique_id(body), rate, seconds, &sent, &error)) {
        fprintf(stderr, "publish: %s\n", error->message);
        return 1;
    }
    printf("%" G_GUINT64_FORMAT " %.3f\n", sent,
           (double)(g_get_monotonic_time() - begin_us) / G_USEC_PER_SEC);
    om_connection_close(connection, 2000);
    return 0;
}
