#include "agent/ops/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "agent/core/now.h"

#define LIMIT_WINDOW_US (60 * NMA_US_PER_S)
#define LIMIT_BURST     5
#define MAX_TEXT_BYTES  4096

/* oslo.log's names; GLib's "error" aborts the program, its "critical" is a bug or a lost function
 */
static const struct {
    GLogLevelFlags flag;
    const char *shown;
    char syslog; /* sd-daemon(3) prefix */
} levels[] = {
    { G_LOG_LEVEL_ERROR, "CRITICAL", '2' },  { G_LOG_LEVEL_CRITICAL, "ERROR", '3' },
    { G_LOG_LEVEL_WARNING, "WARNING", '4' }, { G_LOG_LEVEL_MESSAGE, "INFO", '6' },
    { G_LOG_LEVEL_INFO, "INFO", '6' },       { G_LOG_LEVEL_DEBUG, "DEBUG", '7' },
};

static const struct {
    const char *name;
    GLogLevelFlags lowest; /* flags grow as the weight of a line falls */
} names[] = {
    { "debug", G_LOG_LEVEL_DEBUG },
    { "info", G_LOG_LEVEL_INFO },
    { "warning", G_LOG_LEVEL_WARNING },
    { "error", G_LOG_LEVEL_CRITICAL },
};

static gint level_index = 1; /* into names; atomic */
static gboolean to_journal;

/* journald sets JOURNAL_STREAM to the device and inode of the stream it reads; it is inherited by
 * children whose stderr leads elsewhere. */
static gboolean
stderr_is_journal(void)
{
    const char *stream = g_getenv("JOURNAL_STREAM");
    struct stat st;
    guint64 device, inode;
    char *end;

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return FALSE;
    device = g_ascii_strtoull(stream, &end, 10);
    if (*end != ':')
        return FALSE;
    inode = g_ascii_strtoull(end + 1, &end, 10);
    return *end == '\0' && device == st.st_dev && inode == st.st_ino;
}

/* One line stays one line, whatever was put into it: a peer's text must not forge log lines or
 * reach a terminal. */
static void
append_text(GString *line, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, MAX_TEXT_BYTES));

    for (const char *c = valid; *c != '\0'; c = g_utf8_next_char(c)) {
        gunichar u = g_utf8_get_char(c);

        if (u == '\n')
            g_string_append(line, "\\n");
        else if (g_unichar_iscntrl(u))
            g_string_append_printf(line, "\\x%02x", u);
        else
            g_string_append_unichar(line, u);
    }
    if (text[strnlen(text, MAX_TEXT_BYTES)] != '\0')
        g_string_append(line, "...");
}

static void
append_time(GString *line)
{
    struct timespec now;
    struct tm local;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    g_string_append_printf(line, "%s.%03d %d ", text, (int)(now.tv_nsec / 1000000), (int)getpid());
}

static GLogWriterOutput
write_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    const char *message = "", *domain = "agent";
    GLogLevelFlags flag = level & G_LOG_LEVEL_MASK;
    g_autoptr(GString) line = NULL;
    const char *at;
    gsize left, i;

    if (flag > names[g_atomic_int_get(&level_index)].lowest && !(level & G_LOG_FLAG_FATAL))
        return G_LOG_WRITER_HANDLED;
    for (i = 0; i < n_fields; i++) {
        if (fields[i].length >= 0) /* not a C string: not ours */
            continue;
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            message = fields[i].value;
        else if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
            domain = fields[i].value;
    }
    for (i = 0; i < G_N_ELEMENTS(levels) - 1 && levels[i].flag != flag; i++)
        ;

    line = g_string_sized_new(256);
    if (to_journal)
        g_string_append_printf(line, "<%c>", levels[i].syslog);
    else
        append_time(line);
    g_string_append_printf(line, "%s %s [-] ", levels[i].shown, domain);
    append_text(line, message);
    g_string_append_c(line, '\n');

    /* one write a line, so that lines of several threads do not mix; nobody can be told of a
     * failure */
    for (at = line->str, left = line->len; left > 0;) {
        gssize n = write(STDERR_FILENO, at, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += n;
        left -= (gsize)n;
    }
    return G_LOG_WRITER_HANDLED;
}

void
nma_log_init(void)
{
    static gboolean done;

    to_journal = stderr_is_journal();
    if (!done) /* GLib allows it once */
        g_log_set_writer_func(write_line, NULL, NULL);
    done = TRUE;
}

gboolean
nma_log_set_level(const char *level)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(level, names[i].name) == 0) {
            g_atomic_int_set(&level_index, (gint)i);
            return TRUE;
        }
    }
    return FALSE;
}

const char *
nma_log_get_level(void)
{
    return names[g_atomic_int_get(&level_index)].name;
}

gboolean
nma_log_allowed(NmaLogLimit *limit, gint64 now_boot_us, guint *suppressed)
{
    *suppressed = 0;
    if (limit->in_window == 0 || now_boot_us - limit->window_boot_us >= LIMIT_WINDOW_US) {
        limit->window_boot_us = now_boot_us;
        limit->in_window = 0;
    }
    if (limit->in_window >= LIMIT_BURST) {
        limit->suppressed++;
        return FALSE;
    }
    limit->in_window++;
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    return TRUE;
}
