/* Reports of every phase, kind and step, for the tests of their JSON. */
#pragma once

#include "agent/core/forecast.h"
#include "agent/core/remedy.h"
#include "agent/core/report.h"

#define REPORT_SAMPLE_BARE 0 /* nothing known that need not be */
#define REPORT_SAMPLE_FULL 1 /* everything known */
/* then each phase × kind, with the other words taken in turn */
#define N_REPORT_SAMPLES (2 + NMA_N_PHASES * (NMA_REPORT_ERROR + 1))

/* owned by the caller */
NmaReport *report_sample(guint i);

/* every figure set; verdict and words by i, below N_FORECAST_SAMPLES */
#define N_FORECAST_SAMPLES 4
NmaForecastReport *forecast_sample(guint i);

/* each remedy with each outcome */
#define N_REMEDY_SAMPLES ((NMA_N_REMEDIES - 1) * NMA_N_REMEDY_KINDS)
NmaRemedyReport *remedy_sample(guint i);
