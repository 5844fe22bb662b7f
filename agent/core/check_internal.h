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

/* FALSE, and the result says why, when nothing is known of the running guest */
gboolean nma_check_has_guest(const NmaDemand *demand, const NmaFacts *facts,
                             NmaCheckResult *result);

void nma_judge_memory(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_huge_pages(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_numa(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_memory_pressure(const NmaDemand *demand, const NmaFacts *facts,
                               NmaCheckResult *result);
void nma_judge_disk(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_cpu(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_machine(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_versions(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_vcpus(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_incoming(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_maintenance(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_devices(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_path(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_link(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_tls(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_post_copy(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
void nma_judge_clocks(const NmaDemand *demand, const NmaFacts *facts, NmaCheckResult *result);
