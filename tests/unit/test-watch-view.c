/* Both views: golden texts, widths, and text from reports that wants to be more than text. */
#include "agent/watch/view.h"

#include <string.h>

#include "agent/watch/text.h"
#include "tests/unit/tap.h"
#include "tests/unit/watch_story.h"

#define HEARD_US (100 * NMA_US_PER_S)
#define NOW_US   (HEARD_US + 3 * NMA_US_PER_S)

static const NmaWatchStyle plain = { .columns = 120 };

/* clang-format off */
static const char waiting_screen[] =
    "instance    4f2a1c3e-0000-4000-8000-000000000001  web-7\n"
    "flavor      m1.large, 4 vCPU, 8192 MiB\n"
    "migration   42  0b0f3d52-0000-4000-8000-00000000000a\n"
    "path        cmp-a -> cmp-b\n"
    "phase       reservation, 3.8 s; step held, 3.0 s\n"
    "waits for   the destination to prepare volumes and networks (pre_live_migration)\n"
    "guest       runs on cmp-a (source)\n"
    "\n"
    "                source cmp-a                    destination cmp-b\n"
    "pre_migration   open                            done 100 ms\n"
    "reservation     -                               open\n"
    "last word       pre_migration progress          reservation progress\n"
    "                3.0 s ago, nr 1                 3.0 s ago, nr 3\n"
    "gaps            none                            none\n";

static const char copying_screen[] =
    "instance    4f2a1c3e-0000-4000-8000-000000000001  web-7\n"
    "flavor      m1.large, 4 vCPU, 8192 MiB\n"
    "migration   42  0b0f3d52-0000-4000-8000-00000000000a\n"
    "path        cmp-a -> cmp-b\n"
    "phase       pre_copy, 1 min 04 s; step memory, 1 min 04 s\n"
    "waits for   a pass that leaves no more than fits into the allowed downtime\n"
    "progress    [######################........]  75%  pass 3\n"
    "remaining   2.00 GiB of 8.00 GiB\n"
    "bandwidth   112.5 MiB/s, dirty rate 25.0 MiB/s\n"
    "downtime    4.2 s expected\n"
    "guest       runs on cmp-a (source)\n"
    "\n"
    "                source cmp-a                    destination cmp-b\n"
    "pre_migration   done 2.8 s                      done 100 ms\n"
    "reservation     -                               done 3.0 s\n"
    "pre_copy        open                            -\n"
    "last word       pre_copy progress               reservation end\n"
    "                3.0 s ago, nr 3                 3.0 s ago, nr 4\n"
    "gaps            none                            none\n";

static const char completed_screen[] =
    "instance    4f2a1c3e-0000-4000-8000-000000000001  web-7\n"
    "flavor      m1.large, 4 vCPU, 8192 MiB\n"
    "migration   42  0b0f3d52-0000-4000-8000-00000000000a\n"
    "path        cmp-a -> cmp-b\n"
    "phase       commitment has ended\n"
    "result      completed\n"
    "progress    [##############################] 100%  pass 5\n"
    "remaining   1.00 MiB of 8.00 GiB\n"
    "bandwidth   112.5 MiB/s, dirty rate 25.0 MiB/s\n"
    "downtime    243 ms\n"
    "guest       runs on cmp-b (destination)\n"
    "\n"
    "                source cmp-a                    destination cmp-b\n"
    "pre_migration   done 2.8 s                      done 100 ms\n"
    "reservation     -                               done 3.0 s\n"
    "pre_copy        done 1 min 07 s                 -\n"
    "stop_and_copy   done 300 ms                     -\n"
    "commitment      done 2.2 s                      done 1.8 s\n"
    "last word       commitment end                  commitment end\n"
    "                3.0 s ago, nr 8                 3.0 s ago, nr 6\n"
    "gaps            none                            none\n";

/* clang-format on */

/* how far the story is told: held and queued, third pass, its end */
enum { WAITING = 6, COPYING = 11, COMPLETED = 18 };

static const struct {
    guint rows;
    const char *screen;
    const char *line;
} goldens[] = {
    { WAITING, waiting_screen, "4f2a1c3e web-7   cmp-a -> cmp-b         reservation held" },
    { COPYING, copying_screen,
      "4f2a1c3e web-7   cmp-a -> cmp-b         pre_copy pass 3         [######...]  75% 112.5 "
      "MiB/s "
      " 2.00 GiB  4.2 s expected" },
    { COMPLETED, completed_screen,
      "4f2a1c3e web-7   cmp-a -> cmp-b         completed               [#########] 100%            "
      " "
      "           243 ms" },
};

static NmaWatchModel *
told(const StoryRow *rows, guint n)
{
    NmaWatchModel *model = nma_watch_model_new(10);

    story_tell(model, rows, 0, n, HEARD_US);
    return model;
}

static void
test_goldens(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(goldens); i++) {
        g_autoptr(NmaWatchModel) model = told(story_success, goldens[i].rows);
        g_autofree NmaWatchPicture *picture = story_picture(model, NOW_US);
        g_autofree char *line = nma_watch_line(picture, &plain);
        g_autofree char *screen = nma_watch_screen(picture, &plain);

        g_assert_cmpstr(line, ==, goldens[i].line);
        g_assert_cmpstr(screen, ==, goldens[i].screen);
    }
}

static void
test_heading_stands_over_its_column(void)
{
    g_autoptr(NmaWatchModel) model = told(story_success, COPYING);
    g_autofree NmaWatchPicture *picture = story_picture(model, NOW_US);
    NmaWatchStyle style = { .columns = 200, .show_cell = TRUE };
    g_autofree char *heading = nma_watch_line_heading(&style);
    g_autofree char *line = nma_watch_line(picture, &style);

    g_assert_cmpint(strstr(heading, "PHASE") - heading, ==, strstr(line, "pre_copy") - line);
    g_assert_cmpint(strstr(heading, "REMAINING") - heading, ==, strstr(line, "2.00 GiB") - line);
    g_assert_cmpint(strstr(heading, " TIME") + 1 - heading, ==, strstr(line, "1 min 04 s") - line);
}

static void
test_widths(void)
{
    g_autoptr(NmaWatchModel) model = told(story_success, COPYING);
    g_autofree NmaWatchPicture *picture = story_picture(model, HEARD_US + 60 * NMA_US_PER_S);
    guint longest = 0;

    for (guint columns = 40; columns < 220; columns++) {
        NmaWatchStyle style = { .columns = columns };
        g_autofree char *line = nma_watch_line(picture, &style);

        g_assert_cmpuint(nma_watch_text_columns(line), <=, columns);
        longest = MAX(longest, nma_watch_text_columns(line));
        /* what matters most is there on every terminal */
        g_assert_nonnull(strstr(line, "4f2a1c3e"));
        g_assert_nonnull(strstr(line, "pre_copy pass 3"));
    }
    g_assert_cmpuint(longest, >, 150); /* a wide one shows all */
    {
        NmaWatchStyle style = { .columns = 80 };
        g_autofree char *line = nma_watch_line(picture, &style);

        g_assert_cmpstr(line, ==,
                        "4f2a1c3e web-7   pre_copy pass 3         [######...]  75% 112.5 MiB/s "
                        " 2.00 GiB");
    }
}

static void
test_silence_and_gap_are_marked(void)
{
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autofree NmaWatchPicture *picture = NULL;
    g_autofree char *line = NULL;
    g_autofree char *screen = NULL;
    NmaWatchStyle style = { .columns = NMA_WATCH_PLAIN_COLUMNS };

    story_tell(model, story_success, 0, 6, HEARD_US);
    story_tell(model, story_success, 10, 11, HEARD_US);
    picture = story_picture(model, HEARD_US + 75 * NMA_US_PER_S);
    line = nma_watch_line(picture, &style);
    screen = nma_watch_screen(picture, &style);
    g_assert_true(g_str_has_suffix(line, " gap: 2; no word for 1 min 15 s"));
    g_assert_nonnull(strstr(screen, "gaps            GAP: missing 2-3                none\n"));
    g_assert_nonnull(strstr(screen, "pre_copy, since before we listened; step memory, 1 min 15 s"));
}

static void
test_failure(void)
{
    static const StoryRow rows[] = {
        { 'A', NMA_PHASE_PRE_COPY, NMA_REPORT_PROGRESS, 3, 1, 8000, NMA_STEP_MEMORY,
          NMA_GUEST_ON_SOURCE, NMA_GUEST_RUNNING, .remaining_mib = 2048, .pass = 2 },
        { 'A', NMA_PHASE_PRE_COPY, NMA_REPORT_ERROR, 4, 0, 9000, 0, NMA_GUEST_ON_SOURCE,
          NMA_GUEST_RUNNING, NMA_REASON_JOB_FAILED, .duration_ms = 6000,
          .text = "Lost connection to \033[2J\nresult      completed" },
    };
    g_autoptr(NmaWatchModel) model = told(rows, G_N_ELEMENTS(rows));
    g_autofree NmaWatchPicture *picture = story_picture(model, NOW_US);
    g_autofree char *line = nma_watch_line(picture, &plain);
    g_autofree char *screen = nma_watch_screen(picture, &plain);

    g_assert_cmpstr(
        line, ==,
        "4f2a1c3e         cmp-a -> cmp-b         failed: job_failed      [######...]  75%");
    g_assert_nonnull(strstr(screen, "\nresult      failed: job_failed\n"));
    g_assert_nonnull(strstr(screen, "reason      job_failed: libvirt's migration job ended"));
    g_assert_nonnull(
        strstr(screen, "            Lost connection to \\x1b[2J\\x0aresult      completed\n"));
    g_assert_nonnull(strstr(screen, "guest       runs on cmp-a (source)\n"));
    /* how far it came, though the report of the failure has no figures any more */
    g_assert_nonnull(strstr(screen, "remaining   2.00 GiB of 8.00 GiB\n"));
    g_assert_nonnull(strstr(screen, "pre_copy        error 6.0 s                     -\n"));
    g_assert_null(strchr(screen, '\033'));
}

static void
test_refusal_that_nova_does_not_heed(void)
{
    static const StoryRow rows[] = {
        { 'B', NMA_PHASE_RESERVATION, NMA_REPORT_ERROR, 3, 0, 0, 0, NMA_GUEST_ON_SOURCE, 0,
          NMA_REASON_MEMORY_INSUFFICIENT, .text = "needs 8 GiB, 2 GiB are free" },
        { 'A', NMA_PHASE_PRE_COPY, NMA_REPORT_START, 3, 0, 0, NMA_STEP_MEMORY, NMA_GUEST_ON_SOURCE,
          NMA_GUEST_RUNNING },
    };
    g_autoptr(NmaWatchModel) model = told(rows, G_N_ELEMENTS(rows));
    g_autofree NmaWatchPicture *picture = story_picture(model, NOW_US);
    NmaWatchStyle style = { .columns = NMA_WATCH_PLAIN_COLUMNS };
    g_autofree char *line = nma_watch_line(picture, &style);
    g_autofree char *screen = nma_watch_screen(picture, &style);

    g_assert_true(g_str_has_suffix(line, " !memory_insufficient"));
    g_assert_nonnull(strstr(screen, "free than the guest needs (Nova may go on)\n"));
    g_assert_nonnull(strstr(screen, "needs 8 GiB, 2 GiB are free"));
}

static void
test_inferred_and_forced(void)
{
    static const StoryRow rows[] = {
        { 'A', NMA_PHASE_PRE_COPY, NMA_REPORT_END, 4, .inferred = TRUE },
        { 'A', NMA_PHASE_RESERVATION, NMA_REPORT_END, 3, .skipped = TRUE },
        { 'A', NMA_PHASE_STOP_AND_COPY, NMA_REPORT_START, 5, 0, 0, 0, NMA_GUEST_ON_SOURCE,
          NMA_GUEST_PAUSED, .forced = TRUE, .inferred = TRUE },
    };
    g_autoptr(NmaWatchModel) model = told(rows, G_N_ELEMENTS(rows));
    g_autofree NmaWatchPicture *picture = story_picture(model, NOW_US);
    g_autofree char *screen = nma_watch_screen(picture, &plain);

    g_assert_nonnull(strstr(screen, "phase       stop_and_copy, 3.0 s (inferred)\n"));
    g_assert_nonnull(strstr(screen, "waits for   the rest to be copied; the guest was paused on"));
    g_assert_nonnull(strstr(screen, "reservation     skipped "));
    g_assert_nonnull(strstr(screen, "pre_copy        done, inferred "));
    g_assert_nonnull(strstr(screen, "guest       is paused on cmp-a (source)\n"));
    g_assert_nonnull(strstr(screen, " nothing heard\n"));
}

static void
test_colours_only_when_asked(void)
{
    g_autoptr(NmaWatchModel) model = told(story_success, COMPLETED);
    g_autofree NmaWatchPicture *picture = story_picture(model, NOW_US);
    NmaWatchStyle style = { .columns = 120, .colour = TRUE };
    g_autofree char *line = nma_watch_line(picture, &style);
    g_autofree char *screen = nma_watch_screen(picture, &style);

    g_assert_nonnull(strstr(line, "\033[32mcompleted"));
    g_assert_nonnull(strstr(screen, "result      \033[32mcompleted\033[0m\n"));
}

/* ---- text ---- */

static void
test_clean(void)
{
    static const struct {
        const char *text;
        guint columns;
        const char *clean;
    } cases[] = {
        { NULL, 10, "" },
        { "plain", 10, "plain" },
        { "back\\slash", 20, "back\\slash" },
        { "a\nb\tc\r", 20, "a\\x0ab\\x09c\\x0d" },
        { "\033]0;title\007", 40, "\\x1b]0;title\\x07" },
        { "del\177", 20, "del\\x7f" },
        { "c1\302\233x", 20, "c1\\x9bx" },               /* U+009B: CSI in one character */
        { "rtl\342\200\256gpj", 30, "rtl\\u{202e}gpj" }, /* U+202E turns what follows round */
        { "bad\377\376", 30, "bad\\xff\\xfe" },
        { "\303\244\347\225\214", 10, "\303\244\347\225\214" }, /* a umlaut, a wide character */
        { "0123456789", 10, "0123456789" },
        { "0123456789a", 10, "0123456..." },
        { "\347\225\214\347\225\214\347\225\214", 5, "\347\225\214..." },
        { "\n\n\n\n", 8, "\\x0a..." },
        { "abcdef", 2, ".." },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *clean = nma_watch_text_clean(cases[i].text, cases[i].columns);

        g_assert_cmpstr(clean, ==, cases[i].clean);
        g_assert_cmpuint(nma_watch_text_columns(clean), <=, cases[i].columns);
    }
}

static void
test_clean_is_bounded(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *clean = NULL;

    for (guint i = 0; i < 100000; i++)
        g_string_append(text, "\314\201"); /* U+0301: takes no column */
    clean = nma_watch_text_clean(text->str, 20);
    g_assert_cmpuint(strlen(clean), <=, 130);
}

static void
test_clean_random_bytes(void)
{
    for (guint round = 0; round < 20000; round++) {
        char text[33] = { 0 };
        g_autofree char *clean = NULL;

        for (guint i = 0; i < sizeof(text) - 1; i++)
            text[i] = (char)g_test_rand_int_range(1, 256);
        clean = nma_watch_text_clean(text, 24);
        g_assert_true(g_utf8_validate(clean, -1, NULL));
        g_assert_cmpuint(nma_watch_text_columns(clean), <=, 24);
        for (const char *p = clean; *p; p = g_utf8_next_char(p))
            g_assert_true(g_unichar_isprint(g_utf8_get_char(p)));
    }
}

static void
test_cell(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    nma_watch_text_append_cell(out, "abc", 5);
    nma_watch_text_append_cell(out, "abcdef", 4);
    nma_watch_text_append_cell(out, "\347\225\214\347\225\214\347\225\214", 4);
    g_assert_cmpstr(out->str, ==, "abc  abc~\347\225\214~ ");
}

static void
test_numbers(void)
{
    static const struct {
        char *(*format)(gint64);
        gint64 value;
        const char *text;
    } cases[] = {
        { nma_watch_format_bytes, NMA_UNKNOWN, "?" },
        { nma_watch_format_bytes, 0, "0 B" },
        { nma_watch_format_bytes, 1023, "1023 B" },
        { nma_watch_format_bytes, 1024, "1.00 KiB" },
        { nma_watch_format_bytes, 1048575, "1.00 MiB" },
        { nma_watch_format_bytes, G_GINT64_CONSTANT(13) << 30, "13.0 GiB" },
        { nma_watch_format_bytes, G_MAXINT64, "8.00 EiB" },
        { nma_watch_format_rate, NMA_UNKNOWN, "?" },
        { nma_watch_format_rate, 1048576, "1.0 MiB/s" },
        { nma_watch_format_duration_us, NMA_UNKNOWN, "?" },
        { nma_watch_format_duration_us, 243999, "243 ms" },
        { nma_watch_format_duration_us, 4290000, "4.2 s" },
        { nma_watch_format_duration_us, 59 * NMA_US_PER_S, "59 s" },
        { nma_watch_format_duration_us, 3725 * NMA_US_PER_S, "1 h 02 min" },
        { nma_watch_format_duration_us, 90000 * NMA_US_PER_S, "1 d 01 h" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = cases[i].format(cases[i].value);

        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_forecast(void)
{
    static const NmaWatchStyle style = { .columns = NMA_WATCH_PLAIN_COLUMNS };
    g_autoptr(NmaWatchModel) model = nma_watch_model_new(10);
    g_autoptr(NmaForecastReport) report = nma_forecast_report_new();
    g_autofree NmaWatchPicture *picture = NULL, *later = NULL;
    g_autofree char *line = NULL, *screen = NULL, *after = NULL;
    guint copying = 0;

    while (story_success[copying].phase != NMA_PHASE_PRE_COPY || story_success[copying].side != 'A')
        copying++;
    g_strlcpy(report->identity.instance_uuid, STORY_INSTANCE,
              sizeof report->identity.instance_uuid);
    g_strlcpy(report->attempt_id, STORY_A_ATTEMPT, sizeof report->attempt_id);
    report->occurred_wall_us = 2;
    report->forecast.verdict = NMA_FORECAST_HOPELESS;
    report->forecast.max_downtime_ms = 500;
    /* of a migration that nobody reported */
    g_assert_false(nma_watch_model_add_forecast(model, "cmp-a", report));
    story_tell(model, story_success, 0, copying + 1, 0);
    g_assert_false(nma_watch_model_add_forecast(model, "cmp-b", report));
    g_assert_true(nma_watch_model_add_forecast(model, "cmp-a", report));
    g_assert_false(nma_watch_model_add_forecast(model, "cmp-a", report)); /* a repeat */
    report->occurred_wall_us = 1;
    g_assert_false(nma_watch_model_add_forecast(model, "cmp-a", report)); /* overtaken */
    picture = story_picture(model, 0);
    line = nma_watch_line(picture, &style);
    screen = nma_watch_screen(picture, &style);
    g_assert_nonnull(strstr(line, "hopeless"));
    g_assert_nonnull(strstr(screen, "\nforecast    hopeless: will not end within 0.5 s"));
    story_tell(model, story_success, copying + 1, story_success_rows, 0);
    later = story_picture(model, 0);
    after = nma_watch_screen(later, &style);
    g_assert_null(strstr(after, "forecast"));
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/watch/view/goldens", test_goldens);
    g_test_add_func("/watch/view/heading", test_heading_stands_over_its_column);
    g_test_add_func("/watch/view/widths", test_widths);
    g_test_add_func("/watch/view/marks", test_silence_and_gap_are_marked);
    g_test_add_func("/watch/view/failure", test_failure);
    g_test_add_func("/watch/view/refusal", test_refusal_that_nova_does_not_heed);
    g_test_add_func("/watch/view/inferred", test_inferred_and_forced);
    g_test_add_func("/watch/view/colours", test_colours_only_when_asked);
    g_test_add_func("/watch/text/clean", test_clean);
    g_test_add_func("/watch/text/bounded", test_clean_is_bounded);
    g_test_add_func("/watch/text/random", test_clean_random_bytes);
    g_test_add_func("/watch/text/cell", test_cell);
    g_test_add_func("/watch/text/numbers", test_numbers);
    g_test_add_func("/watch/view/forecast", test_forecast);
    return g_test_run();
}
