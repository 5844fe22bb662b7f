/*
 * A question of the checks to libvirt, and its answer: nma_hypervisor_inspect.
 */
#pragma once

#include <glib.h>

#include "agent/core/facts.h"
#include "agent/core/identity.h"

typedef enum {
    NMA_INSPECT_HOST,       /* guests → virt */
    NMA_INSPECT_GUEST,      /* instance_uuid → guest, or needs; and virt, without guests */
    NMA_INSPECT_ACCEPTANCE, /* source → acceptance */
} NmaInspectionKind;

typedef enum {
    NMA_INSPECT_NO_GUESTS,
    NMA_INSPECT_GUESTS,
    NMA_INSPECT_GUESTS_AND_PINS,
} NmaInspectGuests;

typedef struct {
    NmaInspectionKind kind;
    guint64 cookie; /* the caller's */
    NmaInspectGuests guests;
    char instance_uuid[NMA_UUID_LEN + 1];
    NmaSourceFacts *source; /* a reference */

    char *needs; /* why there is no guest; owned */
    NmaVirtFacts virt;
    NmaGuest *guest; /* owned */
    NmaAcceptance acceptance;
} NmaInspection;

NmaInspection *nma_inspection_new(NmaInspectionKind kind, guint64 cookie);
void nma_inspection_free(NmaInspection *inspection);
