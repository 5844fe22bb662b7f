#include "agent/agent_private.h"

#include "agent/json/config_audit.h"
#include "agent/json/history.h"
#include "agent/store/history.h"

#define HISTORY_LIMIT 20 /* migrations told, unless asked for more */

static json_t *
refuse(GError **error, const char *text)
{
    g_set_error_literal(error, NMA_SETTINGS_ERROR, NMA_SETTINGS_ERROR_INVALID, text);
    return NULL;
}

static json_t *
tell_status(NmaAgent *agent, G_GNUC_UNUSED const json_t *args, G_GNUC_UNUSED GError **error)
{
    NmaStatus status;

    nma_agent_fill_status(agent, &status);
    json_t *result = nma_status_to_json(&status);
    nma_hypervisor_status_clear(&status.libvirt);
    return result;
}

static json_t *
set_log_level(G_GNUC_UNUSED NmaAgent *agent, const json_t *args, GError **error)
{
    const char *level = json_string_value(json_object_get(args, "level"));

    if (level != NULL && !nma_log_set_level(level))
        return refuse(error, "no such level: use debug, info, warning or error");
    return json_pack("{s:s}", "level", nma_log_get_level());
}

static json_t *
tell_history(NmaAgent *agent, const json_t *args, GError **error)
{
    g_autoptr(GPtrArray) outcomes = NULL;
    const json_t *wanted = json_object_get(args, "limit");
    json_int_t limit = json_is_integer(wanted) ? json_integer_value(wanted) : HISTORY_LIMIT;
    guint skipped;

    if (!nma_history_load(agent->store, &outcomes, &skipped, error))
        return NULL;
    return nma_history_to_json(agent->settings->host, nma_host_experiences(agent->host), outcomes,
                               (guint)CLAMP(limit, 0, NMA_HISTORY_MAX_ROWS));
}

static json_t *
tell_audit(NmaAgent *agent, G_GNUC_UNUSED const json_t *args, GError **error)
{
    const NmaAudit *audit = nma_auditing_newest(agent->auditing);

    if (audit != NULL)
        return nma_result_audit(audit, agent->settings->host, TRUE);
    return refuse(error, agent->settings->audit_enabled ? "nova.conf has not been read yet"
                                                        : "[audit] enabled is off");
}

static const struct {
    const char *name;
    json_t *(*serve)(NmaAgent *agent, const json_t *args, GError **error);
} commands[] = {
    { "status", tell_status },
    { "log-level", set_log_level },
    { "history", tell_history },
    { "audit", tell_audit },
};

json_t *
nma_agent_control(const char *command, const json_t *args, gpointer user_data, GError **error)
{
    g_autoptr(GString) known = g_string_new("unknown command; there are:");

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(command, commands[i].name))
            return commands[i].serve(user_data, args, error);
        g_string_append_printf(known, "%s %s", i > 0 ? "," : "", commands[i].name);
    }
    return refuse(error, known->str);
}
