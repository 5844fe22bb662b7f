#include "agent/tracing.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/json/trace.h"

#define SUFFIX ".jsonl"

typedef struct {
    FILE *file; /* NULL: given up */
    gint64 begun_boot_us, last_us;
    gsize bytes;
} Trace;

struct NmaTracing {
    char *dir, *host_name;
    guint keep;
    NmaConvergenceLimits limits;
    NmaNovaOptions nova;
    GHashTable *traces; /* instance uuid -> Trace */
};

static void
trace_free(gpointer data)
{
    Trace *trace = data;

    if (trace->file != NULL)
        fclose(trace->file);
    g_free(trace);
}

NmaTracing *
nma_tracing_new(const char *state_dir, const char *host_name)
{
    NmaTracing *tracing = g_new0(NmaTracing, 1);

    tracing->dir = g_build_filename(state_dir, "traces", NULL);
    tracing->host_name = g_strdup(host_name);
    tracing->traces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, trace_free);
    return tracing;
}

void
nma_tracing_free(NmaTracing *tracing)
{
    if (tracing == NULL)
        return;
    g_hash_table_unref(tracing->traces);
    g_free(tracing->dir);
    g_free(tracing->host_name);
    g_free(tracing);
}

void
nma_tracing_set(NmaTracing *tracing, guint keep, const NmaConvergenceLimits *limits,
                const NmaNovaOptions *nova)
{
    tracing->keep = keep;
    tracing->limits = *limits;
    tracing->nova = *nova;
    if (keep == 0)
        g_hash_table_remove_all(tracing->traces);
}

/* ---- files ---- */

static int
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Their names begin with the time. */
static void
remove_oldest(const NmaTracing *tracing)
{
    g_autoptr(GDir) dir = g_dir_open(tracing->dir, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        if (g_str_has_suffix(name, SUFFIX))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i + tracing->keep <= names->len; i++) {
        g_autofree char *path = g_build_filename(tracing->dir, names->pdata[i], NULL);

        g_unlink(path);
    }
}

static FILE *
open_file(const NmaTracing *tracing, const char *instance_uuid, NmaNow now)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now.wall_us / NMA_US_PER_S);
    g_autofree char *stamp = time != NULL ? g_date_time_format(time, "%Y%m%dT%H%M%S") : NULL;
    g_autofree char *name = g_strdup_printf("%s.%06d-%s" SUFFIX, stamp != NULL ? stamp : "0",
                                            (int)(now.wall_us % NMA_US_PER_S), instance_uuid);
    g_autofree char *path = g_build_filename(tracing->dir, name, NULL);
    int fd;

    if (g_mkdir_with_parents(tracing->dir, 0700) != 0)
        return NULL;
    remove_oldest(tracing);
    fd = g_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    return fdopen(fd, "w");
}

static void
give_up(const NmaTracing *tracing, Trace *trace)
{
    int saved = errno;

    g_warning("a trace cannot be written to %s: %s", tracing->dir, g_strerror(saved));
    if (trace->file != NULL)
        fclose(trace->file);
    trace->file = NULL;
}

static void
write_line(const NmaTracing *tracing, Trace *trace, const char *line)
{
    gsize length = strlen(line) + 1;

    if (trace->file == NULL || trace->bytes + length > NMA_TRACE_MAX_BYTES)
        return;
    trace->bytes += length;
    if (fprintf(trace->file, "%s\n", line) < 0 || fflush(trace->file) != 0)
        give_up(tracing, trace);
}

static Trace *
begin(NmaTracing *tracing, const char *instance_uuid, NmaNow now)
{
    Trace *trace = g_new0(Trace, 1);
    NmaTraceHead head = { .host = tracing->host_name,
                          .begun_wall_us = now.wall_us,
                          .limits = tracing->limits,
                          .nova = tracing->nova };
    g_autofree char *line = NULL;

    g_strlcpy(head.instance_uuid, instance_uuid, sizeof head.instance_uuid);
    line = nma_trace_head_to_line(&head);
    trace->begun_boot_us = now.boot_us;
    trace->file = open_file(tracing, instance_uuid, now);
    if (trace->file == NULL)
        give_up(tracing, trace);
    write_line(tracing, trace, line);
    g_hash_table_insert(tracing->traces, g_strdup(instance_uuid), trace);
    return trace;
}

/* ---- events ---- */

static const char *
instance_of(const NmaEvent *event)
{
    switch (event->type) {
    case NMA_EVENT_NOVA_CALL:
        return event->nova_call.identity.instance_uuid;
    case NMA_EVENT_LIFECYCLE:
        return event->lifecycle.instance_uuid;
    case NMA_EVENT_ITERATION:
        return event->iteration.instance_uuid;
    case NMA_EVENT_JOB_COMPLETED:
        return event->job_completed.instance_uuid;
    case NMA_EVENT_DOMAIN_READING:
        return event->reading.instance_uuid;
    default:
        return NULL;
    }
}

typedef struct {
    const char *instance_uuid;
    gboolean copies;
} Search;

static void
find_source(const NmaMigration *migration, gpointer user_data)
{
    Search *search = user_data;

    if (migration->role == NMA_ROLE_SOURCE && migration->phase != NMA_PHASE_COMMITMENT &&
        g_str_equal(migration->identity.instance_uuid, search->instance_uuid))
        search->copies = TRUE;
}

void
nma_tracing_take(NmaTracing *tracing, const NmaHost *host, const NmaEvent *event, NmaNow now)
{
    const char *instance_uuid = instance_of(event);
    Search search = { instance_uuid, FALSE };
    NmaNow at = nma_event_time(event, now);
    g_autofree char *line = NULL;
    Trace *trace;

    if (tracing->keep == 0 || instance_uuid == NULL)
        return;
    nma_host_foreach_migration(host, find_source, &search);
    trace = g_hash_table_lookup(tracing->traces, instance_uuid);
    if (trace == NULL && search.copies)
        trace = begin(tracing, instance_uuid, at);
    if (trace == NULL)
        return;
    /* threads deliver them a little out of order; time in a trace does not go back */
    trace->last_us = MAX(at.boot_us - trace->begun_boot_us, trace->last_us);
    line = nma_trace_event_to_line(event, trace->last_us);
    if (line != NULL)
        write_line(tracing, trace, line);
    if (!search.copies)
        g_hash_table_remove(tracing->traces, instance_uuid);
}
