#include "agent/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ops/control.h"

#define ASK_TIMEOUT_MS 5000

void
nma_command_line_clear(NmaCommandLine *line)
{
    g_clear_pointer(&line->config_file, g_free);
    g_clear_pointer(&line->rest, g_strfreev);
}

gboolean
nma_command_line_parse(NmaCommandLine *line, int argc, char **argv, const GOptionEntry *entries,
                       guint max_rest, const char *rest_name, const char *summary, int *status)
{
    gboolean help = FALSE;
    const GOptionEntry common[] = {
        { "config-file", 0, 0, G_OPTION_ARG_FILENAME, &line->config_file,
          "The agent's own configuration (default: " NMA_SETTINGS_DEFAULT_FILE ")", "FILE" },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line->rest, NULL, rest_name },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autofree char *program = g_strdup_printf("nova-migration-agent %s", argv[0]);
    g_autoptr(GError) error = NULL;

    g_set_prgname(program);
    g_option_context_set_summary(context, summary);
    g_option_context_set_help_enabled(context, FALSE); /* GLib's own help exits by itself */
    if (entries != NULL)
        g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, common, NULL);

    *status = NMA_EXIT_USAGE;
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "%s: %s (see --help)\n", program, error->message);
        return FALSE;
    }
    if (help) {
        g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);

        fputs(text, stdout);
        *status = NMA_EXIT_OK;
        return FALSE;
    }
    if (line->rest != NULL && g_strv_length(line->rest) > max_rest) {
        fprintf(stderr, "%s: unexpected \"%s\" (see --help)\n", program, line->rest[max_rest]);
        return FALSE;
    }
    *status = NMA_EXIT_OK;
    return TRUE;
}

json_t *
nma_command_ask(const NmaCommandLine *line, const char *command, json_t *args, int *status)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaSettings) settings = nma_settings_load_own(line->config_file, &error);
    g_autofree char *path = NULL, *text = NULL;
    json_t *result;

    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        json_decref(args);
        *status = NMA_EXIT_USAGE;
        return NULL;
    }
    path = g_build_filename(settings->run_dir, "control", NULL);
    result = nma_control_ask(path, command, args, ASK_TIMEOUT_MS, &error);
    if (result != NULL)
        return result;
    text = nma_printable(error->message);
    fprintf(stderr, "%s: %s\n", g_get_prgname(), text);
    *status = g_error_matches(error, NMA_CONTROL_ERROR, NMA_CONTROL_ERROR_NOT_RUNNING)
                  ? NMA_EXIT_NOT_RUNNING
                  : NMA_EXIT_FAILED;
    return NULL;
}

char *
nma_printable(const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);

    for (char *c = valid; *c != '\0'; c = g_utf8_next_char(c)) {
        if (!g_unichar_iscntrl(g_utf8_get_char(c)))
            continue;
        if (g_utf8_next_char(c) - c > 1) /* a C1 control: two bytes */
            c[1] = '?';
        c[0] = '?';
    }
    return valid;
}

gint64
nma_answer_figure(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (gint64)json_integer_value(value) : -1;
}

const char *
nma_answer_word(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}
