#include <string.h>

#include "agent/probe/file.h"
#include "agent/probe/memory.h"

#define NODES "devices/system/node"

/* "node12" with prefix "node", "hugepages-2048kB" with prefix and suffix; -1 when it is not one */
static gint64
number_in(const char *name, const char *prefix, const char *suffix)
{
    g_autofree char *number = NULL;
    guint64 value;

    if (!g_str_has_prefix(name, prefix) || !g_str_has_suffix(name, suffix) ||
        strlen(name) < strlen(prefix) + strlen(suffix))
        return -1;
    number = g_strndup(name + strlen(prefix), strlen(name) - strlen(prefix) - strlen(suffix));
    return g_ascii_string_to_unsigned(number, 10, 0, G_MAXINT32, &value, NULL) ? (gint64)value : -1;
}

static gint64
read_count(const char *folder, const char *name)
{
    g_autofree char *text = nma_probe_read(folder, name, NULL);
    guint64 value;

    if (!text)
        return NMA_UNKNOWN;
    return g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, G_MAXINT64, &value, NULL)
               ? (gint64)value
               : NMA_UNKNOWN;
}

static void
add_pools_of(const char *node_path, gint64 node, NmaFacts *facts)
{
    g_autofree char *path = g_build_filename(node_path, "hugepages", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)) && facts->n_huge_pools < NMA_MAX_HUGE_POOLS) {
        g_autofree char *folder = g_build_filename(path, name, NULL);
        gint64 kib = number_in(name, "hugepages-", "kB");
        gint64 free_pages = kib > 0 ? read_count(folder, "free_hugepages") : NMA_UNKNOWN;

        if (free_pages >= 0)
            facts->huge_pools[facts->n_huge_pools++] =
                (NmaHugePool){ .node = node, .size_bytes = kib * 1024, .free_pages = free_pages };
    }
}

gboolean
nma_probe_huge_pages(const char *sys, NmaFacts *facts, GError **error)
{
    g_autofree char *path = g_build_filename(sys, NODES, NULL);
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &cause);
    const char *name;

    if (!dir) {
        g_set_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_READ, "cannot read %s: %s", path,
                    cause->message);
        return FALSE;
    }
    facts->n_huge_pools = 0;
    facts->huge_pools_known = TRUE;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *node_path = g_build_filename(path, name, NULL);
        gint64 node = number_in(name, "node", "");

        if (node >= 0)
            add_pools_of(node_path, node, facts);
    }
    return TRUE;
}
