/* For which release of Nova a configuration is judged when nobody says. */
#pragma once

#include <glib.h>

typedef struct {
    guint release;
    char *version; /* as it was given or found: "26.2.2", "zed"; NULL when nobody said */
    char *reason;  /* how it was chosen, for the summary line */
} NctReleaseChoice;

/*
 * --release (may be NULL), else NOVA_CONF_TOOL_RELEASE, else the Nova that is installed here, else
 * the newest. FALSE if a name is given that is no release; *wrong is then that name.
 */
gboolean nct_release_choose(const char *option, NctReleaseChoice *choice, const char **wrong);
void nct_release_choice_clear(NctReleaseChoice *choice);

/* the version of the Nova installed under root ("" = this host), "26.2.2", or NULL; newly allocated
 */
char *nct_installed_nova(const char *root);
