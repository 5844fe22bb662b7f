#include "agent/gathering.h"

#include <unistd.h>

#include "agent/hypervisor/worker.h"
#include "agent/json/source_facts.h"
#include "agent/probe/memory.h"

#define PROC "/proc"
#define SYS  "/sys"
#define MIB  G_GINT64_CONSTANT(1048576)

#define MAX_OPEN    64
#define MAX_WAITING 64
/* libvirt's range where qemu.conf does not say another: 49152 to 49215 */
#define MIGRATION_PORTS 64
/* our calls are told from others' by it */
#define COOKIE_BIT (G_GUINT64_CONSTANT(1) << 62)

typedef enum {
    FROM_SOURCE = 1 << 0,
    FROM_HOST = 1 << 1,
    FROM_ACCEPTANCE = 1 << 2,
    FROM_STORAGE = 1 << 3,
    FROM_TLS = 1 << 4,
    FROM_GUEST = 1 << 5,
    FROM_DISKS = 1 << 6,
    FROM_PATH = 1 << 7,
    FROM_ROOM = 1 << 8,
} Part;

typedef struct {
    guint64 cookie;
    char instance_uuid[NMA_UUID_LEN + 1];
    gint64 due_boot_us, sent_wall_us;
    guint missing; /* Part bits */
    NmaFacts facts;

    /* where this host is the source: the facts that are told, and to whom */
    OmRequest *request;
    NmaSourceFacts *telling;
} Open;

struct NmaGathering {
    NmaGatheringConfig config;
    GPtrArray *open; /* of Open */
    guint64 next_cookie;
    NmaWorker *files, *net;

    GMutex mutex;
    gboolean closed; /* nothing is handed on any more */
};

/* ---- threads ---- */

static void
run_look(gpointer job, gpointer user_data)
{
    NmaGathering *gathering = user_data;

    nma_look_make(job);
    /* held, so that nothing is handed on once nma_gathering_stop has returned */
    g_mutex_lock(&gathering->mutex);
    if (gathering->closed)
        nma_look_free(job);
    else
        gathering->config.looked(job, gathering->config.user_data);
    g_mutex_unlock(&gathering->mutex);
}

static void
drop_look(gpointer job)
{
    nma_look_free(job);
}

static void
open_free(gpointer data)
{
    Open *open = data;

    if (open->request != NULL)
        om_request_fail(open->request, "AgentStopping", NMA_RPC_NAMESPACE, "the agent is stopping");
    nma_facts_release(&open->facts);
    nma_source_facts_unref(open->telling);
    g_free(open);
}

NmaGathering *
nma_gathering_new(const NmaGatheringConfig *config, GError **error)
{
    NmaGathering *gathering = g_new0(NmaGathering, 1);
    NmaWorkerConfig worker = { .name = "probe-files",
                               .max_waiting = MAX_WAITING,
                               .run = run_look,
                               .drop = drop_look,
                               .user_data = gathering };

    gathering->config = *config;
    g_mutex_init(&gathering->mutex);
    gathering->open = g_ptr_array_new_with_free_func(open_free);
    gathering->next_cookie = COOKIE_BIT;
    gathering->files = nma_worker_new(&worker, error);
    worker.name = "probe-net";
    gathering->net = gathering->files != NULL ? nma_worker_new(&worker, error) : NULL;
    if (gathering->net != NULL)
        return gathering;
    nma_gathering_stop(gathering, 1000);
    return NULL;
}

void
nma_gathering_stop(NmaGathering *gathering, gint64 deadline_ms)
{
    gint64 deadline_us = g_get_monotonic_time() + deadline_ms * 1000;
    gboolean ended = TRUE;

    if (gathering == NULL)
        return;
    g_mutex_lock(&gathering->mutex);
    gathering->closed = TRUE;
    g_mutex_unlock(&gathering->mutex);
    if (gathering->files != NULL)
        ended = nma_worker_stop(gathering->files, deadline_us);
    if (gathering->net != NULL)
        ended = nma_worker_stop(gathering->net, deadline_us) && ended;
    g_ptr_array_set_size(gathering->open, 0);
    /* else a thread that was left behind may still look at it */
    if (!ended)
        return;
    nma_worker_free(gathering->files);
    nma_worker_free(gathering->net);
    g_ptr_array_unref(gathering->open);
    g_mutex_clear(&gathering->mutex);
    g_free(gathering);
}

/* ---- what is open ---- */

static Open *
find(const NmaGathering *gathering, guint64 cookie)
{
    for (guint i = 0; i < gathering->open->len; i++)
        if (((Open *)gathering->open->pdata[i])->cookie == cookie)
            return gathering->open->pdata[i];
    return NULL;
}

static Open *
add(NmaGathering *gathering, const char *instance_uuid, gint64 wait_ms, NmaNow now)
{
    Open *open = g_new0(Open, 1);

    open->cookie = gathering->next_cookie++;
    g_strlcpy(open->instance_uuid, instance_uuid, sizeof open->instance_uuid);
    open->due_boot_us = now.boot_us + wait_ms * NMA_US_PER_MS;
    nma_facts_clear(&open->facts);
    g_ptr_array_add(gathering->open, open);
    return open;
}

/* takes the job; where it does not fit, its part stays unknown */
static void
put(NmaWorker *worker, NmaLook *look, Open *open, Part part)
{
    if (nma_worker_put(worker, look))
        open->missing |= part;
    else
        nma_look_free(look);
}

static void
inspect(NmaHypervisor *hypervisor, NmaInspection *inspection, Open *open, Part part)
{
    if (nma_hypervisor_inspect(hypervisor, inspection))
        open->missing |= part;
    else
        nma_inspection_free(inspection);
}

/* ---- the end of it ---- */

static char *
late(const NmaGathering *gathering, const char *what)
{
    return g_strdup_printf("needs %s, and had no answer within %" G_GINT64_FORMAT " ms", what,
                           gathering->config.settings->checks_deadline_ms);
}

static void
say_what_is_missing(const NmaGathering *gathering, Open *open)
{
    NmaFacts *facts = &open->facts;

    if (open->missing & FROM_SOURCE)
        facts->source_needs = late(gathering, "the source's agent");
    if (open->missing & FROM_HOST)
        facts->virt.needs = late(gathering, "libvirt's word on this host");
    if (open->missing & FROM_ACCEPTANCE)
        facts->acceptance.needs = late(gathering, "libvirt's word on the guest");
    if (open->missing & (FROM_STORAGE | FROM_ROOM) && facts->storage.needs == NULL)
        facts->storage.needs = late(gathering, "a look at instances_path");
}

static void
add_settings(const NmaSettings *settings, NmaFacts *facts)
{
    facts->memory_reserved_host_bytes = settings->reserved_host_memory_mib * MIB;
    facts->memory_ratio_permille = settings->ram_ratio_permille;
    facts->cpu_ratio_permille = settings->cpu_ratio_permille;
    facts->shared_cpus = nma_count_cpus(settings->cpu_shared_set);
    facts->dedicated_cpus = nma_count_cpus(settings->cpu_dedicated_set);
    if (facts->dedicated_cpus < 0 && facts->shared_cpus < 0)
        facts->dedicated_cpus = facts->shared_cpus = nma_count_cpus(settings->vcpu_pin_set);
    facts->disk_ratio_permille = settings->disk_ratio_permille;
    facts->disk_reserved_host_bytes = settings->reserved_host_disk_mib * MIB;
    facts->max_incoming = settings->max_incoming;
    facts->post_copy_permitted = settings->live_migration_permit_post_copy;
    facts->maintenance = access(settings->maintenance_file, F_OK) == 0;
    facts->maintenance_known = TRUE;
}

/* What changes fast is read last, so that it is of the same moment as the ledger. */
static void
add_kernel(const NmaSettings *settings, NmaFacts *facts)
{
    nma_probe_memory(PROC, facts, NULL);
    nma_probe_memory_pressure(PROC, facts);
    facts->userfaultfd = nma_probe_userfaultfd(PROC);
    if (nma_probe_huge_pages(SYS, facts, NULL))
        for (char **kept = settings->reserved_huge_pages; *kept != NULL; kept++)
            nma_facts_keep_huge_pages(facts, *kept);
}

/* What there is for who asks in numbers. */
static void
add_capacity(const NmaSettings *settings, const NmaFacts *facts, NmaCapacity *capacity)
{
    gboolean none_to_pin = facts->dedicated_cpus < 0;

    capacity->ports = MIGRATION_PORTS;
    if (facts->storage.free_bytes >= 0)
        capacity->disk_bytes = MAX(facts->storage.free_bytes - facts->disk_reserved_host_bytes, 0);
    capacity->cores_known = none_to_pin || facts->virt.guests_pinned_vcpus >= 0;
    if (capacity->cores_known && !none_to_pin) {
        capacity->cores =
            nma_read_cpus(*settings->cpu_dedicated_set != '\0' ? settings->cpu_dedicated_set
                                                               : settings->vcpu_pin_set);
        nma_cores_remove(&capacity->cores, &facts->virt.pinned);
    }
}

static void
give_facts(NmaGathering *gathering, Open *open, NmaNow now)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_FACTS);

    say_what_is_missing(gathering, open);
    add_settings(gathering->config.settings, &open->facts);
    add_kernel(gathering->config.settings, &open->facts);
    open->facts.wall_s = now.wall_us / NMA_US_PER_S;
    g_strlcpy(event->facts.instance_uuid, open->instance_uuid, sizeof event->facts.instance_uuid);
    event->facts.facts = open->facts;
    add_capacity(gathering->config.settings, &open->facts, &event->facts.capacity);
    nma_facts_clear(&open->facts); /* now the event's */
    gathering->config.facts(event, gathering->config.user_data);
}

static void
tell_facts(NmaGathering *gathering, Open *open)
{
    json_t *result;

    if (open->missing & (FROM_GUEST | FROM_DISKS))
        open->telling->guest_needs = late(gathering, "libvirt on the source");
    result = nma_source_facts_to_value(open->telling, gathering->config.settings->host,
                                       g_get_real_time());
    om_request_reply(g_steal_pointer(&open->request), result);
    json_decref(result);
}

static void
finish_if_whole(NmaGathering *gathering, Open *open, NmaNow now)
{
    if (open->missing != 0 && now.boot_us < open->due_boot_us)
        return;
    if (open->request != NULL)
        tell_facts(gathering, open);
    else
        give_facts(gathering, open, now);
    g_ptr_array_remove_fast(gathering->open, open);
}

void
nma_gathering_expire(NmaGathering *gathering, NmaNow now)
{
    for (guint i = gathering->open->len; i-- > 0;)
        finish_if_whole(gathering, gathering->open->pdata[i], now);
}

gint64
nma_gathering_next_deadline(const NmaGathering *gathering)
{
    gint64 next = NMA_NEVER;

    for (guint i = 0; i < gathering->open->len; i++)
        next = MIN(next, ((const Open *)gathering->open->pdata[i])->due_boot_us);
    return next;
}

/* ---- where this host is the destination ---- */

/* the address that Nova on the source will use: nova/virt/libvirt/driver.py, _live_migration_uri */
static const char *
own_address(const NmaSettings *settings)
{
    return *settings->live_migration_inbound_addr != '\0' ? settings->live_migration_inbound_addr
                                                          : settings->host;
}

static void
ask_source(NmaGathering *gathering, Open *open, const char *source)
{
    const NmaSettings *settings = gathering->config.settings;
    const OmTarget target = { .topic = settings->topic,
                              .server = source,
                              .rpc_namespace = NMA_RPC_NAMESPACE,
                              .version = NMA_RPC_VERSION };
    const OmCallOptions options = { .timeout_ms = settings->checks_deadline_ms };
    json_t *args;

    if (source == NULL) {
        open->facts.source_needs = g_strdup("needs the source's agent, and Nova did not say which "
                                            "host the source is");
        return;
    }
    args = nma_guest_facts_args(open->instance_uuid, settings->host, own_address(settings),
                                settings->migration_port);
    open->sent_wall_us = g_get_real_time();
    if (om_bus_call(gathering->config.bus, &target, nma_request_names()[NMA_REQUEST_GUEST_FACTS],
                    args, &options, open->cookie, NULL))
        open->missing |= FROM_SOURCE;
    else
        open->facts.source_needs = g_strdup("needs the source's agent, and the bus is away");
    json_decref(args);
}

/* source NULL: at the room alone, for who asks in numbers */
static void
look_at_storage(NmaGathering *gathering, Open *open, NmaSourceFacts *source, Part part)
{
    NmaLook *look = nma_look_new(NMA_LOOK_STORAGE, open->cookie);

    look->path = g_strdup(gathering->config.settings->instances_path);
    look->source = source != NULL ? nma_source_facts_ref(source) : NULL;
    put(gathering->files, look, open, part);
}

static void
look_at_own_certificates(NmaGathering *gathering, Open *open)
{
    NmaLook *look = nma_look_new(NMA_LOOK_TLS, open->cookie);
    const NmaSettings *settings = gathering->config.settings;

    nma_look_add_certificates(look, settings, TRUE, own_address(settings));
    put(gathering->files, look, open, FROM_TLS);
}

void
nma_gathering_begin(NmaGathering *gathering, NmaHypervisor *hypervisor, const char *instance_uuid,
                    const char *source_or_null, NmaNow now)
{
    const NmaSettings *settings = gathering->config.settings;
    NmaInspection *host;
    Open *open;

    for (guint i = 0; i < gathering->open->len; i++) {
        open = gathering->open->pdata[i];
        if (open->request == NULL && g_str_equal(open->instance_uuid, instance_uuid))
            return;
    }
    open = add(gathering, instance_uuid, settings->checks_deadline_ms, now);
    if (gathering->open->len > MAX_OPEN) {
        open->facts.source_needs = g_strdup("needs the source's agent, and too many checks are "
                                            "under way here to ask it");
        finish_if_whole(gathering, open, now);
        return;
    }
    host = nma_inspection_new(NMA_INSPECT_HOST, open->cookie);
    host->guests = *settings->cpu_dedicated_set != '\0' || *settings->vcpu_pin_set != '\0'
                       ? NMA_INSPECT_GUESTS_AND_PINS
                       : NMA_INSPECT_GUESTS;
    inspect(hypervisor, host, open, FROM_HOST);
    look_at_own_certificates(gathering, open);
    look_at_storage(gathering, open, NULL, FROM_ROOM);
    ask_source(gathering, open, source_or_null);
    finish_if_whole(gathering, open, now);
}

/* the guest is known: what has to be held against it */
static void
take_source(NmaGathering *gathering, NmaHypervisor *hypervisor, Open *open)
{
    NmaSourceFacts *source = open->facts.source;

    if (source->guest == NULL)
        return;
    if (source->guest->n_disks > 0)
        look_at_storage(gathering, open, source, FROM_STORAGE);
    NmaInspection *acceptance = nma_inspection_new(NMA_INSPECT_ACCEPTANCE, open->cookie);
    acceptance->source = nma_source_facts_ref(source);
    inspect(hypervisor, acceptance, open, FROM_ACCEPTANCE);
}

gboolean
nma_gathering_called(NmaGathering *gathering, NmaHypervisor *hypervisor, const OmCallResult *result,
                     NmaNow now)
{
    Open *open = find(gathering, result->cookie);

    if (open == NULL || !(open->missing & FROM_SOURCE))
        return (result->cookie & COOKIE_BIT) != 0;
    open->missing &= ~(guint)FROM_SOURCE;
    if (result->status == OM_CALL_OK)
        open->facts.source = nma_source_facts_from_value(
            result->result, open->sent_wall_us, open->sent_wall_us + result->round_trip_us);
    if (open->facts.source != NULL)
        take_source(gathering, hypervisor, open);
    else
        open->facts.source_needs =
            g_strdup(result->status == OM_CALL_REMOTE || result->status == OM_CALL_OK
                         ? "needs the source's agent, and the one there is older"
                         : "needs the source's agent, and there is none, or it does not answer");
    finish_if_whole(gathering, open, now);
    return TRUE;
}

/* ---- where this host is the source ---- */

void
nma_gathering_tell(NmaGathering *gathering, NmaHypervisor *hypervisor, OmRequest *om_request,
                   const NmaRequest *request, NmaNow now)
{
    const NmaSettings *settings = gathering->config.settings;
    gint64 wait_ms = settings->checks_deadline_ms / 2;
    NmaInspection *guest;
    NmaLook *look;
    Open *open;

    if (gathering->open->len >= MAX_OPEN) {
        om_request_fail(om_request, "AgentBusy", NMA_RPC_NAMESPACE,
                        "too many checks are under way");
        return;
    }
    open = add(gathering, request->instance_uuid, wait_ms, now);
    open->request = om_request;
    open->telling = nma_source_facts_new();
    open->telling->post_copy_permitted = settings->live_migration_permit_post_copy;

    guest = nma_inspection_new(NMA_INSPECT_GUEST, open->cookie);
    g_strlcpy(guest->instance_uuid, request->instance_uuid, sizeof guest->instance_uuid);
    inspect(hypervisor, guest, open, FROM_GUEST);

    look = nma_look_new(NMA_LOOK_TLS, open->cookie);
    nma_look_add_certificates(look, settings, FALSE, NULL);
    put(gathering->files, look, open, FROM_TLS);

    look = nma_look_new(NMA_LOOK_PATH, open->cookie);
    look->address = g_strdup(request->address);
    look->libvirt_port = nma_look_libvirt_port(settings);
    look->qemu_port = request->migration_port;
    look->timeout_ms = wait_ms * 2 / 3;
    put(gathering->net, look, open, FROM_PATH);
    finish_if_whole(gathering, open, now);
}

/* ---- what the threads bring ---- */

void
nma_gathering_inspected(NmaGathering *gathering, NmaInspection *inspection, NmaNow now)
{
    Open *open = find(gathering, inspection->cookie);

    if (open != NULL && inspection->kind == NMA_INSPECT_HOST) {
        open->facts.virt = inspection->virt;
        inspection->virt = (NmaVirtFacts){ 0 };
        open->missing &= ~(guint)FROM_HOST;
    } else if (open != NULL && inspection->kind == NMA_INSPECT_ACCEPTANCE) {
        open->facts.acceptance = inspection->acceptance;
        inspection->acceptance = (NmaAcceptance){ 0 };
        open->missing &= ~(guint)FROM_ACCEPTANCE;
    } else if (open != NULL) {
        open->telling->libvirt_version = inspection->virt.libvirt_version;
        open->telling->qemu_version = inspection->virt.qemu_version;
        open->telling->guest_needs = g_steal_pointer(&inspection->needs);
        open->missing &= ~(guint)FROM_GUEST;
        if (inspection->guest != NULL && inspection->guest->n_disks > 0) {
            NmaLook *look = nma_look_new(NMA_LOOK_GUEST_DISKS, open->cookie);

            look->guest = g_steal_pointer(&inspection->guest);
            put(gathering->files, look, open, FROM_DISKS);
        } else {
            open->telling->guest = g_steal_pointer(&inspection->guest);
        }
    }
    nma_inspection_free(inspection);
    if (open != NULL)
        finish_if_whole(gathering, open, now);
}

static void
take_look(Open *open, NmaLook *look)
{
    switch (look->kind) {
    case NMA_LOOK_STORAGE:
        nma_storage_facts_clear(&open->facts.storage);
        open->facts.storage = look->storage;
        look->storage = (NmaStorageFacts){ 0 };
        open->missing &= ~(guint)(look->source != NULL ? FROM_STORAGE : FROM_ROOM);
        break;
    case NMA_LOOK_GUEST_DISKS:
        open->telling->guest = g_steal_pointer(&look->guest);
        open->missing &= ~(guint)FROM_DISKS;
        break;
    case NMA_LOOK_TLS:
        *(open->request != NULL ? &open->telling->tls : &open->facts.tls) = look->tls;
        look->tls = (NmaTlsFacts){ 0 };
        open->missing &= ~(guint)FROM_TLS;
        break;
    case NMA_LOOK_PATH:
        open->telling->path = look->path_facts;
        look->path_facts = (NmaPath){ 0 };
        open->missing &= ~(guint)FROM_PATH;
        break;
    }
}

void
nma_gathering_looked(NmaGathering *gathering, NmaLook *look, NmaNow now)
{
    Open *open = find(gathering, look->cookie);

    if (open != NULL)
        take_look(open, look);
    nma_look_free(look);
    if (open != NULL)
        finish_if_whole(gathering, open, now);
}
