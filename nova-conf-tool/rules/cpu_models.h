/* What is known of libvirt's x86 CPU models, as far as advice needs it. */
#pragma once

#include <glib.h>

typedef enum {
    NCT_CPU_LEGACY = 1 << 0, /* a least common denominator of the past: slow and unsafe */
    NCT_CPU_INTEL = 1 << 1,
    NCT_CPU_AMD = 1 << 2,
    NCT_CPU_NEEDS_PCID = 1 << 3,   /* lacks pcid, though the processors have it */
    NCT_CPU_NO_SPEC_CTRL = 1 << 4, /* Intel without the -IBRS name */
    NCT_CPU_NO_IBPB = 1 << 5,      /* AMD without the -IBPB name */
} NctCpuTraits;

typedef struct {
    const char *name;
    NctCpuTraits traits;
    const char *with_mitigation; /* the same model with -IBRS or -IBPB, or NULL */
} NctCpuModel;

/* letter case does not matter; NULL if it is not in the table (which is no proof that libvirt lacks
 * it) */
const NctCpuModel *nct_cpu_model_find(const char *name);
/* all of them; of one maker those that can do more come later */
guint nct_cpu_n_models(void);
const NctCpuModel *nct_cpu_model_at(guint i);
/* the model spelt most like it, NULL if none is near */
const NctCpuModel *nct_cpu_model_similar(const char *name);
