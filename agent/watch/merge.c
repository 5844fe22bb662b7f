#include "agent/watch/merge.h"

#include <string.h>

#include "agent/watch/picture.h"

/* retries of one instance that are told apart; more are forgotten, oldest first */
#define MAX_ATTEMPTS_PER_INSTANCE 32

typedef struct {
    GPtrArray *attempts; /* of NmaWatchAttempt, owned */
    GPtrArray *groups;   /* of GPtrArray of borrowed attempts: one group is one migration */
} Instance;

struct NmaWatchModel {
    GHashTable *instances; /* instance uuid -> Instance */
    guint max_migrations;
    guint size;
    guint64 order; /* counts what was heard */
    guint64 dropped;
};

static void
instance_free(gpointer data)
{
    Instance *instance = data;

    g_ptr_array_unref(instance->groups);
    g_ptr_array_unref(instance->attempts);
    g_free(instance);
}

/* ---- which attempts are one migration ---- */

typedef enum { SAME_NO, SAME_MAYBE, SAME_YES } Same;

static Same
same_by_name(const NmaWatchAttempt *a, const NmaWatchAttempt *b)
{
    const NmaIdentity *x = &a->identity, *y = &b->identity;

    if (*x->migration_uuid && *y->migration_uuid)
        return strcmp(x->migration_uuid, y->migration_uuid) == 0 ? SAME_YES : SAME_NO;
    if (x->migration_id != NMA_UNKNOWN && y->migration_id != NMA_UNKNOWN)
        return x->migration_id == y->migration_id && strcmp(a->cell, b->cell) == 0 ? SAME_YES
                                                                                   : SAME_NO;
    return SAME_MAYBE;
}

static gboolean
hosts_conflict(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

/* Two agents that do not know Nova's name for it: one must be the source and one the destination
 * of the same pair of hosts. */
static gboolean
could_be_pair(const NmaWatchAttempt *a, const NmaWatchAttempt *b)
{
    const NmaWatchAttempt *source = a->role == NMA_ROLE_SOURCE ? a : b;
    const NmaWatchAttempt *destination = a->role == NMA_ROLE_SOURCE ? b : a;

    return a->role != b->role && strcmp(a->host, b->host) != 0 &&
           !hosts_conflict(destination->identity.source, source->host) &&
           !hosts_conflict(source->identity.destination, destination->host);
}

static Same
same_as_group(const NmaWatchAttempt *attempt, const GPtrArray *group)
{
    Same all = SAME_MAYBE;

    for (guint i = 0; i < group->len; i++) {
        Same same = same_by_name(attempt, group->pdata[i]);

        if (same != SAME_MAYBE)
            return same;
        if (!could_be_pair(attempt, group->pdata[i]))
            all = SAME_NO;
    }
    return all;
}

/* The group with a member of the same Nova migration; else the only one that it could belong to.
 * With several an attempt stays alone until it learns its name: a guess could join two stories. */
static GPtrArray *
find_group(const Instance *instance, const NmaWatchAttempt *attempt)
{
    GPtrArray *only = NULL;
    guint possible = 0;

    for (guint i = 0; i < instance->groups->len; i++) {
        GPtrArray *group = instance->groups->pdata[i];
        Same same = same_as_group(attempt, group);

        if (same == SAME_YES)
            return group;
        if (same == SAME_MAYBE) {
            only = group;
            possible++;
        }
    }
    return possible == 1 ? only : NULL;
}

static int
name_grade(const NmaWatchAttempt *attempt)
{
    return *attempt->identity.migration_uuid               ? 0
           : attempt->identity.migration_id != NMA_UNKNOWN ? 1
                                                           : 2;
}

/* Those that know most come first, so that the grouping does not depend on who was heard first. */
static int
compare_for_grouping(gconstpointer x, gconstpointer y)
{
    const NmaWatchAttempt *a = *(NmaWatchAttempt *const *)x, *b = *(NmaWatchAttempt *const *)y;
    int order = name_grade(a) - name_grade(b);

    if (order == 0)
        order = strcmp(a->host, b->host);
    return order ? order : strcmp(a->attempt_id, b->attempt_id);
}

static void
regroup(NmaWatchModel *model, Instance *instance)
{
    model->size -= instance->groups->len;
    g_ptr_array_set_size(instance->groups, 0);
    g_ptr_array_sort(instance->attempts, compare_for_grouping);
    for (guint i = 0; i < instance->attempts->len; i++) {
        NmaWatchAttempt *attempt = instance->attempts->pdata[i];
        GPtrArray *group = find_group(instance, attempt);

        if (!group) {
            group = g_ptr_array_new();
            g_ptr_array_add(instance->groups, group);
        }
        g_ptr_array_add(group, attempt);
    }
    model->size += instance->groups->len;
}

/* ---- pictures ---- */

static guint64
last_order(const GPtrArray *group)
{
    guint64 order = 0;

    for (guint i = 0; i < group->len; i++)
        order = MAX(order, ((const NmaWatchAttempt *)group->pdata[i])->last_order);
    return order;
}

static guint64
first_order(const GPtrArray *group)
{
    guint64 order = G_MAXUINT64;

    for (guint i = 0; i < group->len; i++)
        order = MIN(order, ((const NmaWatchAttempt *)group->pdata[i])->first_order);
    return order;
}

static NmaWatchPicture *
picture_of_group(const GPtrArray *group, gint64 now_us)
{
    NmaWatchPicture *picture = g_new(NmaWatchPicture, 1);

    nma_watch_picture_make(picture, group, now_us);
    picture->heard_order =
        picture->outcome == NMA_WATCH_RUNNING ? first_order(group) : last_order(group);
    return picture;
}

static int
compare_for_reading(gconstpointer x, gconstpointer y)
{
    const NmaWatchPicture *a = *(NmaWatchPicture *const *)x, *b = *(NmaWatchPicture *const *)y;
    gboolean a_runs = a->outcome == NMA_WATCH_RUNNING, b_runs = b->outcome == NMA_WATCH_RUNNING;

    if (a_runs != b_runs)
        return a_runs ? -1 : 1;
    if (a->heard_order == b->heard_order)
        return 0;
    return (a->heard_order < b->heard_order) == a_runs ? -1 : 1;
}

GPtrArray *
nma_watch_model_pictures(const NmaWatchModel *model, gint64 now_us)
{
    GPtrArray *pictures = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, model->instances);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const GPtrArray *groups = ((const Instance *)value)->groups;

        for (guint i = 0; i < groups->len; i++)
            g_ptr_array_add(pictures, picture_of_group(groups->pdata[i], now_us));
    }
    g_ptr_array_sort(pictures, compare_for_reading);
    return pictures;
}

NmaWatchPicture *
nma_watch_model_picture_of(const NmaWatchModel *model, const char *instance_uuid,
                           const char *attempt_id, gint64 now_us)
{
    const Instance *instance = g_hash_table_lookup(model->instances, instance_uuid);

    for (guint i = 0; instance && i < instance->groups->len; i++) {
        const GPtrArray *group = instance->groups->pdata[i];

        for (guint j = 0; j < group->len; j++)
            if (strcmp(((const NmaWatchAttempt *)group->pdata[j])->attempt_id, attempt_id) == 0)
                return picture_of_group(group, now_us);
    }
    return NULL;
}

gboolean
nma_watch_picture_is(const NmaWatchPicture *picture, const char *name)
{
    const NmaIdentity *identity = &picture->identity;
    guint64 id;

    if (g_ascii_strcasecmp(name, identity->instance_uuid) == 0)
        return TRUE;
    if (*identity->migration_uuid && g_ascii_strcasecmp(name, identity->migration_uuid) == 0)
        return TRUE;
    return identity->migration_id != NMA_UNKNOWN &&
           g_ascii_string_to_unsigned(name, 10, 0, G_MAXINT64, &id, NULL) &&
           (gint64)id == identity->migration_id;
}

gboolean
nma_watch_picture_has_host(const NmaWatchPicture *picture, const char *host)
{
    return g_strcmp0(picture->identity.source, host) == 0 ||
           g_strcmp0(picture->identity.destination, host) == 0 ||
           (picture->destination && strcmp(picture->destination->host, host) == 0);
}

/* ---- memory ---- */

static void
forget(NmaWatchModel *model, const char *instance_uuid, Instance *instance, GPtrArray *group)
{
    g_autoptr(GPtrArray) going = g_ptr_array_copy(group, NULL, NULL);

    for (guint i = 0; i < going->len; i++)
        g_ptr_array_remove(instance->attempts, going->pdata[i]);
    regroup(model, instance);
    if (instance->attempts->len == 0)
        g_hash_table_remove(model->instances, instance_uuid);
    model->dropped++;
}

static void
forget_oldest(NmaWatchModel *model, gint64 now_us)
{
    GHashTableIter iter;
    gpointer key, value;
    const char *oldest_uuid = NULL;
    Instance *oldest = NULL;
    GPtrArray *oldest_group = NULL;
    gboolean oldest_runs = TRUE;
    guint64 oldest_order = G_MAXUINT64;

    g_hash_table_iter_init(&iter, model->instances);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Instance *instance = value;

        for (guint i = 0; i < instance->groups->len; i++) {
            GPtrArray *group = instance->groups->pdata[i];
            guint64 order = last_order(group);
            g_autofree NmaWatchPicture *picture = NULL;
            gboolean runs;

            if (order == model->order) /* the one just heard */
                continue;
            picture = picture_of_group(group, now_us);
            runs = picture->outcome == NMA_WATCH_RUNNING;
            if (oldest_group && (runs != oldest_runs ? runs : order > oldest_order))
                continue;
            oldest_uuid = key;
            oldest = instance;
            oldest_group = group;
            oldest_runs = runs;
            oldest_order = order;
        }
    }
    if (oldest_group)
        forget(model, oldest_uuid, oldest, oldest_group);
}

static void
forget_oldest_attempt(Instance *instance)
{
    NmaWatchAttempt *oldest = instance->attempts->pdata[0];

    for (guint i = 1; i < instance->attempts->len; i++) {
        NmaWatchAttempt *attempt = instance->attempts->pdata[i];

        if (attempt->last_order < oldest->last_order)
            oldest = attempt;
    }
    g_ptr_array_remove(instance->attempts, oldest);
}

/* ---- the model ---- */

NmaWatchModel *
nma_watch_model_new(guint max_migrations)
{
    NmaWatchModel *model = g_new0(NmaWatchModel, 1);

    model->instances = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, instance_free);
    model->max_migrations = MAX(max_migrations, 1);
    return model;
}

void
nma_watch_model_free(NmaWatchModel *model)
{
    if (!model)
        return;
    g_hash_table_unref(model->instances);
    g_free(model);
}

static Instance *
get_instance(NmaWatchModel *model, const char *instance_uuid)
{
    Instance *instance = g_hash_table_lookup(model->instances, instance_uuid);

    if (!instance) {
        instance = g_new0(Instance, 1);
        instance->attempts = g_ptr_array_new_with_free_func((GDestroyNotify)nma_watch_attempt_free);
        instance->groups = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
        g_hash_table_insert(model->instances, g_strdup(instance_uuid), instance);
    }
    return instance;
}

static NmaWatchAttempt *
get_attempt(Instance *instance, const char *cell, const char *host, const NmaReport *report)
{
    NmaWatchAttempt *attempt;

    for (guint i = 0; i < instance->attempts->len; i++) {
        attempt = instance->attempts->pdata[i];
        if (strcmp(attempt->attempt_id, report->attempt_id) == 0 &&
            strncmp(attempt->host, host, NMA_WATCH_MAX_NAME_BYTES) == 0 &&
            attempt->role == report->role)
            return attempt;
    }
    if (instance->attempts->len >= MAX_ATTEMPTS_PER_INSTANCE)
        forget_oldest_attempt(instance);
    attempt = nma_watch_attempt_new(cell, host, report);
    g_ptr_array_add(instance->attempts, attempt);
    return attempt;
}

gboolean
nma_watch_model_add(NmaWatchModel *model, const char *cell, const char *host,
                    const NmaReport *report, gint64 now_us)
{
    Instance *instance = get_instance(model, report->identity.instance_uuid);
    NmaWatchAttempt *attempt = get_attempt(instance, cell, host, report);

    if (!nma_watch_attempt_add(attempt, report, now_us) && attempt->first_order)
        return FALSE;
    attempt->last_order = ++model->order;
    if (!attempt->first_order)
        attempt->first_order = attempt->last_order;
    regroup(model, instance);
    while (model->size > model->max_migrations)
        forget_oldest(model, now_us);
    return TRUE;
}

gboolean
nma_watch_model_add_forecast(NmaWatchModel *model, const char *host,
                             const NmaForecastReport *report)
{
    Instance *instance = g_hash_table_lookup(model->instances, report->identity.instance_uuid);

    for (guint i = 0; instance && i < instance->attempts->len; i++) {
        NmaWatchAttempt *attempt = instance->attempts->pdata[i];

        if (attempt->role == NMA_ROLE_SOURCE &&
            strcmp(attempt->attempt_id, report->attempt_id) == 0 &&
            strncmp(attempt->host, host, NMA_WATCH_MAX_NAME_BYTES) == 0)
            return nma_watch_attempt_add_forecast(attempt, report);
    }
    return FALSE;
}

guint
nma_watch_model_size(const NmaWatchModel *model)
{
    return model->size;
}

guint64
nma_watch_model_dropped(const NmaWatchModel *model)
{
    return model->dropped;
}
