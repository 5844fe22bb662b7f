#include "agent/hypervisor/access.h"

static const NmaAccessRow rows[] = {
    { "virConnectClose", NMA_ACCESS_READ_ONLY },
    { "virConnectCompareHypervisorCPU", NMA_ACCESS_READ_WRITE },
    { "virConnectDomainEventDeregisterAny", NMA_ACCESS_READ_ONLY },
    { "virConnectDomainEventRegisterAny", NMA_ACCESS_READ_ONLY },
    { "virConnectGetDomainCapabilities", NMA_ACCESS_READ_WRITE },
    { "virConnectGetHostname", NMA_ACCESS_READ_ONLY },
    { "virConnectGetLibVersion", NMA_ACCESS_READ_ONLY },
    { "virConnectGetVersion", NMA_ACCESS_READ_ONLY },
    { "virConnectIsAlive", NMA_ACCESS_READ_ONLY },
    { "virConnectListAllDomains", NMA_ACCESS_READ_ONLY },
    { "virConnectNumOfDomains", NMA_ACCESS_READ_ONLY },
    { "virConnectOpen", NMA_ACCESS_READ_WRITE },
    { "virConnectOpenReadOnly", NMA_ACCESS_READ_ONLY },
    { "virConnectRegisterCloseCallback", NMA_ACCESS_READ_ONLY },
    { "virConnectSetKeepAlive", NMA_ACCESS_READ_ONLY },
    { "virConnectUnregisterCloseCallback", NMA_ACCESS_READ_ONLY },
    { "virDomainAbortJob", NMA_ACCESS_READ_WRITE },
    { "virDomainFree", NMA_ACCESS_READ_ONLY },
    { "virDomainGetBlockInfo", NMA_ACCESS_READ_ONLY },
    { "virDomainGetInfo", NMA_ACCESS_READ_ONLY },
    { "virDomainGetJobInfo", NMA_ACCESS_READ_ONLY },
    { "virDomainGetJobStats", NMA_ACCESS_READ_ONLY },
    { "virDomainGetState", NMA_ACCESS_READ_ONLY },
    { "virDomainGetUUIDString", NMA_ACCESS_READ_ONLY },
    { "virDomainGetVcpuPinInfo", NMA_ACCESS_READ_ONLY },
    { "virDomainGetXMLDesc", NMA_ACCESS_READ_WRITE },
    { "virDomainListGetStats", NMA_ACCESS_READ_ONLY },
    { "virDomainLookupByUUIDString", NMA_ACCESS_READ_ONLY },
    { "virDomainMigrateGetMaxDowntime", NMA_ACCESS_READ_WRITE },
    { "virDomainMigrateGetMaxSpeed", NMA_ACCESS_READ_WRITE },
    { "virDomainMigrateSetMaxDowntime", NMA_ACCESS_READ_WRITE },
    { "virDomainMigrateSetMaxSpeed", NMA_ACCESS_READ_WRITE },
    { "virDomainMigrateStartPostCopy", NMA_ACCESS_READ_WRITE },
    { "virDomainStartDirtyRateCalc", NMA_ACCESS_READ_WRITE },
    { "virDomainStatsRecordListFree", NMA_ACCESS_READ_ONLY },
    { "virDomainSuspend", NMA_ACCESS_READ_WRITE },
    { "virNodeGetCPUMap", NMA_ACCESS_READ_ONLY },
    { "virNodeGetInfo", NMA_ACCESS_READ_ONLY },
    { "virNodeGetMemoryStats", NMA_ACCESS_READ_ONLY },
};

const NmaAccessRow *
nma_access_rows(gsize *n_rows)
{
    *n_rows = G_N_ELEMENTS(rows);
    return rows;
}
