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


WILL = {"instance_uuid": "6f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f10", "verdict": "converges", "why": None, "text": None,
        "diagnosis": "ends \x1b[2J", "duration_ms": 61000, "duration_low_ms": 40000, "duration_high_ms": 95000,
        "least_downtime_ms": 70, "bandwidth_bytes_s": 117964800, "bandwidth_low_bytes_s": 104857600,
        "bandwidth_high_bytes_s": 125829120, "bandwidth_source": "history"}
WILL_NOT = {"instance_uuid": "0f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f11", "verdict": "hopeless", "diagnosis": "will not end"}
CANNOT_SAY = {"instance_uuid": "1f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f12", "verdict": "unknown", "why": "not_measured",
              "text": "no such\ndomain", "diagnosis": None}


def forecasts(*several, pending=0):
    return {"ok": True, "result": {"destination": None, "forecasts": list(several), "pending": pending, "since_ms": 5}}


def test_forecast_of_one(cli, answering):
    answers = answering(forecasts(WILL))
    done = cli("forecast", WILL["instance_uuid"], "--to", "compute-2")
    assert (done.returncode, done.stderr) == (0, "")
    assert answers.requests == [{"command": "forecast", "args": {
        "all": False, "instance_uuid": WILL["instance_uuid"], "destination": "compute-2"}}]
    lines = done.stdout.splitlines()
    assert lines[0] == f"{WILL['instance_uuid']} to compute-2: converges"
    assert lines[1] == "ends ?[2J"
    assert "duration         1 min 1 s (40.0 s to 1 min 35 s)" in lines
    assert "bandwidth        112.5 MiB/s (100.0 MiB/s to 120.0 MiB/s), from history" in lines
    assert "working set      -" in lines


@pytest.mark.parametrize("said, status", [((WILL,), 0), ((WILL, WILL_NOT), 4), ((CANNOT_SAY, WILL), 5),
                                          ((CANNOT_SAY, WILL_NOT, WILL), 4), ((), 0)])
def test_forecast_of_all(cli, answering, said, status):
    answering(forecasts(*said))
    done = cli("forecast", "--all")
    assert done.returncode == status
    order = [line.split()[1] for line in done.stdout.splitlines()[1:]]
    assert order == sorted(order, key=["hopeless", "unknown", "converges"].index)
    assert len(order) == len(said) and ("no such?domain" in done.stdout) == (CANNOT_SAY in said)
    assert cli("forecast", "--all", "--json").returncode == status


def test_forecast_of_nonsense(cli, answering):
    answering({"ok": True, "result": {"forecasts": [7, {"verdict": []}]}})
    assert cli("forecast", WILL["instance_uuid"], "--to", "b").returncode == 5
    assert cli("forecast", "--all").returncode == 5


AUDIT = {
    "host": "compute-1", "audited_at": "2026-11-22T01:02:03.000004Z", "files": ["/etc/nova/nova.conf"],
    "release": {"number": 26, "name": "zed (26)", "chosen_by": "the installed one (26.2.2)"},
    "counts": {"error": 1, "warning": 0, "info": 1}, "left_out": 3, "values": [],
    "findings": [
        {"rule": "NC201", "severity": "error", "file": "/etc/nova/nova.conf", "line": 7, "column": 3,
         "message": "no \x1b]0;number", "advice": "write a number"},
        {"rule": "NC500", "severity": "info", "file": None, "line": None, "column": None, "message": "missing",
         "advice": None}]}


def test_audit(cli, answering):
    answers = answering({"ok": True, "result": AUDIT})
    done = cli("audit")
    assert answers.requests == [{"command": "audit"}]
    assert done.returncode == 1 and done.stdout.splitlines() == [
        "/etc/nova/nova.conf:7:3: error: no ?]0;number [NC201]", "    write a number", "nova.conf: info: missing [NC500]",
        "and 3 more: nova-conf-tool lint shows all", "1 errors, 0 warnings, 1 notes; for zed (26), the installed one (26.2.2)"]
    done = cli("audit", "--json")
    assert done.returncode == 1 and json.loads(done.stdout) == AUDIT


def test_audit_that_found_only_notes(cli, answering):
    answering({"ok": True, "result": {**AUDIT, "counts": {"error": 0, "warning": 0, "info": 1}}})
    assert cli("audit").returncode == 0


def test_audit_of_another_version(cli, answering):
    answering({"ok": True, "result": {"findings": [7, {}], "counts": [], "release": "x"}})
    assert cli("audit").returncode == 0


def test_status_tells_of_the_audit(cli, answering):
    answering(changed(audit={"release": "zed (26)", "age_s": 61.0, "error": 1, "warning": 2, "info": 3}))
    assert "nova.conf     1 errors, 2 warnings for zed (26), audited 1 min 1 s ago\n" in cli("status").stdout


@pytest.mark.parametrize("command", ["status", "health", "history", "audit", "log-level", "forecast --all"])
def test_not_running_is_3(cli, command):
    done = cli(*command.split())
    assert done.returncode == 3 and done.stdout == "" and "does not run" in done.stderr


@pytest.mark.parametrize("command", ["status", "health", "history", "audit", "log-level", "forecast --all"])
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
    done = cli(*command.split())
    assert done.returncode == 1 and done.stdout == "" and text in done.stderr
    assert "\x1b" not in done.stderr


def test_asking_needs_no_nova_conf(cli):
    cli.nova_conf.unlink()
    assert cli("health").returncode == 3


def test_asking_with_a_wrong_configuration(cli):
    cli.conf.write_text("[agent]\nmood = good\n")
    done = cli("health")
    assert done.returncode == 2 and f"{cli.conf}:2: [agent] mood: unknown option" in done.stderr


RESERVED = {"reservations": [
    {"instance_uuid": "6f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f10", "migration_uuid": None, "source": "c\x1b1", "state": "soft",
     "memory_bytes": 3 << 30, "resident_bytes": 0, "vcpus": 4, "disk_bytes": None, "ports": 1, "cores": "2-5",
     "huge_pages": [{"node": 1, "size_kib": 2048, "pages": 512}], "created_at": "2026-11-22T02:00:00.000000Z",
     "expires_in_s": 125},
    {"instance_uuid": "0f9f8cc0-2e8a-4a35-a03f-2a4a2d8a1f11", "state": "in_use", "memory_bytes": "much"}],
    "promised_bytes": 3 << 30}


def test_reservations_for_people(cli, answering):
    answers = answering({"ok": True, "result": RESERVED})
    done = cli("reservations")
    assert answers.requests == [{"command": "reservations"}]
    assert done.returncode == 0 and "\x1b" not in done.stdout
    head, first, second, _, last = done.stdout.splitlines()
    assert head.split()[:3] == ["INSTANCE", "STATE", "SOURCE"]
    assert first.split()[1:6] == ["soft", "c?1", "2", "min", "5"] and "512 x 2048 KiB (node 1)" in first
    assert "3.0 GiB" in first and "2-5" in first
    assert second.split()[1:5] == ["in_use", "-", "-", "-"]
    assert last.startswith("3.0 GiB of memory are promised and not taken yet")


def test_no_reservations(cli, answering):
    answering({"ok": True, "result": {"reservations": [], "promised_bytes": 0}})
    assert cli("reservations").stdout == "nothing is reserved on this host\n"
    assert json.loads(cli("reservations", "--json").stdout) == {"reservations": [], "promised_bytes": 0}


@pytest.mark.parametrize("arguments", [
    [], ["no-uuid", "--to", "c1"], [RESERVED["reservations"][0]["instance_uuid"]],
    [RESERVED["reservations"][0]["instance_uuid"], "--to", "c1", "--memory", "-1"],
    [RESERVED["reservations"][0]["instance_uuid"], "--to", "c1", "--vcpus", "1"],
    [RESERVED["reservations"][0]["instance_uuid"], "--to", "c1", "another"],
], ids=["nothing", "no-uuid", "no-host", "below-zero", "no-memory", "two-instances"])
def test_can_migrate_wants_an_instance_and_hosts(cli, arguments):
    done = cli("can-migrate", *arguments)
    assert done.returncode == 2 and done.stdout == "" and "--help" in done.stderr


def test_can_migrate_without_a_broker(cli):
    done = cli("can-migrate", RESERVED["reservations"][0]["instance_uuid"], "--to", "c1")
    assert done.returncode == 1 and done.stdout == "" and "no connection to the broker" in done.stderr
