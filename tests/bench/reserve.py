"""Reservations: round trip of one over the bus, how many a second, the verdict on a real guest that its source's agent
describes, all checks made, and the verdict on a host that is full of guests. The peer is the same client's call of a bare oslo.messaging server that does nothing."""

import concurrent.futures
import subprocess
import time
import uuid

import oslo_messaging

from tests.lab.process import wait_for
from tests.lab.rpc import configuration

from . import figures

GOAL_P99_MS = 20
GOAL_VERDICT_MS = 500
GUESTS = 500
CALLERS = 16
SIZE = {"memory_mib": 1, "vcpus": 1}


def round_trips_ms(call, number):
    taken = []
    for _ in range(number):
        began = time.monotonic()
        call()
        taken.append(1000 * (time.monotonic() - began))
    return taken


def told(values):
    return (f"p50 {figures.percentile(values, 50):.1f} ms, p99 {figures.percentile(values, 99):.1f} ms, "
            f"worst {max(values):.1f} ms of {len(values)}")


def made_whole(answer):
    """Nothing was left out for want of time."""
    for check in answer["checks"]:
        if "had no answer within" in check["text"]:
            raise RuntimeError(f"{check['check']}: {check['text']}")
    return answer


def measure_verdict(lab, transport):
    """can_live_migrate with a source: libvirt, files and ports of both hosts are looked at each time."""
    source, destination = list(lab.hosts)[:2]
    agents = [figures.fresh_agent(lab, host) for host in (source, destination)]
    guest = lab.start_guest(source)
    target = oslo_messaging.Target(topic="nova_migration_agent", server=destination, version="1.1",
                                   namespace="nova_migration_agent")
    client = oslo_messaging.get_rpc_client(transport, target, timeout=30)

    def ask():
        made_whole(client.call({}, "can_live_migrate", instance_uuid=guest.uuid, source=source))
    try:
        cold = round_trips_ms(lambda: client.call({}, "can_live_migrate", instance_uuid=guest.uuid, source=source), 1)
        wait_for(lambda: round_trips_ms(ask, 1), 20, "libvirt knows its QEMU")
        taken = round_trips_ms(ask, figures.count("VERDICTS", 100))
    finally:
        lab.remove_guest(guest)
        for agent in agents:
            agent.stop()
    figures.say("verdict on a guest, all checks", f"{told(taken)}; first {cold[0]:.0f} ms; "
                f"{figures.verdict(figures.percentile(taken, 99), GOAL_VERDICT_MS, 'ms at p99')}")


def measure(lab):
    host = next(iter(lab.hosts))
    number = figures.count("RESERVATIONS", 500)
    transport = oslo_messaging.get_rpc_transport(configuration(), lab.url)
    agent = figures.fresh_agent(lab, host)

    def client(topic, server, **target):
        return oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(topic=topic, server=server, **target),
                                             timeout=30)

    ours = client("nova_migration_agent", host, namespace="nova_migration_agent", version="1.1")
    made = []

    def reserve():
        instance = str(uuid.uuid4())
        answer = ours.call({}, "reserve", instance_uuid=instance, resources=SIZE)
        if not answer["reserved"]:
            raise RuntimeError(f"not reserved: {answer['reason_text']}")
        made.append(instance)

    def release_all():
        while made:
            ours.call({}, "release", instance_uuid=made.pop())

    try:
        round_trips_ms(reserve, 20)  # both sides are warm
        release_all()
        taken = round_trips_ms(reserve, number)
        release_all()
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers, figures.Load(agent.process.pid) as load:
            for done in [callers.submit(reserve) for _ in range(number)]:
                done.result()
        a_second = number / load.seconds
        cpu_us = 1e6 * load.cpu_s / number
        release_all()
    finally:
        agent.stop()
    with figures.OsloServer(lab.url, "bench_peer", "peer"):
        peer = client("bench_peer", "peer")
        wait_for(lambda: peer.call({}, "count") is not None, 20, "the peer answers")
        round_trips_ms(lambda: peer.call({}, "count"), 20)
        bare = round_trips_ms(lambda: peer.call({}, "count"), number)
    measure_verdict(lab, transport)
    transport.cleanup()
    figures.say("reserve, over the bus and on disk",
                f"{told(taken)}; {figures.verdict(figures.percentile(taken, 99), GOAL_P99_MS, 'ms at p99')}")
    figures.say("  peer: bare oslo.messaging call", f"{told(bare)}; ratio at p50 "
                f"{figures.percentile(bare, 50) / figures.percentile(taken, 50):.2f}, at p99 "
                f"{figures.percentile(bare, 99) / figures.percentile(taken, 99):.2f}")
    figures.say(f"reservations, {CALLERS} callers at once", f"{a_second:.0f}/s; {cpu_us:.0f} us of the agent's CPU each")


def verdicts():
    out = subprocess.run([figures.program("verdicts"), str(GUESTS), "2000"], check=True, stdout=subprocess.PIPE,
                         timeout=120, text=True).stdout
    guests, p50, p99, worst = out.split()
    figures.say(f"verdict, {guests} guests on their way", f"p50 {p50} us, p99 {p99} us, worst {worst} us (simulated facts)")
