/* NC0xx: whether the files can be read at all. */
#include <string.h>

#include "nova-conf-tool/audit.h"

static const char *
hint_for(const NctDocument *document, const NctSyntaxIssue *issue)
{
    NctSpan line = nct_document_line(document, issue->line);

    if (issue->line == 1 && line.n >= 3 && line.s[0] == '\xef' && line.s[1] == '\xbb' &&
        line.s[2] == '\xbf')
        return "the file begins with a byte order mark (U+FEFF); save it without";
    if (issue->kind == NCT_SYNTAX_CONTINUATION_WITHOUT_KEY)
        return "take out the white space at the start of the line";
    if (issue->kind == NCT_SYNTAX_SECTION_NOT_CLOSED)
        return "a comment must stand on a line of its own";
    if (issue->kind == NCT_SYNTAX_KEY_BEFORE_SECTION)
        return "put [DEFAULT] above it";
    return NULL;
}

static void
check_syntax(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < nct_config_n_documents(audit->config); i++) {
        const NctDocument *document = nct_config_document(audit->config, i);
        guint n;
        const NctSyntaxIssue *issues = nct_document_issues(document, &n);

        for (guint k = 0; k < n; k++) {
            NctFinding *finding = nct_audit_report_line(audit, rule, document, issues[k].line, "%s",
                                                        nct_syntax_error_text(issues[k].kind));

            if (finding)
                finding->advice = g_strdup(hint_for(document, &issues[k]));
        }
    }
}

/* messages of the reader begin with "PATH: ", or "PATH:LINE: " about a byte of a file */
static void
set_place(NctFinding *finding, const GError *error)
{
    const char *end = g_strrstr(error->message, ": ");

    g_free(finding->path);
    finding->path = g_strndup(error->message, (gsize)(end - error->message));
    if (error->code == NCT_CONFIG_ERROR_DECODE) {
        char *colon = strrchr(finding->path, ':');

        finding->line = (guint)g_ascii_strtoull(colon + 1, NULL, 10);
        *colon = '\0';
    }
}

static void
check_readable(NctAudit *audit, const NctRule *rule)
{
    const GPtrArray *errors = nct_config_load_errors(audit->config);

    for (guint i = 0; i < errors->len; i++) {
        const GError *error = g_ptr_array_index(errors, i);
        NctFinding *finding = nct_audit_report(audit, rule, NULL, NULL, "%s", error->message);

        if (finding)
            set_place(finding, error);
    }
}

static const NctRule rules[] = {
    {
        .code = "NC001",
        .name = "syntax-error",
        .severity = NCT_SEVERITY_ERROR,
        .summary = "a line that oslo.config cannot parse",
        .check = check_syntax,
        .explain =
            "oslo.config stops at the first line that it cannot parse, and the service exits with "
            "ConfigFileParseError before it has a log. Its message quotes the line, with any "
            "password "
            "in it; this program's never does.\n\n"
            "Every line must be a [section] header with nothing after it, a comment that begins "
            "with "
            "'#' or ';' in the first column, 'key = value' or 'key: value', or an indented line "
            "that "
            "continues the value right above it. Options must stand under a header.\n\n"
            "Source: oslo_config/iniparser.py, the same from 3.9.0 to 10.3.0.",
        .example_release = 33,
        .bad = "[libvirt]  # compute\ncpu_mode = none\n",
        .good = "# compute\n[libvirt]\ncpu_mode = none\n",
    },
    {
        .code = "NC002",
        .name = "unreadable-file",
        .severity = NCT_SEVERITY_ERROR,
        .summary = "a file that cannot be opened, is not UTF-8, or is too large",
        .check = check_readable,
        .explain = "A file named with --config-file that does not exist or may not be read stops "
                   "the service "
                   "(ConfigFilesNotFoundError, ConfigFilesPermissionDeniedError). So does one byte "
                   "that is not "
                   "UTF-8, even in a comment (UnicodeDecodeError).\n\n"
                   "Source: oslo_config/cfg.py, ConfigParser._parse_file.",
    },
};

const NctRuleTable nct_rules_files = { rules, G_N_ELEMENTS(rules) };
