#include "agent/core/resources.h"

#include <string.h>

#include "agent/core/job_stats.h"

static const struct {
    const char *name, *unit;
} amounts[NMA_N_AMOUNTS] = {
    [NMA_AMOUNT_MEMORY] = { "memory", "bytes" },
    [NMA_AMOUNT_VCPUS] = { "vcpus", "vcpus" },
    [NMA_AMOUNT_DISK] = { "disk", "bytes" },
    [NMA_AMOUNT_PORTS] = { "ports", "ports" },
};

const char *
nma_amount_name(NmaAmount amount)
{
    g_return_val_if_fail((guint)amount < NMA_N_AMOUNTS, "");
    return amounts[amount].name;
}

const char *
nma_amount_unit(NmaAmount amount)
{
    g_return_val_if_fail((guint)amount < NMA_N_AMOUNTS, "");
    return amounts[amount].unit;
}

void
nma_resources_clear(NmaResources *resources)
{
    *resources = (NmaResources){ .n_pages = 0 };
    for (guint i = 0; i < NMA_N_AMOUNTS; i++)
        resources->amount[i] = NMA_UNKNOWN;
}

gboolean
nma_resources_equal(const NmaResources *a, const NmaResources *b)
{
    for (guint i = 0; i < NMA_N_AMOUNTS; i++)
        if (MAX(a->amount[i], 0) != MAX(b->amount[i], 0))
            return FALSE;
    if (a->n_pages != b->n_pages || memcmp(&a->cores, &b->cores, sizeof a->cores) != 0)
        return FALSE;
    for (guint i = 0; i < a->n_pages; i++)
        if (a->pages[i].node != b->pages[i].node ||
            a->pages[i].size_bytes != b->pages[i].size_bytes ||
            a->pages[i].count != b->pages[i].count)
            return FALSE;
    return TRUE;
}

gint64
nma_add_sizes(gint64 a, gint64 b)
{
    return b > G_MAXINT64 - a ? G_MAXINT64 : a + b;
}

gint64
nma_pages_bytes(const NmaResources *resources)
{
    gint64 sum = 0;

    for (guint i = 0; i < resources->n_pages; i++) {
        const NmaPages *pages = &resources->pages[i];

        sum = nma_add_sizes(sum, pages->count > G_MAXINT64 / pages->size_bytes
                                     ? G_MAXINT64
                                     : pages->count * pages->size_bytes);
    }
    return sum;
}

/* ---- cores ---- */

gboolean
nma_cores_any(const NmaCores *cores)
{
    for (guint i = 0; i < G_N_ELEMENTS(cores->bits); i++)
        if (cores->bits[i] != 0)
            return TRUE;
    return FALSE;
}

gboolean
nma_cores_has(const NmaCores *cores, guint core)
{
    return (cores->bits[core / 64] >> core % 64 & 1) != 0;
}

guint
nma_cores_count(const NmaCores *cores)
{
    guint count = 0;

    for (guint core = 0; core < NMA_MAX_CORES; core++)
        count += nma_cores_has(cores, core) ? 1 : 0;
    return count;
}

void
nma_cores_add(NmaCores *cores, guint core)
{
    g_return_if_fail(core < NMA_MAX_CORES);
    cores->bits[core / 64] |= G_GUINT64_CONSTANT(1) << core % 64;
}

void
nma_cores_remove(NmaCores *cores, const NmaCores *those)
{
    for (guint i = 0; i < G_N_ELEMENTS(cores->bits); i++)
        cores->bits[i] &= ~those->bits[i];
}

void
nma_cores_unite(NmaCores *cores, const NmaCores *with)
{
    for (guint i = 0; i < G_N_ELEMENTS(cores->bits); i++)
        cores->bits[i] |= with->bits[i];
}

char *
nma_cores_to_string(const NmaCores *cores)
{
    GString *text = g_string_new(NULL);

    for (guint first = 0; first < NMA_MAX_CORES; first++) {
        guint last = first;

        if (!nma_cores_has(cores, first))
            continue;
        while (last + 1 < NMA_MAX_CORES && nma_cores_has(cores, last + 1))
            last++;
        g_string_append_printf(text, text->len > 0 ? ",%u" : "%u", first);
        if (last > first)
            g_string_append_printf(text, "-%u", last);
        first = last;
    }
    return g_string_free(text, FALSE);
}

static gboolean
read_number(const char **text, gint64 most, gint64 *number)
{
    char *end;

    if (!g_ascii_isdigit(**text))
        return FALSE;
    *number = g_ascii_strtoll(*text, &end, 10);
    *text = end;
    return *number <= most; /* too long a one is G_MAXINT64 */
}

static gboolean
take(const char **text, char wanted)
{
    if (**text != wanted)
        return FALSE;
    (*text)++;
    return TRUE;
}

gboolean
nma_cores_from_string(const char *text, NmaCores *cores)
{
    NmaCores found = { { 0 } };
    gint64 first, last;

    if (text == NULL)
        return FALSE;
    while (*text != '\0') {
        if (!read_number(&text, NMA_MAX_CORES - 1, &first))
            return FALSE;
        last = first;
        if (take(&text, '-') && (!read_number(&text, NMA_MAX_CORES - 1, &last) || last < first))
            return FALSE;
        for (gint64 core = first; core <= last; core++)
            nma_cores_add(&found, (guint)core);
        if (*text != '\0' && !(take(&text, ',') && *text != '\0'))
            return FALSE;
    }
    *cores = found;
    return TRUE;
}

/* ---- huge pages ---- */

char *
nma_pages_to_string(const NmaResources *resources)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < resources->n_pages; i++) {
        const NmaPages *pages = &resources->pages[i];

        g_string_append_printf(text,
                               "%s%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT,
                               i > 0 ? "," : "", pages->node, pages->size_bytes, pages->count);
    }
    return g_string_free(text, FALSE);
}

static gboolean
read_pages(const char **text, NmaPages *pages)
{
    if (take(text, '-')) {
        if (!read_number(text, 1, &pages->node) || pages->node != 1)
            return FALSE;
        pages->node = NMA_ANY_NODE;
    } else if (!read_number(text, G_MAXINT32, &pages->node)) {
        return FALSE;
    }
    return take(text, ':') && read_number(text, G_MAXINT64 - 1, &pages->size_bytes) &&
           pages->size_bytes > 0 && take(text, ':') &&
           read_number(text, G_MAXINT64 - 1, &pages->count);
}

gboolean
nma_pages_from_string(const char *text, NmaResources *resources)
{
    NmaPages found[NMA_MAX_PAGES];
    guint n = 0;

    if (text == NULL)
        return FALSE;
    while (*text != '\0') {
        if (n == NMA_MAX_PAGES || !read_pages(&text, &found[n]))
            return FALSE;
        n++;
        if (*text != '\0' && !(take(&text, ',') && *text != '\0'))
            return FALSE;
    }
    memcpy(resources->pages, found, n * sizeof found[0]);
    resources->n_pages = n;
    return TRUE;
}
