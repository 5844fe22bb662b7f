/* can-migrate INSTANCE --to HOST...: would the hosts take the guest? */
#include <stdio.h>

#include "agent/asker.h"
#include "agent/commands.h"
#include "agent/core/identity.h"
#include "agent/json/requests.h"
#include "agent/table.h"

/* the agent answers after 10 s at most */
#define ANSWER_TIMEOUT_MS 15000
#define MAX_HOSTS         1000

typedef struct {
    char *from; /* NULL: this host */
    GStrv to;
    gint64 memory_mib, vcpus, disk_gib; /* 0: not said */
    gboolean as_json, all;
} Options;

static json_t *
make_args(const Options *options, const char *instance, const char *source)
{
    json_t *args = json_pack("{s:s, s:s}", "instance_uuid", instance, "source", source);

    if (options->memory_mib > 0) {
        json_t *resources = json_pack("{s:I}", "memory_mib", (json_int_t)options->memory_mib);

        if (options->vcpus > 0)
            json_object_set_new(resources, "vcpus", json_integer(options->vcpus));
        if (options->disk_gib > 0)
            json_object_set_new(resources, "disk_bytes", json_integer(options->disk_gib << 30));
        json_object_set_new(args, "resources", resources);
    }
    return args;
}

/* What came of one call, as an answer: one that could not be had has an error in place of a
 * verdict. New reference. */
static json_t *
answer_of(const OmCallResult *result, const char *host)
{
    g_autofree char *text = NULL;

    switch (result->status) {
    case OM_CALL_OK:
        if (json_is_object(result->result) && nma_answer_word(result->result, "verdict") != NULL)
            return json_incref(result->result);
        text = g_strdup("its answer is none that this version knows");
        break;
    case OM_CALL_REMOTE:
        text = nma_printable(result->failure->message);
        break;
    case OM_CALL_NOBODY:
        text = g_strdup("no agent listens there");
        break;
    default:
        text = g_strdup("no answer in time");
        break;
    }
    return json_pack("{s:s, s:s}", "host", host, "error", text);
}

/* New reference, or NULL: the broker cannot be reached. */
static json_t *
ask_all(const NmaSettings *settings, const Options *options, const char *instance, GError **error)
{
    g_autoptr(NmaAsker) asker = nma_asker_new(settings, "can-migrate", error);
    json_t *answers = json_array();
    guint64 sent = 0;

    for (; asker != NULL && options->to[sent] != NULL; sent++) {
        const OmTarget target = { .topic = settings->topic,
                                  .server = options->to[sent],
                                  .rpc_namespace = NMA_RPC_NAMESPACE,
                                  .version = NMA_RPC_RESERVE_VERSION };

        if (!nma_asker_send(asker, &target, nma_request_names()[NMA_REQUEST_CAN_LIVE_MIGRATE],
                            make_args(options, instance,
                                      options->from != NULL ? options->from : settings->host),
                            ANSWER_TIMEOUT_MS, sent, error))
            break;
    }
    for (guint64 i = 0; i < sent; i++) {
        g_autoptr(OmCallResult) result = nma_asker_wait(asker, i);

        json_array_append_new(answers, answer_of(result, options->to[i]));
    }
    if (asker == NULL || options->to[sent] != NULL)
        g_clear_pointer(&answers, json_decref);
    return answers;
}

/* the worst: an unasked host, a refusal, a doubt */
static int
judge(const json_t *answers)
{
    static const struct {
        const char *verdict;
        int status;
    } statuses[] = {
        { "refused", NMA_EXIT_REFUSED },
        { "unknown", NMA_EXIT_UNKNOWN },
        { "warning", NMA_EXIT_OK },
        { "ok", NMA_EXIT_OK },
    };
    guint worst = G_N_ELEMENTS(statuses) - 1;
    const json_t *answer;
    gsize i;

    json_array_foreach(answers, i, answer)
    {
        const char *verdict = nma_answer_word(answer, "verdict");
        guint s = 0;

        while (s < G_N_ELEMENTS(statuses) && g_strcmp0(verdict, statuses[s].verdict) != 0)
            s++;
        if (s == G_N_ELEMENTS(statuses))
            return NMA_EXIT_FAILED;
        worst = MIN(worst, s);
    }
    return statuses[worst].status;
}

static void
print_answers(const json_t *answers, gboolean all)
{
    static const char *const titles[] = { "HOST", "CHECK", "VERDICT", "BECAUSE", NULL };
    g_autoptr(NmaTable) table = nma_table_new(titles);
    const json_t *answer, *check;
    gsize i, c;

    json_array_foreach(answers, i, answer)
    {
        const json_t *checks = json_object_get(answer, "checks");
        const char *error = nma_answer_word(answer, "error");

        nma_table_add(table, nma_answer_word(answer, "host"));
        nma_table_add(table, "all");
        nma_table_add(table, error != NULL ? "not asked" : nma_answer_word(answer, "verdict"));
        nma_table_add(table, error != NULL                  ? error
                             : json_array_size(checks) == 0 ? nma_answer_word(answer, "reason_text")
                                                            : NULL);
        json_array_foreach(checks, c, check)
        {
            if (!all && g_strcmp0(nma_answer_word(check, "verdict"), "ok") == 0)
                continue;
            nma_table_add(table, "");
            nma_table_add(table, nma_answer_word(check, "check"));
            nma_table_add(table, nma_answer_word(check, "verdict"));
            nma_table_add(table, nma_answer_word(check, "text"));
        }
    }
    nma_table_print(table, stdout);
}

static gboolean
is_usable(const Options *options, const NmaCommandLine *line)
{
    const char *wrong = NULL;

    if (line->rest == NULL || !nma_uuid_is_valid(line->rest[0]))
        wrong = "the uuid of an instance is needed";
    else if (options->to == NULL || g_strv_length(options->to) > MAX_HOSTS)
        wrong = "at least one --to HOST is needed, and at most 1000";
    else if (options->memory_mib < 0 || options->vcpus < 0 || options->disk_gib < 0 ||
             options->disk_gib > 1 << 30)
        wrong = "a size below zero, or above all bounds";
    else if (options->memory_mib == 0 && (options->vcpus > 0 || options->disk_gib > 0))
        wrong = "--vcpus and --disk need --memory";
    if (wrong != NULL)
        fprintf(stderr, "%s: %s (see --help)\n", g_get_prgname(), wrong);
    return wrong == NULL;
}

static void
options_clear(Options *options)
{
    g_free(options->from);
    g_strfreev(options->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int
nma_cmd_can_migrate(int argc, char **argv)
{
    g_auto(Options) options = { 0 };
    const GOptionEntry entries[] = {
        { "to", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.to, "A host to ask; may be repeated",
          "HOST" },
        { "from", 0, 0, G_OPTION_ARG_STRING, &options.from,
          "The host that the guest runs on (default: this one)", "HOST" },
        { "memory", 0, 0, G_OPTION_ARG_INT64, &options.memory_mib,
          "The guest's memory (default: what the agent of its host says)", "MIB" },
        { "vcpus", 0, 0, G_OPTION_ARG_INT64, &options.vcpus, "The guest's vCPUs", "N" },
        { "disk", 0, 0, G_OPTION_ARG_INT64, &options.disk_gib, "Local disk that has to be copied",
          "GIB" },
        { "all", 0, 0, G_OPTION_ARG_NONE, &options.all, "Show checks that are ok, too", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &options.as_json, "Print the answers as JSON", NULL },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(NmaSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    json_t *answers;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, entries, 1, "INSTANCE",
                                "Asks the agents of hosts whether a guest could be migrated "
                                "there. Nothing is reserved.",
                                &status))
        return status;
    if (!is_usable(&options, &line))
        return NMA_EXIT_USAGE;
    settings = nma_settings_load(line.config_file, &error);
    if (settings == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_USAGE;
    }
    answers = ask_all(settings, &options, line.rest[0], &error);
    if (answers == NULL) {
        fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
        return NMA_EXIT_FAILED;
    }
    if (options.as_json) {
        json_dumpf(answers, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_answers(answers, options.all);
    }
    status = judge(answers);
    json_decref(answers);
    return status;
}
