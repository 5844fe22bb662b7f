"""Whoever may publish on Nova's exchange can send the agent anything: it counts, warns without a word of the content,
and goes on. Nova's part is kept out of it: it does not listen on compute-alt here, and is away where `compute` is used."""

import datetime
import json
import os
import re

import pytest

from tests.integration.agent import hostile
from tests.integration.agent.world import DESTINATION, SOURCE
from tests.lab.process import wait_for

HUGE = 100 << 20
# of one burst: allocator's slack, not messages
GROWTH_KIB = 6 * 1024


@pytest.fixture
def publisher(lab):
    made = hostile.Publisher(lab.url)
    yield made
    made.close()


def memory_kib(agent, what="VmRSS"):
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
        return int(re.search(rf"^{what}:\s+(\d+) kB", status.read(), re.M)[1])


def has_sanitizer(agent):
    """Its shadow and quarantine say nothing of the agent's own memory."""
    with open(f"/proc/{agent.process.pid}/maps", encoding="utf-8") as maps:
        return re.search(r"lib[at]san", maps.read()) is not None


def tap(agent):
    return agent.status()["tap"]


def feed(world, publisher, agent, key, bodies):
    """Sends, and waits until the tap has seen all of it; returns how the tap's counters grew."""
    before = tap(agent)
    sent = 0
    for body in bodies:
        publisher.send(body, key)
        sent += 1
    # more than sent: probes do not count, but Nova's own messages do
    wait_for(lambda: tap(agent)["seen_total"] - before["seen_total"] >= sent, 60,
             f"{sent} messages to {key} pass the tap", 0.2)
    after = tap(agent)
    return {name: after[name] - before[name] for name in after}


def places_of(world, agent):
    """Everything that the agent writes: (name, bytes)."""
    lab = world.lab
    yield "log", agent.log_text().encode()
    yield "status", agent.command("status", "--json")[1].encode()
    yield "reports", json.dumps([*world.reports.all(), *world.reports.repeats]).encode()
    files = [lab.path(f"{agent.name}.prom")]
    for folder in (lab.path(f"agent-{agent.host_name}"), lab.path(f"run-{agent.host_name}")):
        files += [os.path.join(folder, name) for name in os.listdir(folder)]
    for path in files:
        if os.path.isfile(path):
            with open(path, "rb") as content:
                yield path, content.read()


def assert_nothing_is_repeated(world, agent):
    needle = hostile.MARK.encode()
    found = [(name, content[max(0, content.index(needle) - 200):][:400])
             for name, content in places_of(world, agent) if needle in content]
    assert not found
    assert any(content for name, content in places_of(world, agent) if name.endswith("agent.db"))


def assert_still_itself(world, agent, pid):
    """The same process, healthy, and a real migration is told completely."""
    assert agent.process.pid == pid and agent.process.running()
    assert agent.status()["health"] == "ok"
    guest = world.guest()
    world.check_success(guest, world.lab.live_migrate(guest, DESTINATION))


def warnings(agent):
    return [line for line in agent.log_text().splitlines() if "could not be understood" in line]


def assert_rate_limited(agent):
    """At most five in a minute, which begins with the first: so no eleven within one."""
    when = [datetime.datetime.fromisoformat(line[:23]) for line in warnings(agent)]
    assert all((later - first).total_seconds() >= 60 for first, later in zip(when, when[10:]))


@pytest.mark.parametrize("topic", ["compute-alt", "compute"])
def test_garbage_on_the_topics_of_nova(world, publisher, topic):
    agent, _ = world.both()
    pid = agent.process.pid
    if topic == "compute":
        world.lab.nova.stop_compute(SOURCE)
    try:
        grown = feed(world, publisher, agent, f"{topic}.{SOURCE}", hostile.to_the_tap())
        # a good part of it does not even get to the parser: no method of a live migration is in it
        assert grown["malformed_total"] > 100
        assert grown["matched_total"] > 30

        rss = memory_kib(agent)
        for _ in range(5):
            feed(world, publisher, agent, f"{topic}.{SOURCE}", hostile.to_the_tap())
        if not has_sanitizer(agent):
            assert memory_kib(agent) - rss < GROWTH_KIB
    finally:
        if topic == "compute":
            publisher.delete_queue(f"compute.{SOURCE}")  # Nova's: what it would find there is not its subject
            world.lab.nova.start_compute(SOURCE)
    assert_still_itself(world, agent, pid)
    wait_for(lambda: warnings(agent), 30, "the log says that there was garbage", 0.2)
    assert_rate_limited(agent)
    assert_nothing_is_repeated(world, agent)
    with open(world.lab.path(f"{agent.name}.prom"), encoding="utf-8") as metrics:
        assert int(re.search(r"^nova_migration_agent_malformed_total (\d+)$", metrics.read(), re.M)[1]) > 100


def test_garbage_to_our_own_server_and_replies(world, publisher):
    agent, _ = world.both()
    pid = agent.process.pid
    queues = json.loads(world.lab.broker.rabbitmqctl("list_queues", "--formatter", "json", "name"))
    replies = [queue["name"] for queue in queues if queue["name"].startswith("nova_migration_agent.reply_")]
    assert replies
    before = agent.status()["server"]["malformed_total"]
    for _ in range(3):
        for body in [*hostile.to_our_server(), *hostile.to_the_tap()]:
            publisher.send(body, f"nova_migration_agent.{SOURCE}")
        for body in [*hostile.to_our_replies(), *hostile.bodies_without_envelope()]:
            for queue in replies:
                publisher.send(body, queue, exchange="")
    # the server answers in order: once this one is answered, all before it are done with
    assert world.call(SOURCE, "hello")["host"] == SOURCE
    assert agent.status()["server"]["malformed_total"] - before > 100
    assert agent.status()["mode"] == "advise"
    assert_still_itself(world, agent, pid)
    wait_for(lambda: warnings(agent), 30, "the log says that there was garbage", 0.2)
    assert_nothing_is_repeated(world, agent)


def test_bodies_of_100_megabytes(world, publisher):
    agent, _ = world.both()
    pid, high = agent.process.pid, memory_kib(agent, "VmHWM")
    start = hostile.envelope(hostile.request("live_migration", {"instance": hostile.MARK}))[:-2]
    body = start + b"x" * (HUGE - len(start) - 2) + b'"}'
    grown = feed(world, publisher, agent, f"compute-alt.{SOURCE}", [body] * 3)
    assert grown["oversize_total"] == 3
    publisher.send(body, f"nova_migration_agent.{SOURCE}")
    assert world.call(SOURCE, "hello", timeout=60)["host"] == SOURCE
    if not has_sanitizer(agent):
        # frame by frame: not one of them was ever held
        assert memory_kib(agent, "VmHWM") - high < GROWTH_KIB
    # just below the bound is looked into, and found to be no envelope
    grown = feed(world, publisher, agent, f"compute-alt.{SOURCE}", [body[:(1 << 20) - 1]] * 20)
    assert grown["oversize_total"] == 0 and grown["malformed_total"] == 20
    assert_still_itself(world, agent, pid)
    wait_for(lambda: re.search(r"\b4 were too large|\b3 were too large", agent.log_text()), 30,
             "the log says that some were too large", 0.2)
    assert_nothing_is_repeated(world, agent)
