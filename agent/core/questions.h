/*
 * How often a host may ask the conductor: once an interval in the mean, up to three saved up.
 */
#pragma once

#include <glib.h>

#include "agent/core/now.h"

typedef struct {
    gint64 interval_us;
    gint64 full_boot_us; /* when everything is saved up again */
    gint64 last_boot_us;
} NmaQuestions;

void nma_questions_init(NmaQuestions *questions, gint64 interval_us);
gint64 nma_questions_allowed(const NmaQuestions *questions); /* boot_us of the next one */
void nma_questions_spend(NmaQuestions *questions, NmaNow now);
