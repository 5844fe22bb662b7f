"""Migrations that go wrong: the phase, the reason and where the guest lives are said."""

from tests.integration.agent.world import (DESTINATION, DESTINATION_SAYS, EASY, HARD, OTHER, SOURCE,
                                           SOURCE_SAYS)
from tests.lab.process import wait_for


def copying(world, guest):
    world.wait(guest, SOURCE, "pre_copy.start")
    world.lab.wait_copying(guest, SOURCE)


def failed_on_source(world, guest, reason):
    """The source's agent tells an error in pre_copy with that reason; the guest lives on there."""
    error = world.wait(guest, SOURCE, "pre_copy.error")
    assert error["reason"] == reason
    assert error["guest"]["place"] == "on_source"
    assert world.lab.hosts[SOURCE].guest_state(guest.uuid) == "running"
    world.lab.wait_beats(guest)
    world.check_reports(guest)
    return error


def test_abort_by_the_operator(world):
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    copying(world, guest)
    migration.abort()
    assert migration.wait() in ("cancelled", "failed", "error")
    failed_on_source(world, guest, "aborted")
    lost = world.wait(guest, DESTINATION, "pre_copy.error")
    assert lost["reason"] in ("incoming_failed", "rolled_back")
    assert world.agents[DESTINATION].status()["reservations"] == 0


def test_destination_qemu_killed(world):
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    copying(world, guest)
    world.lab.hosts[DESTINATION].kill_qemu(guest.name)
    assert migration.wait() in ("failed", "error")
    failed_on_source(world, guest, "job_failed")
    assert world.wait(guest, DESTINATION, "pre_copy.error")["reason"] in ("incoming_failed", "rolled_back")


def test_destination_libvirtd_away(world):
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    copying(world, guest)
    world.lab.hosts[DESTINATION].kill_libvirtd()
    try:
        assert migration.wait() in ("failed", "error")
        failed_on_source(world, guest, "job_failed")
        wait_for(lambda: world.agents[DESTINATION].status().get("health") == "degraded", 20,
                 "the destination's agent misses its libvirt")
    finally:
        world.lab.hosts[DESTINATION].start()
    # the agent finds libvirt again by itself, and what became of the guest
    world.wait(guest, DESTINATION, "pre_copy.error")
    wait_for(lambda: world.agents[DESTINATION].status().get("health") == "ok", 30, "libvirt is found again")


def test_nova_never_starts_the_job(world):
    """nova-compute hangs before it asks libvirt; it is restarted and gives the migration up."""
    world.both()
    guest = world.guest()
    world.knobs().never_start_job = True
    migration = world.lab.live_migrate(guest, DESTINATION)
    assert migration.wait("running") == "running"
    assert world.said(guest, SOURCE) == ["pre_migration.start"]
    world.lab.nova.restart_compute(SOURCE)
    assert migration.wait() == "error"
    error = world.wait(guest, SOURCE, "pre_migration.error", timeout=60)
    assert error["reason"] == "never_started"
    assert world.lab.runs_on(guest) == [SOURCE]
    assert world.wait(guest, DESTINATION, "reservation.error", timeout=60)["reason"] == "never_started"
    assert world.agents[DESTINATION].status()["reservations"] == 0
    world.check_reports(guest)


def test_refused_destination_and_another_one(world):
    """Nova's own check refuses the scheduler's first host: its reservation goes, the second one is used."""
    world.both()
    world.agent(OTHER)
    guest = world.guest()
    world.knobs(DESTINATION).refuse = "no such network"
    world.lab.nova.conductor.candidates[guest.uuid] = [DESTINATION, OTHER]
    migration = world.lab.live_migrate(guest)
    assert migration.wait() == "completed"
    gone = world.wait(guest, DESTINATION, "reservation.error", timeout=60)
    assert gone["reason"] == "refused_by_nova"
    assert world.agents[DESTINATION].status()["reservations"] == 0
    end = world.wait(guest, SOURCE, "commitment.end")
    world.wait(guest, OTHER, "commitment.end")
    assert end["destination"] == OTHER
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    assert world.said(guest, OTHER) == DESTINATION_SAYS
    world.check_reports(guest)


def test_lost_cast(world):
    """The destination was checked and reserved; the cast to the source never arrives."""
    world.both()
    guest = world.guest()
    world.lab.nova.conductor.knobs.lose_cast = True
    world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, DESTINATION, "reservation.start")
    # the lease is 10 minutes: until then it holds, and it is said to be soft
    (listed,) = world.agents[DESTINATION].status()["migrations"]
    assert listed["phase"] == "reservation" and listed["step"] == "soft"
    assert world.said(guest, SOURCE) == []
    world.check_reports(guest)


def test_cast_for_an_instance_that_is_not_here(world):
    world.agent(SOURCE)
    guest = world.guest(host=DESTINATION)
    conductor, row = world.lab.nova.conductor, world.lab.nova.database.instance(guest.uuid)
    migration = world.lab.nova.database.add_migration(row, SOURCE, DESTINATION)
    args = {"instance": conductor.instance_object(guest.uuid, "live_migration"), "dest": DESTINATION,
            "block_migration": None, "migrate_data": None,
            "migration": conductor.migration_object(migration["uuid"])}
    conductor.cast(world.lab.nova.api.context(row), "compute", "live_migration", args, server=SOURCE)
    error = world.wait(guest, SOURCE, "pre_migration.error")
    assert error["reason"] == "instance_not_here"
    world.check_reports(guest)


def test_same_cast_twice(world):
    """Nova runs it twice, and records the second run as failed; it is one attempt all the same."""
    world.both()
    guest = world.guest(EASY)
    world.lab.nova.conductor.knobs.duplicate_cast = True
    migration = world.lab.live_migrate(guest, DESTINATION)
    wait_for(lambda: world.said(guest, SOURCE)[-1:] in (["commitment.end"], ["commitment.error"]), 60,
             "the source tells the end")
    assert world.said(guest, SOURCE)[:-1] == SOURCE_SAYS[:-1]
    assert len({r["attempt_id"] for r in world.reports.all(guest.uuid, SOURCE)}) == 1
    last = [r for r in world.reports.all(guest.uuid, SOURCE) if r["kind"] != "progress"][-1]
    assert last["nova_status"] == migration.status
    assert last["guest"]["place"] == "on_destination"
    world.check_reports(guest)


def test_not_enough_memory_is_reported_and_nova_untouched(world):
    """The guest would need what the host has not free: refused with numbers, Nova goes on."""
    world.agent(SOURCE)
    world.agent(DESTINATION, nova_extra="[DEFAULT]\nreserved_host_memory_mb = 999999\n")
    guest = world.guest()
    migration = world.lab.live_migrate(guest, DESTINATION)
    assert migration.wait() == "completed"
    refused = world.wait(guest, DESTINATION, "reservation.error")
    assert refused["reason"] == "memory_insufficient"
    assert str(guest.identity.memory_mib) in refused["reason_text"]
    checks = world.wait(guest, DESTINATION, "pre_migration.end")["checks"]
    (check,) = (check for check in checks if check["check"] == "memory")
    assert check["verdict"] == "refused" and check["available"] < check["needed"]
    # what Nova does all the same is followed to its end
    world.wait(guest, DESTINATION, "commitment.end")
    world.wait(guest, SOURCE, "commitment.end")
    world.check_reports(guest)
