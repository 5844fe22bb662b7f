#include "agent/core/remedy.h"

#define MIB (1024 * 1024)

NmaRemedyReport *
nma_remedy_report_new(void)
{
    NmaRemedyReport *report = g_new0(NmaRemedyReport, 1);

    nma_identity_init(&report->identity);
    report->iteration = NMA_UNKNOWN;
    report->before = report->after = NMA_UNKNOWN;
    report->refused_for = NMA_REASON_NONE;
    report->order.value = report->order.expected_ms = report->order.cap_ms = NMA_UNKNOWN;
    return report;
}

void
nma_remedy_report_free(NmaRemedyReport *report)
{
    if (report == NULL)
        return;
    nma_identity_clear(&report->identity);
    g_free(report->refusal);
    g_free(report->text);
    g_free(report);
}

const char *
nma_remedy_kind_to_string(NmaRemedyKind kind)
{
    static const char *const names[NMA_N_REMEDY_KINDS] = {
        [NMA_REMEDY_ADVISED] = "advised",
        [NMA_REMEDY_APPLIED] = "applied",
        [NMA_REMEDY_FAILED] = "failed",
    };

    g_return_val_if_fail((guint)kind < NMA_N_REMEDY_KINDS, "");
    return names[kind];
}

const char *
nma_remedy_way_to_string(NmaRemedyWay way)
{
    static const char *const names[NMA_N_REMEDY_WAYS] = {
        [NMA_WAY_LIBVIRT] = "libvirt",
        [NMA_WAY_NOVA] = "nova",
    };

    g_return_val_if_fail((guint)way < NMA_N_REMEDY_WAYS, "");
    return names[way];
}

const char *
nma_remedy_event_type(NmaRemedyKind kind)
{
    static const char *const types[NMA_N_REMEDY_KINDS] = {
        [NMA_REMEDY_ADVISED] = "live_migration.remedy.advised",
        [NMA_REMEDY_APPLIED] = "live_migration.remedy.applied",
        [NMA_REMEDY_FAILED] = "live_migration.remedy.failed",
    };

    g_return_val_if_fail((guint)kind < NMA_N_REMEDY_KINDS, "");
    return types[kind];
}

static char *
through_nova(const NmaRemedyReport *report, const char *verb)
{
    return g_strdup_printf("openstack server migration %s %s %" G_GINT64_FORMAT, verb,
                           report->identity.instance_uuid, report->identity.migration_id);
}

char *
nma_remedy_command(const NmaRemedyReport *report)
{
    const char *uuid = report->identity.instance_uuid;
    gboolean by_nova = report->way == NMA_WAY_NOVA && report->identity.migration_id >= 0;

    switch (report->order.remedy) {
    case NMA_REMEDY_SPEED:
        return g_strdup_printf("virsh migrate-setspeed %s %" G_GINT64_FORMAT, uuid,
                               MAX(report->order.value / MIB, 1));
    case NMA_REMEDY_DOWNTIME:
        return g_strdup_printf("virsh migrate-setmaxdowntime %s %" G_GINT64_FORMAT, uuid,
                               report->order.value);
    case NMA_REMEDY_POST_COPY:
        return by_nova ? through_nova(report, "force complete")
                       : g_strdup_printf("virsh migrate-postcopy %s", uuid);
    case NMA_REMEDY_PAUSE:
        return g_strdup_printf("virsh suspend %s", uuid);
    case NMA_REMEDY_ABORT:
        return by_nova ? through_nova(report, "abort")
                       : g_strdup_printf("virsh domjobabort %s", uuid);
    default:
        return g_strdup("");
    }
}

static const char *const reasons[NMA_N_REMEDY_REASONS] = {
    [NMA_REMEDY_REASON_NONE] = "",
    [NMA_REMEDY_REASON_NEEDS_DOWNTIME] = "it needs more downtime than it is allowed now",
    [NMA_REMEDY_REASON_SPEED_LIMIT] = "the limit of bandwidth holds it up",
    [NMA_REMEDY_REASON_HOPELESS] = "it will not end within the policy's downtime",
    [NMA_REMEDY_REASON_UNDECIDED] = "it has not ended, and whether it will cannot be told",
    [NMA_REMEDY_REASON_MOVED_BACK] = "the limit was moved by somebody else",
    [NMA_REMEDY_REASON_TOTAL_TIME] = "the policy's time is over",
    [NMA_REMEDY_REASON_PAUSE_TIME] = "the guest has stood still for as long as the policy permits",
    [NMA_REMEDY_REASON_REFUSED] = "a check of the destination refuses it",
};

static void
append_what(GString *out, const NmaRemedyOrder *order)
{
    double seconds = (double)order->expected_ms / 1e3;

    switch (order->remedy) {
    case NMA_REMEDY_SPEED:
        g_string_append_printf(out, "bandwidth up to %" G_GINT64_FORMAT " MiB/s",
                               MAX(order->value / MIB, 1));
        break;
    case NMA_REMEDY_DOWNTIME:
        g_string_append_printf(out, "max downtime of %" G_GINT64_FORMAT " ms", order->value);
        break;
    case NMA_REMEDY_POST_COPY:
        g_string_append_printf(out, "post-copy, for %.1f s", seconds);
        break;
    case NMA_REMEDY_PAUSE:
        g_string_append_printf(out, "a pause of %.1f s", seconds);
        break;
    case NMA_REMEDY_ABORT:
        g_string_append(out, "abort");
        break;
    default:
        break;
    }
}

char *
nma_remedy_sentence(const NmaRemedyReport *report)
{
    GString *out = g_string_new(NULL);

    append_what(out, &report->order);
    g_string_append_printf(out, " %s", nma_remedy_kind_to_string(report->kind));
    if (report->order.reason != NMA_REMEDY_REASON_REFUSED) /* a policy has no say in it */
        g_string_append_printf(out, " by policy %s", report->policy);
    if (report->order.reason != NMA_REMEDY_REASON_NONE)
        g_string_append_printf(out, ": %s", reasons[report->order.reason]);
    if (report->refusal != NULL)
        g_string_append_printf(out, ": %s", report->refusal);
    if (report->text != NULL)
        g_string_append_printf(out, " (%s)", report->text);
    return g_string_free(out, FALSE);
}
