/* history [--json] [--limit N]: what past migrations came to, and how the forecasts compared. */
#include <stdio.h>

#include "agent/commands.h"
#include "agent/table.h"

#define LIMIT 20

static void
add_factor(NmaTable *table, const json_t *object, const char *name)
{
    double factor = json_number_value(json_object_get(object, name));

    if (factor > 0)
        nma_table_addf(table, "%.2f", factor);
    else
        nma_table_add(table, NULL);
}

static void
print_destinations(const json_t *destinations)
{
    static const char *const titles[] = { "DESTINATION", ">MIGRATIONS",      ">BANDWIDTH",
                                          ">SWITCHOVER", ">DURATION WITHIN", ">DOWNTIME WITHIN",
                                          ">RIGHT",      ">WRONG",           NULL };
    g_autoptr(NmaTable) table = nma_table_new(titles);
    const json_t *row;
    gsize i;

    json_array_foreach(destinations, i, row)
    {
        g_autofree char *rate = nma_show_rate(nma_answer_figure(row, "median_bandwidth_bytes_s"));
        g_autofree char *cost = nma_show_duration(nma_answer_figure(row, "fixed_cost_ms"));

        nma_table_add(table, nma_answer_word(row, "destination"));
        nma_table_addf(table, "%" G_GINT64_FORMAT, nma_answer_figure(row, "migrations"));
        nma_table_add(table, rate);
        nma_table_add(table, cost);
        add_factor(table, row, "duration_factor");
        add_factor(table, row, "downtime_factor");
        nma_table_addf(table, "%" G_GINT64_FORMAT, nma_answer_figure(row, "verdicts_right"));
        nma_table_addf(table, "%" G_GINT64_FORMAT, nma_answer_figure(row, "verdicts_wrong"));
    }
    nma_table_print(table, stdout);
}

static void
add_range(NmaTable *table, const json_t *prediction, const char *low, const char *high)
{
    g_autofree char *from = nma_show_duration(nma_answer_figure(prediction, low));
    g_autofree char *to = nma_show_duration(nma_answer_figure(prediction, high));

    if (nma_answer_figure(prediction, low) < 0 && nma_answer_figure(prediction, high) < 0)
        nma_table_add(table, NULL);
    else
        nma_table_addf(table, "%s to %s", from, to);
}

static void
print_migrations(const json_t *migrations)
{
    static const char *const titles[] = { "ENDED",     "INSTANCE",          "TO",      "END",
                                          ">LASTED",   ">DOWNTIME",         "VERDICT", "SCORE",
                                          "LEFT THEN", "DOWNTIME FORECAST", NULL };
    g_autoptr(NmaTable) table = nma_table_new(titles);
    const json_t *row;
    gsize i;

    json_array_foreach(migrations, i, row)
    {
        const json_t *first = json_object_get(row, "forecast_first");
        g_autofree char *ended = nma_show_time(nma_answer_word(row, "ended_at"));
        g_autofree char *lasted = nma_show_duration(nma_answer_figure(row, "lasted_ms"));
        g_autofree char *downtime = nma_show_duration(nma_answer_figure(row, "downtime_ms"));
        gboolean forced = json_is_true(json_object_get(row, "forced"));
        gboolean post_copy = json_is_true(json_object_get(row, "post_copy"));

        nma_table_add(table, ended);
        nma_table_add(table, nma_answer_word(row, "instance_uuid"));
        nma_table_add(table, nma_answer_word(row, "destination"));
        nma_table_addf(table, "%s%s", nma_answer_word(row, "end"),
                       post_copy ? " (post-copy)"
                       : forced  ? " (forced)"
                                 : "");
        nma_table_add(table, lasted);
        nma_table_add(table, downtime);
        nma_table_add(table, nma_answer_word(first, "verdict"));
        nma_table_add(table, nma_answer_word(first, "score"));
        add_range(table, first, "lasts_low_ms", "lasts_high_ms");
        add_range(table, first, "downtime_low_ms", "downtime_high_ms");
    }
    nma_table_print(table, stdout);
}

int
nma_cmd_history(int argc, char **argv)
{
    gboolean as_json = FALSE;
    int limit = LIMIT;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the answer as JSON", NULL },
        { "limit", 0, 0, G_OPTION_ARG_INT, &limit, "So many migrations, newest first (default: 20)",
          "N" },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    json_t *result;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, entries, 0, NULL,
                                "Tells what past migrations from this host came to, and how the "
                                "forecasts compared.",
                                &status))
        return status;
    if (limit < 0) {
        fprintf(stderr, "%s: --limit is a number from 0\n", g_get_prgname());
        return NMA_EXIT_USAGE;
    }
    result = nma_command_ask(&line, "history", json_pack("{s:i}", "limit", limit), &status);
    if (result == NULL)
        return status;
    if (as_json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_destinations(json_object_get(result, "destinations"));
        putchar('\n');
        print_migrations(json_object_get(result, "migrations"));
    }
    json_decref(result);
    return NMA_EXIT_OK;
}
