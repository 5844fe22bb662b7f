#include "agent/core/course.h"

#include <math.h>

#define MAX_PASSES 500
/* a rest that comes again so exactly comes for ever */
#define AGAIN 1e-6

double
nma_course_dirtied(double set_bytes, double tau_s, double time_s, double left_bytes)
{
    return MAX(set_bytes - left_bytes, 0) * -expm1(-time_s / tau_s);
}

double
nma_course_needed_s(double set_bytes, double tau_s, double bandwidth_bytes_s, double slice_s)
{
    return set_bytes / bandwidth_bytes_s - slice_s / -expm1(-slice_s / tau_s);
}

static double
limit_at(const NmaLadder *ladder, double time_s)
{
    double step;

    if (ladder->step_s <= 0 || ladder->steps == 0)
        return ladder->most_s;
    step = MIN(floor(time_s / ladder->step_s), (double)ladder->steps);
    return ladder->first_s + step * (ladder->most_s - ladder->first_s) / ladder->steps;
}

/* The rest is the same after each pass: nothing changes before Nova permits more. */
static double
skip_to_next_step(const NmaLadder *ladder, double time_s, double pass_s)
{
    double next_s = (floor(time_s / ladder->step_s) + 1) * ladder->step_s;

    return MAX(floor((next_s - time_s) / pass_s), 0) * pass_s;
}

static gboolean
is_at_its_most(const NmaLadder *ladder, double time_s)
{
    return ladder->step_s <= 0 || time_s >= ladder->step_s * ladder->steps;
}

gboolean
nma_course_run(double set_bytes, double tau_s, double rest_bytes, double bandwidth_bytes_s,
               double cost_s, const NmaLadder *ladder, NmaCourse *course)
{
    double rest = rest_bytes, mark = -1;

    *course = (NmaCourse){ .time_s = 0 };
    for (guint i = 0; i < MAX_PASSES; i++) {
        double before = rest, time_s, left;
        double over_s =
            rest / bandwidth_bytes_s - limit_at(ladder, course->time_s); /* more than allowed */

        if (over_s <= 0) {
            course->downtime_s = rest / bandwidth_bytes_s + cost_s;
            course->time_s += course->downtime_s;
            course->sent_bytes += rest;
            return TRUE;
        }
        time_s = MIN(ceil(over_s / NMA_SLICE_HIGH_S) * NMA_SLICE_HIGH_S, rest / bandwidth_bytes_s);
        left = MAX(rest - time_s * bandwidth_bytes_s, 0);
        course->time_s += time_s;
        course->sent_bytes += rest - left;
        course->passes++;
        rest = left + nma_course_dirtied(set_bytes, tau_s, time_s, left);
        if (is_at_its_most(ladder, course->time_s)) {
            /* the mark goes on in ever longer strides, so a cycle of any length is found */
            if (fabs(rest - mark) < AGAIN * rest)
                return FALSE;
            if ((i & (i + 1)) == 0)
                mark = rest;
        } else if (fabs(rest - before) < 0.001 * before) {
            double skipped_s = skip_to_next_step(ladder, course->time_s, time_s);

            course->time_s += skipped_s;
            course->sent_bytes += skipped_s * bandwidth_bytes_s;
        }
    }
    return FALSE;
}
