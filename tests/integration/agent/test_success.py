"""A migration that goes well, told by both agents."""

import os

import pytest

from tests.integration.agent.world import DESTINATION, DESTINATION_SAYS, SLOW, SOURCE, SOURCE_SAYS


@pytest.mark.sanitized
def test_five_phases(world):
    world.both()
    guest = world.guest()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.check_success(guest, migration)

    for report in world.reports.all(guest.uuid):
        assert report["evidence"] == "observed"
        assert report["source"] == SOURCE
        if report["role"] == "source" or report["kind"] == "end":
            assert report["migration_uuid"] == migration.row["uuid"]
            assert report["migration_id"] == migration.row["id"]
    ends = {host: world.wait(guest, host, "commitment.end") for host in (SOURCE, DESTINATION)}
    assert all(end["nova_status"] == "completed" for end in ends.values())
    assert all(end["guest"]["place"] == "on_destination" for end in ends.values())
    assert ends[SOURCE]["peer"] == "agent"
    stop = world.wait(guest, SOURCE, "stop_and_copy.end")
    assert 0 < stop["statistics"]["downtime_ms"] < 5000
    checks = world.wait(guest, DESTINATION, "pre_migration.end")["checks"]
    (check,) = (check for check in checks if check["check"] == "memory")
    assert check["verdict"] == "ok"
    assert check["needed"] == guest.identity.memory_mib << 20


def test_several_passes(world):
    world.both()
    guest = world.guest(SLOW)
    world.slow_link()
    world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))
    progress = [r["statistics"] for r in world.reports.all(guest.uuid, SOURCE)
                if r["phase"] == "pre_copy" and r["kind"] == "progress"]
    assert max(s["iteration"] for s in progress) >= 3
    assert any(s["dirty_rate_bytes_s"] > 0 for s in progress)
    assert all(s["memory_total_bytes"] >= guest.identity.memory_mib << 20 for s in progress)


@pytest.mark.skipif(not os.path.exists("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
                    reason="needs libfaketime")
def test_clocks_apart(world):
    """The destination's clock is two minutes ahead: phases are in order all the same, the offset is told."""
    world.agent(SOURCE)
    world.agent(DESTINATION, clock_shift_s=120)
    guest = world.guest()
    world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))
    offset = world.wait(guest, SOURCE, "commitment.end")["clock_offset_ms"]
    assert 119_000 < offset < 121_000


def test_two_at_once(world):
    world.both()
    guests = [world.guest(), world.guest()]
    world.knobs().max_concurrent = 1  # Nova's default: the second one waits in its queue
    migrations = [world.lab.live_migrate(guest, DESTINATION) for guest in guests]
    for guest, migration in zip(guests, migrations):
        world.check_success(guest, migration)


def test_opposite_directions_at_once(world):
    world.both()
    away, home = world.guest(), world.guest(host=DESTINATION)
    there = world.lab.live_migrate(away, DESTINATION)
    back = world.lab.live_migrate(home, SOURCE)
    world.check_success(away, there)
    assert back.wait() == "completed"
    world.wait(home, SOURCE, "commitment.end")
    world.wait(home, DESTINATION, "commitment.end")
    assert world.said(home, DESTINATION) == SOURCE_SAYS
    assert world.said(home, SOURCE) == DESTINATION_SAYS
    world.check_reports(home)
