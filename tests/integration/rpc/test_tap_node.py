"""The node that holds the tap freezes, then dies, while Python casts to compute.<host>: must Nova wait for us?

Three nodes. nova-compute's queue and the conductor's connection are on nodes that stay well; only the tap is on the
one that falls ill. All kinds of tap beside each other, each on a host of its own, through the same fault. It takes
minutes, as the senders of a classic tap hang until RabbitMQ gives a silent node up, after about 60 s."""
import os
import threading
import time

import pytest

from conftest import Peer, PythonClient, PythonServer, cluster_of, until

pytestmark = pytest.mark.skipif(os.environ.get("NMA_LONG", "") in ("", "0"), reason="make check-long")
FROZEN_S = 120
EVERY_S = 0.2
# topics that differ, as all servers of a topic share a queue whose type is fixed
COMPUTES = {"classic": ("compute", "?amqp_durable_queues=1"), "quorum": ("compute-alt", "?rabbit_quorum_queue=1")}
TAPS = ("off", "classic", "quorum")


@pytest.fixture(scope="module")
def cluster():
    with cluster_of("nova", "conductor", "tap") as nodes:
        yield nodes


class Host:
    """nova-compute of one host, its tap (or none), and the conductor that casts to it all the time."""

    def __init__(self, nodes, compute, tap):
        nova, conductor, agent = nodes
        self.name, self.sent, self.taken, self.errors, self.failed = f"{compute}-{tap}", 0, [], [], set()
        topic, query = COMPUTES[compute]
        self.server = PythonServer(nova.url(query=query), topic, self.name)
        self.client = PythonClient(conductor.url(query=query), topic, server=self.name)
        self.tap = None
        if tap != "off":
            self.tap = Peer(agent.url(query=query), host=self.name, tap=tap, tap_keys=[f"{topic}.{self.name}"])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._cast, daemon=True)
        self._thread.start()

    def _cast(self):
        while not self._stop.wait(EVERY_S):
            began = time.monotonic()
            try:
                self.client.cast("echo", value=self.sent)
            except Exception as error:  # noqa: B902 - whatever Nova would have got
                self.errors.append((time.monotonic(), type(error).__name__))
                self.failed.add(self.sent)
            self.sent += 1
            self.taken.append((began, time.monotonic() - began))

    def between(self, began, ended):
        """Seconds that each cast took which was under way in that time, and the errors."""
        return (sorted(took for at, took in self.taken if at + took >= began and at <= ended),
                [name for at, name in self.errors if began <= at <= ended])

    def tell(self, what, began, ended):
        took, errors = self.between(began, ended)
        print(f"  {what:<7} compute queue and tap: {self.name:<15} {len(took):4} casts, p50 "
              f"{1000 * took[len(took) // 2]:6.0f} ms, worst {took[-1]:6.2f} s, errors {len(errors)} {sorted(set(errors))}")
        return took, errors

    def settle(self):
        """Until the last cast is through; every one has been served, unless its sender was told that it failed."""
        self._stop.set()
        self._thread.join(150)
        assert not self._thread.is_alive()
        until(lambda: not set(range(self.sent)) - self.failed - self.served(), timeout=60,
              what=f"{self.name}: all casts are served")

    def served(self):
        return {value for _, value in list(self.server.calls.queue)}

    def close(self):
        self._stop.set()
        if self.tap:
            self.tap.kill()
        self._thread.join(150)
        self.client.__exit__()
        self.server.__exit__()


def faults(nodes):
    """(name, what to do, what to do afterwards)"""
    agent = nodes[2]
    yield "frozen", agent.freeze, FROZEN_S, agent.thaw
    yield "killed", agent.kill, 20, agent.start


def test_senders_do_not_wait_for_the_node_of_the_tap(cluster):
    hosts, figures = [], {}
    try:
        for compute in COMPUTES:
            for tap in TAPS:
                hosts.append(Host(cluster, compute, tap))
        until(lambda: all(h.sent > 20 for h in hosts))
        print(f"\ncasts each {EVERY_S} s; frozen for {FROZEN_S} s; load {os.getloadavg()[0]:.1f}")
        began = time.monotonic()
        time.sleep(5)
        for host in hosts:
            host.tell("well", began, time.monotonic())
        for what, break_it, seconds, mend in faults(cluster):
            began = time.monotonic()
            break_it()
            time.sleep(seconds)
            # a figure for those that hang too
            until(lambda: all(sum(h.taken[-1]) > began for h in hosts), timeout=150, what="each cast ends")
            mend()
            ended = time.monotonic()
            until(lambda: all(h.taken[-1][0] > ended for h in hosts), timeout=150, what="all cast again")
            for host in hosts:
                figures[what, host.name] = host.tell(what, began, ended)
            began = time.monotonic()
            time.sleep(10)
            for host in hosts:
                host.tell("after", began, time.monotonic())
        for host in hosts:
            host.settle()
    finally:
        for host in hosts:
            host.close()
    for (what, name), (took, errors) in figures.items():
        if name.endswith(("-off", "-quorum")):
            assert not errors, f"{what}, {name}"
        if what == "frozen" and name.endswith("-classic"):
            assert took[-1] > 2 * figures[what, name.replace("-classic", "-quorum")][0][-1], name
