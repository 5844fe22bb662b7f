#include "nova-conf-tool/finding.h"

#include <string.h>

#include "nova-conf-tool/rule.h"

static const char *const severities[NCT_N_SEVERITIES] = {
    [NCT_SEVERITY_INFO] = "info",
    [NCT_SEVERITY_WARNING] = "warning",
    [NCT_SEVERITY_ERROR] = "error",
};

const char *
nct_severity_to_string(NctSeverity severity)
{
    return severities[severity];
}

gboolean
nct_severity_from_string(const char *text, NctSeverity *severity)
{
    for (guint i = 0; i < NCT_N_SEVERITIES; i++) {
        if (g_str_equal(severities[i], text)) {
            *severity = (NctSeverity)i;
            return TRUE;
        }
    }
    return FALSE;
}

void
nct_finding_free(NctFinding *finding)
{
    if (!finding)
        return;
    for (guint i = 0; finding->fix && i < finding->fix->len; i++) {
        g_free(g_array_index(finding->fix, NctEdit, i).text);
        g_free(g_array_index(finding->fix, NctEdit, i).group);
    }
    g_clear_pointer(&finding->fix, g_array_unref);
    g_free(finding->path);
    g_free(finding->group);
    g_free(finding->option);
    g_free(finding->message);
    g_free(finding->advice);
    g_free(finding);
}

int
nct_finding_compare(gconstpointer a, gconstpointer b)
{
    const NctFinding *x = *(const NctFinding *const *)a;
    const NctFinding *y = *(const NctFinding *const *)b;
    int order = strcmp(x->path, y->path);

    if (order == 0)
        order = x->line < y->line ? -1 : x->line > y->line;
    if (order == 0)
        order = x->column < y->column ? -1 : x->column > y->column;
    return order ? order : strcmp(x->rule->code, y->rule->code);
}
