"""What we write of SARIF 2.1.0, as a JSON Schema: every property that stands there is one that the specification has,
and what it requires is there (sections 3.13 to 3.57 of the OASIS standard). The official schema is asked as well, where it
can be had: it is not ours to ship."""
import functools
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

import jsonschema

from conf_tool import BUILD

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
        "additionalProperties": False}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = {"type": "object", "properties": {"uri": {"type": "string", "format": "uri-reference",
                                                     "pattern": "^[!-~]+$"}},
            "required": ["uri"], "additionalProperties": False}
REGION = {"type": "object", "properties": {name: {"type": "integer", "minimum": 1} for name in (
    "startLine", "startColumn", "endLine", "endColumn")}, "required": ["startLine"], "additionalProperties": False}
REPLACEMENT = {"type": "object", "properties": {"deletedRegion": REGION, "insertedContent": TEXT},
               "required": ["deletedRegion"], "additionalProperties": False}
CHANGE = {"type": "object", "properties": {
    "artifactLocation": ARTIFACT, "replacements": {"type": "array", "minItems": 1, "items": REPLACEMENT}},
    "required": ["artifactLocation", "replacements"], "additionalProperties": False}
FIX = {"type": "object", "properties": {
    "artifactChanges": {"type": "array", "minItems": 1, "items": CHANGE, "uniqueItems": True}},
    "required": ["artifactChanges"], "additionalProperties": False}
LOCATION = {"type": "object", "properties": {"physicalLocation": {
    "type": "object", "properties": {"artifactLocation": ARTIFACT, "region": REGION},
    "required": ["artifactLocation"], "additionalProperties": False}}, "required": ["physicalLocation"],
    "additionalProperties": False}
RESULT = {"type": "object", "properties": {
    "ruleId": {"type": "string"}, "level": LEVEL, "message": TEXT,
    "locations": {"type": "array", "minItems": 1, "items": LOCATION},
    "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
    "fixes": {"type": "array", "items": FIX, "uniqueItems": True}},
    "required": ["ruleId", "level", "message", "locations"], "additionalProperties": False}
RULE = {"type": "object", "properties": {
    "id": {"type": "string", "pattern": "^NC[0-9]{3}$"}, "name": {"type": "string"}, "shortDescription": TEXT,
    "fullDescription": TEXT, "defaultConfiguration": {
        "type": "object", "properties": {"level": LEVEL}, "additionalProperties": False}},
    "required": ["id"], "additionalProperties": False}
RUN = {"type": "object", "properties": {
    "tool": {"type": "object", "properties": {"driver": {"type": "object", "properties": {
        "name": {"type": "string"}, "version": {"type": "string"},
        "rules": {"type": "array", "items": RULE, "uniqueItems": True}},
        "required": ["name", "rules"], "additionalProperties": False}},
        "required": ["driver"], "additionalProperties": False},
    "results": {"type": "array", "items": RESULT}, "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]}},
    "required": ["tool", "results"], "additionalProperties": False}
SCHEMA = {"type": "object", "properties": {
    "$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"},
    "runs": {"type": "array", "minItems": 1, "items": RUN}}, "required": ["version", "runs"],
    "additionalProperties": False}


# ships what OASIS published, but for a property of suppressions, of which we write none
PACKAGE, MEMBER = "@microsoft/jest-sarif@1.0.0-beta.0", "package/lib/schemas/sarif-2.1.0-rtm.5.json"


@functools.lru_cache(maxsize=None)
def official():
    """The schema in the file SARIF_SCHEMA, or in npm's package, kept in the build's folder; None if neither can be had."""
    named, kept = os.environ.get("SARIF_SCHEMA"), BUILD / "sarif-schema"
    if named:
        return json.loads(pathlib.Path(named).read_text(encoding="utf-8"))
    if not kept.exists() and shutil.which("npm"):
        kept.mkdir()
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=kept, capture_output=True, check=False, timeout=120)
    for package in kept.glob("*.tgz"):
        with tarfile.open(package) as archive:
            return json.load(archive.extractfile(MEMBER))
    if kept.exists():
        kept.rmdir()
    return None


def check(log):
    jsonschema.validate(log, SCHEMA)
    if official():
        jsonschema.validate(log, official(), format_checker=jsonschema.FormatChecker())
