#include <string.h>

#include "config.h"
#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/cli.h"

static const NctCommand *const commands[] = {
    &nct_command_lint, &nct_command_show,    &nct_command_explain, &nct_command_rules,
    &nct_command_diff, &nct_command_upgrade, &nct_command_fix,
};

static void
print_help(FILE *out)
{
    g_autofree char *first = nct_release_describe(nct_release_oldest());
    g_autofree char *last = nct_release_describe(nct_release_newest());

    fputs("usage: nova-conf-tool COMMAND [OPTION…] [ARGUMENT…]\n\n", out);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out,
            "\nKnows Nova %s to %s. nova-conf-tool COMMAND --help tells more;\n"
            "the manual is nova-conf-tool(1).\n",
            first, last);
}

int
main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    /* no setlocale: arguments are bytes (G_OPTION_ARG_FILENAME), and all that is printed is UTF-8
     */
    if (!word) {
        print_help(stderr);
        return NCT_EXIT_USAGE;
    }
    if (g_str_equal(word, "--help") || g_str_equal(word, "-h") || g_str_equal(word, "help")) {
        print_help(stdout);
        return NCT_EXIT_OK;
    }
    if (g_str_equal(word, "--version")) {
        puts("nova-conf-tool " PACKAGE_VERSION);
        return NCT_EXIT_OK;
    }
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(word, commands[i]->name)) {
            g_autofree char *name = g_strdup_printf("nova-conf-tool %s", word);

            g_set_prgname(name);
            return commands[i]->run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "nova-conf-tool: no command %s\n", word);
    print_help(stderr);
    return NCT_EXIT_USAGE;
}
