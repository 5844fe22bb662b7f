#include "agent/look.h"

#include <string.h>

#include "agent/probe/disk.h"
#include "agent/probe/network.h"
#include "agent/probe/tls.h"

#define SYS "/sys"

NmaLook *
nma_look_new(NmaLookKind kind, guint64 cookie)
{
    NmaLook *look = g_new0(NmaLook, 1);

    look->kind = kind;
    look->cookie = cookie;
    nma_storage_facts_clear(&look->storage);
    nma_path_clear(&look->path_facts);
    return look;
}

void
nma_look_free(NmaLook *look)
{
    if (look == NULL)
        return;
    for (guint i = 0; i < look->n_certificates; i++) {
        g_free(look->certificates[i].file);
        g_free(look->certificates[i].authority);
        g_free(look->certificates[i].name);
    }
    g_free(look->path);
    g_free(look->address);
    nma_source_facts_unref(look->source);
    nma_storage_facts_clear(&look->storage);
    nma_guest_free(look->guest);
    nma_tls_facts_clear(&look->tls);
    nma_path_clear(&look->path_facts);
    g_free(look);
}

void
nma_look_make(NmaLook *look)
{
    NmaPortToTry ports[2];
    guint n_ports = 0;

    switch (look->kind) {
    case NMA_LOOK_STORAGE:
        nma_probe_storage(look->path, look->source != NULL ? look->source->guest : NULL,
                          &look->storage);
        break;
    case NMA_LOOK_GUEST_DISKS:
        nma_probe_guest_disks(look->guest);
        break;
    case NMA_LOOK_TLS:
        look->tls.looked = TRUE;
        for (guint i = 0; i < look->n_certificates; i++)
            nma_probe_certificate(look->certificates[i].file, look->certificates[i].authority,
                                  look->certificates[i].name, &look->tls);
        break;
    case NMA_LOOK_PATH:
        if (look->libvirt_port > 0)
            ports[n_ports++] = (NmaPortToTry){ "libvirt", look->libvirt_port };
        if (look->qemu_port > 0)
            ports[n_ports++] = (NmaPortToTry){ "QEMU", look->qemu_port };
        nma_probe_path(look->address, ports, n_ports, look->timeout_ms, SYS, &look->path_facts);
        break;
    }
}

/* ---- what nova.conf makes a migration use ---- */

/* "tls" of live_migration_uri = qemu+tls://%s/system, else live_migration_scheme; "" for none: Nova
 * then uses tcp */
static char *
transport(const NmaSettings *settings)
{
    const char *uri = settings->live_migration_uri;
    const char *plus = strchr(uri, '+'), *colon = strstr(uri, "://");

    if (plus != NULL && colon != NULL && plus < colon)
        return g_strndup(plus + 1, (gsize)(colon - plus - 1));
    return g_strdup(settings->live_migration_scheme);
}

/* libvirt's ports: src/remote/remote_driver.h */
gint64
nma_look_libvirt_port(const NmaSettings *settings)
{
    static const struct {
        const char *transport;
        gint64 port;
    } rows[] = { { "", 16509 }, { "tcp", 16509 }, { "tls", 16514 }, { "ssh", 22 } };
    g_autofree char *used = transport(settings);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strcmp(rows[i].transport, used) == 0)
            return rows[i].port;
    return 0;
}

static void
add(NmaLook *look, const char *folder, const char *file, const char *authority, const char *name)
{
    NmaCertificateToSee *one = &look->certificates[look->n_certificates++];

    one->file = g_build_filename(folder, file, NULL);
    one->authority = g_build_filename(folder, authority, NULL);
    one->name = g_strdup(name);
}

void
nma_look_add_certificates(NmaLook *look, const NmaSettings *settings, gboolean server,
                          const char *address)
{
    g_autofree char *used = transport(settings);

    if (strcmp(used, "tls") == 0)
        add(look, settings->libvirt_pki_dir,
            server ? "libvirt/servercert.pem" : "libvirt/clientcert.pem", "CA/cacert.pem",
            server ? address : NULL);
    if (settings->live_migration_with_native_tls)
        add(look, settings->qemu_pki_dir, server ? "server-cert.pem" : "client-cert.pem",
            "ca-cert.pem", server ? address : NULL);
}
