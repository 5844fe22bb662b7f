"""Memory of an idle agent beside a bare oslo.messaging RPC server, and whether it grows."""

import json
import os
import subprocess
import uuid

import kombu

from tests.lab.process import wait_for
from tests.lab.recorded import read_lines, rename

from . import figures
from .stopwatch import Stopwatch

GOAL_RESIDENT_MIB, GOAL_ANONYMOUS_MIB = 26, 6
SETTLE_S = 20
RECORDING = os.path.join(figures.TOP, "tests", "data", "real-nova", "block-slow", "tap.jsonl")


def mib(kib):
    return f"{kib / 1024:.1f} MiB"


def idle(lab):
    name = next(iter(lab.hosts))
    agent = figures.fresh_agent(lab, name)
    try:
        with figures.OsloServer(lab.url, "bench", "memory") as peer:
            figures.settle(SETTLE_S)
            own, other = figures.memory_kib(agent.process.pid), figures.memory_kib(peer.pid)
        figures.say("memory, idle agent, resident", f"{mib(own[0])}; "
                    + figures.verdict(own[0] / 1024, GOAL_RESIDENT_MIB, "MiB"))
        figures.say("memory, idle agent, anonymous", f"{mib(own[1])}; "
                    + figures.verdict(own[1] / 1024, GOAL_ANONYMOUS_MIB, "MiB"))
        figures.say("  peer: bare oslo.messaging server", f"{mib(other[0])} resident, {mib(other[1])} anonymous; "
                    f"ratio {other[0] / own[0]:.1f} resident, {other[1] / own[1]:.1f} anonymous")
        with Stopwatch(lab):  # somebody listens, else the reports stay in the outbox
            real_messages(lab, agent, name)
    finally:
        agent.stop()


def send_recorded(lab, host, number):
    """Nova's recorded casts and checks, each for an instance of its own, where only the tap hears them."""
    lines = read_lines(RECORDING)
    with kombu.Connection(lab.url.replace("rabbit://", "amqp://", 1)) as connection:
        producer = connection.Producer(serializer=None)
        for count in range(number):
            message = rename(lines[count % len(lines)]["body"]["oslo.message"], {
                "instance_uuid": str(uuid.uuid4()), "migration_uuid": str(uuid.uuid4()), "source": host})
            message["_unique_id"] = uuid.uuid4().hex
            body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})
            producer.publish(body, exchange="nova", routing_key=f"compute-alt.{host}", content_type="application/json",
                             content_encoding="utf-8")


def real_messages(lab, agent, host):
    """The first round warms up: heap, caches, SQLite's pages."""
    rounds = []
    for _ in range(4):
        seen = agent.status()["tap"]["matched_total"]
        send_recorded(lab, host, 200)
        wait_for(lambda: agent.status()["tap"]["matched_total"] >= seen + 200, 60, "200 messages were decoded", 0.2)
        figures.wait_idle(agent)
        rounds.append(figures.memory_kib(agent.process.pid))
    figures.say("memory, each 200 real messages", "resident " + ", ".join(mib(r[0]) for r in rounds)
                + "; anonymous " + ", ".join(mib(r[1]) for r in rounds))


def growth():
    """All of the agent but its connections, in virtual time."""
    total = figures.count("SIMULATED", 10_000)
    done = subprocess.run([figures.program("migrations"), RECORDING, str(total)], check=True, capture_output=True,
                          text=True)
    *rows, last = [line.split() for line in done.stdout.splitlines()]
    first, final = [[int(field) for field in row] for row in (rows[0], rows[-1])]
    figures.say(f"memory, {final[0]:,} simulated migrations",
                f"resident {first[1]} KiB after {first[0]:,}, {final[1]} KiB at the end ({final[1] - first[1]:+d}); "
                f"anonymous {first[2]}, {final[2]} ({final[2] - first[2]:+d}); "
                f"malloc {first[3]}, {final[3]} ({final[3] - first[3]:+d}); {last[1]} reports")
