"""Each part is killed or stopped in the middle: what was begun is told to its end, once and in order."""

import time

import pytest

from tests.integration.agent.world import DESTINATION, DESTINATION_SAYS, HARD, LONG, LONG_MIB_S, SLOW, SOURCE, SOURCE_SAYS
from tests.lab.process import wait_for


def test_broker_away_from_pre_copy_until_libvirt_has_finished(world):
    world.both()
    guest = world.guest(SLOW)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, SOURCE, "pre_copy.start")
    world.lab.stop_broker()
    wait_for(lambda: world.lab.runs_on(guest) == [DESTINATION], 60, "libvirt finishes")
    time.sleep(1)  # the broker is away a little longer than the migration
    world.lab.start_broker()
    world.wait(guest, SOURCE, "commitment.end", timeout=120)
    world.wait(guest, DESTINATION, "commitment.end", timeout=120)
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    assert world.said(guest, DESTINATION) == DESTINATION_SAYS
    world.check_reports(guest)
    assert migration.wait() == "completed"


# the agent is killed when this report has arrived
MOMENTS = [(SOURCE, "pre_migration.start"), (SOURCE, "pre_copy.start"), (SOURCE, "stop_and_copy.start"),
           (SOURCE, "commitment.start"), (DESTINATION, "pre_migration.start"), (DESTINATION, "reservation.start"),
           (DESTINATION, "reservation.end"), (DESTINATION, "commitment.start")]


@pytest.mark.parametrize("host, moment", MOMENTS, ids=[f"{host}-{moment}" for host, moment in MOMENTS])
def test_agent_killed_and_started_again(world, host, moment):
    world.both()
    guest = world.guest(SLOW)
    world.slow_link()
    world.knobs().delay_s = {"preparing": 1.0}
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, host, moment)
    world.agents[host].kill()
    time.sleep(0.5)
    world.agents[host].start(wait=False)
    assert migration.wait() == "completed"
    world.wait(guest, SOURCE, "commitment.end", timeout=100)
    world.wait(guest, DESTINATION, "commitment.end", timeout=100)
    # a source that asks while the destination's agent is down says that there was none to reserve
    told = [what for what in world.said(guest, SOURCE) if what != "reservation.end"]
    assert told == SOURCE_SAYS
    assert world.said(guest, DESTINATION) == DESTINATION_SAYS
    assert len({r["attempt_id"] for r in world.reports.all(guest.uuid, host)}) == 1
    world.check_reports(guest)


def test_agent_killed_while_the_guest_moves_and_started_when_it_has(world):
    """Nobody watched the end: it is inferred, said to be so, with the time in between and no invented numbers."""
    world.both()
    guest = world.guest(SLOW)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, SOURCE, "pre_copy.start")
    world.agents[SOURCE].kill()
    assert migration.wait() == "completed"
    world.agents[SOURCE].start(wait=False)
    end = world.wait(guest, SOURCE, "commitment.end", timeout=100)
    assert end["nova_status"] == "completed" and end["guest"]["place"] == "on_destination"
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    stop = world.wait(guest, SOURCE, "stop_and_copy.end")
    assert stop["evidence"] == "inferred"
    assert stop["not_before"] < stop["not_after"]
    world.check_reports(guest)


def test_agent_started_in_the_middle_adopts_the_migration(world):
    guest = world.guest(LONG)
    world.slow_link(LONG_MIB_S)
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.lab.wait_copying(guest, SOURCE)
    world.agent(SOURCE)
    assert migration.wait() == "completed"
    end = world.wait(guest, SOURCE, "commitment.end", timeout=100)
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    assert world.wait(guest, SOURCE, "pre_copy.start")["evidence"] == "inferred"
    assert end["migration_uuid"] == migration.row["uuid"] and end["destination"] == DESTINATION
    world.check_reports(guest)


def test_libvirtd_of_the_source_restarted_in_the_middle(world):
    """libvirt breaks the peer-to-peer migration off when its daemon dies; the guest stays where it is."""
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, SOURCE, "pre_copy.start")
    world.lab.wait_copying(guest, SOURCE)
    world.lab.hosts[SOURCE].restart_libvirtd(kill=True)
    assert migration.wait() in ("failed", "error")
    error = world.wait(guest, SOURCE, "pre_copy.error", timeout=60)
    assert error["guest"]["place"] == "on_source"
    assert world.lab.runs_on(guest) == [SOURCE]
    wait_for(lambda: world.agents[SOURCE].status().get("health") == "ok", 30, "libvirt is found again")
    world.check_reports(guest)


def test_ends_cleanly(world):
    """SIGTERM: exit status 0 within 10 s, also while something is open; nothing is left at the broker."""
    source, destination = world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, SOURCE, "pre_copy.start")
    began = time.monotonic()
    assert source.stop() == 0 and destination.stop() == 0
    assert time.monotonic() - began < 20
    assert source.command("health")[0] == 3
    migration.abort()
    migration.wait()
