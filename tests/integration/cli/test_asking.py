"""status, health and log-level: what is made of the answer of the running agent, and of none."""
import json

import pytest

STATUS = {
    "version": "0.1.0", "host": "compute-1", "pid": 4711, "uptime_s": 11530.5, "mode": "advise",
    "bus": {"in": True, "out": True, "broker": "10.0.0.1:5672", "error": None, "tap_bound": True, "tap_age_s": 12.3},
    "libvirt": {"connected": True, "uri": "qemu:///system", "error": None},
    "outbox": {"rows": 0, "oldest_s": 0, "unroutable_total": 0, "dropped_total": 0},
    "reservations": 1, "log_level": "info", "health": "ok", "degraded": [],
    "migrations": [
        {"instance_uuid": "6f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f10", "role": "source", "phase": "pre_copy", "step": "memory",
         "source": "compute-1", "destination": "compute-2"},
        {"instance_uuid": "0f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f11", "role": "destination", "phase": "reservation",
         "step": "soft", "source": None, "destination": "compute-1"}],
}


def changed(**changes):
    return {"ok": True, "result": {**STATUS, **changes}}


def test_status_for_people(cli, answering):
    answers = answering(changed())
    done = cli("status")
    assert done.returncode == 0 and done.stderr == ""
    assert answers.requests == [{"command": "status"}]
    lines = done.stdout.splitlines()
    assert lines[0] == "nova-migration-agent 0.1.0 on compute-1, pid 4711, up 3 h 12 min"
    assert "health        ok" in lines
    assert "bus in        connected to 10.0.0.1:5672" in lines
    assert "tap           bound, last probe came back 12 s ago" in lines
    assert "libvirt       connected to qemu:///system" in lines
    assert "outbox        0 waiting" in lines
    assert "reservations  1" in lines
    table = lines[-3:]
    assert table[0].split() == ["INSTANCE", "ROLE", "PHASE", "STEP", "SOURCE", "DESTINATION"]
    assert table[2].split() == ["0f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f11", "destination", "reservation", "soft", "-",
                                "compute-1"]
    assert len({line.index(word) for line, word in zip(table, ("ROLE", "source", "destination"))}) == 1


def test_status_in_trouble(cli, answering):
    answering(changed(health="degraded", degraded=["not connected to libvirt", "the tap is deaf"], migrations=[],
                      bus={**STATUS["bus"], "in": False, "tap_bound": False, "tap_age_s": None, "error": "refused"},
                      libvirt={"connected": False, "uri": "qemu:///system", "error": "no \x1b[2Jsocket\n"},
                      outbox={"rows": 7, "oldest_s": 95, "unroutable_total": 3, "dropped_total": 2}))
    out = cli("status").stdout
    assert "health        degraded\n              not connected to libvirt\n" in out
    assert "bus in        NOT connected: refused\n" in out
    assert "tap           NOT bound\n" in out
    assert "libvirt       NOT connected: no ?[2Jsocket?\n" in out
    assert "outbox        7 waiting, the oldest for 1 min 35 s; 3 times nobody listened; 2 DROPPED\n" in out
    assert out.endswith("no migration is open on this host\n")


def test_status_says_what_an_operator_must_know(cli, answering):
    answering(changed(bus={**STATUS["bus"], "blocked": True, "tls_unverified": True},
                      outbox={**STATUS["outbox"], "rows": 3, "unroutable_total": 9, "nobody_listens": True}))
    out = cli("status").stdout
    assert "              the broker takes no messages now" in out
    assert "              the broker's certificate is not verified" in out
    assert "outbox        3 waiting, the oldest for 0 s; nobody listens to the reports\n" in out


def test_status_as_json_is_the_answer(cli, answering):
    answering(changed())
    done = cli("status", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == STATUS


def test_status_of_another_version(cli, answering):
    answering({"ok": True, "result": {"host": 7, "migrations": [{"role": []}, 5], "degraded": "x", "bus": 1}})
    done = cli("status")
    assert done.returncode == 0 and "health        -" in done.stdout


@pytest.mark.parametrize("result, status, out", [
    ({"health": "ok", "degraded": []}, 0, "ok\n"),
    ({"health": "degraded", "degraded": ["no libvirt", "no broker"]}, 1, "degraded: no libvirt; no broker\n"),
    ({}, 1, "degraded\n"),
])
def test_health(cli, answering, result, status, out):
    answering({"ok": True, "result": result})
    done = cli("health")
    assert (done.returncode, done.stdout) == (status, out)


def test_log_level(cli, answering):
    answers = answering({"ok": True, "result": {"level": "debug"}})
    assert cli("log-level").stdout == "debug\n"
    assert cli("log-level", "debug").stdout == "debug\n"
    assert answers.requests == [{"command": "log-level"}, {"command": "log-level", "args": {"level": "debug"}}]


HISTORY = {
    "schema_version": "1.0", "host": "compute-1",
    "destinations": [{"destination": "compute-2", "migrations": 3, "median_bandwidth_bytes_s": 117964800,
                      "fixed_cost_ms": 61, "duration_factor": 1.25, "downtime_factor": None,
                      "verdicts_right": 3, "verdicts_wrong": 0}],
    "migrations": [
        {"instance_uuid": "6f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f10", "destination": "compute-2", "end": "completed",
         "ended_at": "2026-11-21T21:22:44.000001Z", "lasted_ms": 187000, "downtime_ms": 340, "forced": True,
         "forecast_first": {"verdict": "converges", "score": "right", "lasts_low_ms": 61000, "lasts_high_ms": 95000,
                            "downtime_low_ms": 200, "downtime_high_ms": 450}},
        {"instance_uuid": "0f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f11", "destination": None, "end": "no \x1b[2J", "ended_at": 5,
         "forecast_first": None}],
}


def test_history_for_people(cli, answering):
    answers = answering({"ok": True, "result": HISTORY})
    done = cli("history", "--limit", "7")
    assert done.returncode == 0 and done.stderr == ""
    assert answers.requests == [{"command": "history", "args": {"limit": 7}}]
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["compute-2", "3", "112.5", "MiB/s", "61", "ms", "1.25", "-", "3", "0"]
    assert lines[2] == ""
    assert lines[4].split("  ")[0] == "2026-11-21 21:22:44"
    for word in ("completed (forced)", "3 min 7 s", "340 ms", "converges", "right", "1 min 1 s to 1 min 35 s",
                 "200 ms to 450 ms"):
        assert word in lines[4]
    assert "no ?[2J" in lines[5]
    assert lines[3].index("VERDICT") == lines[4].index("converges")


def test_history_as_json_is_the_answer(cli, answering):
    answering({"ok": True, "result": HISTORY})
    done = cli("history", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == HISTORY


def test_history_of_nonsense(cli, answering):
    answering({"ok": True, "result": {"destinations": 5, "migrations": [3, {}, {"forecast_first": []}]}})
    assert cli("history").returncode == 0
    assert cli("history", "--limit", "-1").returncode == 2


@pytest.mark.parametrize("command", ["status", "health", "history", "log-level"])
def test_not_running_is_3(cli, command):
    done = cli(command)
    assert done.returncode == 3 and done.stdout == "" and "does not run" in done.stderr


@pytest.mark.parametrize("command", ["status", "health", "history", "log-level"])
@pytest.mark.parametrize("answer, text", [
    ({"ok": False, "error": "no \x1b]0;such"}, "no ?]0;such"),
    ({"ok": True}, "is no agent"),
    (b"\xff\xff\n", "is no agent"),
    (b"[" * 5000 + b"\n", "is no agent"),
    (b"", "no whole answer"),
    (b"x" * 17_000_000, "no whole answer"),
], ids=["refused", "no-result", "no-text", "deep", "nothing", "endless"])
def test_bad_answers(cli, answering, command, answer, text):
    answering(answer)
    done = cli(command)
    assert done.returncode == 1 and done.stdout == "" and text in done.stderr
    assert "\x1b" not in done.stderr


def test_asking_needs_no_nova_conf(cli):
    cli.nova_conf.unlink()
    assert cli("health").returncode == 3


def test_asking_with_a_wrong_configuration(cli):
    cli.conf.write_text("[agent]\nmood = good\n")
    done = cli("health")
    assert done.returncode == 2 and f"{cli.conf}:2: [agent] mood: unknown option" in done.stderr
