#include "agent/hypervisor/inspection.h"

NmaInspection *
nma_inspection_new(NmaInspectionKind kind, guint64 cookie)
{
    NmaInspection *inspection = g_new0(NmaInspection, 1);

    inspection->kind = kind;
    inspection->cookie = cookie;
    nma_virt_facts_clear(&inspection->virt);
    nma_acceptance_clear(&inspection->acceptance);
    return inspection;
}

void
nma_inspection_free(NmaInspection *inspection)
{
    if (!inspection)
        return;
    nma_source_facts_unref(inspection->source);
    g_free(inspection->needs);
    nma_virt_facts_clear(&inspection->virt);
    nma_guest_free(inspection->guest);
    nma_acceptance_clear(&inspection->acceptance);
    g_free(inspection);
}
