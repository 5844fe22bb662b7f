/* Nova's messages, captured and hand-made, to what core learns of them. */
#include "agent/json/nova_objects.h"

#include <string.h>

#include "tests/unit/tap.h"

#define INSTANCE  "11111111-2222-4333-8444-555555555555"
#define MIGRATION "99999999-8888-4777-8666-555555555555"
#define REAL      "96fb22dc-0efe-4251-b167-e651db6d5fb0"
#define REAL_MIG  "1313b604-75b7-4519-855a-95530ee43226"

static json_t *
load(const char *name)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "wire", name, NULL);
    json_error_t error;
    json_t *value = json_load_file(path, 0, &error);

    if (value == NULL) {
        g_error("%s: %s", path, error.text);
    }
    return value;
}

/* as rpc/envelope.h hands it over; args is taken */
static NmaEvent *
decode(const char *method, json_t *args, const char *request_id, GError **error)
{
    OmMessage message = {
        .kind = OM_MESSAGE_REQUEST,
        .method = (char *)method,
        .request_id = (char *)request_id,
    };
    NmaEvent *event = nma_nova_call_decode(&message, args, error);

    json_decref(args);
    return event;
}

static NmaEvent *
decode_inner(const json_t *inner)
{
    return decode(json_string_value(json_object_get(inner, "method")),
                  json_incref(json_object_get(inner, "args")),
                  json_string_value(json_object_get(inner, "_context_request_id")), NULL);
}

typedef struct {
    const char *file; /* NULL: line of the recording of a real Nova */
    guint line;
    NmaNovaMethod method;
    const char *source, *destination; /* NULL: not said */
    const char *migration_uuid;       /* "": none */
    gint64 migration_id;
} Expected;

static const Expected expected[] = {
    { "default.call.check_can_live_migrate_destination.01-message.json", 0,
      NMA_NOVA_CHECK_DESTINATION, "hostA", "hostB", MIGRATION, 314 },
    { "default.call.check_can_live_migrate_source.01-message.json", 0, NMA_NOVA_CHECK_SOURCE,
      "hostA", NULL, "", NMA_UNKNOWN },
    { "default.cast.live_migration.01-message.json", 0, NMA_NOVA_LIVE_MIGRATION, "hostA", "hostB",
      MIGRATION, 314 },
    { "default.cast.live_migration.dest_none_migrate_data_none.01-message.json", 0,
      NMA_NOVA_LIVE_MIGRATION, "hostA", "hostB", MIGRATION, 314 },
    { "default.call.pre_live_migration.01-message.json", 0, NMA_NOVA_PRE_LIVE_MIGRATION, "hostA",
      "hostB", MIGRATION, 314 },
    { "default.call.post_live_migration_at_destination.01-message.json", 0,
      NMA_NOVA_POST_AT_DESTINATION, "hostA", NULL, "", NMA_UNKNOWN },
    { "default.cast.rollback_live_migration_at_destination.01-message.json", 0,
      NMA_NOVA_ROLLBACK_AT_DESTINATION, "hostA", "hostB", MIGRATION, 314 },
    { "default.call.drop_move_claim_at_destination.01-message.json", 0,
      NMA_NOVA_DROP_CLAIM_AT_DESTINATION, "hostA", NULL, "", NMA_UNKNOWN },
    { "default.cast.live_migration_abort.01-message.json", 0, NMA_NOVA_ABORT, "hostA", NULL, "",
      314 },
    { "default.cast.live_migration_force_complete.01-message.json", 0, NMA_NOVA_FORCE_COMPLETE,
      "hostA", NULL, "", NMA_UNKNOWN },
    { NULL, 0, NMA_NOVA_CHECK_DESTINATION, "rnlab-a", NULL, REAL_MIG, 11 },
    { NULL, 1, NMA_NOVA_CHECK_SOURCE, "rnlab-a", NULL, "", NMA_UNKNOWN },
    { NULL, 2, NMA_NOVA_LIVE_MIGRATION, "rnlab-a", "rnlab-b", REAL_MIG, 11 },
    { NULL, 3, NMA_NOVA_PRE_LIVE_MIGRATION, "rnlab-a", NULL, "", NMA_UNKNOWN },
    { NULL, 4, NMA_NOVA_POST_AT_DESTINATION, "rnlab-a", NULL, "", NMA_UNKNOWN },
};

static json_t *
recorded(guint line)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_DIST, "data", "wire", "real-nova.block-slow.jsonl", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(line, <, g_strv_length(lines));
    return json_loads(lines[line], 0, NULL);
}

static void
test_captures(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        const Expected *want = &expected[i];
        json_t *file = want->file != NULL ? load(want->file) : recorded(want->line);
        g_autoptr(NmaEvent) event = decode_inner(json_object_get(file, "message"));
        const NmaIdentity *identity;

        g_test_message("%s line %u", want->file != NULL ? want->file : "recording", want->line);
        g_assert_nonnull(event);
        g_assert_cmpint(event->type, ==, NMA_EVENT_NOVA_CALL);
        g_assert_cmpint(event->nova_call.method, ==, want->method);
        identity = &event->nova_call.identity;
        g_assert_cmpstr(identity->instance_uuid, ==, want->file != NULL ? INSTANCE : REAL);
        g_assert_cmpstr(identity->source, ==, want->source);
        g_assert_cmpstr(identity->destination, ==, want->destination);
        g_assert_cmpstr(identity->migration_uuid, ==, want->migration_uuid);
        g_assert_cmpint(identity->migration_id, ==, want->migration_id);
        g_assert_cmpint(identity->memory_mib, ==, want->file != NULL ? 4096 : 256);
        g_assert_cmpint(identity->vcpus, ==, want->file != NULL ? 4 : 1);
        g_assert_nonnull(identity->instance_name);
        g_assert_nonnull(identity->flavor);
        g_assert_true(g_str_has_prefix(identity->request_id, "req-"));
        json_decref(file);
    }
}

/* the least that a message can hold, by hand: field lists are "key:value" of the instance */
static json_t *
instance_with(const char *key, json_t *value)
{
    json_t *data = json_pack("{s:s, s:s}", "uuid", INSTANCE, "host", "hostA");

    if (key != NULL) {
        json_object_set_new(data, key, value);
    }
    return json_pack("{s:s, s:s, s:o}", "nova_object.name", "Instance", "nova_object.version",
                     "2.1", "nova_object.data", data);
}

static json_t *
migration_with(const char *key, json_t *value)
{
    json_t *data = json_pack("{s:i, s:s, s:s, s:s}", "id", 5, "source_compute", "hostA",
                             "dest_compute", "hostB", "instance_uuid", INSTANCE);

    if (key != NULL) {
        json_object_set_new(data, key, value);
    }
    return json_pack("{s:s, s:s, s:o}", "nova_object.name", "Migration", "nova_object.version",
                     "1.4", "nova_object.data", data);
}

/* no Migration.uuid, memory in the instance itself, migrate_data a plain dict */
static void
test_mitaka(void)
{
    json_t *args =
        json_pack("{s:o, s:s, s:n, s:{s:b}, s:o}", "instance",
                  instance_with("memory_mb", json_integer(512)), "dest", "hostC", "block_migration",
                  "migrate_data", "block_migration", 1, "migration", migration_with(NULL, NULL));
    g_autoptr(NmaEvent) event = decode("live_migration", args, NULL, NULL);
    const NmaIdentity *identity = &event->nova_call.identity;

    g_assert_cmpstr(identity->migration_uuid, ==, "");
    g_assert_cmpint(identity->migration_id, ==, 5);
    g_assert_cmpint(identity->memory_mib, ==, 512);
    g_assert_cmpint(identity->vcpus, ==, NMA_UNKNOWN);
    g_assert_cmpstr(identity->source, ==, "hostA");
    /* the cast's own word before the record's */
    g_assert_cmpstr(identity->destination, ==, "hostC");
    g_assert_null(identity->request_id);
    g_assert_null(identity->instance_name);
}

/* a newer Nova: unknown fields and versions, upper case uuid */
static void
test_future(void)
{
    json_t *instance = instance_with("uuid", json_string("AAAAAAAA-2222-4333-8444-55555555555F"));
    json_t *args = json_pack("{s:o, s:o, s:s}", "instance", instance, "migration",
                             migration_with("instance_uuid", json_null()), "colour", "blue");
    g_autoptr(NmaEvent) event = NULL;

    json_object_set_new(instance, "nova_object.version", json_string("3.0"));
    event = decode("live_migration", args, "req-1", NULL);
    g_assert_cmpstr(event->nova_call.identity.instance_uuid, ==,
                    "aaaaaaaa-2222-4333-8444-55555555555f");
    g_assert_cmpstr(event->nova_call.identity.destination, ==, "hostB");
    g_assert_cmpstr(event->nova_call.identity.request_id, ==, "req-1");
}

/* The policy is the flavor's word, which only an operator can write; what a tenant writes
 * (metadata, tags) never is. */
static void
test_policy_of_the_flavor(void)
{
    static const struct {
        const char *where;
        const char *expected;
    } rows[] = { { "flavor", "must-finish" }, { "metadata", NULL }, { "system_metadata", NULL } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *specs = json_pack("{s:s}", "nova_migration_agent:policy", "must-finish");
        json_t *value = i > 0 ? specs
                              : json_pack("{s:s, s:{s:s, s:o}}", "nova_object.name", "Flavor",
                                          "nova_object.data", "name", "m1", "extra_specs", specs);
        json_t *args = json_pack("{s:o}", "instance", instance_with(rows[i].where, value));
        g_autoptr(NmaEvent) event = decode("live_migration", args, NULL, NULL);

        g_assert_cmpstr(event->nova_call.identity.policy, ==, rows[i].expected);
    }
}

/* Only a whole Instance, and the one that was asked for, is sent on to nova-compute. */
static void
test_instance_to_send(void)
{
    json_t *whole = instance_with(NULL, NULL), *other = migration_with(NULL, NULL);
    json_t *question = nma_instance_question(INSTANCE);

    g_assert_true(nma_instance_is(whole, INSTANCE));
    g_assert_false(nma_instance_is(whole, "99999999-2222-4333-8444-555555555555"));
    g_assert_false(nma_instance_is(other, INSTANCE));
    g_assert_false(nma_instance_is(json_object_get(whole, "nova_object.data"), INSTANCE));
    g_assert_false(nma_instance_is(NULL, INSTANCE));
    g_assert_cmpstr(json_string_value(json_object_get(question, "objname")), ==, "Instance");
    json_decref(question);
    json_decref(whole);
    json_decref(other);
}

static void
test_not_ours(void)
{
    g_autoptr(GError) error = NULL;
    OmMessage reply = { .kind = OM_MESSAGE_REPLY };

    g_assert_null(decode("reboot_instance", json_object(), NULL, &error));
    g_assert_no_error(error);
    g_assert_null(nma_nova_call_decode(&reply, NULL, &error));
    g_assert_no_error(error);
}

static void
test_no_instance(void)
{
    json_t *const bad[] = {
        json_object(),
        json_pack("{s:n}", "instance"),
        json_pack("{s:s}", "instance", INSTANCE),
        json_pack("{s:o}", "instance", migration_with("uuid", json_string(INSTANCE))),
        json_pack("{s:o}", "instance", instance_with("uuid", json_integer(7))),
        json_pack("{s:o}", "instance", instance_with("uuid", json_string("SECRET' OR 1=1"))),
        json_pack("{s:{s:s, s:[]}}", "instance", "nova_object.name", "Instance",
                  "nova_object.data"),
        json_pack("[s]", "instance"),
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(decode("live_migration", bad[i], NULL, &error));
        g_assert_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED);
        g_assert_null(strstr(error->message, "SECRET"));
    }
}

/* values out of range, too long or of the wrong type are unknown, the rest stands */
static void
test_hostile_values(void)
{
    g_autofree char *longest = g_strnfill(255, 'h');
    g_autofree char *too_long = g_strnfill(256, 'h');
    json_t *const bad_hosts[] = { json_string(too_long), json_string("a\nb"), json_integer(4),
                                  json_string(""), json_string("two words") };
    json_t *const bad_memory[] = { json_integer(-1), json_integer(G_MAXINT64), json_string("9"),
                                   json_real(5.5), json_true() };

    for (guint i = 0; i < G_N_ELEMENTS(bad_hosts); i++) {
        g_autoptr(NmaEvent) event =
            decode("pre_live_migration",
                   json_pack("{s:o}", "instance", instance_with("host", bad_hosts[i])), NULL, NULL);

        g_assert_nonnull(event);
        g_assert_null(event->nova_call.identity.source);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad_memory); i++) {
        g_autoptr(NmaEvent) event = decode(
            "pre_live_migration",
            json_pack("{s:o}", "instance", instance_with("memory_mb", bad_memory[i])), NULL, NULL);

        g_assert_cmpint(event->nova_call.identity.memory_mib, ==, NMA_UNKNOWN);
    }
    {
        g_autoptr(NmaEvent) event =
            decode("pre_live_migration",
                   json_pack("{s:o}", "instance", instance_with("host", json_string(longest))),
                   NULL, NULL);

        g_assert_cmpstr(event->nova_call.identity.source, ==, longest);
    }
    {
        g_autoptr(NmaEvent) event =
            decode("pre_live_migration",
                   json_pack("{s:o}", "instance",
                             instance_with("display_name", json_string("\033[2Jevil\n"))),
                   "req-with blank", NULL);

        g_assert_cmpstr(event->nova_call.identity.instance_name, ==, " [2Jevil ");
        g_assert_null(event->nova_call.identity.request_id);
    }
}

/* a Migration of another instance, or of another kind, teaches nothing */
static void
test_foreign_migration(void)
{
    json_t *const foreign[] = {
        migration_with("instance_uuid", json_string(REAL)),
        migration_with("migration_type", json_string("evacuation")),
    };

    for (guint i = 0; i < G_N_ELEMENTS(foreign); i++) {
        g_autoptr(NmaEvent) event = decode(
            "check_can_live_migrate_destination",
            json_pack("{s:o, s:o}", "instance", instance_with(NULL, NULL), "migration", foreign[i]),
            NULL, NULL);

        g_assert_cmpint(event->nova_call.identity.migration_id, ==, NMA_UNKNOWN);
        g_assert_null(event->nova_call.identity.destination);
        g_assert_cmpstr(event->nova_call.identity.source, ==, "hostA");
    }
}

static void
test_remove_volume_connection(void)
{
    g_autoptr(NmaEvent) event =
        decode("remove_volume_connection",
               json_pack("{s:o, s:s}", "instance", instance_with(NULL, NULL), "volume_id", "v"),
               NULL, NULL);

    g_assert_cmpstr(event->nova_call.identity.instance_uuid, ==, INSTANCE);
    g_assert_null(event->nova_call.identity.source);
}

/* ---- the conductor ---- */

static void
test_question(void)
{
    json_t *question = nma_conductor_question(INSTANCE);
    g_autofree char *text = json_dumps(question, JSON_COMPACT | JSON_SORT_KEYS);

    g_assert_cmpstr(text, ==,
                    "{\"args\":[{\"instance_uuid\":\"" INSTANCE
                    "\",\"migration_type\":\"live-migration\"}],\"kwargs\":{},"
                    "\"object_versions\":{\"Migration\":\"1.5\",\"MigrationList\":\"1.3\"},"
                    "\"objmethod\":\"get_by_filters\",\"objname\":\"MigrationList\"}");
    json_decref(question);
}

static const NmaNovaMigration *
nth(const NmaEvent *event, guint i)
{
    g_assert_cmpint(event->type, ==, NMA_EVENT_CONDUCTOR);
    g_assert_cmpuint(event->conductor.migrations->len, >, i);
    return event->conductor.migrations->pdata[i];
}

static void
test_answer_recorded(void)
{
    static const char *const asked[] = { REAL, INSTANCE, NULL };
    json_t *line = recorded(5);
    g_autoptr(NmaEvent) event = nma_conductor_answer_decode(
        json_object_get(json_object_get(line, "message"), "result"), asked);

    json_decref(line);
    g_assert_true(event->conductor.answered);
    g_assert_cmpuint(event->conductor.migrations->len, ==, 2);
    g_assert_cmpstr(nth(event, 0)->status, ==, "running");
    g_assert_cmpstr(nth(event, 0)->identity.migration_uuid, ==, REAL_MIG);
    g_assert_cmpint(nth(event, 0)->identity.migration_id, ==, 11);
    g_assert_cmpstr(nth(event, 0)->identity.destination, ==, "rnlab-b");
    g_assert_cmpint(nth(event, 0)->created_wall_us, ==, G_GINT64_CONSTANT(1795296164000000));
    g_assert_cmpstr(nth(event, 1)->identity.instance_uuid, ==, INSTANCE);
    g_assert_null(nth(event, 1)->status);
}

static json_t *
listed(gint64 id, const char *status, const char *created_at)
{
    json_t *migration = migration_with("id", json_integer(id));
    json_t *data = json_object_get(migration, "nova_object.data");

    json_object_set_new(data, "status", json_string(status));
    json_object_set_new(data, "created_at", json_string(created_at));
    return migration;
}

static void
test_answer_newest(void)
{
    static const char *const asked[] = { INSTANCE, NULL };
    json_t *evacuation = listed(99, "done", "2031-01-01T00:00:00Z");
    json_t *result;
    g_autoptr(NmaEvent) event = NULL;

    json_object_set_new(json_object_get(evacuation, "nova_object.data"), "migration_type",
                        json_string("evacuation"));
    result = json_pack("{s:s, s:s, s:{s:[o,o,o,o,n,i]}}", "nova_object.name", "MigrationList",
                       "nova_object.version", "9.9", "nova_object.data", "objects",
                       listed(3, "failed", "2030-01-01T00:00:00Z"),
                       listed(17, "running (post-copy)", "2030-01-01T00:00:00Z"),
                       listed(4, "error", "2030-06-01T00:00:00Z"), evacuation, 5);
    event = nma_conductor_answer_decode(result, asked);
    g_assert_true(event->conductor.answered);
    g_assert_cmpstr(nth(event, 0)->status, ==, "running (post-copy)");
    g_assert_cmpint(nth(event, 0)->identity.migration_id, ==, 17);
    json_decref(result);
}

static void
test_answer_none(void)
{
    static const char *const asked[] = { INSTANCE, NULL };
    json_t *const no_answers[] = { NULL, json_null(), json_string("?"), json_object(),
                                   instance_with(NULL, NULL) };

    for (guint i = 0; i < G_N_ELEMENTS(no_answers); i++) {
        g_autoptr(NmaEvent) event = nma_conductor_answer_decode(no_answers[i], asked);

        g_assert_false(event->conductor.answered);
        g_assert_null(nth(event, 0)->status);
        json_decref(no_answers[i]);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/nova-objects/captures", test_captures);
    g_test_add_func("/nova-objects/mitaka", test_mitaka);
    g_test_add_func("/nova-objects/future", test_future);
    g_test_add_func("/nova-objects/policy-of-the-flavor", test_policy_of_the_flavor);
    g_test_add_func("/nova-objects/instance-to-send", test_instance_to_send);
    g_test_add_func("/nova-objects/not-ours", test_not_ours);
    g_test_add_func("/nova-objects/no-instance", test_no_instance);
    g_test_add_func("/nova-objects/hostile-values", test_hostile_values);
    g_test_add_func("/nova-objects/foreign-migration", test_foreign_migration);
    g_test_add_func("/nova-objects/remove-volume-connection", test_remove_volume_connection);
    g_test_add_func("/conductor/question", test_question);
    g_test_add_func("/conductor/answer-recorded", test_answer_recorded);
    g_test_add_func("/conductor/answer-newest", test_answer_newest);
    g_test_add_func("/conductor/answer-none", test_answer_none);
    return g_test_run();
}
