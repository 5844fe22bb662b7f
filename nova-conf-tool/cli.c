#include "nova-conf-tool/cli.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/opt_data.h"

#define STDIN_NAME "(standard input)"

void
nct_cli_init(NctCli *cli)
{
    memset(cli, 0, sizeof(*cli));
    cli->args = g_array_new(FALSE, FALSE, sizeof(NctArg));
    cli->texts = g_ptr_array_new_with_free_func(g_free);
    cli->select = g_ptr_array_new_with_free_func(g_free);
    cli->ignore = g_ptr_array_new_with_free_func(g_free);
    cli->known_groups = g_ptr_array_new_with_free_func(g_free);
    cli->known_options = g_ptr_array_new_with_free_func(g_free);
    cli->listed_groups = g_ptr_array_new_with_free_func(g_free);
}

void
nct_cli_clear(NctCli *cli)
{
    g_array_unref(cli->args);
    g_ptr_array_unref(cli->texts);
    g_ptr_array_unref(cli->select);
    g_ptr_array_unref(cli->ignore);
    g_ptr_array_unref(cli->known_groups);
    g_ptr_array_unref(cli->known_options);
    g_ptr_array_unref(cli->listed_groups);
    g_strfreev(cli->roots);
    g_strfreev(cli->files);
    g_free(cli->release);
    g_free(cli->program);
    nct_release_choice_clear(&cli->choice);
}

int
nct_cli_complain(const NctCommand *command, const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *printable = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    printable = nct_printable(text, strlen(text), G_MAXSIZE);
    fprintf(stderr, "nova-conf-tool %s: %s\n", command->name, printable);
    return NCT_EXIT_USAGE;
}

NctExit
nct_cli_worse(NctExit a, NctExit b)
{
    static const int rank[] = {
        [NCT_EXIT_OK] = 0, [NCT_EXIT_FINDINGS] = 1, [NCT_EXIT_SYNTAX] = 2, [NCT_EXIT_USAGE] = 3
    };

    return rank[a] >= rank[b] ? a : b;
}

/* ---- options ---- */

static gboolean
add_arg(const char *option, const char *value, gpointer data, GError **error)
{
    NctCli *cli = data;
    NctArg arg = { .kind = g_str_equal(option, "--config-dir") ? NCT_ARG_CONFIG_DIR
                                                               : NCT_ARG_CONFIG_FILE };
    char *copy = g_strdup(value);

    g_ptr_array_add(cli->texts, copy);
    arg.value = copy;
    g_array_append_val(cli->args, arg);
    return TRUE;
}

static void
add_words(GPtrArray *list, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, ",", -1);

    for (char **word = words; *word; word++)
        if (*g_strstrip(*word))
            g_ptr_array_add(list, g_strdup(*word));
}

static gboolean
add_codes(const char *option, const char *value, gpointer data, GError **error)
{
    NctCli *cli = data;

    add_words(g_str_equal(option, "--select") ? cli->select : cli->ignore, value);
    return TRUE;
}

static gboolean
add_known(const char *option, const char *value, gpointer data, GError **error)
{
    NctCli *cli = data;

    if (g_str_equal(option, "--exclude-group"))
        add_words(cli->known_groups, value);
    else
        add_words(cli->known_options, value);
    return TRUE;
}

static gboolean
add_opt_data(const char *option, const char *value, gpointer data, GError **error)
{
    NctCli *cli = data;

    return nct_opt_data_read(value, &(NctOptData){ cli->listed_groups, cli->known_options }, error);
}

static char *
option_context_summary(const NctCommand *command)
{
    return g_strdup_printf("%s - %s", command->arguments, command->summary);
}

/* oslo-config-validator calls groups by any case; we look them up as oslo.config does */
static void
normalize_groups(GPtrArray *groups)
{
    for (guint i = 0; i < groups->len; i++) {
        char *name = g_ptr_array_index(groups, i);

        groups->pdata[i] = nct_group_normalize(name, strlen(name));
        g_free(name);
    }
}

static void
finish_audit_options(NctCli *cli)
{
    normalize_groups(cli->known_groups);
    g_ptr_array_add(cli->select, NULL);
    g_ptr_array_add(cli->ignore, NULL);
    g_ptr_array_add(cli->known_groups, NULL);
    g_ptr_array_add(cli->known_options, NULL);
    g_ptr_array_add(cli->listed_groups, NULL);
    cli->audit = (NctAuditOptions){
        .release = cli->choice.release,
        .version = cli->choice.version,
        .program = cli->program,
        .fragment = cli->fragment,
        .select = cli->select->len > 1 ? (const char *const *)cli->select->pdata : NULL,
        .ignore = (const char *const *)cli->ignore->pdata,
        .known_groups = (const char *const *)cli->known_groups->pdata,
        .known_options = (const char *const *)cli->known_options->pdata,
        .listed_groups = (const char *const *)cli->listed_groups->pdata,
    };
}

static gboolean
check_codes(const NctCommand *command, GPtrArray *codes)
{
    for (guint i = 0; i < codes->len; i++) {
        const char *code = g_ptr_array_index(codes, i);
        const NctRule *rule;
        gboolean found = FALSE;

        for (guint k = 0; (rule = nct_rule_at(k)) && !found; k++)
            found = g_ascii_strncasecmp(rule->code, code, strlen(code)) == 0;
        if (!found) {
            nct_cli_complain(command, "no rule begins with %s; see nova-conf-tool rules", code);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
nct_cli_parse(NctCli *cli, const NctCommand *command, const GOptionEntry *extra, int argc,
              char **argv, int *status)
{
    const GOptionEntry entries[] = {
        { "config-file", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_arg,
          "one configuration of these files, in order", "FILE" },
        { "config-dir", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_arg,
          "and of *.conf in these directories", "DIR" },
        { "root", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &cli->roots,
          "a host's files below DIR, which is searched as a service would (may repeat)", "DIR" },
        { "release", 'r', 0, G_OPTION_ARG_FILENAME, &cli->release,
          "Nova's release: antelope, 2023.1, 27, 27.2.0", "RELEASE" },
        { "program", 0, 0, G_OPTION_ARG_FILENAME, &cli->program,
          "the service that reads it (nova-compute)", "NAME" },
        { "fragment", 0, 0, G_OPTION_ARG_NONE, &cli->fragment,
          "only a piece of a configuration: nothing counts as missing", NULL },
        { "select", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_codes,
          "only these rules (NC101,NC3)", "CODES" },
        { "ignore", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_codes, "not these rules",
          "CODES" },
        { "exclude-group", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_known,
          "a group of an out-of-tree driver", "GROUP" },
        { "exclude-options", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_known,
          "options of out-of-tree code, GROUP/NAME or NAME", "LIST" },
        { "opt-data", 0, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, add_opt_data,
          "more options, as oslo-config-generator --format yaml (or json) prints them", "FILE" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &cli->files, NULL, NULL },
        { NULL },
    };
    g_autofree char *summary = option_context_summary(command);
    g_autoptr(GOptionContext) context = g_option_context_new(summary);
    GOptionGroup *group = g_option_group_new("main", "", "", cli, NULL);
    g_autoptr(GError) error = NULL;
    const char *wrong = NULL;

    g_option_group_add_entries(group, entries);
    if (extra)
        g_option_group_add_entries(group, extra);
    g_option_context_set_main_group(context, group);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        *status = nct_cli_complain(command, "%s", error->message);
        return FALSE;
    }
    if (!nct_release_choose(cli->release, &cli->choice, &wrong)) {
        *status = nct_cli_complain(
            command, "no release %s; known are %s (%u) to %s (%u), by name or number", wrong,
            nct_release_row(nct_release_oldest())->name, nct_release_oldest(),
            nct_release_row(nct_release_newest())->name, nct_release_newest());
        return FALSE;
    }
    if (!check_codes(command, cli->select) || !check_codes(command, cli->ignore)) {
        *status = NCT_EXIT_USAGE;
        return FALSE;
    }
    finish_audit_options(cli);
    return TRUE;
}

/* ---- configurations ---- */

gboolean
nct_cli_check_input(const NctCli *cli, const NctCommand *command)
{
    if ((cli->files != NULL) + (cli->roots != NULL) + (cli->args->len > 0) <= 1)
        return TRUE;
    nct_cli_complain(command,
                     "FILE, --root and --config-file or --config-dir cannot be mixed: each FILE is "
                     "a configuration of its own, --config-file and --config-dir build one "
                     "together");
    return FALSE;
}

guint
nct_cli_n_configurations(const NctCli *cli)
{
    if (cli->files)
        return g_strv_length(cli->files);
    return cli->roots ? g_strv_length(cli->roots) : 1;
}

/* the service's own home, if it has one here: it is not ours that counts */
static const char *
service_home(void)
{
    const struct passwd *entry = getpwnam("nova");

    return entry ? entry->pw_dir : g_get_home_dir();
}

static NctConfig *
load(NctLoad *request)
{
    request->tolerant = TRUE;
    return nct_config_load(request, NULL);
}

static NctDocument *
read_stdin(GError **error)
{
    g_autoptr(NctDocument) document = nct_document_read("/dev/stdin", error);
    NctSpan text;

    if (!document)
        return NULL;
    /* once more, under a name that people understand */
    text = nct_document_text(document);
    return nct_document_parse(STDIN_NAME, text.s, text.n, error);
}

NctConfig *
nct_cli_load_file(const char *path, guint release)
{
    NctArg arg = { .kind = NCT_ARG_CONFIG_FILE, .value = path };
    const char *home = g_get_home_dir();
    NctLoad request = { .release = release,
                        .sources = { .args = &arg, .n_args = 1, .only_args = TRUE, .home = home } };

    if (g_str_equal(path, "-")) {
        g_autoptr(GError) error = NULL;
        NctDocument *document = read_stdin(&error);

        if (document)
            return nct_config_from_document(document, NULL, release);
        arg.value = "/dev/stdin";
    }
    return load(&request);
}

NctConfig *
nct_cli_load(const NctCli *cli, guint i, guint release)
{
    g_auto(GStrv) environment = NULL;
    NctLoad request = {
        .release = release,
        .sources = { .args = (const NctArg *)(const void *)cli->args->data,
                     .n_args = cli->args->len,
                     .program = cli->program,
                     .home = g_get_home_dir() },
    };
    g_autofree char *home = NULL;

    if (cli->files)
        return nct_cli_load_file(cli->files[i], release);
    if (cli->roots) {
        home = g_build_filename(cli->roots[i], "var/lib/nova", NULL);
        request.sources.root = cli->roots[i];
        request.sources.home = home;
    } else {
        environment = g_get_environ();
        request.sources.home = service_home();
        request.sources.environment = (const char *const *)environment;
    }
    return load(&request);
}

NctExit
nct_cli_load_status(const NctConfig *config)
{
    if (nct_config_load_errors(config)->len > 0) {
        for (guint i = 0; i < nct_config_load_errors(config)->len; i++) {
            const GError *error = g_ptr_array_index(nct_config_load_errors(config), i);

            if (error->code != NCT_CONFIG_ERROR_DECODE)
                return NCT_EXIT_USAGE;
        }
        return NCT_EXIT_SYNTAX;
    }
    if (nct_config_n_documents(config) == 0)
        return NCT_EXIT_USAGE;
    for (guint i = 0; i < nct_config_n_documents(config); i++) {
        guint n;

        nct_document_issues(nct_config_document(config, i), &n);
        if (n > 0)
            return NCT_EXIT_SYNTAX;
    }
    return NCT_EXIT_OK;
}
