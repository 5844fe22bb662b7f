/*
 * What the files of the checks share: the judges, and the words they use. A judge is called with a
 * result that says ok and nothing else, and gives it a text in any case. Nobody else includes this.
 */
#pragma once

#include "agent/core/check.h"

#define NMA_MIB G_GINT64_CONSTANT(1048576)

typedef void (*NmaJudge)(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);

/* needs: what it needs and why that is missing, "needs …" */
void nma_check_unknown(NmaCheckResult *result, const char *needs);
void nma_check_ok(NmaCheckResult *result, const char *format, ...) G_GNUC_PRINTF(2, 3);
void nma_check_warn(NmaCheckResult *result, NmaReason reason, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void nma_check_refuse(NmaCheckResult *result, NmaReason reason, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* a + b of figures from outside: stays at the largest number; what is unknown counts as 0 */
gint64 nma_sum(gint64 a, gint64 b);

/* check_memory.c */
void nma_judge_memory(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_huge_pages(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_memory_pressure(const NmaDemand *demand, const NmaFacts *facts,
                               NmaCheckResult *result);
