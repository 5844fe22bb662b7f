"""What no oslo.messaging would send, and a publisher that sends it. MARK is in each body and must never be seen again."""

import gzip
import json
import socket
import uuid

import amqp
import kombu

MARK = "pl4nted-s3cret"
METHODS = ("check_can_live_migrate_destination", "check_can_live_migrate_source", "live_migration",
           "pre_live_migration", "post_live_migration_at_destination", "rollback_live_migration_at_destination",
           "drop_move_claim_at_destination", "live_migration_abort", "live_migration_force_complete")
# instances that nobody has: the same ones each time, so that what is opened for them stays bounded
STRANGER, OTHER = "5f7d1c7e-0000-4000-8000-00000000dead", "5f7d1c7e-0000-4000-8000-00000000beef"


class Publisher:
    """Raw bodies to any key."""

    def __init__(self, url):
        # the library would give up after a second in which the broker is busy with a large body
        patient = {"socket_settings": {socket.TCP_USER_TIMEOUT: 60_000}}
        self._connection = kombu.Connection(url.replace("rabbit://", "amqp://", 1), transport_options=patient)
        self._channel = self._connection.channel()

    def send(self, body, key, exchange="nova", headers=None):
        if isinstance(body, tuple):
            body, headers = body
        message = amqp.Message(body, content_type="application/json", application_headers=headers or {})
        self._channel.basic_publish(message, exchange=exchange, routing_key=key)

    def delete_queue(self, name):
        self._channel.queue_delete(name)

    def close(self):
        self._connection.release()


def request(method, args, **more):
    """The inner message, with a context that holds secrets."""
    return {"method": method, "args": args, "version": "6.0", "_unique_id": uuid.uuid4().hex,
            "_context_auth_token": MARK, "_context_request_id": f"req-{uuid.uuid4()}", **more}


def envelope(inner, version="2.0"):
    text = inner if isinstance(inner, str) else json.dumps(inner)
    return json.dumps({"oslo.version": version, "oslo.message": text}).encode()


def instance(**data):
    return {"nova_object.name": "Instance", "nova_object.namespace": "nova", "nova_object.version": "2.7",
            "nova_object.data": {"uuid": STRANGER, "host": "lab-a", "password": MARK, **data}}


def nested(depth):
    """Argument x is a list in a list in a list …"""
    text = json.dumps(request("live_migration", {"x": "HERE", "y": MARK}))
    return text.replace('"HERE"', "[" * depth + "]" * depth)


def bodies_without_envelope():
    good = envelope(request("live_migration", {"instance": MARK}))
    inner = json.dumps(request("live_migration", {"instance": MARK}))
    yield f'"method": "live_migration" {MARK}'.encode()
    yield good[:-20]
    yield good + b"}"
    yield b"\xef\xbb\xbf" + good
    yield good.replace(b"live_migration", b"live_migration\\\", \\\"\xff\xfe", 1)
    yield good.replace(b"_context_auth_token", b"\xc3\x28_auth_token", 1)
    yield json.dumps([json.loads(good)]).encode()
    yield json.dumps(good.decode()).encode()
    for version in ("1.0", "2.1", "3.0", "", "x" * 1000, 2, None, ["2.0"]):
        yield json.dumps({"oslo.version": version, "oslo.message": inner}).encode()
    for message in (5, None, [inner], {"method": "live_migration", "m": MARK}, "", '"method":"live_migration"',
                    "[]", f'["method", "live_migration", "{MARK}"]'):
        yield json.dumps({"oslo.version": "2.0", "oslo.message": message, "method": "live_migration",
                          "m": MARK}).encode()
    # the same key twice: which one would count?
    text = json.dumps(inner)
    yield f'{{"oslo.version": "2.0", "oslo.message": {text}, "oslo.message": {text}}}'.encode()
    yield envelope(inner[:-1] + f', "args": {{"instance": "{MARK}"}}}}')
    for depth in (101, 2_000, 200_000):
        yield envelope(nested(depth))
        yield nested(depth).encode()
    for number in ("1e999", "NaN", "-Infinity", "1" * 400, "0x10", "01"):
        yield envelope(inner[:-1] + f', "n": {number}}}')
    for text in ("\\ud800", "\\u0000", "\\udead\\ubeef", "\\x41"):
        yield envelope(inner[:-1] + f', "s": "{text}"}}')
        yield envelope(inner[:-1] + f', "{text}": 1}}')


def compressed_bodies():
    good = envelope(request("live_migration", {"instance": MARK}))
    yield good, {"compression": "application/x-gzip"}
    yield gzip.compress(good)[:-9], {"compression": "application/x-gzip"}
    yield gzip.compress(good), {"compression": "application/x-bz2"}
    yield gzip.compress(good), {"compression": MARK * 100}
    yield gzip.compress(good), {"compression": 7}
    yield gzip.compress(b'"method": "live_migration"' + bytes(200 << 20), 9), {"compression": "application/x-gzip"}


def requests_of_wrong_types():
    for method in METHODS:
        for wrong in (None, 7, True, MARK, [], {}, {"uuid": MARK}, {"nova_object.data": 5}, instance(uuid=5),
                      instance(uuid=MARK), instance(uuid=STRANGER + MARK), instance(uuid="../../../../" + MARK),
                      {"nova_object.name": ["Instance"], "nova_object.data": {"uuid": STRANGER}},
                      {"nova_object.name": MARK, "nova_object.data": {"uuid": STRANGER}}):
            yield envelope(request(method, {"instance": wrong}))
        yield envelope(request(method, [MARK]))
        yield envelope(request(method, MARK))
        yield envelope(request([method], {"instance": instance(), "m": f'"method": "{method}"'}))


def requests_of_strangers():
    """Decodable, and wrong in everything but the instance: taken as far as they can be believed."""
    for wrong in (7, MARK, [MARK], {"nova_object.data": []}, {"nova_object.name": "Migration"},
                  {"nova_object.name": "Migration", "nova_object.data": {
                      "uuid": 5, "id": MARK, "instance_uuid": [], "source_compute": {}, "dest_compute": MARK * 500,
                      "status": {"x": MARK}, "migration_type": None}},
                  {"nova_object.name": "Migration", "nova_object.data": {
                      "uuid": MARK, "id": 1 << 70, "instance_uuid": OTHER, "source_compute": "\n" + MARK}}):
        for method in METHODS:
            yield envelope(request(method, {
                "instance": instance(flavor=wrong, memory_mb=MARK, vcpus=-1, host={"x": MARK}),
                "migration": wrong, "migrate_data": wrong, "dest": ["x", MARK], "migration_id": MARK,
                "dest_check_data": wrong}, _context_request_id=f"no {MARK}" if wrong == MARK else wrong))
    yield envelope(request("check_can_live_migrate_source", {
        "instance": instance(display_name="n" * 900_000 + MARK), "migration": None}))
    yield envelope(request("live_migration" + "n" * 900_000 + MARK, {"instance": instance()}))
    yield envelope(request("live_migration", {"instance": instance()}, namespace="n" * 900_000 + MARK, version="9" * 9000))


def to_our_server():
    """Requests of our own namespace, as little to be trusted."""
    own = {"namespace": "nova_migration_agent", "version": "1.0"}
    for method in ("hello", "list", "show", "reservations", "set_mode", "can_live_migrate", "reserve", "renew", "release",
                   "guest", MARK, "", "__init__", "h" * 60_000):
        for args in ({"instance_uuid": MARK, "mode": MARK, "caller_wall_us": MARK}, [MARK], MARK, None, 7,
                     {"instance_uuid": STRANGER, "source": [MARK], "migration_uuid": MARK, "resources": {"cores": MARK}},
                     {"instance_uuid": STRANGER, "source": MARK * 500, "resources": {
                         "memory_mib": 1 << 62, "huge_pages": [{"size_kib": 1 << 62, "pages": 1 << 62}] * 17}},
                     {"instance_uuid": STRANGER, "resources": {
                         "memory_mib": 1, "ports": 7, "cores": "0-1023," * 2000, "huge_pages": [MARK]}}):
            yield envelope(request(method, args, **own))
    for wrong in (7, [], {"x": MARK}, MARK * 1000, ""):
        for field in ("_reply_q", "_msg_id", "_timeout", "version", "namespace", "_unique_id", "method"):
            fields = {"_reply_q": f"reply_{MARK}", "_msg_id": uuid.uuid4().hex, **own, field: wrong}
            yield envelope({**request("list", {}), **fields})


def to_our_replies():
    for failure in (MARK, 7, [], {"class": 7}, json.dumps({"class": MARK, "module": 5, "message": [], "tb": MARK})):
        yield envelope({"_msg_id": MARK, "_unique_id": uuid.uuid4().hex, "result": MARK, "failure": failure,
                        "ending": MARK})


def to_the_tap():
    yield from bodies_without_envelope()
    yield from compressed_bodies()
    yield from requests_of_wrong_types()
    yield from requests_of_strangers()
    yield envelope(request("rebuild_instance", {"instance": instance()}))
    yield b""
