"""A fleet on one broker and on three: what it costs the broker when nothing happens and while migrations run, and how
long until everybody is back after a broker restart. The agents are simulated in one process; their connections are
real."""

import json
import os
import subprocess
import time
import uuid

import kombu

from tests.lab.broker import Broker
from tests.lab.process import wait_for
from tests.lab.recorded import recording

from . import figures

# the lab's broker is kept small otherwise
LARGE = "vm_memory_high_watermark.absolute = 12GB\n"
REPORTS_KEY = "live_migration_reports.info"
FIELDS = ("in", "out", "tap", "server", "replies", "tapped", "answered", "confirmed", "failed")


def node_pid(broker):
    return int((broker.dir / "pid").read_text())


class Nodes:
    """One broker or a cluster: sums over its nodes."""

    def __init__(self, number):
        self.nodes = []
        try:
            for n in range(number):
                self.nodes.append(Broker(name=f"n{n}", config=LARGE, cluster=self.nodes[:1]))
                self.nodes[-1].start()
        except BaseException:
            self.close()
            raise
        with self.connection() as connection:
            channel = connection.channel()
            channel.exchange_declare("nova", "topic", durable=True, auto_delete=False)
            # somebody listens to the reports, and does not read for ever
            channel.queue_declare("controller", durable=True, auto_delete=False, arguments={"x-max-length": 1000})
            channel.queue_bind("controller", "nova", REPORTS_KEY)

    def close(self):
        for node in reversed(self.nodes):
            node.close()

    @property
    def url(self):
        return "rabbit://" + ",".join(f"nova:secret@127.0.0.1:{n.port}" for n in self.nodes) + "//"

    def connection(self):
        return kombu.Connection(self.nodes[0].url().replace("rabbit://", "amqp://", 1))

    def resident_mib(self):
        return sum(figures.memory_kib(node_pid(n))[0] for n in self.nodes) / 1024

    def cpu_s(self):
        return sum(figures.cpu_s(node_pid(n)) for n in self.nodes)


class Fleet:
    def __init__(self, url, number, queue_type):
        self.number = number
        self._popen = subprocess.Popen([figures.program("fleet"), url, "nova", str(number), queue_type],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._popen.pid

    def wait_started(self):
        if self._popen.stdout.readline() != "started\n":
            raise RuntimeError("the fleet does not start")

    def state(self):
        self._popen.stdin.write("\n")
        self._popen.stdin.flush()
        return dict(zip(FIELDS, map(int, self._popen.stdout.readline().split())))

    def back(self):
        """How many have everything."""
        state = self.state()
        return min(state[name] for name in FIELDS[:5])

    def stop(self):
        self._popen.stdin.close()
        self._popen.wait(60)
        self._popen.stdout.close()


def cast_migrations(nodes, number, agents):
    """Nova's recorded cast to so many hosts."""
    message = dict(recording().requests["live_migration"])
    with nodes.connection() as connection:
        producer = connection.Producer(serializer=None)
        for n in range(number):
            message["_unique_id"] = uuid.uuid4().hex
            body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})
            producer.publish(body, exchange="nova", routing_key=f"compute.host-{n * agents // number}",
                             content_type="application/json", content_encoding="utf-8")


class Window:
    """Processor time of broker and fleet over the block, per agent."""

    def __init__(self, nodes, fleet):
        self._of = lambda: (nodes.cpu_s(), figures.cpu_s(fleet.pid), time.monotonic())
        self._agents = fleet.number

    def __enter__(self):
        self._before = self._of()
        return self

    def __exit__(self, *_):
        broker, fleet, ended = (b - a for a, b in zip(self._before, self._of()))
        self.text = (f"broker {100 * broker / ended:.1f} % of one processor, {1e6 * broker / ended / self._agents:.0f} µs a "
                     f"second and agent; agents {1e6 * fleet / ended / self._agents:.0f} µs a second each")


def come_back(fleet, began):
    """(seconds until half, nine in ten and all have everything again)"""
    marks = {50: None, 90: None, 100: None}
    deadline = time.monotonic() + 600
    while marks[100] is None and time.monotonic() < deadline:
        share = 100 * fleet.back() / fleet.number
        for mark, at in marks.items():
            if at is None and share >= mark:
                marks[mark] = time.monotonic() - began
        time.sleep(0.5)
    return ", ".join(f"{mark} % after {at:.0f} s" if at else f"{mark} %: never" for mark, at in marks.items())


def binding_cost(nodes, number=10_000):
    """What a host's further binding would cost the broker."""
    def tables():
        return int(nodes.nodes[0].rabbitmqctl("eval", "erlang:memory(ets)."))

    before, cpu = tables(), nodes.cpu_s()
    with nodes.connection() as connection:
        channel = connection.channel()
        channel.queue_declare("bindings", exclusive=True)
        for n in range(number):
            channel.queue_bind("bindings", "nova", f"topic-{n % 5}.host-{n}")
        cpu, after = nodes.cpu_s() - cpu, tables()
    figures.say("  a further binding", f"{(after - before) / number:.0f} bytes in the broker's tables and "
                f"{1e6 * cpu / number:.0f} µs of its CPU to make")


def one(number_of_nodes, agents, queue_type):
    seconds, migrations = figures.count("FLEET_SECONDS", 60), figures.count("FLEET_MIGRATIONS", 50)
    nodes = Nodes(number_of_nodes)
    fleet = None
    try:
        if number_of_nodes == 1:
            binding_cost(nodes)
        figures.settle(5)
        empty = nodes.resident_mib()
        began = time.monotonic()
        fleet = Fleet(nodes.url, agents, queue_type)
        fleet.wait_started()
        wait_for(lambda: fleet.back() == agents, 900, "the whole fleet is there", 0.5)
        figures.say(f"fleet, {agents:,} on {number_of_nodes}, tap {queue_type}",
                    f"all there after {time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.2f}")
        figures.settle(seconds / 2)
        with Window(nodes, fleet) as window:
            figures.settle(seconds)
        full = nodes.resident_mib()
        figures.say("  broker's memory", f"{empty:.0f} MiB empty, {full:.0f} MiB with the fleet: "
                    f"{1024 * (full - empty) / agents:.0f} KiB an agent; agents {figures.memory_kib(fleet.pid)[0] / agents:.0f}"
                    " KiB resident each (one process)")
        figures.say("  idle", window.text)
        with Window(nodes, fleet) as window:
            cast_migrations(nodes, migrations, agents)
            figures.settle(30)
        state = fleet.state()
        figures.say(f"  {migrations} migrations", f"{window.text}; {state['tapped']} tapped, {state['answered']} calls "
                    f"answered, {state['confirmed']:,} reports confirmed, {state['failed']} failed")
        node, began = nodes.nodes[-1], time.monotonic()
        node.restart()
        listens = time.monotonic() - began
        figures.say("  one broker node restarted", f"it listens again after {listens:.0f} s; {come_back(fleet, began)}; "
                    f"load {os.getloadavg()[0]:.2f}")
    finally:
        if fleet:
            fleet.stop()
        nodes.close()


def measure():
    agents = figures.count("AGENTS", 1500)
    one(1, agents, "auto")
    one(3, agents, "auto")
