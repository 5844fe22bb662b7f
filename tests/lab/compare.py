"""Compares a run of the stand-in with a real Nova's: who sends what in which order, and the shape of each message.

Every difference is either listed in EXPLAINED_ORDER or EXPLAINED_SHAPE with its reason, or reported.
"""

import os

from .recorded import RECORDINGS, message_key, read_lines

# recorded connections of the run "block-slow" (nova-api and nova-conductor share the controller)
_RECORDED_ROLES = {"10.88.0.10": "controller", "10.88.0.11": "source", "10.88.0.12": "destination"}

# requests of the real Nova that the stand-in does not send
EXPLAINED_ORDER = {
    ("source", "Instance.get_by_uuid[]"): "nova-compute reads the instance at each libvirt lifecycle event",
    ("destination", "Instance.get_by_uuid[]"): "nova-compute reads the instance at each libvirt lifecycle event",
    ("source", "Instance.refresh"): "power state sync after a lifecycle event",
    ("destination", "Instance.refresh"): "power state sync after a lifecycle event",
}

# (request, path) -> reason; the path names fields, [] is any list element
EXPLAINED_SHAPE = {
    ("pre_live_migration", "args.disk"): "the lab's guests have no disk, so there is nothing to block-migrate",
}


def _order_key(message):
    key = message_key(message)
    if key == "Instance.get_by_uuid":
        attributes = message["args"].get("kwargs", {}).get("expected_attrs") or []
        return f"{key}[{','.join(attributes)}]"
    if key == "Instance.save":
        changes = message["args"]["objinst"].get("nova_object.changes", [])
        return f"{key}({'progress' if 'progress' in changes and 'host' not in changes else 'other'})"
    return key


def _without_repeats(keys):
    """How often progress is saved depends on how long it takes: once stands for all."""
    kept = []
    for key in keys:
        if key in ("Migration.save(progress)", "Instance.save(progress)") and key in kept:
            continue
        kept.append(key)
    return kept


def recorded_order(run="block-slow"):
    """role -> requests in order."""
    order = {"controller": [], "source": [], "destination": []}
    for line in read_lines(os.path.join(RECORDINGS, run, "firehose.jsonl")):
        message = line["body"]["oslo.message"]
        if "method" not in message:
            continue
        role = _RECORDED_ROLES[line["connection"]]
        key = _order_key(message)
        if (role, key) not in EXPLAINED_ORDER:
            order[role].append(key)
    return {role: _without_repeats(keys) for role, keys in order.items()}


def standin_order(entries, source, destination):
    """The same of a journal's entries that hold one migration."""
    roles = {f"nova-compute@{source}": "source", f"nova-compute@{destination}": "destination"}
    order = {"controller": [], "source": [], "destination": []}
    for entry in entries:
        if entry["what"] != "sent":
            continue
        name, args = entry["method"], entry["args"]
        if name == "Instance.get_by_uuid":
            name = _order_key({"method": "object_class_action_versions", "args": args})
        elif name == "Instance.save":
            name = _order_key({"method": "object_action", "args": args})
        order[roles.get(entry["service"], "controller")].append(name)
    return {role: _without_repeats(keys) for role, keys in order.items()}


def differences_of_order(recorded, standin):
    """Both directions, role by role; empty when equal."""
    found = []
    for role, expected in recorded.items():
        if standin[role] != expected:
            position = next((number for number, pair in enumerate(zip(expected, standin[role])) if pair[0] != pair[1]),
                            min(len(expected), len(standin[role])))
            found.append(f"{role}, request {position}: real {expected[position:position + 3]}, "
                         f"stand-in {standin[role][position:position + 3]}")
    return found


def shape(value, path=""):
    """path -> set of type names; a Nova object adds its name and version, and its changed fields."""
    found = {}

    def add(where, what):
        found.setdefault(where, set()).add(what)

    def walk(item, where):
        if isinstance(item, dict) and "nova_object.name" in item:
            add(where, f"{item['nova_object.name']} {item['nova_object.version']}")
            add(where + "(changes)", ",".join(sorted(item.get("nova_object.changes", []))))
            for key, inner in item["nova_object.data"].items():
                walk(inner, f"{where}.{key}")
        elif isinstance(item, dict):
            add(where, "object")
            for key, inner in item.items():
                walk(inner, f"{where}.{key}")
        elif isinstance(item, list):
            add(where, "list")
            for inner in item:
                walk(inner, f"{where}[]")
        else:
            add(where, {bool: "bool", int: "number", float: "number", str: "string", type(None): "null"}[type(item)])

    walk(value, path)
    return found


def _requests(lines):
    """First request of each key: (message, exchange, style, properties that matter)."""
    found = {}
    for line in lines:
        message = line["body"]["oslo.message"]
        if "method" in message:
            found.setdefault(_order_key(message), (message, line))
    return found


def _outside(message, line):
    """All of a message but its arguments and context, with what is random left out."""
    properties = line["properties"]
    return {
        "exchange": line["exchange"], "topic": line["key"].partition(".")[0], "method": message["method"],
        "namespace": message.get("namespace"), "version": message.get("version"),
        "call": "_msg_id" in message, "_timeout": message.get("_timeout"),
        "keys": sorted(key for key in message if not key.startswith("_context_")),
        "properties": {key: properties.get(key) for key in ("content_type", "content_encoding", "delivery_mode",
                                                            "priority", "expiration")}}


def differences_of_shape(tap_rows, run="block-slow"):
    """Of each kind of request that both sent. tap_rows: the stand-in's, as TapRecorder has them."""
    folder = os.path.join(RECORDINGS, run)
    recorded = _requests(read_lines(os.path.join(folder, "firehose.jsonl")))
    contexts = read_lines(os.path.join(folder, "tap.jsonl"))
    recorded_context = {key for key in contexts[0]["body"]["oslo.message"] if key.startswith("_context_")}
    found = []
    for key, (message, line) in _requests(tap_rows).items():
        if key not in recorded:
            found.append(f"{key}: a real Nova was not seen sending it")
            continue
        real_message, real_line = recorded[key]
        real, mine = _outside(real_message, real_line), _outside(message, line)
        found += [f"{key}: {name} is {mine[name]!r}, a real Nova's is {real[name]!r}"
                  for name in real if real[name] != mine[name]]
        context = {name for name in message if name.startswith("_context_")}
        if context != recorded_context:
            found.append(f"{key}: context keys differ: {sorted(context ^ recorded_context)}")
        real_shape, my_shape = shape(real_message["args"], "args"), shape(message["args"], "args")
        for path in sorted(real_shape.keys() | my_shape.keys()):
            if (key, path) in EXPLAINED_SHAPE or real_shape.get(path) == my_shape.get(path):
                continue
            found.append(f"{key}: {path} is {_types(my_shape, path)}, a real Nova's is {_types(real_shape, path)}")
    return found


def _types(shapes, path):
    return " or ".join(sorted(shapes[path])) if path in shapes else "absent"
