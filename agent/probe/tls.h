/*
 * Certificates of libvirt and QEMU, as files: whether they are there, of the right time, signed by
 * the authority beside them, and for the right name. Private keys are not looked at.
 */
#pragma once

#include <glib.h>

#include "agent/core/source_facts.h"

/* Adds one certificate to tls. authority: file of the certificates that must have signed it. name:
 * a host name or an address that it must hold; NULL: whichever it holds. */
void nma_probe_certificate(const char *file, const char *authority, const char *name,
                           NmaTlsFacts *tls);
