"""What is promised stays promised, once: kill -9, a full disk, a locked and a damaged database. Real broker, real
oslo.messaging client; libvirt's own test driver, so that the host has no guests."""
import concurrent.futures
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import uuid

import oslo_messaging
import pytest

from cli import AGENT, Cli
from test_running import Agent, broker, none_is_left, until  # noqa: F401  # pylint: disable=unused-import
from tests.lab.rpc import configuration

PORTS = 64  # of libvirt's range: the one resource of which this host has few
CALLERS = 24


class LimitedAgent(Agent):
    """Gets an error where a file may not grow, in place of a signal that kills: as on a full disk."""

    def __init__(self, cli):  # pylint: disable=super-init-not-called
        self.cli, self.log = cli, cli.dir / "agent.log"
        with open(self.log, "ab") as log:
            # this interpreter ignores SIGXFSZ, and so does who inherits that
            self.process = subprocess.Popen([AGENT, "run", "--config-file", str(cli.conf)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, restore_signals=False)
        self.started.append(self.process)

    def limit(self, most_bytes):
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE,
                         (hard if most_bytes is None else most_bytes, hard))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def cli(broker, tmp_path):  # noqa: F811
    made = Cli(tmp_path)
    made.write(url=broker.url("agent"), nova="[DEFAULT]\nreserved_host_memory_mb = 0\n")
    return made


def start(cli):
    agent = LimitedAgent(cli)
    agent.wait(lambda status: status["health"] == "ok", "health ok")
    return agent


@pytest.fixture
def call(broker):  # noqa: F811
    transport = oslo_messaging.get_rpc_transport(configuration(), broker.url("nova"))
    client = oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(
        topic="nova_migration_agent", namespace="nova_migration_agent", version="1.1", server="compute-1"), timeout=8)

    def make(method, **arguments):
        return client.call({}, method, **arguments)

    yield make
    transport.cleanup()


def reserved(call):
    return {entry["instance_uuid"]: entry for entry in call("reservations")["reservations"]}


def reserve(call, instance, ports=0):
    return call("reserve", instance_uuid=instance, resources={"memory_mib": 1, "ports": ports})


def storm(call, instances, ports, moments, kill):
    """Reserves for all of them at once; kill() when so many were granted. Who was answered: granted, refused."""
    granted, refused, lock, left = set(), set(), threading.Lock(), list(moments)

    def one(instance):
        try:
            answer = reserve(call, instance, ports)
        except Exception:  # pylint: disable=broad-except  # the agent is away: not answered
            return
        with lock:
            (granted if answer["reserved"] else refused).add(instance)
            if left and len(granted) >= left[0]:
                left.pop(0)
                kill()

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(one, instances))
    return granted, refused


@pytest.mark.parametrize("ports, most", [(0, 1000), (1, PORTS)], ids=["room-for-all", "room-for-64"])
def test_killed_amid_a_thousand_questions(cli, call, ports, most):
    agents = [start(cli)]

    def kill_and_start():
        agents[-1].kill()
        agents.append(LimitedAgent(cli))

    instances = [str(uuid.uuid4()) for _ in range(1000)]
    moments = [most // 8, most // 3, most // 2]
    granted, _ = storm(call, instances, ports, moments, kill_and_start)
    assert len(agents) == 1 + len(moments)
    agents[-1].wait(lambda status: status["health"] == "ok", "health ok")
    kept = reserved(call)
    assert granted <= set(kept), "a promise is gone"
    assert len(kept) <= most
    # whoever got no answer asks again: nobody gets a second place
    again, refused = storm(call, instances, ports, [], None)
    kept = reserved(call)
    assert granted <= again and set(kept) == again and len(again | refused) == 1000
    assert len(kept) == most and sum(entry["ports"] or 0 for entry in kept.values()) == ports * most
    agents[-1].stop()


def test_full_disk(cli, call):
    agent = start(cli)
    kept = {str(uuid.uuid4()) for _ in range(5)}
    assert all(reserve(call, instance)["reserved"] for instance in kept)
    agent.limit(os.path.getsize(cli.state / "agent.db-wal"))
    for _ in range(3):
        refused = reserve(call, str(uuid.uuid4()))
        assert not refused["reserved"] and refused["reason"] == "not_saved" and refused["reservation"] is None
        assert "SQLite" in refused["reason_text"]
    assert set(reserved(call)) == kept
    status = agent.wait(lambda status: status["health"] == "degraded", "health degraded")
    assert any("state" in reason or "SQLite" in reason for reason in status["degraded"]), status["degraded"]
    agent.limit(None)
    late = str(uuid.uuid4())
    until(lambda: reserve(call, late)["reserved"], "there is room again")
    agent.kill()
    agent = start(cli)
    assert set(reserved(call)) == kept | {late}
    agent.stop()


def test_locked_database(cli, call):
    agent = start(cli)
    instance = str(uuid.uuid4())
    assert reserve(call, instance)["reserved"]
    agent.stop()
    other = sqlite3.connect(cli.state / "agent.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    failed = LimitedAgent(cli)
    assert failed.process.wait(20) != 0
    assert "another program has the database open: end it" in failed.log.read_text()
    other.execute("COMMIT")
    other.close()
    agent = start(cli)
    assert set(reserved(call)) == {instance}
    agent.stop()


def test_damaged_database(cli, call):
    """What it promised is not known any more: nobody is promised the same until that has ended."""
    agent = start(cli)
    assert reserve(call, str(uuid.uuid4()))["reserved"]
    agent.kill()
    for name in ("agent.db", "agent.db-wal"):
        with open(cli.state / name, "r+b") as file:
            file.seek(4096)
            file.write(os.urandom(4096))
    (cli.state / "agent.db").write_bytes(b"no database" * 100)
    agent = start(cli)
    log = agent.log.read_text()
    assert "was moved to" in log and "agent.db.corrupt-" in log
    assert any(path.name.startswith("agent.db.corrupt-") for path in cli.state.iterdir())
    refused = reserve(call, str(uuid.uuid4()))
    assert not refused["reserved"] and refused["reason"] == "promises_lost"
    assert call("can_live_migrate", instance_uuid=str(uuid.uuid4()), resources={"memory_mib": 1})["possible"]
    agent.stop()


def test_wall_clock_jumps_and_reads_itself_again(cli, call):
    """The lease is of boot time: what is left of it is the same after a restart."""
    agent = start(cli)
    instance = str(uuid.uuid4())
    first = reserve(call, instance)["reservation"]["expires_in_s"]
    agent.kill()
    agent = start(cli)
    assert first - 60 < reserved(call)[instance]["expires_in_s"] <= first
    agent.stop()
