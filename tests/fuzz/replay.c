/*
 * Runs a fuzz target on its stored corpus, as part of `make check`: each file as it is, cut off at
 * several places, and with some bytes changed (the same ones each time). TAP; one line a folder.
 *
 * Usage: the folders and files of the corpus, relative to the source tree, are in FUZZ_CORPUS
 * (separated by blanks), set at compile time.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define CUTS_PER_FILE    40
#define CHANGES_PER_FILE 200

/* A copy of exactly that size, so that AddressSanitizer sees a read behind its end. */
static void
run(const char *bytes, gsize size)
{
    g_autofree char *exact = g_malloc(MAX(size, 1));

    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput((const uint8_t *)exact, size);
}

static void
run_changed(const char *bytes, gsize size, GRand *random)
{
    static const char likely[] = "\"\\{}[]:,0-9eunl\xff\x01";
    g_autofree char *changed = g_malloc(MAX(size, 1));

    memcpy(changed, bytes, size);
    for (guint n = size == 0 ? 0 : (guint)g_rand_int_range(random, 1, 5); n > 0; n--) {
        guint at = (guint)g_rand_int_range(random, 0, (gint32)size);

        changed[at] = g_rand_boolean(random)
                          ? likely[g_rand_int_range(random, 0, (gint32)sizeof likely)]
                          : (char)g_rand_int_range(random, 0, 256);
    }
    run(changed, size);
}

static void
replay_file(const char *path)
{
    g_autofree char *bytes = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    gsize size;

    if (!g_file_get_contents(path, &bytes, &size, NULL)) {
        g_error("cannot read %s", path);
    }
    run(bytes, size);
    for (guint i = 0; i < CUTS_PER_FILE; i++) {
        run(bytes, size * i / CUTS_PER_FILE);
    }
    for (guint i = 0; i < CHANGES_PER_FILE; i++) {
        run_changed(bytes, size, random);
    }
}

static guint
replay_folder(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    guint n = 0;

    if (dir == NULL) {
        g_error("cannot read %s", path);
    }
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        replay_file(file);
        n++;
    }
    g_dir_close(dir);
    return n;
}

int
main(void)
{
    const char *top = g_getenv("top_srcdir");
    g_auto(GStrv) folders = g_strsplit(FUZZ_CORPUS, " ", -1);

    printf("1..%u\n", g_strv_length(folders));
    for (guint i = 0; folders[i] != NULL; i++) {
        g_autofree char *path = g_build_filename(top != NULL ? top : ".", folders[i], NULL);
        guint n = replay_folder(path);

        printf("%s %u - %s: %u files\n", n > 0 ? "ok" : "not ok", i + 1, folders[i], n);
        fflush(stdout);
    }
    return 0;
}
