/* A table for people: columns as wide as their widest cell, two blanks between. */
#pragma once

#include <glib.h>
#include <stdio.h>

typedef struct NmaTable NmaTable;

/* titles: NULL-terminated, static; one that begins with '>' stands to the right */
NmaTable *nma_table_new(const char *const *titles);
void nma_table_free(NmaTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NmaTable, nma_table_free)

/* The next cell, row by row; what may not be shown on a terminal becomes "?". NULL is "-". */
void nma_table_add(NmaTable *table, const char *text);
void nma_table_addf(NmaTable *table, const char *format, ...) G_GNUC_PRINTF(2, 3);
void nma_table_print(const NmaTable *table, FILE *to);

/* Figures as people read them; owned. Negative: "-". */
char *nma_show_duration(gint64 ms);   /* "340 ms", "12.5 s", "3 min 4 s", "2 h 5 min" */
char *nma_show_rate(gint64 bytes_s);  /* "35.6 MiB/s" */
char *nma_show_size(gint64 bytes);    /* "1.2 GiB" */
char *nma_show_time(const char *iso); /* "2026-11-21 21:22:44" of an ISO time in UTC */
