#include "agent/ops/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "nova_migration_agent_"

static void
append_head(GString *text, const char *name, const char *type, const char *help)
{
    g_string_append_printf(text, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help,
                           name, type);
}

static void
append_gauge(GString *text, const char *name, const char *help, gdouble value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    append_head(text, name, "gauge", help);
    g_ascii_formatd(number, sizeof number, "%.10g", value);
    g_string_append_printf(text, PREFIX "%s %s\n", name, number);
}

static void
append_counter(GString *text, const char *name, const char *help, guint64 value)
{
    append_head(text, name, "counter", help);
    g_string_append_printf(text, PREFIX "%s %" G_GUINT64_FORMAT "\n", name, value);
}

char *
nma_metrics_format(const NmaMetrics *m)
{
    GString *text = g_string_sized_new(2048);

    append_head(text, "bus_connected", "gauge", "Whether the connection to the broker stands.");
    g_string_append_printf(text, PREFIX "bus_connected{connection=\"in\"} %d\n",
                           m->bus_in_connected ? 1 : 0);
    g_string_append_printf(text, PREFIX "bus_connected{connection=\"out\"} %d\n",
                           m->bus_out_connected ? 1 : 0);
    append_gauge(text, "libvirt_connected", "Whether the connection to libvirt stands.",
                 m->libvirt_connected ? 1 : 0);
    append_gauge(text, "tap_age_seconds",
                 "Since the last probe came back through Nova's exchange; -1 when none has.",
                 m->tap_age_seconds);
    append_gauge(text, "outbox_oldest_seconds", "Age of the oldest report not yet published.",
                 m->outbox_oldest_seconds);
    append_gauge(text, "outbox_rows", "Reports not yet published.", (gdouble)m->outbox_rows);
    append_counter(text, "reports_published_total", "Reports that the broker has confirmed.",
                   m->reports_published_total);
    append_counter(text, "unroutable_total", "Reports returned because nobody listens.",
                   m->unroutable_total);
    append_counter(text, "reports_dropped_total", "Reports dropped from a full or old outbox.",
                   m->reports_dropped_total);
    append_counter(text, "tap_dropped_total", "Messages of the tap that were not looked into.",
                   m->tap_dropped_total);
    append_counter(text, "malformed_total", "Messages that could not be decoded.",
                   m->malformed_total);
    append_gauge(text, "reservations", "Live reservations on this host.", m->reservations);
    append_head(text, "migrations", "gauge", "Open migrations on this host by phase.");
    for (guint i = 0; i < NMA_N_PHASES; i++)
        g_string_append_printf(text, PREFIX "migrations{phase=\"%s\"} %u\n",
                               nma_phase_to_string((NmaPhase)i), m->migrations[i]);
    append_gauge(text, "config_audit_age_seconds",
                 "Since nova.conf was audited; -1 when it has not been.", m->audit_age_seconds);
    if (m->audit_age_seconds >= 0)
        append_head(text, "config_findings", "gauge", "Findings in nova.conf by severity.");
    for (guint i = 0; m->audit_age_seconds >= 0 && i < NMA_N_SEVERITIES; i++)
        g_string_append_printf(text, PREFIX "config_findings{severity=\"%s\"} %u\n",
                               nma_severity_to_string((NmaSeverity)i), m->findings[i]);
    return g_string_free(text, FALSE);
}

static gboolean
fail(GError **error, const char *what, const char *path)
{
    int saved = errno;

    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(saved), "%s %s: %s", what, path,
                g_strerror(saved));
    return FALSE;
}

gboolean
nma_metrics_write(const NmaMetrics *metrics, const char *path, GError **error)
{
    g_autofree char *text = nma_metrics_format(metrics);
    /* the collector reads *.prom only, so a half-written file beside it does no harm */
    g_autofree char *beside = g_strconcat(path, ".tmp", NULL);
    gsize length = strlen(text);
    int fd;

    /* node_exporter runs as another user; O_NOFOLLOW as the directory is often writable for a group
     */
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fail(error, "cannot write", beside);
    (void)fchmod(fd, 0644);
    if (write(fd, text, length) != (gssize)length) {
        if (errno == 0)
            errno = ENOSPC;
        fail(error, "cannot write", beside);
        close(fd);
        (void)g_unlink(beside);
        return FALSE;
    }
    close(fd);
    if (g_rename(beside, path) != 0) {
        fail(error, "cannot rename to", path);
        (void)g_unlink(beside);
        return FALSE;
    }
    return TRUE;
}
