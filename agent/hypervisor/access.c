#include "agent/hypervisor/access.h"

static const NmaAccessRow rows[] = {
    { "virConnectClose", NMA_ACCESS_READ_ONLY },
    { "virConnectDomainEventDeregisterAny", NMA_ACCESS_READ_ONLY },
    { "virConnectDomainEventRegisterAny", NMA_ACCESS_READ_ONLY },
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
    { "virDomainFree", NMA_ACCESS_READ_ONLY },
    { "virDomainGetInfo", NMA_ACCESS_READ_ONLY },
    { "virDomainGetJobStats", NMA_ACCESS_READ_ONLY },
    { "virDomainGetState", NMA_ACCESS_READ_ONLY },
    { "virDomainGetUUIDString", NMA_ACCESS_READ_ONLY },
    { "virDomainListGetStats", NMA_ACCESS_READ_ONLY },
    { "virDomainLookupByUUIDString", NMA_ACCESS_READ_ONLY },
    { "virDomainStartDirtyRateCalc", NMA_ACCESS_READ_WRITE },
    { "virDomainStatsRecordListFree", NMA_ACCESS_READ_ONLY },
};

const NmaAccessRow *
nma_access_rows(gsize *n_rows)
{
    *n_rows = G_N_ELEMENTS(rows);
    return rows;
}
