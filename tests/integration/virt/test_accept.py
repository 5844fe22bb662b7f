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
<os><type arch='x86_64' machine='{machine}'>hvm</type></os>{cpu}
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
        self.process = subprocess.Popen([PROGRAM, self.host.uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.host.stop()
        for pid in pids_naming(self.directory):
            kill_pid(pid)
        self.ports.close()

    def xml(self, cpu, machine="pc", emulator="/usr/bin/qemu-system-x86_64"):
        self.number += 1
        return XML.format(number=self.number, cpu=cpu, machine=machine, emulator=emulator)

    def verdict(self, xml):
        path = os.path.join(self.directory, "guest.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(xml)
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

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
            missing = verdict.split(" ", 1)[1].split(", ")
            assert set(missing) <= known, verdict
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
            assert set(verdict.split(" ", 1)[1].split(", ")) <= known, (model, verdict)


def test_machine_and_emulator(asked):
    cpu = "<cpu mode='custom' match='exact' check='none'><model>qemu64</model></cpu>"
    assert asked.verdict(asked.xml(cpu)) == "compatible"
    newer = asked.xml(cpu, machine="pc-i440fx-99.9")
    assert asked.verdict(newer) == "no-machine" and not asked.outcome(newer)[0]
    elsewhere = asked.xml(cpu, emulator="/nowhere/qemu")
    assert asked.verdict(elsewhere) == "no-emulator" and not asked.outcome(elsewhere)[0]
