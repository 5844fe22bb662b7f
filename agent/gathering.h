/*
 * Gathers the facts for one guest's checks: from this host's files and kernel, from libvirt here,
 * and from the source's agent; and tells them to the destination's agent where this host is the
 * source.
 *
 * Whatever may block runs on a thread of its own (virt-check, probe-files, probe-net), all parts
 * side by side; what has not come by the deadline stays unknown, and says so. Core thread only.
 */
#pragma once

#include <glib.h>

#include "agent/core/event.h"
#include "agent/hypervisor/hypervisor.h"
#include "agent/json/requests.h"
#include "agent/look.h"
#include "agent/settings.h"
#include "rpc/bus.h"

typedef struct NmaGathering NmaGathering;

typedef struct {
    const NmaSettings *settings; /* borrowed; a reload changes it in place */
    OmBus *bus;                  /* borrowed */
    /* to be stepped at once: the facts are of this moment */
    void (*facts)(NmaEvent *event /* taken: NMA_EVENT_FACTS */, gpointer user_data);
    /* any thread: what a thread of ours has found out; hand it to nma_gathering_looked */
    void (*looked)(NmaLook *look /* taken */, gpointer user_data);
    gpointer user_data;
} NmaGatheringConfig;

NmaGathering *nma_gathering_new(const NmaGatheringConfig *config, GError **error);
/* No looked after this; waits at most deadline_ms. What is asked is left without an answer. */
void nma_gathering_stop(NmaGathering *gathering, gint64 deadline_ms);

/* Gives facts once, by the deadline; a guest whose facts are being gathered already is not gathered
 * twice. source NULL: not known. */
void nma_gathering_begin(NmaGathering *gathering, NmaHypervisor *hypervisor,
                         const char *instance_uuid, const char *source_or_null, NmaNow now);

/* Answers guest_facts, some day soon. */
void nma_gathering_tell(NmaGathering *gathering, NmaHypervisor *hypervisor,
                        OmRequest *om_request /* taken */, const NmaRequest *request, NmaNow now);

/* FALSE: the call was not one of these */
gboolean nma_gathering_called(NmaGathering *gathering, NmaHypervisor *hypervisor,
                              const OmCallResult *result, NmaNow now);
void nma_gathering_inspected(NmaGathering *gathering, NmaInspection *inspection /* taken */,
                             NmaNow now);
void nma_gathering_looked(NmaGathering *gathering, NmaLook *look /* taken */, NmaNow now);

void nma_gathering_expire(NmaGathering *gathering, NmaNow now);
gint64 nma_gathering_next_deadline(const NmaGathering *gathering); /* boot_us, or NMA_NEVER */
