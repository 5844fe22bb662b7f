/*
 * A host whose policy steers simulated migrations: which effects and reports come of which mode,
 * flavor and answer. Events are those of libvirt, a reading a second and one at each sync.
 */
#include <string.h>

#include "agent/core/host.h"
#include "tests/sim/qemu_precopy.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/tap.h"

#define GIB          (1024 * QP_MIB)
#define GBIT_BYTES_S 117e6
#define FIRST        "11111111-1111-4111-8111-111111111111"
#define SECOND       "22222222-2222-4222-8222-222222222222"
#define MAX_GUESTS   2

typedef struct {
    NmaHost *host;
    NmaHostConfig config;
    double at_s; /* of all guests' clocks */
    struct {
        const char *uuid;
        QpScenario scenario;
        QpMigration migration;
        gboolean answers; /* what is ordered is done */
    } guests[MAX_GUESTS];
    guint n_guests;
    gboolean from_the_first_sync; /* its event is seen: the first pass counts too */
    GPtrArray *effects;           /* all so far */
    TestDir *dir;
    NmaStore *store;
} Scene;

static NmaNow
now_of(const Scene *scene)
{
    gint64 at_us = (gint64)(scene->at_s * 1e6);

    return (NmaNow){ 1000 * NMA_US_PER_S + at_us, 1700000000 * NMA_US_PER_S + at_us };
}

static NmaRules
rules_of(NmaMode mode, const char *policy)
{
    NmaRules rules = { .mode = mode,
                       .n_policies = 2,
                       .nova = { .downtime_ms = 500,
                                 .downtime_steps = 10,
                                 .downtime_delay_s = 75,
                                 .completion_timeout_s = 800 } };
    guint n;
    const NmaPolicy *policies = nma_policies(&n);

    g_assert_cmpuint(n, ==, 2);
    for (guint i = 0; i < n; i++) {
        rules.policies[i] = policies[i];
        if (g_str_equal(policies[i].name, policy))
            rules.chosen = i;
    }
    return rules;
}

static void
scene_begin(Scene *scene, const NmaRules *rules)
{
    const NmaHostConfig config = { .host = "here",
                                   .progress_interval_us = NMA_US_PER_S,
                                   .conductor_interval_us = 30 * NMA_US_PER_S,
                                   .limits = { 500, 50, 50 },
                                   .rules = *rules,
                                   .max_open = 10 };

    *scene = (Scene){ .host = nma_host_new(&config),
                      .config = config,
                      .effects = nma_effects_new(),
                      .dir = test_dir_new() };
    scene->store = open_store(scene->dir, NULL);
}

static void
scene_end(Scene *scene)
{
    nma_host_free(scene->host);
    g_ptr_array_unref(scene->effects);
    nma_store_close(scene->store);
    test_dir_remove(scene->dir);
}

/* As the agent does, before anything is carried out. */
static void
save(const Scene *scene)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    g_autoptr(GPtrArray) others = g_ptr_array_new();
    NmaHostChanges changes = { sources, others, others };

    nma_host_get_changes(scene->host, &changes);
    for (guint i = 0; i < sources->len; i++) {
        const NmaSource *source = sources->pdata[i];

        if (!source->base.ended)
            g_assert_true(nma_store_put_source(scene->store, source, NULL));
    }
    nma_host_saved(scene->host);
}

static void step(Scene *scene, NmaEvent *event);

static void
read_guest(Scene *scene, guint i)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_DOMAIN_READING);

    g_strlcpy(event->reading.instance_uuid, scene->guests[i].uuid,
              sizeof event->reading.instance_uuid);
    event->reading.state =
        scene->guests[i].migration.suspended ? NMA_DOMAIN_PAUSED_MIGRATION : NMA_DOMAIN_RUNNING;
    event->reading.stats_known = TRUE;
    qp_read(&scene->guests[i].migration, &event->reading.stats);
    step(scene, event);
}

static void
sync_guest(Scene *scene, guint i)
{
    NmaEvent *event = nma_event_new(NMA_EVENT_ITERATION);

    g_strlcpy(event->iteration.instance_uuid, scene->guests[i].uuid,
              sizeof event->iteration.instance_uuid);
    event->iteration.iteration = scene->guests[i].migration.iteration;
    step(scene, event);
    read_guest(scene, i);
}

/* What virt-act and Nova would do. */
static void
carry_out(Scene *scene, guint i, const NmaEffect *effect)
{
    QpMigration *migration = &scene->guests[i].migration;
    NmaEvent *event = nma_event_new(NMA_EVENT_REMEDY);

    g_strlcpy(event->remedy.instance_uuid, effect->instance_uuid,
              sizeof event->remedy.instance_uuid);
    event->remedy.remedy = effect->order.remedy;
    event->remedy.applied = TRUE;
    if (effect->order.remedy == NMA_REMEDY_DOWNTIME) {
        event->remedy.before = (gint64)(migration->limit_s * 1e3);
        event->remedy.after = effect->order.value;
        migration->limit_s = (double)effect->order.value / 1e3;
    } else if (effect->order.remedy == NMA_REMEDY_SPEED) {
        migration->speed_bytes_s = (double)effect->order.value;
        event->remedy.after = effect->order.value;
    } else if (effect->order.remedy == NMA_REMEDY_PAUSE) {
        qp_suspend(migration);
    }
    step(scene, event);
}

static void
step(Scene *scene, NmaEvent *event)
{
    guint first = scene->effects->len;

    event->seen_boot_us = now_of(scene).boot_us;
    event->seen_wall_us = now_of(scene).wall_us;
    nma_host_step(scene->host, event, now_of(scene), scene->effects);
    nma_event_free(event);
    save(scene);
    for (guint k = first; k < scene->effects->len; k++) {
        const NmaEffect *effect = scene->effects->pdata[k];

        for (guint i = 0; i < scene->n_guests; i++)
            if (effect->type == NMA_EFFECT_REMEDY && scene->guests[i].answers &&
                g_str_equal(effect->instance_uuid, scene->guests[i].uuid))
                carry_out(scene, i, effect);
    }
}

/* 4 GiB, of which set_bytes are written faster than the link carries. policy: the flavor's word;
 * cast FALSE: the job is found running. */
static void
add_guest(Scene *scene, const char *uuid, double set_bytes, const char *policy, gboolean cast)
{
    guint i = scene->n_guests++;

    scene->guests[i].uuid = uuid;
    scene->guests[i].answers = TRUE;
    scene->guests[i].scenario = (QpScenario){
        .memory_bytes = 4 * GIB,
        .nonzero_bytes = 2 * GIB,
        .writers = { { set_bytes, 3 * GBIT_BYTES_S, FALSE } },
        .n_writers = 1,
        .bandwidth_bytes_s = GBIT_BYTES_S,
        .limit_s = 0.05,
        .slice_s = 0.05,
        .fixed_cost_s = 0.05,
    };
    qp_begin(&scene->guests[i].migration, &scene->guests[i].scenario, NULL);
    if (cast) {
        NmaEvent *event = nma_event_new(NMA_EVENT_NOVA_CALL);
        NmaIdentity *identity = &event->nova_call.identity;

        event->nova_call.method = NMA_NOVA_LIVE_MIGRATION;
        g_strlcpy(identity->instance_uuid, uuid, sizeof identity->instance_uuid);
        identity->migration_id = 7;
        identity->memory_mib = 4096;
        identity->policy = g_strdup(policy);
        step(scene, event);
    }
    if (scene->from_the_first_sync)
        sync_guest(scene, i);
    else
        read_guest(scene, i);
}

static void
go_on(Scene *scene, double seconds)
{
    double until_s = scene->at_s + seconds;

    while (scene->at_s < until_s) {
        scene->at_s = MIN(scene->at_s + 0.5, until_s);
        for (guint i = 0; i < scene->n_guests; i++) {
            QpMigration *migration = &scene->guests[i].migration;
            double to_s = scene->at_s;

            while (migration->state == QP_COPYING && migration->now_s < to_s) {
                if (!qp_go_on(migration, to_s) || migration->state != QP_COPYING)
                    continue;
                scene->at_s = migration->now_s;
                sync_guest(scene, i);
            }
            scene->at_s = to_s;
            if (migration->state == QP_COPYING)
                read_guest(scene, i);
        }
    }
}

static guint
count(const Scene *scene, NmaEffectType type)
{
    guint n = 0;

    for (guint i = 0; i < scene->effects->len; i++)
        n += ((NmaEffect *)scene->effects->pdata[i])->type == type;
    return n;
}

/* the n-th remedy reported; NULL: there are fewer */
static const NmaRemedyReport *
reported(const Scene *scene, guint n)
{
    for (guint i = 0; i < scene->effects->len; i++) {
        const NmaEffect *effect = scene->effects->pdata[i];

        if (effect->type == NMA_EFFECT_REMEDY_REPORT && n-- == 0)
            return effect->remedy_report;
    }
    return NULL;
}

static void
test_steer(void)
{
    NmaRules rules = rules_of(NMA_MODE_STEER, "careful");
    Scene scene;

    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, 40 * QP_MIB, NULL, TRUE);
    go_on(&scene, 30);
    g_assert_cmpint(scene.guests[0].migration.state, ==, QP_SWITCHED);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, 1);
    const NmaRemedyReport *report = reported(&scene, 0);
    g_assert_cmpint(report->kind, ==, NMA_REMEDY_APPLIED);
    g_assert_cmpint(report->order.remedy, ==, NMA_REMEDY_DOWNTIME);
    g_assert_cmpint(report->before, ==, 50);
    g_assert_cmpint(report->after, ==, report->order.value);
    g_assert_cmpint(report->order.value, <=, 500);
    g_assert_cmpstr(report->policy, ==, "careful");
    g_assert_null(reported(&scene, 1));
    scene_end(&scene);
}

static void
test_advise_and_observe(void)
{
    NmaRules rules = rules_of(NMA_MODE_ADVISE, "must-finish");
    Scene scene;

    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, 150 * QP_MIB, NULL, TRUE);
    go_on(&scene, 60);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, 0);
    g_assert_cmpint(reported(&scene, 0)->kind, ==, NMA_REMEDY_ADVISED);
    g_autofree char *command = nma_remedy_command(reported(&scene, 0));
    g_assert_true(g_str_has_prefix(command, "virsh migrate-setmaxdowntime " FIRST " "));
    g_assert_null(reported(&scene, 1)); /* once */
    scene_end(&scene);

    rules.mode = NMA_MODE_OBSERVE;
    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, 150 * QP_MIB, NULL, TRUE);
    go_on(&scene, 60);
    g_assert_null(reported(&scene, 0));
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, 0);
    scene_end(&scene);
}

/* The flavor's word counts, and a name that is none does not. */
static void
test_policy_of_the_flavor(void)
{
    static const struct {
        const char *flavor, *chosen;
        gboolean cast;
        const char *expected;
    } rows[] = {
        { "must-finish", "careful", TRUE, "must-finish" },
        { "careful", "must-finish", TRUE, "careful" },
        { NULL, "must-finish", TRUE, "must-finish" },
        { "no-such", "must-finish", TRUE, "must-finish" },
        { NULL, "must-finish", FALSE, "careful" }, /* found running */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        NmaRules rules = rules_of(NMA_MODE_STEER, rows[i].chosen);
        Scene scene;

        scene_begin(&scene, &rules);
        add_guest(&scene, FIRST, 40 * QP_MIB, rows[i].flavor, rows[i].cast);
        go_on(&scene, 40);
        g_assert_cmpstr(reported(&scene, 0)->policy, ==, rows[i].expected);
        scene_end(&scene);
    }
}

/* Post-copy goes through Nova, which may not do it: said after a minute, and the next rung taken.
 */
static void
test_nova_does_nothing(void)
{
    NmaRules rules = rules_of(NMA_MODE_STEER, "must-finish");
    Scene scene;

    rules.nova.post_copy = TRUE;
    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, GIB, NULL, TRUE);
    go_on(&scene, 200);
    const NmaRemedyReport *asked = reported(&scene, 0), *failed = reported(&scene, 1),
                          *paused = reported(&scene, 2);
    g_assert_cmpint(asked->order.remedy, ==, NMA_REMEDY_POST_COPY);
    g_assert_cmpint(asked->way, ==, NMA_WAY_NOVA);
    g_assert_cmpint(asked->kind, ==, NMA_REMEDY_APPLIED);
    g_autofree char *command = nma_remedy_command(asked);
    g_assert_cmpstr(command, ==, "openstack server migration force complete " FIRST " 7");
    g_assert_cmpint(failed->kind, ==, NMA_REMEDY_FAILED);
    g_assert_nonnull(failed->text);
    g_assert_cmpint(failed->occurred_wall_us - asked->occurred_wall_us, >=, 60 * NMA_US_PER_S);
    g_assert_cmpint(paused->order.remedy, ==, NMA_REMEDY_PAUSE);
    g_assert_cmpint(paused->way, ==, NMA_WAY_LIBVIRT);
    g_assert_cmpint(scene.guests[0].migration.state, ==, QP_SWITCHED);
    scene_end(&scene);
}

/* set_mode observe in the midst: nothing more is done, but a pause that we began is still ended. */
static void
test_mode_changes(void)
{
    NmaRules rules = rules_of(NMA_MODE_STEER, "must-finish");
    guint ordered;
    Scene scene;

    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, GIB, NULL, TRUE);
    nma_host_set_mode(scene.host, NMA_MODE_OBSERVE);
    go_on(&scene, 60);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, 0);
    nma_host_set_mode(scene.host, NMA_MODE_STEER);
    while (!scene.guests[0].migration.suspended)
        go_on(&scene, 0.5);
    scene.guests[0].migration.bandwidth_bytes_s = 1000; /* it will not be over soon */
    nma_host_set_mode(scene.host, NMA_MODE_OBSERVE);
    ordered = count(&scene, NMA_EFFECT_REMEDY);
    scene.guests[0].answers = FALSE;
    go_on(&scene, 31);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, ordered + 1);
    for (guint i = 0; i < scene.effects->len; i++) {
        const NmaEffect *effect = scene.effects->pdata[i];

        if (effect->type == NMA_EFFECT_REMEDY && --ordered == G_MAXUINT) {
            g_assert_cmpint(effect->order.remedy, ==, NMA_REMEDY_ABORT);
            g_assert_cmpint(effect->order.reason, ==, NMA_REMEDY_REASON_PAUSE_TIME);
            g_assert_cmpint(effect->way, ==, NMA_WAY_LIBVIRT);
        }
    }
    scene_end(&scene);
}

/* ---- the agent is killed and started again ---- */

static void
load(NmaHost *host, NmaStore *store, NmaNow now)
{
    g_autoptr(GPtrArray) sources = NULL;
    g_autoptr(GPtrArray) destinations = NULL;
    g_autoptr(GPtrArray) reservations = NULL;
    guint skipped;

    g_assert_true(nma_store_load(store, &sources, &destinations, &reservations, &skipped, NULL));
    g_ptr_array_set_free_func(sources, NULL); /* the host takes them */
    for (guint i = 0; i < sources->len; i++)
        nma_host_restore_source(host, sources->pdata[i], now);
}

/* All that the agent knows is what the store holds; the guests go on meanwhile. */
static void
restart(Scene *scene, double seconds_away)
{
    nma_host_free(scene->host);
    nma_store_close(scene->store);
    scene->at_s += seconds_away;
    for (guint i = 0; i < scene->n_guests; i++)
        while (scene->guests[i].migration.state == QP_COPYING &&
               qp_go_on(&scene->guests[i].migration, scene->at_s))
            ;
    scene->host = nma_host_new(&scene->config);
    scene->store = open_store(scene->dir, NULL);
    load(scene->host, scene->store, now_of(scene));
}

/* The n-th order given; NULL: there are fewer. */
static const NmaEffect *
ordered(const Scene *scene, guint n)
{
    for (guint i = 0; i < scene->effects->len; i++) {
        const NmaEffect *effect = scene->effects->pdata[i];

        if (effect->type == NMA_EFFECT_REMEDY && n-- == 0)
            return effect;
    }
    return NULL;
}

static void
until_paused(Scene *scene, const NmaRules *rules)
{
    scene_begin(scene, rules);
    add_guest(scene, FIRST, GIB, "must-finish", TRUE);
    while (!scene->guests[0].migration.suspended)
        go_on(scene, 0.5);
    scene->guests[0].migration.bandwidth_bytes_s = 1000; /* it will not be over soon */
}

/* In a pause of ours: it is ended at the flavor's cap, by the clock of before, in whatever mode. */
static void
test_restart_in_a_pause(void)
{
    static const NmaMode modes[] = { NMA_MODE_STEER, NMA_MODE_OBSERVE };
    static const double away_s[] = { 3, 100 };

    for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
        NmaRules rules = rules_of(NMA_MODE_STEER, "careful");
        double paused_s;
        guint before;
        Scene scene;

        until_paused(&scene, &rules);
        paused_s = scene.at_s;
        before = count(&scene, NMA_EFFECT_REMEDY);
        scene.config.rules.mode = modes[i];
        restart(&scene, away_s[i]);
        if (away_s[i] < 28) {
            go_on(&scene, paused_s + 27.5 - scene.at_s);
            g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, before);
        }
        scene.guests[0].answers = FALSE;
        go_on(&scene, 3);
        g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, before + 1);
        g_assert_cmpint(ordered(&scene, before)->order.remedy, ==, NMA_REMEDY_ABORT);
        g_assert_cmpint(ordered(&scene, before)->order.reason, ==, NMA_REMEDY_REASON_PAUSE_TIME);
        g_assert_cmpint(ordered(&scene, before)->order.cap_ms, ==, 30000);
        scene_end(&scene);
    }
}

/* Killed between the order and its doing: the guest runs, and is not aborted for standing still. */
static void
test_restart_before_the_pause(void)
{
    NmaRules rules = rules_of(NMA_MODE_STEER, "must-finish");
    guint before;
    Scene scene;

    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, GIB, NULL, TRUE);
    scene.guests[0].answers = FALSE;
    while (count(&scene, NMA_EFFECT_REMEDY) == 0)
        go_on(&scene, 0.5);
    g_assert_cmpint(ordered(&scene, 0)->order.remedy, ==, NMA_REMEDY_PAUSE);
    before = count(&scene, NMA_EFFECT_REMEDY);
    restart(&scene, 1);
    go_on(&scene, 50);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, before);
    /* and in the end it is tried again */
    go_on(&scene, 60);
    g_assert_nonnull(ordered(&scene, before));
    g_assert_cmpint(ordered(&scene, before)->order.remedy, ==, NMA_REMEDY_PAUSE);
    scene_end(&scene);
}

/* An abort that libvirt would not do, or that was lost with the agent, is ordered again. */
static void
test_abort_of_a_pause_again(void)
{
    NmaRules rules = rules_of(NMA_MODE_STEER, "must-finish");
    NmaEvent *refusal = nma_event_new(NMA_EVENT_REMEDY);
    guint before;
    Scene scene;

    until_paused(&scene, &rules);
    scene.guests[0].answers = FALSE;
    before = count(&scene, NMA_EFFECT_REMEDY);
    go_on(&scene, 30);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, before + 1);
    g_strlcpy(refusal->remedy.instance_uuid, FIRST, sizeof refusal->remedy.instance_uuid);
    refusal->remedy.remedy = NMA_REMEDY_ABORT;
    step(&scene, refusal);
    go_on(&scene, 6);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, before + 2);
    restart(&scene, 1);
    go_on(&scene, 2);
    g_assert_cmpuint(count(&scene, NMA_EFFECT_REMEDY), ==, before + 3);
    g_assert_cmpint(ordered(&scene, before + 2)->order.remedy, ==, NMA_REMEDY_ABORT);
    scene_end(&scene);
}

/* Before anything was done: the flavor's policy holds, and what was found running stays careful. */
static void
test_restart_keeps_the_policy(void)
{
    for (gboolean cast = FALSE; cast <= TRUE; cast++) {
        NmaRules rules = rules_of(NMA_MODE_STEER, "careful");
        Scene scene;

        scene_begin(&scene, &rules);
        add_guest(&scene, FIRST, 40 * QP_MIB, "must-finish", cast);
        go_on(&scene, 2);
        restart(&scene, 1);
        go_on(&scene, 60);
        g_assert_nonnull(reported(&scene, 0));
        g_assert_cmpstr(reported(&scene, 0)->policy, ==, cast ? "must-finish" : "careful");
        scene_end(&scene);
    }
}

/* A knob that we hold is asserted again when Nova has moved it meanwhile, within today's cap. */
static void
test_restart_keeps_the_knobs(void)
{
    for (guint lowered = 0; lowered < 2; lowered++) {
        NmaRules rules = rules_of(NMA_MODE_STEER, "must-finish");
        gint64 held_ms = 0;
        Scene scene;

        scene_begin(&scene, &rules);
        add_guest(&scene, FIRST, 150 * QP_MIB, NULL, TRUE);
        while (held_ms == 0) {
            go_on(&scene, 0.1);
            if (count(&scene, NMA_EFFECT_REMEDY) > 0)
                held_ms = ordered(&scene, 0)->order.value;
        }
        g_assert_cmpint(held_ms, >, 1000);
        scene.guests[0].migration.limit_s = 0.095; /* Nova's next step */
        if (lowered)
            scene.config.rules.policies[1].max_downtime_ms = 1000;
        restart(&scene, 0);
        while (ordered(&scene, 1) == NULL && scene.at_s < 100)
            go_on(&scene, 0.1);
        g_assert_nonnull(ordered(&scene, 1));
        g_assert_cmpint(ordered(&scene, 1)->order.remedy, ==, NMA_REMEDY_DOWNTIME);
        g_assert_cmpint(ordered(&scene, 1)->order.value, ==, lowered ? 1000 : held_ms);
        scene_end(&scene);
    }
}

/* The newest forecast of the guest that says so; NULL: none. */
static const NmaForecast *
newest(const Scene *scene, NmaForecastVerdict verdict, const char *uuid)
{
    const NmaForecast *found = NULL;

    for (guint i = 0; i < scene->effects->len; i++) {
        const NmaEffect *effect = scene->effects->pdata[i];

        if (effect->type == NMA_EFFECT_FORECAST && effect->forecast->forecast.verdict == verdict &&
            g_str_equal(effect->forecast->identity.instance_uuid, uuid))
            found = &effect->forecast->forecast;
    }
    return found;
}

/* With half of the link it will not end, with all of it it would: the other one is the cause. */
static void
test_competing(void)
{
    static const struct {
        guint guests;
        gint64 nova_mib_s;
        NmaHindrance cause;
    } rows[] = {
        { 1, 0, NMA_HINDRANCE_SLOW_LINK },
        { 2, 0, NMA_HINDRANCE_COMPETING },
        { 2, 60, NMA_HINDRANCE_SLOW_LINK }, /* Nova's own limit holds it */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        NmaRules rules = rules_of(NMA_MODE_ADVISE, "careful");
        const NmaForecast *forecast;
        Scene scene;

        rules.nova.bandwidth_mib_s = rows[i].nova_mib_s;
        scene_begin(&scene, &rules);
        scene.from_the_first_sync = TRUE;
        for (guint k = 0; k < rows[i].guests; k++) {
            add_guest(&scene, k == 0 ? FIRST : SECOND, 55 * QP_MIB, NULL, TRUE);
            scene.guests[k].migration.bandwidth_bytes_s = GBIT_BYTES_S / 2;
        }
        go_on(&scene, 60);
        forecast = newest(&scene, NMA_FORECAST_HOPELESS, FIRST);
        g_assert_nonnull(forecast);
        g_assert_cmpint(forecast->cause, ==, rows[i].cause);
        g_autofree char *said = nma_forecast_diagnosis(forecast);
        g_assert_cmpint(strstr(said, "only migration") != NULL, ==,
                        rows[i].cause == NMA_HINDRANCE_COMPETING);
        scene_end(&scene);
    }
}

/* Once the guest is stopped QEMU lifts nova.conf's limit of bandwidth: the pause may be as short as
 * what the switchover costs beside the memory. */
static void
test_downtime_under_a_limit(void)
{
    static const gint64 limits_mib_s[] = { 0, 60 };
    gint64 low_ms[G_N_ELEMENTS(limits_mib_s)], high_ms[G_N_ELEMENTS(limits_mib_s)];

    for (guint i = 0; i < G_N_ELEMENTS(limits_mib_s); i++) {
        NmaRules rules = rules_of(NMA_MODE_ADVISE, "careful");
        const NmaForecast *forecast;
        Scene scene;

        rules.nova.bandwidth_mib_s = limits_mib_s[i];
        scene_begin(&scene, &rules);
        scene.from_the_first_sync = TRUE;
        add_guest(&scene, FIRST, 12 * QP_MIB, NULL, TRUE);
        scene.guests[0].migration.bandwidth_bytes_s = GBIT_BYTES_S / 2;
        go_on(&scene, 60);
        forecast = newest(&scene, NMA_FORECAST_CONVERGES, FIRST);
        g_assert_nonnull(forecast);
        low_ms[i] = forecast->downtime_ms.low;
        high_ms[i] = forecast->downtime_ms.high;
        scene_end(&scene);
    }
    g_assert_cmpint(low_ms[0], >, 50); /* the cost, and memory */
    g_assert_cmpint(low_ms[1], <, 50);
    g_assert_cmpint(high_ms[1], ==, high_ms[0]); /* how fast the link is then nobody has seen */
}

/* What the host's migrations may have together is shared among those that copy. */
static void
test_shared_speed(void)
{
    NmaRules rules = rules_of(NMA_MODE_STEER, "careful");
    Scene scene;

    rules.nova.bandwidth_mib_s = 20;
    rules.max_speed_bytes_s = 100 << 20;
    scene_begin(&scene, &rules);
    add_guest(&scene, FIRST, GIB, NULL, TRUE);
    add_guest(&scene, SECOND, GIB, NULL, TRUE);
    for (guint i = 0; i < 2; i++)
        scene.guests[i].migration.speed_bytes_s = 20 << 20;
    go_on(&scene, 300);
    g_assert_cmpfloat(scene.guests[0].migration.speed_bytes_s, ==, 50 << 20);
    g_assert_cmpfloat(scene.guests[1].migration.speed_bytes_s, ==, 50 << 20);
    scene_end(&scene);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/steering/steer", test_steer);
    g_test_add_func("/steering/advise-and-observe", test_advise_and_observe);
    g_test_add_func("/steering/policy-of-the-flavor", test_policy_of_the_flavor);
    g_test_add_func("/steering/nova-does-nothing", test_nova_does_nothing);
    g_test_add_func("/steering/mode-changes", test_mode_changes);
    g_test_add_func("/steering/shared-speed", test_shared_speed);
    g_test_add_func("/steering/competing", test_competing);
    g_test_add_func("/steering/downtime-under-a-limit", test_downtime_under_a_limit);
    g_test_add_func("/steering/restart-in-a-pause", test_restart_in_a_pause);
    g_test_add_func("/steering/restart-before-the-pause", test_restart_before_the_pause);
    g_test_add_func("/steering/abort-of-a-pause-again", test_abort_of_a_pause_again);
    g_test_add_func("/steering/restart-keeps-the-policy", test_restart_keeps_the_policy);
    g_test_add_func("/steering/restart-keeps-the-knobs", test_restart_keeps_the_knobs);
    return g_test_run();
}
