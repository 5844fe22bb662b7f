"""{our client, Python's} x {our server, Python's} x each kind of message x {default, durable, quorum} settings."""
import subprocess
import time

import oslo_messaging
import pytest

from conftest import BUILD, SETTINGS, Peer, PythonClient, PythonServer, site_url, until

METHODS = ["echo", "fail", "slow"]
NAMESPACE, VERSION = "agent", "1.4"


class OurServer:
    def __init__(self, url, topic):
        self.peer = Peer(url, topic=topic, methods=METHODS, namespace=NAMESPACE, version=VERSION)

    def received(self, method):
        return [e["args"].get("value") for e in self.peer.of("requested", method=method)]

    def close(self):
        self.peer.stop()


class TheirServer:
    def __init__(self, url, topic):
        self.python = PythonServer(url, topic, "hostA", namespace=NAMESPACE, version=VERSION)
        self.seen = []

    def received(self, method):
        while not self.python.calls.empty():
            self.seen.append(self.python.calls.get())
        return [value for name, value in self.seen if name == method]

    def close(self):
        self.python.__exit__()


class Answer:
    """What a call came to, whichever side made it: value, or the name and text of what was raised."""

    def __init__(self, value=None, raised=None, text="", seconds=0.0):
        self.value, self.raised, self.text, self.seconds = value, raised, text, seconds


class OurClient:
    def __init__(self, url, topic):
        self.peer, self.topic = Peer(url, host="client"), topic

    def call(self, method, namespace=NAMESPACE, version="1.0", timeout=10, monitor=None, server="hostA",
             **args):
        done = self.peer.call(self.topic, server, method, args=args, namespace=namespace, version=version,
                              timeout=timeout, monitor_s=monitor or 0)
        names = {"timeout": "MessagingTimeout", "ok": None, "remote": done["class"], "nobody": "nobody"}
        return Answer(done["result"], names[done["status"]], done["text"] or "", done["seconds"])

    def cast(self, method, fanout=False, **args):
        self.peer.order("fanout" if fanout else "cast", topic=self.topic, server="hostA", method=method,
                        args=args, namespace=NAMESPACE, version="1.0",
                        context={"request_id": "req-test", "auth_token": "secret-token"})

    def close(self):
        self.peer.stop()


class TheirClient:
    def __init__(self, url, topic):
        self.url, self.topic = url, topic

    def client(self, **target):
        return PythonClient(self.url, self.topic, **({"server": "hostA"} | target))

    def call(self, method, namespace=NAMESPACE, version="1.0", timeout=10, monitor=None, server="hostA",
             **args):
        started = time.monotonic()
        with self.client(namespace=namespace, version=version, timeout=timeout, monitor=monitor,
                         server=server) as client:
            try:
                return Answer(client.call(method, **args), seconds=time.monotonic() - started)
            except oslo_messaging.RemoteError as error:
                return Answer(None, error.exc_type, error.value)
            except Exception as error:  # noqa: B902 - whatever class the failure named
                return Answer(None, type(error).__name__, str(error), time.monotonic() - started)

    def cast(self, method, fanout=False, **args):
        target = {"server": None, "fanout": True} if fanout else {}
        with self.client(namespace=NAMESPACE, version="1.0", **target) as client:
            client.cast(method, **args)

    def close(self):
        pass


@pytest.fixture(params=list(SETTINGS), scope="module")
def settings(request):
    return request.param


@pytest.fixture(params=[OurServer, TheirServer], ids=["our-server", "python-server"], scope="module")
def served(request, broker, settings):
    topic = f"nova_migration_agent_{settings}_{request.param.__name__}"
    server = request.param(site_url(broker, settings), topic)
    server.topic = topic
    yield server
    server.close()


@pytest.fixture(params=[OurClient, TheirClient], ids=["our-client", "python-client"], scope="module")
def client(request, broker, settings, served):
    made = request.param(site_url(broker, settings), served.topic)
    yield made
    made.close()


def test_call(client, served):
    value = {"text": "ä \u20ac \U0001f600", "list": [1, 2.5, None, True], "nested": {"a": {"b": []}}}
    assert client.call("echo", value=value).value == value


def test_call_without_a_result(client, served):
    answer = client.call("echo")
    assert answer.raised is None and answer.value is None


def test_body_of_several_frames(client, served):
    value = "x" * 400_000
    assert client.call("echo", value=value).value == value


def test_cast(client, served):
    client.cast("echo", value="cast by " + type(client).__name__)
    until(lambda: served.received("echo").count("cast by " + type(client).__name__) == 1)


def test_fanout(client, served):
    client.cast("echo", fanout=True, value="fanout by " + type(client).__name__)
    until(lambda: served.received("echo").count("fanout by " + type(client).__name__) == 1)


def test_failure(client, served):
    args = {"class": "ValueError", "module": "builtins"} if isinstance(served, OurServer) else {}
    answer = client.call("fail", text="disk too small: ä", **args)
    assert answer.raised.startswith("ValueError") and "disk too small: ä" in answer.text


def test_timeout(client, served):
    answer = client.call("slow", seconds=2.5, timeout=1)
    assert answer.raised == "MessagingTimeout"


def test_answer_from_a_slow_method(client, served):
    assert client.call("slow", seconds=1.2, value="late").value == "late"


def test_call_monitor_keeps_a_call_alive(client, served):
    """A monitor timeout of 2 s, a method of 3.5 s: only heartbeats let it through."""
    answer = client.call("slow", seconds=3.5, value="kept", timeout=20, monitor=2)
    assert (answer.raised, answer.value) == (None, "kept")


def test_unknown_method(client, served):
    answer = client.call("none_such")
    assert answer.raised == "NoSuchMethod"
    assert answer.text == "Endpoint does not support RPC method none_such"


@pytest.mark.parametrize("version", ["1.5", "2.0", "0.9"])
def test_wrong_version(client, served, version):
    answer = client.call("echo", version=version)
    assert answer.raised == "UnsupportedVersion"
    assert answer.text == f"Endpoint does not support RPC version {version}. Attempted method: echo"


@pytest.mark.parametrize("namespace", ["other", None])
def test_wrong_namespace(client, served, namespace):
    assert client.call("echo", namespace=namespace).raised == "UnsupportedVersion"


def test_nobody_there(client, served):
    """Ours knows at once, as its requests are mandatory; Python's waits its timeout out."""
    answer = client.call("echo", server="hostZ", timeout=2)
    if isinstance(client, OurClient):
        assert answer.raised == "nobody" and answer.seconds < 1
    else:
        assert answer.raised == "MessagingTimeout"


def test_exception_class_of_our_own_module_becomes_a_remote_error(client, served):
    if not isinstance(served, OurServer) or not isinstance(client, TheirClient):
        pytest.skip("our server and Python's client only")
    answer = client.call("fail", **{"class": "ReservationRefused", "module": "nova_migration_agent",
                                    "text": "no memory"})
    assert (answer.raised, answer.text) == ("ReservationRefused", "no memory")


def test_examples(broker, topic):
    """The two example programs, under 60 lines each, talk to each other and to Python."""
    server = subprocess.Popen([BUILD / "tests/examples/server", broker.url(), "nova", topic, "hostA"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: server.stdout.readline().startswith("ready"), what="example server")
        call = [BUILD / "tests/examples/client", broker.url(), "nova", topic]
        done = subprocess.run([*call, "hostA", "echo", '{"value": [1, "two"]}'], capture_output=True,
                              text=True, timeout=20)
        assert (done.returncode, done.stdout) == (0, '[1, "two"]\n')
        done = subprocess.run([*call, "hostA", "fail", '{"text": "no"}'], capture_output=True, text=True,
                              timeout=20)
        assert (done.returncode, done.stdout) == (1, "builtins.ValueError: no\n")
        assert subprocess.run([*call, "hostZ", "echo", "{}"], timeout=20).returncode == 3
        with PythonClient(broker.url(), topic, server="hostA") as client:
            assert client.call("echo", value=7) == 7
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
