/*
 * Drives the hypervisor adapter for tests/integration/virt/test_virt.py: one event a line on
 * stdout, commands on stdin:
 *
 *     read UUID    resync    status    resident UUID    stop MILLISECONDS
 *
 * observe URI ro|rw DEADLINE_MS
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "agent/hypervisor/hypervisor.h"
#include "agent/probe/memory.h"

static const char *const lifecycle_names[NMA_N_LIFECYCLES] = {
    [NMA_LIFECYCLE_STARTED_MIGRATED] = "started-migrated",
    [NMA_LIFECYCLE_SUSPENDED_MIGRATED] = "suspended-migrated",
    [NMA_LIFECYCLE_SUSPENDED_POSTCOPY] = "suspended-postcopy",
    [NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED] = "suspended-postcopy-failed",
    [NMA_LIFECYCLE_SUSPENDED_OTHER] = "suspended-other",
    [NMA_LIFECYCLE_RESUMED_MIGRATED] = "resumed-migrated",
    [NMA_LIFECYCLE_RESUMED_POSTCOPY] = "resumed-postcopy",
    [NMA_LIFECYCLE_RESUMED_POSTCOPY_FAILED] = "resumed-postcopy-failed",
    [NMA_LIFECYCLE_RESUMED_OTHER] = "resumed-other",
    [NMA_LIFECYCLE_STOPPED_MIGRATED] = "stopped-migrated",
    [NMA_LIFECYCLE_STOPPED_FAILED] = "stopped-failed",
    [NMA_LIFECYCLE_STOPPED_OTHER] = "stopped-other",
};

static const char *const state_names[] = {
    [NMA_DOMAIN_ABSENT] = "absent",
    [NMA_DOMAIN_RUNNING] = "running",
    [NMA_DOMAIN_PAUSED] = "paused",
    [NMA_DOMAIN_PAUSED_MIGRATION] = "paused-migration",
    [NMA_DOMAIN_PAUSED_POSTCOPY] = "paused-postcopy",
    [NMA_DOMAIN_PAUSED_POSTCOPY_FAILED] = "paused-postcopy-failed",
    [NMA_DOMAIN_UNKNOWN] = "unknown",
};

static const char *const kind_names[] = {
    [NMA_JOB_NONE] = "none",
    [NMA_JOB_MIGRATION_OUT] = "migration-out",
    [NMA_JOB_MIGRATION_IN] = "migration-in",
    [NMA_JOB_OTHER] = "other",
};

/* two threads write lines */
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void
print_stats(const NmaJobStats *stats)
{
    static const struct {
        const char *name;
        gsize offset;
    } figures[] = {
#define FIGURE(member) { #member, G_STRUCT_OFFSET(NmaJobStats, member) }
        FIGURE(elapsed_ms),
        FIGURE(data_total_bytes),
        FIGURE(memory_total_bytes),
        FIGURE(memory_processed_bytes),
        FIGURE(memory_remaining_bytes),
        FIGURE(memory_normal_pages),
        FIGURE(memory_page_size_bytes),
        FIGURE(memory_iteration),
        FIGURE(downtime_ms),
        FIGURE(setup_time_ms),
#undef FIGURE
    };

    printf(" kind=%s", kind_names[stats->kind]);
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        printf(" %s=%" G_GINT64_FORMAT, figures[i].name,
               G_STRUCT_MEMBER(gint64, stats, figures[i].offset));
}

static void
print_reading(const char *word, const NmaDomainReading *reading)
{
    printf("%s uuid=%s state=%s known=%d", word, reading->instance_uuid,
           state_names[reading->state], reading->stats_known);
    print_stats(&reading->stats);
    if (reading->text)
        printf(" text=%s", reading->text); /* last: it holds blanks */
    printf("\n");
}

static void
print_event(NmaEvent *event, gpointer user_data)
{
    g_assert_cmpint(event->seen_boot_us, >, 0);
    g_assert_cmpint(event->seen_wall_us, >, 0);
    pthread_mutex_lock(&output);
    switch (event->type) {
    case NMA_EVENT_LIFECYCLE:
        printf("lifecycle uuid=%s what=%s\n", event->lifecycle.instance_uuid,
               lifecycle_names[event->lifecycle.what]);
        break;
    case NMA_EVENT_ITERATION:
        printf("iteration uuid=%s n=%" G_GINT64_FORMAT "\n", event->iteration.instance_uuid,
               event->iteration.iteration);
        break;
    case NMA_EVENT_JOB_COMPLETED:
        printf("job-completed uuid=%s", event->job_completed.instance_uuid);
        print_stats(&event->job_completed.stats);
        printf("\n");
        break;
    case NMA_EVENT_DOMAIN_READING:
        print_reading("reading", &event->reading);
        break;
    case NMA_EVENT_RESYNC:
        for (guint i = 0; i < event->readings->len; i++)
            print_reading("resync-domain", g_ptr_array_index(event->readings, i));
        printf("resync n=%u\n", event->readings->len);
        break;
    case NMA_EVENT_LIBVIRT_LOST:
        printf("libvirt-lost\n");
        break;
    default:
        g_assert_not_reached();
    }
    fflush(stdout);
    pthread_mutex_unlock(&output);
    nma_event_free(event);
}

static void
print_status(NmaHypervisor *hypervisor)
{
    NmaHypervisorStatus status;

    nma_hypervisor_get_status(hypervisor, &status);
    pthread_mutex_lock(&output);
    printf("status connected=%d overdue=%u alive_boot_us=%" G_GINT64_FORMAT
           " events=%" G_GUINT64_FORMAT " error=%s\n",
           status.connected, status.overdue_calls, status.last_alive_boot_us, status.events_total,
           status.error ? status.error : "");
    fflush(stdout);
    pthread_mutex_unlock(&output);
    nma_hypervisor_status_clear(&status);
}

static void
print_resident(const char *uuid)
{
    pthread_mutex_lock(&output);
    printf("resident bytes=%" G_GINT64_FORMAT "\n", nma_probe_qemu_resident_bytes("/proc", uuid));
    fflush(stdout);
    pthread_mutex_unlock(&output);
}

static int
try_once(const char *uri, NmaAccess access)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (nma_hypervisor_try(uri, access, &text, &error))
        printf("try %s\n", text);
    else
        printf("failed %s\n", error->message);
    return error ? 1 : 0;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    char line[256];
    gint64 stop_ms = 5000;

    if (argc != 4)
        return 2;

    NmaAccess access = strcmp(argv[2], "ro") == 0 ? NMA_ACCESS_READ_ONLY : NMA_ACCESS_READ_WRITE;

    if (strcmp(argv[3], "try") == 0)
        return try_once(argv[1], access);

    NmaHypervisorConfig config = {
        .uri = argv[1],
        .access = access,
        .call_deadline_ms = g_ascii_strtoll(argv[3], NULL, 10),
        .post = print_event,
    };
    NmaHypervisor *hypervisor = nma_hypervisor_new(&config, &error);

    if (!hypervisor) {
        printf("failed %s\n", error->message);
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", 2);

        if (!words[0])
            continue;
        if (strcmp(words[0], "read") == 0)
            nma_hypervisor_read_domain(hypervisor, words[1]);
        else if (strcmp(words[0], "resync") == 0)
            nma_hypervisor_resync(hypervisor);
        else if (strcmp(words[0], "status") == 0)
            print_status(hypervisor);
        else if (strcmp(words[0], "resident") == 0)
            print_resident(words[1]);
        else if (strcmp(words[0], "second") == 0)
            g_assert_null(nma_hypervisor_new(&config, NULL));
        else if (strcmp(words[0], "stop") == 0) {
            stop_ms = g_ascii_strtoll(words[1], NULL, 10);
            break;
        }
    }

    gint64 begin_us = g_get_monotonic_time();

    nma_hypervisor_stop(hypervisor, stop_ms);
    pthread_mutex_lock(&output);
    printf("stopped ms=%" G_GINT64_FORMAT "\n", (g_get_monotonic_time() - begin_us) / 1000);
    fflush(stdout);
    pthread_mutex_unlock(&output);
    return 0;
}
