"""The tap sees what nova-compute gets and takes nothing from it."""
import bz2
import json
import zlib

import kombu
import oslo_messaging
import pytest

from conftest import Peer, PythonClient, PythonServer, transport, until

NAMES = ["live_migration", "pre_live_migration"]


@pytest.fixture
def host(topic):
    return "host-" + topic[-8:]


@pytest.fixture
def tap(broker, host):
    with Peer(broker.url(), host=host, tap="auto",
              tap_keys=[f"compute.{host}", f"compute-alt.{host}"], tap_methods=NAMES) as peer:
        yield peer


class Raw:
    """Publishes whatever one likes, as no oslo.messaging would."""

    def __init__(self, broker):
        self.connection = kombu.Connection(broker.url().replace("rabbit", "amqp", 1))
        self.producer = self.connection.Producer()

    def send(self, host, body, headers=None, content_type="application/json"):
        body = body if isinstance(body, bytes) else body.encode()
        self.producer.publish(body, exchange="nova", routing_key=f"compute.{host}", headers=headers or {},
                              content_type=content_type, content_encoding="utf-8")

    def close(self):
        self.connection.release()


@pytest.fixture
def raw(broker):
    made = Raw(broker)
    yield made
    made.close()


def envelope(inner):
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)})


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_consumer_gets_every_message_and_the_tap_a_copy_of_the_wanted_ones(broker, host, queue_type):
    with PythonServer(broker.url(), "compute", host) as compute, \
            PythonClient(broker.url(), "compute", server=host) as conductor, \
            Peer(broker.url(), host=host, tap=queue_type, tap_keys=[f"compute.{host}"],
                 tap_methods=["echo"]) as tap:
        for n in range(200):
            conductor.cast("echo", value=n)
            if n % 20 == 0:
                conductor.call("slow", value=n)
        got = lambda: [v for name, v in list(compute.calls.queue) if name == "echo"]  # noqa: E731
        until(lambda: len(got()) == 200)
        assert sorted(got()) == list(range(200))
        until(lambda: len(tap.of("tapped")) == 200)
        assert [e["args"]["value"] for e in tap.of("tapped")] == list(range(200))
        stats = tap.stats()
        assert (stats["tap_matched"], stats["tap_seen"]) == (200, 210)
        assert "secret-token" not in json.dumps(tap.events)
        assert tap.of("tapped")[0]["request_id"] == "req-test"


def test_both_topics_of_2026_1(broker, host, tap):
    for topic in ("compute", "compute-alt"):
        with PythonClient(broker.url(), topic, server=host) as conductor:
            conductor.cast("live_migration", value=topic)
    until(lambda: [e["args"]["value"] for e in tap.of("tapped")] == ["compute", "compute-alt"])


CODINGS = {"application/x-gzip": zlib.compress, "application/x-bz2": bz2.compress}


@pytest.mark.sanitized
def test_compressed_body(host, tap, raw):
    """As kombu_compression = gzip and bzip2 send it; other codings are counted."""
    for n, (coding, compress) in enumerate(CODINGS.items()):
        raw.send(host, compress(envelope({"method": "live_migration", "args": {"n": n}}).encode()),
                 {"compression": coding})
        tap.wait("tapped", args={"n": n})
        # what would become 50 MB
        raw.send(host, compress(b"0" * 50_000_000), {"compression": coding})
        until(lambda: tap.stats()["tap_malformed"] == n + 1)
    raw.send(host, b"\x28\xb5\x2f\xfd", {"compression": "application/zstd"})
    until(lambda: tap.stats()["tap_undecodable"] == 1)


@pytest.mark.parametrize("coding", ["gzip", "bzip2"])
def test_python_that_compresses(broker, topic, coding):
    """Both ways through a caller with kombu_compression: its requests are compressed, our answers are not."""
    url = broker.url(query=f"?kombu_compression={coding}")
    with Peer(broker.url(), topic=topic, methods=["echo"]), PythonClient(url, topic, server="hostA") as client:
        assert client.call("echo", value="x" * 5000) == "x" * 5000
    with PythonServer(url, topic, "hostB"), Peer(broker.url(), host="client") as client:
        assert client.call(topic, "hostB", "echo", args={"value": "y" * 5000})["result"] == "y" * 5000


@pytest.mark.sanitized
def test_hostile_bodies_are_counted_and_the_tap_goes_on(host, tap, raw):
    mark = '"method": "live_migration"'
    deep = "[" * 5000 + "]" * 5000
    hostile = [
        "{" + mark,                                             # no JSON
        envelope({"method": "live_migration", "args": 3}),      # wrong type
        '{%s, "method": "live_migration"}' % mark,              # duplicate key
        '{%s, "args": {"a": %s}}' % (mark, deep),               # nesting
        b'{"method": "live_migration", "namespace": "\xff"}',   # not UTF-8
        json.dumps({"oslo.version": "3.0", "oslo.message": "{%s}" % mark}),
    ]
    for body in hostile:
        raw.send(host, body)
    until(lambda: tap.stats()["tap_malformed"] == len(hostile))
    # arguments are read by who wants them
    raw.send(host, b'{"method": "live_migration", "args": {"a": "\xff"}}')
    raw.send(host, envelope({"method": "unknown", "args": {}}))
    raw.send(host, "x" * (8 * 1024 * 1024))
    raw.send(host, envelope({"method": "live_migration", "args": {"n": 2}}), content_type="text/plain")
    until(lambda: [e["args"] for e in tap.of("tapped")] == [None, {"n": 2}])
    stats = tap.stats()
    assert (stats["tap_oversize"], stats["tap_matched"], stats["disconnects"]) == (1, 2, 0)


def test_repeat_of_a_unique_id_is_dropped(host, tap, raw):
    body = envelope({"method": "live_migration", "args": {}, "_unique_id": "a" * 32})
    for _ in range(3):
        raw.send(host, body)
    until(lambda: tap.stats()["tap_duplicates"] == 2)
    assert len(tap.of("tapped")) == 1


def test_waits_for_the_exchange_and_never_makes_it(own_broker, host):
    """A second virtual host without any Nova: nothing is declared there but what is ours."""
    own_broker.rabbitmqctl("add_vhost", "new")
    own_broker.rabbitmqctl("set_permissions", "-p", "new", "nova", ".*", ".*", ".*")
    url = own_broker.url(vhost="new")
    peer = Peer(url, host=host, ready=("in", "out"), topic=None)
    peer.stop()
    with pytest.raises(AssertionError):
        Peer(url, host=host, tap="auto", tap_keys=[f"compute.{host}"], timeout=4)
    names = [e["name"] for e in own_broker.listed("exchanges", "name", vhost="new")]
    assert "nova" not in names
    import threading
    tap = []
    late = threading.Thread(target=lambda: tap.append(
        Peer(url, host=host, tap="auto", tap_keys=[f"compute.{host}"], timeout=30)))
    late.start()
    with PythonServer(url, "compute", host):
        late.join(40)
        with PythonClient(url, "compute", server=host) as conductor:
            conductor.cast("echo", value=1)
        assert tap[0].wait("tapped")["method"] == "echo"
        tap[0].stop()


def test_deleted_queue_is_declared_again(broker, host, tap):
    name = [q["name"] for q in broker.listed("queues", "name") if f".tap.{host}." in q["name"]]
    assert len(name) == 1
    broker.rabbitmqctl("eval", """
        {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"%s">>)),
        rabbit_amqqueue:delete(Q, false, false, <<"test">>).""" % name[0])
    tap.wait_state(tap=True)
    until(lambda: tap.stats()["cancels"] == 1)
    tap.wait_state(tap=True)
    with PythonClient(broker.url(), "compute", server=host) as conductor:
        conductor.cast("live_migration", value=1)
    tap.wait("tapped")


def bound(broker, host):
    return sorted(b["routing_key"] for b in broker.listed("bindings", "source_name", "destination_name",
                                                          "routing_key")
                  if f".tap.{host}." in b["destination_name"] and b["source_name"] == "nova")


def test_lost_bindings_are_noticed_by_the_probe(own_broker, host):
    """Nova's exchange is deleted and made anew: the tap's queue lives, its bindings are gone without a word."""
    wanted = [f"compute.{host}.#"]
    with Peer(own_broker.url(), host=host, tap="auto", tap_keys=[f"compute.{host}"], topic="agent",
              methods=["echo"]) as tap:
        until(lambda: tap.stats()["last_probe_us"] > 0)
        assert bound(own_broker, host) == wanted
        with kombu.Connection(own_broker.url().replace("rabbit", "amqp", 1)) as connection:
            channel = connection.channel()
            channel.exchange_delete("nova")
            tap.wait_state(tap=False)
            channel.exchange_declare("nova", "topic", durable=False, auto_delete=False)
        tap.wait_state(tap=True, server=True)
        until(lambda: bound(own_broker, host) == wanted)
        with kombu.Connection(own_broker.url().replace("rabbit", "amqp", 1)) as connection:
            channel = connection.channel()
            channel.exchange_delete("nova")
            channel.exchange_declare("nova", "topic", durable=False, auto_delete=False)
        until(lambda: tap.stats()["rebinds"] >= 1 and bound(own_broker, host) == wanted)
        with PythonClient(own_broker.url(), "compute", server=host) as conductor:
            conductor.cast("live_migration", value=1)
        tap.wait("tapped")
        assert tap.call("agent", host, "echo", args={"value": 5})["result"] == 5


def test_binding_taken_away_by_hand_is_noticed(broker, host):
    """Probes take turns, each through another binding."""
    wanted = sorted([f"compute.{host}.#", f"compute-alt.{host}.#"])
    with Peer(broker.url(), host=host, tap="quorum", tap_keys=[f"compute.{host}", f"compute-alt.{host}"],
              topic="agent_" + host, methods=["echo"], probe_interval_ms=300) as tap:
        queue = next(q["name"] for q in broker.listed("queues", "name") if f".tap.{host}." in q["name"])
        for n, key in enumerate(wanted):
            until(lambda: bound(broker, host) == wanted)
            with kombu.Connection(broker.url().replace("rabbit", "amqp", 1)) as connection:
                connection.channel().queue_unbind(queue, "nova", key)
            until(lambda: tap.stats()["rebinds"] > n and bound(broker, host) == wanted)
        for topic in ("compute", "compute-alt"):
            with PythonClient(broker.url(), topic, server=host) as conductor:
                conductor.cast("live_migration", value=topic)
        until(lambda: sorted(e["args"]["value"] for e in tap.of("tapped")) == ["compute", "compute-alt"])


def test_host_whose_name_begins_with_ours_is_not_ours(broker, host, tap, raw):
    """The probe's way in lets its messages in, too."""
    body = envelope({"method": "live_migration", "args": {"n": 1}})
    raw.send(f"{host}.example.org", body)
    raw.send(host, body.replace("1", "2"))
    assert tap.wait("tapped")["args"] == {"n": 2}
    assert tap.stats()["tap_seen"] == 1


def test_watching_notifications(broker, topic):
    """routing key <topic>.info and no list of methods: every notification, ours and Python's."""
    with Peer(broker.url(), host="watch", tap="classic", tap_keys=[f"{topic}.info"], probe_off=True) as watch:
        notifier = oslo_messaging.Notifier(transport(broker.url(), "notification"), "python.host",
                                           driver="messagingv2", topics=[topic])
        notifier.info({"request_id": "req-1"}, "some.event", {"n": 1})
        seen = watch.wait("tapped")
        assert (seen["event_type"], seen["publisher_id"], seen["payload"]) == \
            ("some.event", "python.host", {"n": 1})
        watch.publish(f"{topic}.info", {"n": 2})
        seen = watch.wait("tapped", publisher_id="peer:hostA")
        assert (seen["event_type"], seen["payload"]) == ("live_migration.pre_copy.start", {"n": 2})
