#include "agent/probe/link.h"

#include <string.h>

#include "agent/core/job_stats.h"
#include "agent/probe/file.h"

#define MAX_MBIT_S  10000000
#define BITS_A_BYTE 8
#define MEGA        1000000

/* Columns: Iface Destination Gateway Flags RefCnt Use Metric Mask …; the default route is the one
 * to 00000000/00000000, the smallest metric counts. Owned. */
static char *
default_interface(const char *proc)
{
    g_autofree char *text = nma_probe_read(proc, "net/route", NULL);
    g_auto(GStrv) lines = text != NULL ? g_strsplit(text, "\n", -1) : NULL;
    char *found = NULL;
    guint64 least = G_MAXUINT64;

    for (guint i = 1; lines != NULL && lines[0] != NULL && lines[i] != NULL; i++) {
        g_auto(GStrv) columns = g_strsplit(lines[i], "\t", 9);
        guint64 metric;

        if (g_strv_length(columns) < 8 || strcmp(columns[1], "00000000") != 0 ||
            strcmp(columns[7], "00000000") != 0)
            continue;
        metric = g_ascii_strtoull(columns[6], NULL, 10);
        if (metric < least) {
            least = metric;
            g_free(found);
            found = g_strdup(columns[0]);
        }
    }
    return found;
}

gint64
nma_probe_link_bytes_s(const char *proc, const char *sys)
{
    g_autofree char *interface = default_interface(proc);
    g_autofree char *name = NULL, *text = NULL;
    gint64 mbit_s;

    if (interface == NULL || *interface == '\0' || strchr(interface, '/') != NULL ||
        interface[0] == '.')
        return NMA_UNKNOWN;
    name = g_build_filename("class", "net", interface, "speed", NULL);
    text = nma_probe_read(sys, name, NULL);
    mbit_s = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (mbit_s <= 0 || mbit_s > MAX_MBIT_S)
        return NMA_UNKNOWN;
    return mbit_s * MEGA / BITS_A_BYTE;
}
