"""The observing program: its events as dictionaries, in order."""

import os
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.path.join(os.environ.get("top_builddir", os.path.join(TOP, "_build", "default")),
                       "tests", "integration", "virt", "observe")

# as tests/run-checks sets it; without effect unless the program was built with the thread sanitizer
ENVIRONMENT = {"TSAN_OPTIONS": f"suppressions={TOP}/tests/sanitizers/tsan.supp", **os.environ}


def parse(line):
    word, _, rest = line.partition(" ")
    event = {"is": word}
    rest, _, text = rest.partition("text=" if "text=" in rest else "error=")
    if text:
        event["text"] = text
    for pair in rest.split():
        name, _, value = pair.partition("=")
        event[name] = int(value) if value.lstrip("-").isdigit() else value
    return event


class Observer:
    def __init__(self, uri, access="ro", deadline_ms=5000):
        self.events = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen([PROGRAM, uri, access, str(deadline_ms)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=ENVIRONMENT)
        self._errors = []
        self._threads = [threading.Thread(target=self._follow, daemon=True),
                         threading.Thread(target=self._follow_errors, daemon=True)]
        for thread in self._threads:
            thread.start()

    def _follow(self):
        for line in self.process.stdout:
            with self._changed:
                self.events.append(parse(line.rstrip("\n")))
                self._changed.notify_all()
        with self._changed:
            self.events.append({"is": "end"})
            self._changed.notify_all()

    def _follow_errors(self):
        self._errors.extend(self.process.stderr)

    def command(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def mark(self):
        with self._changed:
            return len(self.events)

    def wait(self, since, timeout=20, **wanted):
        """The first event from number `since` on with all these values."""
        deadline = time.monotonic() + timeout
        wanted["is"] = wanted.pop("event")
        with self._changed:
            at = since
            while True:
                for at in range(at, len(self.events)):
                    if all(self.events[at].get(name) == value for name, value in wanted.items()):
                        return self.events[at]
                at = max(since, len(self.events))
                left = deadline - time.monotonic()
                assert left > 0, f"waited {timeout} s in vain for {wanted}; came: {self.events[since:]}"
                self._changed.wait(left)

    def since(self, mark, event=None):
        with self._changed:
            return [e for e in self.events[mark:] if event in (None, e["is"])]

    def read(self, instance_uuid, timeout=20):
        mark = self.mark()
        self.command("read", instance_uuid)
        return self.wait(mark, timeout, event="reading", uuid=instance_uuid)

    def resync(self, timeout=20):
        """Readings by uuid."""
        mark = self.mark()
        self.command("resync")
        self.wait(mark, timeout, event="resync")
        return {e["uuid"]: e for e in self.since(mark, "resync-domain")}

    def status(self):
        mark = self.mark()
        self.command("status")
        return self.wait(mark, event="status")

    def stop(self, deadline_ms=5000):
        """Ends the program as a program should: in time, silent on stderr, with status 0. Returns how long it took."""
        mark = self.mark()
        self.command("stop", deadline_ms)
        try:
            self.process.stdin.close()
            status = self.process.wait(deadline_ms / 1000 + 20)
        finally:
            self.process.kill()
        for thread in self._threads:
            thread.join()
        assert status == 0 and not self._errors, f"exit status {status}\n{''.join(self._errors)}"
        return self.wait(mark, event="stopped")["ms"]

    def kill(self):
        self.process.kill()
        self.process.wait()
