"""The lab itself: guests really move between real libvirt hosts, and Nova's part behaves as Nova does."""

import time

import pytest

from tests.lab.domain import GuestLoad
from tests.lab.process import wait_for

SLOW_MIB_S = 15


def assert_alive(lab, guest, host_name):
    """It runs there and only there, it beats, and no page lost a write."""
    lab.wait_beats(guest)
    assert lab.runs_on(guest) == [host_name]
    # libvirt clears the broken-off copy away a moment after it has told the source
    wait_for(lambda: lab.runs_on(guest, "paused") == [], 30, f"no copy of {guest.name} is left")
    assert guest.heartbeat.bad_pages == 0
    assert guest.heartbeat.missing() == []


def assert_all_received(lab):
    wait_for(lambda: not lab.nova.journal.undelivered(), 30, "every message of Nova's part is received")


def statuses(lab, migration):
    """Migration.status as saved by the source, in order."""
    uuid = (migration.row or {}).get("uuid")
    saved = [entry["args"]["objinst"]["nova_object.data"] for entry in lab.nova.journal.find(
        "sent", "Migration.save(status)")]
    return [data["status"] for data in saved if data["uuid"] == uuid]


def steps_of(lab, guest, method):
    return [entry for entry in lab.nova.journal.find("sent", method)
            if entry["args"]["instance"]["nova_object.data"]["uuid"] == guest.uuid]


def test_success(lab, light):
    guest = lab.start_guest("lab-a", light)
    began = time.monotonic()
    migration = lab.live_migrate(guest, "lab-b")
    assert migration.wait() == "completed"
    assert_alive(lab, guest, "lab-b")
    assert statuses(lab, migration) == ["queued", "preparing", "running", "completed"]
    assert 0 < guest.heartbeat.longest_gap_ms(began) < 2000
    source, destination = lab.recorders["lab-a"], lab.recorders["lab-b"]
    source.wait_lifecycle(guest.name, ("stopped", "migrated"))
    assert source.lifecycle(guest.name)[-2:] == [("suspended", "migrated"), ("stopped", "migrated")]
    assert destination.lifecycle(guest.name) == [("started", "migrated"), ("defined", "added"),
                                                 ("resumed", "migrated")]
    wait_for(lambda: source.completed(guest.name), 30, "job-completed event")
    row = lab.nova.database.instance(guest.uuid)
    assert (row["host"], row["task_state"]) == ("lab-b", None)
    assert_all_received(lab)


def test_several_passes(lab):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", GuestLoad(working_set_mib=8, rate_mib_s=9, fill_mib=4))
    migration = lab.live_migrate(guest, "lab-b")
    assert migration.wait() == "completed"
    assert_alive(lab, guest, "lab-b")
    assert max(lab.recorders["lab-a"].iterations(guest.name)) >= 4


def test_abort(lab, endless):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    migration.abort()
    assert migration.wait() in ("failed", "cancelled")
    assert_alive(lab, guest, "lab-a")
    assert lab.recorders["lab-b"].lifecycle(guest.name)[-1] == ("stopped", "failed")
    rollback, = steps_of(lab, guest, "rollback_live_migration_at_destination")
    assert rollback["args"]["migrate_data"]["nova_object.data"]["migration"]["nova_object.data"]["status"] == "running"
    assert_all_received(lab)


def test_force_complete_by_pause(lab, endless):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    began = time.monotonic()
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    migration.force_complete()
    assert migration.wait() == "completed"
    assert_alive(lab, guest, "lab-b")
    assert guest.heartbeat.longest_gap_ms(began) > 300


def test_post_copy(lab, endless):
    if not lab.post_copy_possible:
        pytest.skip(lab.post_copy_reason)
    lab.nova.knobs["lab-a"].post_copy = True
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    migration.force_complete()
    assert migration.wait() == "completed"
    assert_alive(lab, guest, "lab-b")
    assert "running (post-copy)" in statuses(lab, migration)
    assert ("suspended", "post-copy") in lab.recorders["lab-a"].lifecycle(guest.name)
    assert ("resumed", "post-copy") in lab.recorders["lab-b"].lifecycle(guest.name)


def test_destination_qemu_killed(lab, endless):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    lab.hosts["lab-b"].kill_qemu(guest.name)
    assert migration.wait() == "failed"
    assert_alive(lab, guest, "lab-a")
    assert_all_received(lab)


def test_destination_libvirtd_killed(lab, endless):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    lab.hosts["lab-b"].kill_libvirtd()
    assert migration.wait() == "failed"
    lab.hosts["lab-b"].start()
    assert_alive(lab, guest, "lab-a")


def test_source_libvirtd_restarted(lab, endless):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    lab.hosts["lab-a"].restart_libvirtd(kill=True)
    assert migration.wait() == "error"
    assert_alive(lab, guest, "lab-a")


def test_opposite_directions_at_once(lab, light):
    guests = {"lab-a": lab.start_guest("lab-a", light), "lab-b": lab.start_guest("lab-b", light)}
    migrations = [lab.live_migrate(guests["lab-a"], "lab-b"), lab.live_migrate(guests["lab-b"], "lab-a")]
    assert [migration.wait() for migration in migrations] == ["completed", "completed"]
    assert_alive(lab, guests["lab-a"], "lab-b")
    assert_alive(lab, guests["lab-b"], "lab-a")
    assert_all_received(lab)


def test_second_of_one_host_waits_and_can_be_aborted(lab, light, endless):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    first, second = lab.start_guest("lab-a", endless), lab.start_guest("lab-a", light)
    running = lab.live_migrate(first, "lab-b")
    lab.wait_copying(first, "lab-a")
    waiting = lab.live_migrate(second, "lab-b")
    assert waiting.wait("queued") == "queued"
    waiting.abort()
    assert waiting.wait() == "cancelled"
    running.abort()
    assert running.wait() in ("failed", "cancelled")
    assert_alive(lab, second, "lab-a")


def test_paused_guest_stays_paused(lab, light):
    guest = lab.start_guest("lab-a", light, paused=True)
    beats = guest.heartbeat.count
    assert lab.live_migrate(guest, "lab-b").wait() == "completed"
    assert lab.runs_on(guest, "paused") == ["lab-b"] and lab.runs_on(guest) == []
    assert guest.heartbeat.count == beats
    assert lab.nova.database.instance(guest.uuid)["power_state"] == 3


def test_refused_destination_and_another_one_tried(lab, light):
    lab.nova.knobs["lab-b"].refuse = "no room here"
    guest = lab.start_guest("lab-a", light)
    lab.nova.conductor.candidates[guest.uuid] = ["lab-b", "lab-c"]
    migration = lab.live_migrate(guest)
    assert migration.wait() == "completed"
    assert_alive(lab, guest, "lab-c")
    assert migration.row["dest_compute"] == "lab-c"


def test_refused_everywhere(lab, light):
    lab.nova.knobs["lab-b"].refuse = "no room here"
    guest = lab.start_guest("lab-a", light)
    migration = lab.live_migrate(guest, "lab-b")
    assert migration.wait() == "error"
    assert_alive(lab, guest, "lab-a")
    assert steps_of(lab, guest, "live_migration") == []


def test_refused_by_pre_live_migration(lab, light):
    lab.nova.knobs["lab-b"].refuse_pre = "no volume here"
    guest = lab.start_guest("lab-a", light)
    migration = lab.live_migrate(guest, "lab-b")
    assert migration.wait("failed") == "failed"
    assert statuses(lab, migration) == ["queued", "preparing", "error", "failed"]
    assert_alive(lab, guest, "lab-a")


def test_lost_cast(lab, light):
    lab.nova.conductor.knobs.lose_cast = True
    guest = lab.start_guest("lab-a", light)
    migration = lab.live_migrate(guest, "lab-b")
    wait_for(lambda: lab.nova.journal.count(what="step", method="cast_lost"), 30, "the cast is lost")
    assert migration.status == "accepted"
    assert lab.runs_on(guest) == ["lab-a"]


def test_same_cast_twice(lab, light):
    lab.nova.conductor.knobs.duplicate_cast = True
    guest = lab.start_guest("lab-a", light)
    migration = lab.live_migrate(guest, "lab-b")
    wait_for(lambda: "completed" in statuses(lab, migration), 30, "the first cast's migration completes")
    assert_alive(lab, guest, "lab-b")
    assert len(steps_of(lab, guest, "live_migration")) == 2


def test_nova_never_starts_the_job(lab, light):
    lab.nova.knobs["lab-c"].never_start_job = True
    guest = lab.start_guest("lab-c", light)
    migration = lab.live_migrate(guest, "lab-b")
    assert migration.wait("running") == "running"
    assert_alive(lab, guest, "lab-c")
    lab.nova.restart_compute("lab-c")
    assert migration.wait() == "error"
    assert_all_received(lab)


def test_compute_upgraded_in_the_middle(lab):
    """libvirt finishes what it was told; the new nova-compute knows only that it was interrupted."""
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=60))
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    lab.nova.upgrade(alt_topic=True)
    try:
        assert migration.wait() == "error"
        wait_for(lambda: lab.runs_on(guest) == ["lab-b"], 20, "the job goes on")
        assert_alive(lab, guest, "lab-b")
    finally:
        lab.nova.upgrade(alt_topic=False)


def test_abort_by_a_stranger(lab, endless):
    """As Nova: with a project in the context the request id must be an operator's; without one it works."""
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", endless)
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    row = lab.nova.database.instance(guest.uuid)
    args = {"instance": lab.nova.conductor.instance_object(guest.uuid, "live_migration"),
            "migration_id": migration.row["id"]}
    context = {"is_admin": True, "request_id": "req-unknown", "project_id": row["project_id"]}
    refused = len(lab.nova.journal.find("raised", "InstanceActionEvent.event_start"))
    lab.nova.api.cast(context, "compute", "live_migration_abort", args, server="lab-a")
    wait_for(lambda: len(lab.nova.journal.find("raised", "InstanceActionEvent.event_start")) > refused, 30, "refused")
    assert migration.status == "running"
    lab.nova.api.cast({**context, "project_id": None}, "compute", "live_migration_abort", args, server="lab-a")
    assert migration.wait() in ("failed", "cancelled")
    assert_alive(lab, guest, "lab-a")


def test_cast_for_an_instance_that_is_not_there(lab, light):
    guest = lab.start_guest("lab-a", light)
    lab.nova.database.update_instance(guest.uuid, {"host": "lab-b", "node": "lab-b"})
    assert lab.live_migrate(guest, "lab-c").wait() == "error"
    assert_alive(lab, guest, "lab-a")


def test_second_topic(lab, light):
    lab.nova.upgrade(alt_topic=True)
    try:
        guest = lab.start_guest("lab-a", light)
        assert lab.live_migrate(guest, "lab-b").wait() == "completed"
    finally:
        lab.nova.upgrade(alt_topic=False)
    assert_alive(lab, guest, "lab-b")
    keys = {row["body"]["oslo.message"]["method"]: row["key"] for row in lab.tap.rows
            if row["body"]["oslo.message"]["args"].get("instance", {}).get("nova_object.data", {}).get(
                "uuid") == guest.uuid}
    assert keys == {
        "live_migrate_instance": "conductor",
        "check_can_live_migrate_destination": "compute.lab-b",
        "check_can_live_migrate_source": "compute.lab-a",
        "live_migration": "compute-alt.lab-a",
        "pre_live_migration": "compute-alt.lab-b",
        "post_live_migration_at_destination": "compute-alt.lab-b"}
    assert_all_received(lab)


def test_broker_away_in_the_middle(lab):
    lab.nova.knobs["lab-a"].bandwidth_mib_s = SLOW_MIB_S
    guest = lab.start_guest("lab-a", GuestLoad(working_set_mib=4, rate_mib_s=2, fill_mib=40))
    migration = lab.live_migrate(guest, "lab-b")
    lab.wait_copying(guest, "lab-a")
    lab.stop_broker()
    wait_for(lambda: lab.runs_on(guest) == ["lab-b"], 30, "libvirt goes on without the broker")
    lab.start_broker()
    assert migration.wait() == "completed"
    assert_alive(lab, guest, "lab-b")
