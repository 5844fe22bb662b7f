"""The agent's verdict on a guest's CPU against what libvirt then really does: generated CPUs under TCG, each started on
the host. What a destination compares before an incoming guest is what it compares before a start.

NMA_LONG=1: two hundred of them; NMA_CPU_SEED chooses others."""

import os
import random
import re
import subprocess
import tempfile

import libvirt
import pytest

from tests.lab.hosts import Host
from tests.lab.ports import PortRange
from tests.lab.process import Account, kill_pid, pids_naming

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("top_builddir", os.path.join(HERE, "..", "..", "..", "_build", "default"))
PROGRAM = os.path.join(BUILD, "tests", "integration", "virt", "accept")
N_CPUS = 200 if os.environ.get("NMA_LONG") else 30
SEED = int(os.environ.get("NMA_CPU_SEED", "4"))
CPU_MAP = "/usr/share/libvirt/cpu_map"

XML = """<domain type='qemu'><name>cpu{number}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
{more}<os><type arch='x86_64' machine='{machine}'>hvm</type></os>{cpu}
<devices><emulator>{emulator}</emulator><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
"""


class Asked:
    """One host, and the agent's word on guests that it would be sent."""

    def __init__(self, directory):
        self.directory, self.number = directory, 0
        os.chmod(directory, 0o755)
        self.ports = PortRange()
        self.host = Host("a", os.path.join(directory, "a"), Account(), self.ports)

    def start(self):
        self.host.start()
        self.host.learn_capabilities()
        self.processes = {check: subprocess.Popen([PROGRAM, self.host.uri, *check], stdin=subprocess.PIPE,
                                                  stdout=subprocess.PIPE, text=True) for check in ((), ("numa",))}

    def stop(self):
        for process in self.processes.values():
            process.stdin.close()
            process.wait(20)
        self.host.stop()
        for pid in pids_naming(self.directory):
            kill_pid(pid)
        self.ports.close()

    def xml(self, cpu, machine="pc", emulator="/usr/bin/qemu-system-x86_64", more=""):
        self.number += 1
        return XML.format(number=self.number, cpu=cpu, machine=machine, emulator=emulator, more=more)

    def verdict(self, xml, *check):
        path = os.path.join(self.directory, "guest.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(xml)
        process = self.processes[check]
        process.stdin.write(path + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def outcome(self, xml):
        """What libvirt does: (started, its words)."""
        try:
            domain = self.host.connection.createXML(
                xml, libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY)
        except libvirt.libvirtError as error:
            return False, error.get_error_message()
        domain.destroy()
        return True, ""


@pytest.fixture(scope="module")
def asked():
    with tempfile.TemporaryDirectory(prefix="nma-cpu-", dir="/tmp") as directory:
        made = Asked(directory)
        made.start()
        yield made
        made.stop()


def map_features():
    with open(os.path.join(CPU_MAP, "x86_features.xml"), encoding="utf-8") as features:
        return re.findall(r"<feature name='([^']+)'", features.read())


def generated(models, features):
    """CPUs as Nova writes them: a model, and features that the flavor wants or does not want."""
    chance = random.Random(SEED)
    for _ in range(N_CPUS):
        extra = "".join(f"<feature policy='{chance.choice(('require', 'disable', 'disable'))}' name='{name}'/>"
                        for name in chance.sample(features, chance.choice((0, 0, 1, 2, 4))))
        yield (f"<cpu mode='custom' match='exact' check='partial'><model fallback='forbid'>{chance.choice(models)}"
               f"</model>{extra}</cpu>")


def test_verdict_is_libvirts(asked):
    models = asked.host.connection.getCPUModelNames("x86_64")
    known = set(map_features())
    seen = {True: 0, False: 0}
    disagreements = []
    for cpu in generated(models, sorted(known)):
        xml = asked.xml(cpu)
        verdict = asked.verdict(xml)
        started, words = asked.outcome(xml)
        assert not verdict.startswith("unknown"), (cpu, verdict)
        seen[started] += 1
        if (verdict == "compatible") != started:
            disagreements.append((cpu, verdict, words))
        if verdict.startswith("incompatible"):
            missing = verdict.removeprefix("incompatible ").removeprefix("model ").split(", ")
            assert set(missing) <= known | set(models), verdict
            assert all(name in words for name in missing), (verdict, words)
    print(f"seed {SEED}: {seen[True]} started, {seen[False]} were refused, {len(disagreements)} disagreements")
    assert not disagreements
    assert seen[True] and seen[False]


def test_generations_of_cpus(asked):
    """Each x86 model that libvirt knows is a host that the guest may come from: what this one lacks has a name."""
    known = set(map_features())
    verdicts = {}
    for model in asked.host.connection.getCPUModelNames("x86_64"):
        cpu = f"<cpu mode='custom' match='exact' check='partial'><model fallback='forbid'>{model}</model></cpu>"
        verdicts[model] = asked.verdict(asked.xml(cpu))
    assert any(verdict == "compatible" for verdict in verdicts.values())
    for model, verdict in verdicts.items():
        assert verdict == "compatible" or verdict.startswith("incompatible "), (model, verdict)
        if verdict != "compatible":
            missing = verdict.removeprefix("incompatible ")
            assert missing == f"model {model}" or set(missing.split(", ")) <= known, (model, verdict)


def test_machine_and_emulator(asked):
    cpu = "<cpu mode='custom' match='exact' check='none'><model>qemu64</model></cpu>"
    assert asked.verdict(asked.xml(cpu)) == "compatible"
    newer = asked.xml(cpu, machine="pc-i440fx-99.9")
    assert asked.verdict(newer) == "no-machine" and not asked.outcome(newer)[0]
    elsewhere = asked.xml(cpu, emulator="/nowhere/qemu")
    assert asked.verdict(elsewhere) == "no-emulator" and not asked.outcome(elsewhere)[0]


@pytest.mark.parametrize("nodeset, missing", [("{0}", False), ("{1}", True), ("{0}-{1}", True)])
def test_numa_node_that_the_host_lacks(asked, nodeset, missing):
    """Bound as a whole, to a node of this host, to one beyond its last, and to both."""
    nodes = sorted(int(name[4:]) for name in os.listdir("/sys/devices/system/node") if name.startswith("node"))
    bound = nodeset.format(nodes[0], nodes[-1] + 1)
    xml = asked.xml("", more=f"<numatune><memory mode='strict' nodeset='{bound}'/></numatune>")
    verdict = asked.verdict(xml, "numa")
    started, words = asked.outcome(xml)
    assert verdict.startswith("refused " if missing else "ok "), verdict
    assert started != missing, words
    if missing:
        assert str(nodes[-1] + 1) in verdict and str(nodes[-1] + 1) in words, (verdict, words)


def test_numa_cells(asked):
    """More cells, each on a node of its own, than the host has nodes."""
    nodes = sorted(int(name[4:]) for name in os.listdir("/sys/devices/system/node") if name.startswith("node"))
    for there in (True, False):
        bound = [nodes[0]] * 2 if there else [nodes[0], *range(nodes[-1] + 1, nodes[-1] + 1 + len(nodes))]
        cells = "".join(f"<cell id='{i}' {'' if i else 'cpus=0 '}memory='16' unit='MiB'/>".replace("=0 ", "='0' ")
                        for i in range(len(bound)))
        tune = "".join(f"<memnode cellid='{i}' mode='strict' nodeset='{node}'/>" for i, node in enumerate(bound))
        xml = asked.xml(f"<cpu><numa>{cells}</numa></cpu>", more=f"<numatune>{tune}</numatune>").replace(
            "<memory unit='MiB'>32", f"<memory unit='MiB'>{16 * len(bound)}")
        verdict = asked.verdict(xml, "numa")
        started, words = asked.outcome(xml)
        assert verdict.startswith("ok " if there else "refused "), verdict
        assert started == there, words
