/*
 * The running guest, out of its domain XML (virDomainGetXMLDesc with VIR_DOMAIN_XML_MIGRATABLE and
 * VIR_DOMAIN_XML_UPDATE_CPU). Pure: no libvirt call.
 */
#pragma once

#include <glib.h>

#include "agent/core/guest.h"

/* Owned; NULL when it is no domain XML, or larger than 4 MiB. Sizes of disks are not in it. */
NmaGuest *nma_guest_from_xml(const char *xml);
