"""How a figure is taken and written. Each line names the goal and the peer that was measured in the same run."""

import os
import shutil
import subprocess
import time

from tests.lab.agents import Agent
from tests.lab.process import wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("top_builddir") or os.path.join(TOP, "_build", "default")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def program(name):
    return os.path.join(BUILD, "tests", "bench", name)


def count(name, default):
    """How often: NMA_BENCH_… in the environment."""
    return int(os.environ.get(f"NMA_BENCH_{name}", default))


def say(name, text):
    print(f"{name:<34} {text}", flush=True)


def verdict(value, goal, unit):
    return f"goal at most {goal:g} {unit}: {'met' if value <= goal else 'MISSED'}"


def percentile(values, per_cent):
    """The smallest value that so many per cent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]


def memory_kib(pid):
    """Resident, anonymous and proportional set size."""
    figures = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            name, _, rest = line.partition(":")
            if rest.endswith("kB\n"):
                figures[name] = int(rest.split()[0])
    return figures["Rss"], figures["Anonymous"], figures["Pss"]


def cpu_s(pid):
    """Seconds of processor time that the process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


class Load:
    """CPU of a process from here to the end of the block, per cent of one processor."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self._cpu, self._time = cpu_s(self.pid), time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self._time
        self.cpu_s = cpu_s(self.pid) - self._cpu
        self.per_cent = 100 * self.cpu_s / self.seconds


class OsloServer:
    """The peer: a bare oslo.messaging RPC server, nothing but the library that nova-compute stands on."""

    _PROGRAM = """
import sys, threading, oslo_messaging
from oslo_config import cfg
cfg.CONF([], project="nova", default_config_files=[], default_config_dirs=[])
oslo_messaging.set_transport_defaults("nova")
class Endpoint:
    seen = 0
    def unrelated(self, context, **args):
        Endpoint.seen += 1
    def count(self, context):
        return Endpoint.seen
server = oslo_messaging.get_rpc_server(
    oslo_messaging.get_rpc_transport(cfg.CONF, sys.argv[1]),
    oslo_messaging.Target(topic=sys.argv[2], server=sys.argv[3]), [Endpoint()], executor="threading")
server.start()
print("ready", flush=True)
sys.stdin.read()
server.stop(); server.wait()
"""

    def __init__(self, url, topic, server):
        self._popen = subprocess.Popen(["/usr/bin/python3", "-c", self._PROGRAM, url, topic, server],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.pid = self._popen.pid

    def __enter__(self):
        self._popen.stdout.readline()
        return self

    def __exit__(self, *_):
        self._popen.stdin.close()
        try:
            self._popen.wait(15)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()


def fresh_agent(lab, host, **options):
    """One that remembers nothing of an earlier part: what was left open there would count against its bounds."""
    shutil.rmtree(lab.path(f"agent-{host}"), ignore_errors=True)
    return Agent(lab, host, **options).start()


def settle(seconds):
    """Time in which nothing is asked of anybody."""
    time.sleep(seconds)


def wait_idle(agent, timeout=60):
    """Everything said and confirmed."""
    wait_for(lambda: agent.status().get("outbox", {}).get("rows") == 0, timeout, "the outbox is empty", 0.2)
