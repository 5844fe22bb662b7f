/* The inside of a configuration, for the files that make up effective.h. */
#pragma once

#include "nova-conf-tool/effective.h"

/* group and key -> first and last assignment; open addressing, the size a power of two */
typedef struct {
    guint hash;
    NctEntry *first; /* NULL = free */
    NctEntry *last;
} NctSlot;

struct NctConfig {
    GPtrArray *documents;
    GPtrArray *files;
    GPtrArray *main_files;
    GPtrArray *load_errors;
    NctSlot *slots;
    guint n_slots; /* 0 = none yet */
    guint n_used;
    const NctSchema *schema;
    const NctDialect *dialect;
    GHashTable *told_defaults; /* "group/name" -> text */
    GStrv environment;         /* NULL when the dialect does not read it */
};

guint nct_option_n_names(const NctOption *option);
NctName nct_option_name(const NctOption *option, guint i);
char *nct_option_environment_name(const NctOption *option);
