#include "agent/json/reports.h"

#include <string.h>

#include "agent/json/nova_objects.h"
#include "agent/json/reports_internal.h"
#include "agent/json/value.h"

/* Bounds on what a report from elsewhere may hold. */
#define MAX_CHECKS         64
#define MAX_CHECK_WORD     32
#define MAX_INTERNED_WORDS 256
#define MAX_OFFSET_MS      (G_GINT64_CONSTANT(100) * 366 * 86400 * 1000)

/* ---- writing ---- */

static json_t *
words(const char *text)
{
    g_autofree char *clean = nma_clean_text(text, NMA_TEXT_MAX_BYTES);

    return nma_json_text(clean);
}

static json_t *
offset_ms(gint64 ms)
{
    return ms == NMA_OFFSET_UNKNOWN ? json_null() : json_integer(ms);
}

json_t *
nma_checks_to_value(const GPtrArray *checks)
{
    json_t *list;

    if (checks == NULL) {
        return json_null();
    }
    list = json_array();
    for (guint i = 0; i < checks->len; i++) {
        const NmaCheckResult *check = checks->pdata[i];
        json_t *value = json_object();

        json_object_set_new(value, "check", json_string(check->check));
        json_object_set_new(value, "verdict", json_string(nma_verdict_to_string(check->verdict)));
        json_object_set_new(value, "reason", json_string(nma_reason_to_string(check->reason)));
        json_object_set_new(value, "needed", nma_json_integer(check->needed));
        json_object_set_new(value, "available", nma_json_integer(check->available));
        json_object_set_new(value, "unit", nma_json_text(check->unit));
        json_object_set_new(value, "text", words(check->text));
        json_array_append_new(list, value);
    }
    return list;
}

/* Notifications all go out at priority info, which Nova's consumers bind; this is for their reader.
 */
static const char *
severity(const NmaReport *report)
{
    const NmaCheckResult *worst = NULL;

    if (report->kind == NMA_REPORT_ERROR) {
        return "error";
    }
    if (report->checks != NULL && nma_check_verdict(report->checks, &worst) != NMA_VERDICT_OK) {
        return "warning";
    }
    return report->reason != NMA_REASON_NONE ? "warning" : "info";
}

/* libvirt's downtime of a job that is over is the measured one. It is over where libvirt gives the
 * net figure as well, and wherever the guest has been handed over. */
static gboolean
is_final(const NmaReport *report)
{
    return report->stats.downtime_net_ms != NMA_UNKNOWN || report->phase == NMA_PHASE_COMMITMENT ||
           (report->kind == NMA_REPORT_END &&
            (report->phase == NMA_PHASE_STOP_AND_COPY || report->phase == NMA_PHASE_POST_COPY));
}

json_t *
nma_report_to_value(const NmaReport *report, const char *host)
{
    json_t *value = json_object();

    json_object_set_new(value, "schema_version", json_string(NMA_REPORT_SCHEMA_VERSION));
    nma_identity_to_object(&report->identity, value);
    json_object_set_new(value, "host", words(host));
    json_object_set_new(value, "role", json_string(nma_role_to_string(report->role)));
    json_object_set_new(value, "attempt_id", json_string(report->attempt_id));
    json_object_set_new(value, "phase", json_string(nma_phase_to_string(report->phase)));
    json_object_set_new(value, "kind", json_string(nma_report_kind_to_string(report->kind)));
    json_object_set_new(value, "severity", json_string(severity(report)));
    json_object_set_new(value, "step", nma_json_text(nma_step_to_string(report->step)));
    json_object_set_new(value, "sequence", json_integer((json_int_t)report->sequence));
    json_object_set_new(value, "progress_count", json_integer((json_int_t)report->progress_count));
    json_object_set_new(value, "occurred_at", nma_json_time(report->occurred_wall_us));
    json_object_set_new(value, "evidence", json_string(nma_evidence_to_string(report->evidence)));
    json_object_set_new(value, "not_before", nma_json_time(report->not_before_wall_us));
    json_object_set_new(value, "not_after", nma_json_time(report->not_after_wall_us));
    json_object_set_new(value, "phase_duration_ms",
                        nma_json_milliseconds(report->phase_duration_us));
    json_object_set_new(value, "statistics",
                        report->has_stats
                            ? nma_statistics_to_value(&report->stats, is_final(report))
                            : json_null());
    json_object_set_new(value, "reason", json_string(nma_reason_to_string(report->reason)));
    json_object_set_new(value, "reason_text", words(report->text));
    json_object_set_new(value, "guest",
                        nma_guest_to_value(report->guest_place, report->guest_state));
    json_object_set_new(value, "cause", nma_json_text(nma_cause_to_string(report->cause)));
    json_object_set_new(value, "skipped", json_boolean(report->skipped));
    json_object_set_new(value, "nova_status", words(report->nova_status));
    json_object_set_new(value, "peer", words(report->peer));
    json_object_set_new(value, "clock_offset_ms", offset_ms(report->clock_offset_ms));
    json_object_set_new(value, "clock_offset_error_ms", offset_ms(report->clock_offset_error_ms));
    json_object_set_new(value, "checks", nma_checks_to_value(report->checks));
    return value;
}

char *
nma_report_to_json(const NmaReport *report, const char *host)
{
    return nma_json_to_text(nma_report_to_value(report, host));
}

/* ---- reading ---- */

/* Each reads one word: its place among those that name gives, or -1 when it is none of them. */
#define DEFINE_WORD_READER(reader, type, count, name)                                              \
    static int reader(const json_t *object, const char *key)                                       \
    {                                                                                              \
        const char *word = json_string_value(json_object_get(object, key));                        \
                                                                                                   \
        for (guint i = 0; word != NULL && i < (count); i++) {                                      \
            if (strcmp(word, name((type)i)) == 0) {                                                \
                return (int)i;                                                                     \
            }                                                                                      \
        }                                                                                          \
        return -1;                                                                                 \
    }

DEFINE_WORD_READER(read_role, NmaRole, NMA_ROLE_DESTINATION + 1, nma_role_to_string)
DEFINE_WORD_READER(read_phase, NmaPhase, NMA_N_PHASES, nma_phase_to_string)
DEFINE_WORD_READER(read_kind, NmaReportKind, NMA_REPORT_ERROR + 1, nma_report_kind_to_string)
DEFINE_WORD_READER(read_step, NmaStep, NMA_N_STEPS, nma_step_to_string)
DEFINE_WORD_READER(read_evidence, NmaEvidence, NMA_EVIDENCE_INFERRED + 1, nma_evidence_to_string)
DEFINE_WORD_READER(read_place, NmaGuestPlace, NMA_GUEST_GONE + 1, nma_guest_place_to_string)
DEFINE_WORD_READER(read_state, NmaGuestState, NMA_GUEST_PAUSED + 1, nma_guest_state_to_string)
DEFINE_WORD_READER(read_cause, NmaCause, NMA_CAUSE_FORCED + 1, nma_cause_to_string)
DEFINE_WORD_READER(read_verdict, NmaVerdict, NMA_VERDICT_UNKNOWN + 1, nma_verdict_to_string)

/* The text for people; an unknown reason's code is put before it, so that it is not lost. */
static NmaReason
read_reason(const json_t *object, const char *text_key, char **text)
{
    const char *code = json_string_value(json_object_get(object, "reason"));
    NmaReason reason = NMA_REASON_NONE;

    *text = nma_json_dup_text(object, text_key, NMA_TEXT_MAX_BYTES);
    if (code != NULL && !nma_reason_from_string(code, &reason)) {
        g_autofree char *shown = nma_clean_text(code, MAX_CHECK_WORD);
        g_autofree char *given = g_steal_pointer(text);

        reason = NMA_REASON_UNRECOGNIZED;
        *text = given != NULL ? g_strdup_printf("%s: %s", shown, given) : g_strdup(shown);
    }
    return reason;
}

/* Names of checks and units are static strings in core. A newer agent's may be unknown here: they
 * are interned, which is for ever, so their shape and number are bounded. */
static const char *
intern_word(const json_t *object, const char *key)
{
    static gint interned;
    const char *word = json_string_value(json_object_get(object, key));

    if (word == NULL || strlen(word) > MAX_CHECK_WORD) {
        return "";
    }
    for (const char *p = word; *p != '\0'; p++) {
        if (!g_ascii_isalnum(*p) && *p != '_' && *p != '/') {
            return "";
        }
    }
    if (g_quark_try_string(word) == 0 && g_atomic_int_add(&interned, 1) >= MAX_INTERNED_WORDS) {
        return "";
    }
    return g_intern_string(word);
}

static GPtrArray *
checks_from_value(const json_t *list)
{
    GPtrArray *checks;

    if (!json_is_array(list)) {
        return NULL;
    }
    checks = g_ptr_array_new_with_free_func((GDestroyNotify)nma_check_result_free);
    for (size_t i = 0; i < json_array_size(list) && i < MAX_CHECKS; i++) {
        const json_t *value = json_array_get(list, i);
        NmaCheckResult *check = g_new0(NmaCheckResult, 1);
        int verdict = read_verdict(value, "verdict");

        check->check = intern_word(value, "check");
        check->verdict = verdict < 0 ? NMA_VERDICT_UNKNOWN : (NmaVerdict)verdict;
        check->reason = read_reason(value, "text", &check->text);
        check->needed = nma_json_get_int(value, "needed", 0, G_MAXINT64);
        check->available = nma_json_get_int(value, "available", 0, G_MAXINT64);
        check->unit = intern_word(value, "unit");
        g_ptr_array_add(checks, check);
    }
    return checks;
}

static gint64
read_offset_ms(const json_t *payload, const char *key)
{
    const json_t *value = json_object_get(payload, key);
    gint64 ms = json_is_integer(value) ? json_integer_value(value) : NMA_OFFSET_UNKNOWN;

    return ms < -MAX_OFFSET_MS || ms > MAX_OFFSET_MS ? NMA_OFFSET_UNKNOWN : ms;
}

static gboolean
is_version_one(const json_t *payload)
{
    const char *version = json_string_value(json_object_get(payload, "schema_version"));

    return version != NULL && g_str_has_prefix(version, "1.");
}

/* What must be there. FALSE with the name of the first field that is missing or senseless. */
static gboolean
read_required(const json_t *payload, NmaReport *report, char **host, const char **bad)
{
    int role = read_role(payload, "role");
    int phase = read_phase(payload, "phase");
    int kind = read_kind(payload, "kind");
    gint64 sequence = nma_json_get_int(payload, "sequence", 0, G_MAXINT64);

    report->occurred_wall_us = nma_json_get_time(payload, "occurred_at");
    nma_identity_clear(&report->identity);
    nma_identity_from_object(payload, &report->identity);
    *host = nma_json_dup_name(payload, "host");
    const struct {
        gboolean good;
        const char *field;
    } needed[] = {
        { is_version_one(payload), "schema_version" },
        { report->identity.instance_uuid[0] != '\0', "instance_uuid" },
        { nma_json_get_uuid(payload, "attempt_id", report->attempt_id), "attempt_id" },
        { *host != NULL, "host" },
        { role >= 0, "role" },
        { phase >= 0, "phase" },
        { kind >= 0, "kind" },
        { sequence != NMA_UNKNOWN, "sequence" },
        { report->occurred_wall_us != NMA_UNKNOWN, "occurred_at" },
    };
    for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (!needed[i].good) {
            *bad = needed[i].field;
            return FALSE;
        }
    }
    report->role = (NmaRole)role;
    report->phase = (NmaPhase)phase;
    report->kind = (NmaReportKind)kind;
    report->sequence = (guint64)sequence;
    return TRUE;
}

static void
read_optional(const json_t *payload, NmaReport *report)
{
    const json_t *guest = json_object_get(payload, "guest");
    const json_t *statistics = json_object_get(payload, "statistics");
    int step = read_step(payload, "step");
    int cause = read_cause(payload, "cause");
    int place = read_place(guest, "place");
    int state = read_state(guest, "state");

    report->step = step < 0 ? NMA_STEP_NONE : (NmaStep)step;
    report->evidence = read_evidence(payload, "evidence") == NMA_EVIDENCE_INFERRED
                           ? NMA_EVIDENCE_INFERRED
                           : NMA_EVIDENCE_OBSERVED;
    report->progress_count =
        (guint64)MAX(nma_json_get_int(payload, "progress_count", 0, G_MAXINT64), 0);
    report->not_before_wall_us = nma_json_get_time(payload, "not_before");
    report->not_after_wall_us = nma_json_get_time(payload, "not_after");
    report->phase_duration_us = nma_json_get_milliseconds(payload, "phase_duration_ms");
    report->reason = read_reason(payload, "reason_text", &report->text);
    report->has_stats = json_is_object(statistics);
    nma_statistics_from_value(statistics, &report->stats);
    report->guest_place = place < 0 ? NMA_GUEST_UNKNOWN : (NmaGuestPlace)place;
    report->guest_state = state < 0 ? NMA_GUEST_STATE_UNKNOWN : (NmaGuestState)state;
    report->cause = cause < 0 ? NMA_CAUSE_NONE : (NmaCause)cause;
    report->skipped = nma_json_get_bool(payload, "skipped");
    report->nova_status = nma_json_dup_text(payload, "nova_status", NMA_TEXT_MAX_BYTES);
    report->peer = nma_json_dup_name(payload, "peer");
    report->clock_offset_ms = read_offset_ms(payload, "clock_offset_ms");
    report->clock_offset_error_ms = read_offset_ms(payload, "clock_offset_error_ms");
    report->checks = checks_from_value(json_object_get(payload, "checks"));
}

NmaReport *
nma_report_from_json(const json_t *payload, char **host, GError **error)
{
    g_autoptr(NmaReport) report = nma_report_new();
    g_autofree char *from = NULL;
    const char *bad = NULL;

    if (!read_required(payload, report, &from, &bad)) {
        g_set_error(error, NMA_JSON_ERROR, NMA_JSON_ERROR_MALFORMED,
                    "the report's %s is missing or not understood", bad);
        return NULL;
    }
    read_optional(payload, report);
    *host = g_steal_pointer(&from);
    return g_steal_pointer(&report);
}
