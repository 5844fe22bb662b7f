"""TLS as nova.conf asks for it: verified only with ssl_ca_file, the name only when enforced; addresses count as names."""
import pytest

import broker as lab
from conftest import Peer


@pytest.fixture(scope="module")
def strict(certificates):
    """Wants a client certificate and shows one for a name that is not its address."""
    server = certificates.for_name
    with lab.Broker(tls=(certificates.ca, server, certificates.key(server)),
                    config="ssl_options.fail_if_no_peer_cert = true") as running:
        yield running


def url(broker, **options):
    query = "&".join(f"{k}={v}" for k, v in ({"ssl": 1} | options).items())
    return broker.url(port=broker.tls_port, query="?" + query)


def assert_refused(target, text):
    with pytest.raises(AssertionError) as failure:
        Peer(target, timeout=3)
    assert text in str(failure.value).lower() and "secret" not in str(failure.value)


def test_without_a_ca_nothing_is_verified_and_we_say_so(broker):
    with Peer(url(broker)) as peer:
        state = peer.of("state")[-1]
        assert state["tls"] and state["unverified"]


def test_with_a_ca_the_peer_is_verified(broker, certificates):
    with Peer(url(broker, ssl_ca_file=certificates.ca)) as peer:
        state = peer.of("state")[-1]
        assert state["tls"] and not state["unverified"]
    assert_refused(url(broker, ssl_ca_file=certificates.other_ca), "verif")


def test_address_in_the_certificate(broker, certificates):
    """As kolla writes it: the URL names an address, the certificate has it."""
    with Peer(url(broker, ssl_ca_file=certificates.ca, ssl_enforce_hostname_verification=1)):
        pass


def test_client_certificate_and_wrong_name(strict, certificates):
    client = {"ssl_ca_file": certificates.ca, "ssl_cert_file": certificates.client,
              "ssl_key_file": certificates.key(certificates.client)}
    with Peer(url(strict, **client)):
        pass
    # the certificate is localhost's
    named = url(strict, ssl_enforce_hostname_verification=1, **client)
    assert_refused(named, "verif")
    with Peer(named.replace("127.0.0.1", "localhost")):
        pass


def test_missing_files_are_named(broker):
    assert_refused(url(broker, ssl_ca_file="/no/such/ca.pem"), "/no/such/ca.pem")
    assert_refused(url(broker, ssl_cert_file="/no/such/cert.pem"), "/no/such/cert.pem")


def test_versions(broker, certificates):
    for version in ("TLSv1_2", ""):
        with Peer(url(broker, ssl_ca_file=certificates.ca, ssl_version=version)):
            pass
    assert_refused(url(broker, ssl_version="TLSv9"), "tlsv9")


def test_plain_client_at_the_tls_port(broker):
    assert_refused(broker.url(port=broker.tls_port), "login")
