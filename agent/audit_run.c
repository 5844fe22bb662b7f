#include "agent/audit_run.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/json/value.h"
#include "agent/settings_nova.h"
#include "nova-conf-tool/audit.h"
#include "nova-conf-tool/catalogue.h"
#include "nova-conf-tool/mask.h"
#include "nova-conf-tool/release_choice.h"

NmaAuditTask *
nma_audit_task_new(const NmaSettings *settings)
{
    NmaAuditTask *task = g_new0(NmaAuditTask, 1);

    task->config_files = g_strdupv(settings->nova_config_files);
    task->config_dirs = g_strdupv(settings->nova_config_dirs);
    task->host = g_strdup(settings->host);
    task->release = g_strdup(settings->audit_release);
    task->ignore = g_strdupv(settings->audit_ignore);
    return task;
}

void
nma_audit_task_free(NmaAuditTask *task)
{
    if (task == NULL)
        return;
    g_strfreev(task->config_files);
    g_strfreev(task->config_dirs);
    g_free(task->host);
    g_free(task->release);
    g_strfreev(task->ignore);
    g_free(task);
}

static char *
clean(const char *text)
{
    return nma_clean_text(text, NMA_AUDIT_MAX_TEXT_BYTES);
}

/* What rules add to a finding later may quote values too. */
static char *
clean_and_masked(const char *text)
{
    g_autofree char *masked =
        text != NULL ? nct_mask_value((NctSpan){ text, strlen(text) }, FALSE) : NULL;

    return clean(masked);
}

/* ---- for which release ---- */

/* The environment may name one that is none: then the newest. */
static void
choose_release(const NmaAuditTask *task, NctReleaseChoice *choice)
{
    const char *own = task->release[0] != '\0' ? task->release : NULL;
    const char *wrong = NULL;

    if (nct_release_choose(own, choice, &wrong)) {
        if (own != NULL) {
            g_free(choice->reason);
            choice->reason = g_strdup("by [audit] release");
        } else if (choice->version == NULL) {
            g_free(choice->reason);
            choice->reason = g_strdup("the newest, since no Nova is found here");
        }
        return;
    }
    nct_release_choice_clear(choice);
    choice->release = nct_release_newest();
    choice->reason = g_strdup("the newest, since NOVA_CONF_TOOL_RELEASE names none");
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NctReleaseChoice, nct_release_choice_clear)

/* ---- findings ---- */

static NmaFinding *
to_finding(const NctFinding *found)
{
    static const NmaSeverity severities[NCT_N_SEVERITIES] = {
        [NCT_SEVERITY_INFO] = NMA_SEVERITY_INFO,
        [NCT_SEVERITY_WARNING] = NMA_SEVERITY_WARNING,
        [NCT_SEVERITY_ERROR] = NMA_SEVERITY_ERROR,
    };
    NmaFinding *finding =
        nma_finding_new(severities[found->severity], found->rule->code, found->rule->name);

    finding->file = clean(found->path);
    finding->line = found->line;
    finding->column = found->column;
    finding->group = clean(found->group);
    finding->option = clean(found->option);
    finding->message = clean_and_masked(found->message);
    finding->advice = clean_and_masked(found->advice);
    return finding;
}

/* worst first, so that what is left out is the least of it */
static int
compare(gconstpointer a, gconstpointer b)
{
    const NctFinding *left = *(const NctFinding *const *)a, *right = *(const NctFinding *const *)b;

    if (left->severity != right->severity)
        return (int)right->severity - (int)left->severity;
    return nct_finding_compare(a, b);
}

static void
take_findings(NmaAudit *audit, GPtrArray *found)
{
    g_ptr_array_sort(found, compare);
    for (guint i = 0; i < found->len; i++)
        nma_audit_add(audit, to_finding(found->pdata[i]));
}

/* ---- values ---- */

/* An illegal value is a finding already, and one that only the service itself can compute is not
 * known here: neither is compared. */
static void
take_value(NmaAudit *audit, const NctConfig *config, guint release, const NmaComparedOption *wanted)
{
    const NctOption *option = nct_catalogue_option(release, wanted->group, wanted->option);
    g_autofree char *text = NULL, *shown = NULL, *value = NULL;
    g_autofree char *origin = NULL, *place = NULL;

    if (option == NULL || nct_is_secret(release, option->group, option->name))
        return;
    g_auto(NctResult) result = nct_config_read(config, option);
    if (result.kind != NCT_RESULT_OK)
        return;
    if (result.value->kind != NCT_VALUE_NONE) {
        text = nct_value_to_text(result.value);
        shown = nct_mask_value((NctSpan){ text, strlen(text) }, FALSE);
        value = clean(shown);
    }
    origin = nct_config_describe_origin(config, option->group, option->name);
    place = clean(origin);
    g_ptr_array_add(audit->values,
                    nma_config_value_new(wanted->group, wanted->option, value, place));
}

static void
take_values(NmaAudit *audit, const NctConfig *config, guint release)
{
    const NmaComparedOption *wanted;

    for (guint i = 0; (wanted = nma_compared_option(i)) != NULL; i++)
        take_value(audit, config, release, wanted);
}

static void
take_files(NmaAudit *audit, const NctConfig *config)
{
    const char *const *files = nct_config_files(config);

    for (guint i = 0; files[i] != NULL && i < NMA_AUDIT_MAX_FILES; i++)
        g_ptr_array_add(audit->files, clean(files[i]));
}

NmaAudit *
nma_audit_run(const NmaAuditTask *task, gint64 now_wall_us)
{
    g_auto(NctReleaseChoice) choice = { 0 };
    g_autoptr(GArray) args = nma_nova_args((const char *const *)task->config_files,
                                           (const char *const *)task->config_dirs);
    g_autoptr(NctConfig) config = NULL;
    g_autoptr(GPtrArray) found = NULL;
    NmaAudit *audit = nma_audit_new();

    choose_release(task, &choice);
    const NctLoad load = { .sources = { .args = (const NctArg *)(const void *)args->data,
                                        .n_args = args->len },
                           .release = choice.release,
                           .tolerant = TRUE };
    const NctAuditOptions options = { .release = choice.release,
                                      .version = choice.version,
                                      .ignore = (const char *const *)task->ignore };

    audit->release = choice.release;
    audit->release_name = nct_release_describe(choice.release);
    audit->release_reason = clean(choice.reason);
    audit->audited_wall_us = now_wall_us;
    config = nct_config_load(&load, NULL); /* tolerant: never NULL */
    nct_config_set_default(config, "DEFAULT", "host", task->host);
    found = nct_audit_run(config, &options);
    take_findings(audit, found);
    take_values(audit, config, choice.release);
    take_files(audit, config);
    return audit;
}

/* ---- what may have changed ---- */

static void
append_state(GString *text, const char *path)
{
    struct stat info;

    g_string_append(text, path);
    if (stat(path, &info) == 0)
        g_string_append_printf(text,
                               " %" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
                               " %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ".%09ld %o",
                               (guint64)info.st_dev, (guint64)info.st_ino, (gint64)info.st_size,
                               (gint64)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                               (gint64)info.st_ctim.tv_sec, info.st_ctim.tv_nsec, info.st_mode);
    g_string_append_c(text, '\n');
}

char *
nma_audit_fingerprint(const NmaAuditTask *task)
{
    g_autoptr(GArray) args = nma_nova_args((const char *const *)task->config_files,
                                           (const char *const *)task->config_dirs);
    const NctSources sources = { .args = (const NctArg *)(const void *)args->data,
                                 .n_args = args->len };
    g_autoptr(NctInputs) inputs = nct_sources_list(&sources, nct_dialect_for_release(0));
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < inputs->inputs->len; i++)
        append_state(text, ((const NctInput *)inputs->inputs->pdata[i])->path);
    if (inputs->missing_dir != NULL)
        append_state(text, inputs->missing_dir);
    return g_string_free(text, FALSE);
}
