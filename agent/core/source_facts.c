#include "agent/core/source_facts.h"

static const char *const port_states[NMA_N_PORT_STATES] = {
    [NMA_PORT_UNTRIED] = "untried",
    [NMA_PORT_OPEN] = "open",
    [NMA_PORT_BLOCKED] = "blocked",
    [NMA_PORT_UNREACHABLE] = "unreachable",
};

NmaSourceFacts *
nma_source_facts_new(void)
{
    NmaSourceFacts *facts = g_atomic_rc_box_new0(NmaSourceFacts);

    facts->libvirt_version = facts->qemu_version = NMA_UNKNOWN;
    facts->path.link_mbit_s = NMA_UNKNOWN;
    facts->clock_offset_ms = facts->clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
    return facts;
}

NmaSourceFacts *
nma_source_facts_ref(NmaSourceFacts *facts)
{
    return g_atomic_rc_box_acquire(facts);
}

static void
clear(gpointer data)
{
    NmaSourceFacts *facts = data;

    nma_guest_free(facts->guest);
    g_free(facts->guest_needs);
    nma_path_clear(&facts->path);
    nma_tls_facts_clear(&facts->tls);
}

void
nma_source_facts_unref(NmaSourceFacts *facts)
{
    if (facts != NULL)
        g_atomic_rc_box_release_full(facts, clear);
}

void
nma_path_clear(NmaPath *path)
{
    g_free(path->address);
    g_free(path->error);
    g_free(path->interface);
    *path = (NmaPath){ .link_mbit_s = NMA_UNKNOWN };
}

void
nma_tls_facts_clear(NmaTlsFacts *tls)
{
    for (guint i = 0; i < tls->n_certificates; i++) {
        g_free(tls->certificates[i].file);
        g_free(tls->certificates[i].names);
    }
    *tls = (NmaTlsFacts){ 0 };
}

const char *
nma_port_state_to_string(NmaPortState state)
{
    g_return_val_if_fail((guint)state < NMA_N_PORT_STATES, "");
    return port_states[state];
}

gboolean
nma_port_state_from_string(const char *text, NmaPortState *state)
{
    for (guint i = 0; i < NMA_N_PORT_STATES; i++) {
        if (g_strcmp0(text, port_states[i]) == 0) {
            *state = (NmaPortState)i;
            return TRUE;
        }
    }
    return FALSE;
}
