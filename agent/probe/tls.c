#include "agent/probe/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/probe/file.h"

#define MAX_NAMES_BYTES 512

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_STORE, X509_STORE_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_STORE_CTX, X509_STORE_CTX_free)

/* The first certificate of a file in PEM; NULL with errno, 0 when the file holds none. */
static X509 *
read_certificate(const char *file)
{
    gsize length;
    g_autofree char *text = nma_probe_read_at(AT_FDCWD, file, &length);
    BIO *memory;
    X509 *certificate;

    if (text == NULL)
        return NULL;
    memory = BIO_new_mem_buf(text, (int)length);
    certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
    BIO_free(memory);
    ERR_clear_error();
    errno = 0;
    return certificate;
}

static gint64
seconds_of(const ASN1_TIME *time)
{
    struct tm parts;

    return ASN1_TIME_to_tm(time, &parts) == 1 ? (gint64)timegm(&parts) : 0;
}

/* Times are judged apart, and in words: here they do not count. */
static gboolean
is_signed_by(X509 *certificate, const char *authority)
{
    g_autoptr(X509) signer = read_certificate(authority);
    g_autoptr(X509_STORE) store = X509_STORE_new();
    g_autoptr(X509_STORE_CTX) context = X509_STORE_CTX_new();
    gboolean good;

    if (signer == NULL || store == NULL || context == NULL)
        return FALSE;
    X509_STORE_add_cert(store, signer);
    if (X509_STORE_CTX_init(context, store, certificate, NULL) != 1)
        return FALSE;
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
    good = X509_verify_cert(context) == 1;
    ERR_clear_error();
    return good;
}

static gboolean
holds_name(X509 *certificate, const char *name)
{
    return X509_check_host(certificate, name, 0, 0, NULL) == 1 ||
           X509_check_ip_asc(certificate, name, 0) == 1;
}

static void
append_name(GString *names, const ASN1_STRING *name)
{
    g_autofree char *text = g_utf8_make_valid((const char *)ASN1_STRING_get0_data(name),
                                              MIN(ASN1_STRING_length(name), MAX_NAMES_BYTES));

    if (names->len < MAX_NAMES_BYTES)
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", text);
}

static void
append_address(GString *names, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    int length = ASN1_STRING_length(address);

    if (length == 4 || length == 16)
        inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text,
                  sizeof text);
    if (text[0] != '\0' && names->len < MAX_NAMES_BYTES)
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", text);
}

/* What people will look for in it: alternative names, or the common one where there are none. */
static char *
describe_names(X509 *certificate)
{
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    GString *names = g_string_new(NULL);
    int common;

    for (int i = 0; alternatives != NULL && i < sk_GENERAL_NAME_num(alternatives); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(alternatives, i);

        if (one->type == GEN_DNS)
            append_name(names, one->d.dNSName);
        else if (one->type == GEN_IPADD)
            append_address(names, one->d.iPAddress);
    }
    GENERAL_NAMES_free(alternatives);
    common = X509_NAME_get_index_by_NID(X509_get_subject_name(certificate), NID_commonName, -1);
    if (names->len == 0 && common >= 0)
        append_name(names, X509_NAME_ENTRY_get_data(
                               X509_NAME_get_entry(X509_get_subject_name(certificate), common)));
    return g_string_free(names, FALSE);
}

void
nma_probe_certificate(const char *file, const char *authority, const char *name, NmaTlsFacts *tls)
{
    g_autoptr(X509) certificate = read_certificate(file);
    int error = errno;
    NmaCertificate *found;

    tls->looked = TRUE;
    if (tls->n_certificates == NMA_MAX_CERTIFICATES)
        return;
    found = &tls->certificates[tls->n_certificates++];
    found->file = g_strdup(file);
    if (certificate == NULL) {
        found->missing = error == ENOENT || error == ENOTDIR;
        found->malformed = error == 0;
        found->unreadable = !found->missing && !found->malformed;
        return;
    }
    found->not_before_s = seconds_of(X509_get0_notBefore(certificate));
    found->not_after_s = seconds_of(X509_get0_notAfter(certificate));
    /* an authority that may not be read says nothing */
    found->untrusted = access(authority, R_OK) == 0 && !is_signed_by(certificate, authority);
    found->wrong_name = name != NULL && !holds_name(certificate, name);
    found->names = describe_names(certificate);
}
