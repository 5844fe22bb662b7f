/*
 * One configuration: the files that a service reads, and the value that each option has in the end.
 *
 * Few lines are enough:
 *
 *     g_autoptr(NctConfig) config = nct_config_load_files(files, dirs, &error);
 *     g_autofree char *url = nct_config_get_string(config, "DEFAULT", "transport_url", NULL,
 * &error);
 *
 * A configuration does not change once loaded; several threads may read it.
 */
#pragma once

#include "nova-conf-tool/document.h"
#include "nova-conf-tool/sources.h"
#include "nova-conf-tool/value.h"

typedef enum {
    NCT_CONFIG_ERROR_SYNTAX,
    NCT_CONFIG_ERROR_DECODE,
    NCT_CONFIG_ERROR_FILE_NOT_FOUND,
    NCT_CONFIG_ERROR_PERMISSION,
    NCT_CONFIG_ERROR_DIR_NOT_FOUND,
    NCT_CONFIG_ERROR_TOO_LARGE,
    NCT_CONFIG_ERROR_IO,
    /* an option of the service's command line has an illegal value in a file: it exits at once */
    NCT_CONFIG_ERROR_CLI_VALUE,
    NCT_CONFIG_ERROR_ILLEGAL_VALUE, /* getters only: the value is not of the type asked for */
    NCT_CONFIG_ERROR_SUBSTITUTION,  /* getters only: a $name that does not exist, or a loop */
    NCT_CONFIG_ERROR_COMPUTED, /* getters only: names an option that Nova computes on the host */
} NctConfigError;

#define NCT_CONFIG_ERROR (nct_config_error_quark())
GQuark nct_config_error_quark(void);

typedef struct NctConfig NctConfig;

typedef struct {
    NctSources sources;
    const NctSchema *schema; /* NULL = Nova's catalogue for the release */
    guint release;           /* Nova's major number; 0 = newest */
    /* keep files with syntax errors (without what is wrong in them) instead of failing, and leave
     * out files that cannot be read: for an audit, which names them all */
    gboolean tolerant;
} NctLoad;

/*
 * Reads everything that the service would read. The error says what stops the service: file, line
 * and reason, never any text of the line. Free with nct_config_free.
 */
NctConfig *nct_config_load(const NctLoad *load, GError **error);

/*
 * The same for lists of --config-file and --config-dir (NULL-terminated or NULL, files before
 * dirs); both empty = what nova-compute itself finds on this host. This process's environment
 * counts.
 */
NctConfig *nct_config_load_files(const char *const *config_files, const char *const *config_dirs,
                                 GError **error);

/* One document alone as a configuration of its own, which takes it. */
NctConfig *nct_config_from_document(NctDocument *document, const NctSchema *schema, guint release);

void nct_config_free(NctConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctConfig, nct_config_free)

/* The documents in the order in which they were read; a later one wins. */
guint nct_config_n_documents(const NctConfig *config);
const NctDocument *nct_config_document(const NctConfig *config, guint i);
/* NULL-terminated absolute paths of every file that was read; owned by the configuration */
const char *const *nct_config_files(const NctConfig *config);
/* only the files searched or named with --config-file, as they were named */
const char *const *nct_config_main_files(const NctConfig *config);
const NctSchema *nct_config_schema(const NctConfig *config);
const NctDialect *nct_config_dialect(const NctConfig *config);
/* whether some OS_… variable could override an option */
gboolean nct_config_has_environment(const NctConfig *config);
/* whether an option may have a value that no file gives it: that, or a told default */
gboolean nct_config_has_overrides(const NctConfig *config);
/* tolerant load: what went wrong with files that are left out (GError *) */
const GPtrArray *nct_config_load_errors(const NctConfig *config);

/*
 * Nova computes some defaults on the host (DEFAULT/my_ip, DEFAULT/host). Whoever knows them says so
 * here, right after loading, so that "$my_ip" can be replaced where a file does not set it.
 */
void nct_config_set_default(NctConfig *config, const char *group, const char *name,
                            const char *text);

/* ---- what stands in the files ---- */

/* first assignment to group/key in the order read; follow ->next. NULL if there is none. */
const NctEntry *nct_config_first(const NctConfig *config, const char *group, const char *key);

typedef enum {
    NCT_ORIGIN_UNSET,
    NCT_ORIGIN_DEFAULT,
    NCT_ORIGIN_FILE,
    NCT_ORIGIN_ENVIRONMENT,
} NctOriginKind;

typedef struct {
    NctOriginKind kind;
    const NctEntry *entry; /* FILE: the assignment that counts (of a multi option: the last) */
    const char
        *text; /* the text before substitution; NULL when unset. ENVIRONMENT, FILE: as given */
    gsize length;
} NctOrigin;

/* Where the option's value comes from. Old names count. */
NctOrigin nct_config_origin(const NctConfig *config, const NctOption *option);

/* Every assignment that counts for a multi option, in oslo.config's order; const NctEntry *. */
GPtrArray *nct_config_multi_entries(const NctConfig *config, const NctOption *option);

/* ---- values ---- */

typedef enum {
    NCT_RESULT_OK,
    NCT_RESULT_ILLEGAL, /* not of its type, or a $name in it names an option whose value is illegal
                         */
    NCT_RESULT_NO_SUCH_OPTION,
    NCT_RESULT_NO_SUCH_GROUP,
    NCT_RESULT_NAMES_A_GROUP, /* $name is a group */
    NCT_RESULT_ENDLESS,       /* $name leads back to itself, or grows without bound */
    /* legal, but $name is unset and Nova computes its default on the host (my_ip and the like): see
     * nct_config_set_default */
    NCT_RESULT_COMPUTED,
} NctResultKind;

typedef struct {
    NctResultKind kind;
    NctValue *value;          /* OK only; a multi option's is a list */
    char *reason;             /* ILLEGAL: see nct_type_convert; others: the $name at fault */
    const NctOption *culprit; /* ILLEGAL: the option whose own value is wrong */
} NctResult;

void nct_result_clear(NctResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NctResult, nct_result_clear)

/*
 * Why the result is no value, in words that follow the option's name. Holds no part of a secret
 * value. Newly allocated.
 */
char *nct_result_describe(const NctResult *result, const NctOption *option);

/* The same for a text as if the option had it: for options that are known by a pattern only. */
NctResult nct_config_evaluate(const NctConfig *config, const NctOption *option, NctSpan text);

/* What a service gets when it reads the option: substitution done, converted, default if unset. */
NctResult nct_config_read(const NctConfig *config, const NctOption *option);

/* ---- getters: group and name as a file has them ---- */

/* whether a file or the environment sets it, under its own or an old name */
gboolean nct_config_is_set(const NctConfig *config, const char *group, const char *name);

/* "FILE:LINE", "environment OS_…", "default" or "unset"; newly allocated */
char *nct_config_describe_origin(const NctConfig *config, const char *group, const char *name);

/*
 * The value, or fallback if it is not set (a blank number counts as unset). $names are replaced in
 * both; fallback may be NULL. NULL without an error means unset. Newly allocated; NUL bytes end the
 * string.
 */
char *nct_config_get_string(const NctConfig *config, const char *group, const char *name,
                            const char *fallback, GError **error);
gboolean nct_config_get_boolean(const NctConfig *config, const char *group, const char *name,
                                gboolean fallback, gboolean *value, GError **error);
gboolean nct_config_get_integer(const NctConfig *config, const char *group, const char *name,
                                gint64 fallback, gint64 *value, GError **error);
gboolean nct_config_get_float(const NctConfig *config, const char *group, const char *name,
                              double fallback, double *value, GError **error);
/* comma separated; NULL on error only, an empty vector when unset and no fallback. g_strfreev */
GStrv nct_config_get_list(const NctConfig *config, const char *group, const char *name,
                          const char *fallback, GError **error);
/* every value of an option that may repeat; likewise */
GStrv nct_config_get_multi(const NctConfig *config, const char *group, const char *name,
                           GError **error);
