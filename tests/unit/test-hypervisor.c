/* What libvirt's words become in core's, and what the access table promises; no libvirtd. */
#include <libvirt/virterror.h>
#include <string.h>

#include "agent/hypervisor/access.h"
#include "agent/hypervisor/domain.h"
#include "agent/hypervisor/events.h"
#include "agent/hypervisor/job_stats.h"
#include "agent/hypervisor/libvirt_error.h"
#include "agent/hypervisor/loop.h"
#include "agent/hypervisor/measuring.h"
#include "tests/unit/tap.h"

/* ---- lifecycle ---- */

static void
test_lifecycle(void)
{
    static const struct {
        int event, detail;
        NmaLifecycle what;
    } expected[] = {
        { VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_MIGRATED,
          NMA_LIFECYCLE_STARTED_MIGRATED },
        { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,
          NMA_LIFECYCLE_SUSPENDED_MIGRATED },
        { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY,
          NMA_LIFECYCLE_SUSPENDED_POSTCOPY },
        { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED,
          NMA_LIFECYCLE_SUSPENDED_POSTCOPY_FAILED },
        { VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED,
          NMA_LIFECYCLE_SUSPENDED_OTHER },
        { VIR_DOMAIN_EVENT_SUSPENDED, 99, NMA_LIFECYCLE_SUSPENDED_OTHER },
        { VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED,
          NMA_LIFECYCLE_RESUMED_MIGRATED },
        { VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY,
          NMA_LIFECYCLE_RESUMED_POSTCOPY },
        { VIR_DOMAIN_EVENT_RESUMED, 4, NMA_LIFECYCLE_RESUMED_POSTCOPY_FAILED },
        { VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED,
          NMA_LIFECYCLE_RESUMED_OTHER },
        { VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED,
          NMA_LIFECYCLE_STOPPED_MIGRATED },
        { VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED, NMA_LIFECYCLE_STOPPED_FAILED },
        { VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED,
          NMA_LIFECYCLE_STOPPED_OTHER },
        { VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_CRASHED, NMA_LIFECYCLE_STOPPED_OTHER },
        { VIR_DOMAIN_EVENT_STOPPED, 99, NMA_LIFECYCLE_STOPPED_OTHER },
    };
    gboolean seen[NMA_N_LIFECYCLES] = { FALSE };

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        NmaLifecycle what;

        g_assert_true(nma_lifecycle_from_libvirt(expected[i].event, expected[i].detail, &what));
        g_assert_cmpint(what, ==, expected[i].what);
        seen[what] = TRUE;
    }
    for (guint i = 0; i < NMA_N_LIFECYCLES; i++)
        g_assert_true(seen[i]);
}

static void
test_lifecycle_of_no_matter(void)
{
    static const int unimportant[][2] = {
        { VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_ADDED },
        { VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED },
        { VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED },
        { VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_RESTORED },
        { VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED },
        { VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED },
        { 4711, 0 },
        { -1, -1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(unimportant); i++) {
        NmaLifecycle what = NMA_N_LIFECYCLES;

        g_assert_false(nma_lifecycle_from_libvirt(unimportant[i][0], unimportant[i][1], &what));
        g_assert_cmpint(what, ==, NMA_N_LIFECYCLES);
    }
}

/* ---- state ---- */

static void
test_state(void)
{
    static const struct {
        int state, reason;
        gboolean incoming;
        NmaDomainState is;
    } expected[] = {
        { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, FALSE, NMA_DOMAIN_RUNNING },
        { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, TRUE, NMA_DOMAIN_RUNNING },
        { VIR_DOMAIN_BLOCKED, 0, FALSE, NMA_DOMAIN_RUNNING },
        { VIR_DOMAIN_SHUTDOWN, 0, FALSE, NMA_DOMAIN_RUNNING },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, FALSE, NMA_DOMAIN_PAUSED },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, TRUE, NMA_DOMAIN_PAUSED },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, FALSE, NMA_DOMAIN_PAUSED_MIGRATION },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, TRUE, NMA_DOMAIN_PAUSED_MIGRATION },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, TRUE, NMA_DOMAIN_PAUSED_MIGRATION },
        /* a guest that starts without any migration */
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, FALSE, NMA_DOMAIN_PAUSED },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, FALSE, NMA_DOMAIN_PAUSED_POSTCOPY },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, FALSE,
          NMA_DOMAIN_PAUSED_POSTCOPY_FAILED },
        { VIR_DOMAIN_PAUSED, 99, FALSE, NMA_DOMAIN_PAUSED },
        { VIR_DOMAIN_PMSUSPENDED, 0, FALSE, NMA_DOMAIN_PAUSED },
        { VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, FALSE, NMA_DOMAIN_PAUSED },
        { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED, FALSE, NMA_DOMAIN_ABSENT },
        { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED, FALSE, NMA_DOMAIN_ABSENT },
        { VIR_DOMAIN_NOSTATE, 0, FALSE, NMA_DOMAIN_UNKNOWN },
        { 4711, 0, FALSE, NMA_DOMAIN_UNKNOWN },
        { -1, -1, TRUE, NMA_DOMAIN_UNKNOWN },
    };

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpint(nma_domain_state_from_libvirt(expected[i].state, expected[i].reason,
                                                      expected[i].incoming),
                        ==, expected[i].is);
}

/* ---- job statistics ---- */

static void
add_ullong(virTypedParameterPtr *params, int *n, int *max, const char *name,
           unsigned long long value)
{
    g_assert_cmpint(virTypedParamsAddULLong(params, n, max, name, value), ==, 0);
}

static void
test_job_stats_every_figure(void)
{
    static const struct {
        const char *name;
        gsize offset;
    } figures[] = {
        { "time_elapsed", G_STRUCT_OFFSET(NmaJobStats, elapsed_ms) },
        { "data_total", G_STRUCT_OFFSET(NmaJobStats, data_total_bytes) },
        { "memory_total", G_STRUCT_OFFSET(NmaJobStats, memory_total_bytes) },
        { "memory_processed", G_STRUCT_OFFSET(NmaJobStats, memory_processed_bytes) },
        { "memory_remaining", G_STRUCT_OFFSET(NmaJobStats, memory_remaining_bytes) },
        { "memory_bps", G_STRUCT_OFFSET(NmaJobStats, memory_bps) },
        { "memory_normal", G_STRUCT_OFFSET(NmaJobStats, memory_normal_pages) },
        { "memory_constant", G_STRUCT_OFFSET(NmaJobStats, memory_zero_pages) },
        { "memory_normal_bytes", G_STRUCT_OFFSET(NmaJobStats, memory_normal_bytes) },
        { "memory_dirty_rate", G_STRUCT_OFFSET(NmaJobStats, memory_dirty_rate_pages_s) },
        { "memory_page_size", G_STRUCT_OFFSET(NmaJobStats, memory_page_size_bytes) },
        { "memory_iteration", G_STRUCT_OFFSET(NmaJobStats, memory_iteration) },
        { "memory_postcopy_requests", G_STRUCT_OFFSET(NmaJobStats, memory_postcopy_requests) },
        { "disk_total", G_STRUCT_OFFSET(NmaJobStats, disk_total_bytes) },
        { "disk_processed", G_STRUCT_OFFSET(NmaJobStats, disk_processed_bytes) },
        { "disk_remaining", G_STRUCT_OFFSET(NmaJobStats, disk_remaining_bytes) },
        { "disk_bps", G_STRUCT_OFFSET(NmaJobStats, disk_bps) },
        { "downtime", G_STRUCT_OFFSET(NmaJobStats, downtime_ms) },
        { "downtime_net", G_STRUCT_OFFSET(NmaJobStats, downtime_net_ms) },
        { "setup_time", G_STRUCT_OFFSET(NmaJobStats, setup_time_ms) },
        { "auto_converge_throttle", G_STRUCT_OFFSET(NmaJobStats, throttle_percent) },
        { "compression_cache", G_STRUCT_OFFSET(NmaJobStats, compression_cache_bytes) },
        { "compression_bytes", G_STRUCT_OFFSET(NmaJobStats, compression_bytes) },
        { "compression_pages", G_STRUCT_OFFSET(NmaJobStats, compression_pages) },
    };
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0;
    NmaJobStats stats;

    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        add_ullong(&params, &n, &max, figures[i].name, 1000 + i);
    virTypedParamsAddInt(&params, &n, &max, "operation", VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddString(&params, &n, &max, "errmsg", "of no matter");
    nma_job_stats_from_libvirt(&stats, VIR_DOMAIN_JOB_UNBOUNDED, params, n);
    g_assert_cmpint(stats.kind, ==, NMA_JOB_MIGRATION_OUT);
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        g_assert_cmpint(G_STRUCT_MEMBER(gint64, &stats, figures[i].offset), ==, 1000 + i);
    virTypedParamsFree(params, n);
}

static void
test_job_stats_unknown_is_not_zero(void)
{
    NmaJobStats stats;

    nma_job_stats_from_libvirt(&stats, VIR_DOMAIN_JOB_UNBOUNDED, NULL, 0);
    g_assert_cmpint(stats.kind, ==, NMA_JOB_OTHER);
    g_assert_cmpint(stats.downtime_ms, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.compression_pages, ==, NMA_UNKNOWN);
    nma_job_stats_from_libvirt(&stats, VIR_DOMAIN_JOB_NONE, NULL, 0);
    g_assert_cmpint(stats.kind, ==, NMA_JOB_NONE);
    g_assert_cmpint(stats.elapsed_ms, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.compression_pages, ==, NMA_UNKNOWN);
}

static void
test_job_stats_hostile(void)
{
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0;
    NmaJobStats stats;

    add_ullong(&params, &n, &max, "memory_total", G_MAXUINT64);
    virTypedParamsAddLLong(&params, &n, &max, "data_total", -5);
    virTypedParamsAddInt(&params, &n, &max, "downtime", -1);
    virTypedParamsAddString(&params, &n, &max, "memory_iteration", "7");
    virTypedParamsAddDouble(&params, &n, &max, "memory_bps", 1e300);
    virTypedParamsAddUInt(&params, &n, &max, "auto_converge_throttle", 99);
    virTypedParamsAddLLong(&params, &n, &max, "setup_time", 12);
    virTypedParamsAddString(&params, &n, &max, "operation", "migrate");
    nma_job_stats_from_libvirt(&stats, VIR_DOMAIN_JOB_BOUNDED, params, n);
    g_assert_cmpint(stats.kind, ==, NMA_JOB_OTHER);
    g_assert_cmpint(stats.memory_total_bytes, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.data_total_bytes, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.downtime_ms, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.memory_iteration, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.memory_bps, ==, NMA_UNKNOWN);
    g_assert_cmpint(stats.throttle_percent, ==, 99);
    g_assert_cmpint(stats.setup_time_ms, ==, 12);
    virTypedParamsFree(params, n);
}

static void
test_job_kinds(void)
{
    static const struct {
        int operation;
        NmaJobKind kind;
    } expected[] = {
        { VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, NMA_JOB_MIGRATION_OUT },
        { VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN, NMA_JOB_MIGRATION_IN },
        { VIR_DOMAIN_JOB_OPERATION_SAVE, NMA_JOB_OTHER },
        { VIR_DOMAIN_JOB_OPERATION_DUMP, NMA_JOB_OTHER },
        { VIR_DOMAIN_JOB_OPERATION_SNAPSHOT, NMA_JOB_OTHER },
        { VIR_DOMAIN_JOB_OPERATION_BACKUP, NMA_JOB_OTHER },
        { VIR_DOMAIN_JOB_OPERATION_UNKNOWN, NMA_JOB_OTHER },
        { 4711, NMA_JOB_OTHER },
    };

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        virTypedParameterPtr params = NULL;
        int n = 0, max = 0;
        NmaJobStats stats;

        virTypedParamsAddInt(&params, &n, &max, "operation", expected[i].operation);
        nma_job_stats_from_libvirt(&stats, VIR_DOMAIN_JOB_UNBOUNDED, params, n);
        g_assert_cmpint(stats.kind, ==, expected[i].kind);
        virTypedParamsFree(params, n);
    }
}

static void
test_job_success(void)
{
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0;

    g_assert_true(nma_job_stats_tell_success(NULL, 0));
    virTypedParamsAddBoolean(&params, &n, &max, "success", 1);
    g_assert_true(nma_job_stats_tell_success(params, n));
    params[0].value.b = 0;
    g_assert_false(nma_job_stats_tell_success(params, n));
    virTypedParamsFree(params, n);
}

/* ---- errors ---- */

/* A name that is too long is quoted in libvirt's error: a way to put words into its text. */
static void
make_libvirt_say(const char *words)
{
    g_autofree char *padding = g_strnfill(VIR_TYPED_PARAM_FIELD_LENGTH, '-');
    g_autofree char *name = g_strconcat(words, padding, NULL);
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0;

    g_assert_cmpint(virTypedParamsAddInt(&params, &n, &max, name, 1), ==, -1);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), words));
    virTypedParamsFree(params, n);
}

static void
test_error_text_is_bounded(void)
{
    g_autofree char *words = g_strnfill(1500, 'x');
    int code;

    make_libvirt_say(words);

    g_autofree char *text = nma_libvirt_error_text(&code);

    g_assert_cmpuint(strlen(text), <=, 1024);
    g_assert_cmpuint(strlen(text), >, 1000);
    g_assert_cmpint(code, !=, VIR_ERR_OK);
}

static void
test_error_text_is_one_clean_line(void)
{
    g_autofree char *many = g_strnfill(1500, '\xff');
    const char *words[] = { "a\nb\tc\x1b[31m\x7f", "\xff\xfe bad", "\xc3\xa9\xc3", many };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        make_libvirt_say(words[i]);

        g_autofree char *text = nma_libvirt_error_text(NULL);

        g_assert_true(g_utf8_validate(text, -1, NULL));
        g_assert_cmpuint(strlen(text), <=, 1024);
        g_assert_cmpuint(strlen(text), >, 20);
        for (const char *sign = text; *sign; sign++) {
            g_assert_cmpint((guchar)*sign, >=, 0x20);
            g_assert_cmpint(*sign, !=, 0x7f);
        }
    }
}

static void
test_no_error(void)
{
    int code = -1;

    virResetLastError();

    g_autofree char *text = nma_libvirt_error_text(&code);

    g_assert_cmpint(code, ==, VIR_ERR_OK);
    g_assert_cmpstr(text, !=, "");
}

/* ---- dirty rate ---- */

static gboolean
window_of(int status, int period_s, gint64 rate, NmaDirtyWindow *window)
{
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0;
    gboolean measured;

    g_assert_cmpint(virTypedParamsAddInt(&params, &n, &max, "dirtyrate.calc_status", status), ==,
                    0);
    g_assert_cmpint(virTypedParamsAddInt(&params, &n, &max, "dirtyrate.calc_period", period_s), ==,
                    0);
    g_assert_cmpint(
        virTypedParamsAddLLong(&params, &n, &max, "dirtyrate.megabytes_per_second", rate), ==, 0);
    measured = nma_dirty_window_from_libvirt(params, n, 5, window);
    virTypedParamsFree(params, n);
    return measured;
}

static void
test_dirty_rate(void)
{
    NmaDirtyWindow window = { 7, 7 };

    g_assert_false(window_of(VIR_DOMAIN_DIRTYRATE_MEASURING, 5, 35, &window));
    g_assert_false(window_of(VIR_DOMAIN_DIRTYRATE_UNSTARTED, 5, 35, &window));
    g_assert_false(window_of(VIR_DOMAIN_DIRTYRATE_MEASURED, 1, 35, &window)); /* somebody else's */
    g_assert_false(window_of(VIR_DOMAIN_DIRTYRATE_MEASURED, 5, -1, &window));
    g_assert_false(window_of(VIR_DOMAIN_DIRTYRATE_MEASURED, 5, G_MAXINT64, &window));
    g_assert_false(nma_dirty_window_from_libvirt(NULL, 0, 5, &window));
    g_assert_cmpfloat(window.period_s, ==, 7); /* untouched */
    g_assert_true(window_of(VIR_DOMAIN_DIRTYRATE_MEASURED, 5, 35, &window));
    g_assert_cmpfloat(window.period_s, ==, 5);
    g_assert_cmpfloat(window.rate_bytes_s, ==, 35 * 1048576.0);
}

/* ---- access ---- */

/* Every libvirt call on a connection that stands in the folder's sources. */
static GHashTable *
calls_in_sources(void)
{
    GHashTable *calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "..", "agent", "hypervisor", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GRegex) call =
        g_regex_new("\\bvir(?:Connect|Domain|Node)[A-Z][A-Za-z]*(?= ?\\()", 0, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *text = NULL;
        g_autoptr(GMatchInfo) match = NULL;

        if (!g_str_has_suffix(name, ".c"))
            continue;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        for (g_regex_match(call, text, 0, &match); g_match_info_matches(match);
             g_match_info_next(match, NULL))
            g_hash_table_add(calls, g_match_info_fetch(match, 0));
    }
    return calls;
}

static void
test_access_table_is_whole(void)
{
    g_autoptr(GHashTable) calls = calls_in_sources();
    gsize n_rows;
    const NmaAccessRow *rows = nma_access_rows(&n_rows);

    g_assert_cmpuint(g_hash_table_size(calls), >, 10);
    for (gsize i = 0; i < n_rows; i++) {
        if (i > 0)
            g_assert_cmpstr(rows[i - 1].call, <, rows[i].call);
        if (!g_hash_table_remove(calls, rows[i].call))
            g_error("the access table has %s, which nobody calls", rows[i].call);
    }

    GHashTableIter iter;
    gpointer call;

    g_hash_table_iter_init(&iter, calls);
    if (g_hash_table_iter_next(&iter, &call, NULL))
        g_error("%s is called and has no row in the access table", (char *)call);
}

/* What is done on an observing connection must be open to read-only access; what moves a migration,
 * in steering.c alone, is not (libvirt refuses even to read the knobs), and what checks ask not
 * all. */
static void
test_access_observing_needs_read_only(void)
{
    static const char *const need_write[] = { "virConnectCompareHypervisorCPU",
                                              "virConnectGetDomainCapabilities",
                                              "virConnectOpen",
                                              "virDomainAbortJob",
                                              "virDomainGetXMLDesc",
                                              "virDomainMigrateGetMaxDowntime",
                                              "virDomainMigrateGetMaxSpeed",
                                              "virDomainMigrateSetMaxDowntime",
                                              "virDomainMigrateSetMaxSpeed",
                                              "virDomainMigrateStartPostCopy",
                                              "virDomainStartDirtyRateCalc",
                                              "virDomainSuspend",
                                              NULL };
    gsize n_rows;
    const NmaAccessRow *rows = nma_access_rows(&n_rows);

    for (gsize i = 0; i < n_rows; i++)
        g_assert_cmpint(rows[i].lowest, ==,
                        g_strv_contains(need_write, rows[i].call) ? NMA_ACCESS_READ_WRITE
                                                                  : NMA_ACCESS_READ_ONLY);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_assert_true(nma_loop_prepare(NULL));
    g_test_add_func("/hypervisor/lifecycle", test_lifecycle);
    g_test_add_func("/hypervisor/lifecycle/of-no-matter", test_lifecycle_of_no_matter);
    g_test_add_func("/hypervisor/state", test_state);
    g_test_add_func("/hypervisor/job-stats/every-figure", test_job_stats_every_figure);
    g_test_add_func("/hypervisor/job-stats/unknown-is-not-zero",
                    test_job_stats_unknown_is_not_zero);
    g_test_add_func("/hypervisor/job-stats/hostile", test_job_stats_hostile);
    g_test_add_func("/hypervisor/job-stats/kinds", test_job_kinds);
    g_test_add_func("/hypervisor/job-stats/success", test_job_success);
    g_test_add_func("/hypervisor/error/bounded", test_error_text_is_bounded);
    g_test_add_func("/hypervisor/error/one-clean-line", test_error_text_is_one_clean_line);
    g_test_add_func("/hypervisor/error/none", test_no_error);
    g_test_add_func("/hypervisor/dirty-rate", test_dirty_rate);
    g_test_add_func("/hypervisor/access/table-is-whole", test_access_table_is_whole);
    g_test_add_func("/hypervisor/access/observing-needs-read-only",
                    test_access_observing_needs_read_only);
    return g_test_run();
}
