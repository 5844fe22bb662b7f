/*
 * The sub-commands of nova-migration-agent: one file each, one row of the table in main.c each.
 * argv[0] is the name of the sub-command; what is returned is the exit status.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "agent/settings.h"

#define NMA_EXIT_OK          0
#define NMA_EXIT_FAILED      1
#define NMA_EXIT_USAGE       2 /* usage and configuration: the unit does not restart on it */
#define NMA_EXIT_NOT_RUNNING 3
#define NMA_EXIT_REFUSED     4 /* can-migrate: a host would not take the guest */
#define NMA_EXIT_UNKNOWN     5 /* can-migrate, forecast: cannot be told */
#define NMA_EXIT_HOPELESS    4 /* forecast: will not end */

int nma_cmd_run(int argc, char **argv);
int nma_cmd_check_config(int argc, char **argv);
int nma_cmd_replay(int argc, char **argv);
int nma_cmd_status(int argc, char **argv);
int nma_cmd_health(int argc, char **argv);
int nma_cmd_forecast(int argc, char **argv);
int nma_cmd_history(int argc, char **argv);

int nma_cmd_audit(int argc, char **argv);
int nma_cmd_log_level(int argc, char **argv);
int nma_cmd_ping(int argc, char **argv);
int nma_cmd_reservations(int argc, char **argv);
int nma_cmd_can_migrate(int argc, char **argv);

/* ---- what they share (command_line.c) ---- */

typedef struct {
    char *config_file; /* --config-file; NULL when not given */
    GStrv rest;        /* what is no option */
} NmaCommandLine;

void nma_command_line_clear(NmaCommandLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NmaCommandLine, nma_command_line_clear)

/* Parses argv by entries (NULL, or ended by a zero row) and --config-file; at most max_rest words
 * may be left. Returns FALSE with *status set when there is nothing more to do (a usage error,
 * --help). rest_name, e.g. "[LEVEL]", and summary are for the help. */
gboolean nma_command_line_parse(NmaCommandLine *line, int argc, char **argv,
                                const GOptionEntry *entries, guint max_rest, const char *rest_name,
                                const char *summary, int *status);

/* Asks the running agent. NULL with a line on stderr and *status: 2 for a wrong configuration, 3
 * when the agent does not run, else 1. args are taken. */
json_t *nma_command_ask(const NmaCommandLine *line, const char *command, json_t *args, int *status);

/* text as it may be shown on a terminal: control characters become "?". Owned. */
char *nma_printable(const char *text);

/* Of an agent's answer: -1 when it is no integer, NULL when it is no text (borrowed). */
gint64 nma_answer_figure(const json_t *object, const char *name);
const char *nma_answer_word(const json_t *object, const char *name);
