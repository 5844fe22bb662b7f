"""replay: recorded migrations through the model, offline."""
import json
import pathlib
import subprocess

import jsonschema
import pytest

from cli import AGENT

TOP = pathlib.Path(__file__).resolve().parents[3]
TRACES = TOP / "tests/data/traces"
STORE = {schema["$id"]: schema for schema in (json.loads((TOP / f"schemas/{name}.schema.json").read_text())
                                              for name in ("forecast", "remedy", "report", "trace"))}


def replay(*args, **kwargs):
    return subprocess.run([AGENT, "replay", *args], capture_output=True, text=True, timeout=60, **kwargs)


def validate(name, value):
    schema = STORE[f"https://nova-migration-agent.invalid/schemas/{name}.schema.json"]
    jsonschema.Draft7Validator(schema, resolver=jsonschema.RefResolver(schema["$id"], schema, store=STORE)).validate(value)


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_recorded_traces_are_valid(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines].count("trace") == 1 == [line["kind"] for line in lines].index("nova_call")
    for line in lines:
        validate("trace", line)


def test_for_people():
    done = replay(str(TRACES / "block-slow.jsonl"))
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split()[:5] == ["11.216", "s", "pass", "3", "converges"]
    assert "it was completed: lasted 17.3 s, downtime 60 ms, bandwidth 10.1 MiB/s" in lines
    assert any(line.startswith("first verdict converges, right; duration 1.") for line in lines)


def test_as_json_is_what_would_have_been_sent():
    done = replay("--json", str(TRACES / "block-slow.jsonl"))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [one["verdict"] for one in said] == ["converges"]
    assert said[0].pop("at_ms") == 11216
    validate("forecast", said[0])


def test_another_limit():
    """With 1 ms of downtime the same guest is judged otherwise."""
    done = replay("--max-downtime", "1", str(TRACES / "block-slow.jsonl"))
    assert done.returncode == 0 and "converges" not in done.stdout.split("\n\n")[0]


def remedies(*args):
    done = replay("--json", *args)
    assert done.returncode == 0 and done.stderr == ""
    said = [json.loads(line) for line in done.stdout.splitlines()]
    times = [one.pop("at_ms") for one in said]
    assert times == sorted(times)
    for one in said:
        validate("remedy" if one["kind"] == "remedy" else "forecast", one)
    return [one for one in said if one["kind"] == "remedy"]


def test_policies_as_shipped():
    """What nova.conf permits is all that careful does; must-finish goes on to what ends it, and no further."""
    hopeless = str(TRACES / "hopeless.jsonl")
    careful, = remedies("--policy", "careful", hopeless)
    assert (careful["remedy"], careful["value"], careful["reason"]) == ("downtime", 500, "hopeless")
    first, last = remedies("--policy", "must-finish", hopeless)
    assert (first["remedy"], first["value"]) == ("downtime", 2000)
    assert (last["remedy"], last["reason"], last["way"], last["cap_ms"]) == ("post-copy", "hopeless", "nova", 120000)
    assert last["iteration"] == first["iteration"] + 1
    needs, *_ = remedies("--policy", "must-finish", str(TRACES / "needs-downtime.jsonl"))
    assert needs["reason"] == "needs_downtime" and 1200 < needs["value"] < 1500
    assert remedies(hopeless) == []


def test_policy_of_the_configuration(tmp_path):
    config = tmp_path / "agent.conf"
    config.write_text("[policy]\nmax_speed_mib_s = 100\n[policy-must-finish]\nmax_downtime_ms = 5000\nladder = downtime\n"
                      "[policy-careful]\nhopeless_s = 20\n")
    needs, *_ = remedies("--config-file", str(config), "--policy", "must-finish", str(TRACES / "hopeless.jsonl"))
    assert needs["remedy"] == "downtime" and needs["value"] > 4000 and needs["cap_ms"] == 5000
    # the limit of bandwidth that Nova had then
    names = [one["remedy"] for one in remedies("--config-file", str(config), "--policy", "careful",
                                               str(TRACES / "hopeless.jsonl"))]
    assert names == ["speed", "downtime", "abort"]


def test_policy_for_people():
    done = replay("--policy", "careful", str(TRACES / "hopeless.jsonl"))
    line = next(line for line in done.stdout.splitlines() if "downtime" in line.split())
    assert line.split()[:5] == ["11.764", "s", "pass", "3", "downtime"]
    assert line.endswith("it will not end within the policy's downtime; expected 550 ms; cap 500 ms")
    assert "what came after the first remedy was recorded without it" in done.stdout
    assert "policy must-finish would have done nothing" in replay("--policy", "must-finish",
                                                                  str(TRACES / "block-fast.jsonl")).stdout


def test_too_short_for_a_forecast():
    done = replay(str(TRACES / "block-fast.jsonl"))
    assert done.returncode == 0 and "nothing would have been said" in done.stdout


def test_standard_input():
    with open(TRACES / "block-slow.jsonl", encoding="utf-8") as trace:
        assert "converges" in replay("-", stdin=trace).stdout


def test_trace_without_an_end():
    head = "".join((TRACES / "block-slow.jsonl").read_text().splitlines(keepends=True)[:8])
    assert "the trace ends before the migration does" in replay("-", input=head).stdout


@pytest.mark.parametrize("args, status", [((), 2), (("a", "b"), 2), (("--max-downtime", "0", "x"), 2), (("--policy", "bold", "x"), 2),
                                          (("--config-file", "/nonexistent", "x"), 2),
                                          (("/nonexistent",), 1), (("/dev/null",), 1), ((str(TOP),), 1)])
def test_wrong(args, status):
    done = replay(*args)
    assert done.returncode == status and done.stdout == "" and done.stderr
