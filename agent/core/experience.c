#include "agent/core/experience.h"

#include <math.h>

#include "agent/core/job_stats.h"

#define LIMITED_SHARE   0.8
#define DOWNTIME_SPREAD 1.5 /* of one that is known from others of its kind */
#define MIN_RATIOS      3   /* fewer say nothing of an error */
#define SHARE           0.8 /* of the forecasts that the factor holds for */
#define MAX_FACTOR      100
#define MAX_FIGURE      9e15 /* what a JSON reader holds exactly */

typedef struct {
    NmaOutcome outcomes[NMA_EXPERIENCE_OUTCOMES]; /* oldest first */
    guint n;
    guint64 used; /* turn of the newest */
} Pair;

struct NmaExperiences {
    GHashTable *pairs; /* destination -> Pair */
    guint64 turn;
};

void
nma_experience_clear(NmaExperience *experience)
{
    *experience = (NmaExperience){
        .bandwidth_bytes_s = { NMA_UNKNOWN, NMA_UNKNOWN },
        .median_bandwidth_bytes_s = NMA_UNKNOWN,
        .fixed_cost_ms = NMA_UNKNOWN,
        .last_wall_us = NMA_UNKNOWN,
    };
}

static void
pair_free(gpointer data)
{
    Pair *pair = data;

    for (guint i = 0; i < pair->n; i++)
        nma_outcome_clear(&pair->outcomes[i]);
    g_free(pair);
}

NmaExperiences *
nma_experiences_new(void)
{
    NmaExperiences *experiences = g_new0(NmaExperiences, 1);

    experiences->pairs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, pair_free);
    return experiences;
}

void
nma_experiences_free(NmaExperiences *experiences)
{
    if (experiences == NULL)
        return;
    g_hash_table_unref(experiences->pairs);
    g_free(experiences);
}

static void
forget_one(NmaExperiences *experiences)
{
    GHashTableIter iter;
    gpointer key, value;
    const char *oldest = NULL;
    guint64 used = G_MAXUINT64;

    g_hash_table_iter_init(&iter, experiences->pairs);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (((Pair *)value)->used < used) {
            used = ((Pair *)value)->used;
            oldest = key;
        }
    }
    if (oldest != NULL)
        g_hash_table_remove(experiences->pairs, oldest);
}

void
nma_experiences_add(NmaExperiences *experiences, const NmaOutcome *outcome)
{
    Pair *pair;

    if (outcome->destination == NULL || *outcome->destination == '\0')
        return;
    pair = g_hash_table_lookup(experiences->pairs, outcome->destination);
    if (pair == NULL) {
        if (g_hash_table_size(experiences->pairs) >= NMA_EXPERIENCE_DESTINATIONS)
            forget_one(experiences);
        pair = g_new0(Pair, 1);
        g_hash_table_insert(experiences->pairs, g_strdup(outcome->destination), pair);
    }
    if (pair->n == NMA_EXPERIENCE_OUTCOMES) {
        nma_outcome_clear(&pair->outcomes[0]);
        for (guint i = 1; i < pair->n; i++)
            pair->outcomes[i - 1] = pair->outcomes[i];
        pair->n--;
    }
    nma_outcome_copy(&pair->outcomes[pair->n++], outcome);
    pair->used = ++experiences->turn;
}

/* ---- what they teach ---- */

typedef struct {
    double values[NMA_EXPERIENCE_OUTCOMES]; /* smallest first */
    guint n;
} Values;

static double
quantile(const Values *values, double share)
{
    return values->values[MIN((guint)(share * values->n), values->n - 1)];
}

static void
add_value(Values *values, double value)
{
    guint i = values->n++;

    for (; i > 0 && values->values[i - 1] > value; i--)
        values->values[i] = values->values[i - 1];
    values->values[i] = value;
}

static void
add_ratio(Values *values, double ratio)
{
    if (ratio > 0)
        add_value(values, fabs(log(ratio)));
}

static double
factor_of(const Values *values)
{
    return values->n >= MIN_RATIOS ? MIN(exp(quantile(values, SHARE)), MAX_FACTOR) : 0;
}

static void
summarise(const Pair *pair, NmaExperience *experience)
{
    Values bandwidths = { .n = 0 }, costs = { .n = 0 };
    Values durations = { .n = 0 }, downtimes = { .n = 0 }, befores = { .n = 0 };

    experience->n = pair->n;
    for (guint i = 0; i < pair->n; i++) {
        const NmaOutcome *outcome = &pair->outcomes[i];

        if (outcome->bandwidth_bytes_s > 0)
            add_value(&bandwidths, (double)outcome->bandwidth_bytes_s);
        if (outcome->fixed_cost_ms >= 0)
            add_value(&costs, (double)outcome->fixed_cost_ms);
        /* what is forecast while memory flows; before the start other things are not known */
        add_ratio(&durations, nma_outcome_duration_ratio(outcome, NMA_PREDICTED_FIRST));
        add_ratio(&befores, nma_outcome_duration_ratio(outcome, NMA_PREDICTED_BEFORE));
        add_ratio(&downtimes, nma_outcome_downtime_ratio(outcome, NMA_PREDICTED_FIRST));
        experience->right += outcome->predictions[NMA_PREDICTED_FIRST].score == NMA_SCORE_RIGHT;
        experience->wrong += outcome->predictions[NMA_PREDICTED_FIRST].score == NMA_SCORE_WRONG;
        experience->last_wall_us = outcome->ended_wall_us;
    }
    if (bandwidths.n > 0) {
        experience->median_bandwidth_bytes_s = (gint64)quantile(&bandwidths, 0.5);
        experience->bandwidth_bytes_s =
            (NmaRange){ (gint64)bandwidths.values[0], (gint64)bandwidths.values[bandwidths.n - 1] };
    }
    if (costs.n > 0)
        experience->fixed_cost_ms = (gint64)quantile(&costs, 0.5);
    experience->duration_factor = factor_of(&durations);
    experience->before_factor = factor_of(&befores);
    experience->downtime_factor = factor_of(&downtimes);
}

void
nma_experiences_get(const NmaExperiences *experiences, const char *destination,
                    NmaExperience *experience)
{
    const Pair *pair =
        destination != NULL ? g_hash_table_lookup(experiences->pairs, destination) : NULL;

    nma_experience_clear(experience);
    if (pair != NULL)
        summarise(pair, experience);
}

static int
by_name(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(a, b);
}

void
nma_experiences_foreach(const NmaExperiences *experiences,
                        void (*each)(const char *destination, const NmaExperience *,
                                     gpointer user_data),
                        gpointer user_data)
{
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(experiences->pairs), by_name);

    for (GList *name = names; name != NULL; name = name->next) {
        NmaExperience experience;

        nma_experiences_get(experiences, name->data, &experience);
        each(name->data, &experience, user_data);
    }
}

void
nma_range_widen(NmaRange *range, double factor)
{
    double apart;

    if (range->low < 0 || range->high < 0 || !(factor > 1))
        return;
    apart = sqrt((double)MAX(range->high, 1) / (double)MAX(range->low, 1));
    if (apart >= factor)
        return;
    range->low = (gint64)((double)range->low * apart / factor);
    range->high = (gint64)MIN((double)range->high * factor / apart, MAX_FIGURE);
}

gboolean
nma_is_limited(double bandwidth, double limit)
{
    return limit > 0 && bandwidth >= LIMITED_SHARE * limit;
}

void
nma_experience_lift_limit(const NmaExperience *learnt, gint64 cost_ms, NmaRange *downtime_ms)
{
    if (downtime_ms->high < 0)
        return;
    downtime_ms->low = MIN(downtime_ms->low, (gint64)((double)cost_ms / DOWNTIME_SPREAD));
    if (learnt->fixed_cost_ms >= 0)
        downtime_ms->high = MIN(downtime_ms->high, (gint64)((double)cost_ms * DOWNTIME_SPREAD));
}
