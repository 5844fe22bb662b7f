/* CPUs: Nova's allocation ratio for shared ones, a core of its own for each pinned one. */
#include "agent/core/check_internal.h"

static void
judge_pinned(const NmaGuest *guest, const NmaFacts *facts, NmaCheckResult *result)
{
    if (facts->dedicated_cpus < 0) {
        nma_check_refuse(result, NMA_REASON_DEDICATED_CPUS_INSUFFICIENT,
                         "the guest has %" G_GINT64_FORMAT " vCPUs on cores of their own, and this "
                         "host gives none away: neither cpu_dedicated_set nor vcpu_pin_set is set",
                         guest->pinned_vcpus);
        return;
    }
    if (facts->free_dedicated_cpus < 0) {
        nma_check_unknown(result, facts->virt.needs != NULL
                                      ? facts->virt.needs
                                      : "needs the pins of the guests that run here");
        return;
    }
    result->needed = guest->pinned_vcpus;
    result->available = facts->free_dedicated_cpus;
    if (result->needed > result->available)
        nma_check_refuse(result, NMA_REASON_DEDICATED_CPUS_INSUFFICIENT,
                         "the guest needs %" G_GINT64_FORMAT " cores of its own, %" G_GINT64_FORMAT
                         " of the %" G_GINT64_FORMAT
                         " dedicated ones are free here: no guest is pinned to them, and they are "
                         "promised to none; choose another host",
                         result->needed, result->available, facts->dedicated_cpus);
    else
        nma_check_ok(result,
                     "the guest needs %" G_GINT64_FORMAT " cores of its own, %" G_GINT64_FORMAT
                     " are free here",
                     result->needed, result->available);
}

static void
judge_shared(gint64 vcpus, const NmaFacts *facts, NmaCheckResult *result)
{
    gint64 cpus = facts->shared_cpus >= 0 ? facts->shared_cpus : facts->virt.online_cpus;
    gint64 used = facts->virt.guests_vcpus - MAX(facts->virt.guests_pinned_vcpus, 0);
    gint64 room;

    if (cpus < 0 || facts->virt.guests_vcpus < 0) {
        nma_check_unknown(result, facts->virt.needs != NULL
                                      ? facts->virt.needs
                                      : "needs the CPUs of this host and of its guests");
        return;
    }
    /* QEMU starts a guest with more vCPUs than there are CPUs, and it crawls */
    if (vcpus > cpus) {
        result->needed = vcpus;
        result->available = cpus;
        nma_check_warn(result, NMA_REASON_VCPUS_OVERCOMMITTED,
                       "the guest has %" G_GINT64_FORMAT " vCPUs, more than the %" G_GINT64_FORMAT
                       " CPUs that guests may use here",
                       vcpus, cpus);
        return;
    }
    if (facts->cpu_ratio_permille < 0) {
        nma_check_ok(result,
                     "%" G_GINT64_FORMAT " vCPUs run on %" G_GINT64_FORMAT
                     " CPUs here; cpu_allocation_ratio is not set, and Placement's own holds",
                     used, cpus);
        return;
    }
    room = (gint64)((double)cpus * (double)facts->cpu_ratio_permille / 1000);
    result->needed = vcpus;
    result->available = MAX(room - used, 0);
    if (result->needed > result->available)
        nma_check_warn(result, NMA_REASON_VCPUS_OVERCOMMITTED,
                       "the guest has %" G_GINT64_FORMAT " vCPUs, and cpu_allocation_ratio %.3g "
                       "leaves room for %" G_GINT64_FORMAT " on %" G_GINT64_FORMAT
                       " CPUs, of which guests use %" G_GINT64_FORMAT " already",
                       vcpus, (double)facts->cpu_ratio_permille / 1000, result->available, cpus,
                       used);
    else
        nma_check_ok(result,
                     "the guest has %" G_GINT64_FORMAT " vCPUs, there is room for %" G_GINT64_FORMAT
                     " here",
                     vcpus, result->available);
}

void
nma_judge_vcpus(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaGuest *guest = demand->guest;
    gint64 vcpus = guest != NULL && guest->vcpus > 0 ? guest->vcpus : demand->vcpus;

    if (guest != NULL && guest->pinned_vcpus > 0)
        judge_pinned(guest, facts, result);
    else if (vcpus < 0)
        nma_check_unknown(result, "needs the vCPUs of the guest's flavor, which Nova did not name");
    else
        judge_shared(vcpus, facts, result);
}
