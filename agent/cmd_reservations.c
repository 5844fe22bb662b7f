/* reservations [--json]: what is promised on this host. */
#include <stdio.h>

#include "agent/commands.h"
#include "agent/table.h"

static void
add_size(NmaTable *table, gint64 bytes)
{
    g_autofree char *size = bytes >= 0 ? nma_show_size(bytes) : NULL;

    nma_table_add(table, size);
}

static void
add_count(NmaTable *table, gint64 count)
{
    if (count >= 0)
        nma_table_addf(table, "%" G_GINT64_FORMAT, count);
    else
        nma_table_add(table, NULL);
}

/* "512 x 2048 KiB (node 0)", one after the other */
static void
add_huge_pages(NmaTable *table, const json_t *list)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const json_t *pages;
    gsize i;

    json_array_foreach(list, i, pages)
    {
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " KiB",
                               i > 0 ? ", " : "", nma_answer_figure(pages, "pages"),
                               nma_answer_figure(pages, "size_kib"));
        if (nma_answer_figure(pages, "node") >= 0)
            g_string_append_printf(text, " (node %" G_GINT64_FORMAT ")",
                                   nma_answer_figure(pages, "node"));
    }
    nma_table_add(table, text->len > 0 ? text->str : NULL);
}

static void
print_reservations(const json_t *list)
{
    static const char *const titles[] = { "INSTANCE", "STATE",  "SOURCE",     ">ENDS IN",
                                          ">MEMORY",  ">TAKEN", ">VCPUS",     ">DISK",
                                          ">PORTS",   "CORES",  "HUGE PAGES", NULL };
    g_autoptr(NmaTable) table = nma_table_new(titles);
    const json_t *row;
    gsize i;

    json_array_foreach(list, i, row)
    {
        gint64 left_s = nma_answer_figure(row, "expires_in_s");
        g_autofree char *left = left_s >= 0 ? nma_show_duration(left_s * 1000) : NULL;

        nma_table_add(table, nma_answer_word(row, "instance_uuid"));
        nma_table_add(table, nma_answer_word(row, "state"));
        nma_table_add(table, nma_answer_word(row, "source"));
        nma_table_add(table, left);
        add_size(table, nma_answer_figure(row, "memory_bytes"));
        add_size(table, nma_answer_figure(row, "resident_bytes"));
        add_count(table, nma_answer_figure(row, "vcpus"));
        add_size(table, nma_answer_figure(row, "disk_bytes"));
        add_count(table, nma_answer_figure(row, "ports"));
        nma_table_add(table, nma_answer_word(row, "cores"));
        add_huge_pages(table, json_object_get(row, "huge_pages"));
    }
    nma_table_print(table, stdout);
}

int
nma_cmd_reservations(int argc, char **argv)
{
    gboolean as_json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the answer as JSON", NULL },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    const json_t *list;
    json_t *result;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, entries, 0, NULL,
                                "Asks the running agent what it keeps for arriving guests.",
                                &status))
        return status;
    result = nma_command_ask(&line, "reservations", NULL, &status);
    if (result == NULL)
        return status;
    list = json_object_get(result, "reservations");
    if (as_json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (json_array_size(list) == 0) {
        puts("nothing is reserved on this host");
    } else {
        g_autofree char *promised = nma_show_size(nma_answer_figure(result, "promised_bytes"));

        print_reservations(list);
        printf("\n%s of memory are promised and not taken yet; Nova's scheduler does not know\n",
               promised);
    }
    json_decref(result);
    return NMA_EXIT_OK;
}
