/* The way from the source to this host: names, ports, link, certificates. */
#include "agent/core/check_internal.h"

#define DAY_S          G_GINT64_CONSTANT(86400)
#define EXPIRES_SOON_S (30 * DAY_S)
/* A guest this large takes minutes of copying even so. */
#define LARGE_GUEST_MIB   G_GINT64_CONSTANT(1048576)
#define LARGE_LINK_MBIT_S 25000

static const NmaPath *
tried_path(const NmaFacts *facts, NmaCheckResult *result)
{
    if (facts->source != NULL && facts->source->path.tried)
        return &facts->source->path;
    nma_check_unknown(result, facts->source_needs != NULL
                                  ? facts->source_needs
                                  : "needs the source's agent, to try the way from there");
    return NULL;
}

void
nma_judge_path(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaPath *path = tried_path(facts, result);
    const NmaPathPort *bad = NULL;

    if (path == NULL)
        return;
    if (!path->resolved) {
        nma_check_refuse(result, NMA_REASON_NAME_NOT_RESOLVED,
                         "the source cannot resolve %s (%s); set live_migration_inbound_addr here "
                         "to an address, or mend the resolver there",
                         path->address, path->error != NULL ? path->error : "no answer");
        return;
    }
    for (guint i = 0; i < path->n_ports; i++)
        if (bad == NULL && (path->ports[i].state == NMA_PORT_BLOCKED ||
                            path->ports[i].state == NMA_PORT_UNREACHABLE))
            bad = &path->ports[i];
    if (bad != NULL) {
        nma_check_refuse(result, NMA_REASON_PORT_BLOCKED,
                         "%s's port %" G_GINT64_FORMAT " of %s %s; open it from the source, %s",
                         bad->what, bad->port, path->address,
                         bad->state == NMA_PORT_BLOCKED
                             ? "does not answer the source: something on the way drops it"
                             : "cannot be reached from the source",
                         bad->state == NMA_PORT_BLOCKED ? "in this host's firewall or on the way"
                                                        : "or mend the route");
    } else if (path->n_ports == 0) {
        nma_check_ok(result, "%s is resolved; no port is used that could be tried", path->address);
    } else {
        nma_check_ok(result, "the source reaches %s: %u ports tried, none is blocked",
                     path->address, path->n_ports);
    }
}

void
nma_judge_link(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaPath *path = tried_path(facts, result);
    gint64 mib = demand->guest != NULL && demand->guest->memory_bytes > 0
                     ? demand->guest->memory_bytes / NMA_MIB
                     : demand->memory_bytes / NMA_MIB;

    if (path == NULL)
        return;
    if (path->link_mbit_s <= 0) {
        nma_check_ok(result, "the link from the source does not say its speed%s%s",
                     path->interface != NULL ? ": " : "",
                     path->interface != NULL ? path->interface : "");
        return;
    }
    result->needed = mib > LARGE_GUEST_MIB ? LARGE_LINK_MBIT_S : NMA_UNKNOWN;
    result->available = path->link_mbit_s;
    if (mib > LARGE_GUEST_MIB && path->link_mbit_s < LARGE_LINK_MBIT_S)
        nma_check_warn(result, NMA_REASON_LINK_SLOW,
                       "the source's %s has %" G_GINT64_FORMAT " Mb/s: too little for a guest of "
                       "%" G_GINT64_FORMAT " GiB, which wants 25 Gb/s and more",
                       path->interface, path->link_mbit_s, mib / 1024);
    else
        nma_check_ok(result,
                     "the source's %s has %" G_GINT64_FORMAT " Mb/s: one pass over the guest's "
                     "memory takes %" G_GINT64_FORMAT " s at least",
                     path->interface, path->link_mbit_s,
                     mib > 0 ? mib * 8 / MAX(path->link_mbit_s * 1000 / 1049, 1) : 0);
}

/* ---- TLS ---- */

/* TRUE when it says something of this certificate that is worse than ok */
static gboolean
judge_certificate(const NmaCertificate *certificate, const char *side, gint64 now_s,
                  const char *address, NmaCheckResult *result)
{
    const char *file = certificate->file;

    if (certificate->missing)
        nma_check_refuse(result, NMA_REASON_CERTIFICATE_MISSING,
                         "%s: %s is not there, and nova.conf asks for TLS; issue one", side, file);
    else if (certificate->malformed)
        nma_check_refuse(result, NMA_REASON_CERTIFICATE_MISSING,
                         "%s: %s holds no certificate; issue a new one", side, file);
    else if (certificate->unreadable) {
        g_autofree char *needs =
            g_strdup_printf("needs read access to %s (%s), to look at the certificate", file, side);

        nma_check_unknown(result, needs);
    } else if (certificate->not_after_s < now_s || certificate->not_before_s > now_s)
        nma_check_refuse(result, NMA_REASON_CERTIFICATE_EXPIRED, "%s: %s %s; issue a new one", side,
                         file,
                         certificate->not_after_s < now_s ? "has expired" : "is not valid yet");
    else if (certificate->untrusted)
        nma_check_refuse(result, NMA_REASON_CERTIFICATE_UNTRUSTED,
                         "%s: %s is not signed by the authority beside it; issue both anew", side,
                         file);
    else if (certificate->wrong_name)
        nma_check_refuse(result, NMA_REASON_CERTIFICATE_WRONG_NAME,
                         "%s: %s is for %s, and Nova will use %s; issue one that holds it", side,
                         file, certificate->names != NULL ? certificate->names : "no name",
                         address);
    else if (certificate->not_after_s - now_s < EXPIRES_SOON_S)
        nma_check_warn(result, NMA_REASON_CERTIFICATE_EXPIRES,
                       "%s: %s expires in %" G_GINT64_FORMAT " days; issue a new one", side, file,
                       (certificate->not_after_s - now_s) / DAY_S);
    else
        return FALSE;
    return TRUE;
}

static int
weight(NmaVerdict verdict)
{
    return verdict == NMA_VERDICT_REFUSED ? 3 : verdict == NMA_VERDICT_UNKNOWN ? 2 : 1;
}

static void
judge_side(const NmaTlsFacts *tls, const char *side, const NmaFacts *facts, NmaCheckResult *result)
{
    const char *address = facts->source != NULL && facts->source->path.address != NULL
                              ? facts->source->path.address
                              : "another name";

    for (guint i = 0; i < tls->n_certificates; i++) {
        NmaCheckResult one = { .verdict = NMA_VERDICT_OK };

        if (judge_certificate(&tls->certificates[i], side, facts->wall_s, address, &one) &&
            (result->verdict == NMA_VERDICT_OK || weight(one.verdict) > weight(result->verdict))) {
            g_free(result->text);
            result->verdict = one.verdict;
            result->reason = one.reason;
            result->text = one.text;
        } else {
            g_free(one.text);
        }
    }
}

void
nma_judge_tls(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result)
{
    const NmaTlsFacts *there = facts->source != NULL ? &facts->source->tls : NULL;
    guint n = facts->tls.n_certificates + (there != NULL ? there->n_certificates : 0);

    judge_side(&facts->tls, "this host", facts, result);
    if (there != NULL)
        judge_side(there, "the source", facts, result);
    if (result->verdict == NMA_VERDICT_REFUSED || result->verdict == NMA_VERDICT_WARNING)
        return;
    if (!facts->tls.looked)
        nma_check_unknown(result, "needs a look at this host's certificates, which was not had");
    else if (there == NULL || !there->looked)
        nma_check_unknown(result, facts->source_needs != NULL
                                      ? facts->source_needs
                                      : "needs the source's agent, to look at its certificates");
    else if (result->verdict == NMA_VERDICT_OK && n == 0)
        nma_check_ok(result, "nova.conf asks for no TLS between the hosts");
    else if (result->verdict == NMA_VERDICT_OK)
        nma_check_ok(result, "%u certificates are valid and hold the right name", n);
}
