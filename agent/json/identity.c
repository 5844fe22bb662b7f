/* The fields by which a message of ours names a migration. */
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

static json_t *
text(const char *words)
{
    g_autofree char *clean = nma_clean_text(words, NMA_TEXT_MAX_BYTES);

    return nma_json_text(clean);
}

void
nma_identity_to_object(const NmaIdentity *identity, json_t *object)
{
    json_object_set_new(object, "instance_uuid", json_string(identity->instance_uuid));
    json_object_set_new(object, "instance_name", text(identity->instance_name));
    json_object_set_new(object, "flavor", text(identity->flavor));
    json_object_set_new(object, "memory_mib", nma_json_integer(identity->memory_mib));
    json_object_set_new(object, "vcpus", nma_json_integer(identity->vcpus));
    json_object_set_new(object, "migration_uuid", nma_json_text(identity->migration_uuid));
    json_object_set_new(object, "migration_id", nma_json_integer(identity->migration_id));
    json_object_set_new(object, "request_id", text(identity->request_id));
    json_object_set_new(object, "source", text(identity->source));
    json_object_set_new(object, "destination", text(identity->destination));
}

void
nma_identity_from_object(const json_t *object, NmaIdentity *to)
{
    nma_identity_init(to);
    nma_json_get_uuid(object, "instance_uuid", to->instance_uuid);
    to->instance_name = nma_json_dup_text(object, "instance_name", NMA_TEXT_MAX_BYTES);
    to->flavor = nma_json_dup_text(object, "flavor", NMA_TEXT_MAX_BYTES);
    to->memory_mib = nma_json_get_int(object, "memory_mib", 0, G_MAXINT64);
    to->vcpus = nma_json_get_int(object, "vcpus", 0, G_MAXINT64);
    nma_json_get_uuid(object, "migration_uuid", to->migration_uuid);
    to->migration_id = nma_json_get_int(object, "migration_id", 0, G_MAXINT64);
    to->request_id = nma_json_dup_name(object, "request_id");
    to->source = nma_json_dup_name(object, "source");
    to->destination = nma_json_dup_name(object, "destination");
}

json_t *
nma_guest_to_value(NmaGuestPlace place, NmaGuestState state)
{
    return json_pack("{s:s, s:s}", "place", nma_guest_place_to_string(place), "state",
                     nma_guest_state_to_string(state));
}
