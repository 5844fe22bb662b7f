"""What each part of the stand-in sent and received, counted, and written as JSON lines."""

import collections
import json
import threading
import time


class Journal:
    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._counts = collections.Counter()
        self.entries = []

    def note(self, service, what, method, **details):
        """what: sent, received, answered, raised, refused (by libvirt), step."""
        line = json.dumps({"t": time.time(), "service": service, "what": what, "method": method, **details},
                          default=str)
        entry = json.loads(line)  # a copy: the objects go on changing
        with self._lock:
            self._counts[service, what, method] += 1
            self.entries.append(entry)
            self._file.write(line + "\n")

    def count(self, service=None, what=None, method=None):
        wanted = (service, what, method)
        with self._lock:
            return sum(number for key, number in self._counts.items()
                       if all(want in (None, got) for want, got in zip(wanted, key)))

    def find(self, what, method, service=None):
        with self._lock:
            return [entry for entry in self.entries
                    if entry["what"] == what and entry["method"] == method and service in (None, entry["service"])]

    def undelivered(self):
        """Requests that the stand-in sent and that did not arrive: (server, method) -> number missing."""
        missing = collections.Counter()
        with self._lock:
            for entry in self.entries:
                if entry["what"] == "sent":
                    missing[entry.get("server") or "controller", entry["method"]] += 1
                elif entry["what"] == "received":
                    missing[entry["service"].partition("@")[2], entry["method"]] -= 1
        return {key: number for key, number in missing.items() if number > 0}

    def close(self):
        self._file.close()
