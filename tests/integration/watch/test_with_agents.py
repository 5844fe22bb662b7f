"""nova-migration-watch beside two real agents, while a real guest moves between two real libvirt hosts."""
import re
import subprocess

import pytest
from watching import PROGRAM, Watch, until

from tests.integration.agent.fixtures import reports, world  # noqa: F401  # pylint: disable=unused-import
from tests.integration.agent.world import DESTINATION, HARD, SLOW, SOURCE
from tests.lab.lab import Lab


@pytest.fixture(scope="session")
def lab():
    with Lab() as running:
        yield running


@pytest.fixture
def watch(world, tmp_path):
    """Starts the program with these arguments, on this lab's nova.conf."""
    conf = tmp_path / "nova.conf"
    conf.write_text(f"[DEFAULT]\ntransport_url = {world.lab.url}\n")
    started = []

    def start(*args):
        started.append(Watch("--cell", f"lab={conf}", *args))
        return started[-1]
    yield start
    for each in started:
        each.__exit__()


def row(screen, label):
    """The two sides' cells of a row of the table."""
    return re.search(rf"^{label} +(.{{31}}) (.*)$", screen, re.M).groups()


def test_success(world, watch):
    world.both()
    guest = world.guest(SLOW)
    world.slow_link()
    one, log = watch(guest.uuid), watch("--json")
    migration = world.lab.live_migrate(guest, DESTINATION)
    assert migration.wait() == "completed"
    assert one.wait() == 0
    screen = "".join(one.out)
    assert re.search(rf"^migration +{migration.row['id']}  {migration.row['uuid']}$", screen, re.M), screen
    assert re.search(rf"^path +{SOURCE} -> {DESTINATION}$", screen, re.M)
    assert re.search(r"^result +completed$", screen, re.M)
    assert re.search(rf"^guest +(runs|is) on {DESTINATION}", screen, re.M)
    assert re.search(r"^downtime +\d+ ms$", screen, re.M)
    for phase in ("pre_migration", "pre_copy", "stop_and_copy", "commitment"):
        assert row(screen, phase)[0].startswith("done "), screen
    assert row(screen, "reservation")[1].startswith("done ")
    assert row(screen, "gaps") == ("none".ljust(31), "none")
    assert re.search(r"\d\d:\d\d \S+ .* pre_copy pass [2-9] .*\[#", screen), screen

    until(lambda: sum('"commitment"' in line and '"kind":"end"' in line for line in log.out) == 2, what="both ends")
    log.process.terminate()
    log.wait()
    again = subprocess.run([PROGRAM, "--replay", "-", guest.uuid], input="".join(log.out), capture_output=True,
                           text=True, timeout=30)
    assert again.returncode == 0
    assert row(again.stdout, "pre_copy") == row(screen, "pre_copy")


def test_aborted_by_the_operator(world, watch):
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    one = watch(guest.uuid)
    migration = world.lab.live_migrate(guest, DESTINATION)
    until(lambda: any("pre_copy pass" in line for line in one.out), 40, "memory flows")
    migration.abort()
    assert one.wait() == 3
    screen = "".join(one.out)
    assert re.search(r"^result +cancelled: aborted$", screen, re.M), screen
    assert re.search(rf"^guest +runs on {SOURCE} \(source\)$", screen, re.M)


def test_only_the_source_has_an_agent(world, watch):
    world.agent(SOURCE)
    guest = world.guest()
    one = watch(guest.uuid)
    assert world.lab.live_migrate(guest, DESTINATION).wait() == "completed"
    assert one.wait() == 0
    # the queue of an agent that ran there before outlives it: then only silence tells
    assert row("".join(one.out), "last word")[1] in ("no agent there", "nothing heard")
