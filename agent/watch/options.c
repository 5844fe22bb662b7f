#include "agent/watch/options.h"

#include <string.h>

#include "agent/core/identity.h"
#include "agent/watch/drain.h"

G_DEFINE_QUARK(nma_watch_option_error_quark, nma_watch_option_error)

#define MAX_CELLS     64
#define MAX_TIMEOUT_S (366.0 * 86400)
/* AMQP short strings end at 255 bytes; ".info" is added */
#define MAX_TOPIC 200

static gboolean G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_propagate_error(error, g_error_new_valist(NMA_WATCH_OPTION_ERROR,
                                                NMA_WATCH_OPTION_ERROR_USAGE, format, args));
    va_end(args);
    return FALSE;
}

static gboolean
check_cells(char **cells, GError **error)
{
    for (guint i = 0; cells && cells[i]; i++) {
        const char *sign = strchr(cells[i], '=');

        if (i >= MAX_CELLS)
            return refuse(error, "--cell may be given %u times at most", MAX_CELLS);
        /* a URL on a command line shows its password to everybody on the machine */
        if (strstr(cells[i], "://"))
            return refuse(error, "--cell takes NAME=FILE, never a URL: name the cell's nova.conf");
        if (!sign || sign == cells[i] || !sign[1])
            return refuse(error, "--cell takes NAME=FILE, where FILE is the cell's nova.conf");
        for (guint j = 0; j < i; j++)
            if (strncmp(cells[i], cells[j], (gsize)(sign - cells[i]) + 1) == 0)
                return refuse(error, "--cell names one cell twice");
    }
    return TRUE;
}

/* "90", "90s", "1.5h"; NULL: none */
static gboolean
read_timeout(const char *text, gint64 *timeout_us)
{
    static const struct {
        char letter;
        double seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    double factor = 1, value;
    char *end = NULL;

    *timeout_us = 0;
    if (!text)
        return TRUE;
    value = g_ascii_strtod(text, &end);
    if (end == text)
        return FALSE;
    for (guint i = 0; *end && i < G_N_ELEMENTS(units); i++) {
        if (end[0] == units[i].letter && !end[1]) {
            factor = units[i].seconds;
            end++;
        }
    }
    if (*end || !(value >= 0 && value * factor <= MAX_TIMEOUT_S))
        return FALSE;
    *timeout_us = (gint64)(value * factor * G_USEC_PER_SEC);
    return TRUE;
}

static gboolean
check_topic(const char *option, const char *topic, GError **error)
{
    gsize length = strlen(topic);

    if (length == 0 || length > MAX_TOPIC)
        return refuse(error, "%s takes 1 to %d characters", option, MAX_TOPIC);
    for (; *topic; topic++)
        if (!g_ascii_isalnum(*topic) && !strchr("._-", *topic))
            return refuse(error, "%s takes letters, digits, '.', '_' and '-' only", option);
    return TRUE;
}

static gboolean
check_target(const char *target, GError **error)
{
    guint64 id;

    if (!target || nma_uuid_is_valid(target) ||
        g_ascii_string_to_unsigned(target, 10, 1, G_MAXINT64, &id, NULL))
        return TRUE;
    return refuse(error, "the argument is an instance uuid, a migration uuid or a migration id");
}

static gboolean
check(NmaWatchOptions *options, const char *timeout, char **rest, GError **error)
{
    if (rest && rest[0] && rest[1])
        return refuse(error, "one instance or migration at most");
    if (rest && rest[0])
        options->target = g_strdup(rest[0]);
    if (!read_timeout(timeout, &options->timeout_us))
        return refuse(error, "--timeout takes a number of seconds, or one with s, m, h or d");
    if (options->until_empty &&
        (!options->host || options->target || options->once || options->replay))
        return refuse(error, "--until-empty follows a whole host: give --host, and no instance, "
                             "--once or --replay");
    if (options->replay && options->cells)
        return refuse(error, "--replay reads a file: --cell does not go with it");
    return check_cells(options->cells, error) && check_topic("--topic", options->topic, error) &&
           check_topic("--agent-topic", options->agent_topic, error) &&
           check_target(options->target, error);
}

NmaWatchOptions *
nma_watch_options_parse(GStrv *args, GError **error)
{
    g_autoptr(NmaWatchOptions) options = g_new0(NmaWatchOptions, 1);
    g_auto(GStrv) rest = NULL;
    g_autofree char *timeout = NULL;
    const GOptionEntry entries[] = {
        { "cell", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->cells,
          "Listen in this cell; repeatable (default: /etc/nova/nova.conf)", "NAME=NOVA_CONF" },
        { "host", 0, 0, G_OPTION_ARG_STRING, &options->host, "Only migrations from or to this host",
          "HOST" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print each report as a line of JSON",
          NULL },
        { "once", 0, 0, G_OPTION_ARG_NONE, &options->once, "Print one picture and exit", NULL },
        { "replay", 0, 0, G_OPTION_ARG_FILENAME, &options->replay,
          "Read report lines (--json) from a file, - for standard input", "FILE" },
        { "timeout", 0, 0, G_OPTION_ARG_STRING, &timeout,
          "Exit after so long: seconds, or 30m, 4h, 1d", "TIME" },
        { "until-empty", 0, 0, G_OPTION_ARG_NONE, &options->until_empty,
          "Follow the drain of --host until no guest is left there", NULL },
        { "agent-topic", 0, 0, G_OPTION_ARG_STRING, &options->agent_topic,
          "RPC topic of the agents (default: " NMA_WATCH_AGENT_TOPIC ")", "TOPIC" },
        { "topic", 0, 0, G_OPTION_ARG_STRING, &options->topic,
          "Topic of the reports (default: " NMA_WATCH_DEFAULT_TOPIC ")", "TOPIC" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and exit",
          NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &rest, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("[INSTANCE|MIGRATION]");

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, "Shows live migrations as the agents report them.");
    if (!g_option_context_parse_strv(context, args, error))
        return NULL;
    if (!options->topic)
        options->topic = g_strdup(NMA_WATCH_DEFAULT_TOPIC);
    if (!options->agent_topic)
        options->agent_topic = g_strdup(NMA_WATCH_AGENT_TOPIC);
    if (!check(options, timeout, rest, error))
        return NULL;
    return g_steal_pointer(&options);
}

void
nma_watch_options_free(NmaWatchOptions *options)
{
    if (!options)
        return;
    g_strfreev(options->cells);
    g_free(options->host);
    g_free(options->topic);
    g_free(options->agent_topic);
    g_free(options->replay);
    g_free(options->target);
    g_free(options);
}
