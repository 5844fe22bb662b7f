"""CPU of an agent while one migration runs, and while messages that are not its own pass the tap. The peer is a bare
oslo.messaging server that is sent the same messages."""

import json
import os
import subprocess
import time
import uuid

from tests.lab.domain import GuestLoad
from tests.lab.recorded import recording

from . import figures

SLOW = GuestLoad(working_set_mib=16, rate_mib_s=6, fill_mib=48)


def one_migration(lab):
    agents = {name: figures.fresh_agent(lab, name, sections={"reports": {"progress_interval_ms": 1000}})
              for name in lab.hosts}
    here, there = lab.hosts
    guest = lab.start_guest(here, SLOW)
    try:
        figures.settle(3)
        with figures.Load(agents[here].process.pid) as idle:
            figures.settle(10)
        lab.nova.knobs[here].bandwidth_mib_s = 8
        migration = lab.live_migrate(guest, there)
        lab.wait_copying(guest, here)
        with figures.Load(agents[here].process.pid) as source, figures.Load(agents[there].process.pid) as destination:
            if migration.wait() != "completed":
                raise RuntimeError("the migration failed: no figure")
        figures.say("CPU, idle agent", f"{idle.per_cent:.2f} % of one processor")
        figures.say("CPU, one migration", f"source {source.per_cent:.2f} %, destination {destination.per_cent:.2f} % "
                    f"of one processor, over {source.seconds:.1f} s")
    finally:
        for agent in agents.values():
            agent.stop()
        lab.nova.reset_knobs()
        lab.remove_guest(guest)


def unrelated_body(path):
    """A recorded request of Nova, of its true size, under the name of another method."""
    message = dict(recording().requests["live_migration"], method="unrelated", _unique_id=uuid.uuid4().hex)
    message["args"] = {"instance": message["args"]["instance"]}
    with open(path, "w", encoding="utf-8") as body:
        json.dump({"oslo.version": "2.0", "oslo.message": json.dumps(message)}, body)
    return os.path.getsize(path)


def publish(lab, key, path, rate, seconds):
    done = subprocess.run([figures.program("publish"), lab.url, "nova", key, path, str(rate), str(seconds)], check=True,
                          capture_output=True, text=True)
    sent, took = done.stdout.split()
    return int(sent), float(took)


def unrelated_messages(lab):
    rate, seconds = figures.count("RATE", 5000), figures.count("SECONDS", 20)
    name = next(iter(lab.hosts))
    path = lab.path("unrelated.json")
    size = unrelated_body(path)
    agent = figures.fresh_agent(lab, name)
    try:
        before = agent.status()["tap"]
        # Nova's part does not listen on compute-alt here: only the tap gets them
        with figures.Load(agent.process.pid) as load:
            sent, took = publish(lab, f"compute-alt.{name}", path, rate, seconds)
        own = after_all(lambda: agent.status()["tap"]["seen_total"]) - before["seen_total"]
        rss = figures.memory_kib(agent.process.pid)
    finally:
        agent.stop()
    with figures.OsloServer(lab.url, "bench", "cpu") as server:
        with figures.Load(server.pid) as peer:
            publish(lab, "bench.cpu", path, min(rate, 500), seconds)
    peer_messages = min(rate, 500) * seconds
    figures.say("CPU, unrelated messages on the tap",
                f"{load.per_cent:.1f} % of one processor at {sent / took:.0f}/s of {size} bytes ({own} of {sent} "
                f"passed; {mib_s(size, own, took)}), {1e6 * load.cpu_s / max(own, 1):.1f} µs each; "
                f"{rss[0] / 1024:.1f} MiB resident after it")
    figures.say("  peer: bare oslo.messaging server",
                f"{1e6 * peer.cpu_s / peer_messages:.0f} µs each (at {min(rate, 500)}/s: {peer.per_cent:.1f} %); ratio "
                f"{peer.cpu_s / peer_messages / (load.cpu_s / max(own, 1)):.0f}")


def after_all(counter, patience_s=10):
    """The counter's value once it stands still."""
    last, deadline = counter(), time.monotonic() + patience_s
    while time.monotonic() < deadline:
        time.sleep(0.5)
        value = counter()
        if value == last:
            break
        last = value
    return last


def mib_s(size, number, seconds):
    return f"{size * number / seconds / (1 << 20):.0f} MiB/s"
