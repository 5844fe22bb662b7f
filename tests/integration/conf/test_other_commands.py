import json
import os
import re
import stat
import subprocess

import pytest

import conf_tool


def test_show_origin_and_defaults(tool):
    tool.write("a.conf", "[DEFAULT]\nstate_path = /srv\n[libvirt]\ncpu_mode = none\n")
    tool.write("b.conf", "[libvirt]\ncpu_mode = host-model\n")
    files = ("--config-file", "a.conf", "--config-file", "b.conf")
    done = tool("show", *files, "libvirt.cpu_mode", "instances_path")
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "libvirt.cpu_mode = host-model  (" in text and "b.conf:2; overrides " in text and "a.conf:4)" in text
    assert "DEFAULT.instances_path = /srv/instances  (default)" in text
    out = json.loads(tool("show", "--format", "json", *files).stdout)
    assert {(item["group"], item["option"]) for item in out} == {("DEFAULT", "state_path"), ("libvirt", "cpu_mode")}
    done = tool("show", *files, "libvirt.cpu_mode", "libvirt.nonsense")
    assert done.returncode == 2 and b"no option or group libvirt.nonsense" in done.stderr
    assert tool("show", "--config-file", "missing.conf").returncode == 2


def test_rules_and_explain(tool):
    listed = json.loads(tool("rules", "--format", "json").stdout)
    assert len(listed) > 80
    for rule in listed:
        page = tool("explain", rule["code"]).stdout.decode()
        assert page.startswith(f"{rule['code']} {rule['name']}\n")
        assert max(len(line) for line in page.splitlines()) < 200
    assert tool("explain", "plain-tcp").returncode == 0
    assert tool("explain", "NC999").returncode == 2
    assert tool("explain").returncode == 2
    assert tool("rules", "x").returncode == 2


def test_diff(tool):
    tool.write("a.conf", "[libvirt]\ncpu_model = kvm64\nvirt_type = kvm\n[neutron]\npassword = a\n")
    tool.write("b.conf", "[LIBVIRT]\ncpu_models = 'kvm64'\n[neutron]\npassword = b\n")
    done = tool("diff", "--release", "26", "a.conf", "b.conf")
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[0] == "neutron.password"
    assert b"cpu_model" not in done.stdout and b"virt_type" not in done.stdout
    assert tool("diff", "--release", "26", "a.conf", "a.conf").returncode == 0
    assert tool("diff", "a.conf").returncode == 2
    assert tool("diff", "a.conf", "missing.conf").returncode == 2


@pytest.mark.parametrize("args", [
    ("lint", "a.conf", "--root", "."), ("lint", "--config-file", "a.conf", "a.conf"), ("fix", "a.conf", "--root", "."),
    ("upgrade", "--from", "26", "--to", "27", "--config-dir", ".", "a.conf"), ("show", "--root", ".", "--root", "x"),
    ("show", "--root", ".", "--config-file", "a.conf"), ("diff", "a.conf", "a.conf", "--root", ".")])
def test_kinds_of_input_cannot_be_mixed(tool, args):
    tool.write("a.conf", "[libvirt]\n")
    done = tool(*args)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr


OLD = """# kept
[DEFAULT]
debug = false\r
pci_passthrough_whitelist = {"vendor_id": "8086"}
sql_connection = mysql://u:s3cr3t@h/n
[spice]
[libvirt]
cpu_mode = custom
cpu_model = Haswell
virt_type = kvm
virt_type = kvm
live_migration_progress_timeout = 3
"""


def test_fix_prints_a_patch_that_applies(tool):
    path = tool.write("nova.conf", OLD)
    done = tool("fix", "--release", "26", "nova.conf")
    assert done.returncode == 1
    assert b"s3cr3t" not in done.stdout
    subprocess.run(["patch", "-p0", "-s", str(path)], input=done.stdout, check=True, cwd=tool.dir)
    text = path.read_bytes().decode()
    assert "[pci]\ndevice_spec = {" in text
    assert "cpu_models = Haswell" in text and "# virt_type = kvm" in text
    assert "# live_migration_progress_timeout = 3" in text and "debug = false\r\n" in text


def test_patch_is_applied_as_the_manual_says(tool):
    path = tool.write("nova.conf", OLD)
    for name, args in (("nova.conf", ("-p0",)), (str(path), ("-p1", "-d", "/"))):
        tool.write("nova.conf", OLD)
        patch = tool("upgrade", "--patch", "--from", "13", "--to", "26", name).stdout
        subprocess.run(["patch", "-s", *args], input=patch, check=True, cwd=tool.dir)
        assert "cpu_models = Haswell" in path.read_text()


@pytest.mark.parametrize("text", [
    b"[libvirt]\ncpu_mode = custom\ncpu_model = Haswell",
    b"[libvirt]\ncpu_mode = custom\n\n\n\n\n\ncpu_model = Haswell",
    b"[DEFAULT]\npci_passthrough_whitelist = {\"a\": 1}\n\n\n\n\n[libvirt]\nvirt_type = kvm",
    b"[DEFAULT]\npci_passthrough_whitelist = {\"a\": 1}\n[libvirt]\ncpu_model = Haswell",
    b"[DEFAULT]\npci_passthrough_whitelist = {\"a\": 1}",
    b"[libvirt]\r\ncpu_mode = custom\r\ncpu_model = Haswell\r\nvirt_type = kvm\r\nvirt_type = kvm\r\n",
    b"[DEFAULT]\r\npci_passthrough_whitelist = {\"a\": 1}\r\n[libvirt]\r\ncpu_model = Haswell",
])
def test_patch_makes_what_in_place_makes(tool, text):
    """Files without an end to their last line, and with other line ends: to the byte."""
    path = tool.write("nova.conf", text)
    patch = tool("fix", "--release", "26", "nova.conf").stdout
    done = subprocess.run(["patch", "--binary", "-F0", "-p0", str(path)], input=patch, cwd=tool.dir,
                          capture_output=True)
    assert done.returncode == 0, (done.stdout, patch)
    patched = path.read_bytes()
    path.write_bytes(text)
    assert tool("fix", "--release", "26", "-i", "nova.conf").returncode == 0
    assert patched == path.read_bytes() != text


def test_fix_in_place_keeps_values_mode_and_links(tool):
    path = tool.write("real/nova.conf", OLD)
    path.chmod(0o640)
    link = tool.dir / "nova.conf"
    link.symlink_to(path)
    before = tool("show", "--release", "26", "--format", "json", "--config-file", "nova.conf").stdout
    done = tool("fix", "--release", "26", "--in-place", "nova.conf")
    assert done.returncode == 0 and b"4 fixed" in done.stdout
    after = tool("show", "--release", "26", "--format", "json", "--config-file", "nova.conf").stdout
    strip = [{k: v for k, v in item.items() if k in ("group", "option", "value")} for item in json.loads(before)]
    assert strip == [{k: v for k, v in item.items() if k in ("group", "option", "value")}
                     for item in json.loads(after)]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640 and link.is_symlink()
    assert os.listdir(tool.dir / "real") == ["nova.conf"]
    # two options read this old name, so moving it would take it from one
    assert "\nsql_connection = mysql://u:s3cr3t@h/n" in path.read_text()
    assert tool("fix", "--release", "26", "nova.conf").stdout == b""


def test_fix_moves_a_secret_in_place_only(tool):
    path = tool.write("nova.conf", "[DEFAULT]\nsql_connection = mysql://u:s3cr3t@h/n\n[libvirt]\n")
    done = tool("fix", "--release", "20", "nova.conf")
    assert b"s3cr3t" not in done.stdout and b"secrets" in done.stderr
    assert tool("fix", "--release", "20", "-i", "nova.conf").returncode == 0
    assert path.read_text() == ("[DEFAULT]\n[libvirt]\n"
                                "[database]\nconnection = mysql://u:s3cr3t@h/n\n")


def test_fix_leaves_broken_files_alone(tool):
    path = tool.write("nova.conf", "[libvirt\nx = 1\n")
    assert tool("fix", "--in-place", "nova.conf").returncode == 3
    assert path.read_text() == "[libvirt\nx = 1\n"


def test_upgrade(tool):
    tool.write("nova.conf", OLD)
    done = tool("upgrade", "--from", "stein", "--to", "zed", "--format", "json", "nova.conf")
    out = json.loads(done.stdout)
    codes = {f["rule"] for f in out["findings"]}
    assert {"NC104", "NC801"} <= codes
    # what was there before is not told again
    assert "NC102" not in codes and "NC112" not in codes
    assert tool("upgrade", "--from", "zed", "--to", "stein", "nova.conf").returncode == 2
    assert tool("upgrade", "--from", "zed", "nova.conf").returncode == 2
    patch = tool("upgrade", "--patch", "--from", "stein", "--to", "zed", "nova.conf").stdout.decode()
    assert "+cpu_models = Haswell" in patch


@pytest.mark.parametrize("args,status", [((), 2), (("--help",), 0), (("--version",), 0), (("nonsense",), 2)])
def test_main(tool, args, status):
    assert tool(*args).returncode == status


# stands in for bash-completion's own: the words are $@, the one to complete the last
COMPLETE = """
_init_completion() { words=("${WORDS[@]}"); cword=$((${#words[@]} - 1)); cur=${words[cword]}; prev=${words[cword - 1]}; }
_filedir() { COMPREPLY=(FILE); }
. "$1"; shift
WORDS=("$@")
_nova_conf_tool
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    script = conf_tool.ROOT / "nova-conf-tool" / "completions" / "nova-conf-tool.bash"
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", script, "nova-conf-tool", *words], capture_output=True,
                          text=True, check=True, env={"PATH": f"{conf_tool.TOOL.parent}:{os.environ['PATH']}"})
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize("command", ["lint", "show", "rules", "diff", "upgrade", "fix"])
def test_completion_offers_what_help_names(tool, command):
    told = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", tool(command, "--help").stdout.decode(), re.M)) - {"--help"}
    assert completed(command, "--") - {"--help"} == told


def test_completion_of_words(tool):
    assert completed("") >= {"lint", "show", "explain", "rules", "diff", "upgrade", "fix"}
    assert completed("lint", "") == {"FILE"}
    rules = {rule["code"] for rule in json.loads(tool("rules", "--format", "json").stdout)}
    assert completed("explain", "NC") == completed("lint", "--select", "NC") == rules
    releases = completed("lint", "--release", "")
    assert {"mitaka", "zed", "2026.1"} <= releases
    for release in releases:
        assert tool("lint", "--release", release, "-", stdin=b"").returncode == 0, release


def test_hook_of_the_manual(tool):
    """What pre-commit runs: the entry, with the names of the files that changed."""
    manual = (conf_tool.ROOT / "nova-conf-tool" / "nova-conf-tool.1").read_text()
    entry = re.search(r"^ +entry: nova-conf-tool (.*)$", manual, re.M).group(1).split()
    files = re.compile(re.search(r"^ +files: (.*)$", manual, re.M).group(1).replace(r"\e", "\\"))
    tool.write("etc/nova/nova.conf", "[libvirt]\nlive_migration_downtme = 1\n")
    tool.write("etc/nova/nova-cpu.conf", "[libvirt]\ncpu_mode = host-model\n")
    assert files.search("etc/nova/nova.conf") and files.search("etc/nova/nova-cpu.conf")
    assert not files.search("etc/neutron/neutron.conf")
    done = tool(*entry, "etc/nova/nova.conf", "etc/nova/nova-cpu.conf")
    assert done.returncode == 1 and b"live_migration_downtime" in done.stdout
    assert tool(*entry, "etc/nova/nova-cpu.conf").returncode == 0
