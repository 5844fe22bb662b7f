"""One process that hears libvirt's events and the agents' reports, and says when each arrived."""

import collections
import subprocess
import threading

from . import figures


class Stopwatch:
    """Lines of tests/bench/stopwatch, by host and instance."""

    def __init__(self, lab):
        hosts = [f"{name}={host.uri}" for name, host in lab.hosts.items()]
        self._popen = subprocess.Popen([figures.program("stopwatch"), lab.url, "nova", *hosts],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events, self.reports = collections.defaultdict(list), collections.defaultdict(list)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        if not self._ready.wait(20):
            raise RuntimeError("the stopwatch does not start")

    def _read(self):
        for line in self._popen.stdout:
            word, *rest = line.split()
            if word == "ready":
                self._ready.set()
            elif word == "event":
                time_us, host, uuid, event, detail = rest
                self.events[host, uuid].append((int(time_us), (int(event), int(detail))))
            else:
                time_us, host, uuid, what = rest
                self.reports[host, uuid].append((int(time_us), what))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._popen.stdin.close()
        self._popen.wait(10)
        self._thread.join(5)
        self._popen.stdout.close()

    def told(self, host, uuid, what):
        return [time for time, said in list(self.reports[host, uuid]) if said == what]
