/*
 * CPU models that an emulator knows, out of libvirt's domain capabilities. Pure: no libvirt call.
 */
#pragma once

#include <glib.h>

/* The guest's model, where libvirt will take no other (fallback='forbid', as in the definition of a
 * guest that runs) and the emulator does not know it; owned. NULL: there is no such hindrance.
 * virConnectCompareHypervisorCPU does not look at it, a start does (src/cpu/cpu_x86.c, translate).
 */
char *nma_unknown_cpu_model(const char *cpu_xml, const char *domain_capabilities_xml);
