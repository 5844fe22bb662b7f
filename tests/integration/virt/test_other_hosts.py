"""The agent's verdict on hosts that nobody here has: Intel's and AMD's generations, and Arm's guests.

libvirtd keeps what it once learnt from QEMU in a file, the host's CPU as QEMU can give it to guests included. That is
rewritten as QEMU would have answered on a CPU of libvirt's own map, so a real libvirtd compares against that CPU. What
must be missing is told by the map alone: the guest's features less the host's. In this map each feature is one bit and
no two share one, so a name is a name; QEMU's other names for it are not what libvirt says. That TCG itself lacks some
of them plays no part: libvirt asks the file, not QEMU.

NMA_LONG=1: every CPU of the map as host and as guest."""

import os
import tempfile
import xml.etree.ElementTree as ET

import libvirt
import pytest

from tests.integration.virt import cpu_map
from tests.integration.virt.asked import Asked

INTEL = ["Nehalem", "SandyBridge", "Haswell", "Skylake-Server", "Cascadelake-Server", "Icelake-Server"]
AMD = ["Opteron_G4", "Opteron_G5", "EPYC", "EPYC-Rome", "EPYC-Milan"]
MODELS = sorted(cpu_map.models()) if os.environ.get("NMA_LONG", "0") not in ("", "0") else INTEL + AMD
QEMU = "/usr/bin/qemu-system-x86_64"


def guest_cpu(model, vendor=None):
    """cpu_mode custom as Nova writes it; with a vendor, as host-model becomes when libvirt spells it out."""
    named = f"<vendor>{vendor}</vendor>" if vendor else ""
    return (f"<cpu mode='custom' match='exact' check='partial'><model fallback='forbid'>{model}</model>{named}</cpu>")


class OtherHost(Asked):
    """A host that becomes another."""

    def start(self):
        super().start()
        self.cache = self.host.capabilities_file(QEMU)
        with open(self.cache, encoding="utf-8") as file:
            self.written = file.read()
        # the map has models that came and went in QEMU
        self.known = {cpu.get("name") for cpu in ET.fromstring(self.written).findall("cpu[@type='tcg']")}

    def become(self, name):
        model = cpu_map.models()[name]
        self.pause()
        root = ET.fromstring(self.written)
        self._rewrite_host(root.find("hostCPU[@type='tcg']"), model)
        for cpu in root.findall("cpu[@type='tcg']"):
            self._rewrite_usable(cpu, model)
        with open(self.cache, "w", encoding="utf-8") as file:
            file.write(ET.tostring(root, encoding="unicode"))
        super().start()

    def _rewrite_host(self, host, model):
        """The answer to query-cpu-model-expansion."""
        silicon = {"family": model.family, "model": model.model,
                   "vendor": cpu_map.vendor_strings().get(model.vendor)}
        told = set()
        for entry in host.findall("property"):
            name = cpu_map.qemu_names().get(entry.get("name"))
            if entry.get("type") == "boolean":
                entry.set("value", "true" if name in model.features else "false")
                entry.set("migratable", "yes")
                told.add(name)
            elif silicon.get(entry.get("name")):
                entry.set("value", silicon[entry.get("name")])
        assert model.features <= told

    def _rewrite_usable(self, cpu, model):
        """One entry of the answer to query-cpu-definitions: a model and what keeps it from running there."""
        asked_for = cpu_map.models().get(cpu.get("name"))
        for blocker in cpu.findall("blocker"):
            cpu.remove(blocker)
        missing = sorted(asked_for.features - model.features) if asked_for else []
        cpu.set("usable", "no" if missing else "yes")
        for name in missing:
            ET.SubElement(cpu, "blocker", name=name)

    def features(self):
        """What libvirt takes the host's CPU for."""
        connection = self.host.connection
        capabilities = connection.getDomainCapabilities(QEMU, "x86_64", "pc", "qemu")
        cpu = ET.fromstring(capabilities).find("cpu/mode[@name='host-model']")
        cpu.tag, cpu.attrib = "cpu", {}
        spelt_out = connection.baselineHypervisorCPU(
            QEMU, "x86_64", "pc", "qemu", [ET.tostring(cpu, encoding="unicode")],
            libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)
        return {feature.get("name") for feature in ET.fromstring(spelt_out).iter("feature")
                if feature.get("policy") == "require"}


@pytest.fixture(scope="module")
def other():
    with tempfile.TemporaryDirectory(prefix="nma-cpu-", dir="/tmp") as directory:
        made = OtherHost(directory, "cpu", "machine")
        made.start()
        yield made
        made.stop()


def missing(guest, host):
    models = cpu_map.models()
    return models[guest].features - models[host].host_features


@pytest.mark.parametrize("name", MODELS)
def test_guests_of_other_generations(other, name):
    """Each model runs on this host exactly when the host has all of it and QEMU knows it, else what is missing is
    named."""
    other.become(name)
    assert other.features() == cpu_map.models()[name].host_features, "libvirt did not take the host for this CPU"
    for model in MODELS:
        xml = other.xml(guest_cpu(model))
        verdict, lacking = other.verdict(xml), missing(model, name)
        if not lacking:
            assert verdict == ("compatible" if model in other.known else f"incompatible model {model}"), (name, model)
            continue
        assert verdict.startswith("incompatible "), (name, model, verdict)
        assert set(verdict.removeprefix("incompatible ").split(", ")) == lacking, (name, model)
        started, words = other.outcome(xml)
        assert not started and all(feature in words for feature in lacking), (name, model, words)


@pytest.mark.parametrize("older, newer", [
    ("Nehalem", "SandyBridge"), ("SandyBridge", "Skylake-Server"), ("Skylake-Server", "Cascadelake-Server"),
    ("EPYC", "EPYC-Rome"), ("EPYC-Rome", "EPYC-Milan")])
def test_direction(other, older, newer):
    """From older to newer is fine, and libvirt starts it; back is refused, and it is said why."""
    other.become(newer)
    guest = other.xml(guest_cpu(older))
    assert other.verdict(guest, "cpu").startswith("ok ")
    assert other.outcome(guest) == (True, "")
    other.become(older)
    guest = other.xml(guest_cpu(newer))
    verdict = other.verdict(guest, "cpu")
    assert verdict.startswith("refused ") and "the other direction works" in verdict, verdict
    assert all(feature in verdict for feature in missing(newer, older)), verdict
    assert not other.outcome(guest)[0]


@pytest.mark.parametrize("guest, host", [("Nehalem", "EPYC-Milan"), ("Opteron_G1", "Icelake-Server")])
def test_another_vendor(other, guest, host):
    """The host has every feature of the guest. It may come unless its CPU names a vendor, as host-model's does."""
    assert not missing(guest, host)
    other.become(host)
    vendor = cpu_map.models()[guest].vendor
    anyones, named = other.xml(guest_cpu(guest)), other.xml(guest_cpu(guest, vendor))
    assert other.verdict(anyones, "cpu").startswith("ok ")
    verdict = other.verdict(named, "cpu")
    assert verdict.startswith("refused ") and "another vendor" in verdict and vendor in verdict, verdict
    assert "other direction works" not in verdict
    assert other.outcome(anyones) == (True, "") and not other.outcome(named)[0]
    assert other.verdict(other.xml(guest_cpu(guest, cpu_map.models()[host].vendor)), "cpu").startswith("ok ")


@pytest.mark.parametrize("model", sorted(cpu_map.models("arm")))
@pytest.mark.parametrize("emulator, why", [
    ("/usr/bin/qemu-system-of-arm", "which this host does not have"), (QEMU, "architecture")])
def test_guest_from_arm(other, model, emulator, why):
    """Its QEMU is not here; or, as where a distribution gives it one name on all hosts, it is another one's. libvirt's
    map lists no features of these models, and it compares none of them with what a hypervisor has: nothing can be
    named."""
    guest = other.xml(guest_cpu(model), arch="aarch64", machine="virt-7.2", emulator=emulator)
    assert other.verdict(guest) in ("no-emulator", "no-machine")
    machine, cpu = other.verdict(guest, "machine"), other.verdict(guest, "cpu")
    assert machine.startswith("refused ") and why in machine, machine
    assert cpu.startswith("unknown needs an emulator"), cpu
    started, words = other.outcome(guest)
    assert not started and (emulator in words or "aarch64" in words), words
