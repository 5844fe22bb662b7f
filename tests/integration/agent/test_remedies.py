"""Each remedy makes a migration end that never would by itself, with the real downtime within the policy's cap."""

import datetime
import json
import os

import jsonschema
import pytest

from tests.integration.agent.world import DESTINATION, HARD, LONG, LONG_MIB_S, SOURCE, TOP
from tests.lab.process import wait_for

OWN = ("event_type", "publisher_id", "arrived", "message_id")
# 64 MiB dirtied all the time at 16 MiB/s: the whole set takes 4 s
CAP_MS = 7000
SWITCHOVER_MS = 500  # on two processors that do other work too


def steering(world, nova_extra="", **groups):
    """An agent on the source that acts."""
    sections = {"agent": {"mode": "steer"}}
    sections.update({name.replace("_", "-"): options for name, options in groups.items()})
    world.agent(SOURCE, sections=sections, nova_extra=nova_extra)
    world.agent(DESTINATION)
    world.slow_link()
    return world.guest(HARD)


def remedy(world, guest, name, outcome="applied", timeout=90):
    def there():
        return next((r for r in world.reports.remedies(guest.uuid)
                     if r["remedy"] == name and r["outcome"] == outcome), None)
    return wait_for(there, timeout, f"{name} is {outcome}; there is {world.reports.remedies(guest.uuid)}", 0.1)


def check(world, guest):
    """What holds for every remedy: valid by the schema, at most one a pass."""
    with open(os.path.join(TOP, "schemas", "remedy.schema.json"), encoding="utf-8") as schema:
        validator = jsonschema.Draft7Validator(json.load(schema))
    passes = []
    for report in world.reports.remedies(guest.uuid):
        validator.validate({key: value for key, value in report.items() if key not in OWN})
        assert report["event_type"] == f"live_migration.remedy.{report['outcome']}"
        assert report["host"] == SOURCE
        passes.append(report["iteration"])
    assert len(passes) == len(set(passes)), passes
    assert not [r for r in world.reports.remedies(guest.uuid) if r["outcome"] == "failed"]


def real_downtime_ms(world, guest):
    return world.wait(guest, SOURCE, "commitment.end")["statistics"]["downtime_ms"]


def test_downtime_is_raised(world):
    guest = steering(world, policy={"name": "must-finish"}, agent={"mode": "steer", "traces": 1},
                     policy_must_finish={"max_downtime_ms": CAP_MS, "ladder": "downtime"})
    migration = world.lab.live_migrate(guest, DESTINATION)
    done = remedy(world, guest, "downtime")
    assert migration.wait() == "completed"
    assert done["before"] == 50 and done["after"] == done["value"] <= CAP_MS
    assert done["reason"] == "needs_downtime" and done["policy"] == "must-finish" and done["way"] == "libvirt"
    # no more than it needs: 4 s
    assert done["value"] < 6000
    assert real_downtime_ms(world, guest) <= CAP_MS + SWITCHOVER_MS
    world.lab.wait_beats(guest)
    check(world, guest)
    decided_again(world, done)


def decided_again(world, done):
    """The recorded trace under the same policy, offline: the same remedy at the same sync."""
    folder = world.lab.path(f"agent-{SOURCE}/traces")
    name, = os.listdir(folder)
    code, output = world.agents[SOURCE].command("replay", "--json", "--policy", "must-finish",
                                                os.path.join(folder, name))
    assert code == 0
    again, = [one for one in map(json.loads, output.splitlines()) if one["kind"] == "remedy"]
    for key in ("remedy", "reason", "value", "expected_ms", "cap_ms", "iteration", "policy", "way"):
        assert again[key] == done[key], key


def test_bandwidth_is_raised(world):
    """Nova's own limit holds it up, and the host's migrations may have more together."""
    guest = steering(world, "[libvirt]\nlive_migration_bandwidth = 16\n", policy={"max_speed_mib_s": 400})
    migration = world.lab.live_migrate(guest, DESTINATION)
    done = remedy(world, guest, "speed")
    assert done["before"] == 16 * 2**20 and done["after"] == done["value"] == 400 * 2**20
    assert done["policy"] == "careful" and done["reason"] == "speed_limit"
    assert migration.wait() == "completed"
    assert real_downtime_ms(world, guest) <= 500 + SWITCHOVER_MS
    check(world, guest)


def test_post_copy_through_nova(world):
    if not world.lab.post_copy_possible:
        pytest.skip(world.lab.post_copy_reason)
    guest = steering(world, "[libvirt]\nlive_migration_permit_post_copy = true\n", policy={"name": "must-finish"},
                     policy_must_finish={"max_downtime_ms": 500})
    world.knobs().post_copy = True
    migration = world.lab.live_migrate(guest, DESTINATION)
    done = remedy(world, guest, "post-copy")
    assert done["way"] == "nova" and done["reason"] == "hopeless"
    assert done["command"] == f"openstack server migration force complete {guest.uuid} {done['migration_id']}"
    assert migration.wait() == "completed"
    world.wait(guest, SOURCE, "commitment.end")
    assert "post_copy.start" in world.said(guest, SOURCE)
    assert world.lab.nova.journal.count(what="received", method="live_migration_force_complete") >= 1
    check(world, guest)
    world.check_reports(guest)


def test_pause_within_the_cap(world):
    """The policy is the flavor's: the host's own is careful, which would never do that."""
    guest = steering(world, policy_must_finish={"max_downtime_ms": 500, "max_pause_ms": CAP_MS})
    of_the_flavor(world, guest, "must-finish")
    migration = world.lab.live_migrate(guest, DESTINATION)
    done = remedy(world, guest, "pause")
    assert done["expected_ms"] <= CAP_MS == done["cap_ms"]
    assert migration.wait() == "completed"
    assert real_downtime_ms(world, guest) <= CAP_MS + SWITCHOVER_MS
    assert world.wait(guest, SOURCE, "stop_and_copy.end")["cause"] == "forced"
    assert world.lab.runs_on(guest) == [DESTINATION]
    world.lab.wait_beats(guest)
    check(world, guest)


def of_the_flavor(world, guest, policy):
    flavor = world.lab.nova.database.instance(guest.uuid)["flavor"]
    flavor["nova_object.data"]["extra_specs"] = {"nova_migration_agent:policy": policy}
    world.lab.nova.database.update_instance(guest.uuid, {"flavor": flavor})


def at(report):
    return datetime.datetime.fromisoformat(report["occurred_at"].replace("Z", "+00:00"))


def test_killed_in_a_pause(world):
    """kill -9 while the guest stands still by our order, on a link that has become too slow to end it: the agent that is
    started knows that the pause is its own, by the flavor's policy, and ends it at the cap."""
    cap_ms = 20000
    guest = steering(world, policy_must_finish={"max_downtime_ms": 500, "max_pause_ms": cap_ms})
    of_the_flavor(world, guest, "must-finish")
    migration = world.lab.live_migrate(guest, DESTINATION)
    paused = remedy(world, guest, "pause")
    world.lab.hosts[SOURCE].domain(guest.uuid).migrateSetMaxSpeed(1)
    world.agents[SOURCE].kill()
    world.agents[SOURCE].start()
    done = remedy(world, guest, "abort")
    assert done["reason"] == "pause_time" and done["policy"] == "must-finish" and done["way"] == "libvirt"
    assert done["cap_ms"] == cap_ms and done["attempt_id"] == paused["attempt_id"]
    assert migration.wait("cancelled") in ("cancelled", "failed", "error")
    wait_for(lambda: world.lab.runs_on(guest) == [SOURCE], 30, "the guest runs where it was", 0.1)
    world.lab.wait_beats(guest)
    # not before its time, and not above the cap
    assert 0.8 * cap_ms <= (at(done) - at(paused)).total_seconds() * 1000 <= cap_ms + SWITCHOVER_MS


def test_killed_and_started_again_holds_what_it_raised(world):
    """Nova's ladder moves the downtime back while no agent is there: the next one still knows what it had raised it to."""
    guest = steering(world, policy_must_finish={"max_downtime_ms": 2000, "ladder": "downtime"})
    of_the_flavor(world, guest, "must-finish")
    migration = world.lab.live_migrate(guest, DESTINATION)
    raised = remedy(world, guest, "downtime")
    assert raised["value"] == 2000  # it needs 4 s: held, and not enough
    world.agents[SOURCE].kill()
    domain = world.lab.hosts[SOURCE].domain(guest.uuid)
    domain.migrateSetMaxDowntime(95)
    world.agents[SOURCE].start()
    wait_for(lambda: domain.migrateGetMaxDowntime() == 2000, 60, "it is held again", 0.1)
    again = wait_for(lambda: next((r for r in world.reports.remedies(guest.uuid) if r["reason"] == "moved_back"), None),
                     30, "that is said", 0.1)
    assert again["policy"] == "must-finish" and (again["before"], again["after"]) == (95, 2000)
    migration.abort()
    assert migration.wait("cancelled") == "cancelled"
    check(world, guest)


def test_hopeless_is_aborted_through_nova(world):
    guest = steering(world, policy_careful={"hopeless_s": 5})
    migration = world.lab.live_migrate(guest, DESTINATION)
    done = remedy(world, guest, "abort")
    assert done["way"] == "nova" and done["reason"] == "hopeless"
    assert migration.wait("cancelled") == "cancelled"
    assert world.lab.runs_on(guest) == [SOURCE]
    world.lab.wait_beats(guest)
    # the cap stays Nova's own
    assert remedy(world, guest, "downtime")["after"] <= 500
    check(world, guest)


def check_refused_abort(world, guest, migration, reason):
    """Nova has ended it, by its own word, before data flowed."""
    done = remedy(world, guest, "abort")
    assert migration.wait("cancelled") == "cancelled"
    assert (done["reason"], done["refused_for"], done["way"]) == ("refused", reason, "nova"), done
    assert done["refusal"] in done["said"] and done["iteration"] is None
    assert world.lab.runs_on(guest) == [SOURCE]
    assert world.wait(guest, SOURCE, "pre_migration.error")
    assert "pre_copy.start" not in world.said(guest, SOURCE)
    assert world.lab.nova.journal.count(what="received", method="live_migration_abort") >= 1
    world.lab.wait_beats(guest)
    check(world, guest)
    world.check_reports(guest)
    return done


def test_refused_is_aborted_while_nova_prepares(world):
    flag = world.lab.path("maintenance")
    with open(flag, "w", encoding="ascii"):
        pass
    world.agent(SOURCE, sections={"agent": {"mode": "steer"}, "checks": {"on_refusal": "abort"}})
    world.agent(DESTINATION, sections={"checks": {"maintenance_file": flag}})
    world.knobs(DESTINATION).held.add("pre_live_migration")
    guest = world.guest()
    migration = world.lab.live_migrate(guest, DESTINATION)
    remedy(world, guest, "abort")
    wait_for(lambda: guest.uuid not in world.lab.nova.computes[SOURCE].waiting, 30, "Nova has taken the abort", 0.1)
    world.knobs(DESTINATION).held.clear()
    done = check_refused_abort(world, guest, migration, "host_in_maintenance")
    assert done["command"] == f"openstack server migration abort {guest.uuid} {done['migration_id']}"
    os.unlink(flag)


def test_refused_is_aborted_in_novas_queue(world):
    """It waits behind one that copies, which is left alone."""
    world.agent(SOURCE, sections={"agent": {"mode": "steer"}, "checks": {"on_refusal": "abort"}})
    world.agent(DESTINATION, sections={"checks": {"max_incoming": 1}})
    world.slow_link(LONG_MIB_S)
    first, second = world.guest(LONG), world.guest()
    one = world.lab.live_migrate(first, DESTINATION)
    world.wait(first, DESTINATION, "reservation.end")
    two = world.lab.live_migrate(second, DESTINATION)
    done = check_refused_abort(world, second, two, "incoming_limit")
    assert "max_incoming allows 1" in done["refusal"], done
    assert one.wait() == "completed"
    assert world.lab.runs_on(first) == [DESTINATION]


def test_refused_is_only_reported(world):
    """The default, in mode steer too."""
    flag = world.lab.path("maintenance")
    with open(flag, "w", encoding="ascii"):
        pass
    world.agent(SOURCE, sections={"agent": {"mode": "steer"}})
    world.agent(DESTINATION, sections={"checks": {"maintenance_file": flag}})
    world.knobs(DESTINATION).held.add("pre_live_migration")
    guest = world.guest()
    migration = world.lab.live_migrate(guest, DESTINATION)
    assert world.wait(guest, DESTINATION, "reservation.error")["reason"] == "host_in_maintenance"
    world.knobs(DESTINATION).held.clear()
    assert migration.wait() == "completed"
    os.unlink(flag)
    assert world.reports.remedies(guest.uuid) == []
    assert "host_in_maintenance" in [report["reason"] for report in world.reports.all(guest.uuid)
                                     if report["host"] == SOURCE]


def test_advice_is_given_once_and_with_a_command(world):
    world.both()
    guest = world.guest(HARD)
    world.slow_link()
    migration = world.lab.live_migrate(guest, DESTINATION)
    advice = remedy(world, guest, "downtime", "advised")
    assert advice["command"] == f"virsh migrate-setmaxdowntime {guest.uuid} 500"
    assert world.lab.hosts[SOURCE].domain(guest.uuid).migrateGetMaxDowntime() == 50
    migration.abort()
    assert migration.wait("cancelled") == "cancelled"
    assert [r["outcome"] for r in world.reports.remedies(guest.uuid)] == ["advised"]
    check(world, guest)


def test_set_mode_observe_ends_it(world):
    guest = steering(world, policy={"name": "must-finish"},
                     policy_must_finish={"max_downtime_ms": CAP_MS, "ladder": "downtime"})
    assert world.call(SOURCE, "set_mode", mode="observe") == {"mode": "observe"}
    migration = world.lab.live_migrate(guest, DESTINATION)
    domain = world.lab.hosts[SOURCE].domain(guest.uuid)
    world.lab.wait_copying(guest, SOURCE)
    wait_for(lambda: domain.jobStats().get("memory_iteration", 0) >= 5, 90, "five passes went by", 0.1)
    assert domain.migrateGetMaxDowntime() == 50
    assert world.reports.remedies(guest.uuid) == []
    migration.abort()
    assert migration.wait("cancelled") == "cancelled"
