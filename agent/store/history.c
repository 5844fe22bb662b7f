#include "agent/store/history.h"

#include "agent/store/store_internal.h"

gboolean
nma_history_append(NmaStore *store, const NmaOutcome *outcome, GError **error)
{
    return nma_rows_put_outcome(store, outcome, error) &&
           nma_store_run(store, nma_store_sql(store, NMA_SQL_HISTORY_TRIM), "trimming the history",
                         error);
}

gboolean
nma_history_load(NmaStore *store, GPtrArray **outcomes, guint *skipped, GError **error)
{
    *skipped = 0;
    return nma_rows_load_outcomes(store, outcomes, skipped, error);
}
