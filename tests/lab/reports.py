"""The controller's ear: a real oslo.messaging notification listener for the agents' reports."""

import json
import threading
import time

import oslo_messaging

from .rpc import configuration


class ReportListener:
    """Reports in order of arrival: dictionaries with event_type, publisher_id, payload and t (arrival)."""

    def __init__(self, url, path, topic):
        self._file = open(path, "a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._rows = []
        self._transport = oslo_messaging.get_notification_transport(configuration(), url)
        self._listener = oslo_messaging.get_notification_listener(
            self._transport, [oslo_messaging.Target(topic=topic)], [self], executor="threading")
        self._listener.start()

    def info(self, context, publisher_id, event_type, payload, metadata):
        """Called by the library for each notification of priority info."""
        row = {"t": time.time(), "event_type": event_type, "publisher_id": publisher_id, "payload": payload}
        with self._lock:
            self._rows.append(row)
            self._file.write(json.dumps(row) + "\n")

    def rows(self, **payload):
        """Those whose payload has these values, e.g. rows(instance_uuid=U)."""
        with self._lock:
            return [row for row in self._rows
                    if all(row["payload"].get(key) == value for key, value in payload.items())]

    def stop(self):
        self._listener.stop()
        self._listener.wait()
        self._transport.cleanup()
        self._file.close()
