"""What a message costs that is served, tapped and used, or tapped and ignored; what a call takes; what a backlog does to
memory. Peers, on the same broker with the same body: oslo.messaging's RPC server with both of its executors, and a
consumer on bare librabbitmq that parses nothing."""

import contextlib
import glob
import mmap
import os
import signal
import statistics
import struct
import subprocess
import tempfile
import time

import kombu

from tests.lab.broker import Broker
from tests.lab.process import wait_for

from . import figures

BODY = os.path.join(figures.TOP, "tests", "data", "wire-bodies", "cast.live_migration.message.json")
# a tap keeps 4,096 messages at most and drops the oldest: rates are taken below that
ROUND, BACKLOG = 4000, 5000
WARM_UP = 20
GOAL_SERVED, GOAL_IGNORED, GOAL_RATE_PER_CENT = 30, 2, 90


class Counter:
    """Eight bytes that another process counts in."""

    def __init__(self):
        self._file = tempfile.NamedTemporaryFile(prefix="nma-count-")
        self._file.write(bytes(8))
        self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), 8)
        self.path = self._file.name

    @property
    def value(self):
        return struct.unpack("Q", self._map[:8])[0]


class Receiver:
    """A process that takes messages. It can be stopped while a backlog grows."""

    def __init__(self, command):
        self.counter = Counter()
        self._popen = subprocess.Popen([*command, self.counter.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        self.pid = self._popen.pid

    def __enter__(self):
        if self._popen.stdout.readline() != b"ready\n":
            raise RuntimeError("a receiver does not start")
        return self

    def __exit__(self, *_):
        self._popen.stdin.close()
        try:
            self._popen.wait(20)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()

    def cpu_us(self):
        """Of all its threads, to the nanosecond where the clock tick would be too coarse."""
        total = 0
        for path in glob.glob(f"/proc/{self.pid}/task/*/schedstat"):
            try:
                with open(path, encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass  # that thread has ended
        return total / 1000

    def take(self, send, number):
        """Stopped while `number` messages come, then let loose. (seconds, µs of processor time) for all of them."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            send(number)
            before, cpu = self.counter.value, self.cpu_us()
        finally:
            os.kill(self.pid, signal.SIGCONT)
        began = time.monotonic()
        wait_for(lambda: self.counter.value - before >= number, 120, "the backlog is taken", 0.005)
        took = time.monotonic() - began
        figures.settle(0.5)  # what is done after the last count: acknowledging, freeing
        return took, self.cpu_us() - cpu

    def memory_mib(self):
        """Resident now, and at its highest since the last reset_peak()."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))

    def reset_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


OSLO_SERVER = """
import sys
executor = sys.argv[1]
if executor == "eventlet":
    import eventlet
    from eventlet import tpool
    eventlet.monkey_patch()
import mmap, os, threading, oslo_messaging
from oslo_config import cfg
url, topic, path = sys.argv[2:]
cfg.CONF([], project="nova", default_config_files=[], default_config_dirs=[])
oslo_messaging.set_transport_defaults("nova")
counter = mmap.mmap(os.open(path, os.O_RDWR), 8)
class Endpoint:
    target = oslo_messaging.Target(version="6.0")
    seen = 0
    def live_migration(self, context, **args):
        Endpoint.seen += 1
        counter[0:8] = Endpoint.seen.to_bytes(8, "little")
    def echo(self, context, value=None):
        return value
server = oslo_messaging.get_rpc_server(oslo_messaging.get_rpc_transport(cfg.CONF, url),
    oslo_messaging.Target(topic=topic, server="bench"), [Endpoint()], executor=executor)
server.start()
print("ready", flush=True)
if executor == "eventlet":
    tpool.execute(sys.stdin.buffer.read)
else:
    sys.stdin.read()
server.stop(); server.wait()
"""

OSLO_CALLS = """
import sys, time, oslo_messaging
from oslo_config import cfg
url, topic, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
cfg.CONF([], project="nova", default_config_files=[], default_config_dirs=[])
oslo_messaging.set_transport_defaults("nova")
client = oslo_messaging.get_rpc_client(oslo_messaging.get_rpc_transport(cfg.CONF, url),
    oslo_messaging.Target(topic=topic, server="bench", version="6.0"), timeout=20)
for n in range(number):
    began = time.monotonic_ns()
    client.call({}, "echo", value="x")
    print((time.monotonic_ns() - began) // 1000)
"""


def oslo(executor, url, topic):
    return ["/usr/bin/python3", "-c", OSLO_SERVER, executor, url, topic]


def ours(mode, url, key):
    return [figures.program("receive"), url, "nova", mode, key]


def sender(url, key):
    def send(number):
        subprocess.run([figures.program("publish"), url, "nova", key, BODY, str(number), "1"], check=True,
                       stdout=subprocess.DEVNULL)
        figures.settle(0.5)  # the broker has taken what it was sent
    return send


class Cost:
    """What a message costs one receiver."""

    def __init__(self, name, command, key, url):
        self.name, self._send, self._runs = name, sender(url, key), []
        self._receiver = Receiver(command)

    def __enter__(self):
        receiver = self._receiver.__enter__()
        self._send(200)
        wait_for(lambda: receiver.counter.value >= 200, 60, "it is warm", 0.01)
        self._empty = receiver.memory_mib()[0]
        figures.settle(1)
        return self

    def __exit__(self, *exception):
        self._receiver.__exit__(*exception)

    def round(self):
        self._runs.append(self._receiver.take(self._send, ROUND))

    def tell(self):
        receiver = self._receiver
        receiver.reset_peak()
        os.kill(receiver.pid, signal.SIGSTOP)
        self._send(BACKLOG)
        os.kill(receiver.pid, signal.SIGCONT)
        self._last()
        self.rate = ROUND / min(took for took, _ in self._runs)
        # of a machine that others use too: what they do only adds
        self.cpu_us = min(cpu for _, cpu in self._runs) / ROUND
        figures.say(f"  {self.name}", f"{self.rate:7.0f}/s, {self.cpu_us:7.1f} µs of CPU each; resident {self._empty:.1f} MiB "
                    f"with an empty queue, {receiver.memory_mib()[1]:.1f} MiB at most with {BACKLOG:,} waiting")

    def _last(self):
        """Until it stands still: of so many a bounded queue keeps its newest."""
        before = -1
        while self._receiver.counter.value != before:
            before = self._receiver.counter.value
            figures.settle(1)


def costs(url, receivers, rounds):
    """Those of the same list take turns, so that what else the machine does meets all of them."""
    with contextlib.ExitStack() as running:
        found = [running.enter_context(Cost(name, command, key, url)) for name, command, key in receivers]
        for _ in range(rounds):
            for cost in found:
                cost.round()
        for cost in found:
            cost.tell()
    return found


def round_trips(command, topic, number):
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    found = [int(line) for line in out.split() if line != "ready"]
    if len(found) != number:
        raise RuntimeError(f"{len(found)} of {number} calls to {topic}")
    found = found[WARM_UP:]
    return figures.percentile(found, 50) / 1000, figures.percentile(found, 99) / 1000


def calls(url, servers, number):
    """{(client, server): (p50, p99) in ms}, each the median of rounds in which all take turns"""
    rounds = {}
    with contextlib.ExitStack() as running:
        for command, _ in servers.values():
            running.enter_context(Receiver(command))
        for _ in range(figures.count("CALL_ROUNDS", 3)):
            for name, (_, topic) in servers.items():
                clients = {"ours": ["/usr/bin/env", figures.program("receive"), url, "nova", "calls", topic, str(number)],
                           "oslo": ["/usr/bin/python3", "-c", OSLO_CALLS, url, topic, str(number)]}
                for client, call in clients.items():
                    rounds.setdefault((client, name), []).append(round_trips(call, topic, number))
    found = {pair: tuple(map(statistics.median, zip(*each))) for pair, each in rounds.items()}
    for (client, name), percentiles in found.items():
        figures.say(f"  call, {client} to {name}", "p50 {:.2f} ms, p99 {:.2f} ms".format(*percentiles))
    return found


def verdict(good):
    return "met" if good else "MISSED"


def measure():
    with Broker() as broker:
        url = broker.url()
        with kombu.Connection(url.replace("rabbit://", "amqp://", 1)) as connection:
            connection.channel().exchange_declare("nova", "topic", durable=False, auto_delete=False)
        figures.say("rpc, one cast of", f"{os.path.getsize(BODY):,} bytes; {ROUND:,} at a time; load "
                    f"{os.getloadavg()[0]:.2f}")
        rounds = figures.count("ROUNDS", 5)
        bare, ignored, used, served, reader = costs(url, [
            ("bare librabbitmq consumer", ours("bare", url, "bare"), "bare"),
            ("our tap, ignored", ours("ignored", url, "ignored"), "ignored"),
            ("our tap, used", ours("used", url, "used"), "used"),
            ("our server", ours("server", url, "agent"), "agent.bench"),
            ("our server, arguments read", ours("reader", url, "reader"), "reader.bench")], rounds)
        executors = ("eventlet", "threading")
        peers = dict(zip(executors, costs(url, [(f"oslo.messaging, {e}", oslo(e, url, e), f"{e}.bench")
                                                for e in executors], rounds)))
        figures.say("  load after it", f"{os.getloadavg()[0]:.2f}")
        for executor, peer in peers.items():
            for what, own in (("served", served), ("arguments read", reader)):
                ratio = peer.cpu_us / own.cpu_us
                figures.say(f"  {what}, {executor} to ours", f"{ratio:.0f} times the CPU; goal at least {GOAL_SERVED}: "
                            + verdict(ratio >= GOAL_SERVED))
        ratio = ignored.cpu_us / bare.cpu_us
        figures.say("  ignored to bare", f"{ratio:.2f} times the CPU; goal at most {GOAL_IGNORED}: "
                    + verdict(ratio <= GOAL_IGNORED))
        for name, own in (("ignored", ignored), ("used", used), ("served", served)):
            per_cent = 100 * own.rate / bare.rate
            figures.say(f"  rate, {name} to bare", f"{per_cent:.0f} %; goal at least {GOAL_RATE_PER_CENT}: "
                        + verdict(per_cent >= GOAL_RATE_PER_CENT))
        servers = {"ours": (ours("server", url, "c"), "c"), "eventlet": (oslo("eventlet", url, "ce"), "ce"),
                   "threading": (oslo("threading", url, "ct"), "ct")}
        found = calls(url, servers, figures.count("CALLS", 1000) + WARM_UP)
        best = min(found["oslo", name][0] for name in executors)
        figures.say("  call, our p99 to Python's p50", f"{found['ours', 'ours'][1]:.2f} ms to {best:.2f} ms: "
                    + verdict(found["ours", "ours"][1] <= best))
