/*
 * The reader of nova.conf: lexer, document, effective values of every option. The first byte
 * chooses the release, the rest is the file.
 *
 * By hand, with clang:
 *   tests/fuzz/run-libfuzzer conf-reader SECONDS
 */
#include <glib.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/effective.h"
#include "tests/fuzz/conf_options.h"
#include "tests/fuzz/fuzz.h"

static void
check_document(const NctDocument *document)
{
    guint n;
    const NctEntry *entries = nct_document_entries(document, &n);
    NctSpan text = nct_document_text(document);

    for (guint i = 0; i < n; i++) {
        g_assert(entries[i].line >= 1 && entries[i].line <= entries[i].last_line);
        g_assert(entries[i].last_line <= nct_document_n_lines(document));
        g_assert(entries[i].value[entries[i].value_length] == '\0');
        g_assert(i == 0 || entries[i - 1].last_line < entries[i].line);
    }
    for (guint line = 1; line <= nct_document_n_lines(document); line++) {
        NctSpan raw = nct_document_line(document, line);

        g_assert(raw.s >= text.s && raw.s + raw.n <= text.s + text.n);
    }
}

static void
check_option(const NctOption *option, gpointer data)
{
    const NctConfig *config = data;
    g_auto(NctResult) result = nct_config_read(config, option);

    g_assert(nct_config_origin(config, option).kind == NCT_ORIGIN_FILE);
    g_assert((result.kind == NCT_RESULT_OK) == (result.value != NULL));
    g_assert(result.kind == NCT_RESULT_OK || result.reason);
    if (result.value) {
        g_autofree char *text = nct_value_to_text(result.value);

        g_assert(g_utf8_validate(text, -1, NULL));
    }
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
    guint release;
    NctDocument *document;
    g_autoptr(NctConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    if (size == 0)
        return 0;
    release = nct_release_oldest() + data[0] % (nct_release_newest() - nct_release_oldest() + 1);
    document = nct_document_parse("fuzz", (const char *)data + 1, size - 1, &error);
    g_assert((document == NULL) == (error != NULL));
    if (!document)
        return 0;
    check_document(document);
    config = nct_config_from_document(document, NULL, release);
    fuzz_for_each_option(document, release, check_option, config);
    return 0;
}
