#include "agent/settings_options.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"

#define MAX_LIST 64
/* "<run_dir>/control" must fit into a socket address: 108 bytes */
#define MAX_RUN_DIR 99
#define MAX_PATH    4000
/* our longest line holds 1000 bytes, see settings_file.h */
#define MAX_TEXT 900
/* a queue name is at most 255 bytes and holds the host too */
#define MAX_NAME 100

static const char *const modes[] = { "observe", "advise", "steer", NULL };
static const char *const policies[] = { "careful", "must-finish", NULL };
static const char *const accesses[] = { "read-only", "read-write", NULL };
static const char *const queue_types[] = { "auto", "quorum", "classic", "off", NULL };
static const char *const on_refusal[] = { "report", "abort", NULL };
static const char *const switches[] = { "off", "on", NULL };
static const char *const log_levels[] = { "debug", "info", "warning", "error", NULL };

#define AT(member) G_STRUCT_OFFSET(NmaSettings, member)

static const NmaOption options[] = {
    { "agent", "mode", NMA_OPTION_CHOICE, .choices = modes, .fallback = "advise",
      .offset = AT(mode),
      .help = "What the agent may do. observe: report. advise: also say what would help, in "
              "numbers. steer: act, within the policy's caps." },
    { "agent", "topic", NMA_OPTION_NAME, .min = 1, .max = MAX_NAME,
      .fallback = "nova_migration_agent", .offset = AT(topic),
      .help = "RPC topic at which agents answer each other and whoever asks. The same on all "
              "hosts." },
    { "agent", "state_dir", NMA_OPTION_PATH, .min = 1, .max = MAX_PATH,
      .fallback = "/var/lib/nova-migration-agent", .offset = AT(state_dir),
      .help = "Directory of the database: open migrations, reservations and reports not yet "
              "published. One agent per directory." },
    { "agent", "run_dir", NMA_OPTION_PATH, .min = 1, .max = MAX_RUN_DIR,
      .fallback = "/run/nova-migration-agent", .offset = AT(run_dir),
      .help =
          "Directory of the control socket, over which status, health, audit and log-level ask." },
    { "agent", "log_level", NMA_OPTION_WORD, .choices = log_levels, .fallback = "info",
      .offset = AT(log_level),
      .help = "Least level of the lines that are logged; can be changed while running with "
              "log-level." },
    { "agent", "metrics_file", NMA_OPTION_PATH, .max = MAX_PATH, .fallback = "",
      .fallback_text = "no metrics", .offset = AT(metrics_file),
      .help = "Metrics for node_exporter's textfile collector are written here; the name should "
              "end in .prom." },
    { "agent", "conductor_interval_ms", NMA_OPTION_INTEGER, "ms", 1000, 3600000,
      .fallback = "30000", .offset = AT(conductor_interval_ms),
      .help = "Least time between two questions to the conductor. It is asked only while a "
              "migration or a reservation is open on this host." },
    { "agent", "max_open_migrations", NMA_OPTION_INTEGER, NULL, 1, 10000, .fallback = "256",
      .offset = AT(max_open_migrations),
      .help = "Bound on open migrations for each role, against a flood of messages. More are "
              "counted, not followed." },
    { "agent", "traces", NMA_OPTION_INTEGER, NULL, 0, 10000, .fallback = "0", .offset = AT(traces),
      .help =
          "So many traces are kept in state_dir/traces, the newest ones, 8 MiB each at most: "
          "what was seen of a migration that left this host, for replay. 0: none is recorded." },
    { "nova", "config_files", NMA_OPTION_PATHS, .max = MAX_LIST, .fallback = "",
      .fallback_text = "what nova-compute itself loads: nova.conf and nova-compute.conf",
      .offset = AT(nova_config_files),
      .help = "Nova's configuration files in the order in which nova-compute reads them, as in "
              "its --config-file options." },
    { "nova", "config_dirs", NMA_OPTION_PATHS, .max = MAX_LIST, .fallback = "",
      .fallback_text = "what nova-compute itself loads: nova.conf.d and nova-compute.conf.d",
      .offset = AT(nova_config_dirs),
      .help = "Nova's configuration directories, as in nova-compute's --config-dir options." },
    { "nova", "connection_file", NMA_OPTION_PATH, .max = MAX_PATH, .fallback = "",
      .fallback_text = "nova.conf's transport_url", .offset = AT(connection_file),
      .help = "A file in nova.conf's syntax of which only [DEFAULT] transport_url is read: the "
              "agent's own broker user, which can be closed without touching Nova." },
    { "libvirt", "uri", NMA_OPTION_TEXT, .max = MAX_TEXT, .fallback = "",
      .fallback_text = "nova.conf's [libvirt] connection_uri, else qemu:///system",
      .offset = AT(libvirt_uri), .help = "libvirt on this host." },
    { "libvirt", "access", NMA_OPTION_CHOICE, .choices = accesses, .fallback = "read-write",
      .offset = AT(libvirt_access),
      .help = "With read-only libvirt refuses some calls; the checks that need them then say "
              "so, and nothing can be steered." },
    { "libvirt", "call_deadline_ms", NMA_OPTION_INTEGER, "ms", 1000, 600000, .fallback = "40000",
      .offset = AT(libvirt_call_deadline_ms),
      .help = "A libvirt call that takes longer counts as unknown, never as failed. libvirt "
              "itself waits 30 s for a domain's job lock." },
    { "checks", "deadline_ms", NMA_OPTION_INTEGER, "ms", 500, 8000, .fallback = "3000",
      .offset = AT(checks_deadline_ms),
      .help = "When the verdict is given at the latest; what a check needs and has not got by then "
              "makes it unknown. As the source, half of it is what the other host is let wait." },
    { "checks", "max_incoming", NMA_OPTION_INTEGER, NULL, 0, 1000, .fallback = "0",
      .fallback_text = "0, which is no limit", .offset = AT(max_incoming),
      .help = "How many guests may arrive on this host, or be prepared for it, at a time. Nova has "
              "no such limit." },
    { "checks", "on_refusal", NMA_OPTION_CHOICE, .choices = on_refusal, .fallback = "report",
      .offset = AT(on_refusal),
      .help =
          "What the source's agent does when a check of the destination refuses a guest that Nova "
          "has already begun to migrate. report: say it. abort: in mode steer, also have Nova "
          "abort the migration (live_migration_abort); in mode advise, say so." },
    { "checks", "maintenance_file", NMA_OPTION_PATH, .min = 1, .max = MAX_PATH,
      .fallback = "/etc/nova-migration-agent/maintenance", .offset = AT(maintenance_file),
      .help = "While this file exists, checks refuse every guest that is to come." },
    { "checks", "migration_port", NMA_OPTION_INTEGER, NULL, 0, 65535, .fallback = "49152",
      .offset = AT(migration_port),
      .help =
          "The port that sources try to reach: the first of migration_port_min in qemu.conf. 0: "
          "none is tried." },
    { "checks", "libvirt_pki_dir", NMA_OPTION_PATH, .min = 1, .max = MAX_PATH,
      .fallback = "/etc/pki", .offset = AT(libvirt_pki_dir),
      .help = "Where libvirt's certificates are, in CA and libvirt below it." },
    { "checks", "qemu_pki_dir", NMA_OPTION_PATH, .min = 1, .max = MAX_PATH,
      .fallback = "/etc/pki/qemu", .offset = AT(qemu_pki_dir),
      .help = "Where QEMU's certificates are: migrate_tls_x509_cert_dir in qemu.conf, else "
              "default_tls_x509_cert_dir." },
    { "tap", "queue_type", NMA_OPTION_WORD, .choices = queue_types, .fallback = "auto",
      .offset = AT(tap_queue_type),
      .help = "Queue of the copies of Nova's messages. auto: quorum where nova.conf has "
              "rabbit_quorum_queue or its transport_url names several brokers, else classic. A "
              "sender of Nova's waits for each queue that its message goes to: while the broker "
              "node of a classic tap hangs, that is a minute; of a quorum one, the seconds of an "
              "election. Choose quorum where one address stands for a cluster. off: no tap; the "
              "agent then learns from libvirt and the conductor alone." },
    { "policy", "name", NMA_OPTION_CHOICE, .choices = policies, .fallback = "careful",
      .offset = AT(policy),
      .help = "Policy of migrations whose flavor names none. A flavor names one with the extra "
              "spec nova_migration_agent:policy. A migration that was found running, of whose "
              "flavor nothing is known, is careful." },
    { "policy", "max_speed_mib_s", NMA_OPTION_INTEGER, "MiB/s", 0, 1000000, .fallback = "0",
      .fallback_text = "0, bandwidth is not touched", .offset = AT(max_speed_mib_s),
      .help = "What the outgoing migrations of this host may have together. Where nova.conf's "
              "live_migration_bandwidth gives one less than its share, and that holds it up, it "
              "is raised to the share." },
    { "policy-careful", "ladder", NMA_OPTION_NAMES, .max = 5, .fallback = "speed,downtime,abort",
      .offset = AT(careful_ladder),
      .help = "Remedies in the order in which they are tried: speed, downtime, abort. Never "
              "post-copy, never a pause, never more downtime than nova.conf permits." },
    { "policy-careful", "max_total_s", NMA_OPTION_INTEGER, "s", 0, 10000000, .fallback = "0",
      .fallback_text = "0, nova.conf's completion timeout decides",
      .offset = AT(careful_max_total_s), .help = "A migration that lasts longer is aborted." },
    { "policy-careful", "hopeless_s", NMA_OPTION_INTEGER, "s", 0, 10000000, .fallback = "900",
      .offset = AT(careful_hopeless_s),
      .help = "A migration that was hopeless in every pass for so long is aborted, unless Nova "
              "would complete it by force (live_migration_timeout_action). 0 is never." },
    { "policy-must-finish", "ladder", NMA_OPTION_NAMES, .max = 5,
      .fallback = "speed,downtime,post-copy,pause", .offset = AT(must_finish_ladder),
      .help = "Remedies in the order in which they are tried: speed, downtime, post-copy, pause, "
              "abort." },
    { "policy-must-finish", "max_downtime_ms", NMA_OPTION_INTEGER, "ms", 0, 60000,
      .fallback = "2000", .offset = AT(must_finish_max_downtime_ms),
      .help = "What QEMU may be allowed at most. The cost of a switchover itself, some 50 ms, "
              "comes on top, as with Nova's live_migration_downtime." },
    { "policy-must-finish", "max_pause_ms", NMA_OPTION_INTEGER, "ms", 0, 600000,
      .fallback = "30000", .offset = AT(must_finish_max_pause_ms),
      .help = "How long the guest may stand still at most. It is paused only when that is "
              "computed to be enough, and the migration is aborted before it lasts longer. 0 is "
              "never." },
    { "policy-must-finish", "max_post_copy_s", NMA_OPTION_INTEGER, "s", 0, 86400, .fallback = "120",
      .offset = AT(must_finish_max_post_copy_s),
      .help = "How long the guest may fetch its memory over the network at most; if the network "
              "fails meanwhile the guest is lost. Only where nova.conf has "
              "live_migration_permit_post_copy. 0 is never." },
    { "policy-must-finish", "max_total_s", NMA_OPTION_INTEGER, "s", 0, 10000000, .fallback = "0",
      .fallback_text = "0, nova.conf's completion timeout decides",
      .offset = AT(must_finish_max_total_s), .help = "A migration that lasts longer is aborted." },
    { "policy-must-finish", "hopeless_s", NMA_OPTION_INTEGER, "s", 0, 10000000, .fallback = "0",
      .offset = AT(must_finish_hopeless_s),
      .help = "As in policy-careful, where the ladder has abort. 0 is never." },
    { "reports", "topics", NMA_OPTION_NAMES, .min = 1, .max = 8,
      .fallback = "live_migration_reports", .offset = AT(report_topics),
      .help = "Notification topics of the reports, by comma. Each report goes to each." },
    { "reports", "transport_url", NMA_OPTION_SECRET, .max = MAX_TEXT, .fallback = "",
      .fallback_text = "nova.conf's [oslo_messaging_notifications] transport_url, else its "
                       "[DEFAULT] one",
      .offset = AT(report_transport_url),
      .help = "Broker of the reports. In user and password write %23 for # and %3B for ;." },
    { "reports", "progress_interval_ms", NMA_OPTION_INTEGER, "ms", 100, 3600000, .fallback = "1000",
      .offset = AT(progress_interval_ms),
      .help = "Least time between two progress reports of a migration." },
    { "audit", "enabled", NMA_OPTION_CHOICE, .choices = switches, .fallback = "on",
      .offset = AT(audit_enabled),
      .help = "Whether nova.conf is audited: when the agent starts, when a file changes, and when "
              "a migration begins, against the other host's. What is found is reported." },
    { "audit", "release", NMA_OPTION_RELEASE, .max = MAX_NAME, .fallback = "",
      .fallback_text = "that of the Nova installed here, else the newest known",
      .offset = AT(audit_release),
      .help = "Release of Nova for which nova.conf is judged, by name or number: zed, 2026.1, "
              "26.2.2. To be set where Nova runs in a container." },
    { "audit", "ignore", NMA_OPTION_NAMES, .max = MAX_LIST, .fallback = "", .fallback_text = "none",
      .offset = AT(audit_ignore),
      .help = "Rules that are not applied, by comma: codes of nova-conf-tool or their beginnings, "
              "as in its --ignore." },
    { "audit", "interval_ms", NMA_OPTION_INTEGER, "ms", 1000, 3600000, .fallback = "10000",
      .offset = AT(audit_interval_ms),
      .help = "Time between two looks at whether a file has changed. Only directories and inodes "
              "are read." },
};

const NmaOption *
nma_settings_options(guint *n)
{
    *n = G_N_ELEMENTS(options);
    return options;
}

const NmaOption *
nma_settings_option(const char *group, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        if (strcmp(options[i].group, group) == 0 && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

gboolean
nma_settings_has_group(const char *group)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        if (strcmp(options[i].group, group) == 0)
            return TRUE;
    return FALSE;
}

/* "a, b or c" */
static char *
describe_choices(const NmaOption *option)
{
    GString *text = g_string_new(option->choices[0]);

    for (guint i = 1; option->choices[i] != NULL; i++)
        g_string_append_printf(text, "%s%s", option->choices[i + 1] != NULL ? ", " : " or ",
                               option->choices[i]);
    return g_string_free(text, FALSE);
}

char *
nma_option_describe_type(const NmaOption *option)
{
    static const char *const words[NMA_N_OPTION_TYPES] = {
        [NMA_OPTION_NAME] = "name of letters, digits, dots, dashes and underscores",
        [NMA_OPTION_NAMES] = "names by comma",
        [NMA_OPTION_TEXT] = "text",
        [NMA_OPTION_SECRET] = "transport_url",
        [NMA_OPTION_PATH] = "absolute path",
        [NMA_OPTION_PATHS] = "absolute paths by comma",
        [NMA_OPTION_RELEASE] = "release of Nova",
    };

    if (option->type == NMA_OPTION_INTEGER)
        return g_strdup_printf("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT "%s%s", option->min,
                               option->max, option->unit != NULL ? " " : "",
                               option->unit != NULL ? option->unit : "");
    return option->choices != NULL ? describe_choices(option) : g_strdup(words[option->type]);
}

/* ---- values ---- */

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID,
                                                format, arguments));
    va_end(arguments);
    return FALSE;
}

static gboolean
check_name(const char *value, gsize max, GError **error)
{
    if (value[strspn(value, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-")] != '\0' ||
        value[0] == '\0')
        return refuse(error, "\"%s\" is no name of letters, digits, dots, dashes and underscores",
                      value);
    if (strlen(value) > max)
        return refuse(error, "the name is longer than %zu bytes", max);
    return TRUE;
}

static gboolean
check_path(const char *value, gsize max, GError **error)
{
    if (value[0] != '/')
        return refuse(error, "\"%s\" is no absolute path", value);
    if (strlen(value) > max)
        return refuse(error, "the path is longer than %zu bytes", max);
    return TRUE;
}

/* One value, not a list. An empty one is allowed where the default is empty. */
static gboolean
check_text(const NmaOption *option, const char *value, GError **error)
{
    if (value[0] == '\0')
        return option->fallback[0] == '\0' || refuse(error, "the value is missing");
    switch (option->type) {
    case NMA_OPTION_NAME:
        return check_name(value, (gsize)option->max, error);
    case NMA_OPTION_PATH:
        return check_path(value, (gsize)option->max, error);
    case NMA_OPTION_RELEASE:
        return nct_release_parse(value) != 0 ||
               refuse(error, "\"%s\" is no release of Nova from %s to %s", value,
                      nct_release_row(nct_release_oldest())->name,
                      nct_release_row(nct_release_newest())->name);
    default:
        if (strlen(value) > (gsize)option->max)
            return refuse(error, "the value is longer than %d bytes", (int)option->max);
        return TRUE;
    }
}

/* NULL with an error; an empty value is an empty list. Owned. */
static GStrv
parse_list(const NmaOption *option, const char *value, GError **error)
{
    g_auto(GStrv) items = g_strsplit(value, ",", -1);
    gsize n = value[0] == '\0' ? 0 : g_strv_length(items);

    if (n < (gsize)option->min || n > (gsize)option->max) {
        refuse(error, "%zu values; want %d to %d", n, (int)option->min, (int)option->max);
        return NULL;
    }
    for (gsize i = 0; i < n; i++) {
        g_strstrip(items[i]);
        if (option->type == NMA_OPTION_NAMES ? !check_name(items[i], MAX_NAME, error)
                                             : !check_path(items[i], MAX_PATH, error))
            return NULL;
        for (gsize j = 0; j < i; j++) {
            if (strcmp(items[i], items[j]) == 0) {
                refuse(error, "\"%s\" stands there twice", items[i]);
                return NULL;
            }
        }
    }
    return n == 0 ? g_new0(char *, 1) : g_steal_pointer(&items);
}

/* index in choices, or -1 with an error */
static int
parse_choice(const NmaOption *option, const char *value, GError **error)
{
    g_autofree char *wanted = NULL;

    for (int i = 0; option->choices[i] != NULL; i++)
        if (strcmp(option->choices[i], value) == 0)
            return i;
    wanted = describe_choices(option);
    refuse(error, "\"%s\" is not %s", value, wanted);
    return -1;
}

gboolean
nma_option_set(const NmaOption *option, const char *value, NmaSettings *settings, GError **error)
{
    gpointer at = G_STRUCT_MEMBER_P(settings, option->offset);
    GStrv list;
    gint64 number;
    int choice;

    switch (option->type) {
    case NMA_OPTION_INTEGER:
        if (!g_ascii_string_to_signed(value, 10, option->min, option->max, &number, NULL)) {
            g_autofree char *wanted = nma_option_describe_type(option);

            return refuse(error, "\"%s\" is not a number from %s", value, wanted);
        }
        *(gint64 *)at = number;
        return TRUE;
    case NMA_OPTION_CHOICE:
        choice = parse_choice(option, value, error);
        if (choice < 0)
            return FALSE;
        *(int *)at = choice; /* NmaMode, NmaAccess: enums are ints in our ABIs */
        return TRUE;
    case NMA_OPTION_NAMES:
    case NMA_OPTION_PATHS:
        list = parse_list(option, value, error);
        if (list == NULL)
            return FALSE;
        g_strfreev(*(GStrv *)at);
        *(GStrv *)at = list;
        return TRUE;
    default:
        if (option->type == NMA_OPTION_WORD ? parse_choice(option, value, error) < 0
                                            : !check_text(option, value, error))
            return FALSE;
        g_free(*(char **)at);
        *(char **)at = g_strdup(value);
        return TRUE;
    }
}

G_STATIC_ASSERT(sizeof(NmaMode) == sizeof(int));
G_STATIC_ASSERT(sizeof(NmaAccess) == sizeof(int));
G_STATIC_ASSERT(sizeof(gboolean) == sizeof(int));

void
nma_settings_set_defaults(NmaSettings *settings)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(GError) error = NULL;

        if (!nma_option_set(&options[i], options[i].fallback, settings, &error))
            g_error("default of [%s] %s: %s", options[i].group, options[i].name, error->message);
    }
}

void
nma_settings_clear_options(NmaSettings *settings)
{
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        gpointer at = G_STRUCT_MEMBER_P(settings, options[i].offset);

        switch (options[i].type) {
        case NMA_OPTION_INTEGER:
        case NMA_OPTION_CHOICE:
            break;
        case NMA_OPTION_NAMES:
        case NMA_OPTION_PATHS:
            g_clear_pointer((GStrv *)at, g_strfreev);
            break;
        default:
            g_clear_pointer((char **)at, g_free);
        }
    }
}

const char *
nma_mode_to_string(NmaMode mode)
{
    return modes[mode];
}

gboolean
nma_mode_from_string(const char *text, NmaMode *mode)
{
    for (guint i = 0; modes[i] != NULL; i++) {
        if (strcmp(modes[i], text) == 0) {
            *mode = (NmaMode)i;
            return TRUE;
        }
    }
    return FALSE;
}
