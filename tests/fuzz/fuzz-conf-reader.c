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
#include "nova-conf-tool/mask.h"
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
    for (guint i = 0; i < n_nct_options; i++) {
        const NctOption *option =
            nct_catalogue_option(release, nct_options[i].group, nct_options[i].name);
        g_auto(NctResult) result = { 0 };

        if (!option || nct_config_origin(config, option).kind != NCT_ORIGIN_FILE)
            continue;
        result = nct_config_read(config, option);
        g_assert((result.kind == NCT_RESULT_OK) == (result.value != NULL));
        g_assert(result.kind == NCT_RESULT_OK || result.reason);
        if (result.value) {
            g_autofree char *text = nct_value_to_text(result.value);

            g_assert(g_utf8_validate(text, -1, NULL));
        }
    }
    return 0;
}
