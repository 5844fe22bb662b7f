/*
 * The command line of nova-migration-watch.
 */
#pragma once

#include <glib.h>

typedef enum {
    NMA_WATCH_EXIT_OK = 0,
    NMA_WATCH_EXIT_USAGE = 2,
    NMA_WATCH_EXIT_NOT_FOUND = 5,
    NMA_WATCH_EXIT_TIMED_OUT = 124,
} NmaWatchExit;

typedef struct {
    GStrv cells; /* "NAME=FILE", checked; NULL: the default nova.conf */
    char *host;  /* only migrations from or to this host; NULL: all */
    char *topic;
    char *replay; /* file with report lines, "-" for standard input; NULL: listen */
    char *target; /* instance uuid, migration uuid or id; NULL: all */
    char *agent_topic;
    gboolean once, json, version, until_empty;
    gint64 timeout_us; /* 0: none */
} NmaWatchOptions;

#define NMA_WATCH_DEFAULT_TOPIC "live_migration_reports"

#define NMA_WATCH_OPTION_ERROR (nma_watch_option_error_quark())
GQuark nma_watch_option_error_quark(void);
typedef enum {
    NMA_WATCH_OPTION_ERROR_USAGE,
} NmaWatchOptionError;

/* args is changed as g_option_context_parse_strv does it. The error is one sentence without any
 * value that could be a secret. --help prints and ends the program. */
NmaWatchOptions *nma_watch_options_parse(GStrv *args, GError **error);
void nma_watch_options_free(NmaWatchOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaWatchOptions, nma_watch_options_free)
