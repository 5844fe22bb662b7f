/* For people: one line to read, the line of the file with a caret, and what to write instead. */
#include <string.h>

#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/output/output.h"

#define MAX_QUOTED 160

static const char *const colours[NCT_N_SEVERITIES] = { "36", "33", "31" };

/* MAX_QUOTED of them */
static const char tildes[] =
    "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"
    "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~";

static void
nothing(NctOutput *output)
{
}

static void
quote(NctOutput *output, const NctFinding *finding)
{
    g_autofree char *line = nct_mask_line(finding->document, finding->line, output->release);
    glong length = line ? g_utf8_strlen(line, -1) : 0;
    glong column = (glong)MIN(finding->column, (guint)length);
    glong end;

    if (!line || length == 0 || length > MAX_QUOTED)
        return;
    end = finding->end_column ? MIN((glong)finding->end_column, length + 1) : length + 1;
    fprintf(output->out, "%5u | %s\n", finding->line, line);
    if (finding->column == 0)
        return;
    fprintf(output->out, "      | %*s%s^", (int)MAX(column - 1, 0), "",
            output->colour ? "\033[1m" : "");
    fprintf(output->out, "%.*s%s\n", (int)MAX(end - column - 1, 0), tildes,
            output->colour ? "\033[0m" : "");
}

static void
write_finding(NctOutput *output, const NctFinding *finding)
{
    g_autofree char *path = nct_output_path(finding->path);
    const char *severity = nct_severity_to_string(finding->severity);

    if (output->colour)
        fprintf(output->out, "\033[1m%s", path);
    else
        fputs(path, output->out);
    if (finding->line > 0)
        fprintf(output->out, ":%u", finding->line);
    if (finding->line > 0 && finding->column > 0)
        fprintf(output->out, ":%u", finding->column);
    if (output->colour)
        fprintf(output->out, ":\033[0m \033[%sm%s:\033[0m ", colours[finding->severity], severity);
    else
        fprintf(output->out, ": %s: ", severity);
    fprintf(output->out, "%s [%s]\n", finding->message, finding->rule->code);
    if (finding->document && finding->line > 0)
        quote(output, finding);
    if (finding->advice)
        fprintf(output->out, "      = %s\n", finding->advice);
}

static void
end(NctOutput *output)
{
    g_autofree char *summary = nct_output_summary(output);

    fprintf(output->out, "%s\n", summary);
}

const NctFormat nct_format_text = { "text", nothing, write_finding, end };
