#include "agent/core/outlook.h"

#include <math.h>

#include "agent/core/course.h"
#include "agent/core/job_stats.h"

#define MIB          1048576.0
#define GIB          (1024 * MIB)
#define MAX_FIGURE   9e15 /* what a JSON reader holds exactly */
#define MARGIN       0.1  /* of the limit, on both sides */
#define COST_LOW_MS  20   /* of a switchover nobody has seen */
#define COST_HIGH_MS 300
/* bandwidth: of what is known, the least and the most that may come, and what is expected */
#define SEEN_LOW       0.9
#define SEEN_HIGH      1.1
#define LIMIT_LOW      0.5
#define LIMIT_EXPECTED 0.95
#define LINK_LOW       0.2
#define LINK_EXPECTED  0.8
/* QEMU samples so many pages of each GiB; libvirt gives whole MiB/s (QEMU
 * migration/dirtyrate.h, qapi/migration.json calc-dirty-rate) */
#define SAMPLES_PER_GIB 512
#define RATE_STEP_BYTES MIB
#define DEVIATIONS      1.5
/* QEMU's own memory, beside the guest's; up to twice as much without KVM */
#define QEMU_OWN_BYTES (64 * MIB)
#define LEAST_NONZERO  0.3 /* of what is resident */
#define MIN_SET_BYTES  4096.0
#define STEADY         0.98 /* so near to a straight line no end of the working set is seen */
#define MIN_TAU_S      0.02
#define TRIES          60

void
nma_measurement_init(NmaMeasurement *measurement, const char *instance_uuid)
{
    *measurement = (NmaMeasurement){
        .ram_bytes = NMA_UNKNOWN,
        .resident_bytes = NMA_UNKNOWN,
    };
    g_strlcpy(measurement->instance_uuid, instance_uuid, sizeof measurement->instance_uuid);
}

void
nma_measurement_clear(NmaMeasurement *measurement)
{
    g_clear_pointer(&measurement->text, g_free);
}

/* ---- guests that explain the two windows ---- */

typedef struct {
    double set_bytes, tau_s;
} Guest;

/* What was found dirty in a window, and how wrong that may be: few pages were looked at. */
typedef struct {
    double bytes, off_bytes;
} Dirtied;

static Dirtied
dirtied_in(const NmaDirtyWindow *window, double ram_bytes)
{
    double bytes = CLAMP(window->rate_bytes_s * window->period_s, 0, ram_bytes);
    double samples = MAX(ram_bytes / GIB * SAMPLES_PER_GIB, 1);
    double share = MAX(bytes / ram_bytes, 1 / samples);

    return (Dirtied){
        .bytes = bytes,
        .off_bytes = DEVIATIONS * sqrt(share * MAX(1 - share, 1 / samples) / samples) * ram_bytes +
                     RATE_STEP_BYTES * window->period_s / 2,
    };
}

/* W and tau of a guest that dirties `first` in t1 and `second` in t2. most_bytes: it cannot write
 * to more. */
static Guest
guest_of(double first, double second, const NmaDirtyWindow *windows, double most_bytes)
{
    double t1 = windows[0].period_s, t2 = windows[1].period_s;
    double low = MIN_TAU_S, high = 1e4, wanted;
    Guest guest;

    first = CLAMP(first, 1, most_bytes);
    second = CLAMP(second, first, most_bytes);
    wanted = second / first;
    if (wanted >= STEADY * t2 / t1) {
        guest.set_bytes = most_bytes;
        guest.tau_s = most_bytes / (second / t2);
        return guest;
    }
    for (guint i = 0; i < TRIES; i++) {
        double tau = sqrt(low * high);

        if (expm1(-t2 / tau) / expm1(-t1 / tau) < wanted)
            low = tau;
        else
            high = tau;
    }
    guest.tau_s = low;
    guest.set_bytes = MIN(second / -expm1(-t2 / low), most_bytes);
    return guest;
}

#define N_GUESTS 5

/* The first is the expected one. */
static void
find_guests(const NmaMeasurement *measurement, double most_bytes, Guest guests[N_GUESTS])
{
    const NmaDirtyWindow *windows = measurement->windows;
    double ram_bytes = (double)measurement->ram_bytes;
    Dirtied first = dirtied_in(&windows[0], ram_bytes);
    Dirtied second = dirtied_in(&windows[1], ram_bytes);
    const double off[N_GUESTS][2] = { { 0, 0 }, { -1, -1 }, { 1, 1 }, { -1, 1 }, { 1, -1 } };

    for (guint i = 0; i < N_GUESTS; i++)
        guests[i] = guest_of(MAX(first.bytes + off[i][0] * first.off_bytes, MIN_SET_BYTES),
                             MAX(second.bytes + off[i][1] * second.off_bytes, MIN_SET_BYTES),
                             windows, MAX(most_bytes, MIN_SET_BYTES));
}

/* ---- figures ---- */

typedef struct {
    double expected, low, high;
} Band;

static gint64
figure(double value)
{
    return isfinite(value) ? (gint64)CLAMP(value, 0, MAX_FIGURE) : NMA_UNKNOWN;
}

static NmaEstimate
estimate(const Band *band, double scale)
{
    return (NmaEstimate){ figure(band->expected * scale),
                          { figure(band->low * scale), figure(band->high * scale) } };
}

static void
widen(Band *band, double value)
{
    band->low = MIN(band->low, value);
    band->high = MAX(band->high, value);
}

static const NmaEstimate unknown = { NMA_UNKNOWN, { NMA_UNKNOWN, NMA_UNKNOWN } };

static NmaBandwidthSource
find_bandwidth(const NmaOutlookTerms *terms, Band *band)
{
    double limit = terms->configured_bytes_s > 0 ? (double)terms->configured_bytes_s : INFINITY;
    double link = terms->link_bytes_s > 0 ? (double)terms->link_bytes_s : INFINITY;

    if (terms->learnt->median_bandwidth_bytes_s > 0) {
        *band = (Band){ (double)terms->learnt->median_bandwidth_bytes_s,
                        SEEN_LOW * (double)terms->learnt->bandwidth_bytes_s.low,
                        SEEN_HIGH * (double)terms->learnt->bandwidth_bytes_s.high };
        return NMA_BANDWIDTH_HISTORY;
    }
    if (isfinite(limit) && limit <= link) {
        *band = (Band){ LIMIT_EXPECTED * limit, LIMIT_LOW * limit, limit };
        return NMA_BANDWIDTH_NOVA_CONF;
    }
    if (isfinite(link)) {
        *band = (Band){ LINK_EXPECTED * link, LINK_LOW * link, link };
        return NMA_BANDWIDTH_LINK;
    }
    return NMA_BANDWIDTH_UNKNOWN;
}

static Band
fixed_cost_ms(const NmaOutlookTerms *terms)
{
    double seen_ms = (double)terms->learnt->fixed_cost_ms;

    if (seen_ms >= 0)
        return (Band){ seen_ms, seen_ms / 2, seen_ms * 1.5 };
    return (Band){ (double)terms->limits.fixed_cost_ms, COST_LOW_MS, COST_HIGH_MS };
}

/* What is not resident is zero, unless it was swapped out; QEMU itself is in it too. */
static Band
nonzero_bytes(const NmaMeasurement *measurement)
{
    double ram = (double)measurement->ram_bytes;
    double resident = (double)measurement->resident_bytes;
    double least;

    if (resident < 0)
        return (Band){ ram, 0.1 * ram, ram };
    least = LEAST_NONZERO * MIN(resident, ram);
    return (Band){ CLAMP(resident - QEMU_OWN_BYTES, least, ram),
                   CLAMP(resident - 2 * QEMU_OWN_BYTES, least, ram), ram };
}

/* ---- the judgement ---- */

typedef struct {
    Guest guests[N_GUESTS];
    Band bandwidth, cost_ms, nonzero;
    NmaLadder ladder;
} Case;

typedef struct {
    Band time_s, sent, downtime_s, least_s;
    gboolean ends_expected, ends_always;
} Courses;

static double
least_s(const Guest *guest, double bandwidth, double slice_s, double cost_ms)
{
    return MAX(nma_course_needed_s(guest->set_bytes, guest->tau_s, bandwidth, slice_s), 0) +
           cost_ms / 1e3;
}

static void
add_course(const Case *it, const Guest *guest, double bandwidth, double nonzero, double cost_ms,
           Courses *courses)
{
    NmaCourse course;

    widen(&courses->least_s, least_s(guest, bandwidth, NMA_SLICE_HIGH_S, cost_ms));
    widen(&courses->least_s, least_s(guest, bandwidth, NMA_SLICE_LOW_S, cost_ms));
    if (!nma_course_run(guest->set_bytes, guest->tau_s, nonzero, bandwidth, cost_ms / 1e3,
                        &it->ladder, &course)) {
        courses->ends_always = FALSE;
        return;
    }
    widen(&courses->time_s, course.time_s);
    widen(&courses->sent, course.sent_bytes);
    widen(&courses->downtime_s, course.downtime_s);
}

static void
run_all(const Case *it, Courses *courses)
{
    const double bandwidths[] = { it->bandwidth.expected, it->bandwidth.low, it->bandwidth.high };
    const double amounts[] = { it->nonzero.expected, it->nonzero.low, it->nonzero.high };
    const double costs[] = { it->cost_ms.expected, it->cost_ms.low, it->cost_ms.high };
    const Guest *expected = &it->guests[0];
    const Band nothing = { INFINITY, INFINITY, -INFINITY };
    NmaCourse course;

    *courses = (Courses){ nothing, nothing, nothing, nothing, TRUE, TRUE };
    courses->least_s.expected =
        least_s(expected, it->bandwidth.expected, NMA_SLICE_HIGH_S, it->cost_ms.expected);
    courses->ends_expected =
        nma_course_run(expected->set_bytes, expected->tau_s, it->nonzero.expected,
                       it->bandwidth.expected, it->cost_ms.expected / 1e3, &it->ladder, &course);
    if (courses->ends_expected) {
        courses->time_s.expected = course.time_s;
        courses->sent.expected = course.sent_bytes;
        courses->downtime_s.expected = course.downtime_s;
    }
    for (guint g = 0; g < N_GUESTS; g++)
        for (guint b = 0; b < G_N_ELEMENTS(bandwidths); b++)
            for (guint v = 0; v < G_N_ELEMENTS(amounts); v++)
                add_course(it, &it->guests[g], bandwidths[b], amounts[v], costs[v], courses);
    if (!courses->ends_always)
        courses->time_s.high = courses->sent.high = INFINITY;
}

static void
lift_limit(const Case *it, const NmaOutlookTerms *terms, NmaOutlook *outlook)
{
    gint64 cost_ms = outlook->fixed_cost_ms.expected;
    NmaEstimate *downtime_ms = &outlook->downtime_ms;

    if (!nma_is_limited(it->bandwidth.expected, (double)terms->configured_bytes_s))
        return;
    nma_experience_lift_limit(terms->learnt, cost_ms, &downtime_ms->range);
    if (downtime_ms->range.high >= 0 &&
        (downtime_ms->expected < 0 || downtime_ms->expected > cost_ms))
        downtime_ms->expected = cost_ms;
}

static void
say_guests(const Case *it, NmaOutlook *outlook)
{
    Band set = { it->guests[0].set_bytes, INFINITY, 0 };
    Band rate = { it->guests[0].set_bytes / it->guests[0].tau_s, INFINITY, 0 };

    for (guint g = 0; g < N_GUESTS; g++) {
        widen(&set, it->guests[g].set_bytes);
        widen(&rate, it->guests[g].set_bytes / it->guests[g].tau_s);
    }
    outlook->working_set_bytes = estimate(&set, 1);
    outlook->dirty_rate_bytes_s = estimate(&rate, 1);
    outlook->nonzero_bytes = estimate(&it->nonzero, 1);
    outlook->fixed_cost_ms = estimate(&it->cost_ms, 1);
}

static void
decide(const Courses *courses, NmaOutlook *outlook)
{
    double limit_s = (double)outlook->max_downtime_ms / 1e3;

    if (courses->ends_always && courses->least_s.high <= (1 - MARGIN) * limit_s) {
        outlook->verdict = NMA_FORECAST_CONVERGES;
    } else if (courses->least_s.low > (1 + MARGIN) * limit_s) {
        outlook->verdict = NMA_FORECAST_HOPELESS;
    } else {
        outlook->why = NMA_DOUBT_BORDERLINE;
    }
}

void
nma_outlook_judge(const NmaMeasurement *measurement, const NmaOutlookTerms *terms,
                  NmaOutlook *outlook)
{
    gint64 gib = MAX((measurement->ram_bytes + (gint64)GIB - 1) / (gint64)GIB, 2);
    Case it = {
        .ladder = { (double)terms->limits.first_downtime_ms / 1e3,
                    (double)terms->limits.max_downtime_ms / 1e3,
                    (double)terms->downtime_delay_s * (double)gib, (guint)terms->downtime_steps },
        .cost_ms = fixed_cost_ms(terms),
        .nonzero = nonzero_bytes(measurement),
    };
    Courses courses;

    *outlook = (NmaOutlook){
        .verdict = NMA_FORECAST_UNKNOWN,
        .why = NMA_DOUBT_NO_BANDWIDTH,
        .max_downtime_ms = terms->limits.max_downtime_ms,
        .bandwidth_bytes_s = unknown,
        .least_downtime_ms = unknown,
        .duration_ms = unknown,
        .sent_bytes = unknown,
        .downtime_ms = unknown,
    };
    find_guests(measurement, it.nonzero.high, it.guests);
    say_guests(&it, outlook);
    outlook->bandwidth_source = find_bandwidth(terms, &it.bandwidth);
    if (outlook->bandwidth_source == NMA_BANDWIDTH_UNKNOWN)
        return;
    outlook->why = NMA_DOUBT_NONE;
    outlook->bandwidth_bytes_s = estimate(&it.bandwidth, 1);
    run_all(&it, &courses);
    outlook->least_downtime_ms = estimate(&courses.least_s, 1e3);
    decide(&courses, outlook);
    if (outlook->verdict == NMA_FORECAST_HOPELESS)
        return;
    outlook->duration_ms = estimate(&courses.time_s, 1e3);
    outlook->sent_bytes = estimate(&courses.sent, 1);
    outlook->downtime_ms = estimate(&courses.downtime_s, 1e3);
    lift_limit(&it, terms, outlook);
    nma_range_widen(&outlook->duration_ms.range, terms->learnt->before_factor);
}

NmaPrediction
nma_outlook_prediction(const NmaOutlook *outlook)
{
    return (NmaPrediction){
        .verdict = outlook->verdict,
        .at_ms = 0,
        .lasts_ms = outlook->duration_ms.range,
        .downtime_ms = outlook->downtime_ms.range,
        .expected_ms = outlook->duration_ms.expected,
    };
}

/* ---- words ---- */

const char *
nma_bandwidth_source_to_string(NmaBandwidthSource source)
{
    static const char *const names[NMA_N_BANDWIDTHS] = {
        [NMA_BANDWIDTH_UNKNOWN] = "",
        [NMA_BANDWIDTH_HISTORY] = "history",
        [NMA_BANDWIDTH_NOVA_CONF] = "nova_conf",
        [NMA_BANDWIDTH_LINK] = "link",
    };

    g_return_val_if_fail((guint)source < NMA_N_BANDWIDTHS, "");
    return names[source];
}

static void
append_range_s(GString *out, const char *before, NmaRange range_ms)
{
    if (range_ms.low < 0)
        return;
    g_string_append_printf(out, "%s%.2f", before, (double)range_ms.low / 1e3);
    if (range_ms.high >= 0)
        g_string_append_printf(out, " to %.2f s", (double)range_ms.high / 1e3);
    else
        g_string_append(out, " s or more");
}

char *
nma_outlook_diagnosis(const NmaOutlook *outlook)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "the guest dirties about %.1f MiB/s of %.0f MiB, ",
                           (double)outlook->dirty_rate_bytes_s.expected / MIB,
                           (double)outlook->working_set_bytes.expected / MIB);
    if (outlook->bandwidth_source == NMA_BANDWIDTH_UNKNOWN) {
        g_string_append(out, "and nothing is known of the bandwidth");
        return g_string_free(out, FALSE);
    }
    g_string_append_printf(out, "about %.1f MiB/s can be sent; ",
                           (double)outlook->bandwidth_bytes_s.expected / MIB);
    switch (outlook->verdict) {
    case NMA_FORECAST_HOPELESS:
        g_string_append_printf(out, "will not end within %.1f s of downtime",
                               (double)outlook->max_downtime_ms / 1e3);
        append_range_s(out, ": needs ", outlook->least_downtime_ms.range);
        break;
    case NMA_FORECAST_CONVERGES:
        append_range_s(out, "ends in ", outlook->duration_ms.range);
        append_range_s(out, " with a downtime of ", outlook->downtime_ms.range);
        break;
    default:
        g_string_append_printf(out, "may or may not end within %.1f s of downtime",
                               (double)outlook->max_downtime_ms / 1e3);
        append_range_s(out, ": needs ", outlook->least_downtime_ms.range);
        break;
    }
    return g_string_free(out, FALSE);
}
