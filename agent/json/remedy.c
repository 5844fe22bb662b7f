#include "agent/json/remedy.h"

#include <stdlib.h>

#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

#define KIND "remedy"

char *
nma_remedy_to_json(const NmaRemedyReport *report, const char *host)
{
    const NmaRemedyOrder *order = &report->order;
    g_autofree char *command = nma_remedy_command(report);
    g_autofree char *said = nma_remedy_sentence(report);
    g_autofree char *name = nma_clean_text(host, NMA_TEXT_MAX_BYTES);
    g_autofree char *clean_said = nma_clean_text(said, NMA_TEXT_MAX_BYTES);
    g_autofree char *refusal = nma_clean_text(report->refusal, NMA_TEXT_MAX_BYTES);
    g_autofree char *why = nma_clean_text(report->text, NMA_TEXT_MAX_BYTES);
    json_t *value = json_object();

    json_object_set_new(value, "schema_version", json_string(NMA_REMEDY_SCHEMA_VERSION));
    nma_identity_to_object(&report->identity, value);
    json_object_set_new(value, "host", nma_json_text(name));
    json_object_set_new(value, "role", json_string(nma_role_to_string(NMA_ROLE_SOURCE)));
    json_object_set_new(value, "attempt_id", json_string(report->attempt_id));
    json_object_set_new(value, "kind", json_string(KIND));
    json_object_set_new(value, "outcome", json_string(nma_remedy_kind_to_string(report->kind)));
    json_object_set_new(value, "occurred_at", nma_json_time(report->occurred_wall_us));
    json_object_set_new(value, "iteration", nma_json_integer(report->iteration));
    json_object_set_new(value, "policy", json_string(report->policy));
    json_object_set_new(value, "remedy", json_string(nma_remedy_to_string(order->remedy)));
    json_object_set_new(value, "reason", nma_json_text(nma_remedy_reason_to_string(order->reason)));
    json_object_set_new(value, "value", nma_json_integer(order->value));
    json_object_set_new(value, "before", nma_json_integer(report->before));
    json_object_set_new(value, "after", nma_json_integer(report->after));
    json_object_set_new(value, "expected_ms", nma_json_integer(order->expected_ms));
    json_object_set_new(value, "cap_ms", nma_json_integer(order->cap_ms));
    json_object_set_new(value, "way", json_string(nma_remedy_way_to_string(report->way)));
    json_object_set_new(value, "command", nma_json_text(command));
    json_object_set_new(value, "said", nma_json_text(clean_said));
    json_object_set_new(value, "refused_for",
                        report->refused_for == NMA_REASON_NONE
                            ? json_null()
                            : json_string(nma_reason_to_string(report->refused_for)));
    json_object_set_new(value, "refusal", nma_json_text(refusal));
    json_object_set_new(value, "text", nma_json_text(why));
    return nma_json_to_text(value);
}

gboolean
nma_remedy_is(const json_t *payload)
{
    return g_strcmp0(json_string_value(json_object_get(payload, "kind")), KIND) == 0;
}

gboolean
nma_remedy_read(const json_t *payload, char instance_uuid[NMA_UUID_LEN + 1],
                char attempt_id[NMA_UUID_LEN + 1], char **said)
{
    if (!nma_json_get_uuid(payload, "instance_uuid", instance_uuid) ||
        !nma_json_get_uuid(payload, "attempt_id", attempt_id))
        return FALSE;
    *said = nma_json_dup_text(payload, "said", NMA_TEXT_MAX_BYTES);
    return *said != NULL;
}
