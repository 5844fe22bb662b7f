#include "agent/json/nova_objects.h"

#include <string.h>

#include "agent/json/value.h"

G_DEFINE_QUARK(nma_json_error_quark, nma_json_error)

/* Largest guest that is believed: 1 PiB. Larger figures are not Nova's. */
#define MAX_MEMORY_MIB (G_GINT64_CONSTANT(1) << 30)
#define MAX_VCPUS      65536
#define MAX_NAME_BYTES (NMA_NAME_MAX_CHARS * 4)

/* For which methods Instance.host is still the source when the message is sent. Not for
 * remove_volume_connection: other operations than live migration send it too. */
static gboolean
instance_host_is_source(NmaNovaMethod method)
{
    return method != NMA_NOVA_REMOVE_VOLUME_CONNECTION;
}

/* The fields of a versioned object of that name, or of a plain dict that is none (pinned releases
 * send some arguments as dicts). NULL when it is something else. Borrowed. */
static const json_t *
object_fields(const json_t *value, const char *name)
{
    const json_t *data;
    const char *found;

    if (!json_is_object(value)) {
        return NULL;
    }
    data = json_object_get(value, "nova_object.data");
    found = json_string_value(json_object_get(value, "nova_object.name"));
    if (data == NULL && found == NULL) {
        return value;
    }
    if (!json_is_object(data) || found == NULL || (name != NULL && strcmp(found, name) != 0)) {
        return NULL;
    }
    return data;
}

static void
read_instance(const json_t *instance, NmaIdentity *identity)
{
    const json_t *flavor = object_fields(json_object_get(instance, "flavor"), "Flavor");

    identity->instance_name = nma_json_dup_text(instance, "display_name", MAX_NAME_BYTES);
    identity->flavor = nma_json_dup_text(flavor, "name", MAX_NAME_BYTES);
    /* the operator's word: a tenant writes metadata and tags, never a flavor's extra specs */
    identity->policy =
        nma_json_dup_name(json_object_get(flavor, "extra_specs"), "nova_migration_agent:policy");
    identity->memory_mib = nma_json_get_int(flavor, "memory_mb", 1, MAX_MEMORY_MIB);
    if (identity->memory_mib == NMA_UNKNOWN) {
        identity->memory_mib = nma_json_get_int(instance, "memory_mb", 1, MAX_MEMORY_MIB);
    }
    identity->vcpus = nma_json_get_int(flavor, "vcpus", 1, MAX_VCPUS);
    if (identity->vcpus == NMA_UNKNOWN) {
        identity->vcpus = nma_json_get_int(instance, "vcpus", 1, MAX_VCPUS);
    }
}

/* FALSE when it is the Migration of another instance, or no live migration. */
static gboolean
read_migration(const json_t *migration, NmaIdentity *identity)
{
    char instance_uuid[NMA_UUID_LEN + 1];
    const char *type = json_string_value(json_object_get(migration, "migration_type"));

    if (migration == NULL || (type != NULL && strcmp(type, "live-migration") != 0)) {
        return FALSE;
    }
    if (nma_json_get_uuid(migration, "instance_uuid", instance_uuid) &&
        strcmp(instance_uuid, identity->instance_uuid) != 0) {
        return FALSE;
    }
    nma_json_get_uuid(migration, "uuid", identity->migration_uuid);
    identity->migration_id = nma_json_get_int(migration, "id", 1, G_MAXINT32);
    identity->source = nma_json_dup_name(migration, "source_compute");
    identity->destination = nma_json_dup_name(migration, "dest_compute");
    return TRUE;
}

/* As an argument (check on the destination, cast), else inside migrate_data (rollback). */
static const json_t *
find_migration(const json_t *args)
{
    const json_t *migration = object_fields(json_object_get(args, "migration"), "Migration");

    if (migration == NULL) {
        const json_t *migrate_data = object_fields(json_object_get(args, "migrate_data"), NULL);

        migration = object_fields(json_object_get(migrate_data, "migration"), "Migration");
    }
    return migration;
}

static char *
read_request_id(const char *request_id)
{
    if (request_id == NULL || strlen(request_id) > NMA_NAME_MAX_CHARS) {
        return NULL;
    }
    for (const char *p = request_id; *p != '\0'; p++) {
        if (!g_ascii_isgraph(*p)) {
            return NULL;
        }
    }
    return *request_id != '\0' ? g_strdup(request_id) : NULL;
}

NmaEvent *
nma_nova_call_decode(const OmMessage *message, const json_t *args, GError **error)
{
    g_autoptr(NmaEvent) event = NULL;
    const json_t *instance;
    NmaIdentity *identity;
    NmaNovaMethod method;
    char *destination;

    if (message->kind != OM_MESSAGE_REQUEST || message->method == NULL ||
        !nma_nova_method_from_name(message->method, &method)) {
        return NULL;
    }

    event = nma_event_new(NMA_EVENT_NOVA_CALL);
    event->nova_call.method = method;
    identity = &event->nova_call.identity;
    nma_identity_init(identity);

    instance = object_fields(json_object_get(args, "instance"), "Instance");
    if (instance == NULL || !nma_json_get_uuid(instance, "uuid", identity->instance_uuid)) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "Nova's %s names no instance with a valid uuid", nma_nova_method_name(method));
        return NULL;
    }
    read_instance(instance, identity);
    read_migration(find_migration(args), identity);

    if (identity->migration_id == NMA_UNKNOWN) {
        identity->migration_id = nma_json_get_int(args, "migration_id", 1, G_MAXINT32);
    }
    if (identity->source == NULL && instance_host_is_source(method)) {
        identity->source = nma_json_dup_name(instance, "host");
    }
    /* the cast's own word comes before that of the record */
    destination = method == NMA_NOVA_LIVE_MIGRATION ? nma_json_dup_name(args, "dest") : NULL;
    if (destination != NULL) {
        g_free(identity->destination);
        identity->destination = destination;
    }
    identity->request_id = read_request_id(message->request_id);
    return g_steal_pointer(&event);
}

json_t *
nma_conductor_question(const char *instance_uuid)
{
    /* The oldest versions that hold what we read: a conductor refuses a list version above its
     * own, and labels the objects with what is asked (oslo.versionedobjects, obj_to_primitive). */
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:[{s:s, s:s}], s:{}}", "objname", "MigrationList",
                     "objmethod", "get_by_filters", "object_versions", "MigrationList", "1.3",
                     "Migration", "1.5", "args", "instance_uuid", instance_uuid, "migration_type",
                     "live-migration", "kwargs");
}

json_t *
nma_instance_question(const char *instance_uuid)
{
    /* 2.7 is that of Train to Antelope: a newer conductor gives it in that form, and nova-compute
     * reads older forms than its own. What of it nova-compute misses it loads itself. */
    return json_pack("{s:s, s:s, s:{s:s}, s:[s], s:{s:[s,s,s,s]}}", "objname", "Instance",
                     "objmethod", "get_by_uuid", "object_versions", "Instance", "2.7", "args",
                     instance_uuid, "kwargs", "expected_attrs", "flavor", "info_cache", "metadata",
                     "system_metadata");
}

gboolean
nma_instance_is(const json_t *result, const char *instance_uuid)
{
    char uuid[NMA_UUID_LEN + 1];

    return json_is_object(json_object_get(result, "nova_object.data")) &&
           nma_json_get_uuid(object_fields(result, "Instance"), "uuid", uuid) &&
           g_ascii_strcasecmp(uuid, instance_uuid) == 0;
}

static gboolean
is_newer(const NmaNovaMigration *a, const NmaNovaMigration *b)
{
    if (a->identity.migration_id != b->identity.migration_id) {
        return a->identity.migration_id > b->identity.migration_id;
    }
    return a->created_wall_us > b->created_wall_us;
}

/* The migration of that instance, or NULL when it is of another or says no status. Owned. */
static NmaNovaMigration *
decode_listed(const json_t *value, const char *instance_uuid)
{
    const json_t *fields = object_fields(value, "Migration");
    NmaNovaMigration *migration;
    char uuid[NMA_UUID_LEN + 1];

    if (fields == NULL || !nma_json_get_uuid(fields, "instance_uuid", uuid) ||
        strcmp(uuid, instance_uuid) != 0) {
        return NULL;
    }
    migration = nma_nova_migration_new();
    g_strlcpy(migration->identity.instance_uuid, uuid, sizeof uuid);
    /* for people too: "running (post-copy)" is one of them */
    migration->status = nma_json_dup_text(fields, "status", MAX_NAME_BYTES);
    migration->created_wall_us = nma_json_get_time(fields, "created_at");
    if (migration->status == NULL || !read_migration(fields, &migration->identity)) {
        nma_nova_migration_free(migration);
        return NULL;
    }
    return migration;
}

static NmaNovaMigration *
newest_of(const json_t *list, const char *instance_uuid)
{
    NmaNovaMigration *newest = NULL;

    for (size_t i = 0; i < json_array_size(list); i++) {
        NmaNovaMigration *migration = decode_listed(json_array_get(list, i), instance_uuid);

        if (migration != NULL && (newest == NULL || is_newer(migration, newest))) {
            g_clear_pointer(&newest, nma_nova_migration_free);
            newest = g_steal_pointer(&migration);
        }
        g_clear_pointer(&migration, nma_nova_migration_free);
    }
    return newest;
}

NmaEvent *
nma_conductor_answer_decode(const json_t *result, const char *const *instances)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_CONDUCTOR);
    const json_t *list = json_object_get(object_fields(result, "MigrationList"), "objects");
    GPtrArray *migrations = g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);

    for (; *instances != NULL; instances++) {
        NmaNovaMigration *migration = newest_of(list, *instances);

        if (migration == NULL) {
            migration = nma_nova_migration_new();
            g_strlcpy(migration->identity.instance_uuid, *instances,
                      sizeof migration->identity.instance_uuid);
        }
        g_ptr_array_add(migrations, migration);
    }
    event->conductor.answered = json_is_array(list);
    g_clear_pointer(&event->conductor.migrations, g_ptr_array_unref);
    event->conductor.migrations = migrations;
    return event;
}
