/* check-config: reads the configuration as the agent would, and says what it means. */
#include <stdio.h>
#include <string.h>

#include "agent/check_online.h"
#include "agent/commands.h"
#include "rpc/transport_url.h"

static void
print_row(const char *label, const char *text)
{
    g_autofree char *shown = nma_printable(text);

    printf("%-13s %s\n", label, shown);
}

static void
print_files(const NmaSettings *settings)
{
    for (guint i = 0; settings->files_read[i] != NULL; i++)
        print_row(i == 0 ? "files" : "", settings->files_read[i]);
}

static void
print_broker(const char *label, const char *transport_url)
{
    g_autoptr(OmTransportUrl) url = om_transport_url_parse(transport_url, NULL);
    g_autofree char *masked = url != NULL ? om_transport_url_mask(url) : NULL;

    print_row(label, masked != NULL ? masked : "cannot be read");
}

static void
print_settings(const NmaSettings *settings)
{
    g_autofree char *topics = g_strjoinv(", ", settings->report_topics);
    g_autofree char *libvirt = g_strdup_printf(
        "%s (%s)", settings->libvirt_uri,
        settings->libvirt_access == NMA_ACCESS_READ_WRITE ? "read-write" : "read-only");

    print_files(settings);
    print_row("host", settings->host);
    print_broker("broker", settings->transport_url);
    print_row("exchange", settings->control_exchange);
    print_broker("reports", settings->report_transport_url);
    print_row("topics", topics);
    print_row("libvirt", libvirt);
    print_row("mode", nma_mode_to_string(settings->mode));
    print_row("state", settings->state_dir);
}

static void
print_trial(const char *what, const char *detail, const char *error, gpointer user_data)
{
    g_autofree char *text =
        g_strconcat(error != NULL ? "FAILED: " : "ok: ", error != NULL ? error : detail, NULL);

    print_row(what, text);
    fflush(stdout);
}

int
nma_cmd_check_config(int argc, char **argv)
{
    gboolean online = FALSE;
    const GOptionEntry entries[] = {
        { "online", 0, 0, G_OPTION_ARG_NONE, &online,
          "Also try the broker, libvirt and the state directory", NULL },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    g_autoptr(NmaSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    if (!nma_command_line_parse(
            &line, argc, argv, entries, 0, NULL,
            "Reads the configuration as the agent would, and says what it "
            "means.\nExit status: 0 good, 1 something does not work (--online), "
            "2 wrong.",
            &status))
        return status;
    settings = nma_settings_load(line.config_file, &error);
    if (settings == NULL) {
        g_autofree char *text = nma_printable(error->message);

        fprintf(stderr, "%s: %s\n", g_get_prgname(), text);
        return NMA_EXIT_USAGE;
    }
    print_settings(settings);
    if (!online)
        return NMA_EXIT_OK;
    putchar('\n');
    return nma_check_online(settings, print_trial, NULL) ? NMA_EXIT_OK : NMA_EXIT_FAILED;
}
