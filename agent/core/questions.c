#include "agent/core/questions.h"

#define SAVED_UP 3
#define SPACE_US (5 * NMA_US_PER_S)

void
nma_questions_init(NmaQuestions *questions, gint64 interval_us)
{
    *questions = (NmaQuestions){ .interval_us = MAX(interval_us, 1), .last_boot_us = -SPACE_US };
}

gint64
nma_questions_allowed(const NmaQuestions *questions)
{
    return MAX(questions->last_boot_us + MIN(SPACE_US, questions->interval_us),
               questions->full_boot_us - (SAVED_UP - 1) * questions->interval_us);
}

void
nma_questions_spend(NmaQuestions *questions, NmaNow now)
{
    questions->last_boot_us = now.boot_us;
    questions->full_boot_us = MAX(questions->full_boot_us, now.boot_us) + questions->interval_us;
}
