/* What convergence.c (passes) and convergence_fit.c (guests that explain them) share. */
#pragma once

#include "agent/core/convergence.h"

/* the model's answer from passes[] and bulk: fills verdict, why, cause and figures */
void nma_convergence_judge(NmaConvergence *convergence);
