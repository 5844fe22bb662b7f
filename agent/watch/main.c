/*
 * nova-migration-watch: shows live migrations as the agents report them. See
 * nova-migration-watch(1).
 */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/watch/drain.h"
#include "agent/watch/listen.h"
#include "agent/watch/options.h"
#include "agent/watch/output.h"
#include "agent/watch/replay.h"

#define DRAW_EVERY_US (250 * NMA_US_PER_MS) /* at most, while reports come */
#define TICK_US       NMA_US_PER_S          /* ages and durations go on without reports */
/* the other side's last word is waited for so long after the result is known */
#define SETTLE_US (2 * NMA_US_PER_S)
/* --once: how long reports are gathered; agents send one a second while memory flows */
#define GATHER_US (3 * NMA_US_PER_S)
/* --once INSTANCE: from the first word on, so that the other side's is heard too */
#define GATHER_BOTH_US (1200 * NMA_US_PER_MS)
#define CONNECT_US     (30 * NMA_US_PER_S)
/* --until-empty: the end of a migration is told when the conductor has said it, within 30 s */
#define LAST_WORDS_US (45 * NMA_US_PER_S)
/* a flood of reports must not keep signals and time-outs waiting */
#define NEWS_AT_ONCE 1000

typedef struct {
    const NmaWatchOptions *options;
    NmaWatchOutput output;
    NmaWatchListener *listener;
    NmaWatchDrain *drain; /* --until-empty; else NULL */
    gint64 empty_us;      /* since when the host is empty; NMA_NEVER */
    char *drain_said;
    int signal_fd;
    int end_signal; /* that asked us to end; 0: none */
    gint64 started_us;
    gint64 listening_us; /* since when all cells were listened to once; NMA_NEVER: not yet */
    GHashTable *up;      /* cells that are listened to now */
    GHashTable *refused; /* cells whose broker does not accept user or password */
    gint64 tick_us;
    guint64 lost; /* last told */
    guint n_cells;
    gint64 found_us;  /* when the target was first heard of; NMA_NEVER */
    gint64 result_us; /* when its result was first known; NMA_NEVER */
    gint64 drawn_us;
} Watch;

/* ---- cells ---- */

static GPtrArray *
load_cells(const NmaWatchOptions *options, GError **error)
{
    g_autoptr(GPtrArray) cells =
        g_ptr_array_new_with_free_func((GDestroyNotify)nma_watch_cell_free);
    NmaWatchCell *cell;

    for (guint i = 0; options->cells && options->cells[i]; i++) {
        const char *sign = strchr(options->cells[i], '=');
        g_autofree char *name = g_strndup(options->cells[i], (gsize)(sign - options->cells[i]));

        cell = nma_watch_cell_load(name, sign + 1, error);
        if (!cell)
            return NULL;
        g_ptr_array_add(cells, cell);
    }
    if (cells->len == 0) {
        cell = nma_watch_cell_load("", NMA_WATCH_DEFAULT_NOVA_CONF, error);
        if (!cell)
            return NULL;
        g_ptr_array_add(cells, cell);
    }
    return g_steal_pointer(&cells);
}

/* ---- news ---- */

/* Passwords rotate: what nova.conf says now may be accepted. */
static void
read_again(Watch *watch, const NmaWatchCell *cell)
{
    g_autoptr(NmaWatchCell) fresh = nma_watch_cell_load(cell->name, cell->nova_conf, NULL);

    if (fresh)
        nma_watch_listener_reload(watch->listener, cell, fresh);
}

static void
take_state(Watch *watch, const NmaWatchNews *news, gint64 now_us)
{
    const char *name = news->cell->name;
    gboolean up = news->kind == NMA_WATCH_NEWS_UP;
    g_autofree char *text =
        g_strdup_printf("%s%s%s %s", name, *name ? ": " : "",
                        up ? "listening on" : "not listening, trying again:", news->text);

    if (up)
        g_hash_table_add(watch->up, (gpointer)news->cell);
    else
        g_hash_table_remove(watch->up, news->cell);
    if (watch->listening_us == NMA_NEVER && g_hash_table_size(watch->up) == watch->n_cells)
        watch->listening_us = now_us;
    nma_watch_output_status(&watch->output, text);
    if (news->kind == NMA_WATCH_NEWS_REFUSED)
        g_hash_table_add(watch->refused, (gpointer)news->cell);
    else
        g_hash_table_remove(watch->refused, news->cell);
}

static void
take_news(Watch *watch, gint64 now_us)
{
    for (guint i = 0; i < NEWS_AT_ONCE && !watch->output.closed; i++) {
        g_autoptr(NmaWatchNews) news = nma_watch_listener_take(watch->listener);

        if (!news)
            return;
        if (news->kind == NMA_WATCH_NEWS_REPORT)
            nma_watch_output_report(&watch->output, news->cell->name, news->payload, now_us);
        else
            take_state(watch, news, now_us);
    }
}

/* what is done once a second */
static void
tick(Watch *watch, gint64 now_us)
{
    GHashTableIter iter;
    gpointer cell;
    guint64 lost = nma_watch_listener_lost(watch->listener);

    if (now_us < watch->tick_us)
        return;
    watch->tick_us = now_us + TICK_US;
    g_hash_table_iter_init(&iter, watch->refused);
    while (g_hash_table_iter_next(&iter, &cell, NULL))
        read_again(watch, cell);
    if (lost > watch->lost) {
        g_autofree char *text = g_strdup_printf(
            "%" G_GUINT64_FORMAT " reports came faster than they could be shown and were dropped",
            lost);

        watch->lost = lost;
        nma_watch_output_status(&watch->output, text);
    }
}

static void
take_signals(Watch *watch)
{
    struct signalfd_siginfo info;

    while (read(watch->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGWINCH) {
            nma_watch_terminal_resized(&watch->output.terminal);
            watch->output.dirty = TRUE;
        } else {
            watch->end_signal = (int)info.ssi_signo;
        }
    }
}

/* ---- when it ends, and how ---- */

/* What is known of the guests, told when it changes. */
static void
say_drain(Watch *watch)
{
    gint64 guests = nma_watch_drain_guests(watch->drain);
    const char *trouble = nma_watch_drain_trouble(watch->drain);
    g_autofree char *text = trouble ? g_strdup(trouble)
                            : guests >= 0
                                ? g_strdup_printf("%" G_GINT64_FORMAT " guest%s on %s", guests,
                                                  guests == 1 ? "" : "s", watch->options->host)
                                : NULL;

    if (!text || g_strcmp0(text, watch->drain_said) == 0)
        return;
    nma_watch_output_status(&watch->output, text);
    g_free(watch->drain_said);
    watch->drain_said = g_steal_pointer(&text);
}

/* Empty is what the agent says of libvirt's guests; then the last words on those that left are
 * waited for. */
static gboolean
is_drained(Watch *watch, gint64 now_us, int *code)
{
    NmaWatchLeft left;

    nma_watch_drain_step(watch->drain, now_us);
    say_drain(watch);
    if (nma_watch_drain_guests(watch->drain) != 0 || nma_watch_drain_trouble(watch->drain)) {
        watch->empty_us = NMA_NEVER;
        return FALSE;
    }
    if (watch->empty_us == NMA_NEVER)
        watch->empty_us = now_us;
    nma_watch_output_left(&watch->output, now_us, &left);
    if (left.running > 0 && now_us - watch->empty_us < LAST_WORDS_US)
        return FALSE;
    if (now_us - watch->empty_us < SETTLE_US)
        return FALSE;
    *code = nma_watch_left_exit_code(&left);
    return TRUE;
}

/* TRUE when the program is done, with its exit code */
static gboolean
is_done(Watch *watch, gint64 now_us, int *code)
{
    const NmaWatchOptions *options = watch->options;
    g_autofree NmaWatchPicture *target = NULL;
    gboolean listened = watch->listening_us != NMA_NEVER, time_is_up;

    if (watch->drain && is_drained(watch, now_us, code))
        return TRUE;
    if (options->target)
        target = nma_watch_output_target(&watch->output, now_us);
    if (target && watch->found_us == NMA_NEVER)
        watch->found_us = now_us;
    if (target && target->outcome != NMA_WATCH_RUNNING) {
        if (watch->result_us == NMA_NEVER)
            watch->result_us = now_us;
        if (target->settled || now_us - watch->result_us >= SETTLE_US) {
            *code = nma_watch_outcome_exit_code(target->outcome);
            return TRUE;
        }
    } else {
        watch->result_us = NMA_NEVER;
    }

    time_is_up = options->timeout_us && now_us - watch->started_us >= options->timeout_us;
    if (options->once && !time_is_up) {
        gint64 gather_us = options->timeout_us ? options->timeout_us : GATHER_US;

        time_is_up = listened ? now_us - watch->listening_us >= gather_us
                              : now_us - watch->started_us >= CONNECT_US;
        if (target && now_us - watch->found_us >= GATHER_BOTH_US)
            time_is_up = TRUE;
    }
    if (!time_is_up)
        return FALSE;
    if (options->target && !target)
        *code = listened ? NMA_WATCH_EXIT_NOT_FOUND : NMA_WATCH_EXIT_TIMED_OUT;
    else if (options->target)
        *code = nma_watch_outcome_exit_code(target->outcome);
    else
        *code = options->once && listened ? NMA_WATCH_EXIT_OK : NMA_WATCH_EXIT_TIMED_OUT;
    return TRUE;
}

static int
wait_ms(const Watch *watch, gint64 now_us)
{
    gint64 until_us = now_us + TICK_US;

    if (watch->options->timeout_us)
        until_us = MIN(until_us, watch->started_us + watch->options->timeout_us);
    if (nma_watch_output_draws(&watch->output) && watch->output.dirty)
        until_us = MIN(until_us, watch->drawn_us + DRAW_EVERY_US);
    if (watch->options->once)
        until_us = MIN(until_us, now_us + DRAW_EVERY_US);
    return (int)(MAX(until_us - now_us, 0) / NMA_US_PER_MS) + 1;
}

static int
run(Watch *watch)
{
    int code = NMA_WATCH_EXIT_OK;

    for (;;) {
        struct pollfd fds[] = {
            { .fd = nma_watch_listener_fd(watch->listener), .events = POLLIN },
            { .fd = watch->signal_fd, .events = POLLIN },
            { .fd = watch->drain ? nma_watch_drain_fd(watch->drain) : -1, .events = POLLIN },
        };
        gint64 now_us = g_get_monotonic_time();

        take_signals(watch);
        take_news(watch, now_us);
        tick(watch, now_us);
        if (watch->end_signal || watch->output.closed || is_done(watch, now_us, &code))
            break;
        if (nma_watch_output_draws(&watch->output) &&
            now_us - watch->drawn_us >= (watch->output.dirty ? DRAW_EVERY_US : TICK_US)) {
            nma_watch_output_draw(&watch->output, now_us);
            watch->drawn_us = now_us;
        }
        if (poll(fds, G_N_ELEMENTS(fds), wait_ms(watch, now_us)) < 0 && errno != EINTR)
            break;
    }
    if (!watch->output.closed && watch->drain && !watch->end_signal)
        nma_watch_output_drained(&watch->output, g_get_monotonic_time(),
                                 nma_watch_drain_guests(watch->drain),
                                 nma_watch_drain_instances(watch->drain));
    else if (!watch->output.closed)
        nma_watch_output_final(&watch->output, g_get_monotonic_time());
    return code;
}

/* The caller sees the signal, as from any program that does not catch it. */
static void
die_of(int number)
{
    sigset_t set;

    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static int
listen_and_show(const NmaWatchOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) cells = load_cells(options, &error);
    Watch watch = { .options = options };
    sigset_t signals;
    int code = NMA_WATCH_EXIT_USAGE;
    gboolean stopped;

    if (!cells) {
        fprintf(stderr, "nova-migration-watch: %s\n", error->message);
        return NMA_WATCH_EXIT_USAGE;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    watch.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    watch.n_cells = cells->len;
    watch.started_us = g_get_monotonic_time();
    watch.listening_us = watch.found_us = watch.result_us = watch.empty_us = NMA_NEVER;
    watch.drawn_us = watch.started_us - TICK_US;
    watch.listener = nma_watch_listener_start(cells, options->topic, &error);
    if (!watch.listener) {
        fprintf(stderr, "nova-migration-watch: %s\n", error->message);
        return NMA_WATCH_EXIT_USAGE;
    }
    if (options->until_empty) {
        watch.drain = nma_watch_drain_start(cells, options->host, options->agent_topic, &error);
        if (!watch.drain) {
            fprintf(stderr, "nova-migration-watch: %s\n", error->message);
            nma_watch_listener_stop(watch.listener);
            return NMA_WATCH_EXIT_USAGE;
        }
    }
    watch.up = g_hash_table_new(NULL, NULL);
    watch.refused = g_hash_table_new(NULL, NULL);
    nma_watch_output_init(&watch.output, options, cells->len > 1);
    code = run(&watch);

    stopped = nma_watch_listener_stop(watch.listener);
    if (watch.drain && !nma_watch_drain_stop(watch.drain))
        stopped = FALSE;
    g_free(watch.drain_said);
    if (watch.output.closed)
        watch.end_signal = SIGPIPE;
    nma_watch_output_clear(&watch.output);
    g_hash_table_unref(watch.up);
    g_hash_table_unref(watch.refused);
    close(watch.signal_fd);
    if (watch.end_signal)
        die_of(watch.end_signal);
    if (!stopped) /* a thread still uses the cells */
        _exit(code);
    return code;
}

/* ---- a recording ---- */

static void
on_replayed(json_t *payload, gpointer user_data)
{
    NmaWatchOutput *output = user_data;
    const char *cell = json_string_value(json_object_get(payload, "cell"));

    nma_watch_output_report(output, cell ? cell : "", payload, 0);
}

static int
replay(const NmaWatchOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree NmaWatchPicture *target = NULL;
    NmaWatchOutput output;
    guint64 bad = 0;
    int code = NMA_WATCH_EXIT_OK;

    nma_watch_output_init(&output, options, FALSE);
    if (!nma_watch_replay(options->replay, on_replayed, &output, &bad, &error)) {
        fprintf(stderr, "nova-migration-watch: %s\n", error->message);
        code = NMA_WATCH_EXIT_USAGE;
    } else {
        if (bad)
            fprintf(stderr, "nova-migration-watch: %" G_GUINT64_FORMAT " lines are no report\n",
                    bad);
        nma_watch_output_final(&output, NMA_NEVER);
        if (options->target) {
            target = nma_watch_output_target(&output, NMA_NEVER);
            code = target ? nma_watch_outcome_exit_code(target->outcome) : NMA_WATCH_EXIT_NOT_FOUND;
        }
    }
    nma_watch_output_clear(&output);
    return code;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NmaWatchOptions) options = NULL;
    g_auto(GStrv) args = g_strdupv(argv);

    setlocale(LC_CTYPE, "");
    options = nma_watch_options_parse(&args, &error);
    if (!options) {
        fprintf(stderr, "nova-migration-watch: %s\nTry \"nova-migration-watch --help\".\n",
                error->message);
        return NMA_WATCH_EXIT_USAGE;
    }
    if (options->version) {
        puts("nova-migration-watch " PACKAGE_VERSION);
        return NMA_WATCH_EXIT_OK;
    }
    return options->replay ? replay(options) : listen_and_show(options);
}
