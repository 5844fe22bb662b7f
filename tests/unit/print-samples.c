/* Prints what the agent sends, one JSON object a line:
 * {"schema": "report.schema.json", "definition": "" or "<method>_result", "value": …} */
#include <stdio.h>

#include "agent/json/asking.h"
#include "agent/json/config_audit.h"
#include "agent/json/forecast.h"
#include "agent/json/history.h"
#include "agent/json/outlook.h"
#include "agent/json/remedy.h"
#include "agent/json/reports.h"
#include "agent/json/requests.h"
#include "agent/json/source_facts.h"
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
    print_result("reservations_result",
                 nma_result_reservations(host, (NmaNow){ 6 * NMA_US_PER_S, 0 }));
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
                .expected_ms = NMA_UNKNOWN,
            };
        }
        nma_outcome_score(outcome);
        nma_experiences_add(experiences, outcome);
        g_ptr_array_add(outcomes, outcome);
    }
    print("history.schema.json", "", nma_history_to_json("host-a", experiences, outcomes, 20));
}

static void
print_outlooks(void)
{
    const NmaExperience learnt = { .median_bandwidth_bytes_s = 16 << 20,
                                   .bandwidth_bytes_s = { 15 << 20, 17 << 20 },
                                   .fixed_cost_ms = 60 };
    const NmaOutlookTerms terms = {
        .limits = { 500, 50, 50 }, .downtime_steps = 10, .downtime_delay_s = 75, .learnt = &learnt
    };
    json_t *forecasts = json_array();

    for (guint i = 0; i < 3; i++) {
        NmaMeasurement measurement;
        NmaOutlook outlook;

        nma_measurement_init(&measurement, HOST_SAMPLE_INSTANCE);
        measurement.ram_bytes = G_GINT64_CONSTANT(8) << 30;
        measurement.resident_bytes = G_GINT64_CONSTANT(1) << 30;
        measurement.windows[0] = (NmaDirtyWindow){ 1, i * 30 << 20 };
        measurement.windows[1] = (NmaDirtyWindow){ 5, i * 29 << 20 };
        nma_outlook_judge(&measurement, &terms, &outlook);
        json_array_append_new(forecasts,
                              nma_outlook_to_value(HOST_SAMPLE_INSTANCE, i == 2 ? NULL : &outlook,
                                                   12, i == 2 ? "no such domain" : NULL));
    }
    print_result("forecast_result",
                 json_pack("{s:s, s:o}", "destination", "host-b", "forecasts", forecasts));
    print_result("guests_result",
                 json_pack("{s:i, s:[s]}", "guests", 1, "instances", HOST_SAMPLE_INSTANCE));
}

static void
print_guest_facts(void)
{
    g_autoptr(NmaSourceFacts) facts = nma_source_facts_new();
    NmaGuestDisk *disk;

    print_result("guest_facts_result", nma_source_facts_to_value(facts, "host-a", 1));
    facts->guest = nma_guest_new();
    facts->guest->n_cells = 1;
    nma_guest_add_device(facts->guest, NMA_DEVICE_PCI, "hostdev0");
    disk = nma_guest_add_disk(facts->guest);
    disk->path = g_strdup("/var/lib/nova/instances/1/disk");
    facts->path.tried = facts->path.resolved = TRUE;
    facts->path.address = g_strdup("192.0.2.1");
    facts->path.ports[facts->path.n_ports++] =
        (NmaPathPort){ "QEMU", 49152, NMA_PORT_OPEN, FALSE, 120 };
    facts->tls.looked = TRUE;
    facts->tls.certificates[facts->tls.n_certificates++].file = g_strdup("/etc/pki/c.pem");
    print_result("guest_facts_result", nma_source_facts_to_value(facts, "host-a", 1));
}

/* one asker in each way to an end */
static void
print_asking(void)
{
    static const struct {
        NmaAskKind kind;
        const char *definition;
    } kinds[] = {
        { NMA_ASK_CHECK, "can_live_migrate" },
        { NMA_ASK_RESERVE, "reserve" },
        { NMA_ASK_RENEW, "renew" },
        { NMA_ASK_RELEASE, "release" },
    };
    const NmaNow now = { 5 * NMA_US_PER_S, G_GINT64_CONSTANT(1795296164000007) };
    g_autoptr(NmaHost) host = host_sample_empty();
    g_autoptr(GPtrArray) effects = nma_effects_new();
    g_autoptr(NmaEvent) resync = nma_event_new(NMA_EVENT_RESYNC);
    g_autoptr(NmaEvent) facts = nma_event_new(NMA_EVENT_FACTS);

    resync->readings = g_ptr_array_new();
    nma_host_step(host, resync, now, effects);
    g_strlcpy(facts->facts.instance_uuid, HOST_SAMPLE_INSTANCE, NMA_UUID_LEN + 1);
    facts->facts.facts.memory_available_bytes = G_GINT64_CONSTANT(4) << 30;
    facts->facts.facts.huge_pools_known = TRUE;
    nma_facts_add_huge_pool(&facts->facts.facts, 0, 2097152, 512);
    for (guint i = 0; i < 2 * G_N_ELEMENTS(kinds); i++) {
        g_autoptr(NmaEvent) asked = nma_event_new(NMA_EVENT_ASKED);
        NmaAsk *ask = nma_ask_new(kinds[i / 2].kind, HOST_SAMPLE_INSTANCE);
        g_autofree char *definition = g_strconcat(kinds[i / 2].definition, "_args", NULL);

        ask->sized = TRUE;
        ask->source = g_strdup("host-b");
        ask->resources.amount[NMA_AMOUNT_MEMORY] = i % 2 == 0 ? 1 << 30 : G_MAXINT64 / 2;
        ask->resources.amount[NMA_AMOUNT_VCPUS] = 2;
        ask->resources.n_pages = 1;
        ask->resources.pages_known = TRUE;
        ask->resources.pages[0] = (NmaPages){ NMA_ANY_NODE, 2097152, 512 };
        ask->resources.cores.bits[0] = 0xf0;
        asked->asked = ask;
        if (i % 2 == 0)
            print_result(definition, nma_ask_encode(ask));
        nma_host_step(host, asked, now, effects);
        nma_host_step(host, facts, now, effects);
    }
    for (guint i = 0; i < effects->len; i++) {
        const NmaEffect *effect = g_ptr_array_index(effects, i);

        for (guint k = 0; effect->type == NMA_EFFECT_ANSWER && k < G_N_ELEMENTS(kinds); k++) {
            g_autofree char *definition = g_strconcat(kinds[k].definition, "_result", NULL);

            if (kinds[k].kind == effect->answer->kind)
                print_result(definition, nma_answer_to_value(effect->answer, "host-a", now));
        }
    }
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
    print_outlooks();
    for (guint i = 0; i < N_REMEDY_SAMPLES; i++) {
        g_autoptr(NmaRemedyReport) report = remedy_sample(i);
        g_autofree char *text = nma_remedy_to_json(report, "host-a");

        print("remedy.schema.json", "", json_loads(text, 0, NULL));
    }
    print_results(host_sample());
    print_results(host_sample_empty());
    print_asking();
    print_result("hello_args", nma_request_hello_args(12));
    print_result("hello_result", nma_result_hello("host-a", "0.1.0", "advise", 12));
    print_guest_facts();
    print_result("set_mode_result", nma_result_set_mode("observe"));
    print_audits();
    return 0;
}
