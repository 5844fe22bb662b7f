#include "agent/table.h"

#include <string.h>

#include "agent/commands.h"

#define MIB 1048576.0

struct NmaTable {
    const char *const *titles;
    guint n_columns;
    GPtrArray *cells; /* row by row */
};

NmaTable *
nma_table_new(const char *const *titles)
{
    NmaTable *table = g_new0(NmaTable, 1);

    table->titles = titles;
    table->n_columns = g_strv_length((GStrv)titles);
    table->cells = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void
nma_table_free(NmaTable *table)
{
    if (table == NULL)
        return;
    g_ptr_array_unref(table->cells);
    g_free(table);
}

void
nma_table_add(NmaTable *table, const char *text)
{
    g_ptr_array_add(table->cells, text != NULL ? nma_printable(text) : g_strdup("-"));
}

void
nma_table_addf(NmaTable *table, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    nma_table_add(table, text);
}

static gboolean
is_right(const NmaTable *table, guint column)
{
    return table->titles[column][0] == '>';
}

static const char *
title(const NmaTable *table, guint column)
{
    return table->titles[column] + is_right(table, column);
}

static int
width_of(const char *text)
{
    return (int)g_utf8_strlen(text, -1);
}

static void
print_cell(const NmaTable *table, guint column, const char *text, int width, FILE *to)
{
    int pad = width - width_of(text);
    gboolean last = column + 1 == table->n_columns;

    if (is_right(table, column))
        fprintf(to, "%*s%s", pad, "", text);
    else
        fprintf(to, "%s%*s", text, last ? 0 : pad, "");
    fputs(last ? "\n" : "  ", to);
}

void
nma_table_print(const NmaTable *table, FILE *to)
{
    g_autofree int *widths = g_new0(int, table->n_columns);

    for (guint column = 0; column < table->n_columns; column++)
        widths[column] = width_of(title(table, column));
    for (guint i = 0; i < table->cells->len; i++) {
        int *width = &widths[i % table->n_columns];

        *width = MAX(*width, width_of(table->cells->pdata[i]));
    }
    for (guint column = 0; column < table->n_columns; column++)
        print_cell(table, column, title(table, column), widths[column], to);
    for (guint i = 0; i < table->cells->len; i++)
        print_cell(table, i % table->n_columns, table->cells->pdata[i],
                   widths[i % table->n_columns], to);
}

char *
nma_show_duration(gint64 ms)
{
    gint64 s = ms / 1000;

    if (ms < 0)
        return g_strdup("-");
    if (ms < 1000)
        return g_strdup_printf("%d ms", (int)ms);
    if (ms < 60000)
        return g_strdup_printf("%.1f s", (double)ms / 1e3);
    if (s < 3600)
        return g_strdup_printf("%d min %d s", (int)(s / 60), (int)(s % 60));
    return g_strdup_printf("%" G_GINT64_FORMAT " h %d min", s / 3600, (int)(s % 3600 / 60));
}

char *
nma_show_rate(gint64 bytes_s)
{
    return bytes_s < 0 ? g_strdup("-") : g_strdup_printf("%.1f MiB/s", (double)bytes_s / MIB);
}

char *
nma_show_size(gint64 bytes)
{
    if (bytes < 0)
        return g_strdup("-");
    return (double)bytes < 1024 * MIB ? g_strdup_printf("%.0f MiB", (double)bytes / MIB)
                                      : g_strdup_printf("%.1f GiB", (double)bytes / MIB / 1024);
}

char *
nma_show_time(const char *iso)
{
    char *text;

    if (iso == NULL)
        return g_strdup("-");
    text = g_strndup(iso, strlen("2026-11-21T21:22:44"));
    return g_strdelimit(text, "T", ' ');
}
