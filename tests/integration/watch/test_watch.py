"""nova-migration-watch on a real RabbitMQ, with reports sent by the real oslo.messaging."""
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
import uuid

import jsonschema
import pytest
from reports import INSTANCE, MIGRATION, report, success
from watching import PROGRAM, SOURCE, Agents, Watch, until

from tests.lab import broker as lab

SCHEMA = json.loads((SOURCE / "schemas" / "report.schema.json").read_text())
ELSEWHERE = "5a5a5a5a-0000-4000-8000-000000000002"

ENDINGS = {
    "completed": (0, []),
    "failed": (1, [report("source", "pre_copy", "error", 4, reason="job_failed", text="Timed out")]),
    "cancelled": (3, [report("source", "pre_copy", "error", 4, reason="aborted")]),
    "paused": (4, [report("destination", "post_copy", "error", 6, reason="post_copy_failed",
                          place="on_destination", state="paused")]),
    "lost": (4, [report("source", "pre_copy", "error", 4, reason="guest_gone", place="gone", state="unknown"),
                 report("destination", "pre_copy", "error", 5, reason="incoming_failed", place="unknown",
                        state="unknown")]),
}


@pytest.fixture(scope="session")
def broker():
    if not lab.available():
        pytest.skip("no RabbitMQ installed")
    with lab.Broker(vhosts=("/", "cell2"), users=[lab.User("nova", tags=["administrator"])]) as one:
        one.rabbitmqctl("set_permissions", "-p", "cell2", "nova", ".*", ".*", ".*")
        # as in a cloud: Nova's services have made the control exchange
        for vhost in ("", "cell2"):
            with Agents(one.url(vhost=vhost)) as agents:
                agents.raw("first.word", {})
        yield one


@pytest.fixture
def nova_conf(broker, tmp_path):
    path = tmp_path / "nova.conf"
    path.write_text(f"[DEFAULT]\ntransport_url = {broker.url()}\n")
    return path


@pytest.fixture
def cell(nova_conf):
    return f"main={nova_conf}"


@pytest.fixture
def agents(broker):
    with Agents(broker.url()) as both:
        yield both


def test_payloads_of_these_tests_are_valid():
    for payload in success() + [p for _, story in ENDINGS.values() for p in story]:
        jsonschema.validate(payload, SCHEMA)


def test_manual_and_help_have_the_same_options():
    manual = (SOURCE / "agent" / "watch" / "nova-migration-watch.1").read_text()
    told = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=30).stdout
    assert set(re.findall(r"^\.It Fl Fl ([\w-]+)", manual, re.M)) == set(re.findall(r" --([\w-]+)", told))


# ---- results ----

@pytest.mark.sanitized
@pytest.mark.parametrize("name", ENDINGS)
def test_exit_code_tells_the_result(name, cell, agents):
    code, ending = ENDINGS[name]
    with Watch("--cell", cell, INSTANCE) as watch:
        agents.say(*(success()[:8] + ending if ending else success()))
        assert watch.wait() == code
    screen = "".join(watch.out)
    assert re.search(rf"^result +{name}", screen, re.M), screen


@pytest.mark.parametrize("name", [INSTANCE.upper(), MIGRATION, "42"])
def test_named_by_any_of_its_names(name, cell, agents):
    with Watch("--cell", cell, name) as watch:
        agents.say(*success(instance=ELSEWHERE, migration=str(uuid.uuid4()), migration_id=41)[:4])
        agents.say(*success())
        assert watch.wait() == 0
    assert f"instance    {INSTANCE}" in "".join(watch.out)


def test_screen_has_both_sides(cell, agents):
    with Watch("--cell", cell, INSTANCE) as watch:
        agents.say(*success())
        assert watch.wait() == 0
    screen = "".join(watch.out)
    for words in ("migration   42  " + MIGRATION, "path        cmp-a -> cmp-b", "downtime    243 ms\n",
                  "guest       runs on cmp-b (destination)", "source cmp-a                    destination cmp-b",
                  "stop_and_copy   done 300 ms", "commitment      done 2.2 s                      done 1.8 s"):
        assert words in screen


def test_order_does_not_matter(cell, agents):
    with Watch("--cell", cell, INSTANCE) as watch:
        agents.say(*reversed(success()[:-1]), success()[-1])
        assert watch.wait() == 0
    assert "gaps            none                            none" in "".join(watch.out)


def test_not_found(cell, agents):
    with Watch("--cell", cell, "--timeout", 3, INSTANCE) as watch:
        agents.say(*success(instance=ELSEWHERE, migration=None, migration_id=7))
        assert watch.wait() == 5


def test_timed_out_while_it_runs(cell, agents):
    with Watch("--cell", cell, "--timeout", 3, INSTANCE) as watch:
        agents.say(*success()[:9])
        assert watch.wait() == 124
    assert "waits for   a pass that leaves no more" in "".join(watch.out)


# ---- lists ----

def test_once(cell, agents):
    with Watch("--cell", cell, "--once") as watch:
        agents.say(*success(), *success(instance=ELSEWHERE, migration=None, migration_id=None)[:10])
        assert watch.wait() == 0
    assert watch.out[0].startswith("INSTANCE")
    assert re.match(r"5a5a5a5a web-7 +cmp-a -> cmp-b +pre_copy pass 3 +\[######\.\.\.\] +75% 112\.0 MiB/s +"
                    r"2\.00 GiB +300 ms expected", watch.out[1])
    assert re.match(r"4f2a1c3e web-7 +cmp-a -> cmp-b +completed +\[#########\] 100% +243 ms", watch.out[2])
    assert len(watch.out) == 3


def test_once_with_nothing_to_see(cell):
    with Watch("--cell", cell, "--once", "--timeout", 1) as watch:
        assert watch.wait() == 0
    assert "no live migration heard of" in watch.out[-1]


def test_once_of_one(cell, agents):
    with Watch("--cell", cell, "--once", INSTANCE) as watch:
        agents.say(*success()[:10])
        assert watch.wait() == 124
    assert "progress    [" in "".join(watch.out)


def test_plain_lines_tell_each_change_once(cell, agents):
    with Watch("--cell", cell) as watch:
        agents.say(*success(), *success())
        until(lambda: any(" completed " in line for line in watch.out), what="the end")
        agents.say(report("source", "pre_copy", "error", 4, reason="aborted", instance=ELSEWHERE,
                          migration=None, migration_id=9))
        until(lambda: any("cancelled" in line for line in watch.out), what="the other")
        watch.process.send_signal(signal.SIGTERM)
        assert watch.wait() == -signal.SIGTERM
    phases = [re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w{8} web-7 +cmp-a -> cmp-b +(\w+)", line)[1]
              for line in watch.out]
    assert [p for i, p in enumerate(phases) if i == 0 or phases[i - 1] != p] == [
        "pre_migration", "reservation", "pre_copy", "stop_and_copy", "commitment", "completed", "cancelled"]
    assert phases.count("completed") == 1
    told = [line[20:] for line in watch.out]
    assert all(a != b for a, b in zip(told, told[1:]))


def test_only_this_host(cell, agents):
    with Watch("--cell", cell, "--host", "cmp-c", "--json") as watch:
        agents.say(*success()[:3], *success(instance=ELSEWHERE, destination="cmp-c", migration=None)[:1])
        assert json.loads(watch.line())["host"] == "cmp-c"
        time.sleep(0.5)
        assert watch.lines.empty()


def test_json_lines_are_the_reports_once(cell, agents):
    with Watch("--cell", cell, "--json", INSTANCE) as watch:
        story = success()
        agents.say(*story[:5], *story)
        assert watch.wait() == 0
    printed = [json.loads(line) for line in watch.out]
    for payload in printed:
        jsonschema.validate(payload, SCHEMA)
        assert payload.pop("cell") == "main"
    assert printed == story


@pytest.mark.sanitized
def test_two_cells(broker, cell, nova_conf, agents, tmp_path):
    other = tmp_path / "cell2.conf"
    # the notifications' own transport counts before the RPC's
    other.write_text("[DEFAULT]\ntransport_url = rabbit://nobody:wrong@127.0.0.1:1/\n"
                     f"[oslo_messaging_notifications]\ntransport_url = {broker.url(vhost='cell2')}\n")
    with Watch("--cell", cell, "--cell", f"second={other}", "--once", "--timeout", 4) as watch:
        watch.wait_err("main: listening on")
        watch.wait_err("second: listening on")
        with Agents(broker.url(vhost="cell2")) as second:
            agents.say(*success()[:3])
            second.say(*success(instance=ELSEWHERE, migration=None)[:3])
            assert watch.wait() == 0
    assert sorted(line.split()[0] for line in watch.out) == ["CELL", "main", "second"]


def test_another_topic(cell, broker):
    with Watch("--cell", cell, "--topic", "my.reports", INSTANCE) as watch:
        with Agents(broker.url(), topic="my.reports") as agents:
            agents.say(*success())
        assert watch.wait() == 0


# ---- the broker ----

def own_queues(broker):
    return [q for q in broker.listed("queues", "name", "arguments", "exclusive", "auto_delete")
            if "watch" in q["name"]]


def test_queue_is_bounded_and_goes_away(broker, cell):
    with Watch("--cell", cell) as watch:
        (queue,) = own_queues(broker)
        (connection,) = [c for c in broker.listed("connections", "client_properties")
                         if "nova-migration-watch" in str(c)]
        arguments = {a[0]: a[2] for a in queue["arguments"]} if isinstance(queue["arguments"], list) \
            else queue["arguments"]
        assert arguments["x-max-length"] > 0 and arguments["x-overflow"] == "drop-head"
        assert queue["exclusive"] or arguments["x-expires"] > 0
        watch.process.send_signal(signal.SIGINT)
        assert watch.wait() == -signal.SIGINT
    until(lambda: not own_queues(broker), what="queue gone")


@pytest.mark.sanitized
def test_broker_restarts(broker, cell):
    with Watch("--cell", cell, INSTANCE) as watch:
        with Agents(broker.url()) as agents:
            agents.say(*success()[:7])
            until(lambda: any("pre_copy" in line for line in watch.out), what="pre_copy")
        seen = len(watch.err)
        broker.restart()
        watch.wait_err("not listening", since=seen)
        with Agents(broker.url()) as agents:
            agents.raw("first.word", {})  # the exchange is not durable: Nova's services make it anew
            watch.wait_err("main: listening on", timeout=60, since=seen + 1)
            agents.say(*success()[8:])  # one was said to nobody
            assert watch.wait() == 0
    screen = "".join(watch.out)
    assert re.search(r"^gaps +none +GAP: missing 4$", screen, re.M), screen


def test_exchange_is_made_anew(broker, cell):
    """Its bindings go with it, and nothing tells a consumer: they are made anew from time to time."""
    with Watch("--cell", cell, INSTANCE) as watch:
        broker.rabbitmqctl("eval", "rabbit_exchange:delete(rabbit_misc:r(<<\"/\">>, exchange, <<\"nova\">>), "
                           "false, <<\"test\">>).")
        with Agents(broker.url()) as agents:
            agents.raw("first.word", {})
            deadline = time.monotonic() + 40
            while watch.process.poll() is None and time.monotonic() < deadline:
                agents.say(success()[-1])
                time.sleep(1)
        assert watch.process.poll() == 0


def test_wrong_password(broker, tmp_path):
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\ntransport_url = "
                    f"rabbit://nova:not-the-secret@127.0.0.1:{broker.port}/\n")
    with Watch("--cell", f"main={conf}", "--timeout", 4, INSTANCE, listening=False) as watch:
        watch.wait_err("not listening")
        assert watch.wait() == 124  # whether there is such a migration was never learnt
    assert "not-the-secret" not in "".join(watch.err + watch.out)


def test_password_is_rotated(broker, tmp_path, agents):
    conf = tmp_path / "nova.conf"
    conf.write_text(f"[DEFAULT]\ntransport_url = rabbit://nova:old@127.0.0.1:{broker.port}/\n")
    with Watch("--cell", f"main={conf}", INSTANCE, listening=False) as watch:
        watch.wait_err("not listening")
        conf.write_text(f"[DEFAULT]\ntransport_url = {broker.url()}\n")
        watch.wait_err("main: listening on")
        agents.say(*success())
        assert watch.wait() == 0


def test_least_rights(broker, tmp_path, agents):
    """What the manual says that a user of its own needs."""
    own = r"^nova_migration_agent\.watch\."
    broker.add_user(lab.User("watcher", permissions=(own, own, rf"{own}|^nova$")))
    conf = tmp_path / "nova.conf"
    conf.write_text(f"[DEFAULT]\ntransport_url = {broker.url('watcher')}\n")
    with Watch("--cell", f"main={conf}", INSTANCE) as watch:
        agents.say(*success())
        assert watch.wait() == 0


@pytest.mark.parametrize("text", ["[DEFAULT]\n", "[DEFAULT]\ntransport_url = kafka://u:hidden@h/\n", "[DEFAULT\n",
                                  "[DEFAULT]\ntransport_url = rabbit://u:hidden@h:port/\n"])
def test_useless_configuration(text, tmp_path):
    conf = tmp_path / "nova.conf"
    conf.write_text(text)
    with Watch("--cell", f"main={conf}", listening=False) as watch:
        assert watch.wait() == 2
    assert "nova.conf" in watch.err[0] and "hidden" not in "".join(watch.err)


# ---- hostile reports ----

@pytest.mark.sanitized
def test_hostile_reports(cell, agents):
    evil = "\x1b[2J\x1b]0;owned\x07\u202eevil\nresult      completed"
    with Watch("--cell", cell, INSTANCE) as watch:
        for payload in ("text", [], {}, {"instance_uuid": evil}, dict(success()[0], sequence="1"),
                        dict(success()[0], attempt_id=evil), dict(success()[0], sequence=-1),
                        dict(success()[0], occurred_at="yesterday"), dict(success()[0], phase=evil),
                        dict(success()[0], statistics=[[[[]]]]), dict(success()[1], statistics={"job": 7})):
            agents.raw("live_migration.pre_copy.start", payload)
        agents.raw("compute.instance.update", {"instance_uuid": INSTANCE})
        agents.say(dict(success()[0], instance_name=evil, flavor=evil, request_id=evil))
        agents.say(report("source", "pre_copy", "error", 4, reason="job_failed", text=evil + "x" * 3000))
        assert watch.wait() == 1
    printed = "".join(watch.out + watch.err)
    assert "a report could not be read" in printed
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", printed)
    assert not re.search("^result +completed", printed, re.M)
    assert "evil" in printed and max(map(len, printed.splitlines())) < 600


# ---- terminal ----

class Terminal:
    """The program on a pseudo terminal of this size."""

    def __init__(self, *args, columns=100, rows=30, **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, rows, tell=False)
        self.process = subprocess.Popen([PROGRAM, *map(str, args)], stdin=slave, stdout=slave, stderr=slave,
                                        env={**os.environ, "TERM": "xterm", **environment},
                                        start_new_session=True)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.text = ""

    def resize(self, columns, rows, tell=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def read(self):
        try:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        except (BlockingIOError, OSError):
            pass
        return self.text

    def wait_for(self, pattern, since=0):
        until(lambda: re.search(pattern, self.read()[since:], re.S),
              what=lambda: f"{pattern!r} in {self.text[-2000:]!r}")

    def block(self):
        """The lines drawn last."""
        last = self.read().rstrip("\n").rsplit("\x1b[?7l", 1)[1]
        return [re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", line).rstrip("\r") for line in last.split("\n")]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal():
    made = []

    def make(*args, **kwargs):
        made.append(Terminal(*args, **kwargs))
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.mark.sanitized
def test_terminal_is_redrawn_in_place(terminal, cell, agents):
    screen = terminal("--cell", cell)
    screen.wait_for("listening on")
    agents.say(*success()[:10])
    screen.wait_for("pre_copy pass 3")
    assert re.search(r"\x1b\[\d+A", screen.text)  # up again, over what stood there
    assert all(len(line) <= 100 for line in screen.block())
    mark = len(screen.text)
    screen.resize(60, 12)
    screen.wait_for("pre_copy pass 3", since=mark)
    until(lambda: all(len(line) <= 60 for line in screen.block()), what="narrow lines")
    agents.say(*success()[10:])
    screen.wait_for("\x1b\\[32mcompleted", since=mark)
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(20) == -signal.SIGINT


def test_terminal_shows_one(terminal, cell, agents):
    screen = terminal("--cell", cell, INSTANCE, NO_COLOR="1")
    screen.wait_for("nothing heard of it yet")
    screen.wait_for("listening on")
    agents.say(*success()[:10])
    screen.wait_for("waits for +a pass that leaves no more")
    agents.say(*success()[10:])
    assert screen.process.wait(20) == 0
    assert any(line.startswith("result      completed") for line in screen.block())
    assert not re.search(r"\x1b\[[0-9;]*m", screen.text)


def test_more_migrations_than_rows(terminal, cell, agents):
    screen = terminal("--cell", cell, rows=12)
    screen.wait_for("listening on")
    for i in range(30):
        agents.say(*success(instance=f"{i:08x}-0000-4000-8000-000000000002", migration=None, migration_id=i + 1)[:1])
    screen.wait_for("and 24 more")
    assert len(screen.block()) <= 12


def test_dumb_terminal_gets_plain_lines(terminal, cell, agents):
    screen = terminal("--cell", cell, TERM="dumb")
    screen.wait_for("listening on")
    agents.say(*success())
    screen.wait_for(r"\d\d:\d\d:\d\d 4f2a1c3e web-7 .*completed")
    assert "\x1b" not in screen.text


# ---- recordings, pipes ----

def test_replay_gives_the_same_screen(cell, agents, tmp_path):
    log = tmp_path / "reports.jsonl"
    with Watch("--cell", cell, "--json", INSTANCE) as watch:
        agents.say(*success())
        assert watch.wait() == 0
    log.write_text("not a report\n" + "".join(watch.out) + '{"half": \n')
    one = subprocess.run([PROGRAM, "--replay", log, INSTANCE], capture_output=True, text=True, timeout=30)
    assert one.returncode == 0 and "result      completed" in one.stdout
    assert "2026-03-01 02:59:12Z, nr 8" in one.stdout
    assert "2 lines are no report" in one.stderr
    every = subprocess.run([PROGRAM, "--replay", "-"], stdin=open(log), capture_output=True, text=True, timeout=30)
    assert every.returncode == 0 and re.search("4f2a1c3e web-7 .* completed", every.stdout)
    none = subprocess.run([PROGRAM, "--replay", log, ELSEWHERE], capture_output=True, text=True, timeout=30)
    assert none.returncode == 5


def test_reader_of_the_pipe_goes_away(cell, agents):
    with Watch("--cell", cell, "--json") as watch:
        agents.say(*success()[:1])
        watch.line()
        os.close(os.dup(watch.process.stdout.fileno()))
        reader = watch.process.stdout
        reader_fd = reader.fileno()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, reader_fd)  # the pipe's last reading end is gone
        os.close(null)
        deadline = time.monotonic() + 20
        while watch.process.poll() is None and time.monotonic() < deadline:
            agents.say(*success(instance=str(uuid.uuid4()))[:1])
            time.sleep(0.1)
        assert watch.process.poll() == -signal.SIGPIPE
