"""The guest's serial port, followed as it grows: when each heartbeat arrived, the longest gap, pages that went bad."""

import os
import re
import threading
import time

_BEAT = re.compile(rb"^beat (\d+) ms=(\d+) wrote=(\d+) bad=(\d+)$")


class Heartbeat:
    """Follows one serial file. Both hosts' QEMU append to the same file, so that it tells the guest's whole life."""

    POLL_S = 0.01
    IDLE_S, IDLE_POLL_S = 5, 0.1  # a guest that stopped long ago costs less

    def __init__(self, path):
        self.path = path
        self.ready = False
        self.bad_pages = 0
        self._taken_bytes = 0
        self._beats = []  # (monotonic arrival, number, wrote MiB)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="heartbeat", daemon=True)
        self._thread.start()

    def _follow(self):
        rest, offset, grew = b"", 0, time.monotonic()
        while not self._stop.wait(self.POLL_S if time.monotonic() - grew < self.IDLE_S else self.IDLE_POLL_S):
            try:
                if os.stat(self.path).st_size == offset:
                    continue
                with open(self.path, "rb") as serial:
                    serial.seek(offset)
                    data = serial.read()
            except FileNotFoundError:
                continue
            offset += len(data)
            *lines, rest = (rest + data).split(b"\n")
            grew = now = time.monotonic()
            with self._lock:
                for line in lines:
                    self._take(line.strip(), now)
                self._taken_bytes = offset

    def _take(self, line, now):
        match = _BEAT.match(line)
        if match:
            number, _, wrote, bad = (int(group) for group in match.groups())
            self._beats.append((now, number, wrote))
            self.bad_pages = max(self.bad_pages, bad)
        elif line.startswith(b"ready "):
            self.ready = True

    @property
    def count(self):
        with self._lock:
            return self._beats[-1][1] if self._beats else 0

    @property
    def wrote_mib(self):
        with self._lock:
            return self._beats[-1][2] if self._beats else 0

    def caught_up(self):
        """All that the guest has said so far was taken in."""
        return os.stat(self.path).st_size == self._taken_bytes

    def missing(self):
        """Numbers of heartbeats that never came."""
        with self._lock:
            seen = {number for _, number, _ in self._beats}
        return sorted(set(range(1, max(seen, default=0) + 1)) - seen)

    def longest_gap_ms(self, since=0.0):
        """Longest time between two heartbeats that arrived after `since` (time.monotonic())."""
        with self._lock:
            times = [arrival for arrival, _, _ in self._beats if arrival >= since]
        return max((round((b - a) * 1000) for a, b in zip(times, times[1:])), default=0)

    def stop(self):
        self._stop.set()
        self._thread.join()
