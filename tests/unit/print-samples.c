/* Prints what the agent sends, one JSON object a line:
 * {"schema": "report.schema.json", "definition": "" or "<method>_result", "value": …} */
#include <stdio.h>

#include "agent/json/config_audit.h"
#include "agent/json/forecast.h"
#include "agent/json/history.h"
#include "agent/json/reports.h"
#include "agent/json/requests.h"
#include "tests/unit/host_samples.h"
#include "tests/unit/report_samples.h"

static void
print(const char *schema, const char *definition, json_t *value)
{
    json_t *line =
        json_pack("{s:s, s:s, s:o}", "schema", schema, "definition", definition, "value", value);

    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(line);
}

static void
print_result(const char *definition, json_t *value)
{
    print("rpc.schema.json", definition, value);
}

static void
print_results(NmaHost *host)
{
    print_result("list_result", nma_result_list(host));
    print_result("show_result", nma_result_show(host, HOST_SAMPLE_INSTANCE));
    print_result("reservations_result", nma_result_reservations(host));
    nma_host_free(host);
}

static void
print_history(void)
{
    g_autoptr(NmaExperiences) experiences = nma_experiences_new();
    g_autoptr(GPtrArray) outcomes =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_outcome_free);

    for (guint i = 0; i < 4; i++) {
        NmaOutcome *outcome = nma_outcome_new();

        g_strlcpy(outcome->attempt_id, HOST_SAMPLE_INSTANCE, sizeof outcome->attempt_id);
        g_strlcpy(outcome->instance_uuid, HOST_SAMPLE_INSTANCE, sizeof outcome->instance_uuid);
        outcome->destination = i > 0 ? g_strdup("host-b") : NULL;
        outcome->end = i > 0 ? NMA_OUTCOME_COMPLETED : NMA_OUTCOME_FAILED;
        if (i > 0) {
            outcome->ended_wall_us = 1795000000000000;
            outcome->bandwidth_bytes_s = 16 << 20;
            outcome->lasted_ms = 20000;
            outcome->downtime_ms = 400;
            outcome->fixed_cost_ms = 60;
            outcome->max_downtime_ms = 500;
            outcome->predictions[NMA_PREDICTED_FIRST] = (NmaPrediction){
                .verdict = NMA_FORECAST_CONVERGES,
                .at_ms = 8000,
                .lasts_ms = { 9000, 16000 },
                .downtime_ms = { 200, 450 },
            };
        }
        nma_outcome_score(outcome);
        nma_experiences_add(experiences, outcome);
        g_ptr_array_add(outcomes, outcome);
    }
    print("history.schema.json", "", nma_history_to_json("host-a", experiences, outcomes, 20));
}

/* one audit of a host alone, one comparison, and both answers to the method */
static void
print_audits(void)
{
    g_autoptr(NmaAudit) audit = nma_audit_new();
    g_autoptr(NmaReport) report = report_sample(0);
    g_autoptr(GPtrArray) there = g_ptr_array_new();
    g_autoptr(GPtrArray) differences = NULL;
    NmaConfigValue *other = nma_config_value_new("libvirt", "virt_type", "qemu", "default");
    NmaFinding *finding = nma_finding_new(NMA_SEVERITY_WARNING, "NC101", "unknown-option");
    NmaFinding *bare = nma_finding_new(NMA_SEVERITY_INFO, "NC500", "absent");

    g_free(report->identity.destination);
    report->identity.destination = g_strdup("host-b");
    audit->release = 33;
    audit->release_name = g_strdup("2026.1 (33, gazpacho)");
    audit->release_reason = g_strdup("by [audit] release");
    audit->audited_wall_us = 12;
    g_ptr_array_add(audit->files, g_strdup("/etc/nova/nova.conf"));
    g_ptr_array_add(audit->values,
                    nma_config_value_new("libvirt", "virt_type", "kvm", "nova.conf:3"));
    g_ptr_array_add(audit->values, nma_config_value_new("libvirt", "cpu_mode", NULL, "unset"));
    finding->file = g_strdup("/etc/nova/nova.conf");
    finding->line = 3;
    finding->column = 1;
    finding->group = g_strdup("libvirt");
    finding->option = g_strdup("virt_typ");
    finding->message = g_strdup("no such option");
    finding->advice = g_strdup("did you mean virt_type?");
    bare->message = g_strdup("something is missing");
    nma_audit_add(audit, finding);
    nma_audit_add(audit, bare);
    g_ptr_array_add(there, other);
    differences = nma_config_compare(audit->values, there);
    const NmaAuditReport reports[] = {
        { .audit = audit, .occurred_wall_us = 12 },
        { .audit = audit,
          .migration = &report->identity,
          .attempt_id = report->attempt_id,
          .differences = differences,
          .occurred_wall_us = 12 },
    };
    for (guint i = 0; i < G_N_ELEMENTS(reports); i++) {
        g_autofree char *text = nma_audit_report_to_json(&reports[i], "host-a");

        print("config-audit.schema.json", "", json_loads(text, 0, NULL));
    }
    print_result("audit_args", nma_request_audit_args(FALSE));
    print_result("audit_result", nma_result_audit(audit, "host-a", TRUE));
    print_result("audit_result", nma_result_audit(audit, "host-a", FALSE));
    nma_config_value_free(other);
}

int
main(void)
{
    for (guint i = 0; i < N_REPORT_SAMPLES; i++) {
        g_autoptr(NmaReport) report = report_sample(i);
        g_autofree char *text = nma_report_to_json(report, "host-a");

        print("report.schema.json", "", json_loads(text, 0, NULL));
    }
    for (guint i = 0; i < N_FORECAST_SAMPLES; i++) {
        g_autoptr(NmaForecastReport) report = forecast_sample(i);
        g_autofree char *text = nma_forecast_to_json(report, "host-a");

        print("forecast.schema.json", "", json_loads(text, 0, NULL));
    }
    print_history();
    print_results(host_sample());
    print_results(host_sample_empty());
    print_result("hello_args", nma_request_hello_args(12));
    print_result("hello_result", nma_result_hello("host-a", "0.1.0", "advise", 12));
    print_result("set_mode_result", nma_result_set_mode("observe"));
    print_audits();
    return 0;
}
