"""Messages of a real Nova, as templates: the stand-in sends what was recorded, with its own names put in."""

import copy
import functools
import json
import os

RECORDINGS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "real-nova")

# names and ids in the recording "block-slow", by what they stand for
RECORDED_NAMES = {
    "96fb22dc-0efe-4251-b167-e651db6d5fb0": "instance_uuid",
    "1313b604-75b7-4519-855a-95530ee43226": "migration_uuid",
    "a01e53fa6d36471c911a5718bfc3a287": "user_id",
    "d2cea2f14d294218add141d2851ad3db": "project_id",
    "rnlab-a": "source",
    "rnlab-b": "destination",
}


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def message_key(message):
    """Names a request: the method, and for the conductor's object calls the object and its method."""
    args = message.get("args", {})
    if message["method"] == "object_class_action_versions":
        return f"{args['objname']}.{args['objmethod']}"
    if message["method"] == "object_action":
        name = f"{args['objinst']['nova_object.name']}.{args['objmethod']}"
        changes = args["objinst"].get("nova_object.changes", [])
        if name == "Migration.save":
            return f"{name}({'status' if 'status' in changes else 'progress'})"
        return name
    return message["method"]


class Recording:
    """The first request of each kind, and what it was answered."""

    def __init__(self, run="block-slow"):
        self.requests, self.replies = {}, {}
        keys = {}
        for line in read_lines(os.path.join(RECORDINGS, run, "firehose.jsonl")):
            message = line["body"]["oslo.message"]
            if "method" in message:
                key = message_key(message)
                keys[message.get("_msg_id")] = key
                self.requests.setdefault(key, message)
            else:
                self.replies.setdefault(keys[message["_msg_id"]], message)
        self.contexts = [line["body"]["oslo.message"]
                         for line in read_lines(os.path.join(RECORDINGS, run, "tap.jsonl"))]

    def args(self, key, names):
        return rename(self.requests[key]["args"], names)

    def version(self, key):
        return self.requests[key].get("version")

    def result(self, key, names):
        return rename(self.replies[key]["result"], names)

    def context(self, names, **changes):
        """A request context as nova-api makes it."""
        message = self.contexts[0]
        context = {key[len("_context_"):]: value for key, value in message.items() if key.startswith("_context_")}
        context = rename(context, names)
        context.update(auth_token=None, **changes)
        return context


@functools.lru_cache(maxsize=None)
def recording():
    return Recording()


def rename(value, names):
    """Deep copy of a recorded value with its names replaced."""
    if isinstance(value, dict):
        return {rename(key, names): rename(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [rename(item, names) for item in value]
    if isinstance(value, str):
        for recorded, meaning in RECORDED_NAMES.items():
            if recorded in value and names.get(meaning) is not None:
                value = value.replace(recorded, names[meaning])
    return value


def nova_object(template, row, changes=None):
    """The recorded object with a row's values in the fields that it has."""
    result = copy.deepcopy(template)
    data = result["nova_object.data"]
    data.update({key: copy.deepcopy(value) for key, value in row.items() if key in data})
    result.pop("nova_object.changes", None)
    if changes:
        result["nova_object.changes"] = list(changes)
    return result
