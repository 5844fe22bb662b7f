/* Stands in for libFuzzer in make check: runs a target over its stored corpus and prints TAP.
 * Without arguments: tests/fuzz/corpus/<name of the program without "fuzz-">; else the files and
 * folders named. */
#include <glib.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static guint
replay(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autofree char *content = NULL;
    const char *name;
    gsize size;
    guint n = 0;

    if (dir == NULL && g_file_get_contents(path, &content, &size, NULL)) {
        /* a copy of exactly that size: AddressSanitizer then sees a read past the end */
        g_autofree guint8 *exact = g_memdup2(content, size);

        LLVMFuzzerTestOneInput(exact, size);
        return 1;
    }
    while (dir && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *inside = g_build_filename(path, name, NULL);

        n += replay(inside);
    }
    return n;
}

int
main(int argc, char **argv)
{
    g_autofree char *program = g_path_get_basename(argv[0]);
    const char *target = g_str_has_prefix(program, "fuzz-") ? program + 5 : program;
    g_autofree char *corpus =
        g_build_filename(g_getenv("top_srcdir") ? g_getenv("top_srcdir") : ".", "tests", "fuzz",
                         "corpus", target, NULL);
    guint n = argc > 1 ? 0 : replay(corpus);

    for (int i = 1; i < argc; i++)
        n += replay(argv[i]);
    printf("1..1\n%sok 1 - %s: %u inputs\n", n > 0 ? "" : "not ", target, n);
    return n > 0 ? 0 : 1;
}
