/* nova-conf-tool fix: changes that keep every effective value as it is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nova-conf-tool/cli.h"
#include "nova-conf-tool/edits.h"

/* In place of the old file in one step, with its owner and mode; a symbolic link stays one. */
static gboolean
write_in_place(const char *path, const GString *text)
{
    g_autofree char *real = realpath(path, NULL);
    g_autofree char *temporary = g_strconcat(real ? real : path, ".XXXXXX", NULL);
    struct stat st;
    gboolean ok;
    int fd;

    if (!real || stat(real, &st) != 0)
        return FALSE;
    fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return FALSE;
    ok = (fchown(fd, st.st_uid, st.st_gid) == 0 ||
          (st.st_uid == geteuid() && st.st_gid == getegid())) &&
         fchmod(fd, st.st_mode & 07777) == 0;
    for (gsize done = 0; ok && done < text->len;) {
        ssize_t n = write(fd, text->str + done, text->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0;
        done += (gsize)MAX(n, 0);
    }
    ok = ok && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, real) == 0;
    if (!ok) {
        int number = errno;

        unlink(temporary);
        errno = number;
    }
    return ok;
}

static NctExit
fix_document(const NctDocument *document, const GPtrArray *findings, guint release,
             gboolean in_place)
{
    g_autoptr(NctEdited) edited = nct_edits_apply(document, findings, release);
    g_autoptr(GString) text = NULL;
    g_autoptr(GString) diff = NULL;
    guint left_out;

    if (nct_edited_n_fixes(edited) == 0)
        return NCT_EXIT_OK;
    if (!in_place) {
        diff = nct_edited_diff(edited, &left_out);
        fwrite(diff->str, 1, diff->len, stdout);
        if (left_out > 0)
            fprintf(stderr,
                    "nova-conf-tool fix: %s: %u more in lines that hold secrets; --in-place makes "
                    "them\n",
                    nct_document_path(document), left_out);
        return NCT_EXIT_FINDINGS;
    }
    text = nct_edited_text(edited);
    if (!write_in_place(nct_document_path(document), text)) {
        nct_cli_complain(&nct_command_fix, "%s: %s", nct_document_path(document),
                         g_strerror(errno));
        return NCT_EXIT_USAGE;
    }
    printf("%s: %u fixed\n", nct_document_path(document), nct_edited_n_fixes(edited));
    return NCT_EXIT_OK;
}

static int
run(int argc, char **argv)
{
    gboolean in_place = FALSE;
    const GOptionEntry entries[] = {
        { "in-place", 'i', 0, G_OPTION_ARG_NONE, &in_place, "write the files; keeps owner and mode",
          NULL },
        { NULL },
    };
    g_auto(NctCli) cli = { 0 };
    NctExit status = NCT_EXIT_OK;
    int stop;

    nct_cli_init(&cli);
    if (!nct_cli_parse(&cli, &nct_command_fix, entries, argc, argv, &stop))
        return stop;
    if (!nct_cli_check_input(&cli, &nct_command_fix))
        return NCT_EXIT_USAGE;
    for (guint i = 0; i < nct_cli_n_configurations(&cli); i++) {
        g_autoptr(NctConfig) config = nct_cli_load(&cli, i, cli.choice.release);
        g_autoptr(GPtrArray) findings = nct_audit_run(config, &cli.audit);
        NctExit loaded = nct_cli_load_status(config);

        status = nct_cli_worse(status, loaded);
        /* what cannot be parsed is not rewritten */
        if (loaded != NCT_EXIT_OK) {
            nct_cli_complain(&nct_command_fix,
                             "a configuration that cannot be read whole is left alone; "
                             "nova-conf-tool lint says why");
            continue;
        }
        for (guint k = 0; k < nct_config_n_documents(config); k++)
            status = nct_cli_worse(status, fix_document(nct_config_document(config, k), findings,
                                                        cli.choice.release, in_place));
    }
    return (int)status;
}

const NctCommand nct_command_fix = {
    .name = "fix",
    .arguments = "[FILE…]",
    .summary = "print (or make) the changes that alter no effective value",
    .run = run,
};
