"""ping: an agent and nova-compute that answer, that are not there, and that are deaf."""

import oslo_messaging
import pytest

from cli import SECRET, Cli
from tests.lab.broker import Broker, User
from tests.lab.rpc import configuration


class BaseApi:
    """What every Nova service answers (nova/baserpc.py)."""

    target = oslo_messaging.Target(namespace="baseapi", version="1.1")

    def ping(self, _context, arg):
        return {"service": "compute", "arg": arg}


@pytest.fixture(scope="module")
def broker():
    with Broker(users=[User("nova", SECRET, tags=["administrator"])]) as running:
        yield running


@pytest.fixture
def cli(broker, tmp_path):
    made = Cli(tmp_path)
    made.write(url=broker.url("nova"))
    return made


@pytest.fixture
def nova_compute(broker):
    transport = oslo_messaging.get_rpc_transport(configuration(), broker.url("nova"))
    server = oslo_messaging.get_rpc_server(transport, oslo_messaging.Target(topic="compute", server="compute-9"),
                                           [BaseApi()], executor="threading")
    server.start()
    yield server
    server.stop()
    server.wait()
    transport.cleanup()


def test_nova_compute_answers(cli, nova_compute):
    done = cli("ping", "compute-9", "nova-compute")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nova-compute on compute-9 answers in" in done.stdout


def test_nobody_there_is_told_at_once(cli, nova_compute):
    done = cli("ping", "compute-9")
    assert done.returncode == 1
    assert "nobody listens as the agent on compute-9" in done.stdout


def test_deaf(cli, nova_compute):
    """Its queue outlives it, as oslo's do: what is asked stays unanswered."""
    nova_compute.stop()
    nova_compute.wait()
    done = cli("ping", "compute-9", "nova-compute")
    assert done.returncode == 1
    assert "deaf" in done.stdout


def test_no_broker_is_told(cli):
    cli.write()
    done = cli("ping", "compute-9", timeout=40)
    assert done.returncode == 1
    assert "no connection to the broker" in done.stderr


@pytest.mark.parametrize("words", [(), ("compute-9", "nova-conductor"), ("a", "nova-compute", "b")])
def test_usage(cli, words):
    assert cli("ping", *words).returncode == 2
