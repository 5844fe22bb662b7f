/* What came of a drain: the newest word on each guest counts. */
#include "agent/watch/left.h"
#include "tests/unit/tap.h"

#define ONE   "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static void
add(GPtrArray *pictures, const char *instance_uuid, const char *source, NmaWatchOutcome outcome)
{
    NmaWatchPicture *picture = g_new0(NmaWatchPicture, 1);

    g_strlcpy(picture->identity.instance_uuid, instance_uuid,
              sizeof(picture->identity.instance_uuid));
    picture->identity.source = (char *)source;
    picture->outcome = outcome;
    g_ptr_array_add(pictures, picture);
}

static int
code_of(const GPtrArray *pictures)
{
    NmaWatchLeft left;

    nma_watch_left_count(pictures, "a", &left);
    return nma_watch_left_exit_code(&left);
}

static void
test_counts(void)
{
    g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func(g_free);
    NmaWatchLeft left;

    nma_watch_left_count(pictures, "a", &left);
    g_assert_cmpuint(left.completed + left.failed + left.running + left.astray, ==, 0);
    g_assert_cmpint(code_of(pictures), ==, 0);
    add(pictures, ONE, "a", NMA_WATCH_COMPLETED);
    add(pictures, ONE, "a", NMA_WATCH_FAILED);    /* an earlier try */
    add(pictures, OTHER, "b", NMA_WATCH_LOST);    /* leaves another host, for this one */
    add(pictures, OTHER, NULL, NMA_WATCH_FAILED); /* nobody knows which */
    nma_watch_left_count(pictures, "a", &left);
    g_assert_cmpuint(left.completed, ==, 1);
    g_assert_cmpuint(left.failed, ==, 0);
    g_assert_cmpint(code_of(pictures), ==, 0);
    add(pictures, OTHER, "a", NMA_WATCH_CANCELLED);
    g_assert_cmpint(code_of(pictures), ==, 1);
}

static void
test_astray(void)
{
    static const NmaWatchOutcome bad[] = { NMA_WATCH_LOST, NMA_WATCH_PAUSED, NMA_WATCH_UNRECORDED,
                                           NMA_WATCH_UNKNOWN };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func(g_free);

        add(pictures, ONE, "a", NMA_WATCH_FAILED);
        add(pictures, OTHER, "a", bad[i]);
        g_assert_cmpint(code_of(pictures), ==, 4);
    }
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/watch/left/counts", test_counts);
    g_test_add_func("/watch/left/astray", test_astray);
    return g_test_run();
}
