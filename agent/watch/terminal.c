#include "agent/watch/terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NO_WRAP "\033[?7l"
#define WRAP    "\033[?7h"

static void
read_size(NmaWatchTerminal *terminal)
{
    struct winsize size;

    terminal->columns = 80;
    terminal->rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        terminal->columns = size.ws_col;
        terminal->rows = size.ws_row;
    }
}

void
nma_watch_terminal_init(NmaWatchTerminal *terminal)
{
    const char *term = g_getenv("TERM");
    const char *no_color = g_getenv("NO_COLOR");

    *terminal = (NmaWatchTerminal){ 0 };
    terminal->is_terminal = isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    terminal->colour = terminal->is_terminal && !(no_color && *no_color);
    read_size(terminal);
}

void
nma_watch_terminal_resized(NmaWatchTerminal *terminal)
{
    read_size(terminal);
    if (terminal->drawn)
        fputs("\033[H\033[2J", stdout);
    terminal->drawn = 0;
}

gboolean
nma_watch_terminal_draw(NmaWatchTerminal *terminal, const char *block)
{
    g_autoptr(GString) out = g_string_new(NULL);
    guint lines = 0;

    if (terminal->drawn)
        g_string_append_printf(out, "\033[%uA", terminal->drawn);
    g_string_append(out, "\r" NO_WRAP);
    while (*block && lines + 1 < terminal->rows) {
        const char *end = strchrnul(block, '\n');

        g_string_append_len(out, block, end - block);
        g_string_append(out, "\033[K\r\n");
        lines++;
        block = *end ? end + 1 : end;
    }
    g_string_append(out, "\033[J" WRAP);
    terminal->drawn = lines;
    return fwrite(out->str, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
}
