/* nova-conf-tool upgrade: what must change from one release to another, as findings and as a patch.
 */
#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/cli.h"
#include "nova-conf-tool/edits.h"
#include "nova-conf-tool/output/output.h"
#include "nova-conf-tool/upgrade.h"

typedef struct {
    char *from;
    char *to;
    char *format;
    gboolean patch;
} UpgradeOptions;

static void
clear_options(UpgradeOptions *options)
{
    g_free(options->from);
    g_free(options->to);
    g_free(options->format);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UpgradeOptions, clear_options)

static void
print_patch(const NctConfig *config, const GPtrArray *findings, guint release)
{
    for (guint i = 0; i < nct_config_n_documents(config); i++) {
        g_autoptr(NctEdited) edited =
            nct_edits_apply(nct_config_document(config, i), findings, release);
        g_autoptr(GString) diff = NULL;
        guint left_out;

        if (nct_edited_n_fixes(edited) == 0)
            continue;
        diff = nct_edited_diff(edited, &left_out);
        fwrite(diff->str, 1, diff->len, stdout);
        if (left_out > 0)
            fprintf(
                stderr,
                "nova-conf-tool upgrade: %u more in lines that hold secrets; 'nova-conf-tool fix "
                "--in-place' makes them\n",
                left_out);
    }
}

static NctExit
upgrade_one(const NctCli *cli, guint i, guint from, guint to, const NctFormat *format,
            NctOutput *output, gboolean patch)
{
    g_autoptr(NctConfig) before = nct_cli_load(cli, i, from);
    g_autoptr(NctConfig) after = nct_cli_load(cli, i, to);
    g_autoptr(GPtrArray) findings = nct_upgrade_findings(before, from, after, to, &cli->audit);
    NctExit status = nct_cli_load_status(after);

    output->n_configurations++;
    output->n_files += nct_config_n_documents(after);
    if (patch) {
        print_patch(after, findings, to);
        return findings->len ? nct_cli_worse(status, NCT_EXIT_FINDINGS) : status;
    }
    for (guint k = 0; k < findings->len; k++) {
        const NctFinding *finding = g_ptr_array_index(findings, k);

        output->counts[finding->severity]++;
        if (finding->severity >= NCT_SEVERITY_WARNING)
            status = nct_cli_worse(status, NCT_EXIT_FINDINGS);
        format->finding(output, finding);
    }
    return status;
}

static int
run(int argc, char **argv)
{
    g_auto(UpgradeOptions) options = { 0 };
    const GOptionEntry entries[] = {
        { "from", 0, 0, G_OPTION_ARG_STRING, &options.from, "the release that runs now",
          "RELEASE" },
        { "to", 0, 0, G_OPTION_ARG_STRING, &options.to, "the release that will run", "RELEASE" },
        { "format", 'f', 0, G_OPTION_ARG_STRING, &options.format,
          "text, json, sarif, gitlab, gcc, junit", "FORMAT" },
        { "patch", 0, 0, G_OPTION_ARG_NONE, &options.patch,
          "print the changes that can be made by themselves, as a patch", NULL },
        { NULL },
    };
    g_auto(NctCli) cli = { 0 };
    const NctFormat *format;
    NctOutput output = { .out = stdout, .release_reason = "by --to" };
    NctExit status = NCT_EXIT_OK;
    guint from, to;
    int stop;

    nct_cli_init(&cli);
    if (!nct_cli_parse(&cli, &nct_command_upgrade, entries, argc, argv, &stop))
        return stop;
    if (!nct_cli_check_input(&cli, &nct_command_upgrade))
        return NCT_EXIT_USAGE;
    from = options.from ? nct_release_parse(options.from) : 0;
    to = options.to ? nct_release_parse(options.to) : 0;
    format = nct_format_find(options.format ? options.format : "text");
    if (!from || !to)
        return nct_cli_complain(&nct_command_upgrade,
                                "needs --from and --to, each a release such as zed, 2023.1 or 27");
    if (from > to)
        return nct_cli_complain(&nct_command_upgrade,
                                "--from is the older release, --to the newer one");
    if (!format)
        return nct_cli_complain(&nct_command_upgrade, "no format %s; there are %s", options.format,
                                nct_format_names());
    output.release = to;
    if (!options.patch)
        format->begin(&output);
    for (guint i = 0; i < nct_cli_n_configurations(&cli); i++)
        status =
            nct_cli_worse(status, upgrade_one(&cli, i, from, to, format, &output, options.patch));
    if (!options.patch)
        format->end(&output);
    if (output.n_files == 0)
        nct_cli_complain(&nct_command_upgrade, "no configuration file found");
    return (int)status;
}

const NctCommand nct_command_upgrade = {
    .name = "upgrade",
    .arguments = "--from RELEASE --to RELEASE [FILE…]",
    .summary = "what must change from one release to another",
    .run = run,
};
