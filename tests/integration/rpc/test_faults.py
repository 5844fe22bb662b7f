"""What a broker and a network do to us: nothing is lost without a word, nothing is done twice, all comes back."""
import concurrent.futures
import json
import socket
import threading
import time
import uuid

import oslo_messaging
import pytest

import broker as lab
from conftest import Consumer, Outbox, Peer, PythonClient, declare_exchange, kombu_connection, transport, until

AGENT = {"topic": "nova_migration_agent", "methods": ["echo", "slow", "fail"]}


@pytest.fixture(scope="module")
def shaken():
    """A broker that these tests may stop; each leaves it running."""
    with lab.Broker() as running:
        declare_exchange(running)
        yield running


class Proxy:
    """Between us and the broker; while silent it drops everything in both directions without closing anything."""

    def __init__(self, port, last_word=None, pause_s=None, lag_s=0):
        """last_word: where the broker first says these bytes they are the last it says, for good or for pause_s; it
        goes on to hear us. lag_s: so much later arrives what either says."""
        self.lag_s, self.pause_s = lag_s, pause_s
        self.target, self.silent, self.sockets, self.last_word = port, False, [], last_word
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # no broker there just now
                near.close()
                continue
            self.sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, a, b):
        cut = self.silent
        try:
            while data := a.recv(65536):
                if self.silent and not cut:
                    return  # this connection is dead from now on; its sockets stay open
                time.sleep(self.lag_s)
                b.sendall(data)
                if self.last_word and self.last_word in data:
                    self.last_word = None
                    if self.pause_s is None:
                        return
                    time.sleep(self.pause_s)
            if not self.silent:
                b.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for s in self.sockets:
            s.close()


class Scene:
    """A server and a client that calls it and reports; what befalls them."""

    def __init__(self, broker, proxy, server, client, consumer):
        self.broker, self.proxy, self.server, self.client, self.consumer = broker, proxy, server, client, consumer

    def restart(self):
        self.broker.restart()

    def kill(self):
        self.broker.kill()
        self.broker.start()

    def close_connections(self):
        self.broker.rabbitmqctl("close_all_connections", "test")

    def silence(self):
        """The network takes everything and brings nothing, in both directions; then new connections work."""
        self.proxy.silent = True
        time.sleep(5)
        self.proxy.silent = False

    def delete_queues(self):
        for queue in self.broker.listed("queues", "name"):
            if queue["name"].startswith("nova_migration_agent"):
                self.broker.rabbitmqctl("delete_queue", queue["name"])

    def delete_exchange(self):
        with kombu_connection(self.broker) as connection:
            connection.channel().exchange_delete("nova")
        time.sleep(1)
        declare_exchange(self.broker)
        self.consumer.bind()

    def rotate_credentials(self):
        self.broker.rabbitmqctl("change_password", "nova", "changed")
        try:
            self.close_connections()
            for peer in (self.server, self.client):
                peer.wait_state(refused=True)
                peer.order("reload", url=self.url().replace("secret", "changed"))
                peer.wait_state(out=True, refused=False)
        finally:
            self.broker.rabbitmqctl("change_password", "nova", "secret")

    def url(self):
        return self.broker.url(port=self.proxy.port)


@pytest.mark.parametrize("fault", [pytest.param("restart", marks=pytest.mark.sanitized), "kill", "close_connections",
                                   "silence", "delete_queues", "delete_exchange", "rotate_credentials"])
def test_calls_and_reports_through_a_fault(shaken, fault):
    """Each call ends once, is served once at most, and says ok only when it was served; each report arrives."""
    consumer, proxy = Consumer(shaken, "reports.info"), Proxy(shaken.port)
    url = shaken.url(port=proxy.port)
    with Peer(url, heartbeat_s=2, tap="auto", tap_keys=["compute.hostA"], **AGENT) as server, \
            Peer(url, heartbeat_s=2, host="client") as client:
        scene = Scene(shaken, proxy, server, client, consumer)
        outbox, calls = Outbox(client, "reports.info"), []

        def traffic(n):
            outbox.add(n)
            outbox.step()
            calls.append((n, client.order("call", topic=AGENT["topic"], server="hostA", method="echo",
                                          args={"value": n}, timeout_ms=15000)))
            time.sleep(0.005)

        for n in range(100):
            traffic(n)
        n = 100
        with concurrent.futures.ThreadPoolExecutor() as pool:
            befalls = pool.submit(getattr(scene, fault))
            while not befalls.done() or n < 200:
                traffic(n)
                n += 1
                time.sleep(0.02)
            befalls.result()  # raises what it raised
        server.wait_state(timeout=30, server=True, tap=True)
        client.wait_state(timeout=30, replies=True, out=True)
        until(lambda: client.call(AGENT["topic"], "hostA", "slow", timeout=2)["status"] == "ok", timeout=60,
              what="calls are answered again")
        for n in range(n, n + 50):
            traffic(n)
        until(lambda: outbox.step() == 0, timeout=60, what="all reports confirmed")
        ours = {c for _, c in calls}
        finished = until(lambda: (f := [e for e in client.of("finished") if e["cookie"] in ours])
                         and len(f) >= len(calls) and f, timeout=40)

        # each call ended once; none was served twice; those after the fault were answered
        assert sorted(f["cookie"] for f in finished) == sorted(ours)
        served = [e["args"]["value"] for e in server.of("requested", method="echo")]
        assert len(served) == len(set(served))
        by_cookie = {f["cookie"]: f for f in finished}
        assert all(by_cookie[c]["status"] == "ok" and by_cookie[c]["result"] == n
                   for n, c in calls[:50] + calls[-50:])
        assert all(by_cookie[c]["status"] != "ok" or n in served for n, c in calls)
        # every report is there, once after de-duplication
        reports = consumer.take()
        assert {r["payload"] for r in reports} == set(range(len(calls)))
        stats = server.stats()
        assert stats["disconnects"] + stats["cancels"] + stats["rebinds"] >= 1
        print(f"{fault}: {len(calls)} calls, {sum(f['status'] == 'ok' for f in finished)} answered; {len(reports)} reports "
              f"came for {len(calls)}")
    proxy.close()


def test_rotated_credentials(shaken):
    with Peer(shaken.url(), tap="auto", tap_keys=["compute.hostA"], **AGENT) as peer:
        shaken.rabbitmqctl("change_password", "nova", "changed")
        try:
            shaken.rabbitmqctl("close_all_connections", "test")
            refused = peer.wait_state(refused=True, out=False)
            first = refused["refusals"]
            assert "secret" not in refused["error"] and "changed" not in refused["error"]
            until(lambda: peer.of("state")[-1]["refusals"] > first, what="each attempt is told")
            peer.order("reload", url=shaken.url().replace("secret", "changed"))
            peer.wait_state(out=True, tap=True, server=True, refused=False)
            # nothing differs: the connections stay
            before = peer.stats()["connects"]
            peer.order("reload", url=shaken.url().replace("secret", "changed"))
            time.sleep(0.5)
            assert peer.stats()["connects"] == before
        finally:
            shaken.rabbitmqctl("change_password", "nova", "secret")


def test_user_with_just_the_documented_permissions(shaken):
    shaken.add_user(lab.User("agent", "agent-secret", lab.AGENT_PERMISSIONS))
    url = shaken.url("agent")
    consumer = Consumer(shaken, "live_migration_reports.info")
    with Peer(url, tap="classic", tap_keys=["compute.hostA", "compute-alt.hostA"], **AGENT) as one, \
            Peer(url, host="hostB", tap="quorum", tap_keys=["compute.hostB"], **AGENT) as two:
        assert one.call(AGENT["topic"], "hostB", "echo", args={"value": 1})["result"] == 1
        assert two.call(AGENT["topic"], "hostA", "echo", args={"value": 2})["result"] == 2
        one.order("fanout", topic=AGENT["topic"], method="echo", args={"value": "all"})
        for peer in (one, two):
            until(lambda: [e for e in peer.of("requested") if e["args"]["value"] == "all"])
        nova = shaken.url("nova", query="?amqp_durable_queues=1")
        with PythonClient(nova, AGENT["topic"], server="hostA") as client:
            assert client.call("echo", value=3) == 3
        with PythonClient(nova, "compute", server="hostA") as conductor:
            conductor.cast("live_migration", value=4)
        one.wait("tapped")
        cookie = one.publish("live_migration_reports.info", {"n": 1})
        assert one.wait("published", cookie=cookie)["outcome"] == "confirmed"
        until(lambda: one.stats()["last_probe_us"] > 0)
        assert [e["error"] for e in one.of("state") + two.of("state") if e["error"]] == []
    assert len(consumer.take()) == 1


def test_too_few_permissions_are_told(shaken):
    shaken.add_user(lab.User("poor", "poor-secret", ("^nova_migration_agent", "^nova_migration_agent", "^$")))
    with pytest.raises(AssertionError, match="ACCESS_REFUSED.*"):
        Peer(shaken.url("poor"), tap="classic", tap_keys=["compute.hostA"], timeout=3)


def test_budget_per_host(shaken):
    before = {q["name"] for q in shaken.listed("queues", "name")}
    with Peer(shaken.url(), host="budget", tap="auto", tap_keys=["compute.budget", "compute-alt.budget"],
              **AGENT) as peer:
        queues = {q["name"] for q in shaken.listed("queues", "name")} - before
        assert len(queues) == 3
        bindings = [b for b in shaken.listed("bindings", "source_name", "destination_name")
                    if b["source_name"] and b["destination_name"] in queues]
        # tap 2 (compute, compute-alt, and the probe through both), server 2 (host, fanout)
        assert len(bindings) == 4
        until(lambda: peer.stats()["last_probe_us"] > 0)
        ours = [c for c in shaken.listed("connections", "client_properties")
                if ["connection_name", "longstr", "peer:in"] in c["client_properties"]
                or ["connection_name", "longstr", "peer:out"] in c["client_properties"]]
        assert len(ours) == 2
    # nothing is left after a clean stop
    until(lambda: not {q["name"] for q in shaken.listed("queues", "name")} - before)


def test_bare_topic_and_fanout_reach_every_host_once(shaken):
    """What the fleet's kill switch stands on: one binding of two exchanges, made by whoever is there."""
    def heard(peer, value):
        return [e for e in peer.of("requested") if e["args"]["value"] == value]

    with Peer(shaken.url(), host="first", **AGENT) as first:
        with Peer(shaken.url(), host="second", **AGENT) as second, \
                PythonClient(shaken.url(query="?amqp_durable_queues=1"), AGENT["topic"]) as bare:
            bare.cast("echo", value="bare")
            first.order("fanout", topic=AGENT["topic"], method="echo", args={"value": "fanout"})
            for peer in (first, second):
                until(lambda: heard(peer, "bare") and heard(peer, "fanout"))
                assert peer.call(AGENT["topic"], "first", "echo", args={"value": 1})["result"] == 1
                assert len(heard(peer, "bare")) == len(heard(peer, "fanout")) == 1
        first.order("cast", topic=AGENT["topic"], server=None, method="echo", args={"value": "alone"})
        until(lambda: heard(first, "alone"))
    # the last one took the exchange with it; the next makes it anew
    with Peer(shaken.url(), host="third", **AGENT) as third:
        third.order("cast", topic=AGENT["topic"], server=None, method="echo", args={"value": "again"})
        until(lambda: heard(third, "again"))


class RockyServer:
    """Answers as oslo.messaging up to 9.1 does: through an exchange named like the caller's reply queue, which it does
    not make."""

    def __init__(self, broker, topic, server):
        self.broker, self.connection = broker, kombu_connection(broker)
        self.channel = self.connection.channel()
        queue = f"{topic}.{server}"
        self.channel.queue_declare(queue, auto_delete=True)
        self.channel.queue_bind(queue, "nova", queue)
        self.channel.basic_consume(queue, no_ack=True, callback=self._answer)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _answer(self, message):
        request = json.loads(json.loads(message.body)["oslo.message"])
        answer = {"result": request["args"]["value"], "failure": None, "ending": True, "_msg_id": request["_msg_id"]}
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(answer)})
        reply_q = request["_reply_q"]
        try:
            with kombu_connection(self.broker) as connection:
                connection.Producer().publish(body, exchange=reply_q, routing_key=reply_q,
                                              content_type="application/json", content_encoding="utf-8")
        except Exception:  # noqa: B902 - 404: its caller made no such exchange
            pass

    def _run(self):
        while not self._stop.is_set():
            try:
                self.connection.drain_events(timeout=0.2)
            except TimeoutError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(5)
        self.connection.release()


def test_answers_of_servers_up_to_rocky(shaken):
    """Their exchange costs each host one and is made when a call was not answered, or from the start when asked for."""
    with RockyServer(shaken, "old", "conductor"):
        with Peer(shaken.url(), host="client") as client:
            assert client.call("old", "conductor", "echo", args={"value": 1}, timeout=1)["status"] == "timeout"
            until(lambda: client.call("old", "conductor", "echo", args={"value": 2}, timeout=1)["result"] == 2)
        with Peer(shaken.url(), host="client", old_servers=True) as client:
            assert client.call("old", "conductor", "echo", args={"value": 3}, timeout=20)["result"] == 3


@pytest.mark.parametrize("settings", ["", "?rabbit_transient_quorum_queue=1"])
def test_call_to_an_agent_that_stopped_comes_back_at_once(shaken, settings):
    with Peer(shaken.url(), host="client") as client:
        for end in (Peer.stop,) if settings else (Peer.stop, Peer.kill):
            server = Peer(shaken.url(query=settings), host="gone", **AGENT)
            assert client.call(AGENT["topic"], "gone", "echo", args={"value": 1})["result"] == 1
            end(server)
            until(lambda: "nova_migration_agent.gone" not in [q["name"] for q in shaken.listed("queues", "name")])
            done = client.call(AGENT["topic"], "gone", "echo", timeout=10)
            assert done["status"] == "nobody" and done["seconds"] < 2


def test_nobody_is_bound(shaken):
    with Peer(shaken.url()) as peer:
        cookie = peer.publish("no_such_topic.info", {})
        assert peer.wait("published", cookie=cookie)["outcome"] == "returned"
        cookie = peer.publish("no_such_topic.info", {}, mandatory=False)
        assert peer.wait("published", cookie=cookie)["outcome"] == "confirmed"
        # a missing exchange costs neither the channel nor what else is under way
        cookies = [peer.publish("x", {}, exchange="no_such_exchange" if n % 2 else None, mandatory=False)
                   for n in range(20)]
        outcomes = [peer.wait("published", cookie=c)["outcome"] for c in cookies]
        assert outcomes == ["confirmed", "returned"] * 10
        assert peer.stats()["disconnects"] == 0


def test_exchange_deleted_while_publishing(shaken):
    """The channel is closed under what is in flight: told as failed or sent again, never lost in silence."""
    with kombu_connection(shaken) as connection:
        channel = connection.channel()
        channel.exchange_declare("short_lived", "topic", durable=False, auto_delete=False)
        with Peer(shaken.url()) as peer:
            cookies = []
            for n in range(300):
                cookies.append(peer.publish("x", {}, exchange="short_lived", mandatory=False))
                if n == 150:
                    peer.wait("published", cookie=cookies[0])
                    channel.exchange_delete("short_lived")
            outcomes = [peer.wait("published", cookie=c)["outcome"] for c in cookies]
            assert outcomes[0] == "confirmed" and "confirmed" not in outcomes[-100:]
            assert len(peer.of("published")) == 300
            cookie = peer.publish("x", {}, exchange="short_lived", mandatory=False)
            assert peer.wait("published", cookie=cookie)["outcome"] == "returned"
            cookie = peer.publish("x", {}, mandatory=False)
            assert peer.wait("published", cookie=cookie)["outcome"] == "confirmed"
            assert peer.stats()["disconnects"] == 0


def test_what_was_nacked_goes_through_another_channel(shaken):
    """RabbitMQ can nack on one channel what it takes on the next (a quorum queue whose leader has just died); here it
    nacks on each, and nothing else is held up, lost or done twice meanwhile."""
    def publishing():
        """Numbers of the channels that publish."""
        return {c["number"] for c in shaken.listed("channels", "number", "confirm") if c["confirm"]}

    def outcome(peer):
        return peer.wait("published", cookie=peer.publish("full.info", {}))["outcome"]

    consumer = Consumer(shaken, "beside.info")
    with kombu_connection(shaken) as connection, Peer(shaken.url(), **AGENT) as peer:
        full = connection.channel()
        full.queue_declare("full", durable=True, auto_delete=False,
                           arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        full.queue_bind("full", "nova", "full.info")
        assert outcome(peer) == "confirmed"
        before = publishing()
        assert outcome(peer) == "failed"
        until(lambda: not publishing() & before, what="another channel publishes")
        # never to be had by a caller, and sent again each second until it gives up
        lost = peer.order("call", topic="full", server="info", method="echo", args={}, timeout_ms=3000)
        outbox, calls = Outbox(peer, "beside.info"), []
        for n in range(200):
            outbox.add(n)
            outbox.step()
            calls.append(peer.order("call", topic=AGENT["topic"], server="hostA", method="echo", args={"value": n}))
            time.sleep(0.02)
        assert peer.wait("finished", cookie=lost)["status"] == "timeout"
        until(lambda: outbox.step() == 0, what="all reports confirmed")
        assert [peer.wait("finished", cookie=c)["result"] for c in calls] == list(range(200))
        assert len(peer.of("requested")) == 200
        full.queue_purge("full")
        until(lambda: outcome(peer) == "confirmed", what="there is room again")
        full.queue_delete("full")
        assert peer.stats()["disconnects"] == 0
    assert {r["payload"] for r in consumer.take()} == set(range(200))


def test_blocked_broker(shaken):
    consumer = Consumer(shaken, "blocked.info")
    with Peer(shaken.url(), heartbeat_s=2, **AGENT) as peer:
        shaken.rabbitmqctl("set_vm_memory_high_watermark", "0.0000001")
        try:
            cookies = [peer.publish("blocked.info", {"n": n}) for n in range(5)]
            peer.wait_state(blocked=True)
            cookies += [peer.publish("blocked.info", {"n": n, "fill": "x" * 100000}) for n in range(5, 100)]
            time.sleep(6)  # three heartbeats: neither side gives up
            assert peer.of("state")[-1]["out"] and peer.of("state")[-1]["in"]
        finally:
            shaken.rabbitmqctl("set_vm_memory_high_watermark", "absolute", "512MB")
        assert {peer.wait("published", cookie=c)["outcome"] for c in cookies} == {"confirmed"}
        peer.wait_state(blocked=False)
        assert peer.stats()["disconnects"] == 0
    assert len(consumer.take()) == 100


@pytest.mark.sanitized
def test_queues_deleted_under_us(shaken):
    with Peer(shaken.url(), **AGENT) as peer:
        for queue in [q["name"] for q in shaken.listed("queues", "name")
                      if q["name"] == "nova_migration_agent.hostA" or ".reply_" in q["name"]]:
            shaken.rabbitmqctl("delete_queue", queue)
        # told by basic.cancel, or by a 404 when the probe came first

        def lost(role):
            states = peer.of("state")
            return any(a[role] and not b[role] for a, b in zip(states, states[1:]))

        until(lambda: lost("server") and lost("replies"))
        peer.wait_state(server=True, replies=True)
        assert peer.call(AGENT["topic"], "hostA", "echo", args={"value": 1})["result"] == 1


def test_own_queue_of_other_flags_is_replaced(shaken):
    """nova.conf's flags changed: the queue of yesterday would answer 406 for half an hour."""
    name = "nova_migration_agent.changed"
    with kombu_connection(shaken) as connection:
        connection.channel().queue_declare(name, durable=True, auto_delete=False)
    with Peer(shaken.url(), host="changed", **AGENT) as peer:
        assert peer.call(AGENT["topic"], "changed", "echo", args={"value": 1})["result"] == 1


def test_dead_first_host(shaken):
    dead = lab.free_port()
    url = shaken.url().replace("@127", f"@127.0.0.1:{dead},nova:secret@[::1]:{dead},nova:secret@127")
    started = time.monotonic()
    with Peer(url) as peer:
        assert time.monotonic() - started < 10
        assert peer.of("state")[-1]["in_broker"] == f"127.0.0.1:{shaken.port}"


EXCHANGE_IS_THERE = bytes([0, 40, 0, 11])  # exchange.declare-ok: the tap's queue is declared next


def test_busy_cluster_is_waited_for(shaken):
    """Who gives up and begins anew only adds to what a cluster has to do when a whole fleet comes back."""
    proxy = Proxy(shaken.port, last_word=EXCHANGE_IS_THERE, pause_s=15)
    with Peer(shaken.url(port=proxy.port), timeout=60, tap="quorum", tap_keys=["compute.hostA"], **AGENT) as peer:
        assert peer.stats()["disconnects"] == 0
    proxy.close()


def test_quorum_tap_that_is_long_in_the_making_is_asked_for_again(shaken):
    """The broker takes longer than we wait: the next connection finds the queue that it has made meanwhile."""
    proxy = Proxy(shaken.port, last_word=EXCHANGE_IS_THERE)
    with Peer(shaken.url(port=proxy.port), timeout=60, heartbeat_s=2, tap="quorum", tap_keys=["compute.hostA"]) as peer:
        assert peer.stats()["disconnects"] == 1
        taps = [q["name"] for q in shaken.listed("queues", "name", "consumers") if ".tap.hostA." in q["name"]]
        assert len(taps) == 1, taps
    proxy.close()


def test_progress_is_seen_at_each_step_of_a_slow_set_up(shaken):
    """A step may take as long as the broker is given; all of them together would look as if the thread hung."""
    proxy = Proxy(shaken.port, lag_s=0.1)
    with Peer(shaken.url(port=proxy.port), wait=False, tap="classic", tap_keys=["compute.hostA"], **AGENT) as peer:
        peer.wait_state(timeout=60, **{"in": True})
        seen = set()
        while not peer.of("state")[-1]["replies"]:
            seen.add(peer.stats()["in_progress_us"])
        assert len(seen) >= 10, seen  # each of the three: a channel, a queue, its bindings, a consumer
    proxy.close()


def test_network_cut_without_a_word(shaken):
    proxy = Proxy(shaken.port)
    try:
        with Peer(shaken.url(port=proxy.port), heartbeat_s=2, tap="auto", tap_keys=["compute.hostA"],
                  **AGENT) as peer:
            proxy.silent = True
            cut = time.monotonic()
            peer.wait_state(timeout=40, **{"in": False})
            assert time.monotonic() - cut < 20
            proxy.silent = False
            peer.wait_state(timeout=20, out=True, tap=True, server=True, replies=True)
            assert peer.call(AGENT["topic"], "hostA", "echo", args={"value": 1})["result"] == 1
    finally:
        proxy.close()


def test_stop_while_the_broker_is_frozen(shaken):
    peer = Peer(shaken.url(), **AGENT)
    shaken.freeze()
    try:
        for n in range(10):
            peer.publish("reports.info", {"n": n})
        started = time.monotonic()
        peer.process.stdin.close()
        assert peer.process.wait(30) == 0
        assert time.monotonic() - started < 20
        until(lambda: len(peer.of("published")) == 10)
    finally:
        shaken.thaw()


@pytest.mark.sanitized
def test_stop_drains(shaken):
    consumer = Consumer(shaken, "drain.info")
    peer = Peer(shaken.url())
    cookies = [peer.publish("drain.info", {"n": n}) for n in range(1000)]
    peer.stop()
    assert [e["cookie"] for e in peer.of("published", outcome="confirmed")] == cookies
    assert [r["payload"]["n"] for r in consumer.take()] == list(range(1000))


def test_offline_publish_is_refused_at_once(shaken):
    with Peer(shaken.url().replace(str(shaken.port), str(lab.free_port())), ready=(), out_only=True) as peer:
        cookie = peer.publish("reports.info", {})
        assert peer.wait("refused", cookie=cookie)["text"] == "not connected"


@pytest.mark.sanitized
def test_work_taken_in_is_bounded(shaken):
    """Two open requests at most: the third waits its turn, in order, and nothing is lost."""
    with Peer(shaken.url(), host="busy", max_open=2, **AGENT) as server, Peer(shaken.url(), host="client") as client:
        cookies = [client.order("call", topic=AGENT["topic"], server="busy", method="slow",
                                args={"seconds": 0.4, "value": n}, timeout_ms=20000) for n in range(10)]
        until(lambda: len(server.of("requested")) == 2)
        time.sleep(0.2)
        assert len(server.of("requested")) == 2 and server.stats()["open_requests"] == 2
        assert [client.wait("finished", cookie=c)["result"] for c in cookies] == list(range(10))
        assert [e["args"]["value"] for e in server.of("requested")] == list(range(10))


def test_repeated_request_is_served_once(shaken):
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(
        {"method": "echo", "args": {"value": 1}, "_unique_id": "b" * 32})})
    with Peer(shaken.url(), host="twice", **AGENT) as peer:
        for _ in range(3):
            peer.order("publish", key="nova_migration_agent.twice", raw=body)
        until(lambda: peer.stats()["requests_duplicates"] == 2)
        assert len(peer.of("requested")) == 1


def test_refused_publications_do_not_hold_up_others(shaken):
    """No right to write to `nova`: told as failed, and replies through the default exchange go on."""
    shaken.add_user(lab.User("mute", "mute-secret", ("^nova_migration_agent", r"^(amq\.default|nova_migration_agent.*)$",
                                                     "^(nova|nova_migration_agent.*)$")))
    consumer = Consumer(shaken, "mute.info")
    with Peer(shaken.url("mute"), host="mute", probe_off=True, **AGENT) as mute, \
            Peer(shaken.url("nova"), host="client") as client:
        for n in range(20):
            mute.order("cast", topic="compute", server="hostA", method="echo", args={})
            cookie = mute.publish("mute.info", {"n": n})
            assert client.call(AGENT["topic"], "mute", "echo", args={"value": n})["result"] == n
            assert mute.wait("published", cookie=cookie)["outcome"] == "failed"
        assert "ACCESS_REFUSED" in mute.of("state")[-1]["error"]
        assert mute.call("compute", "hostA", "echo")["status"] == "nobody"
        assert mute.stats()["disconnects"] == 0
    assert consumer.take() == []


@pytest.mark.sanitized
def test_hostile_requests_are_counted(shaken):
    with Peer(shaken.url(), host="hostile", **AGENT) as peer:
        for raw in ("", "x", "[]", "{}", '{"method": 5}', '{"result": 1, "_msg_id": "x"}'):
            peer.order("publish", key="nova_migration_agent.hostile", raw=raw)
        until(lambda: peer.stats()["requests_malformed"] == 6)
        assert peer.call(AGENT["topic"], "hostile", "echo", args={"value": 1})["result"] == 1


def test_caller_that_went_away_does_not_hold_up_others(shaken):
    body = json.dumps({"method": "echo", "args": {"value": 1}, "version": "1.0", "_msg_id": "m",
                       "_reply_q": "reply_of_the_dead"})
    with Peer(shaken.url(), host="dead", **AGENT) as peer:
        peer.order("publish", key="nova_migration_agent.dead", raw=body)
        for n in range(10):
            assert peer.call(AGENT["topic"], "dead", "echo", args={"value": n})["result"] == n
        until(lambda: peer.stats()["returned"] > 2, what="tried again as oslo does")


VERSIONED = {"nova_object.name": "P", "nova_object.namespace": "nova", "nova_object.version": "1.0",
             "nova_object.data": {"n": 1}}


def test_python_listens_to_our_notifications(shaken):
    """A real oslo.messaging listener on two topics hears every priority; both shapes of payload arrive as they are."""
    got, topics = [], ("live_migration_reports", "more_reports")
    priorities = ("audit", "debug", "info", "warn", "error", "critical", "sample")

    class Endpoint:
        """One method for each priority."""

    def hears(priority):
        return lambda self, context, publisher, event, payload, metadata: got.append(
            (priority, publisher, event, payload, metadata))

    for priority in priorities:
        setattr(Endpoint, priority, hears(priority))
    url = shaken.url(query="?amqp_durable_queues=1")
    listener = oslo_messaging.get_notification_listener(
        transport(url, "notification"), [oslo_messaging.Target(topic=t) for t in topics], [Endpoint()],
        executor="threading")
    listener.start()
    try:
        with Peer(shaken.url(), out_only=True, ready=("out",)) as peer:
            wanted = [(topic, priority, payload) for topic in topics for priority in priorities
                      for payload in ({"n": 1}, VERSIONED)]
            for topic, priority, payload in wanted:
                cookie = peer.publish(f"{topic}.{priority}", payload, priority=priority, event_type=topic)
                assert peer.wait("published", cookie=cookie)["outcome"] == "confirmed"
        until(lambda: len(got) == len(wanted))
        assert sorted((event, priority, len(payload)) for priority, _, event, payload, _ in got) == \
            sorted((topic, priority, len(payload)) for topic, priority, payload in wanted)
        assert [p for _, _, _, p, _ in got if len(p) > 1] == [VERSIONED] * len(topics) * len(priorities)
        for _, publisher, _, _, metadata in got:
            assert publisher == "peer:hostA"
            uuid.UUID(metadata["message_id"])
    finally:
        listener.stop()
        listener.wait()
