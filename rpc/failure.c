#include "rpc/failure.h"

#include <string.h>

OmFailure *
om_failure_new(const char *class_name, const char *module, const char *message)
{
    OmFailure *failure = g_new0(OmFailure, 1);

    failure->class_name = g_utf8_make_valid(class_name ? class_name : "Exception", -1);
    failure->module = g_utf8_make_valid(module ? module : "", -1);
    failure->message = g_utf8_make_valid(message ? message : "", -1);
    return failure;
}

void
om_failure_free(OmFailure *failure)
{
    if (failure == NULL)
        return;
    g_free(failure->class_name);
    g_free(failure->module);
    g_free(failure->message);
    g_free(failure);
}

OmFailure *
om_failure_unsupported_version(const char *version, const char *method)
{
    g_autofree char *text =
        g_strdup_printf("Endpoint does not support RPC version %s. Attempted method: %s",
                        version ? version : "1.0", method);

    return om_failure_new(OM_CLASS_UNSUPPORTED, OM_DISPATCHER_MODULE, text);
}

OmFailure *
om_failure_no_such_method(const char *method)
{
    g_autofree char *text = g_strdup_printf("Endpoint does not support RPC method %s", method);

    return om_failure_new(OM_CLASS_NO_SUCH_METHOD, OM_DISPATCHER_MODULE, text);
}

char *
om_failure_encode(const OmFailure *failure, const json_t *kwargs)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:[], s:[s]}", "class", failure->class_name, "module",
                  failure->module, "message", failure->message, "tb", "args", failure->message);
    json_t *fields = kwargs ? json_deep_copy(kwargs) : json_object();
    char *text = NULL;
    char *copy = NULL;

    if (object && fields && json_object_set_new(object, "kwargs", fields) == 0)
        text = json_dumps(object, JSON_ENSURE_ASCII);
    json_decref(object);
    if (text) {
        copy = g_strdup(text);
        free(text);
    }
    return copy;
}

static const char *
text_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

OmFailure *
om_failure_decode(const json_t *value)
{
    json_t *parsed = NULL;
    OmFailure *failure = NULL;

    if (json_is_string(value))
        value = parsed = json_loads(json_string_value(value), JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value)) {
        const char *class_name = text_of(value, "class");
        g_autofree char *message = g_strdup(text_of(value, "message"));

        if (strlen(message) > OM_FAILURE_MAX_TEXT_BYTES) {
            char *end = g_utf8_find_prev_char(message, message + OM_FAILURE_MAX_TEXT_BYTES);

            *end = '\0';
        }
        failure = om_failure_new(*class_name ? class_name : "Exception", text_of(value, "module"),
                                 message);
    }
    json_decref(parsed);
    return failure;
}
