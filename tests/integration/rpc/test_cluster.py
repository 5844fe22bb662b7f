"""Three nodes, quorum queues, and the node that leads them dies while calls and reports flow."""
import time

import pytest

from conftest import Consumer, Outbox, Peer, cluster_of, until

AGENT = {"topic": "nova_migration_agent", "methods": ["echo"]}


@pytest.fixture(scope="module")
def cluster():
    with cluster_of("one", "two", "three") as nodes:
        yield nodes


def url(nodes):
    hosts = ",".join(f"nova:secret@127.0.0.1:{n.port}" for n in nodes)
    return f"rabbit://{hosts}//?rabbit_quorum_queue=1&rabbit_transient_quorum_queue=1"


def leader(nodes, queue):
    """The node that leads a quorum queue."""
    rows = nodes[0].listed("queues", "name", "leader")
    name = next(row["leader"] for row in rows if row["name"] == queue)
    return next(n for n in nodes if n.node == name)


def test_leader_of_our_queues_dies(cluster):
    consumer = Consumer(cluster[0], "reports.info", {"x-queue-type": "quorum"})
    with Peer(url(cluster), tap="auto", tap_keys=["compute.hostA"], **AGENT) as server, \
            Peer(url(cluster), host="client") as client:
        queues = {q["name"]: q["type"] for q in cluster[0].listed("queues", "name", "type")}
        assert set(queues.values()) == {"quorum"}
        outbox, calls = Outbox(client, "reports.info"), []

        def traffic(n):
            outbox.add(n)
            outbox.step()
            calls.append((n, client.order("call", topic=AGENT["topic"], server="hostA", method="echo",
                                          args={"value": n}, timeout_ms=30000)))

        for n in range(50):
            traffic(n)
        victim = leader(cluster, "nova_migration_agent.hostA")
        # every node may lead something of ours; one of the other two tells what is there
        witness = next(n for n in cluster if n is not victim)
        victim.kill()
        began = time.monotonic()
        while time.monotonic() - began < 5:
            n += 1
            traffic(n)
            time.sleep(0.02)
        server.wait_state(timeout=60, server=True, tap=True)
        client.wait_state(timeout=60, replies=True, out=True)
        for n in range(n + 1, n + 51):
            traffic(n)
        until(lambda: outbox.step() == 0, timeout=60, what="all reports confirmed")
        until(lambda: len(client.of("finished")) == len(calls), timeout=60)
        victim.start()

        served = [e["args"]["value"] for e in server.of("requested")]
        assert len(served) == len(set(served))
        by_cookie = {f["cookie"]: f for f in client.of("finished")}
        lost = [n for n, c in calls if by_cookie[c]["status"] != "ok"]
        # quorum queues keep what was confirmed: a call is answered in the end
        assert not lost, f"{len(lost)} of {len(calls)} calls without an answer"
        consumer.broker = witness
        assert {r["payload"] for r in consumer.take()} == set(range(len(calls)))
