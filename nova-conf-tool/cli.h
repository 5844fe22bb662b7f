/*
 * What the sub-commands share: options, the configurations to work on, exit codes.
 */
#pragma once

#include <stdio.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/release_choice.h"

typedef enum {
    NCT_EXIT_OK = 0,
    NCT_EXIT_FINDINGS = 1,
    NCT_EXIT_USAGE = 2,  /* also no input, or an input that cannot be read */
    NCT_EXIT_SYNTAX = 3, /* a file that oslo.config cannot parse */
} NctExit;

typedef struct {
    const char *name;
    const char *arguments; /* "[FILE…]" */
    const char *summary;
    int (*run)(int argc, char **argv);
} NctCommand;

extern const NctCommand nct_command_lint;
extern const NctCommand nct_command_show;
extern const NctCommand nct_command_explain;
extern const NctCommand nct_command_rules;
extern const NctCommand nct_command_diff;
extern const NctCommand nct_command_upgrade;
extern const NctCommand nct_command_fix;

/* options of every command that reads configurations */
typedef struct {
    GArray *args;     /* NctArg: --config-file and --config-dir in their order */
    GPtrArray *texts; /* what args point to */
    char **roots;
    char **files; /* positional */
    char *release;
    char *program;
    gboolean fragment;
    GPtrArray *select; /* char *, NULL-terminated by nct_cli_finish */
    GPtrArray *ignore;
    GPtrArray *known_groups;
    GPtrArray *known_options;
    NctReleaseChoice choice;
    NctAuditOptions audit;
} NctCli;

void nct_cli_init(NctCli *cli);
void nct_cli_clear(NctCli *cli);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NctCli, nct_cli_clear)

/*
 * Parses a command's arguments; extra are its own options (may be NULL). Complaints go to standard
 * error. FALSE: stop with *status.
 */
gboolean nct_cli_parse(NctCli *cli, const NctCommand *command, const GOptionEntry *extra, int argc,
                       char **argv, int *status);

/* "nova-conf-tool COMMAND: …" to standard error; returns NCT_EXIT_USAGE */
int nct_cli_complain(const NctCommand *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* whether the input is of one kind; complains */
gboolean nct_cli_check_input(const NctCli *cli, const NctCommand *command);

/* how many configurations there are: one, or one for each FILE or --root */
guint nct_cli_n_configurations(const NctCli *cli);
/* the i-th, loaded tolerantly; never NULL */
NctConfig *nct_cli_load(const NctCli *cli, guint i, guint release);
/* a file of its own; "-" is standard input */
NctConfig *nct_cli_load_file(const char *path, guint release);

/* what went wrong while loading, as an exit code: usage for unreadable or nothing read, syntax, or
 * ok */
NctExit nct_cli_load_status(const NctConfig *config);
/* the graver of two: 2, 3, 1, 0 */
NctExit nct_cli_worse(NctExit a, NctExit b);
