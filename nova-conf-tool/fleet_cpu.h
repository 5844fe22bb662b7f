/*
 * What a host tree says of the host's processor:
 *
 *   ROOT/domcapabilities.xml   output of "virsh domcapabilities": the models that guests can have
 *   ROOT/proc/cpuinfo          a copy of the file: what host-passthrough hands to guests
 *
 * Source: libvirt, docs/formatdomaincaps.rst (mode, model usable, feature policy).
 */
#pragma once

#include <glib.h>

typedef struct {
    gboolean has_models;  /* domcapabilities.xml was there */
    gboolean has_flags;   /* proc/cpuinfo was there */
    GHashTable *models;   /* set of char *: usable named models; empty without them */
    char *host_model;     /* the model that host-model starts from, or NULL */
    GHashTable *features; /* set of char *: what host-model requires beyond its model */
    GHashTable *flags;    /* set of char *: flags of the first processor */
    char *name;           /* "model name" of the first processor, or NULL */
    char *microcode;      /* or NULL */
} NctCpuFacts;

/* never NULL; what is not there or cannot be read is left out */
NctCpuFacts *nct_cpu_facts_read(const char *root);
/* the same of texts; either may be NULL */
NctCpuFacts *nct_cpu_facts_parse(const char *domcapabilities, const char *cpuinfo);
void nct_cpu_facts_free(NctCpuFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NctCpuFacts, nct_cpu_facts_free)
