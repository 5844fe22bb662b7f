"""The agent's verdict on a guest's CPU against what libvirt then really does: generated CPUs under TCG, each started on
the host. What a destination compares before an incoming guest is what it compares before a start.

NMA_LONG=1: two hundred of them; NMA_CPU_SEED chooses others."""

import os
import random
import tempfile

import pytest

from tests.integration.virt import cpu_map
from tests.integration.virt.asked import Asked

N_CPUS = 200 if os.environ.get("NMA_LONG", "0") not in ("", "0") else 30
SEED = int(os.environ.get("NMA_CPU_SEED", "4"))


@pytest.fixture(scope="module")
def asked():
    with tempfile.TemporaryDirectory(prefix="nma-cpu-", dir="/tmp") as directory:
        made = Asked(directory, "numa")
        made.start()
        yield made
        made.stop()


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
    known = cpu_map.features()
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
    known = cpu_map.features()
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
