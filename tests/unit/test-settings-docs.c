/*
 * The example configuration and the manual say what the table of options says. When the table has
 * changed:
 *
 *   tests/unit/test-settings-docs --print example > agent/nova-migration-agent.conf.example
 *   tests/unit/test-settings-docs --print manual    (between the two marks in the .5 page)
 */
#include <stdio.h>
#include <string.h>

#include "agent/settings_options.h"
#include "tests/unit/tap.h"

#define EXAMPLE "agent/nova-migration-agent.conf.example"
#define MANUAL  "agent/nova-migration-agent.conf.5"
#define BEGIN   ".\\\" options: begin, as test-settings-docs prints them\n"
#define END     ".\\\" options: end\n"
#define WIDTH   78

/* prefix before each line, broken at blanks */
static void
append_wrapped(GString *out, const char *prefix, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    gsize column = 0;

    for (guint i = 0; words[i] != NULL; i++) {
        gsize length = strlen(words[i]);

        if (column == 0 || column + 1 + length > WIDTH) {
            g_string_append_printf(out, "%s%s%s", i == 0 ? "" : "\n", prefix, words[i]);
            column = strlen(prefix) + length;
        } else {
            g_string_append_printf(out, " %s", words[i]);
            column += 1 + length;
        }
    }
    g_string_append_c(out, '\n');
}

static char *
default_text(const NmaOption *option)
{
    return g_strdup(option->fallback_text != NULL ? option->fallback_text : option->fallback);
}

static char *
make_example(void)
{
    GString *out = g_string_new(NULL);
    const char *group = "";
    guint n;
    const NmaOption *options = nma_settings_options(&n);

    append_wrapped(out, "# ",
                   "nova-migration-agent.conf: every option with its default. Nothing has to be "
                   "set: what the agent needs to know of the broker and of this host, it reads "
                   "from nova.conf. See nova-migration-agent.conf(5).");
    append_wrapped(out, "# ",
                   "Lines begin in the first column, comments stand on lines of their own, and "
                   "a value must not contain # or ;.");
    for (guint i = 0; i < n; i++) {
        const NmaOption *option = &options[i];
        g_autofree char *type = nma_option_describe_type(option), *preset = default_text(option);
        g_autofree char *facts = g_strdup_printf("(%s; default: %s)", type, preset);

        if (strcmp(group, option->group) != 0)
            g_string_append_printf(out, "\n[%s]\n", group = option->group);
        g_string_append_c(out, '\n');
        append_wrapped(out, "# ", option->help);
        append_wrapped(out, "# ", facts);
        g_string_append_printf(out, "#%s =%s%s\n", option->name,
                               option->fallback[0] != '\0' ? " " : "", option->fallback);
    }
    return g_string_free(out, FALSE);
}

/* a new sentence begins a new line: mandoc's lint asks for it */
static void
append_sentences(GString *out, const char *text)
{
    g_auto(GStrv) sentences = g_strsplit(text, ". ", -1);

    for (guint i = 0; sentences[i] != NULL; i++) {
        if (sentences[i + 1] != NULL) {
            g_autofree char *sentence = g_strconcat(sentences[i], ".", NULL);

            append_wrapped(out, "", sentence);
        } else {
            append_wrapped(out, "", sentences[i]);
        }
    }
}

static char *
make_manual(void)
{
    GString *out = g_string_new(NULL);
    const char *group = "";
    guint n;
    const NmaOption *options = nma_settings_options(&n);

    for (guint i = 0; i < n; i++) {
        const NmaOption *option = &options[i];
        g_autofree char *type = nma_option_describe_type(option), *preset = default_text(option);
        g_autofree char *type_line = NULL, *default_line = NULL;

        if (strcmp(group, option->group) != 0)
            g_string_append_printf(out, "%s.Ss Group %s\n.Bl -tag -width Ds\n",
                                   i == 0 ? "" : ".El\n", group = option->group);
        g_string_append_printf(out, ".It Cm %s\n", option->name);
        append_sentences(out, option->help);
        type_line = g_strdup_printf("Value: %s.", type);
        default_line = g_strdup_printf("Default: %s.", preset);
        g_string_append(out, ".Pp\n");
        append_wrapped(out, "", type_line);
        append_wrapped(out, "", default_line);
    }
    g_string_append(out, ".El\n");
    return g_string_free(out, FALSE);
}

static char *
read_source(const char *path)
{
    g_autofree char *full = g_build_filename(g_getenv("top_srcdir"), path, NULL);
    g_autoptr(GError) error = NULL;
    char *text;

    g_file_get_contents(full, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* The first line that differs says more than two long texts. */
static void
assert_same_text(const char *actual, const char *expected)
{
    g_auto(GStrv) a = g_strsplit(actual, "\n", -1), e = g_strsplit(expected, "\n", -1);

    for (guint i = 0; a[i] != NULL && e[i] != NULL; i++)
        g_assert_cmpstr(a[i], ==, e[i]);
    g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(e));
}

static void
test_example(void)
{
    g_autofree char *actual = read_source(EXAMPLE), *expected = make_example();

    assert_same_text(actual, expected);
}

static void
test_manual(void)
{
    g_autofree char *actual = read_source(MANUAL), *expected = make_manual();
    char *begin = strstr(actual, BEGIN), *end = strstr(actual, END);

    g_assert_nonnull(begin);
    g_assert_nonnull(end);
    *end = '\0';
    assert_same_text(begin + strlen(BEGIN), expected);
}

/* Every line of the example, its comment sign taken off, is one that the agent accepts. */
static void
test_example_loads(void)
{
    g_autofree char *example = read_source(EXAMPLE), *path = NULL;
    g_auto(GStrv) lines = g_strsplit(example, "\n", -1);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaSettings) settings = NULL;
    guint set = 0, n;

    for (guint i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] == '#' && lines[i][1] != ' ') {
            memmove(lines[i], lines[i] + 1, strlen(lines[i]));
            set++;
        }
    }
    nma_settings_options(&n);
    g_assert_cmpuint(set, ==, n);
    text = g_strjoinv("\n", lines);
    path = g_build_filename(nma_test_dir(), "example.conf", NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    settings = nma_settings_load_own(path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(settings->mode, ==, NMA_MODE_ADVISE);
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--print") == 0) {
        g_autofree char *text = strcmp(argv[2], "manual") == 0 ? make_manual() : make_example();

        fputs(text, stdout);
        return 0;
    }
    nma_test_init(argc, argv);
    g_test_add_func("/settings-docs/example", test_example);
    g_test_add_func("/settings-docs/manual", test_manual);
    g_test_add_func("/settings-docs/example-loads", test_example_loads);
    return g_test_run();
}
