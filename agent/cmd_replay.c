/* replay TRACE: what would have been said of a recorded migration, and done, and when. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands.h"
#include "agent/json/forecast.h"
#include "agent/json/remedy.h"
#include "agent/replaying.h"
#include "agent/table.h"

#define MIB (G_GINT64_CONSTANT(1024) * 1024)

typedef struct {
    gboolean as_json;
    const char *host;
    const NmaPolicy *policy; /* NULL: none */
    guint n_forecasts, n_remedies;
} Printing;

/* The payload (owned) with the time since the trace began. */
static void
print_payload(char *payload, gint64 at_ms)
{
    g_autofree char *text = payload;
    json_t *value = json_loads(text, 0, NULL);

    json_object_set_new(value, "at_ms", json_integer(at_ms));
    json_dumpf(value, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(value);
}

static void
print_line(gint64 at_ms, gint64 iteration, const char *word, const char *said)
{
    printf("%9.3f s  pass %-3" G_GINT64_FORMAT " %-9s  %s\n", (double)at_ms / 1e3, iteration, word,
           said);
}

static void
print_forecast(gint64 at_ms, const NmaForecastReport *report, gpointer user_data)
{
    Printing *printing = user_data;

    printing->n_forecasts++;
    if (printing->as_json) {
        print_payload(nma_forecast_to_json(report, printing->host), at_ms);
    } else {
        g_autofree char *said = nma_forecast_diagnosis(&report->forecast);

        print_line(at_ms, report->iteration,
                   nma_forecast_verdict_to_string(report->forecast.verdict), said);
    }
}

static void
print_remedy(gint64 at_ms, const NmaRemedyReport *report, gpointer user_data)
{
    Printing *printing = user_data;
    g_autofree char *said = NULL, *expected = NULL, *cap = NULL;
    g_autoptr(GString) all = NULL;

    printing->n_remedies++;
    if (printing->as_json) {
        print_payload(nma_remedy_to_json(report, printing->host), at_ms);
        return;
    }
    said = nma_remedy_sentence(report);
    expected = nma_show_duration(report->order.expected_ms);
    cap = nma_show_duration(report->order.cap_ms);
    all = g_string_new(said);
    if (report->order.expected_ms >= 0)
        g_string_append_printf(all, "; expected %s", expected);
    if (report->order.cap_ms >= 0)
        g_string_append_printf(all, "; cap %s", cap);
    print_line(at_ms, report->iteration, nma_remedy_to_string(report->order.remedy), all->str);
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
    if (printing->policy != NULL && printing->n_remedies == 0)
        printf("policy %s would have done nothing\n", printing->policy->name);
    else if (printing->n_remedies > 0)
        puts("\nwhat came after the first remedy was recorded without it");
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

/* As the configuration has it, or as it is shipped. NULL with a line on stderr. */
static const NmaPolicy *
find_policy(const NmaSettings *settings, const char *name)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < NMA_N_POLICIES; i++) {
        if (g_str_equal(settings->policies[i].name, name))
            return &settings->policies[i];
        g_string_append_printf(names, "%s%s", i > 0 ? " or " : "", settings->policies[i].name);
    }
    fprintf(stderr, "%s: --policy is %s (see --help)\n", g_get_prgname(), names->str);
    return NULL;
}

int
nma_cmd_replay(int argc, char **argv)
{
    gboolean as_json = FALSE;
    int max_downtime_ms = -1;
    g_autofree char *policy_name = NULL;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json,
          "Print the forecasts as they would have been sent, one a line", NULL },
        { "max-downtime", 0, 0, G_OPTION_ARG_INT, &max_downtime_ms,
          "Judge against this in place of what nova.conf permitted then", "MS" },
        { "policy", 0, 0, G_OPTION_ARG_STRING, &policy_name,
          "Show also what this policy would have done, with the caps of the configuration",
          "NAME" },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaReplay) replay = NULL;
    g_autoptr(NmaSettings) settings = NULL;
    const NmaReplayTold told = { print_forecast, print_remedy, print_outcome };
    const NmaPolicy *policy = NULL;
    Printing printing = { .as_json = FALSE };
    int status;

    if (!nma_command_line_parse(
            &line, argc, argv, entries, 1, "TRACE",
            "Runs a recorded migration through the model, offline: what would\n"
            "have been said of it, and done, and when. TRACE may be - for standard\n"
            "input.",
            &status))
        return status;
    if (line.rest == NULL || max_downtime_ms == 0 || max_downtime_ms < -1) {
        fprintf(stderr, "%s: %s (see --help)\n", g_get_prgname(),
                line.rest == NULL ? "name a trace" : "--max-downtime is a number of ms from 1");
        return NMA_EXIT_USAGE;
    }
    settings = nma_settings_load_own(line.config_file, &error);
    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_USAGE;
    }
    if (policy_name != NULL && (policy = find_policy(settings, policy_name)) == NULL)
        return NMA_EXIT_USAGE;
    replay = nma_replay_load(line.rest[0], &error);
    if (replay == NULL) {
        g_autofree char *name = nma_printable(line.rest[0]);

        fprintf(stderr, "%s: %s: %s\n", g_get_prgname(), name, error->message);
        return NMA_EXIT_FAILED;
    }
    if (max_downtime_ms > 0)
        nma_replay_head(replay)->limits.max_downtime_ms =
            nma_replay_head(replay)->nova.downtime_ms = max_downtime_ms;
    if (nma_replay_skipped(replay) > 0)
        fprintf(stderr, "%s: %u lines of unknown kinds are passed over\n", g_get_prgname(),
                nma_replay_skipped(replay));
    printing =
        (Printing){ .as_json = as_json, .host = nma_replay_head(replay)->host, .policy = policy };
    nma_replay_run(replay, policy, settings->max_speed_mib_s * MIB, &told, &printing);
    return NMA_EXIT_OK;
}
