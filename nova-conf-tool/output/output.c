#include "nova-conf-tool/output/output.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/mask.h"

static const NctFormat *const formats[] = {
    &nct_format_text,   &nct_format_json, &nct_format_sarif,
    &nct_format_gitlab, &nct_format_gcc,  &nct_format_junit,
};

const NctFormat *
nct_format_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        if (g_str_equal(formats[i]->name, name))
            return formats[i];
    return NULL;
}

const char *
nct_format_names(void)
{
    return "text, json, sarif, gitlab, gcc, junit";
}

char *
nct_output_path(const char *path)
{
    return nct_printable(path, strlen(path), G_MAXSIZE);
}

static void
append_count(GString *text, guint count, const char *word)
{
    if (count > 0)
        g_string_append_printf(text, "%s%u %s%s", text->len ? ", " : "", count, word,
                               count == 1 ? "" : "s");
}

char *
nct_output_summary(const NctOutput *output)
{
    GString *text = g_string_new(NULL);
    g_autofree char *release = nct_release_describe(output->release);

    append_count(text, output->counts[NCT_SEVERITY_ERROR], "error");
    append_count(text, output->counts[NCT_SEVERITY_WARNING], "warning");
    append_count(text, output->counts[NCT_SEVERITY_INFO], "info");
    if (text->len == 0)
        g_string_append(text, "nothing found");
    g_string_append_printf(text, " in %u file%s", output->n_files, output->n_files == 1 ? "" : "s");
    if (output->n_configurations > 1)
        g_string_append_printf(text, " (%u configurations)", output->n_configurations);
    if (output->n_baseline > 0)
        g_string_append_printf(text, ", %u known from the baseline", output->n_baseline);
    g_string_append_printf(text, "; for Nova %s, %s", release, output->release_reason);
    return g_string_free(text, FALSE);
}

char *
nct_finding_fingerprint(const NctFinding *finding)
{
    g_autofree char *base = g_path_get_basename(finding->path);
    g_autofree char *text = g_strdup_printf(
        "%s\n%s\n%s\n%s\n%s", finding->rule->code, base, finding->group ? finding->group : "",
        finding->option ? finding->option : "", finding->message);

    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}
