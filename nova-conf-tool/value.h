/*
 * A value as oslo.config makes it from the text in a file, or the reason why it refuses the text.
 *
 * Source: oslo_config/types.py 9.0.0 and the differences of other versions (dialect.h).
 */
#pragma once

#include "nova-conf-tool/dialect.h"
#include "nova-conf-tool/option.h"
#include "nova-conf-tool/text.h"

typedef enum {
    NCT_VALUE_NONE, /* Python's None: unset, or a number left blank */
    NCT_VALUE_BOOLEAN,
    NCT_VALUE_INTEGER,
    NCT_VALUE_FLOAT,
    NCT_VALUE_STRING,
    NCT_VALUE_LIST,
    NCT_VALUE_DICT,
} NctValueKind;

typedef struct NctValue {
    NctValueKind kind;
    gboolean boolean;
    gint64 integer; /* clamped when it does not fit; then fits is FALSE */
    gboolean fits;
    double real;
    char *text;       /* string (may hold NUL bytes); integer in decimal, however long */
    gsize length;     /* bytes of text */
    GPtrArray *items; /* list: NctValue; dict: the values */
    GPtrArray *keys;  /* dict: char *, in order of appearance */
} NctValue;

NctValue *nct_value_new(NctValueKind kind);
NctValue *nct_value_new_string(const char *text, gsize length);
void nct_value_free(NctValue *value);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctValue, nct_value_free)

gboolean nct_value_equal(const NctValue *a, const NctValue *b);

/* str() of the value in Python: what another option gets that names this one with "$name". */
void nct_value_append_str(const NctValue *value, GString *out);

/* As a file would have it: items separated by commas. Newly allocated. */
char *nct_value_to_text(const NctValue *value);

/*
 * Converts text to the type, NULL if oslo.config refuses it. *reason (may be NULL) then says why,
 * in words that follow "it": "is not a boolean (…)". It never holds any part of the text, which may
 * be secret. Newly allocated, as the value.
 */
NctValue *nct_type_convert(const NctType *type, NctSpan text, const NctDialect *dialect,
                           char **reason);

/* "integer, at least 0", "one of: a, b": what would be accepted. Newly allocated. */
char *nct_type_describe(const NctType *type);
