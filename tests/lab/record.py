"""Records a run as the real Nova's runs were recorded: bus messages, libvirt events, job statistics."""

import json
import threading
import time

import amqp.exceptions
import kombu
import kombu.exceptions
import libvirt

from .process import wait_for
from .rpc import EXCHANGE

_LIFECYCLE = {
    libvirt.VIR_DOMAIN_EVENT_DEFINED: ("defined", {0: "added", 1: "updated"}),
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: ("undefined", {0: "removed"}),
    libvirt.VIR_DOMAIN_EVENT_STARTED: ("started", {0: "booted", 1: "migrated"}),
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: ("suspended", {0: "paused", 1: "migrated", 2: "ioerror", 5: "from-snapshot",
                                                       6: "api-error", 7: "post-copy", 8: "post-copy-failed"}),
    libvirt.VIR_DOMAIN_EVENT_RESUMED: ("resumed", {0: "unpaused", 1: "migrated", 3: "post-copy",
                                                   4: "post-copy-failed"}),
    libvirt.VIR_DOMAIN_EVENT_STOPPED: ("stopped", {0: "shutdown", 1: "destroyed", 2: "crashed", 3: "migrated",
                                                   5: "failed"}),
}


_MAX_BODY_BYTES = 4 << 20


def consumers(url, queue):
    """How many consume from that queue; 0 where it does not exist."""
    try:
        with kombu.Connection(url.replace("rabbit://", "amqp://", 1), connect_timeout=2) as connection:
            with connection.channel() as channel:
                return channel.queue_declare(queue, passive=True).consumer_count
    except (OSError, kombu.exceptions.KombuError, amqp.exceptions.AMQPError):
        return 0


class _Lines:
    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self.rows = []

    def add(self, **row):
        row = {"t": time.time(), **row}
        with self._lock:
            self.rows.append(row)
            if not self._file.closed:
                self._file.write(json.dumps(row, default=str) + "\n")

    def close(self):
        with self._lock:
            self._file.close()


class TapRecorder:
    """Every message on exchange "nova", received by a queue of our own; lines as in tap.jsonl."""

    def __init__(self, url, path):
        self._url = url.replace("rabbit://", "amqp://", 1)
        self._lines = _Lines(path)
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tap-recorder", daemon=True)
        self._thread.start()
        self._ready.wait(20)

    def _run(self):
        """Again after each loss of the broker; what is sent meanwhile is not recorded."""
        while not self._stop.is_set():
            try:
                with kombu.Connection(self._url, connect_timeout=2) as connection:
                    self._consume(connection)
            except (OSError, kombu.exceptions.KombuError):
                self._stop.wait(0.2)

    def _consume(self, connection):
        exchange = kombu.Exchange(EXCHANGE, type="topic", durable=False, auto_delete=False)
        queue = kombu.Queue("", exchange, routing_key="#", exclusive=True, auto_delete=True, durable=False)
        try:
            with connection.Consumer(queue, on_message=self._take, on_decode_error=lambda *_: None, no_ack=True,
                                     accept=None):
                self._ready.set()
                while not self._stop.is_set():
                    try:
                        connection.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue
        except connection.connection_errors as error:
            raise OSError("connection lost") from error

    def _take(self, message):
        """What is no envelope (an agent's probe, a test's garbage) is nothing that Nova sent: not recorded."""
        if len(message.body) > _MAX_BODY_BYTES:
            return
        try:
            body = json.loads(message.body)
            if isinstance(body["oslo.message"], str):
                body["oslo.message"] = json.loads(body["oslo.message"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        info = message.delivery_info
        self._lines.add(exchange=info["exchange"], key=info["routing_key"], size=len(message.body),
                        redelivered=info["redelivered"], properties=message.properties, headers=message.headers,
                        body=body)

    @property
    def rows(self):
        return list(self._lines.rows)

    def stop(self):
        self._stop.set()
        self._thread.join(5)
        self._lines.close()


_event_loop_lock = threading.Lock()


def start_event_loop():
    """libvirt's event loop, one for the process (even where this module was imported under two names); connections
    that want events are opened after it was registered."""
    def run():
        while True:
            libvirt.virEventRunDefaultImpl()

    with _event_loop_lock:
        if getattr(libvirt, "lab_event_loop", None):
            return
        libvirt.virEventRegisterDefaultImpl()
        # without a timer the loop sleeps until the next event, and a new connection waits that long
        libvirt.virEventAddTimeout(100, lambda _timer, _opaque: None, None)
        libvirt.lab_event_loop = threading.Thread(target=run, name="libvirt-events", daemon=True)
        libvirt.lab_event_loop.start()


class HostRecorder:
    """A second connection to one host: its events, and job statistics every 200 ms."""

    POLL_S = 0.2

    def __init__(self, host, events_path, jobs_path):
        start_event_loop()
        self.host = host
        self._events, self._jobs = _Lines(events_path), _Lines(jobs_path)
        self._stop = threading.Event()
        self._connection = None
        self._connect()
        self._thread = threading.Thread(target=self._poll, name=f"jobs-{host.name}", daemon=True)
        self._thread.start()

    def _connect(self):
        try:
            connection = libvirt.open(self.host.uri)
        except libvirt.libvirtError:
            return
        register = connection.domainEventRegisterAny
        register(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle, None)
        register(None, libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, self._plain, "migration_iteration")
        register(None, libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self._plain, "job_completed")
        self._connection = connection
        self._events.add(event="ready")

    def _lifecycle(self, _connection, domain, event, detail, _opaque):
        name, details = _LIFECYCLE.get(event, (str(event), {}))
        self._events.add(event="lifecycle", domain=domain.name(), id=domain.ID(),
                         args=[name, details.get(detail, str(detail))])

    def _plain(self, _connection, domain, *args):
        *values, name = args
        self._events.add(event=name, domain=domain.name(), id=domain.ID(), args=values)

    def _poll(self):
        while not self._stop.wait(self.POLL_S):
            if self._connection is None or not self._connection.isAlive():
                self._connect()
                continue
            try:
                for domain in self._connection.listAllDomains():
                    self._look(domain)
            except libvirt.libvirtError:
                continue

    def _look(self, domain):
        began = time.monotonic()
        row = {"domain": domain.name()}
        try:
            row.update(state=domain.state(), stats=domain.jobStats())
        except libvirt.libvirtError as error:
            row.update(error=error.get_error_message(), code=error.get_error_code())
        self._jobs.add(took=round(time.monotonic() - began, 4), **row)

    @property
    def events(self):
        return [row for row in list(self._events.rows) if row["event"] != "ready"]

    def lifecycle(self, domain):
        """("suspended", "migrated") and so on, in order."""
        return [tuple(row["args"]) for row in self.events if row["event"] == "lifecycle" and row["domain"] == domain]

    def iterations(self, domain):
        return [row["args"][0] for row in self.events
                if row["event"] == "migration_iteration" and row["domain"] == domain]

    def completed(self, domain):
        """Statistics of the last completed job, or None."""
        rows = [row for row in self.events if row["event"] == "job_completed" and row["domain"] == domain]
        return rows[-1]["args"][0] if rows else None

    @property
    def jobs(self):
        return list(self._jobs.rows)

    def wait_lifecycle(self, domain, event, timeout=20):
        wait_for(lambda: event in self.lifecycle(domain), timeout, f"{event} of {domain} on {self.host.name}")

    def stop(self):
        self._stop.set()
        self._thread.join(5)
        if self._connection is not None:
            try:
                self._connection.close()
            except libvirt.libvirtError:
                pass
        self._events.close()
        self._jobs.close()
