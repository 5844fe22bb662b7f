/* replay TRACE: what would have been said of a recorded migration, and when. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands.h"
#include "agent/json/forecast.h"
#include "agent/replaying.h"
#include "agent/table.h"

typedef struct {
    gboolean as_json;
    const char *host;
    guint n_forecasts;
} Printing;

static void
print_forecast(gint64 at_ms, const NmaForecastReport *report, gpointer user_data)
{
    Printing *printing = user_data;

    printing->n_forecasts++;
    if (printing->as_json) {
        g_autofree char *text = nma_forecast_to_json(report, printing->host);
        json_t *value = json_loads(text, 0, NULL);

        json_object_set_new(value, "at_ms", json_integer(at_ms));
        json_dumpf(value, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(value);
    } else {
        g_autofree char *said = nma_forecast_diagnosis(&report->forecast);

        printf("%9.3f s  pass %-3" G_GINT64_FORMAT " %-9s  %s\n", (double)at_ms / 1e3,
               report->iteration, nma_forecast_verdict_to_string(report->forecast.verdict), said);
    }
}

static void
print_score(const NmaOutcome *outcome, NmaPredictionKind kind, const char *name)
{
    const NmaPrediction *prediction = &outcome->predictions[kind];
    double duration = nma_outcome_duration_ratio(outcome, kind);
    double downtime = nma_outcome_downtime_ratio(outcome, kind);

    if (prediction->verdict == NMA_FORECAST_UNKNOWN)
        return;
    printf("%-13s %s%s%s", name, nma_forecast_verdict_to_string(prediction->verdict),
           prediction->score != NMA_SCORE_NONE ? ", " : "", nma_score_to_string(prediction->score));
    if (duration > 0)
        printf("; duration %.2f times what came", duration);
    if (downtime > 0)
        printf("; downtime %.2f times", downtime);
    putchar('\n');
}

static void
print_outcome(const NmaOutcome *outcome, gpointer user_data)
{
    Printing *printing = user_data;
    g_autofree char *lasted = NULL, *downtime = NULL, *rate = NULL;

    if (printing->as_json)
        return;
    if (printing->n_forecasts == 0)
        puts("nothing would have been said");
    if (outcome == NULL) {
        puts("\nthe trace ends before the migration does");
        return;
    }
    lasted = nma_show_duration(outcome->lasted_ms);
    downtime = nma_show_duration(outcome->downtime_ms);
    rate = nma_show_rate(outcome->bandwidth_bytes_s);
    printf("\nit was %s%s: lasted %s, downtime %s, bandwidth %s\n",
           nma_outcome_end_to_string(outcome->end),
           outcome->post_copy ? " (post-copy)"
           : outcome->forced  ? " (forced)"
                              : "",
           lasted, downtime, rate);
    print_score(outcome, NMA_PREDICTED_FIRST, "first verdict");
    print_score(outcome, NMA_PREDICTED_LAST, "last verdict");
}

int
nma_cmd_replay(int argc, char **argv)
{
    gboolean as_json = FALSE;
    int max_downtime_ms = -1;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json,
          "Print the forecasts as they would have been sent, one a line", NULL },
        { "max-downtime", 0, 0, G_OPTION_ARG_INT, &max_downtime_ms,
          "Judge against this in place of what nova.conf permitted then", "MS" },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaReplay) replay = NULL;
    Printing printing = { .as_json = FALSE };
    int status;

    if (!nma_command_line_parse(
            &line, argc, argv, entries, 1, "TRACE",
            "Runs a recorded migration through the model, offline: what would\n"
            "have been said of it, and when. TRACE may be - for standard input.",
            &status))
        return status;
    if (line.rest == NULL || max_downtime_ms == 0 || max_downtime_ms < -1) {
        fprintf(stderr, "%s: %s (see --help)\n", g_get_prgname(),
                line.rest == NULL ? "name a trace" : "--max-downtime is a number of ms from 1");
        return NMA_EXIT_USAGE;
    }
    replay = nma_replay_load(line.rest[0], &error);
    if (replay == NULL) {
        g_autofree char *name = nma_printable(line.rest[0]);

        fprintf(stderr, "%s: %s: %s\n", g_get_prgname(), name, error->message);
        return NMA_EXIT_FAILED;
    }
    if (max_downtime_ms > 0)
        nma_replay_head(replay)->limits.max_downtime_ms = max_downtime_ms;
    if (nma_replay_skipped(replay) > 0)
        fprintf(stderr, "%s: %u lines of unknown kinds are passed over\n", g_get_prgname(),
                nma_replay_skipped(replay));
    printing = (Printing){ .as_json = as_json, .host = nma_replay_head(replay)->host };
    nma_replay_run(replay, print_forecast, print_outcome, &printing);
    return NMA_EXIT_OK;
}
