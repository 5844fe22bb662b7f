/* A name server that does not answer: getaddrinfo() is this file's own. */
#include <netdb.h>
#include <string.h>

#include "rpc/connection.h"
#include "rpc/resolve.h"
#include "tests/unit/tap.h"

static GMutex lock;
static GCond changed;
static gboolean silent;
static guint waiting;

/* Addresses are known at once, "there" after a moment, "nowhere" never, "silent" while it lasts. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **found)
{
    *found = NULL;
    if (strcmp(node, "127.0.0.1") == 0)
        return 0;
    if (hints->ai_flags & AI_NUMERICHOST || strcmp(node, "nowhere") == 0)
        return EAI_NONAME;
    if (strcmp(node, "there") == 0) {
        g_usleep(20000);
        return 0;
    }
    g_mutex_lock(&lock);
    waiting++;
    g_cond_broadcast(&changed);
    while (silent)
        g_cond_wait(&changed, &lock);
    waiting--;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
    return EAI_AGAIN;
}

void
freeaddrinfo(struct addrinfo *found)
{
    g_assert_null(found);
}

static void
test_answers(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(om_resolve_check("127.0.0.1", 0, NULL));
    g_assert_true(om_resolve_check("there", 60000, NULL));
    g_assert_false(om_resolve_check("nowhere", 60000, &error));
    g_assert_error(error, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "nowhere: "));
}

static void
test_silence(void)
{
    g_autoptr(GError) error = NULL;

    silent = TRUE;
    g_assert_false(om_resolve_check("silent", 30, &error));
    g_assert_error(error, OM_CONNECTION_ERROR, OM_CONNECTION_ERROR_TIMEOUT);
    g_assert_cmpstr(error->message, ==, "look up silent: no name server answered within 30 ms");

    /* the thread that was left behind ends when the resolver gives up */
    g_mutex_lock(&lock);
    while (waiting == 0)
        g_cond_wait(&changed, &lock);
    silent = FALSE;
    g_cond_broadcast(&changed);
    while (waiting > 0)
        g_cond_wait(&changed, &lock);
    g_mutex_unlock(&lock);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/rpc/resolve/answers", test_answers);
    g_test_add_func("/rpc/resolve/silence", test_silence);
    return g_test_run();
}
