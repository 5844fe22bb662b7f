/*
 * Everything of agent/json that reads what others sent: Nova's messages, the conductor's answer,
 * reports, our own RPC requests, the peer's hello. Input: any JSON text; a captured message of
 * tests/data/wire stands for its member "message".
 *
 * By hand, with clang:
 *   tests/fuzz/run-libfuzzer json SECONDS
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/json/nova_objects.h"
#include "agent/json/reports.h"
#include "agent/json/requests.h"
#include "tests/fuzz/fuzz.h"

#define INSTANCE "96fb22dc-0efe-4251-b167-e651db6d5fb0"

static void
nova_call(const json_t *inner)
{
    OmMessage message = {
        .kind = OM_MESSAGE_REQUEST,
        .method = (char *)json_string_value(json_object_get(inner, "method")),
        .request_id = (char *)json_string_value(json_object_get(inner, "_context_request_id")),
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaEvent) event =
        nma_nova_call_decode(&message, json_object_get(inner, "args"), &error);

    g_assert(event == NULL || error == NULL);
    if (event != NULL) {
        const NmaIdentity *identity = &event->nova_call.identity;

        g_assert(nma_uuid_is_valid(identity->instance_uuid));
        g_assert(identity->migration_uuid[0] == '\0' ||
                 nma_uuid_is_valid(identity->migration_uuid));
        g_assert(identity->source == NULL || g_utf8_strlen(identity->source, -1) <= 255);
        g_assert(identity->memory_mib == NMA_UNKNOWN || identity->memory_mib > 0);
    }
}

static void
conductor_answer(const json_t *inner)
{
    static const char *const asked[] = { INSTANCE, NULL };
    g_autoptr(NmaEvent) event =
        nma_conductor_answer_decode(json_object_get(inner, "result"), asked);

    g_assert(event->conductor.migrations->len == 1);
}

/* What can be read can be written, and read again to the same text. */
static void
report(const json_t *value)
{
    g_autofree char *host = NULL;
    g_autofree char *again_host = NULL;
    g_autofree char *text = NULL;
    g_autofree char *again_text = NULL;
    g_autoptr(NmaReport) first = nma_report_from_json(value, &host, NULL);
    g_autoptr(NmaReport) again = NULL;
    json_t *written;

    if (first == NULL) {
        return;
    }
    text = nma_report_to_json(first, host);
    written = json_loads(text, 0, NULL);
    again = nma_report_from_json(written, &again_host, NULL);
    json_decref(written);
    g_assert(again != NULL);
    again_text = nma_report_to_json(again, again_host);
    g_assert_cmpstr(text, ==, again_text);
}

static void
request(const json_t *inner)
{
    const char *method = json_string_value(json_object_get(inner, "method"));
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaRequest) decoded =
        nma_request_decode(method, json_object_get(inner, "args"), &error);
    gint64 offset_ms, error_ms;

    g_assert((decoded != NULL) != (error != NULL));
    nma_hello_answer_decode(json_object_get(inner, "result"), 1, 2, &offset_ms, &error_ms);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *inner = json_object_get(value, "message");

    if (inner == NULL) {
        inner = value;
    }
    nova_call(inner);
    conductor_answer(inner);
    report(inner);
    request(inner);
    json_decref(value);
    return 0;
}
