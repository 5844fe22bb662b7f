/* For editors: FILE:LINE:COLUMN: severity: message, as compilers write it. */
#include "nova-conf-tool/output/output.h"

static void
nothing(NctOutput *output)
{
}

static void
write_finding(NctOutput *output, const NctFinding *finding)
{
    g_autofree char *path = nct_output_path(finding->path);
    static const char *const words[NCT_N_SEVERITIES] = { "note", "warning", "error" };

    fprintf(output->out, "%s:%u:%u: %s: %s%s%s [%s]\n", path, MAX(finding->line, 1),
            MAX(finding->column, 1), words[finding->severity], finding->message,
            finding->advice ? "; " : "", finding->advice ? finding->advice : "",
            finding->rule->code);
}

const NctFormat nct_format_gcc = { "gcc", nothing, write_finding, nothing };
