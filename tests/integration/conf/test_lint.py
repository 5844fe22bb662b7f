import json
import os
import shutil
import subprocess
import xml.dom.minidom

import jsonschema
import pytest
import yaml

import sarif_schema
from conf_tool import ROOT, SECRET

BAD = f"""[DEFAULT]
transport_url = rabbit://nova:{SECRET}@h:5672/
my_pasword = {SECRET}
live_migration_flag += VIR_MIGRATE_AUTO_CONVERGE
[keystone_authtoken]
password = {SECRET}$x
[libvirt]
cpu_model = kvm64
cpu_mode = custom
live_migration_progress_timeout = 3
live_migration_downtime = 5
"""


@pytest.mark.parametrize("text,args,status", [
    ("[libvirt]\ncpu_mode = host-model\n", (), 0),                                 # only infos
    ("[libvirt]\ncpu_mode = host-model\n", ("--fail-on", "info"), 1),
    ("[libvirt]\nnonsense = 1\n", (), 1),
    ("[libvirt]\nnonsense = 1\n", ("--fail-on", "error"), 0),
    ("[libvirt]\ncpu_mode = nonsense\n", ("--fail-on", "error"), 1),
    ("[libvirt]\ncpu_mode = nonsense\n", ("--fail-on", "never"), 0),
    ("[libvirt]\ncpu_mode = nonsense\n", ("--ignore", "NC2"), 0),
    ("[libvirt]\ncpu_mode = nonsense\n", ("--select", "NC1,NC4"), 0),
    ("[libvirt\n", (), 3),
    ("[libvirt\n", ("--fail-on", "never"), 3),
    ("[libvirt]\nx = caf\xe9\n".encode("latin-1"), (), 3),
    ("", (), 0),
])
def test_exit(tool, text, args, status):
    tool.write("nova.conf", text)
    assert tool.lint(*args, "nova.conf")[0] == status


@pytest.mark.parametrize("args", [
    ("--no-such-option",), ("--release", "juno"), ("--release", "34"), ("--format", "yaml"),
    ("--fail-on", "panic"), ("--select", "XX1"), ("--color", "purple"), ("--baseline", "missing.json"),
    ("--opt-data", "missing.json"), ("missing.conf",), ("--config-file", "missing.conf"),
    ("--config-dir", "missing.d"), (".",), ("--config-file", "nova.conf", "nova.conf"),
    ("--root", ".", "nova.conf"), ("--root", ".", "--config-file", "nova.conf"), ("--root", "empty"),
])
def test_usage(tool, args):
    tool.write("nova.conf", "[libvirt]\n")
    (tool.dir / "empty").mkdir()
    done = tool("lint", *args)
    assert done.returncode == 2
    assert done.stderr or b"NC002" in done.stdout


def test_unreadable_beats_syntax_beats_findings(tool):
    tool.write("bad.conf", "[libvirt\n")
    tool.write("found.conf", "[libvirt]\nnonsense = 1\n")
    assert tool("lint", "found.conf", "bad.conf").returncode == 3
    assert tool("lint", "found.conf", "bad.conf", "missing.conf").returncode == 2


def test_each_file_is_its_own_configuration(tool):
    tool.write("a.conf", "[libvirt]\ncpu_mode = custom\n")
    tool.write("b.conf", "[libvirt]\ncpu_models = Nehalem\n")
    assert {"NC404", "NC405"} <= set(tool.codes("a.conf", "b.conf"))
    together = tool.codes("--config-file", "a.conf", "--config-file", "b.conf")
    assert not {"NC404", "NC405"} & set(together)


def test_order_of_files_and_directories(tool):
    tool.write("a.conf", "[libvirt]\ncpu_mode = none\n")
    tool.write("d/10.conf", "[libvirt]\ncpu_mode = host-model\n")
    _, out = tool.lint("--config-dir", "d", "--config-file", "a.conf")
    assert [f["file"] for f in out["findings"] if f["rule"] == "NC113"] == ["d/10.conf"]
    _, out = tool.lint("--config-file", "a.conf", "--config-dir", "d")
    assert [f["file"] for f in out["findings"] if f["rule"] == "NC113"] == ["a.conf"]


def test_files_are_shown_as_they_were_named(tool):
    """A CI job's report must fit the repository, wherever that is checked out."""
    path = tool.write("etc/nova.conf", "[libvirt]\nnonsense = 1\n")
    for name in ("etc/nova.conf", str(path)):
        assert json.loads(tool("lint", "-f", "gitlab", name).stdout)[0]["location"]["path"] == name
        sarif = json.loads(tool("lint", "-f", "sarif", name).stdout)["runs"][0]["results"][0]
        assert sarif["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == name


def test_host_tree(tool):
    tool.write("h1/etc/nova/nova.conf", "[libvirt]\ncpu_mode = none\n")
    tool.write("h1/etc/nova/nova-compute.conf", "[libvirt]\nvirt_type = qemu\n")
    tool.write("h1/etc/nova/nova.conf.d/x.conf", "[libvirt]\nnonsense = 1\n")
    tool.write("h2/etc/nova/nova.conf", "[libvirt]\ncpu_mode = custom\n")
    status, out = tool.lint("--root", "h1", "--root", "h2")
    assert status == 1
    assert out["summary"]["configurations"] == 2 and out["summary"]["files"] == 4
    assert {"NC101", "NC404"} <= {f["rule"] for f in out["findings"]}


def test_standard_input(tool):
    status, out = tool.lint("-", stdin=b"[libvirt]\nnonsense = 1\n")
    assert status == 1 and out["findings"][0]["file"] == "(standard input)"


@pytest.mark.parametrize("given,number", [
    ("mitaka", 13), ("13", 13), ("26.2.2", 26), ("antelope", 27), ("2023.1", 27), ("2026.1", 33)])
def test_release(tool, given, number):
    tool.write("nova.conf", "[libvirt]\n")
    _, out = tool.lint("nova.conf", release=given)
    assert out["release"]["number"] == number and out["release"]["chosen_by"] == "by --release"


@pytest.mark.parametrize("version,found", [
    ("26", False), ("zed", False), ("26.2.0", True), ("26.1", True), ("26.2.1", False), ("26.3.0", False),
    ("27.0.0", False)])
def test_point_release(tool, version, found):
    tool.write("nova.conf", "[workarounds]\nskip_cpu_compare_at_startup = false\n")
    _, out = tool.lint("nova.conf", release=version)
    assert [f["message"].endswith("only from Nova 26.2.1 on; here the line is ignored") for f in out["findings"]] == (
        [True] if found else [])


def test_release_from_environment_and_default(tool):
    tool.write("nova.conf", "[libvirt]\n")
    done = tool("lint", "nova.conf", env={"NOVA_CONF_TOOL_RELEASE": "zed"})
    assert b"Nova zed (26), by NOVA_CONF_TOOL_RELEASE" in done.stdout
    done = tool("lint", "nova.conf", env={"NOVA_CONF_TOOL_RELEASE": "zedd"})
    assert done.returncode == 2 and b"zedd" in done.stderr
    assert b"; for Nova " in tool("lint", "nova.conf").stdout


def test_program_and_fragment(tool):
    tool.write("nova.conf", "[libvirt]\nvirt_type = kvm\n")
    assert tool.codes("nova.conf") == ["NC311"]
    assert tool.codes("--fragment", "nova.conf") == []
    assert tool.codes("--program", "nova-conductor", "nova.conf") == []


def test_out_of_tree_options(tool):
    tool.write("nova.conf", "[own]\na = 1\n[libvirt]\nown_option = 1\n[DEFAULT]\nplugin-x = 1\n")
    tool.write("opts.json", json.dumps({"options": {
        "own": {"opts": [{"name": "a", "dest": "a"}]}, "DEFAULT": {"opts": [{"name": "plugin_x"}]},
        "libvirt": {"opts": [{"name": "own-option"}]}}}))
    assert tool.codes("nova.conf") == ["NC101", "NC106"]
    assert tool.codes("--exclude-group", "OWN", "nova.conf") == ["NC101"]
    assert tool.codes("--exclude-group", "own", "--exclude-options", "libvirt/own_option,plugin-x",
                      "nova.conf") == []
    left = tool.lint("--opt-data", "opts.json", "nova.conf")[1]["findings"]
    assert [f["option"] for f in left] == ["plugin-x"]


OPT_DATA = {"options": {"own": {"opts": [
    {"name": "a-b", "dest": "a_b", "help": "a: {b}\n# c", "default": None, "deprecated_opts": [
        {"group": "DEFAULT", "name": "own_a"}, {"group": None, "name": "older"}]}]},
    "libvirt": {"opts": [{"name": "own", "dest": "own", "default": ["x", 1, True]}]}},
    "deprecated_options": {"olden": [{"name": "gone", "dest": "gone"}]}, "generator_options": {"format_": "yaml"}}


@pytest.mark.parametrize("dump", [
    lambda data: yaml.safe_dump(data), lambda data: yaml.safe_dump(data, default_flow_style=True),
    lambda data: json.dumps(data, indent=2), lambda data: json.dumps({**data, "help": "\U0001f600"}),
    lambda data: "---\n" + yaml.dump(data, explicit_end=True)])
def test_opt_data_as_the_generator_prints_it(tool, dump):
    tool.write("opts", dump(OPT_DATA))
    tool.write("nova.conf", "[own]\na_b = 1\nolder = 1\nwrong = 1\n[libvirt]\nown = 1\nown2 = 1\n"
               "[DEFAULT]\nown_a = 1\n[olden]\ngone = 1\n[unheard]\nx = 1\n")
    out = tool.lint("--opt-data", "opts", "nova.conf")[1]["findings"]
    # an option that the data does not have is unknown, as oslo-config-validator says, too
    assert [(f["rule"], f["group"], f["option"]) for f in out if f["severity"] == "warning"] == [
        ("NC101", "own", "wrong"), ("NC101", "libvirt", "own2"), ("NC106", "unheard", "")]


def test_opt_data_of_the_real_generator(tool):
    """Both of its formats, of the libraries that are installed."""
    generator = shutil.which("oslo-config-generator")
    assert generator, "install python3-oslo.config"
    tool.write("nova.conf", "[oslo_concurrency]\nlock_path = /x\nnonsense = 1\n")
    for form in ("yaml", "json"):
        with open(tool.dir / form, "wb") as out:
            subprocess.run([generator, "--namespace", "oslo.concurrency", "--namespace", "oslo.log", "--format", form],
                           stdout=out, check=True, env={**os.environ, "PATH": "/usr/bin:/bin"})
        assert tool.codes("--opt-data", form, "nova.conf") == ["NC101"]


@pytest.mark.parametrize("number,text", enumerate([
    b"", b"a: [", b"- 1", b"options: 3", b"options: {}", b"\xff", b"%YAML 9.9\n---\n", b"[" * 100000,
    b"options: &a {x: {opts: *a}}", b"a: &a [x]\nb: *c\n", b"\0", b"{" * 5000 + b"}" * 5000,
    b"b: &b [" + b"x," * 3000 + b"]\no: &o [" + b"{name: n, deprecated_opts: *b}," * 3000 + b"]\noptions:\n" +
    b"".join(b" g%d: {opts: *o}\n" % i for i in range(3000))]), ids=lambda value: str(value)[:12])
def test_hostile_opt_data(tool, number, text):
    tool.write("opts", text)
    tool.write("nova.conf", "[libvirt]\n")
    done = tool("lint", "--opt-data", "opts", "nova.conf", timeout=20)
    assert done.returncode in (0, 2) and (done.returncode == 0 or b"opts" in done.stderr)


def test_environment_overrides(tool):
    tool.write("nova.conf", "[libvirt]\ncpu_mode = host-model\n")
    codes = tool.codes("--config-file", "nova.conf", env={"OS_LIBVIRT__CPU_MODE": "host-passthrough"})
    assert codes == ["NC114", "NC416"]
    codes = tool.codes("--config-file", "nova.conf", release="18",
                       env={"OS_LIBVIRT__CPU_MODE": "host-passthrough"})
    assert codes == ["NC417"]


def test_json_is_valid_by_its_schema(tool):
    tool.write("nova.conf", BAD)
    _, out = tool.lint("nova.conf")
    schema = json.loads((ROOT / "schemas/nova-conf-tool-findings.schema.json").read_text())
    jsonschema.validate(out, schema)
    assert len(out["findings"]) > 6


def test_json_survives_any_bytes(tool):
    name = b"n\xff\x01\"<&.conf"
    (tool.dir / os.fsdecode(name)).write_bytes(b"[a\"\\\x01]\n\x02\x7f = \x00\"\\\n[libvirt]\ncpu_mode = \x00<\n")
    for form in ("json", "gitlab", "sarif"):
        done = tool("lint", "--format", form, os.fsdecode(name))
        json.loads(done.stdout)
    xml.dom.minidom.parseString(tool("lint", "--format", "junit", os.fsdecode(name)).stdout)


def test_sarif(tool):
    tool.write("a b.conf", BAD)
    out = json.loads(tool("lint", "--format", "sarif", "a b.conf").stdout)
    sarif_schema.check(out)
    run, = out["runs"]
    declared = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(declared) == len(set(declared)) > 80
    assert {r["ruleId"] for r in run["results"]} <= set(declared)
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"].endswith("a%20b.conf")
    assert location["region"]["startLine"] >= 1
    fixes = [r["fixes"] for r in run["results"] if "fixes" in r]
    replacement = fixes[0][0]["artifactChanges"][0]["replacements"][0]
    assert {"deletedRegion", "insertedContent"} <= set(replacement)


def test_sarif_of_every_example(tool):
    rules = json.loads(tool("rules", "--format", "json").stdout)
    for rule in rules:
        for kind in ("bad", "good"):
            tool.write(f"{rule['code']}-{kind}.conf", rule.get("example", {}).get(kind, ""))
    names = sorted(path.name for path in tool.dir.glob("*.conf"))
    for release in ("13", "20", "26", "33"):
        out = json.loads(tool("lint", "--format", "sarif", "--release", release, *names).stdout)
        sarif_schema.check(out)
        assert len(out["runs"][0]["results"]) > 100
    upgrade = tool("upgrade", "--format", "sarif", "--from", "13", "--to", "33", *names)
    sarif_schema.check(json.loads(upgrade.stdout))
    for name in ("a:b #?%.conf", os.fsdecode(b"\xff.conf"), "-"):
        (tool.dir / name).write_text(BAD)
        done = tool("lint", "--format", "sarif", "--", name, stdin=BAD.encode())
        sarif_schema.check(json.loads(done.stdout))


def test_sarif_by_the_official_schema():
    """All the checks of SARIF in these files ask it, if only it can be had."""
    official = sarif_schema.official()
    if not official:
        pytest.skip("no SARIF_SCHEMA, and no npm that could bring it")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": "2.1.0", "runs": [{}]}, official)


def test_gcc_and_junit_and_gitlab(tool):
    tool.write("nova.conf", BAD)
    lines = tool("lint", "--format", "gcc", "nova.conf").stdout.decode().splitlines()
    assert all(line.split(":")[1].isdigit() and line.split(":")[2].isdigit() for line in lines)
    junit = xml.dom.minidom.parseString(tool("lint", "--format", "junit", "nova.conf").stdout)
    assert len(junit.getElementsByTagName("failure")) == len(lines)
    gitlab = json.loads(tool("lint", "--format", "gitlab", "nova.conf").stdout)
    assert len({item["fingerprint"] for item in gitlab}) == len(gitlab) == len(lines)
    tool.write("good.conf", "[libvirt]\n")
    junit = xml.dom.minidom.parseString(tool("lint", "--format", "junit", "good.conf").stdout)
    assert len(junit.getElementsByTagName("testcase")) == 1


def test_baseline(tool):
    tool.write("nova.conf", "[libvirt]\nnonsense = 1\n")
    assert tool("lint", "--write-baseline", "base.json", "nova.conf").returncode == 1
    # lines may move, new findings show
    tool.write("nova.conf", "# new\n\n[libvirt]\nnonsense = 1\nnonsense2 = 1\n")
    status, out = tool.lint("--baseline", "base.json", "nova.conf")
    assert status == 1 and [f["option"] for f in out["findings"]] == ["nonsense2"]
    tool.write("nova.conf", "[libvirt]\nnonsense = 1\n")
    status, out = tool.lint("--baseline", "base.json", "nova.conf")
    assert status == 0 and out["summary"]["baseline"] == 1


@pytest.mark.parametrize("command", [
    ("lint",), ("lint", "--format", "json"), ("lint", "--format", "sarif"), ("lint", "--format", "gitlab"),
    ("lint", "--format", "gcc"), ("lint", "--format", "junit"), ("fix",),
    ("upgrade", "--from", "13", "--to", "33"), ("upgrade", "--patch", "--from", "13", "--to", "33"),
    ("diff", "other.conf"), ("diff", "--format", "json", "other.conf"),
])
def test_no_secret_in_any_output(tool, command):
    tool.write("nova.conf", BAD + f"[database]\nsql_connection = mysql://u:{SECRET}@h/n\n"
               f"[vnc]\nvncserver_listen = {SECRET}$\n")
    tool.write("other.conf", "[libvirt]\n")
    # a listen address is no secret, and is quoted
    done = tool(*command, "nova.conf")
    lines = [line for line in (done.stdout + done.stderr).split(b"\n")
             if SECRET.encode() in line and b"server_listen" not in line]
    assert lines == []


@pytest.mark.parametrize("format", ["text", "json"])
def test_show_masks(tool, format):
    tool.write("nova.conf", BAD)
    done = tool("show", "--format", format, "--config-file", "nova.conf")
    assert SECRET.encode() not in done.stdout + done.stderr
    assert b"transport_url" in done.stdout


def test_syntax_error_never_quotes_the_line(tool):
    tool.write("nova.conf", f"[DEFAULT]\ntransport_url rabbit//u-{SECRET}\n  {SECRET}\n")
    for form in ("text", "json", "gcc"):
        done = tool("lint", "--format", form, "nova.conf")
        assert done.returncode == 3
        assert SECRET.encode() not in done.stdout + done.stderr


def test_nothing_moves_the_terminal(tool):
    """Colours, titles, control characters of one byte and of two, and a line of our own form in a file's name."""
    text = (b"[libvirt]\ncpu_mode = \x1b[31mX\x1b]0;t\x07\nc\x1b[1m = 2\n[g\x1b[1m]\na=1\n[DEFAULT]\nlog_dir = $a\x1b\n"
            b"my_ip = \xc2\x9b31m\nstate_path = \xe2\x80\xae/x\n")
    name = "n\x1b[1m\nx:1:1: error: y.conf"
    tool.write(name, text)
    tool.write("b.conf", "[libvirt]\n")
    for command in (*(("lint", "-f", form, name) for form in ("text", "gcc", "json", "sarif", "gitlab", "junit")),
                    ("show", "-a", "--config-file", name), ("diff", name, "b.conf"), ("lint", "--", name + "\x1b"),
                    ("upgrade", "--from", "13", "--to", "33", name), ("show", "--config-file", "b.conf", "x\x1b")):
        done = tool(*command)
        shown = (done.stdout + done.stderr).decode()
        assert [line for line in shown.split("\n") if line.startswith("x:1:1") or not line.isprintable()] == [], command


def test_a_byte_that_is_no_text_has_a_place(tool):
    (tool.dir / "c: d.conf").write_bytes(b"[libvirt]\n# \xff\n")
    status, out = tool.lint("c: d.conf", "no:where.conf")
    assert status == 2
    assert [(f["file"], f["line"]) for f in out["findings"]] == [("c: d.conf", 2), ("no:where.conf", 0)]


@pytest.mark.parametrize("text", [
    "[libvirt]\ncpu_mode = {}\n", "[libvirt]\n{} = 1\n", "[libvirt]\n{} += 1\n", "[{}]\na = 1\n",
    "[libvirt]\ncpu_mode = ${}\n", "[libvirt]\nlive_migration_uri = qemu+tcp://{}\n",
    "# nova-conf-tool: ignore={}\n", "[DEFAULT]\nmy_ip = {}\n"])
def test_messages_are_short_whatever_they_quote(tool, text):
    tool.write("nova.conf", text.format("k" * 1000000))
    done = tool("lint", "nova.conf")
    assert 0 < len(done.stdout) < 5000


def test_hostile_size(tool):
    tool.write("long.conf", b"[libvirt]\ncpu_models = " + b"x," * 3000000 + b"\n")
    tool.write("deep.conf", b"[a]\n" * 190000)
    tool.write("keys.conf", b"[libvirt]\n" + b"".join(b"k%d = 1\n" % i for i in range(150000)))
    tool.write("cr.conf", b"\r" * 4000000)
    tool.write("huge.conf", b"x" * (17 << 20))
    for name in ("long.conf", "deep.conf", "keys.conf", "cr.conf"):
        assert tool("lint", name, timeout=30).returncode in (0, 1), name
    done = tool("lint", "huge.conf")
    assert done.returncode == 2 and b"larger than" in done.stdout


# Rules that one text alone cannot show; tests/unit/test-conf-rules runs the examples of all the others, and
# test_fleet.py has NC7xx.
MORE_EXAMPLES = {
    "NC002": (lambda t: t.write("a.conf", b"[libvirt]\ncpu_mode = \xff\n"),
              lambda t: t.write("a.conf", b"[libvirt]\ncpu_mode = none\n"), ("lint", "a.conf"), {}),
    "NC113": (lambda t: (t.write("a.conf", "[libvirt]\ncpu_mode = none\n"),
                         t.write("b.conf", "[libvirt]\ncpu_mode = host-model\n")),
              lambda t: t.write("a.conf", "[libvirt]\nvirt_type = kvm\n"),
              ("lint", "--config-file", "a.conf", "--config-file", "b.conf"), {}),
    "NC114": (lambda t: t.write("a.conf", "[libvirt]\ncpu_mode = none\n"),
              lambda t: t.write("a.conf", "[libvirt]\nvirt_type = kvm\n"),
              ("lint", "--config-file", "a.conf"), {"OS_LIBVIRT__CPU_MODE": "host-model"}),
    "NC801": (lambda t: t.write("a.conf", "[libvirt]\n"),
              lambda t: t.write("a.conf", "[glance]\nnum_retries = 0\n"),
              ("upgrade", "--select", "NC801", "--from", "13", "--to", "33", "a.conf"), {}),
}


def test_every_rule_has_an_example(tool):
    rules = json.loads(tool("rules", "--format", "json").stdout)
    without = {rule["code"] for rule in rules if "example" not in rule and not rule["code"].startswith("NC7")}
    assert without == set(MORE_EXAMPLES)


@pytest.mark.parametrize("code", MORE_EXAMPLES)
def test_rule_is_silent_once_repaired(tool, code):
    bad, good, args, env = MORE_EXAMPLES[code]

    def count():
        args_ = [args[0], "--format", "json"] + (["--release", "33"] if args[0] == "lint" else []) + list(args[1:])
        # of the defaults that change between the two releases one is repaired
        return [f["rule"] for f in json.loads(tool(*args_, env=env).stdout)["findings"]
                if code != "NC801" or f["option"] == "num_retries"].count(code)
    bad(tool)
    assert count() == 1
    good(tool)
    assert count() == 0
