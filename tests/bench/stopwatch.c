/*
 * Hears libvirt's events and the agents' reports in one process and says when each arrived:
 *
 *     stopwatch TRANSPORT_URL EXCHANGE NAME=LIBVIRT_URI …
 *
 * One line each on standard output, times in µs of CLOCK_MONOTONIC; ends at the end of standard
 * input:
 *
 *     ready
 *     event 5123456 lab-a UUID 3 1          VIR_DOMAIN_EVENT_*, detail
 *     report 5123999 lab-a UUID stop_and_copy.start
 */
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <string.h>

#include "rpc/bus.h"

static GMutex output;
static gboolean listening; /* atomic */

static void
say(const char *line)
{
    g_mutex_lock(&output);
    puts(line);
    fflush(stdout);
    g_mutex_unlock(&output);
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *host)
{
    gint64 now_us = g_get_monotonic_time();
    char uuid[VIR_UUID_STRING_BUFLEN];
    g_autofree char *line = NULL;

    virDomainGetUUIDString(domain, uuid);
    line = g_strdup_printf("event %" G_GINT64_FORMAT " %s %s %d %d", now_us, (const char *)host,
                           uuid, event, detail);
    say(line);
    return 0;
}

static gpointer
run_libvirt(gpointer unused)
{
    for (;;)
        virEventRunDefaultImpl();
    return NULL;
}

static void
on_tapped(OmMessage *message, gpointer unused)
{
    gint64 now_us = g_get_monotonic_time();
    g_autoptr(OmMessage) owned = message;
    const char *host = json_string_value(json_object_get(message->payload, "host"));
    const char *uuid = json_string_value(json_object_get(message->payload, "instance_uuid"));

    if (host == NULL || uuid == NULL || !g_str_has_prefix(message->event_type, "live_migration."))
        return;
    g_autofree char *line = g_strdup_printf("report %" G_GINT64_FORMAT " %s %s %s", now_us, host,
                                            uuid, message->event_type + strlen("live_migration."));
    say(line);
}

static void
on_state(const OmBusState *state, gpointer unused)
{
    if (state->tap_bound && !listening) {
        listening = TRUE;
        say("ready");
    }
}

int
main(int argc, char **argv)
{
    static const char *const keys[] = { "live_migration_reports.info", NULL };
    const OmBusEvents events = { .tapped = on_tapped, .state_changed = on_state };
    g_autoptr(GError) error = NULL;
    g_auto(OmRabbitOptions) rabbit = { 0 };

    if (argc < 3)
        return 2;
    virEventRegisterDefaultImpl();
    g_thread_unref(g_thread_new("libvirt", run_libvirt, NULL));
    for (int i = 3; i < argc; i++) {
        char *uri = strchr(argv[i], '=');

        if (uri == NULL)
            return 2;
        *uri++ = '\0';
        virConnectPtr connection = virConnectOpenReadOnly(uri);
        if (connection == NULL)
            connection = virConnectOpen(uri);
        if (connection == NULL || virConnectDomainEventRegisterAny(
                                      connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                      VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), argv[i], NULL) < 0)
            return 1;
    }
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(argv[1], &error);
    om_rabbit_options_init(&rabbit);
    const OmBusConfig config = {
        .url = url,
        .rabbit = &rabbit,
        .exchange = argv[2],
        .connection_name = "stopwatch",
        .queue_prefix = "nma_bench",
        .host = "bench",
        .tap = { .queue_type = OM_TAP_CLASSIC, .routing_keys = keys },
        .in_only = TRUE,
    };
    OmBus *bus = url != NULL ? om_bus_new(&config, &events, NULL, &error) : NULL;
    if (bus == NULL || !om_bus_start(bus, &error)) {
        fprintf(stderr, "stopwatch: %s\n", error->message);
        return 1;
    }
    while (getchar() != EOF)
        continue;
    om_bus_stop(bus, 1000);
    om_bus_unref(bus);
    return 0;
}
