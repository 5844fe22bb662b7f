#include "agent/core/facts.h"

#include <string.h>

void
nma_virt_facts_clear(NmaVirtFacts *virt)
{
    g_free(virt->needs);
    g_free(virt->nodes);
    *virt = (NmaVirtFacts){
        .libvirt_version = NMA_UNKNOWN,
        .qemu_version = NMA_UNKNOWN,
        .online_cpus = NMA_UNKNOWN,
        .guests_memory_bytes = NMA_UNKNOWN,
        .guests_vcpus = NMA_UNKNOWN,
        .guests_pinned_vcpus = NMA_UNKNOWN,
    };
}

void
nma_acceptance_clear(NmaAcceptance *acceptance)
{
    g_free(acceptance->needs);
    g_free(acceptance->refusal);
    g_free(acceptance->cpu_needs);
    g_free(acceptance->missing);
    g_free(acceptance->unknown_model);
    *acceptance = (NmaAcceptance){ .cpu = NMA_CPU_UNKNOWN };
}

void
nma_storage_facts_clear(NmaStorageFacts *storage)
{
    g_free(storage->needs);
    g_free(storage->path);
    g_free(storage->disks);
    *storage = (NmaStorageFacts){ .total_bytes = NMA_UNKNOWN, .free_bytes = NMA_UNKNOWN };
}

void
nma_facts_clear(NmaFacts *facts)
{
    *facts = (NmaFacts){
        .memory_available_bytes = NMA_UNKNOWN,
        .memory_total_bytes = NMA_UNKNOWN,
        .memory_reserved_host_bytes = NMA_UNKNOWN,
        .memory_promised_bytes = NMA_UNKNOWN,
        .memory_ratio_permille = NMA_UNKNOWN,
        .swap_total_bytes = NMA_UNKNOWN,
        .swap_free_bytes = NMA_UNKNOWN,
        .pressure_some = NMA_UNKNOWN,
        .pressure_full = NMA_UNKNOWN,
        .cpu_ratio_permille = NMA_UNKNOWN,
        .shared_cpus = NMA_UNKNOWN,
        .dedicated_cpus = NMA_UNKNOWN,
        .disk_ratio_permille = NMA_UNKNOWN,
        .disk_reserved_host_bytes = NMA_UNKNOWN,
        .disk_promised_bytes = NMA_UNKNOWN,
        .free_dedicated_cpus = NMA_UNKNOWN,
        .arriving = NMA_UNKNOWN,
        .max_incoming = NMA_UNKNOWN,
        .userfaultfd = NMA_UNKNOWN,
        .wall_s = NMA_UNKNOWN,
    };
    nma_virt_facts_clear(&facts->virt);
    nma_acceptance_clear(&facts->acceptance);
    nma_storage_facts_clear(&facts->storage);
}

void
nma_facts_release(NmaFacts *facts)
{
    nma_virt_facts_clear(&facts->virt);
    nma_acceptance_clear(&facts->acceptance);
    nma_storage_facts_clear(&facts->storage);
    nma_tls_facts_clear(&facts->tls);
    nma_source_facts_unref(facts->source);
    g_free(facts->source_needs);
    g_free(facts->huge_pools);
    nma_facts_clear(facts);
}

void
nma_facts_add_huge_pool(NmaFacts *facts, gint64 node, gint64 size_bytes, gint64 free_pages)
{
    if (facts->huge_pools == NULL)
        facts->huge_pools = g_new0(NmaHugePool, NMA_MAX_HUGE_POOLS);
    if (facts->n_huge_pools < NMA_MAX_HUGE_POOLS)
        facts->huge_pools[facts->n_huge_pools++] =
            (NmaHugePool){ .node = node, .size_bytes = size_bytes, .free_pages = free_pages };
}

/* KiB of "2048", "2MB", "1GB"; -1 when it is no size */
static gint64
page_kib(const char *text)
{
    static const struct {
        const char *unit;
        gint64 kib;
    } units[] = { { "GB", 1024 * 1024 }, { "MB", 1024 }, { "KB", 1 }, { "", 1 } };

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autofree char *number = NULL;
        guint64 value;

        if (!g_str_has_suffix(text, units[i].unit))
            continue;
        number = g_strndup(text, strlen(text) - strlen(units[i].unit));
        return g_ascii_string_to_unsigned(number, 10, 1, 1024 * 1024 * 1024, &value, NULL)
                   ? (gint64)value * units[i].kib
                   : -1;
    }
    return -1;
}

gboolean
nma_facts_keep_huge_pages(NmaFacts *facts, const char *reserved)
{
    g_auto(GStrv) parts = g_strsplit(reserved, ",", 8);
    gint64 node = -1, kib = -1, count = -1;

    for (char **part = parts; *part != NULL; part++) {
        char *colon = strchr(*part, ':');
        guint64 number;

        if (colon == NULL)
            return FALSE;
        *colon = '\0';
        const char *key = g_strstrip(*part), *value = g_strstrip(colon + 1);
        if (strcmp(key, "size") == 0)
            kib = page_kib(value);
        else if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT32, &number, NULL))
            return FALSE;
        else if (strcmp(key, "node") == 0)
            node = (gint64)number;
        else if (strcmp(key, "count") == 0)
            count = (gint64)number;
    }
    if (node < 0 || kib < 0 || count < 0)
        return FALSE;
    for (guint i = 0; i < facts->n_huge_pools; i++) {
        NmaHugePool *pool = &facts->huge_pools[i];

        if (pool->node == node && pool->size_bytes == kib * 1024)
            pool->reserved_pages = count;
    }
    return TRUE;
}

#define MAX_CPUS 8192

/* "4" or "4-12" */
static gboolean
read_range(const char *text, guint64 *first, guint64 *last)
{
    const char *dash = strchr(text, '-');
    g_autofree char *begin = dash != NULL ? g_strndup(text, (gsize)(dash - text)) : g_strdup(text);

    g_strstrip(begin);
    if (!g_ascii_string_to_unsigned(begin, 10, 0, MAX_CPUS - 1, first, NULL))
        return FALSE;
    *last = *first;
    if (dash == NULL)
        return TRUE;

    g_autofree char *end = g_strstrip(g_strdup(dash + 1));
    return g_ascii_string_to_unsigned(end, 10, *first, MAX_CPUS - 1, last, NULL);
}

/* in[n] is 1 for each CPU of the set. FALSE: it is none. */
static gboolean
read_set(const char *set, guint8 in[MAX_CPUS])
{
    g_auto(GStrv) parts = g_strsplit(set, ",", MAX_CPUS);

    for (guint out = 0; out < 2; out++) {
        for (char **part = parts; *part != NULL; part++) {
            const char *text = g_strstrip(*part);
            gboolean excluded = text[0] == '^';
            guint64 first, last;

            if (text[0] == '\0')
                continue;
            if (!read_range(text + excluded, &first, &last))
                return FALSE;
            if (excluded == (out == 1))
                memset(in + first, !excluded, (gsize)(last - first + 1));
        }
    }
    return TRUE;
}

gint64
nma_count_cpus(const char *set)
{
    g_autofree guint8 *in = g_new0(guint8, MAX_CPUS);
    gboolean good = read_set(set, in);
    gint64 count = 0;

    for (guint i = 0; good && i < MAX_CPUS; i++)
        count += in[i];
    return count > 0 ? count : NMA_UNKNOWN;
}

NmaCores
nma_read_cpus(const char *set)
{
    g_autofree guint8 *in = g_new0(guint8, MAX_CPUS);
    NmaCores cores = { { 0 } };
    gboolean good = read_set(set, in);

    for (guint core = 0; good && core < NMA_MAX_CORES; core++)
        if (in[core])
            nma_cores_add(&cores, core);
    return cores;
}
