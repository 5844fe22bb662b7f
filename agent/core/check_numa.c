/* The NUMA nodes that the guest's memory is bound to, against those of this host. */
#include "agent/core/check_internal.h"

static gboolean
host_has(const NmaVirtFacts *virt, guint node)
{
    for (guint i = 0; i < virt->n_nodes; i++)
        if (virt->nodes[i].node == node)
            return TRUE;
    return FALSE;
}

static int
larger_first(gconstpointer a, gconstpointer b, gpointer user_data)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;

    return (left < right) - (left > right);
}

/* What stands on each node of the source, the largest first; cells that may lie on several are left
 * out. */
static guint
bytes_by_node(const NmaGuest *guest, const NmaCores *nodes, gint64 *bytes)
{
    guint n = 0;

    for (guint node = 0; node < NMA_MAX_CORES && n < NMA_MAX_HOST_NODES; node++) {
        if (!nma_cores_has(nodes, node))
            continue;
        bytes[n] = 0;
        for (guint i = 0; i < guest->n_cells; i++)
            if (nma_cores_has(&guest->cells[i].nodes, node) &&
                nma_cores_count(&guest->cells[i].nodes) == 1)
                bytes[n] = nma_sum(bytes[n], guest->cells[i].memory_bytes);
        n++;
    }
    g_qsort_with_data(bytes, (gint)n, sizeof *bytes, larger_first, NULL);
    return n;
}

/* Nova lays each cell of a guest on a node of its own. FALSE: a node's share of the guest is larger
 * than any node that is left for it. */
static gboolean
shares_fit(const NmaGuest *guest, const NmaCores *nodes, const NmaVirtFacts *virt,
           NmaCheckResult *result)
{
    gint64 wanted[NMA_MAX_HOST_NODES], there[NMA_MAX_HOST_NODES];
    guint n = bytes_by_node(guest, nodes, wanted);

    for (guint i = 0; i < virt->n_nodes; i++)
        there[i] = virt->nodes[i].memory_bytes;
    g_qsort_with_data(there, (gint)virt->n_nodes, sizeof *there, larger_first, NULL);
    for (guint i = 0; i < n; i++) {
        if (wanted[i] <= there[i])
            continue;
        nma_check_refuse(result, NMA_REASON_NUMA_NODES_INSUFFICIENT,
                         "%" G_GINT64_FORMAT
                         " MiB of the guest stand on one NUMA node, the node left for them here "
                         "has %" G_GINT64_FORMAT " MiB; choose another host",
                         wanted[i] / NMA_MIB, there[i] / NMA_MIB);
        return FALSE;
    }
    return TRUE;
}

static void
judge_nodes(const NmaGuest *guest, const NmaCores *nodes, const NmaVirtFacts *virt,
            NmaCheckResult *result)
{
    NmaCores missing = { { 0 } };
    g_autofree char *lacking = NULL, *bound = nma_cores_to_string(nodes);

    for (guint node = 0; node < NMA_MAX_CORES; node++)
        if (nma_cores_has(nodes, node) && !host_has(virt, node))
            nma_cores_add(&missing, node);
    lacking = nma_cores_to_string(&missing);
    result->needed = nma_cores_count(nodes);
    result->available = virt->n_nodes;
    if (!guest->cells_bound && lacking[0] != '\0')
        nma_check_refuse(result, NMA_REASON_NUMA_NODE_MISSING,
                         "the guest's memory is bound to NUMA node %s, which this host does not "
                         "have, and libvirt will refuse it; choose another host",
                         lacking);
    else if (guest->cells_bound && result->needed > result->available)
        nma_check_refuse(result, NMA_REASON_NUMA_NODES_INSUFFICIENT,
                         "the guest's cells stand on %" G_GINT64_FORMAT
                         " NUMA nodes, this host has %" G_GINT64_FORMAT "; choose another host",
                         result->needed, result->available);
    else if (guest->cells_bound && !shares_fit(guest, nodes, virt, result))
        return;
    else if (lacking[0] != '\0')
        nma_check_warn(result, NMA_REASON_NUMA_NODE_MISSING,
                       "the guest's cells are bound to NUMA node %s, which this host does not "
                       "have: Nova (from Train on) binds them to others, whoever does not is "
                       "refused by libvirt",
                       lacking);
    else
        nma_check_ok(result, "this host has the NUMA node %s that the guest's memory is bound to",
                     bound);
}

void
nma_judge_numa(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaVirtFacts *virt = &facts->virt;
    NmaCores nodes = { { 0 } };

    if (!nma_check_has_guest(demand, facts, result))
        return;
    for (guint i = 0; i < demand->guest->n_cells; i++)
        nma_cores_unite(&nodes, &demand->guest->cells[i].nodes);
    if (!nma_cores_any(&nodes))
        nma_check_ok(result, "the guest's memory is bound to no NUMA node");
    else if (virt->n_nodes == 0)
        nma_check_unknown(result, virt->needs != NULL
                                      ? virt->needs
                                      : "needs the NUMA nodes of this host, which libvirt did not "
                                        "tell");
    else
        judge_nodes(demand->guest, &nodes, virt, result);
}
