/* NC7xx: hosts against each other, and each host's settings against its processor. */
#include <string.h>

#include "nova-conf-tool/fleet_internal.h"
#include "nova-conf-tool/rules/cpu_models.h"

#define MAX_NAMED 8u
#define MAX_KINDS 64u

/* ---- processors ---- */

static gboolean
is_custom(const NctFleetHost *host)
{
    return g_strcmp0(host->cpu_mode, "custom") == 0;
}

/* unset means host-model with kvm and qemu */
static gboolean
follows_host(const NctFleetHost *host)
{
    return !host->cpu_mode || g_str_equal(host->cpu_mode, "host-model") ||
           g_str_equal(host->cpu_mode, "host-passthrough");
}

static int
by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* the words of a set in order; they stay the set's */
static GPtrArray *
sorted_words(GHashTable *set)
{
    GPtrArray *words = g_ptr_array_new();
    GHashTableIter iter;
    gpointer word;

    g_hash_table_iter_init(&iter, set);
    while (g_hash_table_iter_next(&iter, &word, NULL))
        g_ptr_array_add(words, word);
    g_ptr_array_sort(words, by_text);
    return words;
}

/* "a, b, c and 5 more" of a set; newly allocated, NULL if it is empty */
static char *
words_of(GHashTable *set)
{
    g_autoptr(GPtrArray) words = sorted_words(set);
    g_autoptr(GString) text = g_string_new(NULL);

    if (words->len == 0)
        return NULL;
    for (guint i = 0; i < words->len && i < MAX_NAMED; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               (const char *)g_ptr_array_index(words, i));
    if (words->len > MAX_NAMED)
        g_string_append_printf(text, " and %u more", words->len - MAX_NAMED);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
append_set(GString *text, GHashTable *set)
{
    g_autoptr(GPtrArray) words = sorted_words(set);

    for (guint i = 0; i < words->len; i++)
        g_string_append_printf(text, "%s ", (const char *)g_ptr_array_index(words, i));
    g_string_append_c(text, '\n');
}

/* One host of each kind of processor that guests follow: a large fleet has few kinds. */
static GPtrArray *
kinds_of_hosts(const NctFleet *fleet)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *kinds = g_ptr_array_new();

    for (guint h = 0; h < fleet->hosts->len && kinds->len < MAX_KINDS; h++) {
        NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);
        g_autoptr(GString) text = g_string_new(host->cpu->host_model);

        if (!follows_host(host))
            continue;
        g_string_append_c(text, '\n');
        append_set(text, host->cpu->models);
        append_set(text, host->cpu->features);
        append_set(text, host->cpu->flags);
        if (g_hash_table_add(seen, g_string_free(g_steal_pointer(&text), FALSE)))
            g_ptr_array_add(kinds, host);
    }
    return kinds;
}

/* what the one has and the other lacks; points into the first */
static void
add_missing(GHashTable *missing, GHashTable *has, GHashTable *lacks)
{
    GHashTableIter iter;
    gpointer word;

    g_hash_table_iter_init(&iter, has);
    while (g_hash_table_iter_next(&iter, &word, NULL))
        if (!g_hash_table_contains(lacks, word))
            g_hash_table_add(missing, word);
}

/* libvirt may tell a model by another case than Nova is told it */
static gboolean
can_run(const NctCpuFacts *facts, const char *model)
{
    GHashTableIter iter;
    gpointer word;

    if (g_hash_table_contains(facts->models, model))
        return TRUE;
    g_hash_table_iter_init(&iter, facts->models);
    while (g_hash_table_iter_next(&iter, &word, NULL))
        if (g_ascii_strcasecmp(word, model) == 0)
            return TRUE;
    return FALSE;
}

static void
check_configured_models(GPtrArray *findings, const NctFleet *fleet, const NctFleetHost *host)
{
    const NctFleetValue *place =
        nct_fleet_value(fleet, host, "libvirt", fleet->release >= 20 ? "cpu_models" : "cpu_model");

    for (char **model = host->cpu_models; is_custom(host) && host->cpu->has_models && *model;
         model++)
        if (!can_run(host->cpu, *model))
            nct_fleet_report(
                findings, fleet, NCT_CODE_FLEET_UNUSABLE, host, place,
                g_strdup_printf("%s cannot run guests with the CPU model %s, says its own "
                                "domcapabilities.xml",
                                host->name, *model),
                g_strdup("NC707 names a model that all hosts can run"));
}

/* guests of which other hosts could not come to this one, and why */
static void
check_arrivals(GPtrArray *findings, const NctFleet *fleet, const NctFleetHost *host,
               const GPtrArray *kinds)
{
    g_autoptr(GHashTable) missing = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) models = g_hash_table_new(g_str_hash, g_str_equal);
    const NctFleetHost *first = NULL;
    g_autofree char *flags = NULL;
    g_autofree char *names = NULL;

    for (guint i = 0; i < kinds->len; i++) {
        const NctFleetHost *other = g_ptr_array_index(kinds, i);
        guint before = g_hash_table_size(missing) + g_hash_table_size(models);

        if (other->cpu->has_flags && host->cpu->has_flags)
            add_missing(missing, other->cpu->flags, host->cpu->flags);
        /*
         * A model that one host can run and another cannot has something that only the one has.
         * host-model's own model proves less: it may lack features of its name.
         */
        if (other->cpu->has_models && host->cpu->has_models)
            add_missing(models, other->cpu->models, host->cpu->models);
        if (other->cpu->host_model && g_strcmp0(other->cpu->host_model, host->cpu->host_model) == 0)
            add_missing(missing, other->cpu->features, host->cpu->features);
        if (!first && g_hash_table_size(missing) + g_hash_table_size(models) > before)
            first = other;
    }
    if (!first)
        return;
    flags = words_of(missing);
    names = words_of(models);
    nct_fleet_report(
        findings, fleet, NCT_CODE_FLEET_CPUS, host,
        nct_fleet_value(fleet, host, "libvirt", "cpu_mode"),
        g_strdup_printf("guests started on %s with cpu_mode = %s may not be able to come to %s: it "
                        "lacks %s%s%s%s",
                        first->name, first->cpu_mode ? first->cpu_mode : "host-model", host->name,
                        flags ? flags : "", flags && names ? "; and it " : "",
                        names ? (flags ? "cannot run " : "what these models need: ") : "",
                        names ? names : ""),
        g_strdup("one cpu_mode = custom with a model that all can run (NC707), or an aggregate for "
                 "each kind of host"));
}

/* how many hosts cannot run a model; *last is set to the last of them */
static guint
count_unable(const NctFleet *fleet, const NctCpuModel *model, const NctFleetHost **last)
{
    guint n = 0;

    for (guint h = 0; h < fleet->hosts->len && n < 2; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);

        if (host->cpu->has_models && !can_run(host->cpu, model->name)) {
            *last = host;
            n++;
        }
    }
    return n;
}

/*
 * The newest model that all hosts can run; those of the past do not count. *costs is set to
 * "; without H it would be M" for hosts that alone hold the others back.
 */
static const NctCpuModel *
newest_common(const NctFleet *fleet, gboolean name_costs, char **costs)
{
    g_autoptr(GHashTable) named = g_hash_table_new(NULL, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    const NctCpuModel *common = NULL;

    for (guint i = nct_cpu_n_models(); !common && i-- > 0;) {
        const NctCpuModel *model = nct_cpu_model_at(i);
        const NctFleetHost *last = NULL;
        guint n = model->traits & NCT_CPU_LEGACY ? 2 : count_unable(fleet, model, &last);

        if (n == 0)
            common = model;
        else if (n == 1 && name_costs && g_hash_table_size(named) < MAX_NAMED &&
                 g_hash_table_add(named, (gpointer)last))
            g_string_append_printf(text, "; without %s it would be %s", last->name, model->name);
    }
    *costs = g_string_free(g_steal_pointer(&text), FALSE);
    return common;
}

static gboolean
all_have(const NctFleet *fleet, const char *model)
{
    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);

        if (!is_custom(host) || !host->cpu_models[0] ||
            g_ascii_strcasecmp(host->cpu_models[0], model) != 0)
            return FALSE;
    }
    return TRUE;
}

static void
propose_model(GPtrArray *findings, const NctFleet *fleet, guint n_known)
{
    const NctFleetHost *first = g_ptr_array_index(fleet->hosts, 0);
    g_autofree char *costs = NULL;
    const NctCpuModel *common = newest_common(fleet, fleet->hosts->len > 2, &costs);

    if (!common)
        nct_fleet_report(
            findings, fleet, NCT_CODE_FLEET_MODEL, first, NULL,
            g_strdup_printf("there is no CPU model that all of these %u hosts can run%s", n_known,
                            costs),
            g_strdup("make an aggregate for each kind of host"));
    else if (!all_have(fleet, common->name))
        nct_fleet_report(
            findings, fleet, NCT_CODE_FLEET_MODEL, first, NULL,
            g_strdup_printf("the newest CPU model that all of these %u hosts can run is %s%s",
                            n_known, common->name, costs),
            g_strdup_printf("[libvirt] cpu_mode = custom, %s = %s",
                            fleet->release >= 20 ? "cpu_models" : "cpu_model", common->name));
}

void
nct_fleet_compare_cpus(GPtrArray *findings, const NctFleet *fleet)
{
    g_autoptr(GPtrArray) kinds = kinds_of_hosts(fleet);
    guint n_models = 0;
    guint n_any = 0;

    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);

        n_models += host->cpu->has_models;
        n_any += host->cpu->has_models || host->cpu->has_flags;
        check_configured_models(findings, fleet, host);
        check_arrivals(findings, fleet, host, kinds);
    }
    if (n_models > 1)
        propose_model(findings, fleet, n_models);
    if (fleet->hosts->len < 2 || n_any == fleet->hosts->len)
        return;
    for (guint h = 0; h < fleet->hosts->len; h++) {
        const NctFleetHost *host = g_ptr_array_index(fleet->hosts, h);

        if (host->cpu->has_models || host->cpu->has_flags)
            continue;
        nct_fleet_report(
            findings, fleet, NCT_CODE_FLEET_NO_FACTS, host, NULL,
            n_any == 0 ? g_strdup("nothing is known of these hosts' processors, so they are not "
                                  "compared")
                       : g_strdup_printf("nothing is known of the processor of %s", host->name),
            g_strdup(
                "collect 'virsh domcapabilities' as domcapabilities.xml into the host's tree"));
        if (n_any == 0)
            return;
    }
}

/* ---- the table ---- */

#define FLEET .flags = NCT_RULE_COMPUTE | NCT_RULE_FLEET
#define AGGREGATE                                                                                  \
    "\n\nGive the trees of the hosts that guests are moved between (an aggregate, a cell). What "  \
    "most of them have counts as meant."

static const NctRule rules[] = {
    {
        .code = NCT_CODE_FLEET_DIFFERS,
        .name = "fleet-differs",
        .severity = NCT_SEVERITY_WARNING,
        FLEET,
        .summary = "a setting that differs between hosts and should not",
        .explain =
            "A live migration takes what the source says (URI, scheme, TLS, the guest's processor, "
            "the paths of its files) to a destination that must be made for it. Where the two "
            "differ, it fails late, after volumes and ports have been prepared, or only in one "
            "direction." AGGREGATE "\n\nSource: nova/virt/libvirt/driver.py, "
            "check_can_live_migrate_destination, _live_migration_operation.",
    },
    {
        .code = NCT_CODE_FLEET_POLICY,
        .name = "fleet-policy-differs",
        .severity = NCT_SEVERITY_INFO,
        FLEET,
        .summary = "how a guest is moved depends on where it comes from",
        .explain = "Timeouts, the permitted downtime, post-copy and the like are those of the "
                   "source. A guest that moves one way is treated otherwise on its way back, which "
                   "makes migrations hard to predict." AGGREGATE,
    },
    {
        .code = NCT_CODE_FLEET_SAME,
        .name = "fleet-not-its-own",
        .severity = NCT_SEVERITY_WARNING,
        FLEET,
        .summary = "two hosts with the same name or address",
        .explain = "[DEFAULT] host is the name of a compute service and of its queue: with two of "
                   "a name each takes a part of the other's messages. live_migration_inbound_addr "
                   "and my_ip are where others connect to. Mostly a file that was copied from "
                   "host to host.",
    },
    {
        .code = NCT_CODE_FLEET_VERSIONS,
        .name = "fleet-versions",
        .severity = NCT_SEVERITY_INFO,
        FLEET,
        .summary = "hosts with different releases of Nova",
        .explain = "Seen from what is installed in the trees (nova-VERSION.dist-info or .egg-info "
                   "where distributions, Kolla and OpenStack-Ansible put it). Normal in the middle "
                   "of an upgrade; [upgrade_levels] compute must then hold the RPC at what the "
                   "oldest understands.",
    },
    {
        .code = NCT_CODE_FLEET_UNUSABLE,
        .name = "model-unusable-here",
        .severity = NCT_SEVERITY_WARNING,
        FLEET,
        .summary = "a configured CPU model that the host itself says it cannot run",
        .explain =
            "Compares [libvirt] cpu_models with the models that DIR/domcapabilities.xml "
            "(collected with 'virsh domcapabilities') calls usable. From Train (20) on "
            "nova-compute compares at its start, too, and may refuse to.\n\nSource: libvirt, "
            "docs/formatdomaincaps.rst, the attribute 'usable' of a model.",
    },
    {
        .code = NCT_CODE_FLEET_CPUS,
        .name = "processors-differ",
        .severity = NCT_SEVERITY_WARNING,
        FLEET,
        .summary = "guests of other hosts may have a processor that this host cannot give them",
        .explain = "host-model and host-passthrough (and cpu_mode unset) give a guest what its "
                   "first host has, for as long as it runs. A host that lacks any of it refuses "
                   "the guest.\n\nCompared are the models and features of DIR/domcapabilities.xml "
                   "('virsh domcapabilities') and the flags in DIR/proc/cpuinfo. That a flag is "
                   "there does not prove that QEMU hands it to guests: 'may' in the message means "
                   "it.",
    },
    {
        .code = NCT_CODE_FLEET_MODEL,
        .name = "common-model",
        .severity = NCT_SEVERITY_INFO,
        FLEET,
        .summary = "the newest CPU model that all hosts can run",
        .explain = "The newest named model that every DIR/domcapabilities.xml calls usable, "
                   "models of the past left aside, and what the fleet would gain without a single "
                   "host that holds it back.\n\nA named model loses what is newer than itself: "
                   "measure what the guests do with it. 'virsh hypervisor-cpu-baseline' over the "
                   "same files also counts single flags, which cpu_model_extra_flags can name.\n\n"
                   "A change reaches a running guest only when it is stopped and started again.",
    },
    {
        .code = NCT_CODE_FLEET_NO_FACTS,
        .name = "no-processor-facts",
        .severity = NCT_SEVERITY_INFO,
        FLEET,
        .summary = "trees without what the comparison of processors needs",
        .explain = "On each host: virsh domcapabilities > domcapabilities.xml, and a copy of "
                   "/proc/cpuinfo as proc/cpuinfo; both into the host's tree beside etc.",
    },
};

const NctRuleTable nct_rules_fleet = { rules, G_N_ELEMENTS(rules) };
