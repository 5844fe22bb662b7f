/* Disks, ports and certificates as they may be, on this machine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/probe/disk.h"
#include "agent/probe/network.h"
#include "agent/probe/tls.h"
#include "tests/unit/tap.h"

/* ---- disks ---- */

static char *
put(const char *folder, const char *name, gsize length)
{
    char *path = g_build_filename(folder, name, NULL);
    g_autofree char *bytes = g_strnfill(length, 'x');

    g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
    return path;
}

static void
test_storage(void)
{
    const char *folder = nma_test_dir();
    g_autoptr(NmaGuest) guest = nma_guest_new();
    NmaStorageFacts storage = { 0 };

    nma_guest_add_disk(guest)->path = put(folder, "shared", 8192);
    nma_guest_add_disk(guest)->path = put(folder, "copy", 8192);
    nma_guest_add_disk(guest)->path = g_build_filename(folder, "elsewhere", NULL);
    nma_guest_add_disk(guest)->path = g_build_filename(folder, "shared", "below a file", NULL);
    guest->disks[1].backing_path = g_strdup(guest->disks[0].path);
    guest->disks[2].backing_path = g_strdup(guest->disks[2].path);
    nma_probe_guest_disks(guest);
    g_assert_cmpint(guest->disks[0].virtual_bytes, ==, 8192);
    g_assert_cmpint(guest->disks[0].allocated_bytes, >=, 0);
    g_assert_cmpint(guest->disks[1].backing_bytes, ==, 8192);
    g_assert_cmpuint(guest->disks[0].inode, !=, 0);
    g_assert_cmpuint(guest->disks[2].inode, ==, 0);
    guest->disks[1].inode++; /* of another file of that name, on another host */

    nma_probe_storage(folder, guest, &storage);
    g_assert_null(storage.needs);
    g_assert_cmpint(storage.free_bytes, >, 0);
    g_assert_cmpint(storage.total_bytes, >=, storage.free_bytes);
    g_assert_true(storage.disks[0].shared && !storage.disks[0].unreadable);
    g_assert_true(!storage.disks[1].shared && !storage.disks[1].unreadable);
    g_assert_true(storage.disks[1].backing_here);
    g_assert_true(!storage.disks[2].shared && !storage.disks[2].unreadable);
    g_assert_false(storage.disks[2].backing_here);
    g_assert_true(storage.disks[3].unreadable);

    nma_probe_storage("/nowhere/at/all", NULL, &storage);
    g_assert_nonnull(strstr(storage.needs, "/nowhere/at/all"));
    g_assert_cmpint(storage.free_bytes, ==, NMA_UNKNOWN);
    nma_storage_facts_clear(&storage);
}

/* ---- ports ---- */

/* backlog 0 and one connection that nobody accepts: what comes after it gets no answer */
static int
listen_on(guint16 *port, gboolean full)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(fd, full ? 0 : 5), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
    *port = ntohs(address.sin_port);
    for (guint i = 0; full && i < 4; i++) {
        int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        (void)!connect(client, (struct sockaddr *)&address, sizeof address);
    }
    return fd;
}

static void
test_path(void)
{
    const char *sys = nma_test_dir();
    g_autofree char *folder = g_build_filename(sys, "class", "net", "lo", NULL);
    g_autofree char *speed = g_build_filename(folder, "speed", NULL);
    guint16 open, closed, full;
    int open_fd = listen_on(&open, FALSE), full_fd = listen_on(&full, TRUE);
    NmaPath path = { 0 };

    close(listen_on(&closed, FALSE));
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(speed, "2500\n", -1, NULL));

    const NmaPortToTry ports[] = { { "libvirt", open }, { "QEMU", closed }, { "QEMU", full } };

    nma_probe_path("127.0.0.1", ports, G_N_ELEMENTS(ports), 300, sys, &path);
    g_assert_true(path.tried && path.resolved);
    g_assert_cmpuint(path.n_ports, ==, 3);
    g_assert_cmpint(path.ports[0].state, ==, NMA_PORT_OPEN);
    g_assert_true(path.ports[0].accepted);
    g_assert_cmpint(path.ports[1].state, ==, NMA_PORT_OPEN);
    g_assert_false(path.ports[1].accepted);
    g_assert_cmpint(path.ports[2].state, ==, NMA_PORT_BLOCKED);
    g_assert_cmpint(path.ports[2].round_trip_us, >=, 300 * 1000);
    g_assert_cmpstr(path.interface, ==, "lo");
    g_assert_cmpint(path.link_mbit_s, ==, 2500);
    close(open_fd);
    close(full_fd);

    nma_probe_path("no.such.name.invalid", ports, 1, 300, sys, &path);
    g_assert_true(path.tried && !path.resolved);
    g_assert_nonnull(path.error);
    g_assert_cmpuint(path.n_ports, ==, 0);
    nma_path_clear(&path);
}

/* ---- certificates ---- */

static EVP_PKEY *
make_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    g_assert_cmpint(EVP_PKEY_keygen_init(context), ==, 1);
    g_assert_cmpint(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), ==, 1);
    g_assert_cmpint(EVP_PKEY_keygen(context, &key), ==, 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* names: as in subjectAltName; NULL: an authority. signer NULL: by itself. Times in seconds from
 * now */
static X509 *
make_certificate(EVP_PKEY *key, const char *common, const char *names, long from_s, long to_s,
                 X509 *signer, EVP_PKEY *signer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), g_random_int_range(1, G_MAXINT32));
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const guchar *)common, -1, -1, 0);
    X509_set_issuer_name(certificate, signer != NULL ? X509_get_subject_name(signer) : subject);
    X509V3_set_ctx(&context, signer != NULL ? signer : certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context,
                                    names != NULL ? NID_subject_alt_name : NID_basic_constraints,
                                    names != NULL ? names : "critical,CA:TRUE");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    g_assert_cmpint(X509_sign(certificate, signer_key, EVP_sha256()), >, 0);
    return certificate;
}

static char *
write_certificate(const char *folder, const char *name, X509 *certificate)
{
    char *path = g_build_filename(folder, name, NULL);
    FILE *file = fopen(path, "w");

    g_assert_nonnull(file);
    g_assert_cmpint(PEM_write_X509(file, certificate), ==, 1);
    fclose(file);
    return path;
}

static void
test_certificates(void)
{
    const char *folder = nma_test_dir();
    EVP_PKEY *ca_key = make_key(), *key = make_key();
    X509 *ca = make_certificate(ca_key, "Lab CA", NULL, -3600, 86400, NULL, ca_key);
    X509 *rogue = make_certificate(key, "Lab CA", NULL, -3600, 86400, NULL, key);
    X509 *good =
        make_certificate(key, "x", "DNS:host-b.example,IP:192.0.2.7", -3600, 86400, ca, ca_key);
    X509 *old = make_certificate(key, "x", "DNS:host-b.example", -7200, -3600, ca, ca_key);
    X509 *forged = make_certificate(key, "x", "DNS:host-b.example", -3600, 86400, rogue, key);
    g_autofree char *authority = write_certificate(folder, "ca.pem", ca);
    g_autofree char *good_file = write_certificate(folder, "good.pem", good);
    g_autofree char *old_file = write_certificate(folder, "old.pem", old);
    g_autofree char *forged_file = write_certificate(folder, "forged.pem", forged);
    g_autofree char *junk = put(folder, "junk.pem", 100);
    gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
    const struct {
        const char *file, *name;
        gboolean missing, malformed, untrusted, wrong_name, expired;
    } rows[] = {
        { good_file, "host-b.example", FALSE, FALSE, FALSE, FALSE, FALSE },
        { good_file, "192.0.2.7", FALSE, FALSE, FALSE, FALSE, FALSE },
        { good_file, NULL, FALSE, FALSE, FALSE, FALSE, FALSE },
        { good_file, "host-c.example", FALSE, FALSE, FALSE, TRUE, FALSE },
        { good_file, "192.0.2.8", FALSE, FALSE, FALSE, TRUE, FALSE },
        { old_file, "host-b.example", FALSE, FALSE, FALSE, FALSE, TRUE },
        { forged_file, "host-b.example", FALSE, FALSE, TRUE, FALSE, FALSE },
        { junk, NULL, FALSE, TRUE, FALSE, FALSE, FALSE },
        { "/nowhere/cert.pem", NULL, TRUE, FALSE, FALSE, FALSE, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        NmaTlsFacts tls = { 0 };
        const NmaCertificate *found = &tls.certificates[0];

        g_test_message("row %u: %s", i, rows[i].file);
        nma_probe_certificate(rows[i].file, authority, rows[i].name, &tls);
        g_assert_true(tls.looked);
        g_assert_cmpuint(tls.n_certificates, ==, 1);
        g_assert_cmpstr(found->file, ==, rows[i].file);
        g_assert_cmpint(found->missing, ==, rows[i].missing);
        g_assert_cmpint(found->malformed, ==, rows[i].malformed);
        g_assert_false(found->unreadable);
        if (!found->missing && !found->malformed) {
            g_assert_cmpint(found->untrusted, ==, rows[i].untrusted);
            g_assert_cmpint(found->wrong_name, ==, rows[i].wrong_name);
            g_assert_cmpint(found->not_after_s < now_s, ==, rows[i].expired);
            g_assert_cmpint(found->not_before_s, <, now_s);
            g_assert_nonnull(strstr(found->names, "host-b.example"));
        }
        nma_tls_facts_clear(&tls);
    }
    X509_free(ca);
    X509_free(rogue);
    X509_free(good);
    X509_free(old);
    X509_free(forged);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

int
main(int argc, char **argv)
{
    nma_test_init(argc, argv);
    g_test_add_func("/probe/storage", test_storage);
    g_test_add_func("/probe/path", test_path);
    g_test_add_func("/probe/certificates", test_certificates);
    return g_test_run();
}
