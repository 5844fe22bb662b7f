#include "agent/core/facts.h"

#include <string.h>

void
nma_facts_clear(NmaFacts *facts)
{
    *facts = (NmaFacts){
        .memory_available_bytes = NMA_UNKNOWN,
        .memory_total_bytes = NMA_UNKNOWN,
        .memory_reserved_host_bytes = NMA_UNKNOWN,
        .memory_promised_bytes = NMA_UNKNOWN,
        .memory_ratio_permille = NMA_UNKNOWN,
        .guests_memory_bytes = NMA_UNKNOWN,
        .swap_total_bytes = NMA_UNKNOWN,
        .swap_free_bytes = NMA_UNKNOWN,
        .pressure_some = NMA_UNKNOWN,
        .pressure_full = NMA_UNKNOWN,
    };
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
