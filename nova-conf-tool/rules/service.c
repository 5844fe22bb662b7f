/* NC6xx: the service around the hypervisor: messages, versions, addresses, tokens. */
#include <string.h>

#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/classify.h"

#define D "DEFAULT"

/* "1.37" */
static gboolean
is_version(const char *word)
{
    gsize major = strspn(word, "0123456789");
    gsize minor = word[major] == '.' ? strspn(word + major + 1, "0123456789") : 0;

    return major > 0 && minor > 0 && word[major + 1 + minor] == '\0';
}

static gboolean
is_level(const char *service, const char *word, guint release)
{
    for (guint i = 0; i < n_nct_levels; i++)
        if (g_str_equal(nct_text(nct_levels[i].service), service) &&
            g_str_equal(nct_text(nct_levels[i].word), word) &&
            nct_release_in(nct_levels[i].releases, release))
            return TRUE;
    return FALSE;
}

static char *
legal_levels(const char *service, guint release)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < n_nct_levels; i++)
        if (g_str_equal(nct_text(nct_levels[i].service), service) &&
            nct_release_in(nct_levels[i].releases, release))
            g_string_append_printf(text, "%s%s",
                                   text->len ? ", " : "legal: ", nct_text(nct_levels[i].word));
    g_string_append(text, text->len ? ", or a version such as 6.0" : "a version such as 1.0");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
check_levels(NctAudit *audit, const NctRule *rule)
{
    for (guint i = 0; i < audit->lines->len; i++) {
        const NctLineClass *line = &g_array_index(audit->lines, NctLineClass, i);
        const char *service = line->entry->key;
        const char *word = line->entry->value;
        g_autofree char *advice = NULL;

        if (line->what.kind != NCT_CLASS_OPTION ||
            !g_str_equal(line->entry->group, "upgrade_levels") || !line->readable || !*word ||
            is_version(word) || is_level(service, word, audit->release) || strchr(word, '$'))
            continue;
        advice = legal_levels(service, audit->release);
        nct_audit_report(
            audit, rule, line->entry, advice,
            g_str_equal(word, "auto")
                ? "[upgrade_levels] %s: only compute knows 'auto'; here it is taken for a version "
                  "number, and the first message fails"
                : "[upgrade_levels] %s: not a release that Nova's table for it has, so it is taken "
                  "for a version number, and the first message fails",
            service);
    }
}

static void
check_my_ip(NctAudit *audit, const NctRule *rule)
{
    g_autofree char *address = nct_audit_text(audit, D, "my_ip");

    if (address && (g_str_has_prefix(address, "127.") || g_str_equal(address, "::1") ||
                    g_str_equal(address, "0.0.0.0") || g_str_equal(address, "localhost")))
        nct_audit_report_option(
            audit, rule, D, "my_ip", "give this host's address on the management network",
            "my_ip = %s is no address that another host can reach; resize and cold "
            "migration copy to it",
            address);
}

static const NctRule rules[] = {
    {
        .code = "NC601",
        .name = "upgrade-level",
        .severity = NCT_SEVERITY_ERROR,
        .summary = "a word in [upgrade_levels] that Nova does not know",
        .check = check_levels,
        .explain = "A word from Nova's own table stands for an RPC version. 'auto' exists for "
                   "compute only: it takes "
                   "the version of the oldest nova-compute service. What is not in the table is "
                   "taken literally as a "
                   "version number and fails when a client is built or first used.\n\nSource: "
                   "nova/*/rpcapi.py, "
                   "VERSION_ALIASES.",
        .example_release = 33,
        .bad = "[upgrade_levels]\nconductor = auto\n",
        .good = "[upgrade_levels]\ncompute = auto\n",
    },
    {
        .code = "NC602",
        .name = "auto-level-with-api-database",
        .severity = NCT_SEVERITY_ERROR,
        .first = 19,
        .flags = NCT_RULE_COMPUTE,
        .summary = "[upgrade_levels] compute = auto with [api_database] connection: nova-compute "
                   "does not start",
        .advice = "take the database connection out of nova-compute's configuration",
        .when = { { NCT_WHEN_IS, "upgrade_levels", "compute", "auto" },
                  { NCT_WHEN_NOT_EMPTY, "api_database", "connection" } },
        .explain = "To find the oldest service Nova would look into the database, which "
                   "nova-compute must not.\n\n"
                   "Source: nova/compute/rpcapi.py, 18.2.3, 19.0.3 and later.",
        .example_release = 33,
        .bad = "[upgrade_levels]\ncompute = auto\n[api_database]\nconnection = "
               "mysql+pymysql://db/nova_api\n",
        .good = "[upgrade_levels]\ncompute = auto\n",
    },
    {
        .code = "NC603",
        .name = "no-service-token",
        .severity = NCT_SEVERITY_WARNING,
        .first = 27,
        .summary = "[service_user] is set up, but send_service_user_token is not true",
        .advice = "[service_user] send_service_user_token = true",
        .when = { { NCT_WHEN_SET, "service_user", "auth_type" },
                  { NCT_WHEN_FALSE, "service_user", "send_service_user_token" } },
        .explain = "Without the service's token a long live migration fails when the user's token "
                   "expires, and Cinder "
                   "refuses to detach volumes (CVE-2023-2088). 'nova-status upgrade check' asks "
                   "for it, too.",
        .example_release = 33,
        .bad = "[service_user]\nauth_type = password\n",
        .good = "[service_user]\nauth_type = password\nsend_service_user_token = true\n",
    },
    {
        .code = "NC604",
        .name = "my-ip-unreachable",
        .severity = NCT_SEVERITY_WARNING,
        .flags = NCT_RULE_COMPUTE,
        .summary = "my_ip that no other host can reach",
        .when = { { NCT_WHEN_SET, D, "my_ip" } },
        .check = check_my_ip,
        .explain = "my_ip is what other hosts connect to, and the default of several other "
                   "addresses. Nova warns when "
                   "it is on no interface of the host.",
        .example_release = 33,
        .bad = "[DEFAULT]\nmy_ip = 127.0.0.1\n",
        .good = "[DEFAULT]\nmy_ip = 192.0.2.11\n",
    },
};

const NctRuleTable nct_rules_service = { rules, G_N_ELEMENTS(rules) };
