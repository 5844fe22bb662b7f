/* nova-conf-tool lint: the audit. */
#include <string.h>
#include <unistd.h>

#include "nova-conf-tool/baseline.h"
#include "nova-conf-tool/cli.h"
#include "nova-conf-tool/output/output.h"

typedef struct {
    char *format;
    char *fail_on;
    char *colour;
    char *baseline;
    char *write_baseline;
} LintOptions;

typedef struct {
    const NctFormat *format;
    int fail_at; /* lowest severity that counts; NCT_N_SEVERITIES = none */
    NctBaseline *known;
    NctBaseline *record;
    NctOutput output;
    NctExit status;
} Lint;

static void
clear_options(LintOptions *options)
{
    g_free(options->format);
    g_free(options->fail_on);
    g_free(options->colour);
    g_free(options->baseline);
    g_free(options->write_baseline);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LintOptions, clear_options)

static void
clear_lint(Lint *lint)
{
    nct_baseline_free(lint->known);
    nct_baseline_free(lint->record);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Lint, clear_lint)

static gboolean
wants_colour(const char *word, gboolean *colour)
{
    if (!word || g_str_equal(word, "auto"))
        *colour = isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR");
    else
        *colour = g_str_equal(word, "always");
    return !word || g_str_equal(word, "auto") || g_str_equal(word, "always") ||
           g_str_equal(word, "never");
}

static gboolean
read_fail_on(const char *word, int *fail_at)
{
    NctSeverity severity = NCT_SEVERITY_WARNING;

    if (word && g_str_equal(word, "never")) {
        *fail_at = NCT_N_SEVERITIES;
        return TRUE;
    }
    if (word && !nct_severity_from_string(word, &severity))
        return FALSE;
    *fail_at = (int)severity;
    return TRUE;
}

static gboolean
understand(const NctCommand *command, const NctCli *cli, const LintOptions *options, Lint *lint)
{
    g_autoptr(GError) error = NULL;

    lint->format = nct_format_find(options->format ? options->format : "text");
    lint->output = (NctOutput){ .out = stdout,
                                .release = cli->choice.release,
                                .release_reason = cli->choice.reason };
    if (!lint->format) {
        nct_cli_complain(command, "no format %s; there are %s", options->format,
                         nct_format_names());
        return FALSE;
    }
    if (!read_fail_on(options->fail_on, &lint->fail_at)) {
        nct_cli_complain(command, "--fail-on takes error, warning, info or never");
        return FALSE;
    }
    if (!wants_colour(options->colour, &lint->output.colour)) {
        nct_cli_complain(command, "--color takes auto, always or never");
        return FALSE;
    }
    if (!nct_cli_check_input(cli, command))
        return FALSE;
    if (options->baseline) {
        lint->known = nct_baseline_read(options->baseline, &error);
        if (!lint->known) {
            nct_cli_complain(command, "%s", error->message);
            return FALSE;
        }
    }
    if (options->write_baseline)
        lint->record = nct_baseline_new();
    return TRUE;
}

static void
lint_one(Lint *lint, const NctCli *cli, guint i)
{
    g_autoptr(NctConfig) config = nct_cli_load(cli, i, cli->choice.release);
    g_autoptr(GPtrArray) findings = nct_audit_run(config, &cli->audit);

    lint->status = nct_cli_worse(lint->status, nct_cli_load_status(config));
    lint->output.n_configurations++;
    lint->output.n_files += nct_config_n_documents(config);
    if (nct_config_n_documents(config) == 0 && nct_config_load_errors(config)->len == 0)
        nct_cli_complain(&nct_command_lint, "no configuration file found%s%s",
                         cli->roots ? " below " : "", cli->roots ? cli->roots[i] : "");
    for (guint k = 0; k < findings->len; k++) {
        const NctFinding *finding = g_ptr_array_index(findings, k);

        if (lint->record)
            nct_baseline_add(lint->record, finding);
        if (lint->known && nct_baseline_takes(lint->known, finding)) {
            lint->output.n_baseline++;
            continue;
        }
        lint->output.counts[finding->severity]++;
        if ((int)finding->severity >= lint->fail_at)
            lint->status = nct_cli_worse(lint->status, NCT_EXIT_FINDINGS);
        lint->format->finding(&lint->output, finding);
    }
}

static int
run(int argc, char **argv)
{
    g_auto(LintOptions) options = { 0 };
    const GOptionEntry entries[] = {
        { "format", 'f', 0, G_OPTION_ARG_STRING, &options.format,
          "text, json, sarif, gitlab, gcc, junit", "FORMAT" },
        { "fail-on", 0, 0, G_OPTION_ARG_STRING, &options.fail_on,
          "exit 1 from this severity on: error, warning (default), info, never", "SEVERITY" },
        { "color", 0, 0, G_OPTION_ARG_STRING, &options.colour, "auto, always, never", "WHEN" },
        { "baseline", 0, 0, G_OPTION_ARG_FILENAME, &options.baseline,
          "do not show the findings recorded in it", "FILE" },
        { "write-baseline", 0, 0, G_OPTION_ARG_FILENAME, &options.write_baseline,
          "record today's findings", "FILE" },
        { NULL },
    };
    g_auto(NctCli) cli = { 0 };
    g_auto(Lint) lint = { 0 };
    g_autoptr(GError) error = NULL;
    int status;

    nct_cli_init(&cli);
    if (!nct_cli_parse(&cli, &nct_command_lint, entries, argc, argv, &status))
        return status;
    if (!understand(&nct_command_lint, &cli, &options, &lint))
        return NCT_EXIT_USAGE;

    lint.format->begin(&lint.output);
    for (guint i = 0; i < nct_cli_n_configurations(&cli); i++)
        lint_one(&lint, &cli, i);
    lint.format->end(&lint.output);
    if (lint.record && !nct_baseline_write(lint.record, options.write_baseline, &error))
        return nct_cli_complain(&nct_command_lint, "%s", error->message);
    if (fflush(stdout) != 0 || ferror(stdout))
        return nct_cli_complain(&nct_command_lint, "the output cannot be written");
    return (int)lint.status;
}

const NctCommand nct_command_lint = {
    .name = "lint",
    .arguments = "[FILE…]",
    .summary = "audit nova.conf for a release",
    .run = run,
};
