#include "nova-conf-tool/fleet.h"

#include <string.h>

#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/fleet_internal.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/suppress.h"

#define L "libvirt"
#define D "DEFAULT"
#define W "workarounds"

/* Options whose old name is in the catalogue up to the release that renames them stand twice. */
static const NctFleetSetting settings[] = {
    { NCT_FLEET_ALIKE, L, "virt_type", "a guest of one cannot run on the other" },
    { NCT_FLEET_ALIKE, L, "cpu_mode", "a guest keeps the processor it was started with" },
    { NCT_FLEET_ALIKE, L, "cpu_model", "a guest keeps the processor it was started with" },
    { NCT_FLEET_ALIKE, L, "cpu_models", "a guest keeps the processor it was started with" },
    { NCT_FLEET_ALIKE, L, "cpu_model_extra_flags", "a guest keeps the flags it was started with" },
    { NCT_FLEET_ALIKE, L, "live_migration_with_native_tls",
      "the source decides, and the destination must have the certificates" },
    { NCT_FLEET_ALIKE, L, "live_migration_tunnelled",
      "the source decides, and the destination's libvirtd must listen for it" },
    { NCT_FLEET_ALIKE, L, "live_migration_scheme",
      "the source decides, and the destination's libvirtd must listen for it" },
    { NCT_FLEET_ALIKE, L, "live_migration_uri",
      "the source decides, and the destination's libvirtd must listen for it" },
    { NCT_FLEET_ALIKE, L, "images_type", "disks of one kind are not taken for another" },
    { NCT_FLEET_ALIKE, L, "images_rbd_pool", "a disk is looked for in the destination's pool" },
    { NCT_FLEET_ALIKE, D, "instances_path", "the guest's files keep their path" },
    { NCT_FLEET_ALIKE, D, "config_drive_format",
      "a config drive of one kind is not taken for another" },
    { NCT_FLEET_ALIKE, "serial_console", "enabled",
      "the destination refuses a guest whose consoles it does not have" },
    { NCT_FLEET_ALIKE, "vnc", "enabled", "the guest's console goes with it" },
    { NCT_FLEET_ALIKE, "spice", "enabled", "the guest's console goes with it" },
    { NCT_FLEET_ALIKE, D, "control_exchange", "services on two exchanges do not hear each other" },
    { NCT_FLEET_ALIKE, "upgrade_levels", "compute",
      "computes that may send different versions of the RPC refuse each other's calls" },
    { NCT_FLEET_POLICY, L, "live_migration_permit_post_copy", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_permit_auto_converge", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_completion_timeout", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_timeout_action", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_downtime", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_downtime_steps", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_downtime_delay", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_bandwidth", NULL },
    { NCT_FLEET_POLICY, L, "live_migration_parallel_connections", NULL },
    { NCT_FLEET_POLICY, L, "hw_machine_type", NULL },
    { NCT_FLEET_POLICY, D, "max_concurrent_live_migrations", NULL },
    { NCT_FLEET_POLICY, D, "long_rpc_timeout", NULL },
    { NCT_FLEET_POLICY, D, "rpc_response_timeout", NULL },
    { NCT_FLEET_POLICY, W, "skip_cpu_compare_on_dest", NULL },
    { NCT_FLEET_POLICY, W, "skip_hypervisor_version_check_on_lm", NULL },
    { NCT_FLEET_OWN, D, "host", "both take each other's messages" },
    { NCT_FLEET_OWN, D, "my_ip", "what is meant for one reaches the other" },
    { NCT_FLEET_OWN, L, "live_migration_inbound_addr", "guests for one arrive at the other" },
};

G_STATIC_ASSERT(G_N_ELEMENTS(settings) <= NCT_FLEET_MAX_SETTINGS);

static void
free_host(gpointer data)
{
    NctFleetHost *host = data;

    nct_cpu_facts_free(host->cpu);
    g_strfreev(host->cpu_models);
    g_free(host->cpu_mode);
    g_free(host->version);
    g_free(host);
}

NctFleet *
nct_fleet_new(const NctAuditOptions *options)
{
    NctFleet *fleet = g_new0(NctFleet, 1);

    fleet->options = options;
    fleet->release = options->release ? options->release : nct_release_newest();
    fleet->hosts = g_ptr_array_new_with_free_func(free_host);
    fleet->texts = g_string_chunk_new(4096);
    return fleet;
}

void
nct_fleet_free(NctFleet *fleet)
{
    if (!fleet)
        return;
    g_ptr_array_unref(fleet->hosts);
    g_string_chunk_free(fleet->texts);
    g_free(fleet);
}

/* ---- what is taken from a host ---- */

static const char *
keep(NctFleet *fleet, const char *text)
{
    return g_string_chunk_insert_const(fleet->texts, text);
}

/* cpu_mode unset is host-model with kvm and qemu (Source: nova/virt/libvirt/driver.py,
 * _get_guest_cpu_model_config) */
static gboolean
is_host_model_unsaid(const NctAudit *audit, const NctFleetSetting *setting)
{
    g_autofree char *type = NULL;

    if (!g_str_equal(setting->name, "cpu_mode"))
        return FALSE;
    type = nct_audit_text(audit, L, "virt_type");
    return g_strcmp0(type, "kvm") == 0 || g_strcmp0(type, "qemu") == 0;
}

static void
take_setting(NctFleet *fleet, NctFleetHost *host, guint i, const NctAudit *audit)
{
    const NctFleetSetting *setting = &settings[i];
    NctFleetValue *value = &host->values[i];
    const NctOption *option = nct_audit_option(audit, setting->group, setting->name);
    NctOrigin origin;
    g_autofree char *text = NULL;
    g_autofree char *shown = NULL;
    g_autofree char *silenced = NULL;

    if (!option)
        return;
    origin = nct_config_origin(audit->config, option);
    /* an address of its own is one that somebody wrote down */
    if (setting->kind == NCT_FLEET_OWN && origin.kind != NCT_ORIGIN_FILE)
        return;
    text = nct_audit_text(audit, setting->group, setting->name);
    /* an illegal value has its own finding, and what Nova computes on the host is not known here */
    if (!text && origin.kind != NCT_ORIGIN_UNSET)
        return;
    if (!text && is_host_model_unsaid(audit, setting))
        text = g_strdup("host-model");
    shown = nct_mask_value((NctSpan){ text ? text : "unset", strlen(text ? text : "unset") },
                           (option->flags & NCT_OPTION_SECRET) != 0);
    value->text = keep(fleet, text ? text : "");
    value->shown = keep(fleet, shown);
    if (origin.kind == NCT_ORIGIN_FILE && origin.entry) {
        value->path = keep(fleet, nct_document_path(origin.entry->document));
        value->line = origin.entry->line;
        value->column = origin.entry->column;
        silenced = nct_silenced_codes(origin.entry->document, origin.entry->line);
        if (silenced)
            value->silenced = keep(fleet, silenced);
    }
}

const NctFleetValue *
nct_fleet_value(const NctFleet *fleet, const NctFleetHost *host, const char *group,
                const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
        if (g_str_equal(settings[i].group, group) && g_str_equal(settings[i].name, name))
            return &host->values[i];
    return NULL;
}

void
nct_fleet_add(NctFleet *fleet, const char *name, const NctConfig *config, const char *version,
              NctCpuFacts *facts)
{
    NctAudit audit = { .config = config, .options = fleet->options, .release = fleet->release };
    NctFleetHost *host = g_new0(NctFleetHost, 1);

    host->name = keep(fleet, name);
    host->path = keep(fleet, nct_config_n_documents(config) > 0
                                 ? nct_document_path(nct_config_document(config, 0))
                                 : name);
    host->version = g_strdup(version);
    host->cpu = facts;
    host->cpu_mode = nct_audit_text(&audit, L, "cpu_mode");
    host->cpu_models = nct_audit_list(&audit, L, fleet->release >= 20 ? "cpu_models" : "cpu_model");
    for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
        take_setting(fleet, host, i, &audit);
    g_ptr_array_add(fleet->hosts, host);
}

/* ---- findings ---- */

static gboolean
is_named(const char *code, const char *const *codes)
{
    for (; codes && *codes; codes++)
        if (g_ascii_strncasecmp(code, *codes, strlen(*codes)) == 0)
            return TRUE;
    return FALSE;
}

NctFinding *
nct_fleet_report(GPtrArray *findings, const NctFleet *fleet, const char *code,
                 const NctFleetHost *host, const NctFleetValue *place, char *message, char *advice)
{
    const NctAuditOptions *options = fleet->options;
    NctFinding *finding;

    if (is_named(code, options->ignore) || (options->select && !is_named(code, options->select)) ||
        (place && place->silenced && strstr(place->silenced, code))) {
        g_free(message);
        g_free(advice);
        return NULL;
    }
    finding = g_new0(NctFinding, 1);
    finding->rule = nct_rule_find(code);
    finding->severity = finding->rule->severity;
    finding->path = g_strdup(place && place->path ? place->path : host->path);
    if (place) {
        finding->line = place->line;
        finding->column = place->column;
    }
    finding->message = nct_printable(message, strlen(message), NCT_MAX_MESSAGE);
    finding->advice = advice;
    g_free(message);
    g_ptr_array_add(findings, finding);
    return finding;
}

static void
report_setting(GPtrArray *findings, const NctFleet *fleet, const char *code, guint i,
               const NctFleetHost *host, char *message, char *advice)
{
    NctFinding *finding =
        nct_fleet_report(findings, fleet, code, host, &host->values[i], message, advice);

    if (finding) {
        finding->group = g_strdup(settings[i].group);
        finding->option = g_strdup(settings[i].name);
    }
}

/* the value that most hosts have, and how many; of equals the first */
static const NctFleetHost *
most_common(const NctFleet *fleet, guint i, guint *n)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    const NctFleetHost *best = NULL;

    *n = 0;
    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);
        const char *text = host->values[i].text;

        if (text)
            g_hash_table_insert(
                counts, (gpointer)text,
                GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(counts, text)) + 1));
    }
    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);
        const char *text = host->values[i].text;
        guint count = text ? GPOINTER_TO_UINT(g_hash_table_lookup(counts, text)) : 0;

        if (count > *n) {
            *n = count;
            best = host;
        }
    }
    return best;
}

static void
compare_setting(GPtrArray *findings, const NctFleet *fleet, guint i)
{
    const NctFleetSetting *setting = &settings[i];
    guint n;
    const NctFleetHost *usual = most_common(fleet, i, &n);

    for (guint h = 0; usual && h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);
        const NctFleetValue *value = &host->values[i];

        if (!value->text || g_str_equal(value->text, usual->values[i].text))
            continue;
        report_setting(
            findings, fleet,
            setting->kind == NCT_FLEET_ALIKE ? NCT_CODE_FLEET_DIFFERS : NCT_CODE_FLEET_POLICY, i,
            host,
            g_strdup_printf("[%s] %s is '%s' on %s, but '%s' on %u of %u hosts (%s)%s%s",
                            setting->group, setting->name, value->shown, host->name,
                            usual->values[i].shown, n, fleet->hosts->len, usual->name,
                            setting->reason ? ": " : "", setting->reason ? setting->reason : ""),
            NULL);
    }
}

/* a value that only one host may have */
static void
compare_own(GPtrArray *findings, const NctFleet *fleet, guint i)
{
    const NctFleetSetting *setting = &settings[i];
    g_autoptr(GHashTable) owners = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);
        const NctFleetValue *value = &host->values[i];
        const NctFleetHost *owner;

        if (!value->text || !*value->text)
            continue;
        owner = g_hash_table_lookup(owners, value->text);
        if (!owner)
            g_hash_table_insert(owners, (gpointer)value->text, (gpointer)host);
        else
            report_setting(findings, fleet, NCT_CODE_FLEET_SAME, i, host,
                           g_strdup_printf("[%s] %s = %s is what %s has, too: %s", setting->group,
                                           setting->name, value->shown, owner->name,
                                           setting->reason),
                           g_strdup("give each host its own; is the file a copy?"));
    }
}

static guint
release_of_host(const NctFleetHost *host)
{
    return host->version ? nct_release_parse(host->version) : 0;
}

static void
compare_versions(GPtrArray *findings, const NctFleet *fleet)
{
    const NctFleetHost *newest = NULL;

    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);

        if (release_of_host(host) && (!newest || release_of_host(host) > release_of_host(newest)))
            newest = host;
    }
    for (guint h = 0; newest && h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);

        if (release_of_host(host) && release_of_host(host) < release_of_host(newest))
            nct_fleet_report(
                findings, fleet, NCT_CODE_FLEET_VERSIONS, host, NULL,
                g_strdup_printf("%s has Nova %s, and %s has %s", host->name, host->version,
                                newest->name, newest->version),
                g_strdup("until all have the same, [upgrade_levels] compute = auto on every host "
                         "and controller"));
    }
}

GPtrArray *
nct_fleet_findings(const NctFleet *fleet)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func((GDestroyNotify)nct_finding_free);

    for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (settings[i].kind == NCT_FLEET_OWN)
            compare_own(findings, fleet, i);
        else
            compare_setting(findings, fleet, i);
    }
    compare_versions(findings, fleet);
    nct_fleet_compare_cpus(findings, fleet);
    g_ptr_array_sort(findings, nct_finding_compare);
    return findings;
}
