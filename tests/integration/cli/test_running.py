"""The sub-commands asking a real agent: real broker, libvirt's own test driver."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from cli import AGENT, ROOT, SECRET, Cli

sys.path.insert(0, str(ROOT))
from tests.lab.broker import AGENT_PERMISSIONS, Broker, User, available  # noqa: E402

pytestmark = pytest.mark.sanitized


def until(condition, what, timeout=30):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.1)
    return value


class Agent:
    """nova-migration-agent run, with its log kept."""

    started = []

    def __init__(self, cli, notify=None):
        self.cli, self.log = cli, cli.dir / "agent.log"
        environment = {**os.environ, **({"NOTIFY_SOCKET": str(notify)} if notify else {})}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([AGENT, "run", "--config-file", str(cli.conf)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment)
        self.started.append(self.process)

    def status(self):
        done = self.cli("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait(self, condition, what):
        def look():
            assert self.process.poll() is None, self.log.read_text()
            status = self.status()
            return status if status is not None and condition(status) else None
        return until(look, what)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        log = self.log.read_text()
        assert SECRET not in log
        assert code == 0, log


@pytest.fixture(autouse=True)
def none_is_left():
    """A test that fails before it has stopped its agent leaves none behind."""
    before = len(Agent.started)
    yield
    for process in Agent.started[before:]:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def broker():
    if not available():
        pytest.skip("no RabbitMQ installed")
    with Broker(users=[User("nova", SECRET, tags=["administrator"]), User("agent", SECRET, AGENT_PERMISSIONS)]) as running:
        running.rabbitmqctl("eval", "rabbit_exchange:declare({resource, <<\"/\">>, exchange, <<\"nova\">>}, topic, "
                                    "false, false, false, [], <<\"test\">>).")
        yield running


@pytest.fixture(scope="module")
def agent(broker, tmp_path_factory):
    """One agent for the tests that do not end it."""
    cli = Cli(tmp_path_factory.mktemp("agent"))
    cli.write(url=broker.url("agent"))
    with open(cli.conf, "a", encoding="utf-8") as conf:
        conf.write(f"[agent]\nmetrics_file = {cli.dir}/agent.prom\n")
    running = Agent(cli)
    try:
        running.wait(lambda s: s["health"] == "ok", "health ok")
        yield running
    finally:
        running.stop()


def test_status(agent):
    status = agent.status()
    assert status["host"] == "compute-1" and status["pid"] == agent.process.pid and status["mode"] == "advise"
    assert status["bus"]["in"] and status["bus"]["out"] and status["bus"]["tap_bound"]
    assert status["libvirt"] == {**status["libvirt"], "connected": True, "uri": "test:///default", "error": None}
    assert status["migrations"] == [] and status["reservations"] == 0 and status["degraded"] == []
    shown = agent.cli("status").stdout
    assert f"on compute-1, pid {agent.process.pid}" in shown and "no migration is open on this host" in shown


def test_health(agent):
    done = agent.cli("health")
    assert (done.returncode, done.stdout) == (0, "ok\n")


def test_ping(agent):
    done = agent.cli("ping", "compute-1")
    assert done.returncode == 0 and "the agent on compute-1 answers in" in done.stdout, done


def test_log_level(agent):
    assert agent.cli("log-level").stdout == "info\n"
    assert agent.cli("log-level", "debug").stdout == "debug\n"
    assert agent.cli("log-level", "loud").returncode == 1
    assert agent.cli("log-level").stdout == "debug\n"
    assert agent.cli("log-level", "info").stdout == "info\n"


def test_metrics(agent):
    path = agent.cli.dir / "agent.prom"
    text = until(lambda: path.exists() and 'bus_connected{connection="in"} 1' in path.read_text() and path.read_text(),
                 "metrics", 90)
    assert "\nnova_migration_agent_libvirt_connected 1\n" in text


def test_audit(agent):
    status = agent.wait(lambda s: s["audit"], "nova.conf is audited")["audit"]
    done = agent.cli("audit", "--json")
    assert done.returncode == (1 if status["error"] + status["warning"] else 0), done
    audit = json.loads(done.stdout)
    assert audit["files"] == [str(agent.cli.nova_conf)] and audit["counts"]["warning"] == status["warning"]


def test_hostile_clients_do_not_keep_it_from_answering(agent):
    path = str(agent.cli.run_dir / "control")
    idle = []
    for text in [b"", b"{", b"x" * 100_000, b"\0\n", b"[" * 16000 + b"\n", b'{"command": "status"}\n']:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(2)
        client.connect(path)
        try:
            client.sendall(text)
        except OSError:
            pass
        idle.append(client)
    assert agent.cli("health").returncode == 0
    for client in idle:
        client.close()


def test_a_second_agent_does_not_start(agent):
    second = subprocess.run([AGENT, "run", "--config-file", str(agent.cli.conf)], capture_output=True, text=True, timeout=30)
    assert second.returncode == 1 and second.stderr
    assert agent.cli("health").returncode == 0


def test_check_config_online_beside_it(agent, broker):
    before = sorted(row["name"] for row in broker.listed("queues", "name"))
    assert agent.cli("check-config", "--online").returncode == 0
    assert sorted(row["name"] for row in broker.listed("queues", "name") if "compute-1" in row["name"]) == \
        [name for name in before if "compute-1" in name]
    assert agent.cli("health").returncode == 0


def test_notifies_and_ends_cleanly(broker, tmp_path):
    cli = Cli(tmp_path)
    cli.write(url=broker.url("agent"), own="[tap]\nqueue_type = off\n")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.settimeout(30)
    told.bind(str(tmp_path / "notify"))
    running = Agent(cli, notify=tmp_path / "notify")
    words = b""
    while b"READY=1" not in words:
        words = told.recv(4096)
    running.wait(lambda s: s["bus"]["out"], "bus-out")
    running.stop()
    words = b""
    while b"STOPPING=1" not in words:
        words = told.recv(4096)
    assert cli("health").returncode == 3
    assert not (cli.run_dir / "control").exists()
    # no tap, and nothing of this host's that would stay for ever
    assert not [row for row in broker.listed("queues", "name") if ".tap." in row["name"] and str(tmp_path) in row["name"]]


def test_killed_and_started_again(broker, tmp_path):
    cli = Cli(tmp_path)
    cli.write(url=broker.url("agent"))
    running = Agent(cli)
    running.wait(lambda s: s["bus"]["in"], "bus-in")
    running.process.kill()
    running.process.wait()
    assert cli("status").returncode == 3  # the socket is still there, nobody serves it
    running = Agent(cli)
    running.wait(lambda s: s["health"] == "ok", "health ok after kill -9")
    running.stop()


def test_reload(broker, tmp_path):
    """SIGHUP takes over what can change; a configuration that is wrong changes nothing."""
    cli = Cli(tmp_path)
    cli.write(url=broker.url("agent"), own="[reports]\nprogress_interval_ms = 1000\n")
    running = Agent(cli)
    running.wait(lambda s: s["health"] == "ok" and s["mode"] == "advise", "health ok")
    good = cli.conf.read_text()

    cli.conf.write_text(good.replace("[agent]\n", "[agent]\nmode = observe\nlog_level = debug\n"))
    running.process.send_signal(signal.SIGHUP)
    running.wait(lambda s: s["mode"] == "observe" and s["log_level"] == "debug", "mode and level are taken over")

    cli.conf.write_text(good.replace("[agent]\n", "[agent]\nmode = nonsense\n"))
    running.process.send_signal(signal.SIGHUP)
    until(lambda: "configuration not taken over" in running.log.read_text(), "the mistake is said")
    cli.conf.write_text(good)  # the sub-commands read it too
    assert running.status()["mode"] == "observe" and running.status()["health"] == "ok"
    running.stop()


def test_password_rotated(broker, tmp_path):
    """The operator changes it at the broker and in nova.conf: nobody has to tell the agent."""
    broker.add_user(User("rotating", "before", AGENT_PERMISSIONS))
    cli = Cli(tmp_path)
    cli.write(url=broker.url("rotating"))
    running = Agent(cli)
    running.wait(lambda s: s["health"] == "ok", "health ok")
    cli.write(url=broker.url("rotating").replace("before", "after"))
    broker.rabbitmqctl("change_password", "rotating", "after")
    broker.rabbitmqctl("close_all_user_connections", "rotating", "password rotated")
    until(lambda: "configuration read again" in running.log.read_text(), "nova.conf is read again", 60)
    running.wait(lambda s: s["health"] == "ok" and s["bus"]["in"] and s["bus"]["out"], "connected again")
    log = running.log.read_text()
    assert "before" not in log and "after" not in log
    running.stop()


def test_broker_away_is_degraded(tmp_path):
    cli = Cli(tmp_path)
    running = Agent(cli)  # port 1: nobody there
    running.wait(lambda s: s["health"] == "degraded" and s["libvirt"]["connected"], "degraded")
    done = cli("health")
    assert done.returncode == 1 and done.stdout.startswith("degraded: ")
    running.stop()
