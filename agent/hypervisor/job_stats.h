/*
 * libvirt's typed parameters of a job, turned into core's plain numbers.
 */
#pragma once

#include <libvirt/libvirt.h>

#include "agent/core/job_stats.h"

/* type: a virDomainJobType. What is missing, negative, beyond gint64 or of another type than a
 * whole number stays NMA_UNKNOWN; parameters without a row in the table are passed over. */
void nma_job_stats_from_libvirt(NmaJobStats *stats, int type, virTypedParameterPtr params,
                                int n_params);

/* FALSE when the parameters of a job-completed event say that the job failed ("success" 0;
 * a migration's event has no such parameter, it is only raised on success) */
gboolean nma_job_stats_tell_success(virTypedParameterPtr params, int n_params);
