/* status [--json]: what the running agent sees. */
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"

/* ---- the answer is read tolerantly: an agent of another version may answer ---- */

static const json_t *
at(const json_t *object, const char *group, const char *name)
{
    return json_object_get(group != NULL ? json_object_get(object, group) : object, name);
}

/* Text of a member; "-" where it is missing or null. Owned. */
static char *
text_of(const json_t *object, const char *group, const char *name)
{
    const char *text = json_string_value(at(object, group, name));

    return text != NULL ? nma_printable(text) : g_strdup("-");
}

static gint64
number_of(const json_t *object, const char *group, const char *name)
{
    return (gint64)json_number_value(at(object, group, name));
}

/* "45 s", "12 min 3 s", "5 h 12 min", "3 d 4 h"; owned */
static char *
duration(gint64 s)
{
    if (s < 60)
        return g_strdup_printf("%" G_GINT64_FORMAT " s", s);
    if (s < 3600)
        return g_strdup_printf("%d min %d s", (int)(s / 60), (int)(s % 60));
    if (s < 86400)
        return g_strdup_printf("%d h %d min", (int)(s / 3600), (int)(s % 3600 / 60));
    return g_strdup_printf("%" G_GINT64_FORMAT " d %d h", s / 86400, (int)(s % 86400 / 3600));
}

/* ---- the head ---- */

static void
print_link(const char *label, gboolean connected, const char *to, const json_t *error)
{
    g_autofree char *text = json_is_string(error) ? nma_printable(json_string_value(error)) : NULL;

    if (connected)
        printf("%-13s connected to %s\n", label, to);
    else
        printf("%-13s NOT connected%s%s\n", label, text != NULL ? ": " : "",
               text != NULL ? text : "");
}

static void
print_tap(const json_t *status)
{
    const json_t *age = at(status, "bus", "tap_age_s");
    g_autofree char *ago = duration((gint64)json_number_value(age));

    printf("%-13s %s", "tap", json_is_true(at(status, "bus", "tap_bound")) ? "bound" : "NOT bound");
    if (json_is_number(age))
        printf(", last probe came back %s ago", ago);
    putchar('\n');
}

static void
print_outbox(const json_t *status)
{
    gint64 rows = number_of(status, "outbox", "rows");
    gint64 unroutable = number_of(status, "outbox", "unroutable_total");
    gint64 dropped = number_of(status, "outbox", "dropped_total");
    g_autofree char *oldest = duration(number_of(status, "outbox", "oldest_s"));

    printf("%-13s %" G_GINT64_FORMAT " waiting", "outbox", rows);
    if (rows > 0)
        printf(", the oldest for %s", oldest);
    if (json_is_true(at(status, "outbox", "nobody_listens")))
        printf("; nobody listens to the reports");
    else if (unroutable > 0)
        printf("; %" G_GINT64_FORMAT " times nobody listened", unroutable);
    if (dropped > 0)
        printf("; %" G_GINT64_FORMAT " DROPPED", dropped);
    putchar('\n');
}

static void
print_audit(const json_t *status)
{
    gint64 errors = number_of(status, "audit", "error");
    gint64 warnings = number_of(status, "audit", "warning");
    g_autofree char *release = text_of(status, "audit", "release");
    g_autofree char *ago = duration(number_of(status, "audit", "age_s"));

    if (!json_is_object(json_object_get(status, "audit")))
        return;
    printf("%-13s %" G_GINT64_FORMAT " errors, %" G_GINT64_FORMAT
           " warnings for %s, audited %s ago\n",
           "nova.conf", errors, warnings, release, ago);
}

static void
print_head(const json_t *status)
{
    g_autofree char *version = text_of(status, NULL, "version");
    g_autofree char *host = text_of(status, NULL, "host"), *mode = text_of(status, NULL, "mode");
    g_autofree char *health = text_of(status, NULL, "health");
    g_autofree char *broker = text_of(status, "bus", "broker");
    g_autofree char *uri = text_of(status, "libvirt", "uri");
    g_autofree char *level = text_of(status, NULL, "log_level");
    g_autofree char *up = duration(number_of(status, NULL, "uptime_s"));
    const json_t *degraded = json_object_get(status, "degraded");
    json_t *reason;
    gsize i;

    printf("nova-migration-agent %s on %s, pid %" G_GINT64_FORMAT ", up %s\n\n", version, host,
           number_of(status, NULL, "pid"), up);
    printf("%-13s %s\n", "health", health);
    json_array_foreach(degraded, i, reason)
    {
        g_autofree char *text =
            nma_printable(json_is_string(reason) ? json_string_value(reason) : "?");

        printf("%-13s %s\n", "", text);
    }
    printf("%-13s %s\n", "mode", mode);
    print_link("bus in", json_is_true(at(status, "bus", "in")), broker, at(status, "bus", "error"));
    print_link("bus out", json_is_true(at(status, "bus", "out")), broker,
               at(status, "bus", "error"));
    if (json_is_true(at(status, "bus", "blocked")))
        printf("%-13s the broker takes no messages now (memory or disk alarm)\n", "");
    if (json_is_true(at(status, "bus", "tls_unverified")))
        printf("%-13s the broker's certificate is not verified (no ssl_ca_file, as in Nova)\n", "");
    print_tap(status);
    print_link("libvirt", json_is_true(at(status, "libvirt", "connected")), uri,
               at(status, "libvirt", "error"));
    print_outbox(status);
    printf("%-13s %" G_GINT64_FORMAT "\n", "reservations", number_of(status, NULL, "reservations"));
    print_audit(status);
    printf("%-13s %s\n", "log level", level);
}

/* ---- the migrations ---- */

static const struct {
    const char *title, *member;
} columns[] = {
    { "INSTANCE", "instance_uuid" },
    { "ROLE", "role" },
    { "PHASE", "phase" },
    { "STEP", "step" },
    { "SOURCE", "source" },
    { "DESTINATION", "destination" },
};

static void
print_cell(guint column, const char *text, const gsize *widths)
{
    if (column + 1 == G_N_ELEMENTS(columns))
        printf("%s\n", text);
    else
        printf("%s%*s", text, (int)(widths[column] - (gsize)g_utf8_strlen(text, -1) + 2), "");
}

static void
print_migrations(const json_t *migrations)
{
    gsize widths[G_N_ELEMENTS(columns)], i;
    json_t *row;

    if (json_array_size(migrations) == 0) {
        puts("\nno migration is open on this host");
        return;
    }
    for (guint c = 0; c < G_N_ELEMENTS(columns); c++) {
        widths[c] = strlen(columns[c].title);
        json_array_foreach(migrations, i, row)
        {
            g_autofree char *text = text_of(row, NULL, columns[c].member);

            widths[c] = MAX(widths[c], (gsize)g_utf8_strlen(text, -1));
        }
    }
    putchar('\n');
    for (guint c = 0; c < G_N_ELEMENTS(columns); c++)
        print_cell(c, columns[c].title, widths);
    json_array_foreach(migrations, i, row)
    {
        for (guint c = 0; c < G_N_ELEMENTS(columns); c++) {
            g_autofree char *text = text_of(row, NULL, columns[c].member);

            print_cell(c, text, widths);
        }
    }
}

int
nma_cmd_status(int argc, char **argv)
{
    gboolean as_json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the answer as JSON", NULL },
        { NULL },
    };
    g_auto(NmaCommandLine) line = { 0 };
    json_t *result;
    int status;

    if (!nma_command_line_parse(&line, argc, argv, entries, 0, NULL,
                                "Asks the running agent what it sees.", &status))
        return status;
    result = nma_command_ask(&line, "status", NULL, &status);
    if (result == NULL)
        return status;
    if (as_json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_head(result);
        print_migrations(json_object_get(result, "migrations"));
    }
    json_decref(result);
    return NMA_EXIT_OK;
}
