/*
 * Which files a Nova service reads, in which order.
 *
 * Source: oslo_config/cfg.py, find_config_files, find_config_dirs, _parse_config_files.
 */
#pragma once

#include "nova-conf-tool/dialect.h"

typedef enum {
    NCT_ARG_CONFIG_FILE,
    NCT_ARG_CONFIG_DIR,
    NCT_ARG_OPTION, /* --name value of the service itself; beats the files before it */
} NctArgKind;

typedef struct {
    NctArgKind kind;
    const char *name;  /* NCT_ARG_OPTION only: the option in [DEFAULT] */
    const char *value; /* path, or the option's value */
} NctArg;

typedef struct {
    /* as on the service's command line, in its order; none = what the service finds by itself */
    const NctArg *args;
    guint n_args;
    /* searched by name when no --config-file is given; NULL = nova-compute */
    const char *program;
    /* the service's home directory, for ~ and ~/.nova; NULL = this process's */
    const char *home;
    /* put before /etc when searching: one host's tree on a jump host; NULL = this host */
    const char *root;
    /* "NAME=value" strings, for OS_GROUP__OPTION and SNAP; NULL = none */
    const char *const *environment;
    /* nothing but args: no search, also not for nova.conf.d (a file on its own) */
    gboolean only_args;
    /* replace the searched files; NULL = search */
    const char *const *default_files;
} NctSources;

typedef struct {
    NctArgKind kind; /* file or option */
    char *path;      /* absolute */
    char *shown;     /* as it was named, so that a report of CI fits the repository */
    const NctArg *arg;
} NctInput;

typedef struct {
    GPtrArray *inputs; /* NctInput, in the order in which they are read */
    GPtrArray *files;  /* char *: what oslo.config calls config_file: searched or given files */
    char *missing_dir; /* a --config-dir that does not exist: the service stops there, so the list
                        * ends before it */
} NctInputs;

NctInputs *nct_sources_list(const NctSources *sources, const NctDialect *dialect);
void nct_inputs_free(NctInputs *inputs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctInputs, nct_inputs_free)

/* value of NAME in "NAME=value" strings, or NULL */
const char *nct_environment_get(const char *const *environment, const char *name);
