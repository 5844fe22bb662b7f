"""oslo.messaging as Nova's services use it: a transport each, servers on their topics, and a journal of all of it."""

import contextlib
import threading
import time

import oslo_messaging
from oslo_config import cfg

from .recorded import message_key, recording

EXCHANGE = "nova"
LONG_TIMEOUT_S, CALL_MONITOR_S = 1800, 60  # other calls: the library's 60 s

# methods that Nova 33 (compute RPC 6.5) sends to the second topic; the checks, abort and force-complete stay
COMPUTE_ALT_METHODS = frozenset((
    "live_migration", "pre_live_migration", "post_live_migration_at_destination",
    "rollback_live_migration_at_destination", "drop_move_claim_at_destination"))
EXPECTED_BY_NOVA = frozenset(("InstanceGroupNotFound",))
LONG_CALLS = frozenset((
    "check_can_live_migrate_destination", "pre_live_migration", "post_live_migration_at_destination"))


# a restarted broker is found again soon
_RECONNECT = {"rabbit_retry_interval": 1, "rabbit_interval_max": 2, "kombu_reconnect_delay": 0.2}


def configuration():
    """The library's global configuration (its metrics know no other), empty but for Nova's exchange."""
    cfg.CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    oslo_messaging.set_transport_defaults(EXCHANGE)
    return cfg.CONF


def nova_exception(name, message, **details):
    """An exception that travels as Nova's own: module nova.exception, its format fields in kwargs."""
    kind = type(name, (Exception,), {"__module__": "nova.exception"})
    error = kind(message)
    error.kwargs = dict(details)
    return error


class Link:
    """What the services of one Nova share: the broker's URL, the journal, and a gate that a test can close, so that
    nothing is under way while the broker is exchanged (lost requests are another test's subject)."""

    def __init__(self, url, journal):
        self.url, self.journal = url, journal
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._under_way = 0

    @contextlib.contextmanager
    def request(self):
        self._open.wait()
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def close_gate(self, timeout=3):
        """Later requests wait; returns when those under way are answered, or after the timeout."""
        self._open.clear()
        deadline = time.monotonic() + timeout
        while self._under_way and time.monotonic() < deadline:
            time.sleep(0.02)

    def open_gate(self):
        self._open.set()


class Service:
    """One Nova service: `name` as in "nova-compute@lab-a". Subclasses bring servers and endpoints."""

    def __init__(self, name, link):
        self.name, self.link, self.journal = name, link, link.journal
        self.transport = oslo_messaging.get_rpc_transport(configuration(), link.url)
        self.conf = cfg.CONF
        for option, value in _RECONNECT.items():
            self.conf.set_override(option, value, group="oslo_messaging_rabbit")
        self._servers, self._clients = [], {}

    # ---- server ----

    def serve(self, topic, server, endpoints):
        rpc_server = oslo_messaging.get_rpc_server(
            self.transport, oslo_messaging.Target(topic=topic, server=server), endpoints, executor="threading",
            access_policy=oslo_messaging.DefaultRPCAccessPolicy)
        rpc_server.start()
        self._servers.append(rpc_server)

    def stop(self):
        for rpc_server in self._servers:
            rpc_server.stop()
        for rpc_server in self._servers:
            rpc_server.wait()
        self._servers = []
        self.transport.cleanup()

    # ---- client ----

    def _client(self, topic, version):
        key = topic, version.partition(".")[0]
        if key not in self._clients:
            self._clients[key] = oslo_messaging.get_rpc_client(
                self.transport, oslo_messaging.Target(topic=topic, version=f"{key[1]}.0"))
        return self._clients[key]

    def _prepare(self, topic, method, version, server, namespace, call):
        options = {"version": version}
        if server:
            options["server"] = server
        if namespace:
            options["namespace"] = namespace
        if call and method in LONG_CALLS:
            options.update(timeout=LONG_TIMEOUT_S, call_monitor_timeout=CALL_MONITOR_S)
        return self._client(topic, version).prepare(**options)

    def cast(self, context, topic, method, args, server=None, version="6.0", namespace=None):
        self.journal.note(self.name, "sent", method, kind="cast", topic=topic, server=server, args=args)
        with self.link.request():
            self._prepare(topic, method, version, server, namespace, False).cast(context, method, **args)

    def call(self, context, topic, method, args, server=None, version="6.0"):
        self.journal.note(self.name, "sent", method, kind="call", topic=topic, server=server, args=args)
        began = time.monotonic()
        try:
            with self.link.request():
                result = self._prepare(topic, method, version, server, None, True).call(context, method, **args)
        except Exception as error:
            self.journal.note(self.name, "raised", method, error=f"{type(error).__name__}: {str(error)[:200]}")
            raise
        self.journal.note(self.name, "answered", method, result=result,
                          after_s=round(time.monotonic() - began, 3))
        return result

    def ask_conductor(self, context, key, names, adjust=None):
        """A recorded call to the conductor with our names; adjust(args) puts in what differs. None where it raises
        what Nova expects there."""
        template = recording()
        args = template.args(key, names)
        if adjust:
            adjust(args)
        method = template.requests[key]["method"]
        self.journal.note(self.name, "sent", key, kind="call", topic="conductor", args=args)
        client = self._prepare("conductor", method, "3.0", None, None, True)
        try:
            with self.link.request():
                result = client.call(context, method, **args)
        except oslo_messaging.RemoteError as error:
            self.journal.note(self.name, "raised", key, error=error.exc_type)
            if error.exc_type not in EXPECTED_BY_NOVA:
                raise
            return None
        self.journal.note(self.name, "answered", key)
        return result


def received(method):
    """Decorator of an endpoint's method: counts the request before anything else happens."""
    name = method.__name__

    def endpoint(self, context, **args):
        key = message_key({"method": name, "args": args}) if name.startswith("object_") else name
        self.journal.note(self.name, "received", key, args=sorted(args),
                          request_id=(context or {}).get("request_id"))
        context.pop("client_timeout", None)  # the library puts it in; Nova's own context class leaves it out again
        try:
            return method(self, context, **args)
        except Exception as error:
            if type(error).__module__ != "nova.exception":
                raise
            raise oslo_messaging.ExpectedException()

    endpoint.__name__ = name
    return endpoint
