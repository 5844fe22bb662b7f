"""What the agent sends, against schemas/: every kind of report and every RPC result.

print-samples prints them; python3-jsonschema judges them.
"""

import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

TOP = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).parents[3]))
BUILD = pathlib.Path(os.environ.get("top_builddir", TOP / "_build" / "default"))
SCHEMAS = {p.name: json.loads(p.read_text()) for p in (TOP / "schemas").glob("*.schema.json")}
BASE = "https://nova-migration-agent.invalid/schemas/"
STORE = {BASE + name: schema for name, schema in SCHEMAS.items()}


def validator(name, definition):
    schema = SCHEMAS[name]
    if definition:
        schema = {"$schema": schema["$schema"], "$id": schema["$id"] + "#" + definition,
                  "$ref": f"{BASE}{name}#/definitions/{definition}"}
    resolver = jsonschema.RefResolver(BASE + name, SCHEMAS[name], store=STORE)
    return jsonschema.Draft7Validator(schema, resolver=resolver)


@pytest.fixture(scope="module")
def samples():
    out = subprocess.run([BUILD / "tests/unit/print-samples"], check=True, timeout=60,
                         stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.decode().splitlines()]


def reports(samples):
    return [s["value"] for s in samples if s["schema"] == "report.schema.json"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schema_is_a_schema(name):
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])


def test_every_sample_is_valid(samples):
    assert len(samples) > 30
    for sample in samples:
        validator(sample["schema"], sample["definition"]).validate(sample["value"])


def test_samples_are_complete(samples):
    kinds = {(r["phase"], r["kind"]) for r in reports(samples)}
    assert len(kinds) == 6 * 4
    seen = {s["definition"] for s in samples}
    results = {d for d in SCHEMAS["rpc.schema.json"]["definitions"] if d.endswith("_result")}
    assert results <= seen


def documented(schema, value, path, home):
    """Every member of value has a description in the schema; yields those that have none."""
    while "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        home = name or home
        target = SCHEMAS[home]
        for part in pointer.strip("/").split("/"):
            target = target[part]
        schema = target
    for choice in schema.get("anyOf", []):
        if choice.get("type") != "null":
            yield from documented(choice, value, path, home)
            return
    if isinstance(value, dict):
        for key, member in value.items():
            if key not in schema.get("properties", {}):
                yield f"{path}/{key}"
            else:
                yield from documented(schema["properties"][key], member, f"{path}/{key}", home)
    elif isinstance(value, list):
        for member in value:
            yield from documented(schema["items"], member, f"{path}[]", home)


def test_nothing_undocumented_is_sent(samples):
    for sample in samples:
        schema = SCHEMAS[sample["schema"]]
        if sample["definition"]:
            schema = schema["definitions"][sample["definition"]]
        assert not list(documented(schema, sample["value"], "", sample["schema"]))


def test_every_report_field_is_described():
    schema = SCHEMAS["report.schema.json"]
    parts = [schema, *schema["definitions"].values()]
    bare = [k for part in parts for k, v in part.get("properties", {}).items() if not v.get("description")]
    assert not bare


def test_required_is_everything_sent(samples):
    assert set(SCHEMAS["report.schema.json"]["required"]) == set(reports(samples)[0])


def test_forecast_is_described_and_whole(samples):
    forecasts = [s["value"] for s in samples if s["schema"] == "forecast.schema.json"]
    schema = SCHEMAS["forecast.schema.json"]
    assert {f["verdict"] for f in forecasts} == {"unknown", "hopeless", "converges"}
    assert set(schema["required"]) == set(forecasts[0]) == set(schema["properties"])
    assert not [k for k, v in schema["properties"].items() if not v.get("description")]


def test_history_is_described_and_whole(samples):
    history, = [s["value"] for s in samples if s["schema"] == "history.schema.json"]
    schema = SCHEMAS["history.schema.json"]
    assert set(schema["required"]) == set(history) == set(schema["properties"])
    for name, values in (("destination", history["destinations"]), ("migration", history["migrations"])):
        part = schema["definitions"][name]
        assert values
        for value in values:
            assert set(part["required"]) == set(value) == set(part["properties"])
    assert [m["end"] for m in history["migrations"]] == ["completed"] * 3 + ["failed"]
    first = history["migrations"][0]["forecast_first"]
    assert first["score"] == "right" and first["duration_ratio"] == 1.0
    assert set(schema["definitions"]["prediction"]["anyOf"][1]["required"]) == set(first)


def test_audits_are_described_and_whole(samples):
    alone, compared = [s["value"] for s in samples if s["schema"] == "config-audit.schema.json"]
    schema = SCHEMAS["config-audit.schema.json"]
    assert set(schema["required"]) == set(alone) == set(compared) == set(schema["properties"])
    finding = schema["definitions"]["finding"]
    assert set(finding["required"]) == set(alone["findings"][0]) == set(finding["properties"])
    assert alone["peer"] is None and [f["severity"] for f in alone["findings"]] == ["warning", "info"]
    assert compared["peer"] and [f["rule"] for f in compared["findings"]] == ["NP103"]


def test_reasons_are_the_listed_ones(samples):
    codes = {r["code"] for r in json.loads((TOP / "schemas/reason-codes.json").read_text())["reasons"]}
    assert {r["reason"] for r in reports(samples)} <= codes


@pytest.mark.parametrize("field, value", [
    ("instance_uuid", "x"), ("migration_id", "314"), ("occurred_at", "2026-11-21 21:22:44"),
    ("kind", "maybe"), ("sequence", -1), ("guest", {"place": "moon", "state": "running"}),
    ("statistics", {}), ("schema_version", "2.0"), ("checks", [{}]),
])
def test_schema_refuses(samples, field, value):
    report = dict(reports(samples)[1])
    report[field] = value
    with pytest.raises(jsonschema.ValidationError):
        validator("report.schema.json", "").validate(report)


def test_newer_fields_are_allowed(samples):
    report = dict(reports(samples)[1], colour="blue", schema_version="1.9")
    validator("report.schema.json", "").validate(report)
