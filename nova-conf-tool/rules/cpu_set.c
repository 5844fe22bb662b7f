#include "nova-conf-tool/rules/cpu_set.h"

#include <string.h>

/* no machine has more; a range of a billion would take memory without end */
#define MAX_CPU 65535u

static gboolean
parse_number(const char *text, guint *number)
{
    guint64 value;

    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
        return FALSE;
    value = g_ascii_strtoull(text, NULL, 10);
    *number = (guint)value;
    return value <= MAX_CPU;
}

static gboolean
parse_range(char *text, guint *first, guint *last, const char **mistake)
{
    char *dash = strchr(text, '-');

    if (dash)
        *dash = '\0';
    if (!parse_number(g_strstrip(text), first) ||
        (dash && !parse_number(g_strstrip(dash + 1), last))) {
        *mistake = "holds something that is not the number of a CPU";
        return FALSE;
    }
    if (!dash)
        *last = *first;
    if (*first > *last) {
        *mistake = "holds a range that runs downwards";
        return FALSE;
    }
    return TRUE;
}

GHashTable *
nct_cpu_set_parse(const char *text, const char **mistake)
{
    g_autoptr(GHashTable) set = g_hash_table_new(NULL, NULL);
    g_auto(GStrv) elements = g_strsplit(text, ",", 10000);
    const char *unused;

    if (!mistake)
        mistake = &unused;
    for (guint pass = 0; pass < 2; pass++) {
        for (char **element = elements; *element; element++) {
            g_autofree char *copy = g_strstrip(g_strdup(*element));
            gboolean excludes = copy[0] == '^';
            guint first = 0, last = 0;

            if (!*copy || excludes != (pass == 1))
                continue;
            if (!parse_range(copy + excludes, &first, &last, mistake))
                return NULL;
            for (guint cpu = first; cpu <= last; cpu++) {
                if (excludes)
                    g_hash_table_remove(set, GUINT_TO_POINTER(cpu));
                else
                    g_hash_table_add(set, GUINT_TO_POINTER(cpu));
            }
        }
    }
    if (g_hash_table_size(set) == 0) {
        *mistake = "leaves no CPU";
        return NULL;
    }
    return g_steal_pointer(&set);
}
