#include "agent/probe/memory.h"

#include <string.h>
#include <unistd.h>

#include "agent/core/identity.h"
#include "agent/core/job_stats.h"
#include "agent/probe/file.h"

#define KIB G_GINT64_CONSTANT(1024)

/* The bytes of a line "<name>:   <n> kB"; NMA_UNKNOWN when there is no such line. */
static gint64
kib_line(const char *text, const char *name)
{
    gsize name_length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        guint64 kib;

        line += *line == '\n';
        if (strncmp(line, name, name_length) != 0 || line[name_length] != ':')
            continue;

        g_autofree char *rest =
            g_strndup(line + name_length + 1, strcspn(line + name_length + 1, "\n"));
        char *unit;

        g_strstrip(rest);
        unit = strrchr(rest, ' ');
        if (!unit || strcmp(unit, " kB") != 0)
            return NMA_UNKNOWN;
        *unit = '\0';
        g_strchomp(rest);
        if (!g_ascii_string_to_unsigned(rest, 10, 0, G_MAXINT64 / KIB, &kib, NULL))
            return NMA_UNKNOWN;
        return (gint64)kib * KIB;
    }
    return NMA_UNKNOWN;
}

gboolean
nma_probe_memory(const char *proc, NmaFacts *facts, GError **error)
{
    g_autofree char *text = nma_probe_read(proc, "meminfo", error);

    if (!text)
        return FALSE;

    gint64 total = kib_line(text, "MemTotal");

    if (total == NMA_UNKNOWN) {
        g_set_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_FORMAT,
                    "%s/meminfo does not say MemTotal in kB", proc);
        return FALSE;
    }
    facts->memory_total_bytes = total;
    facts->memory_available_bytes = kib_line(text, "MemAvailable");
    facts->swap_total_bytes = kib_line(text, "SwapTotal");
    facts->swap_free_bytes = kib_line(text, "SwapFree");
    return TRUE;
}

/* avg60 of the line "some …" or "full …", in hundredths of a percent: "some avg10=0.00
 * avg60=1.25 …" */
static gint64
pressure_line(const char *text, const char *kind)
{
    const char *line = strstr(text, kind);
    const char *average = line ? strstr(line, " avg60=") : NULL;
    const char *end = line ? line + strcspn(line, "\n") : NULL;
    double percent;
    char *rest;

    if (!average || average > end)
        return NMA_UNKNOWN;
    percent = g_ascii_strtod(average + strlen(" avg60="), &rest);
    if (rest == average + strlen(" avg60=") || !(percent >= 0) || percent > 100)
        return NMA_UNKNOWN;
    return (gint64)(percent * 100 + 0.5);
}

void
nma_probe_memory_pressure(const char *proc, NmaFacts *facts)
{
    g_autofree char *text = nma_probe_read(proc, "pressure/memory", NULL);

    if (!text)
        return;
    facts->pressure_some = pressure_line(text, "some");
    facts->pressure_full = pressure_line(text, "full");
}

/* what QEMU is called: qemu-system-x86_64, qemu-kvm (EL), kvm (Debian's old wrapper) */
static gboolean
is_qemu(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;

    return g_str_has_prefix(name, "qemu-") || strcmp(name, "kvm") == 0;
}

/* cmdline: arguments, each ended by a NUL */
static gboolean
runs_instance(const char *cmdline, gsize length, const char *instance_uuid)
{
    const char *end = cmdline + length;
    gboolean is_value = FALSE;

    if (!is_qemu(cmdline))
        return FALSE;
    for (const char *argument = cmdline; argument < end; argument += strlen(argument) + 1) {
        if (is_value && g_ascii_strcasecmp(argument, instance_uuid) == 0)
            return TRUE;
        is_value = strcmp(argument, "-uuid") == 0;
    }
    return FALSE;
}

/* Field 22 of stat, in clock ticks since boot; the name in field 2 may hold anything. */
static guint64
start_time(int process_fd)
{
    gsize length;
    g_autofree char *stat = nma_probe_read_at(process_fd, "stat", &length);
    const char *after_name = stat ? strrchr(stat, ')') : NULL;
    g_auto(GStrv) fields = after_name ? g_strsplit(after_name, " ", 22) : NULL;

    /* fields[0] is ")", fields[1] is field 3 */
    return fields && g_strv_length(fields) > 20 ? g_ascii_strtoull(fields[20], NULL, 10) : 0;
}

static gint64
resident_bytes(int process_fd)
{
    gsize length;
    g_autofree char *status = nma_probe_read_at(process_fd, "status", &length);

    if (!status)
        return NMA_UNKNOWN;

    gint64 resident = kib_line(status, "VmRSS");
    gint64 huge = kib_line(status, "HugetlbPages");

    if (resident == NMA_UNKNOWN || huge == NMA_UNKNOWN || huge > G_MAXINT64 - resident)
        return resident;
    return resident + huge;
}

gint64
nma_probe_qemu_resident_bytes(const char *proc, const char *instance_uuid)
{
    g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
    gint64 found = NMA_UNKNOWN;
    guint64 found_started = 0;
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (!g_ascii_isdigit(name[0]))
            continue;

        /* all files of one process, even when its pid is given to another one meanwhile */
        g_autofree char *path = g_build_filename(proc, name, NULL);
        int process_fd = nma_probe_open_directory(path);

        if (process_fd < 0)
            continue;

        gsize length;
        g_autofree char *cmdline = nma_probe_read_at(process_fd, "cmdline", &length);

        if (cmdline && runs_instance(cmdline, length, instance_uuid)) {
            gint64 resident = resident_bytes(process_fd);
            guint64 started = start_time(process_fd);

            if (resident != NMA_UNKNOWN && (found == NMA_UNKNOWN || started > found_started)) {
                found = resident;
                found_started = started;
            }
        }
        close(process_fd);
    }
    return found;
}

char *
nma_probe_boot_id(const char *proc, GError **error)
{
    g_autofree char *text = nma_probe_read(proc, "sys/kernel/random/boot_id", error);

    if (!text)
        return NULL;
    g_strchomp(text);
    if (!nma_uuid_is_valid(text)) {
        g_set_error(error, NMA_PROBE_ERROR, NMA_PROBE_ERROR_FORMAT,
                    "%s/sys/kernel/random/boot_id holds no uuid", proc);
        return NULL;
    }
    return g_steal_pointer(&text);
}
