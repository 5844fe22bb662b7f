#include "agent/core/identity.h"

#include <string.h>

#include "agent/core/job_stats.h"

void
nma_identity_init(NmaIdentity *identity)
{
    *identity = (NmaIdentity){
        .migration_id = NMA_UNKNOWN,
        .memory_mib = NMA_UNKNOWN,
        .vcpus = NMA_UNKNOWN,
    };
}

void
nma_identity_clear(NmaIdentity *identity)
{
    g_free(identity->source);
    g_free(identity->destination);
    g_free(identity->instance_name);
    g_free(identity->flavor);
    g_free(identity->policy);
    g_free(identity->request_id);
    nma_identity_init(identity);
}

void
nma_identity_copy(NmaIdentity *to, const NmaIdentity *from)
{
    *to = *from;
    to->source = g_strdup(from->source);
    to->destination = g_strdup(from->destination);
    to->instance_name = g_strdup(from->instance_name);
    to->flavor = g_strdup(from->flavor);
    to->policy = g_strdup(from->policy);
    to->request_id = g_strdup(from->request_id);
}

static gboolean
learn_text(char **to, const char *from)
{
    if (*to != NULL || from == NULL)
        return FALSE;
    *to = g_strdup(from);
    return TRUE;
}

static gboolean
learn_number(gint64 *to, gint64 from)
{
    if (*to != NMA_UNKNOWN || from < 0)
        return FALSE;
    *to = from;
    return TRUE;
}

static gboolean
learn_uuid(char *to, const char *from)
{
    if (to[0] != '\0' || from[0] == '\0')
        return FALSE;
    g_strlcpy(to, from, NMA_UUID_LEN + 1);
    return TRUE;
}

gboolean
nma_identity_learn(NmaIdentity *to, const NmaIdentity *from)
{
    gboolean changed = FALSE;

    changed |= learn_uuid(to->instance_uuid, from->instance_uuid);
    changed |= learn_uuid(to->migration_uuid, from->migration_uuid);
    changed |= learn_number(&to->migration_id, from->migration_id);
    changed |= learn_text(&to->source, from->source);
    changed |= learn_text(&to->destination, from->destination);
    changed |= learn_text(&to->instance_name, from->instance_name);
    changed |= learn_text(&to->flavor, from->flavor);
    changed |= learn_text(&to->policy, from->policy);
    changed |= learn_text(&to->request_id, from->request_id);
    changed |= learn_number(&to->memory_mib, from->memory_mib);
    changed |= learn_number(&to->vcpus, from->vcpus);
    return changed;
}

gboolean
nma_identity_differs(const NmaIdentity *a, const NmaIdentity *b)
{
    if (a->migration_uuid[0] != '\0' && b->migration_uuid[0] != '\0')
        return strcmp(a->migration_uuid, b->migration_uuid) != 0;
    return a->migration_id >= 0 && b->migration_id >= 0 && a->migration_id != b->migration_id;
}

gboolean
nma_uuid_is_valid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (text == NULL)
        return FALSE;
    for (guint i = 0; i < NMA_UUID_LEN; i++) {
        if (form[i] == '-' ? text[i] != '-' : !g_ascii_isxdigit(text[i]))
            return FALSE;
    }
    return text[NMA_UUID_LEN] == '\0';
}
