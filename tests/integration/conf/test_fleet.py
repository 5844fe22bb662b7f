"""Host trees against each other: settings, addresses, versions and processors."""
import json

import pytest

import sarif_schema

MODELS = ["qemu64", "kvm64", "Nehalem", "Haswell", "Haswell-noTSX-IBRS", "Skylake-Server-noTSX-IBRS",
          "Cascadelake-Server-noTSX", "Icelake-Server-noTSX", "EPYC", "EPYC-Rome"]


def domcapabilities(usable, host_model, features=()):
    models = "".join(f"      <model usable='{'yes' if name in usable else 'no'}' vendor='Intel'>{name}</model>\n"
                     for name in MODELS)
    required = "".join(f"      <feature policy='require' name='{name}'/>\n" for name in features)
    return f"""<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path>
  <cpu>
    <mode name='host-passthrough' supported='yes'><enum name='hostPassthroughMigratable'/></mode>
    <mode name='host-model' supported='yes'>
      <model fallback='forbid'>{host_model}</model>
      <vendor>Intel</vendor>
{required}      <feature policy='disable' name='hle'/>
    </mode>
    <mode name='custom' supported='yes'>
{models}    </mode>
  </cpu>
</domainCapabilities>
"""


SKYLAKE = domcapabilities(MODELS[:6], "Skylake-Server-IBRS", ["md-clear", "ssbd"])
CASCADE = domcapabilities(MODELS[:7], "Cascadelake-Server", ["md-clear", "ssbd", "rdctl-no"])
ROME = domcapabilities(["qemu64", "kvm64", "EPYC", "EPYC-Rome"], "EPYC-Rome", [])


class Fleet:
    def __init__(self, tool):
        self.tool = tool
        self.names = []

    def host(self, name, text, domcaps=None, cpuinfo=None, nova=None):
        self.tool.write(f"{name}/etc/nova/nova.conf", text)
        if domcaps:
            self.tool.write(f"{name}/domcapabilities.xml", domcaps)
        if cpuinfo:
            self.tool.write(f"{name}/proc/cpuinfo", cpuinfo)
        if nova:
            self.tool.write(f"{name}/usr/lib/python3/dist-packages/nova-{nova}.dist-info/METADATA", "")
        if name not in self.names:
            self.names.append(name)

    def findings(self, *args, release="33"):
        roots = [word for name in self.names for word in ("--root", name)]
        _, out = self.tool.lint(*args, *roots, release=release)
        return [f for f in out["findings"] if f["rule"].startswith("NC7")]

    def one(self, code):
        found = [f for f in self.findings() if f["rule"] == code]
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def fleet(tool):
    return Fleet(tool)


def codes(findings):
    return sorted({f["rule"] for f in findings})


CUSTOM = "[libvirt]\ncpu_mode = custom\ncpu_models = {}\n"
# each rule's bad example on host b, and the same repaired; a is as b should be
EXAMPLES = {
    "NC701": ("[libvirt]\nvirt_type = kvm\n", {"text": "[libvirt]\nvirt_type = qemu\n"}, {}),
    "NC702": ("[libvirt]\n", {"text": "[libvirt]\nlive_migration_permit_post_copy = true\n"}, {}),
    "NC703": ("[DEFAULT]\nmy_ip = 192.0.2.7\n", {}, {"text": "[DEFAULT]\nmy_ip = 192.0.2.8\n"}),
    "NC704": ("[libvirt]\n", {"nova": "27.1.0"}, {"nova": "26.2.2"}),
    "NC705": (CUSTOM.format("Haswell"), {"text": CUSTOM.format("Icelake-Server-noTSX")}, {}),
    "NC706": ("[libvirt]\ncpu_mode = host-model\n", {"domcaps": CASCADE}, {"domcaps": SKYLAKE}),
    "NC707": (CUSTOM.format("Skylake-Server-noTSX-IBRS"), {"text": CUSTOM.format("Nehalem")}, {}),
    "NC708": ("[libvirt]\n", {"domcaps": None}, {}),
}


@pytest.mark.parametrize("code", EXAMPLES)
def test_rule_is_silent_once_repaired(fleet, code):
    text, bad, good = EXAMPLES[code]
    for number, repaired in enumerate((bad, good)):
        hosts = Fleet(fleet.tool)
        for name, own in (("a", {}), ("b", repaired)):
            hosts.host(f"{number}/{name}", **{"text": text, "domcaps": SKYLAKE, "nova": "26.2.2", **own})
        assert codes(hosts.findings()).count(code) == 1 - number, (code, repaired)


def test_every_rule_has_an_example(tool):
    rules = json.loads(tool("rules", "--format", "json").stdout)
    assert [rule["code"] for rule in rules if rule["code"].startswith("NC7")] == list(EXAMPLES)


def test_alike_hosts_have_nothing_to_say(fleet):
    for name in "abc":
        fleet.host(name, "[libvirt]\ncpu_mode = custom\ncpu_models = Skylake-Server-noTSX-IBRS\n", SKYLAKE)
    assert fleet.findings() == []


@pytest.mark.parametrize("line,other", [
    ("[libvirt]\ncpu_mode = host-model", "[libvirt]\ncpu_mode = none"),
    ("[libvirt]\ncpu_mode = custom\ncpu_models = Haswell, Skylake-Server",
     "[libvirt]\ncpu_mode = custom\ncpu_models = Skylake-Server, Haswell"),
    ("[libvirt]\nlive_migration_with_native_tls = true", "[libvirt]\n"),
    ("[libvirt]\nlive_migration_scheme = tls", "[libvirt]\n"),
    ("[libvirt]\nimages_type = rbd\nimages_rbd_pool = a", "[libvirt]\nimages_type = rbd\nimages_rbd_pool = b"),
    ("[DEFAULT]\ninstances_path = /srv/a", "[DEFAULT]\ninstances_path = /srv/b"),
    ("[DEFAULT]\ncontrol_exchange = other", "[DEFAULT]\n"),
    ("[serial_console]\nenabled = true", "[DEFAULT]\n"),
    ("[upgrade_levels]\ncompute = auto", "[DEFAULT]\n"),
])
def test_setting_that_must_be_alike(fleet, line, other):
    fleet.host("a", other + "\n")
    fleet.host("b", line + "\n")
    fleet.host("c", other + "\n")
    found = fleet.one("NC701")
    assert found["severity"] == "warning" and found["file"].endswith("b/etc/nova/nova.conf")
    assert "on b, but" in found["message"] and "2 of 3 hosts (a)" in found["message"]
    # repaired
    fleet.host("b", other + "\n")
    assert "NC701" not in codes(fleet.findings())


def test_place_is_that_of_the_line(fleet):
    fleet.host("a", "[libvirt]\nvirt_type = kvm\n")
    fleet.host("b", "[libvirt]\n\nvirt_type = qemu\n")
    found = fleet.one("NC701")
    assert (found["line"], found["group"], found["option"]) == (3, "libvirt", "virt_type")


def test_defaults_are_compared_by_value_not_by_spelling(fleet):
    fleet.host("a", "[libvirt]\nlive_migration_with_native_tls = no\n[vnc]\nenabled = 1\n")
    fleet.host("b", "[libvirt]\ncpu_mode = host-model\n[vnc]\n")
    fleet.host("c", "[DEFAULT]\nstate_path = /x\ninstances_path = $state_path/instances\n")
    assert "NC701" not in codes(fleet.findings())


def test_policy_differs(fleet):
    fleet.host("a", "[libvirt]\nlive_migration_permit_post_copy = true\n")
    fleet.host("b", "[libvirt]\n")
    found = fleet.one("NC702")
    assert found["severity"] == "info" and found["option"] == "live_migration_permit_post_copy"


@pytest.mark.parametrize("group,name", [
    ("DEFAULT", "host"), ("DEFAULT", "my_ip"), ("libvirt", "live_migration_inbound_addr")])
def test_copied_address(fleet, group, name):
    for host in "ab":
        fleet.host(host, f"[{group}]\n{name} = 192.0.2.7\n")
    fleet.host("c", f"[{group}]\n{name} = 192.0.2.8\n")
    found = fleet.one("NC703")
    assert found["file"].endswith("b/etc/nova/nova.conf") and found["line"] == 2
    assert "is what a has, too" in found["message"]
    fleet.host("b", f"[{group}]\n{name} = 192.0.2.9\n")
    assert "NC703" not in codes(fleet.findings())


def test_versions(fleet):
    fleet.host("a", "[libvirt]\n", nova="26.2.2")
    fleet.host("b", "[libvirt]\n", nova="27.1.0")
    found = fleet.one("NC704")
    assert "a has Nova 26.2.2, and b has 27.1.0" in found["message"]


def test_models_that_cannot_run(fleet):
    fleet.host("a", "[libvirt]\ncpu_mode = custom\ncpu_models = Haswell,icelake-server-noTSX\n", SKYLAKE)
    found = fleet.one("NC705")
    assert "icelake-server-noTSX" in found["message"] and found["line"] == 3
    fleet.host("a", "[libvirt]\ncpu_mode = custom\ncpu_models = haswell\n", SKYLAKE)
    assert fleet.findings() == []


@pytest.mark.parametrize("mode", ["cpu_mode = host-model", "cpu_mode = host-passthrough", ""])
def test_guest_that_cannot_come(fleet, mode):
    fleet.host("old", f"[libvirt]\n{mode}\n", SKYLAKE)
    fleet.host("new", f"[libvirt]\n{mode}\n", CASCADE)
    found = fleet.one("NC706")
    assert "started on new" in found["message"] and "come to old" in found["message"]
    assert "what these models need: Cascadelake-Server-noTSX" in found["message"]
    for name in ("old", "new"):
        fleet.host(name, "[libvirt]\ncpu_mode = custom\ncpu_models = Haswell\n",
                   SKYLAKE if name == "old" else CASCADE)
    assert "NC706" not in codes(fleet.findings())


def test_same_model_with_fewer_features(fleet):
    fleet.host("a", "[libvirt]\n", domcapabilities(MODELS[:6], "Skylake-Server-IBRS", ["md-clear", "ssbd"]))
    fleet.host("b", "[libvirt]\n", domcapabilities(MODELS[:6], "Skylake-Server-IBRS", ["ssbd"]))
    found = fleet.one("NC706")
    assert "lacks md-clear" in found["message"] and found["file"].startswith("b/")


def test_flags_of_cpuinfo(fleet):
    flags = "fpu vme aes avx2"
    info = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: X\nmicrocode\t: 0x1\nflags\t\t: {}\n\n"
    fleet.host("a", "[libvirt]\ncpu_mode = host-passthrough\n", cpuinfo=info.format(flags + " avx512f"))
    fleet.host("b", "[libvirt]\ncpu_mode = host-passthrough\n", cpuinfo=info.format(flags))
    found = fleet.one("NC706")
    assert "lacks avx512f" in found["message"] and found["file"].startswith("b/")


def test_common_model_and_what_a_host_costs(fleet):
    text = "[libvirt]\ncpu_mode = custom\ncpu_models = Nehalem\n"
    fleet.host("a", text, CASCADE)
    fleet.host("b", text, CASCADE)
    fleet.host("c", text, SKYLAKE)
    found = fleet.one("NC707")
    assert "all of these 3 hosts can run is Skylake-Server-noTSX-IBRS" in found["message"]
    assert "without c it would be Cascadelake-Server-noTSX" in found["message"]
    assert found["advice"] == "[libvirt] cpu_mode = custom, cpu_models = Skylake-Server-noTSX-IBRS"
    # legacy models are no answer
    fleet.host("c", text, ROME)
    assert "no CPU model that all of these 3 hosts can run; without c it would be" in fleet.one("NC707")["message"]


def test_without_facts(fleet):
    fleet.host("a", "[libvirt]\n")
    fleet.host("b", "[libvirt]\n")
    assert fleet.one("NC708")["severity"] == "info"
    fleet.host("a", "[libvirt]\n", SKYLAKE)
    assert fleet.one("NC708")["file"].endswith("b/etc/nova/nova.conf")


def test_suppressed_selected_and_in_the_baseline(fleet):
    fleet.host("a", "[libvirt]\nvirt_type = kvm\n", SKYLAKE)
    fleet.host("b", "[libvirt]\n# nova-conf-tool: ignore=NC701 a lab host\nvirt_type = qemu\n", SKYLAKE)
    assert codes(fleet.findings()) == ["NC707"]
    # the comment silences something, and is not called idle
    _, out = fleet.tool.lint("--root", "a", "--root", "b")
    assert "NC901" not in codes(out["findings"])
    assert codes(fleet.findings("--ignore", "NC7")) == []
    assert codes(fleet.findings("--select", "NC1")) == []
    fleet.tool("lint", "--release", "33", "--write-baseline", "base", "--root", "a", "--root", "b")
    assert fleet.findings("--baseline", "base") == []


def test_other_programs_are_not_compared(fleet):
    fleet.host("a", "[libvirt]\nvirt_type = kvm\n")
    fleet.host("b", "[libvirt]\nvirt_type = qemu\n")
    assert fleet.findings("--program", "nova-conductor") == []


@pytest.mark.parametrize("xml", [
    b"", b"<", b"<a/>", b"<domainCapabilities>" * 5000, b"\xff\xfe", b"x" * 9000000,
    b"<cpu><mode name='custom' supported='yes'>" + b"<model usable='yes'>m</model>" * 9000 + b"</mode></cpu>",
    SKYLAKE.replace("Haswell", "H" * 5000).encode()], ids=lambda value: str(len(value)))
def test_hostile_facts(fleet, xml):
    fleet.host("a", "[libvirt]\n", domcaps=SKYLAKE)
    fleet.host("b", "[libvirt]\n")
    fleet.tool.write("b/domcapabilities.xml", xml)
    fleet.tool.write("b/proc/cpuinfo", xml + b"\nflags : " + xml)
    assert "NC701" not in codes(fleet.findings())


def test_all_formats_take_findings_without_a_document(fleet):
    fleet.host("a", "[libvirt]\nvirt_type = kvm\n", SKYLAKE)
    fleet.host("b", "[libvirt]\nvirt_type = qemu\n", SKYLAKE)
    for form in ("text", "json", "sarif", "gitlab", "gcc", "junit"):
        done = fleet.tool("lint", "-f", form, "--root", "a", "--root", "b")
        assert done.returncode == 1 and b"NC701" in done.stdout and b"NC707" in done.stdout
        if form == "sarif":
            sarif_schema.check(json.loads(done.stdout))


def test_large_fleet(fleet):
    """Comparing must not take time that grows with the square of the hosts."""
    for number in range(1000):
        fleet.host(f"h{number}", f"[DEFAULT]\nmy_ip = 192.0.{number // 250}.{number % 250}\n[libvirt]\n",
                   CASCADE if number else SKYLAKE)
    found = fleet.findings()
    assert codes(found) == ["NC706", "NC707"] and len(found) == 2
    assert "without h0 it would be Cascadelake-Server-noTSX" in found[1]["message"] + found[0]["message"]
