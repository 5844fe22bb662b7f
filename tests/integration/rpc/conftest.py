"""A real broker for the session, real oslo.messaging on one side, `peer` (an OmBus on JSON lines) on the other."""
import contextlib
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
import uuid

import kombu
import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("top_builddir", SOURCE / "_build" / "default"))
sys.path.insert(0, str(SOURCE / "tests" / "lab"))

import broker as lab  # noqa: E402
import oslo_messaging  # noqa: E402
from oslo_config import cfg  # noqa: E402


def until(condition, timeout=20, what="condition"):
    """Polls until condition() is true and returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.02)


class Peer:
    """A process with one OmBus. Keeps every event; `wait` looks at those from `since` on."""

    def __init__(self, url, exchange="nova", host="hostA", ready=("in", "out"), timeout=20, wait=True, **options):
        options.setdefault("reconnect_ms", 300)
        options.setdefault("probe_interval_ms", 1000)
        options |= {"url": url, "exchange": exchange, "host": host}
        self.events, self._lock, self._cookie = [], threading.Condition(), 0
        self.process = subprocess.Popen([BUILD / "tests/integration/rpc/peer", json.dumps(options)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not wait:
            return
        if options.get("topic"):
            ready += ("server",)
        if options.get("tap", "off") != "off":
            ready += ("tap",)
        if not options.get("out_only"):
            ready += ("replies",)
        try:
            self.wait_state(timeout=timeout, **{r: True for r in ready})
        except BaseException:
            self.kill()
            raise

    def _read(self):
        for line in self.process.stdout:
            with self._lock:
                self.events.append(json.loads(line))
                self._lock.notify_all()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=10):
        """Ends it as its owner would; its exit code must be 0 (also under a sanitizer)."""
        if self.process.poll() is None:
            self.process.stdin.close()
        assert self.process.wait(timeout) == 0
        self._reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        else:
            self.stop()

    def of(self, event, **fields):
        with self._lock:
            return [e for e in self.events
                    if e["event"] == event and all(e.get(k) == v for k, v in fields.items())]

    def wait(self, event, timeout=20, since=0, **fields):
        """The first such event, counted from number `since`."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while True:
                for e in self.events[since:]:
                    if e["event"] == event and all(e.get(k) == v for k, v in fields.items()):
                        return e
                rest = deadline - time.monotonic()
                if rest <= 0 or not self._lock.wait(rest):
                    raise AssertionError(f"no {event} {fields} in {timeout} s; last: {self.events[-5:]}")

    def wait_state(self, timeout=20, **fields):
        """Until the newest state has these fields."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while True:
                states = [e for e in self.events if e["event"] == "state"]
                if states and all(states[-1][k] == v for k, v in fields.items()):
                    return states[-1]
                rest = deadline - time.monotonic()
                if rest <= 0 or self.process.poll() is not None:
                    raise AssertionError(f"no state {fields} in {timeout} s; last: {states[-1:]}")
                self._lock.wait(min(rest, 0.5))

    def order(self, op, **fields):
        self._cookie += 1
        self.process.stdin.write(json.dumps({"op": op, "cookie": self._cookie} | fields) + "\n")
        self.process.stdin.flush()
        return self._cookie

    def call(self, topic, server, method, timeout=20, **fields):
        """The finished event of one call."""
        cookie = self.order("call", topic=topic, server=server, method=method,
                            **({"timeout_ms": int(timeout * 1000)} | fields))
        return self.wait("finished", timeout=timeout + 5, cookie=cookie)

    def publish(self, key, payload, **fields):
        cookie = self.order("publish", key=key, payload=payload, publisher_id="peer:hostA",
                            **({"mandatory": True, "event_type": "live_migration.pre_copy.start"} | fields))
        return cookie

    def stats(self):
        since = len(self.events)
        self.order("stats")
        return self.wait("stats", since=since)


# the global one: oslo.messaging's metrics know no other. What differs goes into the URL.
CONF = cfg.CONF
CONF([], default_config_files=[], default_config_dirs=[])
oslo_messaging.set_transport_defaults("nova")


def transport(url, kind="rpc"):
    """oslo.messaging's own transport with control_exchange nova, as Nova makes it."""
    if kind == "rpc":
        return oslo_messaging.get_rpc_transport(CONF, url)
    return oslo_messaging.get_notification_transport(CONF, url)


class PythonServer:
    """A real oslo.messaging RPC server with the threading executor."""

    def __init__(self, url, topic, host, namespace=None, version="1.0"):
        self.calls = queue.Queue()
        outer = self

        class Endpoint:
            target = oslo_messaging.Target(namespace=namespace, version=version)

            def echo(self, context, value=None):
                outer.calls.put(("echo", value))
                return value

            def fail(self, context, text=""):
                outer.calls.put(("fail", text))
                raise ValueError(text)

            def slow(self, context, seconds=0, value=None):
                outer.calls.put(("slow", value))
                time.sleep(seconds)
                return value

        self.transport = transport(url)
        self.server = oslo_messaging.get_rpc_server(
            self.transport, oslo_messaging.Target(topic=topic, server=host), [Endpoint()],
            executor="threading")
        self.server.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.server.wait()
        self.transport.cleanup()


class PythonClient:
    """A real oslo.messaging RPC client."""

    def __init__(self, url, topic, server=None, namespace=None, version=None, timeout=20, monitor=None,
                 fanout=None):
        self.transport = transport(url)
        target = oslo_messaging.Target(topic=topic, server=server, namespace=namespace, version=version,
                                       fanout=fanout)
        self.client = oslo_messaging.get_rpc_client(self.transport, target, timeout=timeout,
                                                    call_monitor_timeout=monitor)

    def call(self, method, **args):
        return self.client.call({"request_id": "req-test", "auth_token": "secret-token"}, method, **args)

    def cast(self, method, **args):
        self.client.cast({"request_id": "req-test", "auth_token": "secret-token"}, method, **args)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.cleanup()


def kombu_connection(broker):
    return kombu.Connection(broker.url().replace("rabbit", "amqp", 1))


class Consumer:
    """The controller: a durable queue bound to the reports' key, everything in it by _unique_id."""

    def __init__(self, broker, key, arguments=None):
        self.broker, self.name, self.key = broker, "controller_" + uuid.uuid4().hex[:6], key
        with kombu_connection(broker) as connection:
            connection.channel().queue_declare(self.name, durable=True, auto_delete=False, arguments=arguments)
        self.bind()

    def bind(self):
        with kombu_connection(self.broker) as connection:
            connection.channel().queue_bind(self.name, "nova", self.key)

    def take(self):
        """Everything that is there, in order."""
        out = []
        with kombu_connection(self.broker) as connection:
            channel = connection.channel()
            while (message := channel.basic_get(self.name, no_ack=True)) is not None:
                out.append(json.loads(json.loads(message.body)["oslo.message"]))
        return out


class Outbox:
    """What the agent does with its reports: publish, and publish again what was not confirmed."""

    def __init__(self, peer, key):
        self.peer, self.key, self.waiting, self.confirmed = peer, key, {}, set()
        self.seen = 0

    def add(self, n):
        body = {"event_type": "e", "publisher_id": "p", "priority": "INFO", "payload": n,
                "_unique_id": f"report-{n}"}
        self.send(json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(body)}))

    def send(self, raw):
        self.waiting[self.peer.order("publish", key=self.key, raw=raw, mandatory=True)] = raw

    def step(self):
        """Looks at what the bus said; sends again what failed. Returns how many still wait."""
        events = self.peer.events[self.seen:]
        self.seen += len(events)
        for event in events:
            if event["event"] == "published" and event["cookie"] in self.waiting:
                raw = self.waiting.pop(event["cookie"])
                if event["outcome"] == "confirmed":
                    self.confirmed.add(raw)
                else:
                    self.send(raw)
            elif event["event"] == "refused" and event["cookie"] in self.waiting:
                raw = self.waiting.pop(event["cookie"])
                time.sleep(0.05)
                self.send(raw)
        return len(self.waiting)


def declare_exchange(running):
    """Nova's exchange, here durable so that it outlives a restart."""
    with kombu_connection(running) as connection:
        connection.channel().exchange_declare("nova", "topic", durable=True, auto_delete=False)


SETTINGS = {
    "default": {},
    "durable": {"amqp_durable_queues": True},
    "quorum": {"rabbit_quorum_queue": True},
    "tls": {"ssl": True},
}


class Certificates:
    """A CA of our own; server certificates for an address and for a name, and one for a client."""

    def __init__(self, directory):
        self.dir = directory
        self.ca = self._make("ca", "-x509", "-nodes", extension="basicConstraints=critical,CA:TRUE")
        self.other_ca = self._make("other-ca", "-x509", "-nodes", extension="basicConstraints=critical,CA:TRUE")
        self.for_address = self._signed("address", "subjectAltName=IP:127.0.0.1")
        self.for_name = self._signed("name", "subjectAltName=DNS:localhost")
        self.client = self._signed("client", "extendedKeyUsage=clientAuth")

    def key(self, certificate):
        return str(certificate).replace(".pem", ".key")

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=self.dir, timeout=60)

    def _make(self, name, *options, extension):
        self._openssl("req", "-newkey", "rsa:2048", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", 7,
                      "-subj", f"/CN={name}", "-addext", extension, *options)
        return self.dir / f"{name}.pem"

    def _signed(self, name, extension):
        (self.dir / f"{name}.ext").write_text(extension + "\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                      "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", 7, "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        return self.dir / f"{name}.pem"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def broker(certificates):
    """One virtual host for each of SETTINGS, in each an exchange nova as a Nova service declares it."""
    if not lab.available():
        pytest.skip("rabbitmq-server is not installed")
    names = [name for name in SETTINGS if name != "default"]
    users = [lab.User("nova", tags=["administrator"])] + [lab.User(n, vhost=n) for n in names]
    server = certificates.for_address
    with lab.Broker(users=users, vhosts=("/", *names),
                    tls=(certificates.ca, server, certificates.key(server))) as running:
        running.certificates = certificates
        for name in SETTINGS:
            with PythonServer(site_url(running, name), "conductor", "controller"):
                pass
        yield running


def site_url(running, settings):
    """transport_url for the virtual host of these settings, with the settings as query options."""
    query = "?" + "&".join(f"{k}=1" for k in SETTINGS[settings]) if SETTINGS[settings] else ""
    if settings == "default":
        return running.url()
    if settings == "tls":
        return running.url(settings, vhost=settings, port=running.tls_port,
                           query=f"{query}&ssl_ca_file={running.certificates.ca}")
    return running.url(settings, vhost=settings, query=query)


@pytest.fixture
def own_broker():
    """One that a test may stop and freeze."""
    with lab.Broker() as running:
        with PythonServer(running.url(), "conductor", "controller"):
            pass
        yield running


@pytest.fixture
def topic():
    """A topic of the test's own, so that tests do not meet on the session's broker."""
    return "nova_migration_agent_" + uuid.uuid4().hex[:8]


@contextlib.contextmanager
def cluster_of(*names):
    """A broker of several nodes, with Nova's exchange."""
    nodes = []
    try:
        for name in names:
            # one that does not start is closed as well
            nodes.append(lab.Broker(name=name, cluster=nodes[:1]))
            nodes[-1].start()
        declare_exchange(nodes[0])
        yield nodes
    finally:
        for node in reversed(nodes):
            node.close()
