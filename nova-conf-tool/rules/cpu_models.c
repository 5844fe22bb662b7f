#include "nova-conf-tool/rules/cpu_models.h"

#include "nova-conf-tool/suggest.h"

#define OLD   NCT_CPU_LEGACY
#define INTEL NCT_CPU_INTEL
#define AMD   NCT_CPU_AMD
#define BARE  (NCT_CPU_INTEL | NCT_CPU_NO_SPEC_CTRL)
#define PCID  (NCT_CPU_INTEL | NCT_CPU_NO_SPEC_CTRL | NCT_CPU_NEEDS_PCID)
#define NOPB  (NCT_CPU_AMD | NCT_CPU_NO_IBPB)

/* Source: QEMU's docs/system/cpu-models-x86 and libvirt's cpu_map, x86 part. */
static const NctCpuModel models[] = {
    { "kvm64", OLD },
    { "kvm32", OLD },
    { "qemu64", OLD },
    { "qemu32", OLD },
    { "cpu64-rhel5", OLD },
    { "cpu64-rhel6", OLD },
    { "486", OLD },
    { "pentium", OLD },
    { "pentium2", OLD },
    { "pentium3", OLD },
    { "pentiumpro", OLD },
    { "coreduo", OLD },
    { "n270", OLD },
    { "core2duo", OLD },
    { "phenom", OLD },
    { "athlon", OLD },
    { "Conroe", INTEL },
    { "Penryn", INTEL },
    { "Nehalem", BARE, "Nehalem-IBRS" },
    { "Nehalem-IBRS", INTEL },
    { "Westmere", PCID, "Westmere-IBRS" },
    { "Westmere-IBRS", NCT_CPU_INTEL | NCT_CPU_NEEDS_PCID },
    { "SandyBridge", PCID, "SandyBridge-IBRS" },
    { "SandyBridge-IBRS", NCT_CPU_INTEL | NCT_CPU_NEEDS_PCID },
    { "IvyBridge", PCID, "IvyBridge-IBRS" },
    { "IvyBridge-IBRS", NCT_CPU_INTEL | NCT_CPU_NEEDS_PCID },
    { "Haswell", BARE, "Haswell-IBRS" },
    { "Haswell-IBRS", INTEL },
    { "Haswell-noTSX", BARE, "Haswell-noTSX-IBRS" },
    { "Haswell-noTSX-IBRS", INTEL },
    { "Broadwell", BARE, "Broadwell-IBRS" },
    { "Broadwell-IBRS", INTEL },
    { "Broadwell-noTSX", BARE, "Broadwell-noTSX-IBRS" },
    { "Broadwell-noTSX-IBRS", INTEL },
    { "Skylake-Client", BARE, "Skylake-Client-IBRS" },
    { "Skylake-Client-IBRS", INTEL },
    { "Skylake-Client-noTSX-IBRS", INTEL },
    { "Skylake-Server", BARE, "Skylake-Server-IBRS" },
    { "Skylake-Server-IBRS", INTEL },
    { "Skylake-Server-noTSX-IBRS", INTEL },
    { "Cascadelake-Server", INTEL },
    { "Cascadelake-Server-noTSX", INTEL },
    { "Cooperlake", INTEL },
    { "Icelake-Client", INTEL },
    { "Icelake-Client-noTSX", INTEL },
    { "Icelake-Server", INTEL },
    { "Icelake-Server-noTSX", INTEL },
    { "Snowridge", INTEL },
    { "SapphireRapids", INTEL },
    { "GraniteRapids", INTEL },
    { "SierraForest", INTEL },
    { "Opteron_G1", AMD },
    { "Opteron_G2", AMD },
    { "Opteron_G3", AMD },
    { "Opteron_G4", AMD },
    { "Opteron_G5", AMD },
    { "EPYC", NOPB, "EPYC-IBPB" },
    { "EPYC-IBPB", AMD },
    { "EPYC-Rome", AMD },
    { "EPYC-Milan", AMD },
    { "EPYC-Genoa", AMD },
    { "Dhyana", AMD },
};

const NctCpuModel *
nct_cpu_model_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(models); i++)
        if (g_ascii_strcasecmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

guint
nct_cpu_n_models(void)
{
    return G_N_ELEMENTS(models);
}

const NctCpuModel *
nct_cpu_model_at(guint i)
{
    return &models[i];
}

const NctCpuModel *
nct_cpu_model_similar(const char *name)
{
    g_autofree char *lower = g_ascii_strdown(name, -1);
    const NctCpuModel *found = NULL;
    guint best = 3;

    for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autofree char *other = g_ascii_strdown(models[i].name, -1);
        guint distance = nct_edit_distance(lower, other, best - 1);

        if (distance < best) {
            best = distance;
            found = &models[i];
        }
    }
    return found;
}
