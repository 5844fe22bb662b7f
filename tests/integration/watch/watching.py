"""nova-migration-watch as built, and the real oslo.messaging as the agents' part."""
import os
import pathlib
import queue
import subprocess
import threading
import time

import oslo_messaging
from oslo_config import cfg

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("top_builddir", SOURCE / "_build" / "default"))
PROGRAM = BUILD / "agent" / "watch" / "nova-migration-watch"

TOPIC = "live_migration_reports"


def until(condition, timeout=20, what="condition"):
    """Polls until condition() is true and returns its value. what: text, or a function that makes it."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what() if callable(what) else what}: not within {timeout} s")
        time.sleep(0.02)


class Watch:
    """The program, with its output read as it comes."""

    def __init__(self, *args, listening=True, timeout=30, **popen):
        self.process = subprocess.Popen([PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)
        self.out, self.err, self.lines = [], [], queue.Queue()
        self._threads = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self._threads:
            thread.start()
        if listening:
            try:
                self.wait_err("listening on", timeout)
            except BaseException:
                self.__exit__()
                raise

    def _read(self, stream, into):
        for line in stream:
            into.append(line)
            if into is self.out:
                self.lines.put(line)

    def wait_err(self, text, timeout=30, since=0):
        until(lambda: any(text in line for line in self.err[since:]), timeout,
              lambda: f"{text!r} in {self.err[since:]}")

    def line(self, timeout=20):
        return self.lines.get(timeout=timeout)

    def wait(self, timeout=30):
        """Its exit code; everything it printed is then in out and err."""
        code = self.process.wait(timeout)
        for thread in self._threads:
            thread.join(10)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Agents:
    """Both agents' mouths: a real oslo.messaging Notifier. `with` ends its connections."""

    def __init__(self, url, topic=TOPIC):
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        oslo_messaging.set_transport_defaults("nova")
        self.transport = oslo_messaging.get_notification_transport(conf, url)
        self.notifier = oslo_messaging.Notifier(self.transport, driver="messagingv2", topics=[topic])

    def say(self, *payloads):
        for payload in payloads:
            self.raw(f"live_migration.{payload['phase']}.{payload['kind']}", payload,
                     f"nova-migration-agent:{payload['host']}")

    def raw(self, event_type, payload, publisher_id="somebody"):
        self.notifier.prepare(publisher_id=publisher_id).info({}, event_type, payload)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.cleanup()
