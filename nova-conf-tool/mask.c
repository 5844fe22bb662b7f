#include "nova-conf-tool/mask.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/classify.h"
#include "nova-conf-tool/suggest.h"

/* characters of a key that a message quotes; none that Nova knows is half as long */
#define MAX_KEY 200

static gboolean
is_secret_row(const NctCatalogueRow *row)
{
    /* the generator has made all facts of an option agree */
    return row && (nct_facts[row->first_fact].flags & NCT_OPTION_SECRET);
}

/* whether some option that is secret has or had this name, in whatever group and release */
static gboolean
is_name_of_secret(const char *name)
{
    for (guint i = 0; i < n_nct_options; i++)
        if (is_secret_row(&nct_options[i]) && g_str_equal(nct_text(nct_options[i].name), name))
            return TRUE;
    for (guint i = 0; i < n_nct_aliases; i++)
        if (g_str_equal(nct_text(nct_aliases[i].name), name) &&
            is_secret_row(nct_catalogue_row(nct_text(nct_aliases[i].to_group),
                                            nct_text(nct_aliases[i].to_name))))
            return TRUE;
    return FALSE;
}

/*
 * An unknown name is often a known one: in the wrong group, in other letters, with an operator, or
 * mistyped.
 */
static gboolean
sounds_secret(const char *key)
{
    static const char *const parts[] = { "pass", "secret", "token", "credential" };
    static const char *const words[] = { "password", "passphrase", "secret", "token",
                                         "credentials" };
    static const char *const exact[] = { "pw", "pwd", "key", "psk", NULL };
    g_autofree char *base = nct_operator_base(key);
    g_autofree char *lower = g_ascii_strdown(base ? base : key, -1);
    g_auto(GStrv) pieces = NULL;

    g_strdelimit(lower, "-", '_');
    if (is_name_of_secret(lower))
        return TRUE;

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        if (strstr(lower, parts[i]))
            return TRUE;
    pieces = g_strsplit_set(lower, "_-. ", 20);
    for (char **piece = pieces; *piece; piece++) {
        if (g_strv_contains(exact, *piece))
            return TRUE;
        for (guint i = 0; i < G_N_ELEMENTS(words); i++)
            if (nct_edit_distance(*piece, words[i], 2) <= (strlen(words[i]) > 6 ? 2 : 1))
                return TRUE;
    }
    return FALSE;
}

gboolean
nct_is_secret(guint release, const char *group, const char *key)
{
    const NctCatalogueRow *row = group ? nct_catalogue_row(group, key) : NULL;
    const NctOption *reader = group ? nct_catalogue_by_old_name(release, group, key) : NULL;

    if (row)
        return is_secret_row(row);
    if (reader)
        return (reader->flags & NCT_OPTION_SECRET) != 0;
    return sounds_secret(key);
}

/* user:password@ after "//": to the last '@' of the word, since a password may hold anything */
static void
append_without_credentials(GString *out, NctSpan text)
{
    const char *end = text.s + text.n;

    for (const char *p = text.s; p < end;) {
        const char *slashes = g_strstr_len(p, end - p, "//");
        const char *at = NULL;
        const char *stop;

        if (!slashes) {
            g_string_append_len(out, p, end - p);
            return;
        }
        for (stop = slashes + 2; stop < end && !g_ascii_isspace(*stop); stop++)
            if (*stop == '@')
                at = stop;
        g_string_append_len(out, p, slashes + 2 - p);
        if (at)
            g_string_append(out, NCT_MASK);
        p = at ? at : slashes + 2;
        g_string_append_len(out, p, stop - p);
        p = stop;
    }
}

char *
nct_printable(const char *text, gsize n, gsize max)
{
    g_autofree char *valid = NULL;
    GString *out;
    gsize plain = 0;
    gsize length = 0;

    while (plain < n && plain < max && text[plain] >= 0x20 && text[plain] < 0x7f)
        plain++;
    if (plain == n)
        return g_strndup(text, n);
    valid = g_utf8_make_valid(text, (gssize)n);
    out = g_string_sized_new(MIN(n, max));
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (length++ == max) {
            g_string_append(out, "...");
            break;
        }
        g_string_append_unichar(out, c == '\t' || c == '\n' ? ' ' : g_unichar_isprint(c) ? c : '?');
    }
    return g_string_free(out, FALSE);
}

char *
nct_mask_value(NctSpan value, gboolean secret)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (secret)
        return g_strdup(value.n > 0 ? NCT_MASK : "");
    append_without_credentials(out, value);
    /* a NUL byte would end the text here */
    for (gsize i = 0; i < out->len; i++)
        if (out->str[i] == '\0')
            out->str[i] = '?';
    return g_utf8_make_valid(out->str, (gssize)out->len);
}

/* the assignment that a line belongs to */
static const NctEntry *
entry_at(const NctDocument *document, guint line)
{
    guint n;
    const NctEntry *entries = nct_document_entries(document, &n);
    guint low = 0;

    while (low < n) {
        guint middle = (low + n) / 2;

        if (entries[middle].last_line < line)
            low = middle + 1;
        else
            n = middle;
    }
    entries = nct_document_entries(document, &n);
    return low < n && entries[low].line <= line ? &entries[low] : NULL;
}

static gboolean
is_plain_header(NctSpan raw)
{
    raw = nct_rstrip(raw);
    return raw.n > 2 && raw.s[0] == '[' && raw.s[raw.n - 1] == ']';
}

char *
nct_mask_line(const NctDocument *document, guint line, guint release)
{
    NctSpan raw = nct_document_line(document, line);
    const NctEntry *entry = entry_at(document, line);
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *base = entry ? nct_operator_base(entry->key) : NULL;
    gsize head;

    if (!entry)
        return is_plain_header(raw) ? nct_printable(raw.s, raw.n, G_MAXSIZE) : NULL;
    head = strcspn(entry->key, " \t");
    if (entry->key[head] && !base) {
        /* a separator is missing: what looks like the key may hold the value */
        g_string_append_len(out, entry->key, (gssize)head);
        g_string_append(out, " " NCT_MASK);
    } else if (!nct_is_secret(release, entry->group, entry->key)) {
        append_without_credentials(out, raw);
    } else {
        head = line == entry->line ? strcspn(raw.s, "=:") + 1 : 0;
        g_string_append_len(out, raw.s, (gssize)MIN(head, raw.n));
        g_string_append(out, line == entry->line ? " " NCT_MASK : "    " NCT_MASK);
    }
    for (gsize i = 0; i < out->len; i++)
        if (out->str[i] == '\0')
            out->str[i] = '?';
    return nct_printable(out->str, out->len, G_MAXSIZE);
}

char *
nct_show_key(const char *key)
{
    gsize n = strcspn(key, " \t");
    static const char *const operators[] = { "+", "-", "?", "|" };
    const char *rest = key + n + strspn(key + n, " \t");
    g_autofree char *word = g_strndup(key, n);
    g_autoptr(GString) text = g_string_new(word);

    for (guint i = 0; i < G_N_ELEMENTS(operators); i++)
        if (g_str_equal(rest, operators[i]))
            return g_strconcat(word, " ", rest, NULL);
    if (*rest)
        g_string_append(text, " ...");
    return nct_printable(text->str, text->len, MAX_KEY);
}
