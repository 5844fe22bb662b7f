/* Megabytes a second that the reader takes in: bench-conf-reader FILE SECONDS prints bytes and
 * seconds. */
#include <stdio.h>
#include <time.h>

#include "nova-conf-tool/effective.h"

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    double began = cpu_seconds();
    double limit = argc > 2 ? g_ascii_strtod(argv[2], NULL) : 1;
    double spent;
    gsize bytes = 0;

    if (argc < 2)
        return 2;
    do {
        g_autoptr(GError) error = NULL;
        NctDocument *document = nct_document_read(argv[1], &error);
        g_autoptr(NctConfig) config = NULL;

        if (!document) {
            fprintf(stderr, "%s\n", error->message);
            return 1;
        }
        bytes += nct_document_text(document).n;
        config = nct_config_from_document(document, NULL, 0);
        spent = cpu_seconds() - began;
    } while (spent < limit);
    printf("%zu %.6f\n", bytes, spent);
    return 0;
}
