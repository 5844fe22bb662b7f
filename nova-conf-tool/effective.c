#include "nova-conf-tool/effective.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/effective_internal.h"

G_DEFINE_QUARK(nct_config_error_quark, nct_config_error)

/* the slot of group and key, or the free one where it belongs */
static NctSlot *
slot_of(const NctConfig *config, guint hash, const char *group, const char *key)
{
    guint mask = config->n_slots - 1;
    guint i;

    for (i = hash & mask; config->slots[i].first; i = (i + 1) & mask) {
        const NctEntry *entry = config->slots[i].first;

        if (config->slots[i].hash == hash && g_str_equal(entry->key, key) &&
            g_str_equal(entry->group, group))
            break;
    }
    return &config->slots[i];
}

/* room for that many more, at most half full */
static void
reserve_slots(NctConfig *config, guint more)
{
    NctSlot *old = config->slots;
    guint n_old = config->n_slots;

    if (2 * (config->n_used + more) < config->n_slots)
        return;
    config->n_slots = MAX(n_old, 16);
    while (2 * (config->n_used + more) >= config->n_slots)
        config->n_slots *= 2;
    config->slots = g_new0(NctSlot, config->n_slots);
    for (guint i = 0; i < n_old; i++)
        if (old[i].first)
            *slot_of(config, old[i].hash, old[i].first->group, old[i].first->key) = old[i];
    g_free(old);
}

static void
index_document(NctConfig *config, NctDocument *document)
{
    guint n;
    NctEntry *entries = nct_document_entries(document, &n);

    reserve_slots(config, n);
    for (guint i = 0; i < n; i++) {
        NctEntry *entry = &entries[i];
        guint hash;
        NctSlot *slot;

        if (!entry->group)
            continue;
        entry->rank = config->documents->len - 1;
        hash = nct_name_hash(entry->group, entry->key);
        slot = slot_of(config, hash, entry->group, entry->key);
        if (slot->first) {
            slot->last->next = entry;
        } else {
            slot->hash = hash;
            slot->first = entry;
            config->n_used++;
        }
        slot->last = entry;
    }
}

static const NctSlot *
find_slot(const NctConfig *config, const char *group, const char *key)
{
    const NctSlot *slot;

    if (config->n_used == 0)
        return NULL;
    slot = slot_of(config, nct_name_hash(group, key), group, key);
    return slot->first ? slot : NULL;
}

const NctEntry *
nct_config_first(const NctConfig *config, const char *group, const char *key)
{
    const NctSlot *slot = find_slot(config, group, key);

    return slot ? slot->first : NULL;
}

static void
free_document(gpointer data)
{
    nct_document_free(data);
}

static NctConfig *
config_new(const NctSchema *schema, guint release)
{
    NctConfig *config = g_new0(NctConfig, 1);

    config->documents = g_ptr_array_new_with_free_func(free_document);
    config->files = g_ptr_array_new_with_free_func(g_free);
    config->main_files = g_ptr_array_new_with_free_func(g_free);
    config->load_errors = g_ptr_array_new_with_free_func((GDestroyNotify)g_error_free);
    config->told_defaults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    config->schema = schema ? schema : nct_catalogue_schema(release);
    config->dialect = nct_dialect_for_release(release);
    return config;
}

void
nct_config_free(NctConfig *config)
{
    if (!config)
        return;
    g_free(config->slots);
    g_hash_table_unref(config->told_defaults);
    g_ptr_array_unref(config->documents);
    g_ptr_array_unref(config->files);
    g_ptr_array_unref(config->main_files);
    g_ptr_array_unref(config->load_errors);
    g_strfreev(config->environment);
    g_free(config);
}

static void
take_document(NctConfig *config, NctDocument *document)
{
    g_ptr_array_add(config->documents, document);
    index_document(config, document);
}

NctConfig *
nct_config_from_document(NctDocument *document, const NctSchema *schema, guint release)
{
    NctConfig *config = config_new(schema, release);

    g_ptr_array_add(config->files, g_strdup(nct_document_path(document)));
    g_ptr_array_add(config->files, NULL);
    g_ptr_array_add(config->main_files, NULL);
    take_document(config, document);
    return config;
}

static NctConfigError
code_of_document_error(const GError *error)
{
    static const NctConfigError codes[] = {
        [NCT_DOCUMENT_ERROR_NOT_FOUND] = NCT_CONFIG_ERROR_FILE_NOT_FOUND,
        [NCT_DOCUMENT_ERROR_PERMISSION] = NCT_CONFIG_ERROR_PERMISSION,
        [NCT_DOCUMENT_ERROR_IO] = NCT_CONFIG_ERROR_IO,
        [NCT_DOCUMENT_ERROR_TOO_LARGE] = NCT_CONFIG_ERROR_TOO_LARGE,
        [NCT_DOCUMENT_ERROR_DECODE] = NCT_CONFIG_ERROR_DECODE,
    };

    return codes[error->code];
}

/* oslo.config goes on over files that are missing and complains at the end; other errors stop it.
 */
static gboolean
is_deferred(NctConfigError code)
{
    return code == NCT_CONFIG_ERROR_FILE_NOT_FOUND || code == NCT_CONFIG_ERROR_PERMISSION;
}

static gboolean
check_syntax(const NctDocument *document, GError **error)
{
    guint n;
    const NctSyntaxIssue *issues = nct_document_issues(document, &n);

    if (n == 0)
        return TRUE;
    g_set_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_SYNTAX, "%s:%u: %s",
                nct_document_path(document), issues[0].line, nct_syntax_error_text(issues[0].kind));
    return FALSE;
}

/* Options of the command line are judged while each file is read, and an illegal one ends the
 * service. */
static gboolean
check_cli_values(const NctConfig *config, const NctDocument *document, GError **error)
{
    guint n;
    const NctEntry *entries = nct_document_entries(document, &n);

    for (guint i = 0; i < n; i++) {
        const NctOption *option =
            entries[i].group
                ? config->schema->find(config->schema, entries[i].group, entries[i].key)
                : NULL;
        g_auto(NctResult) result = { 0 };

        if (!option || !(option->flags & NCT_OPTION_CLI))
            continue;
        result = nct_config_read(config, option);
        if (result.kind != NCT_RESULT_OK && result.kind != NCT_RESULT_COMPUTED) {
            g_autofree char *what = nct_result_describe(&result, option);

            g_set_error(error, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_CLI_VALUE, "%s:%u: [%s] %s %s",
                        nct_document_path(document), entries[i].line, option->group, option->name,
                        what);
            return FALSE;
        }
    }
    return TRUE;
}

static NctDocument *
read_input(const NctInput *input, GError **error)
{
    g_autoptr(GError) local = NULL;
    NctDocument *document;

    if (input->kind == NCT_ARG_OPTION) {
        g_autofree char *text =
            g_strdup_printf("[DEFAULT]\n%s = %s\n", input->arg->name, input->arg->value);

        document = nct_document_parse("(command line)", text, strlen(text), &local);
    } else {
        document = nct_document_read(input->shown, &local);
    }
    if (!document)
        g_set_error_literal(error, NCT_CONFIG_ERROR, code_of_document_error(local), local->message);
    return document;
}

static gboolean
load_inputs(NctConfig *config, const NctInputs *inputs, gboolean tolerant, GError **error)
{
    g_autoptr(GError) deferred = NULL;

    for (guint i = 0; i < inputs->inputs->len; i++) {
        const NctInput *input = g_ptr_array_index(inputs->inputs, i);
        g_autoptr(GError) local = NULL;
        g_autoptr(NctDocument) document = read_input(input, &local);

        if (document && input->path)
            g_ptr_array_add(config->files, g_strdup(input->path));
        if (document && (tolerant || check_syntax(document, &local))) {
            const NctDocument *kept = document;

            take_document(config, g_steal_pointer(&document));
            if (tolerant || check_cli_values(config, kept, error))
                continue;
            return FALSE;
        }
        if (tolerant) {
            g_ptr_array_add(config->load_errors, g_steal_pointer(&local));
        } else if (!is_deferred((NctConfigError)local->code)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        } else if (!deferred) {
            deferred = g_steal_pointer(&local);
        }
    }
    if (inputs->missing_dir) {
        g_clear_error(&deferred);
        g_set_error(&deferred, NCT_CONFIG_ERROR, NCT_CONFIG_ERROR_DIR_NOT_FOUND,
                    "%s: no such directory", inputs->missing_dir);
        if (tolerant)
            g_ptr_array_add(config->load_errors, g_steal_pointer(&deferred));
    }
    if (deferred) {
        g_propagate_error(error, g_steal_pointer(&deferred));
        return FALSE;
    }
    return TRUE;
}

/* only what may concern us, and as valid UTF-8, which all text in here must be */
static GStrv
copy_environment(const char *const *environment)
{
    g_autoptr(GPtrArray) kept = g_ptr_array_new();

    for (; environment && *environment; environment++)
        if (g_str_has_prefix(*environment, "OS_"))
            g_ptr_array_add(kept, g_utf8_make_valid(*environment, -1));
    g_ptr_array_add(kept, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&kept), FALSE);
}

NctConfig *
nct_config_load(const NctLoad *load, GError **error)
{
    g_autoptr(NctConfig) config = config_new(load->schema, load->release);
    g_autoptr(NctInputs) inputs = nct_sources_list(&load->sources, config->dialect);
    gboolean ok;

    if (config->dialect->environment)
        config->environment = copy_environment(load->sources.environment);
    ok = load_inputs(config, inputs, load->tolerant, error);
    for (guint i = 0; i < inputs->files->len; i++)
        g_ptr_array_add(config->main_files, g_strdup(g_ptr_array_index(inputs->files, i)));
    g_ptr_array_add(config->main_files, NULL);
    g_ptr_array_add(config->files, NULL);
    return ok ? g_steal_pointer(&config) : NULL;
}

static void
add_args(GArray *args, NctArgKind kind, const char *const *paths)
{
    for (; paths && *paths; paths++) {
        NctArg arg = { .kind = kind, .value = *paths };

        g_array_append_val(args, arg);
    }
}

NctConfig *
nct_config_load_files(const char *const *config_files, const char *const *config_dirs,
                      GError **error)
{
    g_autoptr(GArray) args = g_array_new(FALSE, FALSE, sizeof(NctArg));
    g_auto(GStrv) environment = g_get_environ();
    NctLoad load = { .sources.environment = (const char *const *)environment };

    add_args(args, NCT_ARG_CONFIG_FILE, config_files);
    add_args(args, NCT_ARG_CONFIG_DIR, config_dirs);
    load.sources.args = (const NctArg *)(const void *)args->data;
    load.sources.n_args = args->len;
    return nct_config_load(&load, error);
}

guint
nct_config_n_documents(const NctConfig *config)
{
    return config->documents->len;
}

const NctDocument *
nct_config_document(const NctConfig *config, guint i)
{
    return g_ptr_array_index(config->documents, i);
}

const char *const *
nct_config_files(const NctConfig *config)
{
    return (const char *const *)config->files->pdata;
}

const char *const *
nct_config_main_files(const NctConfig *config)
{
    return (const char *const *)config->main_files->pdata;
}

const NctSchema *
nct_config_schema(const NctConfig *config)
{
    return config->schema;
}

const NctDialect *
nct_config_dialect(const NctConfig *config)
{
    return config->dialect;
}

gboolean
nct_config_has_environment(const NctConfig *config)
{
    return config->environment && config->environment[0];
}

gboolean
nct_config_has_overrides(const NctConfig *config)
{
    return nct_config_has_environment(config) || g_hash_table_size(config->told_defaults) > 0;
}

const GPtrArray *
nct_config_load_errors(const NctConfig *config)
{
    return config->load_errors;
}

/* ---- which assignment counts ---- */

/* An option's own name, then its old names: in one file the first of these that is there counts. */
guint
nct_option_n_names(const NctOption *option)
{
    return 1 + option->n_old_names;
}

NctName
nct_option_name(const NctOption *option, guint i)
{
    const NctName *old;

    if (i == 0)
        return (NctName){ option->group, option->name };
    old = &option->old_names[i - 1];
    return (NctName){ old->group ? old->group : option->group, old->name };
}

static const NctEntry *
find_effective(const NctConfig *config, const NctOption *option)
{
    const NctEntry *best = NULL;

    for (guint i = 0; i < nct_option_n_names(option); i++) {
        NctName name = nct_option_name(option, i);
        const NctSlot *slot = find_slot(config, name.group, name.name);

        if (slot && (!best || slot->last->rank > best->rank))
            best = slot->last;
    }
    return best;
}

typedef struct {
    const NctEntry *entry;
    guint name;  /* 0 = the option's own */
    guint order; /* among the assignments to that name */
} NctCandidate;

/* by file; in a file, those under old names first */
static int
compare_candidates(gconstpointer a, gconstpointer b)
{
    const NctCandidate *x = a;
    const NctCandidate *y = b;

    if (x->entry->rank != y->entry->rank)
        return x->entry->rank < y->entry->rank ? -1 : 1;
    if (x->name != y->name)
        return x->name > y->name ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

GPtrArray *
nct_config_multi_entries(const NctConfig *config, const NctOption *option)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(NctCandidate));
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < nct_option_n_names(option); i++) {
        NctName name = nct_option_name(option, i);

        for (const NctEntry *entry = nct_config_first(config, name.group, name.name); entry;
             entry = entry->next) {
            NctCandidate candidate = { entry, i, candidates->len };

            g_array_append_val(candidates, candidate);
        }
    }
    g_array_sort(candidates, compare_candidates);
    for (guint i = 0; i < candidates->len; i++)
        g_ptr_array_add(found, (gpointer)g_array_index(candidates, NctCandidate, i).entry);
    return found;
}

void
nct_config_set_default(NctConfig *config, const char *group, const char *name, const char *text)
{
    g_hash_table_insert(config->told_defaults, g_strdup_printf("%s/%s", group, name),
                        g_strdup(text));
}

static const char *
told_default(const NctConfig *config, const NctOption *option)
{
    g_autofree char *full = NULL;

    if (g_hash_table_size(config->told_defaults) == 0)
        return NULL;
    full = g_strdup_printf("%s/%s", option->group, option->name);
    return g_hash_table_lookup(config->told_defaults, full);
}

static char *
environment_name(const NctOption *option)
{
    g_autofree char *group = g_utf8_strup(option->group, -1);
    g_autofree char *name = g_utf8_strup(option->name, -1);

    return g_strdup_printf("OS_%s__%s", group, name);
}

NctOrigin
nct_config_origin(const NctConfig *config, const NctOption *option)
{
    const NctEntry *entry;
    const char *told;

    if (nct_config_has_environment(config)) {
        g_autofree char *name = environment_name(option);
        const char *text = nct_environment_get((const char *const *)config->environment, name);

        if (text)
            return (NctOrigin){ NCT_ORIGIN_ENVIRONMENT, NULL, text, strlen(text) };
    }
    entry = find_effective(config, option);
    if (entry)
        return (NctOrigin){ NCT_ORIGIN_FILE, entry, entry->value, entry->value_length };
    told = told_default(config, option);
    if (told)
        return (NctOrigin){ NCT_ORIGIN_DEFAULT, NULL, told, strlen(told) };
    if (option->defaults && option->defaults[0])
        return (NctOrigin){ NCT_ORIGIN_DEFAULT, NULL, option->defaults[0],
                            strlen(option->defaults[0]) };
    /* an empty list of an option that may repeat is a default, too */
    if (option->defaults)
        return (NctOrigin){ NCT_ORIGIN_DEFAULT, NULL, "", 0 };
    return (NctOrigin){ NCT_ORIGIN_UNSET, NULL, NULL, 0 };
}

char *
nct_option_environment_name(const NctOption *option)
{
    return environment_name(option);
}
