/*
 * What the agent would say of guests, for tests/integration/virt/test_accept.py: the name of a file
 * with a domain's XML in each line of stdin, one line of answer:
 *
 *     compatible | incompatible FEATURES | no-machine | no-emulator | unknown WHY
 *
 * or, with a check's name, that check's verdict on a guest that comes to this host.
 *
 * accept URI [CHECK]
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/check.h"
#include "agent/hypervisor/guest_xml.h"
#include "agent/hypervisor/inspect.h"

static void
ignore_error(void *user_data, virErrorPtr error)
{
}

static void
answer(const NmaAcceptance *acceptance)
{
    if (acceptance->no_machine)
        printf("no-machine\n");
    else if (acceptance->no_emulator)
        printf("no-emulator\n");
    else if (acceptance->cpu == NMA_CPU_COMPATIBLE && acceptance->unknown_model != NULL)
        printf("incompatible model %s\n", acceptance->unknown_model);
    else if (acceptance->cpu == NMA_CPU_COMPATIBLE)
        printf("compatible\n");
    else if (acceptance->cpu == NMA_CPU_INCOMPATIBLE)
        printf("incompatible %s\n", acceptance->missing);
    else
        printf("unknown %s\n", acceptance->cpu_needs != NULL ? acceptance->cpu_needs
                               : acceptance->needs != NULL   ? acceptance->needs
                                                             : "");
    fflush(stdout);
}

/* takes the guest */
static void
answer_check(virConnectPtr connection, NmaGuest *guest, const char *check)
{
    const NmaDemand demand = { NMA_UNKNOWN, NMA_UNKNOWN, NULL };
    g_autoptr(GPtrArray) results = NULL;
    NmaFacts facts;

    nma_facts_clear(&facts);
    facts.source = nma_source_facts_new();
    facts.source->guest = guest;
    nma_inspect_host(connection, NMA_INSPECT_GUESTS, &facts.virt);
    nma_inspect_acceptance(connection, guest, &facts.acceptance);
    results = nma_check_all(&demand, &facts);
    for (guint i = 0; i < results->len; i++) {
        const NmaCheckResult *result = results->pdata[i];

        if (strcmp(result->check, check) == 0)
            printf("%s %s\n", nma_verdict_to_string(result->verdict), result->text);
    }
    fflush(stdout);
    nma_facts_release(&facts);
}

int
main(int argc, char **argv)
{
    char line[4096];
    virConnectPtr connection;

    if (argc < 2 || argc > 3 || virInitialize() != 0)
        return 2;
    virSetErrorFunc(NULL, ignore_error);
    connection = virConnectOpen(argv[1]);
    if (!connection)
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        g_autofree char *xml = NULL;
        g_autoptr(NmaGuest) guest = NULL;
        NmaAcceptance acceptance = { 0 };

        if (!g_file_get_contents(g_strchomp(line), &xml, NULL, NULL))
            return 2;
        guest = nma_guest_from_xml(xml);
        if (!guest)
            return 2;
        if (argc == 3) {
            answer_check(connection, g_steal_pointer(&guest), argv[2]);
            continue;
        }
        nma_inspect_acceptance(connection, guest, &acceptance);
        answer(&acceptance);
        nma_acceptance_clear(&acceptance);
    }
    virConnectClose(connection);
    return 0;
}
