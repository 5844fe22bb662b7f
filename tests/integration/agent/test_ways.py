"""Other ways to an end: forced pause, post-copy, a paused guest, the second RPC topic, peers that are different."""

import json

import libvirt
import pytest

from tests.integration.agent.world import (DESTINATION, DESTINATION_SAYS, EASY, HARD, SLOW, SOURCE, SOURCE_SAYS,
                                           OlderAgent)


def test_force_complete_by_pause(world):
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, SOURCE, "pre_copy.start")
    world.lab.wait_copying(guest, SOURCE)
    migration.force_complete()
    world.slow_link(0)
    assert migration.wait() == "completed"
    stop = world.wait(guest, SOURCE, "stop_and_copy.start")
    assert stop["cause"] == "forced"
    world.wait(guest, SOURCE, "commitment.end")
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    world.check_reports(guest)


def test_post_copy(world):
    if not world.lab.post_copy_possible:
        pytest.skip(world.lab.post_copy_reason)
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    world.knobs().post_copy = True
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.wait(guest, SOURCE, "pre_copy.start")
    world.lab.wait_copying(guest, SOURCE)
    # QEMU does not hold post-copy to nova.conf's bandwidth: on a busy machine it is over before the destination's
    # libvirt looks, which then says nothing of it
    world.lab.hosts[SOURCE].domain(guest.uuid).migrateSetMaxSpeed(
        8, libvirt.VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY)
    migration.force_complete()
    assert migration.wait() == "completed"
    world.wait(guest, SOURCE, "commitment.end")
    world.wait(guest, DESTINATION, "commitment.end")
    told = world.said(guest, SOURCE)
    assert told[told.index("post_copy.start"):] == ["post_copy.start", "post_copy.end", "commitment.start",
                                                    "commitment.end"]
    assert "post_copy.start" in world.said(guest, DESTINATION)
    world.check_reports(guest)


def test_paused_guest(world):
    """It stays paused: there is no stop to observe, and none is claimed to have been."""
    world.both()
    guest = world.guest(EASY, paused=True)
    migration = world.lab.live_migrate(guest, DESTINATION)
    assert migration.wait() == "completed"
    end = world.wait(guest, SOURCE, "commitment.end")
    world.wait(guest, DESTINATION, "commitment.end")
    assert end["guest"]["place"] == "on_destination"
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    assert world.wait(guest, SOURCE, "stop_and_copy.start")["evidence"] == "inferred"
    assert world.lab.runs_on(guest, "paused") == [DESTINATION]
    world.check_reports(guest)


def test_second_topic(world):
    """Nova is rolled from `compute` to `compute-alt`: the agents are not restarted for it."""
    world.both()
    world.lab.nova.upgrade(True)
    try:
        guest = world.guest()
        world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))
    finally:
        world.lab.nova.upgrade(False)


def test_compute_restarted_in_the_middle(world):
    """nova-compute of the source goes down while memory flows: libvirt finishes, Nova says error."""
    world.both()
    guest = world.guest(SLOW)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    world.lab.wait_copying(guest, SOURCE)
    world.lab.nova.restart_compute(SOURCE)
    assert migration.wait("error") == "error"
    error = world.wait(guest, SOURCE, "commitment.error", timeout=60)
    assert error["reason"] == "nova_failed" and error["guest"]["place"] == "on_destination"
    assert world.lab.runs_on(guest) == [DESTINATION]
    world.check_reports(guest)


def test_only_the_source_has_an_agent(world):
    world.agent(SOURCE)
    guest = world.guest()
    assert world.lab.live_migrate(guest, DESTINATION).wait() == "completed"
    end = world.wait(guest, SOURCE, "commitment.end")
    assert end["peer"] == "absent" and end["nova_status"] == "completed"
    told = [what for what in world.said(guest, SOURCE) if not what.startswith("reservation")]
    assert told == SOURCE_SAYS
    (skipped,) = [r for r in world.reports.all(guest.uuid, SOURCE) if r["phase"] == "reservation"]
    assert skipped["skipped"] is True
    world.check_reports(guest)


def test_only_the_destination_has_an_agent(world):
    world.agent(DESTINATION)
    guest = world.guest()
    assert world.lab.live_migrate(guest, DESTINATION).wait() == "completed"
    world.wait(guest, DESTINATION, "commitment.end")
    assert world.said(guest, DESTINATION) == DESTINATION_SAYS
    world.check_reports(guest)


def test_peer_of_an_older_version(world):
    """A peer that does not know our RPC version is told from one that is absent."""
    world.agent(SOURCE)
    server = OlderAgent(world.lab.url, DESTINATION)
    try:
        guest = world.guest()
        assert world.lab.live_migrate(guest, DESTINATION).wait() == "completed"
        assert world.wait(guest, SOURCE, "commitment.end")["peer"] == "version"
    finally:
        server.stop()


def test_nova_gets_every_message_with_and_without_agents(world):
    """Counted at Nova's part: the tap takes nothing away and adds nothing."""
    journal = world.lab.nova.journal

    def received_by_the_computes():
        guest = world.guest()
        before = len(journal.entries)
        assert world.lab.live_migrate(guest, DESTINATION).wait() == "completed"
        return sorted((entry["service"], entry["method"]) for entry in journal.entries[before:]
                      if entry["what"] == "received" and entry["service"].startswith("nova-compute"))

    lost_before = journal.undelivered()  # of computes that an earlier test has restarted
    without = received_by_the_computes()
    assert without
    world.both()
    assert received_by_the_computes() == without
    assert journal.undelivered() == lost_before


def test_no_queue_of_ours_without_bound(world):
    world.both()
    listed = json.loads(world.lab.broker.rabbitmqctl("list_queues", "--formatter", "json", "name", "arguments",
                                                     "exclusive", "auto_delete", "durable"))
    ours = [queue for queue in listed if queue["name"].startswith("nova_migration_agent")]
    assert sum(".tap." in queue["name"] for queue in ours) == 2
    for queue in ours:
        arguments = {row[0] for row in queue["arguments"]} if queue["arguments"] else set()
        ends_by_itself = queue["exclusive"] or queue["auto_delete"] or "x-expires" in arguments
        assert ends_by_itself, queue
        if ".tap." in queue["name"]:
            assert "x-max-length" in arguments, queue
