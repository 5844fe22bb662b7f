#include "agent/hypervisor/domain.h"

#include <libvirt/virterror.h>
#include <stdlib.h>

#include "agent/hypervisor/guest_xml.h"
#include "agent/hypervisor/job_stats.h"
#include "agent/hypervisor/libvirt_error.h"

#define ANY_REASON (-1)

/* the first row that fits counts */
static const struct {
    int state, reason;
    gboolean only_incoming;
    NmaDomainState is;
} states[] = {
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, FALSE, NMA_DOMAIN_PAUSED_MIGRATION },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, TRUE, NMA_DOMAIN_PAUSED_MIGRATION },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, FALSE, NMA_DOMAIN_PAUSED_POSTCOPY },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, FALSE,
      NMA_DOMAIN_PAUSED_POSTCOPY_FAILED },
    { VIR_DOMAIN_PAUSED, ANY_REASON, FALSE, NMA_DOMAIN_PAUSED },
    { VIR_DOMAIN_RUNNING, ANY_REASON, FALSE, NMA_DOMAIN_RUNNING },
    { VIR_DOMAIN_BLOCKED, ANY_REASON, FALSE, NMA_DOMAIN_RUNNING },
    /* the guest shuts down, its QEMU is still there */
    { VIR_DOMAIN_SHUTDOWN, ANY_REASON, FALSE, NMA_DOMAIN_RUNNING },
    { VIR_DOMAIN_PMSUSPENDED, ANY_REASON, FALSE, NMA_DOMAIN_PAUSED },
    /* kept by on_crash=preserve */
    { VIR_DOMAIN_CRASHED, ANY_REASON, FALSE, NMA_DOMAIN_PAUSED },
    { VIR_DOMAIN_SHUTOFF, ANY_REASON, FALSE, NMA_DOMAIN_ABSENT },
};

NmaDomainState
nma_domain_state_from_libvirt(int state, int reason, gboolean incoming)
{
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
        if (states[i].state == state &&
            (states[i].reason == ANY_REASON || states[i].reason == reason) &&
            (!states[i].only_incoming || incoming))
            return states[i].is;
    return NMA_DOMAIN_UNKNOWN;
}

static void
read_job(virDomainPtr domain, NmaDomainReading *reading, gboolean *incoming)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE, n_params = 0, code;

    *incoming = FALSE;
    /* Never with VIR_DOMAIN_JOB_STATS_COMPLETED: without _KEEP_COMPLETED it would take the result
     * away from nova-compute. */
    if (virDomainGetJobStats(domain, &type, &params, &n_params, 0) == 0) {
        nma_job_stats_from_libvirt(&reading->stats, type, params, n_params);
        reading->stats_known = TRUE;
        virTypedParamsFree(params, n_params);
        return;
    }

    reading->text = nma_libvirt_error_text(&code);
    /* "migration statistics are available only on the source host": src/qemu/qemu_driver.c,
     * qemuDomainGetJobInfoMigrationStats */
    if (code == VIR_ERR_OPERATION_UNSUPPORTED) {
        *incoming = TRUE;
        reading->stats.kind = NMA_JOB_MIGRATION_IN;
        g_clear_pointer(&reading->text, g_free);
    }
}

static void
read_state(virDomainPtr domain, NmaDomainReading *reading, gboolean incoming)
{
    int state, reason, code;

    if (virDomainGetState(domain, &state, &reason, 0) == 0) {
        reading->state = nma_domain_state_from_libvirt(state, reason, incoming);
    } else {
        g_free(reading->text);
        reading->text = nma_libvirt_error_text(&code);
        if (code == VIR_ERR_NO_DOMAIN)
            reading->state = NMA_DOMAIN_ABSENT;
    }
    if (reading->state == NMA_DOMAIN_ABSENT)
        g_clear_pointer(&reading->text, g_free);
}

/* Needs no job, so that it never waits. */
static void
read_size(virDomainPtr domain, NmaDomainReading *reading)
{
    virDomainInfo info;

    if (virDomainGetInfo(domain, &info) == 0 && info.maxMem <= G_MAXINT64 / 1024) {
        reading->memory_bytes = (gint64)info.maxMem * 1024;
        reading->vcpus = info.nrVirtCpu;
    }
}

/* Needs no job either, and, without flags, no more than a read-only connection. */
static void
read_backing(virDomainPtr domain, NmaDomainReading *reading)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    NmaGuest *guest = xml != NULL ? nma_guest_from_xml(xml) : NULL;

    for (guint i = 0; guest != NULL && i < guest->n_cells; i++)
        reading->huge_pages |= guest->cells[i].page_bytes > 0;
    nma_guest_free(guest);
    free(xml);
}

NmaDomainReading *
nma_domain_read(virConnectPtr connection, const char *instance_uuid)
{
    NmaDomainReading *reading = nma_domain_reading_new(instance_uuid);
    virDomainPtr domain = virDomainLookupByUUIDString(connection, instance_uuid);
    gboolean incoming;
    int code;

    nma_job_stats_clear(&reading->stats);
    reading->state = NMA_DOMAIN_UNKNOWN;
    reading->stats_known = FALSE;
    if (!domain) {
        reading->text = nma_libvirt_error_text(&code);
        if (code == VIR_ERR_NO_DOMAIN) {
            reading->state = NMA_DOMAIN_ABSENT;
            g_clear_pointer(&reading->text, g_free);
        }
        return reading;
    }
    read_job(domain, reading, &incoming);
    read_state(domain, reading, incoming);
    if (reading->state != NMA_DOMAIN_ABSENT && !incoming)
        read_size(domain, reading);
    if (reading->stats.kind == NMA_JOB_MIGRATION_OUT)
        read_backing(domain, reading);
    virDomainFree(domain);
    return reading;
}
