#include "agent/json/source_facts.h"

#include <string.h>

#include "agent/json/requests.h"
#include "agent/json/value.h"

#define MAX_WORD_BYTES 256
#define MAX_PATH_BYTES 4096
#define MAX_CPU_BYTES  (64 * 1024)
#define MAX_BYTES      (G_MAXINT64 / 4)

/* ---- writing ---- */

json_t *
nma_guest_facts_args(const char *instance_uuid, const char *destination,
                     const char *address_or_null, gint64 migration_port)
{
    return json_pack("{s:s, s:s, s:s?, s:I}", "instance_uuid", instance_uuid, "destination",
                     destination, "address", address_or_null, "migration_port",
                     (json_int_t)migration_port);
}

static void
set_text(json_t *object, const char *key, const char *text, gsize max_bytes)
{
    g_autofree char *clean = text != NULL ? nma_clean_text(text, max_bytes) : NULL;

    json_object_set_new(object, key, nma_json_text(clean));
}

static json_t *
cells_to_value(const NmaGuest *guest)
{
    json_t *list = json_array();

    for (guint i = 0; i < guest->n_cells; i++) {
        const NmaGuestCell *cell = &guest->cells[i];
        g_autofree char *nodes = nma_cores_to_string(&cell->nodes);

        json_array_append_new(list, json_pack("{s:o, s:I, s:s}", "memory_bytes",
                                              nma_json_integer(cell->memory_bytes), "page_bytes",
                                              (json_int_t)cell->page_bytes, "nodes", nodes));
    }
    return list;
}

static json_t *
disks_to_value(const NmaGuest *guest)
{
    json_t *list = json_array();

    for (guint i = 0; i < guest->n_disks; i++) {
        const NmaGuestDisk *disk = &guest->disks[i];
        json_t *value = json_object();

        set_text(value, "target", disk->target, MAX_WORD_BYTES);
        set_text(value, "path", disk->path, MAX_PATH_BYTES);
        json_object_set_new(value, "virtual_bytes", nma_json_integer(disk->virtual_bytes));
        json_object_set_new(value, "allocated_bytes", nma_json_integer(disk->allocated_bytes));
        json_object_set_new(value, "inode", json_integer((json_int_t)(disk->inode & G_MAXINT64)));
        set_text(value, "backing_path", disk->backing_path, MAX_PATH_BYTES);
        json_object_set_new(value, "backing_bytes", nma_json_integer(disk->backing_bytes));
        json_object_set_new(value, "read_only", json_boolean(disk->read_only));
        json_array_append_new(list, value);
    }
    return list;
}

static json_t *
devices_to_value(const NmaGuest *guest)
{
    json_t *list = json_array();

    for (guint i = 0; i < guest->n_devices; i++) {
        json_t *value = json_object();

        set_text(value, "kind", nma_device_kind_to_string(guest->devices[i].kind), MAX_WORD_BYTES);
        set_text(value, "name", guest->devices[i].name, MAX_WORD_BYTES);
        json_array_append_new(list, value);
    }
    return list;
}

static json_t *
guest_to_value(const NmaGuest *guest)
{
    json_t *value = json_object();

    json_object_set_new(value, "memory_bytes", nma_json_integer(guest->memory_bytes));
    json_object_set_new(value, "vcpus", nma_json_integer(guest->vcpus));
    json_object_set_new(value, "pinned_vcpus", nma_json_integer(guest->pinned_vcpus));
    json_object_set_new(value, "cells", cells_to_value(guest));
    json_object_set_new(value, "cells_bound", json_boolean(guest->cells_bound));
    set_text(value, "arch", guest->arch, MAX_WORD_BYTES);
    set_text(value, "machine", guest->machine, MAX_WORD_BYTES);
    set_text(value, "emulator", guest->emulator, MAX_PATH_BYTES);
    set_text(value, "virt_type", guest->virt_type, MAX_WORD_BYTES);
    set_text(value, "cpu_xml", guest->cpu_xml, MAX_CPU_BYTES);
    set_text(value, "cpu_mode", guest->cpu_mode, MAX_WORD_BYTES);
    set_text(value, "cpu_check", guest->cpu_check, MAX_WORD_BYTES);
    set_text(value, "loader", guest->loader, MAX_PATH_BYTES);
    json_object_set_new(value, "disks", disks_to_value(guest));
    json_object_set_new(value, "devices", devices_to_value(guest));
    return value;
}

static json_t *
path_to_value(const NmaPath *path)
{
    json_t *value, *ports;

    if (!path->tried)
        return json_null();
    value = json_object();
    ports = json_array();
    set_text(value, "address", path->address, MAX_WORD_BYTES);
    json_object_set_new(value, "resolved", json_boolean(path->resolved));
    set_text(value, "error", path->error, NMA_TEXT_MAX_BYTES);
    for (guint i = 0; i < path->n_ports; i++) {
        const NmaPathPort *port = &path->ports[i];

        json_array_append_new(ports, json_pack("{s:s, s:I, s:s, s:b, s:o}", "what", port->what,
                                               "port", (json_int_t)port->port, "state",
                                               nma_port_state_to_string(port->state), "accepted",
                                               port->accepted, "round_trip_us",
                                               nma_json_integer(port->round_trip_us)));
    }
    json_object_set_new(value, "ports", ports);
    set_text(value, "interface", path->interface, MAX_WORD_BYTES);
    json_object_set_new(value, "link_mbit_s", nma_json_integer(path->link_mbit_s));
    return value;
}

static json_t *
tls_to_value(const NmaTlsFacts *tls)
{
    json_t *list;

    if (!tls->looked)
        return json_null();
    list = json_array();
    for (guint i = 0; i < tls->n_certificates; i++) {
        const NmaCertificate *certificate = &tls->certificates[i];
        json_t *value = json_object();

        set_text(value, "file", certificate->file, MAX_PATH_BYTES);
        json_object_set_new(value, "missing", json_boolean(certificate->missing));
        json_object_set_new(value, "unreadable", json_boolean(certificate->unreadable));
        json_object_set_new(value, "malformed", json_boolean(certificate->malformed));
        json_object_set_new(value, "not_before_s", json_integer(certificate->not_before_s));
        json_object_set_new(value, "not_after_s", json_integer(certificate->not_after_s));
        json_object_set_new(value, "untrusted", json_boolean(certificate->untrusted));
        json_array_append_new(list, value);
    }
    return json_pack("{s:o}", "certificates", list);
}

json_t *
nma_source_facts_to_value(const NmaSourceFacts *facts, const char *host, gint64 wall_us)
{
    json_t *value = json_object();

    set_text(value, "host", host, MAX_WORD_BYTES);
    json_object_set_new(value, "wall_us", json_integer(wall_us));
    json_object_set_new(value, "libvirt_version", nma_json_integer(facts->libvirt_version));
    json_object_set_new(value, "qemu_version", nma_json_integer(facts->qemu_version));
    json_object_set_new(value, "post_copy_permitted", json_boolean(facts->post_copy_permitted));
    json_object_set_new(value, "guest",
                        facts->guest != NULL ? guest_to_value(facts->guest) : json_null());
    set_text(value, "guest_needs", facts->guest_needs, NMA_TEXT_MAX_BYTES);
    json_object_set_new(value, "path", path_to_value(&facts->path));
    json_object_set_new(value, "tls", tls_to_value(&facts->tls));
    return value;
}

/* ---- reading ---- */

static char *
get_path(const json_t *object, const char *key)
{
    char *path = nma_json_dup_text(object, key, MAX_PATH_BYTES);

    /* it is looked at on this host: nothing but a plain absolute path */
    if (path != NULL && (path[0] != '/' || strstr(path, "/../") != NULL))
        g_clear_pointer(&path, g_free);
    return path;
}

static gint64
get_bytes(const json_t *object, const char *key)
{
    return nma_json_get_int(object, key, 0, MAX_BYTES);
}

static void
read_cells(const json_t *list, NmaGuest *guest)
{
    for (size_t i = 0; i < json_array_size(list) && guest->n_cells < NMA_MAX_GUEST_CELLS; i++) {
        const json_t *value = json_array_get(list, i);
        gint64 memory_bytes = get_bytes(value, "memory_bytes");
        gint64 page_bytes = get_bytes(value, "page_bytes");

        const char *nodes = json_string_value(json_object_get(value, "nodes"));
        NmaGuestCell *cell;

        if (memory_bytes < 0)
            continue;
        cell = &guest->cells[guest->n_cells++];
        *cell = (NmaGuestCell){ .memory_bytes = memory_bytes, .page_bytes = MAX(page_bytes, 0) };
        if (nodes != NULL) /* an older agent does not tell them */
            nma_cores_from_string(nodes, &cell->nodes);
    }
}

static void
read_disks(const json_t *list, NmaGuest *guest)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        NmaGuestDisk *disk = nma_guest_add_disk(guest);

        if (disk == NULL)
            return;
        disk->target = nma_json_dup_text(value, "target", MAX_WORD_BYTES);
        disk->path = get_path(value, "path");
        disk->virtual_bytes = get_bytes(value, "virtual_bytes");
        disk->allocated_bytes = get_bytes(value, "allocated_bytes");
        disk->inode = (guint64)MAX(nma_json_get_int(value, "inode", 0, G_MAXINT64), 0);
        disk->backing_path = get_path(value, "backing_path");
        disk->backing_bytes = get_bytes(value, "backing_bytes");
        disk->read_only = nma_json_get_bool(value, "read_only");
    }
}

static void
read_devices(const json_t *list, NmaGuest *guest)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        g_autofree char *name = nma_json_dup_text(value, "name", MAX_WORD_BYTES);
        NmaDeviceKind kind;

        if (nma_device_kind_from_string(json_string_value(json_object_get(value, "kind")), &kind) &&
            nma_guest_add_device(guest, kind, name) == NULL)
            return;
    }
}

static NmaGuest *
read_guest(const json_t *value)
{
    NmaGuest *guest;

    if (!json_is_object(value))
        return NULL;
    guest = nma_guest_new();
    guest->memory_bytes = get_bytes(value, "memory_bytes");
    guest->vcpus = nma_json_get_int(value, "vcpus", 1, G_MAXINT32);
    guest->pinned_vcpus = nma_json_get_int(value, "pinned_vcpus", 0, G_MAXINT32);
    read_cells(json_object_get(value, "cells"), guest);
    guest->cells_bound = nma_json_get_bool(value, "cells_bound");
    guest->arch = nma_json_dup_text(value, "arch", MAX_WORD_BYTES);
    guest->machine = nma_json_dup_text(value, "machine", MAX_WORD_BYTES);
    guest->emulator = get_path(value, "emulator");
    guest->virt_type = nma_json_dup_text(value, "virt_type", MAX_WORD_BYTES);
    guest->cpu_xml = nma_json_dup_text(value, "cpu_xml", MAX_CPU_BYTES);
    guest->cpu_mode = nma_json_dup_text(value, "cpu_mode", MAX_WORD_BYTES);
    guest->cpu_check = nma_json_dup_text(value, "cpu_check", MAX_WORD_BYTES);
    guest->loader = get_path(value, "loader");
    read_disks(json_object_get(value, "disks"), guest);
    read_devices(json_object_get(value, "devices"), guest);
    return guest;
}

static void
read_path(const json_t *value, NmaPath *path)
{
    const json_t *ports = json_object_get(value, "ports");

    path->address = nma_json_dup_text(value, "address", MAX_WORD_BYTES);
    path->tried = path->address != NULL;
    path->resolved = nma_json_get_bool(value, "resolved");
    path->error = nma_json_dup_text(value, "error", NMA_TEXT_MAX_BYTES);
    path->interface = nma_json_dup_text(value, "interface", MAX_WORD_BYTES);
    path->link_mbit_s = nma_json_get_int(value, "link_mbit_s", 0, G_MAXINT32);
    for (size_t i = 0; i < json_array_size(ports) && path->n_ports < NMA_MAX_PATH_PORTS; i++) {
        const json_t *one = json_array_get(ports, i);
        const char *what = json_string_value(json_object_get(one, "what"));
        NmaPathPort *port = &path->ports[path->n_ports];

        port->what = g_strcmp0(what, "QEMU") == 0 ? "QEMU" : "libvirt";
        port->port = nma_json_get_int(one, "port", 1, 65535);
        port->accepted = nma_json_get_bool(one, "accepted");
        port->round_trip_us = nma_json_get_int(one, "round_trip_us", 0, G_MAXINT32);
        if (port->port > 0 && nma_port_state_from_string(
                                  json_string_value(json_object_get(one, "state")), &port->state))
            path->n_ports++;
    }
}

static void
read_tls(const json_t *value, NmaTlsFacts *tls)
{
    const json_t *list = json_object_get(value, "certificates");

    tls->looked = json_is_array(list);
    for (size_t i = 0; i < json_array_size(list) && tls->n_certificates < NMA_MAX_CERTIFICATES;
         i++) {
        const json_t *one = json_array_get(list, i);
        NmaCertificate *certificate = &tls->certificates[tls->n_certificates];

        certificate->file = nma_json_dup_text(one, "file", MAX_PATH_BYTES);
        if (certificate->file == NULL)
            continue;
        certificate->missing = nma_json_get_bool(one, "missing");
        certificate->unreadable = nma_json_get_bool(one, "unreadable");
        certificate->malformed = nma_json_get_bool(one, "malformed");
        certificate->not_before_s = nma_json_get_int(one, "not_before_s", 0, G_MAXINT64);
        certificate->not_after_s = nma_json_get_int(one, "not_after_s", 0, G_MAXINT64);
        certificate->untrusted = nma_json_get_bool(one, "untrusted");
        tls->n_certificates++;
    }
}

NmaSourceFacts *
nma_source_facts_from_value(const json_t *value, gint64 sent_wall_us, gint64 received_wall_us)
{
    NmaSourceFacts *facts;

    if (!json_is_object(value) || !json_is_string(json_object_get(value, "host")))
        return NULL;
    facts = nma_source_facts_new();
    facts->libvirt_version = nma_json_get_int(value, "libvirt_version", 1, G_MAXINT32);
    facts->qemu_version = nma_json_get_int(value, "qemu_version", 1, G_MAXINT32);
    facts->post_copy_permitted = nma_json_get_bool(value, "post_copy_permitted");
    facts->guest = read_guest(json_object_get(value, "guest"));
    facts->guest_needs = nma_json_dup_text(value, "guest_needs", NMA_TEXT_MAX_BYTES);
    read_path(json_object_get(value, "path"), &facts->path);
    read_tls(json_object_get(value, "tls"), &facts->tls);
    if (!nma_hello_answer_decode(value, sent_wall_us, received_wall_us, &facts->clock_offset_ms,
                                 &facts->clock_offset_error_ms))
        facts->clock_offset_ms = facts->clock_offset_error_ms = NMA_OFFSET_UNKNOWN;
    return facts;
}
