/* An exception as oslo.messaging carries it: the `failure` of a reply is a *string* holding JSON
 * with class, module, message, tb, args, kwargs (_drivers/common.py, serialize_remote_exception).
 *
 * A Python caller raises the class itself when `module` is builtins or in its allowed_remote_exmods
 * (Nova: only nova.exception), else oslo_messaging.RemoteError(class, message). */
#pragma once

#include <glib.h>
#include <jansson.h>

#define OM_DISPATCHER_MODULE      "oslo_messaging.rpc.dispatcher"
#define OM_FAILURE_MAX_TEXT_BYTES 4096 /* of a remote message; the rest is cut off */
#define OM_CLASS_UNSUPPORTED      "UnsupportedVersion"
#define OM_CLASS_NO_SUCH_METHOD   "NoSuchMethod"

typedef struct {
    char *class_name; /* "MigrationPreCheckError"; never NULL */
    char *module;     /* "nova.exception"; never NULL, may be "" */
    char *message;    /* never NULL */
} OmFailure;

OmFailure *om_failure_new(const char *class_name, const char *module, const char *message);
void om_failure_free(OmFailure *failure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OmFailure, om_failure_free)

/* The texts oslo's own dispatcher uses. */
OmFailure *om_failure_unsupported_version(const char *version, const char *method);
OmFailure *om_failure_no_such_method(const char *method);

/* The string for the reply: args is [message], kwargs may be NULL. Caller frees. */
char *om_failure_encode(const OmFailure *failure, const json_t *kwargs);

/* From the string (or, tolerantly, object) found in a reply; tracebacks, args and kwargs are
 * dropped. NULL when it is neither. */
OmFailure *om_failure_decode(const json_t *value);
