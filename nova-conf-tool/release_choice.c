#include "nova-conf-tool/release_choice.h"

#include <glob.h>
#include <string.h>

#include "nova-conf-tool/catalogue.h"

#define VARIABLE "NOVA_CONF_TOOL_RELEASE"

/* "nova-26.2.2.dist-info", "nova-26.2.2-py3.9.egg-info" */
static char *
version_in_name(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    const char *version = base + strlen("nova-");

    return g_strndup(version, strspn(version, "0123456789."));
}

char *
nct_installed_nova(const char *root)
{
    /* distributions, and the places where Kolla and OpenStack-Ansible put their virtual
     * environments */
    static const char *const places[] = {
        "/usr/lib/python3/dist-packages",
        "/usr/lib/python3*/site-packages",
        "/usr/local/lib/python3*/dist-packages",
        "/usr/local/lib/python3*/site-packages",
        "/var/lib/kolla/venv/lib/python3*/site-packages",
        "/openstack/venvs/nova-*/lib/python3*/site-packages",
    };

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *pattern = g_strconcat(root, places[i], "/nova-[0-9]*-info", NULL);
        g_autofree char *version = NULL;
        glob_t found;

        if (glob(pattern, 0, NULL, &found) != 0)
            continue;
        version = version_in_name(found.gl_pathv[0]);
        globfree(&found);
        g_strchomp(version);
        if (g_str_has_suffix(version, "."))
            version[strlen(version) - 1] = '\0';
        if (nct_release_parse(version))
            return g_steal_pointer(&version);
    }
    return NULL;
}

gboolean
nct_release_choose(const char *option, NctReleaseChoice *choice, const char **wrong)
{
    const char *variable = g_getenv(VARIABLE);
    g_autofree char *installed = NULL;

    if (option || (variable && *variable)) {
        *wrong = option ? option : variable;
        choice->release = nct_release_parse(*wrong);
        choice->version = g_strdup(*wrong);
        choice->reason = g_strdup(option ? "by --release" : "by " VARIABLE);
        return choice->release != 0;
    }
    installed = nct_installed_nova("");
    if (installed) {
        choice->release = nct_release_parse(installed);
        choice->version = g_strdup(installed);
        choice->reason = g_strdup_printf("the installed one (%s)", installed);
    } else {
        choice->release = nct_release_newest();
        choice->reason = g_strdup("the newest, since --release is not given");
    }
    return TRUE;
}

void
nct_release_choice_clear(NctReleaseChoice *choice)
{
    g_clear_pointer(&choice->version, g_free);
    g_clear_pointer(&choice->reason, g_free);
}
