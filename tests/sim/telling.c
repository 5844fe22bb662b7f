#include "tests/sim/telling.h"

#define READ_EVERY_S 1.0
#define LATE_US      4000 /* from an event to the reading that it causes */
#define CLEAN_UP_US  200000
#define BETWEEN_US   (60 * NMA_US_PER_S)
#define WALL_AT_BOOT (G_GINT64_CONSTANT(1795000000) * NMA_US_PER_S)

static char *
counted_attempt_id(void)
{
    static guint n;

    return g_strdup_printf("00000000-0000-4000-8000-%012u", ++n);
}

void
telling_begin(Telling *telling, const NmaConvergenceLimits *limits)
{
    const NmaHostConfig config = {
        .host = "here",
        .progress_interval_us = NMA_US_PER_S,
        .conductor_interval_us = 30 * NMA_US_PER_S,
        .max_open = 10,
        .limits = *limits,
        .new_attempt_id = counted_attempt_id,
    };

    *telling = (Telling){
        .host = nma_host_new(&config),
        .effects = nma_effects_new(),
        .begun_boot_us = 1000 * NMA_US_PER_S,
    };
}

void
telling_end(Telling *telling)
{
    nma_host_free(telling->host);
    g_ptr_array_unref(telling->effects);
}

static void
tell(Telling *telling, NmaEvent *event, gint64 at_us)
{
    NmaNow now = { telling->begun_boot_us + at_us, WALL_AT_BOOT + telling->begun_boot_us + at_us };

    event->seen_boot_us = now.boot_us;
    event->seen_wall_us = now.wall_us;
    if (telling->each != NULL)
        telling->each(event, telling->user_data);
    nma_host_step(telling->host, event, now, telling->effects);
    nma_event_free(event);
}

static void
tell_cast(Telling *telling)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);
    NmaIdentity *identity = &event->nova_call.identity;
    static gint64 n;

    event->nova_call.method = NMA_NOVA_LIVE_MIGRATION;
    g_strlcpy(identity->instance_uuid, TELLING_GUEST, sizeof identity->instance_uuid);
    identity->source = g_strdup("here");
    identity->destination = g_strdup(TELLING_DESTINATION);
    identity->migration_id = ++n;
    tell(telling, event, -NMA_US_PER_S);
}

static void
tell_abort(Telling *telling, gint64 at_us)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);

    event->nova_call.method = NMA_NOVA_ABORT;
    g_strlcpy(event->nova_call.identity.instance_uuid, TELLING_GUEST,
              sizeof event->nova_call.identity.instance_uuid);
    tell(telling, event, at_us);
}

static void
tell_lifecycle(Telling *telling, NmaLifecycle what, gint64 at_us)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_LIFECYCLE);

    g_strlcpy(event->lifecycle.instance_uuid, TELLING_GUEST, sizeof event->lifecycle.instance_uuid);
    event->lifecycle.what = what;
    tell(telling, event, at_us);
}

static void
tell_iteration(Telling *telling, gint64 iteration, gint64 at_us)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_ITERATION);

    g_strlcpy(event->iteration.instance_uuid, TELLING_GUEST, sizeof event->iteration.instance_uuid);
    event->iteration.iteration = iteration;
    tell(telling, event, at_us);
}

/* migration NULL: no job runs */
static void
tell_reading(Telling *telling, const QpMigration *migration, gint64 at_us)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);
    NmaDomainReading *reading = &event->reading;

    g_strlcpy(reading->instance_uuid, TELLING_GUEST, sizeof reading->instance_uuid);
    reading->state = NMA_DOMAIN_RUNNING;
    reading->stats_known = TRUE;
    nma_job_stats_clear(&reading->stats);
    if (migration != NULL) {
        qp_read(migration, &reading->stats);
        reading->stats.elapsed_ms = at_us / 1000;
        reading->stats.data_total_bytes = reading->stats.memory_total_bytes;
    }
    tell(telling, event, at_us);
}

static void
tell_end(Telling *telling, const QpMigration *migration, gint64 at_us)
{
    NmaEvent *completed = nma_event_new(NMA_EVENT_JOB_COMPLETED);
    NmaJobStats *stats = &completed->job_completed.stats;

    tell_lifecycle(telling, NMA_LIFECYCLE_STOPPED_MIGRATED, at_us + CLEAN_UP_US);
    g_strlcpy(completed->job_completed.instance_uuid, TELLING_GUEST,
              sizeof completed->job_completed.instance_uuid);
    qp_read(migration, stats);
    stats->elapsed_ms = at_us / 1000;
    stats->downtime_ms = (gint64)(migration->downtime_s * 1e3);
    tell(telling, completed, at_us + CLEAN_UP_US + 1000);
}

static void
tell_conductor(Telling *telling, const char *status, gint64 at_us)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_CONDUCTOR);
    NmaNovaMigration *migration = nma_nova_migration_new();

    g_strlcpy(migration->identity.instance_uuid, TELLING_GUEST,
              sizeof migration->identity.instance_uuid);
    migration->status = g_strdup(status);
    event->conductor.answered = TRUE;
    event->conductor.migrations =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_nova_migration_free);
    g_ptr_array_add(event->conductor.migrations, migration);
    tell(telling, event, at_us);
}

static gint64
us(double s)
{
    return (gint64)(s * 1e6);
}

static void
copy_memory(Telling *telling, QpMigration *migration, double give_up_s)
{
    tell_iteration(telling, 1, 0);
    tell_reading(telling, migration, LATE_US);
    while (migration->state == QP_COPYING && migration->now_s < give_up_s) {
        double until_s = migration->now_s + READ_EVERY_S;

        if (!qp_go_on(migration, until_s)) {
            tell_reading(telling, migration, us(migration->now_s));
        } else if (migration->state == QP_COPYING) {
            gint64 at_us = us(migration->now_s);

            tell_iteration(telling, migration->iteration, at_us);
            qp_go_on(migration, migration->now_s + LATE_US / 1e6);
            if (migration->state == QP_COPYING)
                tell_reading(telling, migration, at_us + LATE_US);
        }
    }
}

gboolean
telling_migrate(Telling *telling, const QpScenario *scenario, GRand *rand, double give_up_s)
{
    QpMigration migration;
    gint64 end_us;

    qp_begin(&migration, scenario, rand);
    tell_cast(telling);
    copy_memory(telling, &migration, give_up_s);
    end_us = us(migration.now_s);
    if (migration.state == QP_SWITCHED) {
        /* now_s is when all was sent */
        tell_lifecycle(telling, NMA_LIFECYCLE_SUSPENDED_MIGRATED,
                       end_us - us(migration.downtime_s));
        tell_end(telling, &migration, end_us);
        tell_conductor(telling, "completed", end_us + 3 * NMA_US_PER_S);
    } else {
        tell_abort(telling, end_us);
        tell_reading(telling, NULL, end_us + 300000);
        tell_reading(telling, NULL, end_us + 700000);
    }
    telling->begun_boot_us += end_us + BETWEEN_US;
    return migration.state == QP_SWITCHED;
}

const NmaOutcome *
telling_outcome(Telling *telling)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) destinations = g_ptr_array_new();
    g_autoptr(GPtrArray) reservations = g_ptr_array_new();
    NmaHostChanges changes = { sources, destinations, reservations };

    nma_host_get_changes(telling->host, &changes);
    for (guint i = sources->len; i > 0; i--) {
        const NmaSource *source = sources->pdata[i - 1];

        if (source->base.ended)
            return &source->outcome;
    }
    return NULL;
}
