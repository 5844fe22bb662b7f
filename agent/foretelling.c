#include "agent/foretelling.h"

#include <string.h>

#include "agent/agent_private.h"
#include "agent/json/outlook.h"
#include "agent/json/requests.h"
#include "agent/probe/link.h"
#include "agent/probe/memory.h"

#define PROC "/proc"
#define SYS  "/sys"
/* a measurement is good for so long before the question, and as long as the question goes on */
#define FRESH_US     (60 * NMA_US_PER_S)
#define FORGOTTEN_US (3600 * NMA_US_PER_S)
#define PATIENCE_US  (3600 * NMA_US_PER_S)
#define MAX_WAITING  32
#define MAX_GUESTS   4096
#define MIB          (1024 * 1024)

typedef struct {
    NmaMeasurement measurement;
    gint64 boot_us, wall_us;
} Measured;

/* a caller over RPC */
typedef struct {
    OmRequest *request;
    char *instance_uuid, *destination;
    gint64 since_boot_us;
    gboolean list_only;
} Waiting;

struct NmaForetelling {
    NmaHost *host;
    NmaHypervisor *hypervisor;
    const NmaSettings *settings;
    GHashTable *measured; /* uuid -> Measured */
    GPtrArray *domains;   /* of char *: active ones, NULL before they were listed */
    char *domains_text;   /* why they could not be listed */
    gint64 domains_boot_us;
    GPtrArray *waiting;
};

static void
measured_free(gpointer data)
{
    Measured *measured = data;

    nma_measurement_clear(&measured->measurement);
    g_free(measured);
}

static void
waiting_free(gpointer data)
{
    Waiting *waiting = data;

    if (waiting->request != NULL)
        om_request_fail(waiting->request, "AgentStopping", NMA_RPC_NAMESPACE,
                        "the agent is stopping");
    g_free(waiting->instance_uuid);
    g_free(waiting->destination);
    g_free(waiting);
}

NmaForetelling *
nma_foretelling_new(NmaHost *host, NmaHypervisor *hypervisor, const NmaSettings *settings)
{
    NmaForetelling *foretelling = g_new0(NmaForetelling, 1);

    foretelling->host = host;
    foretelling->hypervisor = hypervisor;
    foretelling->settings = settings;
    foretelling->measured = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, measured_free);
    foretelling->waiting = g_ptr_array_new_with_free_func(waiting_free);
    return foretelling;
}

void
nma_foretelling_free(NmaForetelling *foretelling)
{
    if (foretelling == NULL)
        return;
    g_ptr_array_unref(foretelling->waiting);
    g_hash_table_unref(foretelling->measured);
    g_clear_pointer(&foretelling->domains, g_ptr_array_unref);
    g_free(foretelling->domains_text);
    g_free(foretelling);
}

/* ---- one guest ---- */

static json_t *
judge(NmaForetelling *foretelling, const Measured *measured, const char *destination, NmaNow now)
{
    const NmaSettings *settings = foretelling->settings;
    const NmaMeasurement *measurement = &measured->measurement;
    NmaExperience learnt;
    NmaOutlook outlook;
    NmaOutlookTerms terms = {
        .limits = nma_agent_limits(settings),
        .downtime_steps = MAX(settings->live_migration_downtime_steps, 3),
        .downtime_delay_s = MAX(settings->live_migration_downtime_delay_s, 3),
        .configured_bytes_s = settings->live_migration_bandwidth_mib_s * MIB,
        .link_bytes_s = nma_probe_link_bytes_s(PROC, SYS),
        .learnt = &learnt,
    };

    if (measurement->text != NULL)
        return nma_outlook_to_value(measurement->instance_uuid, NULL, measured->wall_us,
                                    measurement->text);
    nma_experiences_get(nma_host_experiences(foretelling->host), destination, &learnt);
    nma_outlook_judge(measurement, &terms, &outlook);
    if (destination != NULL) {
        NmaPrediction prediction = nma_outlook_prediction(&outlook);

        nma_host_note_prediction(foretelling->host, measurement->instance_uuid, destination,
                                 &prediction, now);
    }
    return nma_outlook_to_value(measurement->instance_uuid, &outlook, measured->wall_us, NULL);
}

typedef struct {
    const char *instance_uuid;
    gboolean found;
} Search;

static void
find_migration(const NmaMigration *migration, gpointer user_data)
{
    Search *search = user_data;

    search->found |=
        g_ascii_strcasecmp(migration->identity.instance_uuid, search->instance_uuid) == 0;
}

static gboolean
is_migrating(const NmaForetelling *foretelling, const char *instance_uuid)
{
    Search search = { instance_uuid, FALSE };

    nma_host_foreach_migration(foretelling->host, find_migration, &search);
    return search.found;
}

/* NULL: it is being measured */
static json_t *
tell_one(NmaForetelling *foretelling, const char *instance_uuid, const char *destination,
         gint64 since_boot_us, NmaNow now)
{
    const Measured *measured = g_hash_table_lookup(foretelling->measured, instance_uuid);

    if (measured != NULL && measured->boot_us >= since_boot_us - FRESH_US)
        return judge(foretelling, measured, destination, now);
    if (is_migrating(foretelling, instance_uuid))
        return nma_outlook_to_value(instance_uuid, NULL, NMA_UNKNOWN,
                                    "a migration of it is open: see its live_migration.forecast");
    /* asked again, it is still one measurement */
    nma_hypervisor_measure(foretelling->hypervisor, instance_uuid);
    return NULL;
}

/* ---- all guests ---- */

static gboolean
have_domains(NmaForetelling *foretelling, gint64 since_boot_us)
{
    if (foretelling->domains != NULL && foretelling->domains_boot_us >= since_boot_us)
        return TRUE;
    nma_hypervisor_list(foretelling->hypervisor);
    return FALSE;
}

/* Array of what is known, and how many are not yet measured; NULL while even that is not known. */
static json_t *
tell(NmaForetelling *foretelling, const NmaForetellingQuery *query, gint64 since_boot_us,
     NmaNow now, guint *pending)
{
    json_t *forecasts = json_array();
    guint n = 1;

    *pending = 1;
    if (query->instance_uuid == NULL) {
        if (!have_domains(foretelling, since_boot_us))
            return forecasts;
        n = foretelling->domains->len;
    }
    *pending = 0;
    for (guint i = 0; i < n; i++) {
        const char *instance_uuid = query->instance_uuid != NULL
                                        ? query->instance_uuid
                                        : g_ptr_array_index(foretelling->domains, i);
        json_t *one = tell_one(foretelling, instance_uuid, query->destination, since_boot_us, now);

        if (one != NULL)
            json_array_append_new(forecasts, one);
        else
            ++*pending;
    }
    return forecasts;
}

static json_t *
whole(const NmaForetellingQuery *query, json_t *forecasts)
{
    return json_pack("{s:s?, s:o}", "destination", query->destination, "forecasts", forecasts);
}

json_t *
nma_foretelling_ask(NmaForetelling *foretelling, const NmaForetellingQuery *query, gint64 since_ms,
                    NmaNow now, GError **error)
{
    gint64 since_boot_us = now.boot_us;
    json_t *forecasts, *answer;
    guint pending;

    if (since_ms >= 0)
        since_boot_us = MIN(since_ms, now.boot_us / NMA_US_PER_MS) * NMA_US_PER_MS;
    forecasts = tell(foretelling, query, since_boot_us, now, &pending);
    if (pending > 0 && foretelling->domains_text != NULL && query->instance_uuid == NULL &&
        foretelling->domains_boot_us >= since_boot_us) {
        g_set_error(error, NMA_HYPERVISOR_ERROR, NMA_HYPERVISOR_ERROR_LIBVIRT, "%s",
                    foretelling->domains_text);
        json_decref(forecasts);
        return NULL;
    }
    answer = whole(query, forecasts);
    json_object_set_new(answer, "pending", json_integer(pending));
    json_object_set_new(answer, "since_ms", json_integer(since_boot_us / NMA_US_PER_MS));
    return answer;
}

/* ---- callers over RPC ---- */

static json_t *
tell_list(NmaForetelling *foretelling, gint64 since_boot_us)
{
    json_t *uuids;

    if (!have_domains(foretelling, since_boot_us))
        return NULL;
    uuids = json_array();
    for (guint i = 0; i < foretelling->domains->len; i++)
        json_array_append_new(uuids, json_string(g_ptr_array_index(foretelling->domains, i)));
    return json_pack("{s:i, s:o}", "guests", (int)foretelling->domains->len, "instances", uuids);
}

/* TRUE: it is answered */
static gboolean
try_answer(NmaForetelling *foretelling, Waiting *waiting, NmaNow now)
{
    const NmaForetellingQuery query = { waiting->instance_uuid, waiting->destination };
    json_t *result = NULL;
    guint pending;

    if (waiting->list_only) {
        result = tell_list(foretelling, waiting->since_boot_us);
    } else {
        result = whole(&query, tell(foretelling, &query, waiting->since_boot_us, now, &pending));
        if (pending > 0)
            g_clear_pointer(&result, json_decref);
    }
    if (result != NULL)
        om_request_reply(g_steal_pointer(&waiting->request), result);
    else if (foretelling->domains_text != NULL && waiting->instance_uuid == NULL &&
             foretelling->domains_boot_us >= waiting->since_boot_us)
        om_request_fail(g_steal_pointer(&waiting->request), "NotListed", NMA_RPC_NAMESPACE,
                        foretelling->domains_text);
    json_decref(result);
    return waiting->request == NULL;
}

static void
wait_for(NmaForetelling *foretelling, OmRequest *request, const NmaForetellingQuery *query,
         gboolean list_only, NmaNow now)
{
    Waiting *waiting;

    if (foretelling->waiting->len >= MAX_WAITING) {
        om_request_fail(request, "AgentBusy", NMA_RPC_NAMESPACE, "too many forecasts are awaited");
        return;
    }
    waiting = g_new0(Waiting, 1);
    waiting->request = request;
    waiting->instance_uuid = g_strdup(query->instance_uuid);
    waiting->destination = g_strdup(query->destination);
    waiting->since_boot_us = now.boot_us;
    waiting->list_only = list_only;
    if (try_answer(foretelling, waiting, now))
        waiting_free(waiting);
    else
        g_ptr_array_add(foretelling->waiting, waiting);
}

void
nma_foretelling_answer_later(NmaForetelling *foretelling, OmRequest *request,
                             const NmaForetellingQuery *query, NmaNow now)
{
    wait_for(foretelling, request, query, FALSE, now);
}

void
nma_foretelling_list_later(NmaForetelling *foretelling, OmRequest *request, NmaNow now)
{
    const NmaForetellingQuery all = { NULL, NULL };

    wait_for(foretelling, request, &all, TRUE, now);
}

/* ---- what libvirt said ---- */

static gboolean
is_forgotten(gpointer key, gpointer value, gpointer user_data)
{
    const NmaNow *now = user_data;

    return ((Measured *)value)->boot_us < now->boot_us - FORGOTTEN_US;
}

static void
take_measurement(NmaForetelling *foretelling, const NmaMeasurement *measurement, NmaNow now)
{
    Measured *measured = g_new0(Measured, 1);

    measured->measurement = *measurement;
    measured->measurement.text = g_strdup(measurement->text);
    if (measurement->text == NULL)
        measured->measurement.resident_bytes =
            nma_probe_guest_memory_bytes(PROC, measurement->instance_uuid);
    measured->boot_us = now.boot_us;
    measured->wall_us = now.wall_us;
    g_hash_table_foreach_remove(foretelling->measured, is_forgotten, &now);
    g_hash_table_replace(foretelling->measured, g_strdup(measurement->instance_uuid), measured);
}

static void
take_domains(NmaForetelling *foretelling, const NmaEvent *event, NmaNow now)
{
    foretelling->domains_boot_us = now.boot_us;
    g_clear_pointer(&foretelling->domains, g_ptr_array_unref);
    g_free(foretelling->domains_text);
    foretelling->domains_text = g_strdup(event->domains.text);
    if (event->domains.text != NULL)
        return;
    foretelling->domains = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < event->domains.uuids->len && i < MAX_GUESTS; i++)
        g_ptr_array_add(foretelling->domains, g_strdup(g_ptr_array_index(event->domains.uuids, i)));
}

void
nma_foretelling_take(NmaForetelling *foretelling, const NmaEvent *event, NmaNow now)
{
    if (event->type == NMA_EVENT_MEASURED)
        take_measurement(foretelling, &event->measured, now);
    else
        take_domains(foretelling, event, now);
    nma_foretelling_look(foretelling, now);
}

void
nma_foretelling_look(NmaForetelling *foretelling, NmaNow now)
{
    for (guint i = foretelling->waiting->len; i > 0; i--) {
        Waiting *waiting = g_ptr_array_index(foretelling->waiting, i - 1);

        if (!try_answer(foretelling, waiting, now) &&
            now.boot_us - waiting->since_boot_us > PATIENCE_US)
            om_request_fail(g_steal_pointer(&waiting->request), "NotMeasured", NMA_RPC_NAMESPACE,
                            "not all guests could be measured in an hour");
        if (waiting->request == NULL)
            g_ptr_array_remove_index(foretelling->waiting, i - 1);
    }
}
