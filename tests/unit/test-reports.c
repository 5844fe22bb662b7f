/* Reports to JSON and back. */
#include "agent/json/forecast.h"
#include "agent/json/reports.h"

#include <string.h>

#include "agent/json/nova_objects.h"
#include "tests/unit/report_samples.h"
#include "tests/unit/tap.h"

static json_t *
to_value(const NmaReport *report)
{
    g_autofree char *text = nma_report_to_json(report, "host-a");
    json_t *value = json_loads(text, 0, NULL);

    g_assert_nonnull(value);
    return value;
}

/* struct -> JSON -> struct -> JSON: the two texts are the same, for every sample */
static void
test_round_trip(void)
{
    for (guint i = 0; i < N_REPORT_SAMPLES; i++) {
        g_autoptr(NmaReport) report = report_sample(i);
        g_autofree char *first = nma_report_to_json(report, "host-a");
        json_t *value = json_loads(first, 0, NULL);
        g_autofree char *host = NULL;
        g_autoptr(NmaReport) back = nma_report_from_json(value, &host, NULL);
        g_autofree char *second = NULL;

        json_decref(value);
        g_assert_nonnull(back);
        g_assert_cmpstr(host, ==, "host-a");
        second = nma_report_to_json(back, host);
        g_assert_cmpstr(first, ==, second);
    }
}

static void
test_values(void)
{
    g_autoptr(NmaReport) report = report_sample(REPORT_SAMPLE_FULL);
    json_t *value = to_value(report);
    json_t *stats = json_object_get(value, "statistics");
    g_autofree char *host = NULL;
    g_autoptr(NmaReport) back = nma_report_from_json(value, &host, NULL);
    const NmaCheckResult *check;

    g_assert_cmpstr(json_string_value(json_object_get(value, "occurred_at")), ==,
                    "2026-11-21T21:22:44.000007Z");
    g_assert_cmpfloat(json_real_value(json_object_get(value, "phase_duration_ms")), ==, 1234.567);
    g_assert_cmpint(json_integer_value(json_object_get(stats, "dirty_rate_bytes_s")), ==,
                    1000 * 4096);
    g_assert_true(json_is_null(json_object_get(stats, "expected_downtime_ms")));
    g_assert_cmpint(json_integer_value(json_object_get(stats, "downtime_ms")), ==, 91);
    json_decref(value);

    g_assert_cmpint(back->phase_duration_us, ==, 1234567);
    g_assert_cmpint(back->occurred_wall_us, ==, report->occurred_wall_us);
    g_assert_cmpint(back->clock_offset_ms, ==, -7200000);
    g_assert_cmpmem(&back->stats, sizeof back->stats, &report->stats, sizeof report->stats);
    g_assert_cmpint(back->sequence, ==, report->sequence);
    g_assert_cmpint(back->reason, ==, report->reason);
    g_assert_cmpstr(back->text, ==, report->text);
    g_assert_cmpuint(back->checks->len, ==, 2);
    check = back->checks->pdata[0];
    g_assert_cmpstr(check->check, ==, "memory");
    g_assert_cmpint(check->verdict, ==, NMA_VERDICT_REFUSED);
    g_assert_cmpint(check->needed, ==, G_GINT64_CONSTANT(8) << 30);
}

/* unknown is null, never 0 */
static void
test_unknown_is_null(void)
{
    g_autoptr(NmaReport) report = report_sample(REPORT_SAMPLE_BARE);
    json_t *value = to_value(report);
    static const char *const null_fields[] = {
        "migration_uuid", "migration_id", "source",     "destination",       "memory_mib",
        "not_before",     "not_after",    "statistics", "phase_duration_ms", "nova_status",
        "peer",           "cause",        "step",       "clock_offset_ms",   "checks",
    };

    for (guint i = 0; i < G_N_ELEMENTS(null_fields); i++) {
        g_test_message("%s", null_fields[i]);
        g_assert_true(json_is_null(json_object_get(value, null_fields[i])));
    }
    g_assert_cmpstr(json_string_value(json_object_get(value, "reason")), ==, "none");
    json_decref(value);
}

static void
assert_severity(const NmaReport *report, const char *expected)
{
    json_t *value = to_value(report);

    g_assert_cmpstr(json_string_value(json_object_get(value, "severity")), ==, expected);
    json_decref(value);
}

static void
test_severity(void)
{
    g_autoptr(NmaReport) failed = report_sample(REPORT_SAMPLE_FULL);
    g_autoptr(NmaReport) well = report_sample(REPORT_SAMPLE_BARE);

    assert_severity(failed, "error");
    failed->kind = NMA_REPORT_END; /* a check refused, but it went on */
    failed->reason = NMA_REASON_NONE;
    assert_severity(failed, "warning");
    assert_severity(well, "info");
    well->reason = NMA_REASON_NOVA_STATUS_UNKNOWN;
    assert_severity(well, "warning");
}

/* bytes that are no UTF-8, control characters, and too much of it */
static void
test_hostile_text(void)
{
    g_autoptr(NmaReport) report = report_sample(REPORT_SAMPLE_BARE);
    json_t *value;
    const char *text;

    report->text = g_strnfill(9000, 'x');
    memcpy(report->text, "\xff\033[31m\n", 7);
    value = to_value(report);
    text = json_string_value(json_object_get(value, "reason_text"));
    g_assert_cmpuint(strlen(text), <=, 4096);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_null(strpbrk(text, "\033\n"));
    json_decref(value);
}

static void
test_newer_agent(void)
{
    g_autoptr(NmaReport) report = report_sample(REPORT_SAMPLE_FULL);
    json_t *value = to_value(report);
    g_autofree char *host = NULL;
    g_autoptr(NmaReport) back = NULL;

    json_object_set_new(value, "schema_version", json_string("1.7"));
    json_object_set_new(value, "colour", json_string("blue"));
    json_object_set_new(value, "reason", json_string("moon_phase"));
    json_object_set_new(value, "step", json_string("hop"));
    json_object_set_new(json_object_get(value, "statistics"), "wow", json_integer(1));
    back = nma_report_from_json(value, &host, NULL);
    json_decref(value);
    g_assert_nonnull(back);
    g_assert_cmpint(back->reason, ==, NMA_REASON_UNRECOGNIZED);
    g_assert_true(g_str_has_prefix(back->text, "moon_phase: "));
    g_assert_cmpint(back->step, ==, NMA_STEP_NONE);
}

static void
test_not_understood(void)
{
    static const struct {
        const char *field, *value; /* value NULL: removed */
    } changes[] = {
        { "schema_version", "2.0" }, { "schema_version", NULL }, { "instance_uuid", "x" },
        { "attempt_id", NULL },      { "host", NULL },           { "phase", "lunch" },
        { "kind", "maybe" },         { "role", NULL },           { "occurred_at", "yesterday" },
        { "sequence", "1" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autoptr(NmaReport) report = report_sample(REPORT_SAMPLE_FULL);
        json_t *value = to_value(report);
        g_autofree char *host = NULL;
        g_autoptr(GError) error = NULL;

        if (changes[i].value != NULL) {
            json_object_set_new(value, changes[i].field, json_string(changes[i].value));
        } else {
            json_object_del(value, changes[i].field);
        }
        g_assert_null(nma_report_from_json(value, &host, &error));
        g_assert_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED);
        g_assert_nonnull(strstr(error->message, changes[i].field));
        g_assert_null(host);
        json_decref(value);
    }
    {
        g_autofree char *host = NULL;

        g_assert_null(nma_report_from_json(NULL, &host, NULL));
    }
}

/* wrong types everywhere else: unknown, not an error and not a crash */
static void
test_wrong_types(void)
{
    g_autoptr(NmaReport) report = report_sample(REPORT_SAMPLE_FULL);
    json_t *value = to_value(report);
    const char *key;
    json_t *member;
    void *next;

    json_object_foreach_safe(value, next, key, member)
    {
        static const char *const needed[] = {
            "schema_version", "instance_uuid", "attempt_id", "host",        "role",
            "phase",          "kind",          "sequence",   "occurred_at", NULL
        };

        if (!g_strv_contains(needed, key)) {
            json_object_set_new(value, key, json_pack("[i]", -5));
        }
    }
    {
        g_autofree char *host = NULL;
        g_autoptr(NmaReport) back = nma_report_from_json(value, &host, NULL);

        g_assert_nonnull(back);
        g_assert_false(back->has_stats);
        g_assert_cmpint(back->identity.migration_id, ==, NMA_UNKNOWN);
        g_assert_cmpint(back->clock_offset_ms, ==, NMA_OFFSET_UNKNOWN);
    }
    json_decref(value);
}

static void
test_forecast_there_and_back(void)
{
    for (guint i = 0; i < N_FORECAST_SAMPLES; i++) {
        g_autoptr(NmaForecastReport) said = forecast_sample(i);
        g_autofree char *text = nma_forecast_to_json(said, "host-a");
        json_t *payload = json_loads(text, 0, NULL);
        g_autofree char *host = NULL;
        g_autoptr(NmaForecastReport) heard = nma_forecast_from_json(payload, &host, NULL);

        g_assert_nonnull(heard);
        g_assert_true(nma_forecast_is(payload));
        g_assert_cmpstr(host, ==, "host-a");
        g_assert_cmpstr(heard->identity.destination, ==, said->identity.destination);
        g_assert_cmpstr(heard->attempt_id, ==, said->attempt_id);
        g_assert_cmpint(heard->iteration, ==, said->iteration);
        g_assert_cmpint(heard->occurred_wall_us, ==, said->occurred_wall_us);
        g_assert_cmpmem(&heard->forecast, sizeof heard->forecast, &said->forecast,
                        sizeof said->forecast);
        json_decref(payload);
    }
}

static void
test_forecast_malformed(void)
{
    static const char *const needed[] = { "schema_version", "instance_uuid", "host",
                                          "attempt_id",     "occurred_at",   "kind" };
    g_autoptr(NmaForecastReport) said = forecast_sample(1);
    g_autofree char *text = nma_forecast_to_json(said, "host-a");

    for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
        json_t *payload = json_loads(text, 0, NULL);
        g_autoptr(GError) error = NULL;
        g_autofree char *host = NULL;

        json_object_set_new(payload, needed[i], json_string("no"));
        if (strcmp(needed[i], "host") == 0)
            json_object_del(payload, needed[i]);
        g_assert_null(nma_forecast_from_json(payload, &host, &error));
        g_assert_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED);
        json_decref(payload);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/reports/round-trip", test_round_trip);
    g_test_add_func("/reports/values", test_values);
    g_test_add_func("/reports/unknown-is-null", test_unknown_is_null);
    g_test_add_func("/reports/severity", test_severity);
    g_test_add_func("/reports/hostile-text", test_hostile_text);
    g_test_add_func("/reports/newer-agent", test_newer_agent);
    g_test_add_func("/reports/not-understood", test_not_understood);
    g_test_add_func("/reports/wrong-types", test_wrong_types);
    g_test_add_func("/reports/forecast/there-and-back", test_forecast_there_and_back);
    g_test_add_func("/reports/forecast/malformed", test_forecast_malformed);
    return g_test_run();
}
