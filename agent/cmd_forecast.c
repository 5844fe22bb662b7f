/* forecast INSTANCE --to HOST, forecast --all [--to HOST]: what migrations would be like. */
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/core/identity.h"
#include "agent/table.h"

#define ASK_AGAIN_US (300 * 1000)

/* ---- asking until all is measured ---- */

static void
say_waiting(const json_t *answer, gint64 *said)
{
    gint64 pending = nma_answer_figure(answer, "pending");

    if (pending == *said || pending <= 0)
        return;
    *said = pending;
    fprintf(stderr, "measuring, %" G_GINT64_FORMAT " to go\n", pending);
}

static json_t *
ask(const NmaCommandLine *line, const char *instance_uuid, const char *destination,
    gboolean says_waiting, int *status)
{
    gint64 since_ms = -1, said = -1;

    for (;;) {
        json_t *args = json_pack("{s:b}", "all", instance_uuid == NULL);
        json_t *answer;

        if (instance_uuid != NULL)
            json_object_set_new(args, "instance_uuid", json_string(instance_uuid));
        if (destination != NULL)
            json_object_set_new(args, "destination", json_string(destination));
        if (since_ms >= 0)
            json_object_set_new(args, "since_ms", json_integer(since_ms));
        answer = nma_command_ask(line, "forecast", args, status);
        if (answer == NULL || nma_answer_figure(answer, "pending") <= 0)
            return answer;
        since_ms = nma_answer_figure(answer, "since_ms");
        if (says_waiting)
            say_waiting(answer, &said);
        json_decref(answer);
        g_usleep(ASK_AGAIN_US);
    }
}

/* ---- for people ---- */

static char *
show_estimate(const json_t *forecast, const char *name, const char *unit, char *(*show)(gint64))
{
    g_autofree char *low_key = g_strdup_printf("%s_low_%s", name, unit);
    g_autofree char *high_key = g_strdup_printf("%s_high_%s", name, unit);
    g_autofree char *key = g_strdup_printf("%s_%s", name, unit);
    g_autofree char *value = show(nma_answer_figure(forecast, key));
    g_autofree char *low = show(nma_answer_figure(forecast, low_key));
    g_autofree char *high = show(nma_answer_figure(forecast, high_key));

    if (nma_answer_figure(forecast, low_key) < 0 && nma_answer_figure(forecast, key) < 0)
        return g_strdup("-");
    if (nma_answer_figure(forecast, high_key) < 0)
        return g_strdup_printf("%s (%s or more)", value, low);
    return g_strdup_printf("%s (%s to %s)", value, low, high);
}

static void
print_one(const json_t *forecast, const char *destination)
{
    static const struct {
        const char *label, *name, *unit;
        char *(*show)(gint64);
    } lines[] = {
        { "duration", "duration", "ms", nma_show_duration },
        { "downtime", "downtime", "ms", nma_show_duration },
        { "least downtime", "least_downtime", "ms", nma_show_duration },
        { "bytes sent", "sent", "bytes", nma_show_size },
        { "bandwidth", "bandwidth", "bytes_s", nma_show_rate },
        { "dirty rate", "dirty_rate", "bytes_s", nma_show_rate },
        { "working set", "working_set", "bytes", nma_show_size },
        { "memory to send", "nonzero", "bytes", nma_show_size },
        { "switchover cost", "fixed_cost", "ms", nma_show_duration },
    };
    g_autofree char *instance = nma_printable(nma_answer_word(forecast, "instance_uuid") ?: "?");
    g_autofree char *to = nma_printable(destination ?: "an unknown host");
    g_autofree char *verdict = nma_printable(nma_answer_word(forecast, "verdict") ?: "?");
    g_autofree char *source = nma_printable(nma_answer_word(forecast, "bandwidth_source") ?: "");
    const char *said = nma_answer_word(forecast, "diagnosis") ?: nma_answer_word(forecast, "text");

    printf("%s to %s: %s\n", instance, to, verdict);
    if (said != NULL) {
        g_autofree char *text = nma_printable(said);

        printf("%s\n", text);
    }
    if (nma_answer_word(forecast, "diagnosis") == NULL)
        return;
    putchar('\n');
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text =
            show_estimate(forecast, lines[i].name, lines[i].unit, lines[i].show);
        gboolean told = strcmp(lines[i].name, "bandwidth") == 0 && *source != '\0';

        printf("%-16s %s%s%s\n", lines[i].label, text, told ? ", from " : "", told ? source : "");
    }
}

/* those that will not make it first, then those of which it is not known */
static const char *const verdicts[] = { "hopeless", "unknown", "converges" };

static void
print_all(const json_t *forecasts)
{
    static const char *const titles[] = { "INSTANCE", "VERDICT",  ">DURATION", ">LEAST DOWNTIME",
                                          ">DIRTIES", ">TO SEND", "WHY",       NULL };
    g_autoptr(NmaTable) table = nma_table_new(titles);

    for (guint v = 0; v < G_N_ELEMENTS(verdicts); v++) {
        const json_t *forecast;
        gsize i;

        json_array_foreach(forecasts, i, forecast)
        {
            if (g_strcmp0(nma_answer_word(forecast, "verdict"), verdicts[v]) != 0)
                continue;
            g_autofree char *duration =
                nma_show_duration(nma_answer_figure(forecast, "duration_ms"));
            g_autofree char *least =
                nma_show_duration(nma_answer_figure(forecast, "least_downtime_ms"));
            g_autofree char *rate =
                nma_show_rate(nma_answer_figure(forecast, "dirty_rate_bytes_s"));
            g_autofree char *size = nma_show_size(nma_answer_figure(forecast, "nonzero_bytes"));

            nma_table_add(table, nma_answer_word(forecast, "instance_uuid"));
            nma_table_add(table, verdicts[v]);
            nma_table_add(table, duration);
            nma_table_add(table, least);
            nma_table_add(table, rate);
            nma_table_add(table, size);
            nma_table_add(table,
                          nma_answer_word(forecast, "text") ?: nma_answer_word(forecast, "why"));
        }
    }
    nma_table_print(table, stdout);
}

static int
status_of(const json_t *forecasts)
{
    gboolean seen[G_N_ELEMENTS(verdicts)] = { FALSE };
    const json_t *forecast;
    gsize i;

    json_array_foreach(forecasts, i, forecast)
    {
        guint v = 0;

        while (v < G_N_ELEMENTS(verdicts) - 1 &&
               g_strcmp0(nma_answer_word(forecast, "verdict"), verdicts[v]) != 0)
            v++;
        /* a verdict of a newer version is not known to us */
        if (g_strcmp0(nma_answer_word(forecast, "verdict"), verdicts[v]) != 0)
            v = 1;
        seen[v] = TRUE;
    }
    return seen[0] ? NMA_EXIT_HOPELESS : seen[1] ? NMA_EXIT_UNKNOWN : NMA_EXIT_OK;
}

static gboolean
check_usage(const NmaCommandLine *line, gboolean all, const char *destination)
{
    const char *instance_uuid = line->rest != NULL ? line->rest[0] : NULL;

    if (all == (instance_uuid != NULL)) {
        fprintf(stderr, "%s: name one instance, or --all (see --help)\n", g_get_prgname());
        return FALSE;
    }
    if (instance_uuid != NULL && !nma_uuid_is_valid(instance_uuid)) {
        fprintf(stderr, "%s: an instance is named by its uuid\n", g_get_prgname());
        return FALSE;
    }
    if (!all && destination == NULL) {
        fprintf(stderr, "%s: --to is missing (see --help)\n", g_get_prgname());
        return FALSE;
    }
    return TRUE;
}

int
nma_cmd_forecast(int argc, char **argv)
{
    gboolean as_json = FALSE, all = FALSE;
    g_autofree char *destination = NULL;
    const GOptionEntry entries[] = {
        { "to", 0, 0, G_OPTION_ARG_STRING, &destination,
          "Nova's name of the destination: what was learnt of it is used", "HOST" },
        { "all", 0, 0, G_OPTION_ARG_NONE, &all, "Every guest of this host", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the answer as JSON", NULL },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    const json_t *forecasts;
    json_t *result;
    int status;

    if (!nma_command_line_parse(
            &line, argc, argv, entries, 1, "[INSTANCE]",
            "Measures how fast guests dirty their memory, some seconds each, and says\n"
            "what their live migrations would be like: nothing is begun.",
            &status))
        return status;
    if (!check_usage(&line, all, destination))
        return NMA_EXIT_USAGE;
    result = ask(&line, all ? NULL : line.rest[0], destination, all && !as_json, &status);
    if (result == NULL)
        return status;
    forecasts = json_object_get(result, "forecasts");
    if (as_json) {
        json_object_del(result, "pending");
        json_object_del(result, "since_ms");
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (all) {
        print_all(forecasts);
    } else {
        print_one(json_array_get(forecasts, 0), destination);
    }
    status = status_of(forecasts);
    json_decref(result);
    return status;
}
