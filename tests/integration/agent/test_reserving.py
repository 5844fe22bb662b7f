"""Who asks first is told before: dry runs and reservations over RPC, by a real oslo.messaging client."""

import concurrent.futures
import json
import os
import uuid

import jsonschema
import pytest

from tests.integration.agent.world import DESTINATION, EASY, SOURCE, SOURCE_SAYS, TOP
from tests.lab import huge_pages
from tests.lab.process import wait_for

SMALL = {"memory_mib": 64, "vcpus": 1}
HUGE = {"memory_mib": 1 << 30}


def validate(definition, value):
    schemas = {}
    for name in ("rpc.schema.json", "report.schema.json"):
        with open(os.path.join(TOP, "schemas", name), encoding="utf-8") as schema:
            schemas[f"https://nova-migration-agent.invalid/schemas/{name}"] = json.load(schema)
    base = "https://nova-migration-agent.invalid/schemas/rpc.schema.json"
    resolver = jsonschema.RefResolver(base, schemas[base], store=schemas)
    jsonschema.Draft7Validator({"$ref": f"{base}#/definitions/{definition}"}, resolver=resolver).validate(value)


@pytest.fixture
def ask(world):
    """ask(method, …) -> the valid answer of the destination's agent."""
    def make(method, **arguments):
        answer = world.call(DESTINATION, method, **arguments)
        validate(f"{method}_result", answer)
        return answer
    return make


def promised(ask):
    return {entry["instance_uuid"]: entry for entry in ask("reservations")["reservations"]}


def test_dry_run(world, ask):
    world.agent(DESTINATION)
    instance = str(uuid.uuid4())
    good = ask("can_live_migrate", instance_uuid=instance, resources=SMALL)
    assert good["possible"] is True and good["verdict"] != "refused" and good["host"] == DESTINATION
    bad = ask("can_live_migrate", instance_uuid=instance, resources=HUGE)
    assert bad["possible"] is False and bad["verdict"] == "refused" and bad["reason"] == "memory_insufficient"
    memory = next(check for check in bad["checks"] if check["check"] == "memory")
    assert memory["needed"] == HUGE["memory_mib"] << 20 > memory["available"] > 0
    assert promised(ask) == {}


def test_reserve_renew_release(world, ask):
    world.agent(DESTINATION)
    instance = str(uuid.uuid4())
    before = ask("reservations")["promised_bytes"]
    made = ask("reserve", instance_uuid=instance, resources=SMALL, source=SOURCE)
    assert made["reserved"] and made["reservation"]["state"] == "soft" and made["reservation"]["source"] == SOURCE
    assert 590 <= made["reservation"]["expires_in_s"] <= 600
    again = ask("reserve", instance_uuid=instance, resources=SMALL)
    assert again["reserved"] and again["checks"] is None
    assert ask("reservations")["promised_bytes"] - before == 64 << 20
    assert ask("renew", instance_uuid=instance)["renewed"]
    refused = ask("reserve", instance_uuid=str(uuid.uuid4()), resources=HUGE)
    assert not refused["reserved"] and refused["reservation"] is None
    for _ in range(2):
        assert ask("release", instance_uuid=instance)["released"]
    late = ask("renew", instance_uuid=instance)
    assert not late["renewed"] and late["reason"] == "not_reserved"
    assert ask("reservations")["promised_bytes"] == before


def at_once(world, requests):
    """The answers to reserve, each of another instance, asked all at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as callers:
        return list(callers.map(lambda wanted: world.call(DESTINATION, "reserve", instance_uuid=str(uuid.uuid4()),
                                                          resources={**SMALL, **wanted}), requests))


def test_cores_and_disk_are_promised_once(world, ask):
    folder = world.lab.path("instances-reserved")
    os.makedirs(folder)
    world.agent(DESTINATION, nova_extra=f"instances_path = {folder}\n[compute]\ncpu_dedicated_set = 0-1\n")
    room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    answers = at_once(world, [{"cores": core} for core in ("0", "0", "0", "1", "0-1", "1")])
    assert sum(answer["reserved"] for answer in answers) in (1, 2)
    assert {answer["reason"] for answer in answers if not answer["reserved"]} == {"cores_taken"}
    taken = [core for entry in ask("reservations")["reservations"] for core in entry["cores"].split(",")]
    assert len(set(taken)) == len(taken)
    not_for_guests = ask("reserve", instance_uuid=str(uuid.uuid4()), resources={**SMALL, "cores": "2"})
    assert not not_for_guests["reserved"] and not_for_guests["reason"] == "cores_taken"
    answers = at_once(world, [{"disk_bytes": room * 2 // 5}] * 5)
    assert sum(answer["reserved"] for answer in answers) == 2
    assert {answer["reason"] for answer in answers if not answer["reserved"]} == {"disk_insufficient"}


def test_huge_pages(world, ask):
    """One more than the fullest node has is refused, in the kernel's own number; none is not asked for."""
    world.agent(DESTINATION)
    wanted = lambda pages: {"memory_mib": 2 * pages, "vcpus": 1, "huge_pages": [{"size_kib": 2048, "pages": pages}]}
    with huge_pages.alone():
        most = max(huge_pages.free_pages(), default=0)
        refused = ask("reserve", instance_uuid=str(uuid.uuid4()), resources=wanted(most + 1))
        assert not refused["reserved"] and refused["reason"] == "huge_pages_insufficient"
        pages = next(check for check in refused["checks"] if check["check"] == "reserved_huge_pages")
        assert (pages["needed"], pages["available"]) == (most + 1, most)
        if most > 0:
            assert ask("reserve", instance_uuid=str(uuid.uuid4()), resources=wanted(most))["reserved"]


def test_ports_are_promised_once(world, ask):
    world.agent(DESTINATION)
    for number in range(8):
        answer = ask("reserve", instance_uuid=str(uuid.uuid4()), resources={**SMALL, "ports": 8})
        assert answer["reserved"], answer
    refused = ask("reserve", instance_uuid=str(uuid.uuid4()), resources={**SMALL, "ports": 1})
    assert not refused["reserved"] and refused["reason"] == "ports_insufficient"


def test_wrong_arguments_are_said(world):
    world.agent(DESTINATION)
    for arguments in ({"instance_uuid": "x"}, {"instance_uuid": str(uuid.uuid4()), "resources": {"memory_mib": -1}}):
        with pytest.raises(Exception, match="instance_uuid|memory_mib"):
            world.call(DESTINATION, "reserve", **arguments)


def test_the_source_tells_how_large_the_guest_is(world, ask):
    world.both()
    guest = world.guest(EASY)
    made = ask("reserve", instance_uuid=guest.uuid, source=SOURCE)
    assert made["reserved"] and made["reservation"]["memory_bytes"] == guest.identity.memory_mib << 20
    stranger = ask("reserve", instance_uuid=str(uuid.uuid4()), source=SOURCE)
    assert not stranger["reserved"] and stranger["reason"] == "size_unknown"
    unasked = ask("reserve", instance_uuid=str(uuid.uuid4()))
    assert not unasked["reserved"] and unasked["reason"] == "size_unknown"


def test_reserved_before_nova_begins(world, ask):
    """The promise is used by the migration that follows, and is gone when the guest has arrived."""
    world.both()
    guest = world.guest(EASY)
    assert ask("reserve", instance_uuid=guest.uuid, source=SOURCE)["reserved"]
    world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))
    assert promised(ask) == {}


def test_the_sources_agent_reserves(world, ask):
    """The destination's tap is off: without the source's agent it would know nothing before the guest arrives."""
    world.agent(SOURCE)
    world.agent(DESTINATION, sections={"tap": {"queue_type": "off"}})
    guest = world.guest(EASY)
    world.knobs().held.add("preparing")
    migration = world.lab.live_migrate(guest, DESTINATION)
    wait_for(lambda: promised(ask).get(guest.uuid), 30, "the reservation is there while Nova still prepares", 0.2)
    entry = promised(ask)[guest.uuid]
    world.knobs().held.clear()
    assert entry["state"] == "soft" and entry["source"] == SOURCE
    assert entry["migration_uuid"] == migration.row["uuid"]
    assert migration.wait() == "completed"
    world.wait(guest, DESTINATION, "commitment.end", timeout=90)
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    assert promised(ask) == {}
    world.check_reports(guest)


def test_a_refusal_is_reported_by_the_source_too(world, ask):
    """Nova does not know and goes on; what the source's agent was told stands in a progress report."""
    world.agent(SOURCE)
    world.agent(DESTINATION, nova_extra="reserved_host_memory_mb = 100000000\n", sections={"tap": {"queue_type": "off"}})
    guest = world.guest(EASY)
    world.knobs().held.add("preparing")
    migration = world.lab.live_migrate(guest, DESTINATION)
    wait_for(lambda: any(report["reason"] == "memory_insufficient"
                         for report in world.reports.all(guest.uuid, SOURCE)), 30, "the refusal is told")
    world.knobs().held.clear()
    assert migration.wait() == "completed"
    world.wait(guest, SOURCE, "commitment.end", timeout=90)
    assert world.said(guest, SOURCE) == SOURCE_SAYS
    world.check_reports(guest)


def test_on_the_command_line(world, ask):
    source, destination = world.both()
    guest = world.guest(EASY)
    code, output = source.command("can-migrate", guest.uuid, "--to", DESTINATION, "--all", timeout=40)
    assert code in (0, 5), output  # 5: a check that could not be made here
    assert DESTINATION in output and "memory" in output
    code, output = source.command("can-migrate", guest.uuid, "--to", DESTINATION, "--memory", str(1 << 30), timeout=40)
    assert code == 4 and "refused" in output and "MiB" in output, output
    code, output = source.command("can-migrate", guest.uuid, "--to", DESTINATION, "--to", "nowhere", "--json", timeout=40)
    good, bad = json.loads(output)
    validate("can_live_migrate_result", good)
    assert code == 1 and good["host"] == DESTINATION and bad == {"host": "nowhere", "error": "no agent listens there"}

    assert destination.command("reservations") == (0, "nothing is reserved on this host\n")
    assert ask("reserve", instance_uuid=guest.uuid, source=SOURCE)["reserved"]
    code, output = destination.command("reservations")
    assert code == 0 and guest.uuid in output and "soft" in output
    code, output = destination.command("reservations", "--json")
    assert json.loads(output)["reservations"][0]["instance_uuid"] == guest.uuid
