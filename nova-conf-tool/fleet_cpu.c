#include "nova-conf-tool/fleet_cpu.h"

#include <string.h>

#include "nova-conf-tool/file.h"

/* what is collected from other hosts is not to be trusted */
#define MAX_BYTES (8u << 20)
#define MAX_WORDS 2000u
#define MAX_DEPTH 32u

static GHashTable *
new_set(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void
add_word(GHashTable *set, const char *word, gsize length)
{
    if (length > 0 && length < 64 && g_hash_table_size(set) < MAX_WORDS)
        g_hash_table_add(set, g_strndup(word, length));
}

/* ---- domcapabilities ---- */

typedef struct {
    NctCpuFacts *facts;
    guint depth;
    guint in_mode; /* depth of <mode>, 0 = outside */
    gboolean custom;
    gboolean host_model;
    gboolean usable;     /* the <model> that is open may be used */
    gboolean wants_text; /* a <model> is open */
} Reader;

static const char *
attribute(const char **names, const char **values, const char *wanted)
{
    for (guint i = 0; names[i]; i++)
        if (g_str_equal(names[i], wanted))
            return values[i];
    return "";
}

static void
start_element(GMarkupParseContext *context, const char *element, const char **names,
              const char **values, gpointer data, GError **error)
{
    Reader *reader = data;

    if (++reader->depth > MAX_DEPTH) {
        g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "too deep");
        return;
    }
    if (g_str_equal(element, "mode")) {
        gboolean supported = g_str_equal(attribute(names, values, "supported"), "yes");
        const char *name = attribute(names, values, "name");

        reader->in_mode = reader->depth;
        reader->custom = supported && g_str_equal(name, "custom");
        reader->host_model = supported && g_str_equal(name, "host-model");
    } else if (reader->in_mode && g_str_equal(element, "model")) {
        reader->wants_text = TRUE;
        reader->usable = g_str_equal(attribute(names, values, "usable"), "yes");
    } else if (reader->in_mode && reader->host_model && g_str_equal(element, "feature") &&
               g_str_equal(attribute(names, values, "policy"), "require")) {
        const char *name = attribute(names, values, "name");

        add_word(reader->facts->features, name, strlen(name));
    }
}

static void
end_element(GMarkupParseContext *context, const char *element, gpointer data, GError **error)
{
    Reader *reader = data;

    if (reader->depth == reader->in_mode)
        reader->in_mode = 0;
    reader->depth--;
    reader->wants_text = FALSE;
}

static void
text(GMarkupParseContext *context, const char *words, gsize length, gpointer data, GError **error)
{
    Reader *reader = data;

    if (!reader->wants_text)
        return;
    if (reader->custom && reader->usable)
        add_word(reader->facts->models, words, length);
    if (reader->host_model && !reader->facts->host_model && length > 0 && length < 64)
        reader->facts->host_model = g_strndup(words, length);
}

static void
read_domcapabilities(NctCpuFacts *facts, const char *xml)
{
    static const GMarkupParser parser = { start_element, end_element, text, NULL, NULL };
    Reader reader = { .facts = facts };
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &reader, NULL);

    facts->has_models = g_markup_parse_context_parse(context, xml, -1, NULL) &&
                        g_markup_parse_context_end_parse(context, NULL) &&
                        g_hash_table_size(facts->models) > 0;
    g_markup_parse_context_free(context);
}

/* ---- cpuinfo ---- */

/* "flags\t\t: fpu vme …" of the first processor */
static char *
value_of(const char *cpuinfo, const char *key)
{
    gsize n = strlen(key);

    for (const char *line = cpuinfo; line && *line && *line != '\n';) {
        const char *end = strchr(line, '\n');
        const char *colon = strchr(line, ':');

        if (strncmp(line, key, n) == 0 && (line[n] == '\t' || line[n] == ' ' || line[n] == ':') &&
            colon && (!end || colon < end)) {
            char *value =
                end ? g_strndup(colon + 1, (gsize)(end - colon - 1)) : g_strdup(colon + 1);

            return g_strstrip(value);
        }
        line = end ? end + 1 : NULL;
    }
    return NULL;
}

static void
read_cpuinfo(NctCpuFacts *facts, const char *cpuinfo)
{
    g_autofree char *flags = value_of(cpuinfo, "flags");

    facts->name = value_of(cpuinfo, "model name");
    facts->microcode = value_of(cpuinfo, "microcode");
    for (const char *at = flags; at && *at;) {
        gsize n = strcspn(at, " ");

        add_word(facts->flags, at, n);
        at += n + strspn(at + n, " ");
    }
    facts->has_flags = g_hash_table_size(facts->flags) > 0;
}

NctCpuFacts *
nct_cpu_facts_parse(const char *domcapabilities, const char *cpuinfo)
{
    NctCpuFacts *facts = g_new0(NctCpuFacts, 1);

    facts->models = new_set();
    facts->features = new_set();
    facts->flags = new_set();
    if (domcapabilities)
        read_domcapabilities(facts, domcapabilities);
    if (cpuinfo)
        read_cpuinfo(facts, cpuinfo);
    return facts;
}

NctCpuFacts *
nct_cpu_facts_read(const char *root)
{
    g_autofree char *capabilities_path = g_build_filename(root, "domcapabilities.xml", NULL);
    g_autofree char *cpuinfo_path = g_build_filename(root, "proc/cpuinfo", NULL);
    g_autofree char *capabilities = nct_file_read_text(capabilities_path, MAX_BYTES, TRUE, NULL);
    g_autofree char *cpuinfo = nct_file_read_text(cpuinfo_path, MAX_BYTES, TRUE, NULL);

    return nct_cpu_facts_parse(capabilities, cpuinfo);
}

void
nct_cpu_facts_free(NctCpuFacts *facts)
{
    if (!facts)
        return;
    g_hash_table_unref(facts->models);
    g_hash_table_unref(facts->features);
    g_hash_table_unref(facts->flags);
    g_free(facts->host_model);
    g_free(facts->name);
    g_free(facts->microcode);
    g_free(facts);
}
