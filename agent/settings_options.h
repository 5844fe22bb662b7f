/*
 * The table of the agent's options. Example configuration and manual are checked against it
 * (tests/unit/test-settings-docs).
 */
#pragma once

#include "agent/settings.h"

typedef enum {
    NMA_OPTION_NAME,    /* goes into names of queues and topics: letters, digits and "._-" */
    NMA_OPTION_NAMES,   /* a list of those, by comma; GStrv */
    NMA_OPTION_TEXT,    /* anything printable */
    NMA_OPTION_SECRET,  /* a transport_url: never shown, not even in an error */
    NMA_OPTION_PATH,    /* absolute */
    NMA_OPTION_RELEASE, /* of Nova, as nova-conf-tool knows them */
    NMA_OPTION_PATHS,   /* a list of those, by comma; GStrv */
    NMA_OPTION_WORD,    /* one of choices, kept as text */
    NMA_OPTION_CHOICE,  /* one of choices, kept as its index: a C enum */
    NMA_OPTION_INTEGER, /* min to max; gint64 */
    NMA_N_OPTION_TYPES
} NmaOptionType;

typedef struct {
    const char *group, *name;
    NmaOptionType type;
    const char *unit;           /* of an integer; NULL: a plain number */
    gint64 min, max;            /* integer: range; text, names and paths: length in bytes */
    const char *const *choices; /* NULL-terminated */
    const char *fallback;       /* the default, as a file would have it; "" allows an empty value */
    const char *fallback_text;  /* what the default means, where the value does not say it */
    gsize offset;               /* into NmaSettings */
    const char *help;           /* one or more sentences, for the example and the manual */
} NmaOption;

const NmaOption *nma_settings_options(guint *n);
const NmaOption *nma_settings_option(const char *group, const char *name); /* NULL: unknown */
gboolean nma_settings_has_group(const char *group);

/* "absolute path", "observe, advise or steer", "100 to 3600000 (ms)"; owned */
char *nma_option_describe_type(const NmaOption *option);

/* Puts the value into settings; what stood there is freed. FALSE with a sentence that says what is
 * wrong (and, of a secret, nothing of its text); settings are then unchanged. */
gboolean nma_option_set(const NmaOption *option, const char *value, NmaSettings *settings,
                        GError **error);

/* All options at their defaults. */
void nma_settings_set_defaults(NmaSettings *settings);
/* Frees what the table's options hold. */
void nma_settings_clear_options(NmaSettings *settings);
