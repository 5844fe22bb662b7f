/*
 * The audit: every rule over any file, what is shown of it, and the fixes, which must change no
 * value. The first byte chooses the release, the rest is the file.
 *
 * By hand, with clang:
 *   tests/fuzz/run-libfuzzer conf-rules SECONDS
 */
#include <glib.h>
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/edits.h"
#include "nova-conf-tool/mask.h"
#include "tests/fuzz/conf_options.h"
#include "tests/fuzz/fuzz.h"

static void
check_finding(const NctFinding *finding, guint release)
{
    g_autofree char *line = NULL;

    g_assert(finding->message && finding->path && finding->rule);
    if (finding->option)
        g_assert(g_utf8_validate(finding->option, -1, NULL));
    if (!finding->document || finding->line == 0)
        return;
    g_assert(finding->line <= nct_document_n_lines(finding->document));
    line = nct_mask_line(finding->document, finding->line, release);
    g_assert(!line || g_utf8_validate(line, -1, NULL));
}

/* what comes of an option, as text; kind and reason when nothing does */
static char *
outcome(const NctConfig *config, const NctOption *option)
{
    g_auto(NctResult) result = nct_config_read(config, option);
    g_autoptr(GString) text = g_string_new(NULL);

    if (result.kind != NCT_RESULT_OK)
        return g_strdup_printf("%d %s", (int)result.kind, result.reason);
    nct_value_append_str(result.value, text);
    return g_strdup_printf("= %s", text->str);
}

typedef struct {
    const NctConfig *before;
    const NctConfig *after;
} Fixed;

static void
check_same_outcome(const NctOption *option, gpointer data)
{
    const Fixed *fixed = data;
    g_autofree char *before = outcome(fixed->before, option);
    g_autofree char *after = outcome(fixed->after, option);

    g_assert_cmpstr(before, ==, after);
}

static void
check_fixes(const NctConfig *config, const NctDocument *document, const GPtrArray *findings,
            guint release)
{
    g_autoptr(NctEdited) edited = nct_edits_apply(document, findings, release);
    g_autoptr(GString) text = nct_edited_text(edited);
    g_autoptr(GString) diff = NULL;
    g_autoptr(NctConfig) fixed = NULL;
    NctDocument *again;
    guint left_out;

    diff = nct_edited_diff(edited, &left_out);
    if (nct_edited_n_fixes(edited) == 0) {
        NctSpan old = nct_document_text(document);

        g_assert(text->len == old.n && memcmp(text->str, old.s, old.n) == 0);
        return;
    }
    again = nct_document_parse("fuzz", text->str, text->len, NULL);
    g_assert(again != NULL);
    fixed = nct_config_from_document(again, NULL, release);
    fuzz_for_each_option(document, release, check_same_outcome, &(Fixed){ config, fixed });
    fuzz_for_each_option(again, release, check_same_outcome, &(Fixed){ config, fixed });
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_warm_catalogue();
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NctAuditOptions options = { 0 };
    NctDocument *document;
    g_autoptr(NctConfig) config = NULL;
    g_autoptr(GPtrArray) findings = NULL;
    guint n_issues;

    if (size == 0)
        return 0;
    options.release =
        nct_release_oldest() + data[0] % (nct_release_newest() - nct_release_oldest() + 1);
    document = nct_document_parse("fuzz", (const char *)data + 1, size - 1, NULL);
    if (!document)
        return 0;
    config = nct_config_from_document(document, NULL, options.release);
    findings = nct_audit_run(config, &options);
    for (guint i = 0; i < findings->len; i++)
        check_finding(g_ptr_array_index(findings, i), options.release);
    /* files that cannot be parsed are left alone */
    nct_document_issues(document, &n_issues);
    if (n_issues == 0)
        check_fixes(config, document, findings, options.release);
    return 0;
}
