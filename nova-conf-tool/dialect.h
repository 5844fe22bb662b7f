/*
 * How reading differs from one oslo.config to another. Nova's release decides, because it pins the
 * oslo.config it runs with. The file syntax itself never changed.
 *
 * Source: the same inputs read by oslo.config 3.9.0, 4.11.2, 5.2.1, 6.4.2, 9.0.0 and 10.3.0.
 */
#pragma once

#include <glib.h>

typedef struct {
    guint first_release;   /* Nova's major number */
    gboolean default_dirs; /* nova.conf.d and nova-compute.conf.d are searched (3.20.0 on) */
    gboolean environment;  /* OS_GROUP__NAME (6.7.0 on) */
    /* a list drops commas at its end (6.0.0 on) */
    gboolean list_drops_last_comma;
    /* an old name declared with a dash is also read with underscores (3.24.0 on) */
    gboolean old_dash_as_underscore;
    gboolean unset_is_empty;      /* $name of an unset option: "" or the word None */
    gboolean blank_float_is_none; /* else refused */
    gboolean hostname_needs_letter;
} NctDialect;

/* release 0 = the newest */
const NctDialect *nct_dialect_for_release(guint release);
