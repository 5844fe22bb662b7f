/* JUnit: a test case for each finding that fails, one that passes when there is none. */
#include "nova-conf-tool/output/output.h"

/* XML 1.0 has no way to write most control characters */
static void
write_escaped(FILE *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '&')
            fputs("&amp;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c == '\n' || c == '\t')
            fprintf(out, "&#%u;", c);
        else if (c < 0x20 || c == 0xfffe || c == 0xffff)
            putc('?', out);
        else
            fwrite(p, 1, (size_t)(g_utf8_next_char(p) - p), out);
    }
}

static void
begin(NctOutput *output)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite "
          "name=\"nova-conf-tool\">\n",
          output->out);
}

static void
write_finding(NctOutput *output, const NctFinding *finding)
{
    fputs("<testcase classname=\"", output->out);
    write_escaped(output->out, finding->path);
    fprintf(output->out, "\" name=\"%s %s line %u\">", finding->rule->code, finding->rule->name,
            finding->line);
    fprintf(output->out, "<failure type=\"%s\" message=\"",
            nct_severity_to_string(finding->severity));
    write_escaped(output->out, finding->message);
    fputs("\">", output->out);
    write_escaped(output->out, finding->advice ? finding->advice : finding->rule->summary);
    fputs("</failure></testcase>\n", output->out);
    output->started = TRUE;
}

static void
end(NctOutput *output)
{
    if (!output->started)
        fputs("<testcase classname=\"nova-conf-tool\" name=\"no findings\"/>\n", output->out);
    fputs("</testsuite>\n</testsuites>\n", output->out);
}

const NctFormat nct_format_junit = { "junit", begin, write_finding, end };
