/*
 * verdicts: how long a verdict takes on a host with so many guests on their way, and how long a
 * question from its arrival in core to its answer. Simulated facts; nothing is waited for.
 *
 *   verdicts GUESTS QUESTIONS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/core/host.h"

#define MIB G_GINT64_CONSTANT(1048576)

static gint64
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

static int
by_size(gconstpointer a, gconstpointer b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;

    return (left > right) - (left < right);
}

static void
fill(NmaHost *host, guint guests)
{
    for (guint i = 0; i < guests; i++) {
        NmaReservation reservation = {
            .resources = { .amount = { 512 * MIB, 2, 0, 0 },
                           .n_pages = 1,
                           .pages = { { i % 2, 2 * MIB, 1 } } },
            .resident_bytes = 100 * MIB,
            .state = i % 2 == 0 ? NMA_RESERVATION_IN_USE : NMA_RESERVATION_SOFT,
            .expires_boot_us = NMA_NEVER,
        };

        g_snprintf(reservation.instance_uuid, sizeof reservation.instance_uuid,
                   "44444444-0000-4000-8000-%012u", i);
        nma_host_restore_reservation(host, &reservation);
    }
}

static NmaEvent *
gathered(const char *instance)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);
    NmaFacts *facts = &event->facts.facts;

    g_strlcpy(event->facts.instance_uuid, instance, sizeof event->facts.instance_uuid);
    facts->memory_available_bytes = G_GINT64_CONSTANT(4) << 40;
    facts->memory_total_bytes = G_GINT64_CONSTANT(6) << 40;
    facts->huge_pools_known = TRUE;
    nma_facts_add_huge_pool(facts, 0, 2 * MIB, 100000);
    nma_facts_add_huge_pool(facts, 1, 2 * MIB, 100000);
    event->facts.capacity.ports = 64;
    return event;
}

int
main(int argc, char **argv)
{
    guint guests = argc > 1 ? (guint)g_ascii_strtoull(argv[1], NULL, 10) : 500;
    guint questions = argc > 2 ? (guint)g_ascii_strtoull(argv[2], NULL, 10) : 2000;
    const NmaHostConfig config = { .host = "bench",
                                   .progress_interval_us = NMA_US_PER_S,
                                   .conductor_interval_us = 30 * NMA_US_PER_S,
                                   .max_open = 100 };
    const NmaNow now = { 1000 * NMA_US_PER_S, 1795000000 * NMA_US_PER_S };
    g_autoptr(NmaHost) host = nma_host_new(&config);
    g_autoptr(NmaEvent) resync = nma_event_new(NMA_EVENT_RESYNC);
    g_autoptr(GPtrArray) effects = nma_effects_new();
    g_autofree gint64 *took_ns = g_new(gint64, questions);

    resync->readings = g_ptr_array_new();
    nma_host_step(host, resync, now, effects);
    /* after it: libvirt has no guest, and those in use would be released */
    fill(host, guests);
    for (guint i = 0; i < questions; i++) {
        g_autoptr(NmaEvent) asked = nma_event_new(NMA_EVENT_ASKED);
        g_autoptr(NmaEvent) facts = NULL;
        gint64 began_ns;

        asked->asked = nma_ask_new(NMA_ASK_CHECK, "55555555-0000-4000-8000-000000000000");
        asked->asked->sized = TRUE;
        asked->asked->resources = (NmaResources){ .amount = { 4096 * MIB, 4, 0, 1 },
                                                  .n_pages = 1,
                                                  .pages_known = TRUE,
                                                  .pages = { { NMA_ANY_NODE, 2 * MIB, 1000 } } };
        facts = gathered(asked->asked->instance_uuid);
        began_ns = now_ns();
        nma_host_step(host, asked, now, effects);
        nma_host_step(host, facts, now, effects);
        took_ns[i] = now_ns() - began_ns;
        g_ptr_array_set_size(effects, 0);
    }
    qsort(took_ns, questions, sizeof took_ns[0], by_size);
    printf("%u %.1f %.1f %.1f\n", nma_ledger_live_count(nma_host_ledger(host)),
           (double)took_ns[questions / 2] / 1000, (double)took_ns[questions * 99 / 100] / 1000,
           (double)took_ns[questions - 1] / 1000);
    return 0;
}
